//! From an entry and its choices to the model that runs.

use super::about::{Exposed, ExposedProtocol};
use super::compose::{Compose, Transport};
use super::entry::{Choice, Entry, port_variable, version_variable};
use super::finding::Finding;
use super::interpolate::Values;

impl Entry {
    /// The values of all variables: answers and secrets, then what only Summoner decides, which nothing may replace.
    ///
    /// A port that is not published still has a value, because a file may ask for one; [`Entry::settle`] leaves its
    /// publication out.
    pub fn values(&self, choice: &Choice) -> Values {
        let mut values = choice.answers.clone();
        values.extend(choice.secrets.iter());
        for exposed in &self.about.expose {
            let port = choice.publish.get(&exposed.name).map_or(exposed.port, |publication| publication.port);
            values.set(port_variable(&exposed.name), port.to_string());
        }
        for key in self.about.images.keys() {
            let chosen = choice.images.get(self.leading_image(key)).map(|image| image.tag.as_str());
            if let Some(tag) = chosen.or_else(|| self.default_tag(key)) {
                values.set(version_variable(key), tag);
            }
        }
        values.set("SUMMONER_TOOL", &choice.tool);
        values.set("SUMMONER_URL", &choice.url);
        values.set("SUMMONER_HOST", &choice.host);
        values.set("SUMMONER_TZ", &choice.time_zone);
        values
    }

    /// The model that runs: variables filled in, images pinned to their digests, ports published as chosen.
    ///
    /// # Errors
    /// All findings that the values bring up; see [`ComposeFile::resolve`](super::ComposeFile::resolve).
    pub fn settle(&self, choice: &Choice) -> Result<Compose, Vec<Finding>> {
        self.settle_with(choice, &self.values(choice))
    }

    pub(super) fn settle_with(&self, choice: &Choice, values: &Values) -> Result<Compose, Vec<Finding>> {
        let mut compose = self.compose.resolve(values)?;
        for service in &mut compose.services {
            let digest = self.digest_for(&service.name, choice);
            if let Some(digest) = digest.filter(|_| !service.image.contains('@')) {
                service.image = format!("{}@{digest}", service.image);
            }
        }
        for exposed in &self.about.expose {
            publish(&mut compose, exposed, choice);
        }
        Ok(compose)
    }

    /// A digest belongs to one repository: a follower takes that of the one it follows where both run the same image,
    /// and a service of another repository is not pinned by it.
    fn digest_for<'choice>(&self, service: &str, choice: &'choice Choice) -> Option<&'choice str> {
        let key = self.image_key(service)?;
        let repository = self.repository_of(service);
        [key, self.leading_image(key)].into_iter().find_map(|key| {
            let digest = choice.images.get(key)?.digest.as_deref()?;
            (self.repository(key) == repository).then_some(digest)
        })
    }
}

fn publish(compose: &mut Compose, exposed: &Exposed, choice: &Choice) {
    let protocol = exposed.transport();
    let Some(service) = compose.services.iter_mut().find(|service| service.name == exposed.service) else { return };
    match choice.publish.get(&exposed.name) {
        None => service.ports.retain(|port| (port.container_port, port.protocol) != (exposed.port, protocol)),
        Some(publication) => {
            let is_it =
                |port: &&mut super::compose::Port| (port.container_port, port.protocol) == (exposed.port, protocol);
            for port in service.ports.iter_mut().filter(is_it) {
                port.host_ip = publication.address;
                port.host_port = Some(publication.port);
            }
        }
    }
}

impl Exposed {
    /// What carries the protocol.
    pub fn transport(&self) -> Transport {
        match self.protocol {
            ExposedProtocol::Udp => Transport::Udp,
            ExposedProtocol::Http | ExposedProtocol::Https | ExposedProtocol::Tcp => Transport::Tcp,
        }
    }
}
