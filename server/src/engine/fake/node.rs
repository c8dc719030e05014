//! The pretended node: what is on it, and what each call does to it.

use std::collections::BTreeMap;

use tokio::sync::mpsc::UnboundedSender;

use super::kept::Kept;
use super::script::{Behaviour, Script};
use crate::clock::Clock;
use crate::engine::{
    Change, ContainerSpec, ContainerState, Error, Health, Image, LogLine, Network, NetworkSpec, Pull, Result, Space,
    Usage, Volume, VolumeSpec,
};

/// The platform of the pretended node.
pub(super) const PLATFORM: &str = "linux/amd64";

/// An image that the pretended registry has.
#[derive(Clone, Debug)]
pub(super) struct Offer {
    pub(super) script: Script,
    pub(super) credentials: Option<(String, String)>,
    pub(super) platform: String,
}

/// Everything on the pretended node.
#[derive(Debug, Default)]
pub(super) struct Node {
    pub(super) clock: Clock,
    pub(super) registry: BTreeMap<(String, String), Offer>,
    pub(super) images: Vec<(Image, Script)>,
    pub(super) networks: Vec<Network>,
    /// Volumes with the number each was made under: one made anew has lost its data.
    pub(super) volumes: Vec<(Volume, u64)>,
    /// Containers, newest first.
    pub(super) containers: Vec<Kept>,
    pub(super) taken_ports: Vec<u16>,
    /// What is free on the disk; plenty when nothing was said.
    pub(super) space: Option<Space>,
    pub(super) is_mute: bool,
    pub(super) listeners: Vec<UnboundedSender<Result<Change>>>,
    pub(super) history: Vec<Change>,
    pub(super) made: u64,
}

impl Node {
    fn number(&mut self) -> u64 {
        self.made += 1;
        self.made
    }

    /// A made-up id whose first digits differ from every other's, as the short form must.
    fn id(&mut self) -> String {
        format!("{:012x}{}", self.number(), "0".repeat(52))
    }

    pub(super) fn tell(&mut self, kind: &str, action: &str, id: &str) {
        let (kind, action, id) = (kind.to_owned(), action.to_owned(), id.to_owned());
        let change = Change { at: self.clock.now(), kind, action, id };
        if self.is_mute {
            return;
        }
        self.listeners.retain(|listener| listener.send(Ok(change.clone())).is_ok());
        self.history.push(change);
    }

    pub(super) fn position(&self, id: &str) -> Option<usize> {
        let is_short = id.len() >= 12;
        let is_it = |kept: &Kept| kept.spec.name == id || kept.id == id || (is_short && kept.id.starts_with(id));
        self.containers.iter().position(is_it)
    }

    pub(super) fn container(&self, id: &str) -> Result<&Kept> {
        let found = self.position(id).map(|at| &self.containers[at]);
        found.ok_or_else(|| Error::NotFound { what: format!("container {id}") })
    }

    pub(super) fn container_mut(&mut self, id: &str) -> Result<&mut Kept> {
        match self.position(id) {
            Some(at) => Ok(&mut self.containers[at]),
            None => Err(Error::NotFound { what: format!("container {id}") }),
        }
    }

    pub(super) fn image_at(&self, reference: &str) -> Option<usize> {
        self.images.iter().position(|(image, _)| {
            image.id == reference || image.repo_digests.iter().chain(&image.tags).any(|name| name == reference)
        })
    }

    pub(super) fn pull(&mut self, pull: &Pull) -> Result<()> {
        use secrecy::ExposeSecret;
        let reference = format!("{}@{}", pull.repository, pull.digest);
        let Some(offer) = self.registry.get(&(pull.repository.clone(), pull.digest.clone())).cloned() else {
            return Err(Error::ImageNotFound { image: reference });
        };
        let given = pull.credentials.as_ref().map(|(user, password)| (user.as_str(), password.expose_secret()));
        let wanted = offer.credentials.as_ref().map(|(user, password)| (user.as_str(), password.as_str()));
        if wanted.is_some() && given != wanted {
            return Err(Error::CredentialsNeeded { image: reference });
        }
        if offer.platform != PLATFORM {
            return Err(Error::WrongPlatform { image: reference, platform: PLATFORM.to_owned() });
        }
        self.keep_image(&reference, &pull.digest, offer.script);
        Ok(())
    }

    /// Puts an image on the node under `reference`; the same digest from two registries is one image.
    pub(super) fn keep_image(&mut self, reference: &str, digest: &str, script: Script) {
        let hex = digest.strip_prefix("sha256:").unwrap_or(digest);
        let id = format!("sha256:{}", hex.chars().rev().collect::<String>());
        let at = self.image_at(&id).unwrap_or_else(|| {
            let platform = PLATFORM.to_owned();
            let volumes = script.volumes.clone();
            let image = Image { id, repo_digests: vec![], tags: vec![], size_bytes: 1 << 20, platform, volumes };
            self.images.push((image, script));
            self.images.len() - 1
        });
        let names = &mut self.images[at].0.repo_digests;
        if !names.iter().any(|name| name == reference) {
            names.push(reference.to_owned());
        }
        self.tell("image", "pull", reference);
    }

    pub(super) fn tag_image(&mut self, reference: &str, name: &str) -> Result<()> {
        let at = self.image_at(reference).ok_or_else(|| no_image(reference))?;
        for (image, _) in &mut self.images {
            image.tags.retain(|tag| tag != name);
        }
        self.images[at].0.tags.push(name.to_owned());
        self.tell("image", "tag", name);
        Ok(())
    }

    pub(super) fn remove_image(&mut self, reference: &str) -> Result<()> {
        let at = self.image_at(reference).ok_or_else(|| no_image(reference))?;
        let image = &self.images[at].0;
        let refused =
            |reason: &str| Error::Conflict { what: format!("removing image {reference}"), reason: reason.into() };
        let is_id = image.id == reference;
        if is_id && image.repo_digests.len() + image.tags.len() > 1 {
            return Err(refused("it has several names"));
        }
        let mut left = image.clone();
        left.repo_digests.retain(|name| name != reference);
        left.tags.retain(|name| name != reference);
        // With the last tag of a repository its digests go too.
        if let Some((repository, _)) =
            reference.rsplit_once(':').filter(|_| image.tags.iter().any(|tag| tag == reference))
        {
            let is_of_it = |name: &String, mark: char| {
                name.strip_prefix(repository).is_some_and(|rest| rest.starts_with(mark) && !rest.contains('/'))
            };
            if !left.tags.iter().any(|tag| is_of_it(tag, ':')) {
                left.repo_digests.retain(|name| !is_of_it(name, '@'));
            }
        }
        if is_id || (left.tags.is_empty() && left.repo_digests.is_empty()) {
            if self.containers.iter().any(|kept| kept.image.id == image.id) {
                return Err(refused("a container uses it"));
            }
            self.images.remove(at);
        } else {
            self.images[at].0 = left;
        }
        self.tell("image", "delete", reference);
        Ok(())
    }

    pub(super) fn create_network(&mut self, spec: &NetworkSpec) -> Result<String> {
        if self.networks.iter().any(|network| network.name == spec.name) {
            return Err(exists("network", &spec.name));
        }
        let id = self.id();
        self.networks.push(Network { id: id.clone(), name: spec.name.clone(), labels: spec.labels.clone() });
        self.tell("network", "create", &id);
        Ok(id)
    }

    pub(super) fn remove_network(&mut self, id: &str) -> Result<()> {
        let found = self.networks.iter().position(|network| network.id == id || network.name == id);
        let at = found.ok_or_else(|| Error::NotFound { what: format!("network {id}") })?;
        let name = &self.networks[at].name;
        let joins = |kept: &Kept| kept.is_running() && kept.spec.networks.iter().any(|(network, _)| network == name);
        if let Some(kept) = self.containers.iter().find(|kept| joins(kept)) {
            let reason = format!("container {} uses it", kept.spec.name);
            return Err(Error::Conflict { what: format!("removing network {id}"), reason });
        }
        let network = self.networks.remove(at);
        self.tell("network", "destroy", &network.id);
        Ok(())
    }

    pub(super) fn create_volume(&mut self, spec: &VolumeSpec) -> Result<()> {
        if self.volumes.iter().any(|(volume, _)| volume.name == spec.name) {
            return Err(exists("volume", &spec.name));
        }
        let created_at = Some(self.clock.now());
        let number = self.number();
        self.volumes.push((Volume { name: spec.name.clone(), labels: spec.labels.clone(), created_at }, number));
        self.tell("volume", "create", &spec.name);
        Ok(())
    }

    pub(super) fn remove_volume(&mut self, name: &str) -> Result<()> {
        let found = self.volumes.iter().position(|(volume, _)| volume.name == name);
        let at = found.ok_or_else(|| Error::NotFound { what: format!("volume {name}") })?;
        let mounts = |kept: &&Kept| kept.spec.mounts.iter().any(|mount| mount.volume == name);
        if let Some(kept) = self.containers.iter().find(mounts) {
            let reason = format!("container {} uses it", kept.spec.name);
            return Err(Error::Conflict { what: format!("removing volume {name}"), reason });
        }
        self.volumes.remove(at);
        self.tell("volume", "destroy", name);
        Ok(())
    }

    pub(super) fn create_container(&mut self, spec: &ContainerSpec) -> Result<String> {
        if self.containers.iter().any(|kept| kept.spec.name == spec.name) {
            return Err(exists("container", &spec.name));
        }
        let at = self.image_at(&spec.image).ok_or_else(|| no_image(&spec.image))?;
        for mount in &spec.mounts {
            if !self.volumes.iter().any(|(volume, _)| volume.name == mount.volume) {
                return Err(Error::NotFound { what: format!("volume {}", mount.volume) });
            }
        }
        for (network, _) in &spec.networks {
            if !self.networks.iter().any(|known| known.name == *network || known.id == *network) {
                return Err(Error::NotFound { what: format!("network {network}") });
            }
        }
        let (image, script) = self.images[at].clone();
        let created_at = self.clock.now();
        let id = self.id();
        let kept = Kept {
            id: id.clone(),
            spec: spec.clone(),
            image,
            script,
            state: ContainerState::Created,
            health: Health::None,
            created_at,
            started_at: None,
            exit_code: 0,
            out_of_memory: false,
            restart_count: 0,
            logs: Vec::new(),
            usage: Usage { cpu_millis: 10, memory_bytes: 1 << 20, memory_limit_bytes: 1 << 30 },
            run: 0,
            number: self.made,
        };
        self.containers.insert(0, kept);
        self.tell("container", "create", &id);
        Ok(id)
    }

    /// Starts a container; gives its id, its run and its behaviour when it was not running.
    pub(super) fn start(&mut self, id: &str) -> Result<Option<(String, u64, Behaviour)>> {
        let at = self.position(id).ok_or_else(|| Error::NotFound { what: format!("container {id}") })?;
        if self.containers[at].is_running() {
            return Ok(None);
        }
        let spec = &self.containers[at].spec;
        for (network, _) in &spec.networks {
            if !self.networks.iter().any(|known| known.name == *network || known.id == *network) {
                return Err(Error::NotFound { what: format!("network {network}") });
            }
        }
        let in_use = self.containers.iter().filter(|kept| kept.is_running()).flat_map(|kept| &kept.spec.ports);
        let in_use: Vec<u16> = in_use.map(|port| port.host_port).chain(self.taken_ports.iter().copied()).collect();
        let mut wanted = spec.ports.iter().map(|port| port.host_port).filter(|port| *port != 0);
        if let Some(port) = wanted.find(|port| in_use.contains(port)) {
            return Err(Error::PortTaken { port });
        }
        let now = self.clock.now();
        let kept = &mut self.containers[at];
        kept.state = ContainerState::Running;
        kept.started_at = Some(now);
        kept.run += 1;
        let is_unchecked = kept.spec.health_check.as_ref().is_some_and(|check| check.test == ["NONE"]);
        let behaviour = match kept.script.behaviour {
            Behaviour::Starting | Behaviour::Healthy { .. } | Behaviour::Unhealthy { .. } if is_unchecked => {
                Behaviour::Runs
            }
            behaviour => behaviour,
        };
        let has_check = !matches!(behaviour, Behaviour::Runs | Behaviour::Exits { .. });
        kept.health = if has_check { Health::Starting } else { Health::None };
        let lines: Vec<_> = kept.script.logs.iter().map(|line| kept.said(line)).collect();
        kept.logs.extend(lines.into_iter().map(|text| LogLine { at: Some(now), is_error: false, text }));
        let (id, run) = (kept.id.clone(), kept.run);
        self.tell("container", "start", &id);
        Ok(Some((id, run, behaviour)))
    }

    /// Lets what a behaviour ends in happen, unless the container was stopped or started anew in the meantime.
    pub(super) fn settle(&mut self, id: &str, run: u64, behaviour: Behaviour) {
        let is_due = |kept: &Kept| kept.run == run && kept.state == ContainerState::Running;
        if !self.container(id).is_ok_and(is_due) {
            return;
        }
        match behaviour {
            Behaviour::Runs | Behaviour::Starting => {}
            Behaviour::Healthy { .. } => self.set_health(id, Health::Healthy),
            Behaviour::Unhealthy { .. } => self.set_health(id, Health::Unhealthy),
            Behaviour::Exits { code, .. } => self.end(id, code),
        }
    }

    pub(super) fn set_health(&mut self, id: &str, health: Health) {
        let Ok(kept) = self.container_mut(id) else { return };
        kept.health = health;
        let (id, word) = (kept.id.clone(), format!("{health:?}").to_lowercase());
        self.tell("container", &format!("health_status: {word}"), &id);
    }

    /// Lets a container end by itself with `code`; its restart policy decides what comes of it.
    pub(super) fn end(&mut self, id: &str, code: i64) {
        let Ok(kept) = self.container_mut(id) else { return };
        kept.exit_code = code;
        kept.health = Health::None;
        if kept.is_started_again(code) {
            kept.state = ContainerState::Restarting;
            kept.restart_count += 1;
        } else {
            kept.state = ContainerState::Exited;
        }
        let id = kept.id.clone();
        self.tell("container", "die", &id);
    }

    pub(super) fn stop(&mut self, id: &str) -> Result<()> {
        let kept = self.container_mut(id)?;
        if !kept.is_running() {
            return Ok(());
        }
        kept.state = ContainerState::Exited;
        kept.health = Health::None;
        kept.exit_code = 0;
        let id = kept.id.clone();
        self.tell("container", "die", &id);
        self.tell("container", "stop", &id);
        Ok(())
    }

    pub(super) fn remove_container(&mut self, id: &str) -> Result<()> {
        let at = self.position(id).ok_or_else(|| Error::NotFound { what: format!("container {id}") })?;
        let kept = self.containers.remove(at);
        if kept.is_running() {
            self.tell("container", "die", &kept.id);
        }
        self.tell("container", "destroy", &kept.id);
        Ok(())
    }

    pub(super) fn rename(&mut self, id: &str, name: &str) -> Result<()> {
        self.container(id)?;
        if self.containers.iter().any(|kept| kept.spec.name == name) {
            return Err(exists("container", name));
        }
        let kept = self.container_mut(id)?;
        name.clone_into(&mut kept.spec.name);
        let id = kept.id.clone();
        self.tell("container", "rename", &id);
        Ok(())
    }

    /// The name of the container, network or volume that `id` means; `id` itself when there is none.
    pub(super) fn name_of(&self, id: &str) -> String {
        let container = self.position(id).map(|at| self.containers[at].spec.name.clone());
        let network = || self.networks.iter().find(|network| network.id == id).map(|network| network.name.clone());
        container.or_else(network).unwrap_or_else(|| id.to_owned())
    }
}

fn exists(kind: &str, name: &str) -> Error {
    Error::Conflict { what: format!("creating {kind} {name}"), reason: format!("a {kind} of this name exists already") }
}

fn no_image(reference: &str) -> Error {
    Error::NotFound { what: format!("image {reference}") }
}
