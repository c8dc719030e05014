//! One entry of the catalogue, and the choices with which it becomes a tool.

use std::net::IpAddr;

use indexmap::IndexMap;

use super::about::{
    About, Category, Exposed, FirstLogin, HealthCheck, ImageRule, Links, Needs, SingleSignOn, Text, Webhooks,
};
use super::backup::Backup;
use super::compose::file::ComposeFile;
use super::decode::decode;
use super::fields::Field;
use super::finding::{Finding, Mark, quoted};
use super::generated::Generated;
use super::interpolate::{Template, Values};
use super::tree::{Node, Value};

/// The key under which an entry says all that Compose does not.
const EXTENSION: &str = "x-summoner";

/// One entry: its Compose file, and what it says of itself under `x-summoner`.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The name of its folder, which is its address in the catalogue.
    pub id: String,
    pub origin: Origin,
    pub about: About,
    pub compose: ComposeFile,
    /// The icon as SVG, where the folder has one.
    pub icon: Option<String>,
}

/// Who wrote an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// It came with this program.
    BuiltIn,
    /// It came from the folder of own entries.
    Own,
}

/// All that is chosen when an entry becomes a tool.
#[derive(Clone, Debug, Default)]
pub struct Choice {
    /// The tool's name, `SUMMONER_TOOL`.
    pub tool: String,
    /// Where people reach it, `SUMMONER_URL`.
    pub url: String,
    /// The host of that address, `SUMMONER_HOST`.
    pub host: String,
    /// The time zone, `SUMMONER_TZ`.
    pub time_zone: String,
    /// The versions by image key; an image key without one takes its default, unpinned.
    pub images: IndexMap<String, ChosenImage>,
    /// The published ports by the name under `expose`; a name that is absent is not published.
    pub publish: IndexMap<String, Publication>,
    /// Checked answers of the form, by variable; see [`fields::check`](super::fields::check).
    pub answers: Values,
    /// Generated secrets, by variable.
    pub secrets: Values,
}

/// The version that was chosen for an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChosenImage {
    pub tag: String,
    /// The digest the tag resolved to, `sha256:…`; the image is pulled by it where there is one.
    pub digest: Option<String>,
}

/// Where an exposed port is published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Publication {
    /// The machine's address; every address when absent.
    pub address: Option<IpAddr>,
    pub port: u16,
}

impl Entry {
    /// Reads an entry's Compose file with its `x-summoner` part.
    ///
    /// # Errors
    /// All findings, in the file's order: what is wrong as YAML, else all that is not known or does not fit.
    pub fn parse(id: &str, origin: Origin, text: &str, icon: Option<String>) -> Result<Self, Vec<Finding>> {
        let (compose, mut findings) = ComposeFile::examine(text)?;
        if !is_id(id) {
            findings.push(Finding::of_file(format!(
                "{} is not a name for the folder of an entry. Write lower-case letters, digits and dashes.",
                quoted(id)
            )));
        }
        let about = match compose.root().get(EXTENSION) {
            Some(node) => read_about(node, &mut findings),
            None => {
                let message = "The file has no “x-summoner”, so it is no entry. Add it as docs/entry.schema.json says.";
                findings.push(Finding::of_file(message));
                None
            }
        };
        match about {
            Some(about) if findings.is_empty() => Ok(Self { id: id.to_owned(), origin, about, compose, icon }),
            _ => {
                findings.sort();
                findings.dedup();
                Err(findings)
            }
        }
    }

    /// The place of a path such as `x-summoner.images.app`, or of the nearest part of it that the file has.
    pub(super) fn place(&self, path: &str) -> Mark {
        let mut node = self.compose.root();
        for part in path.split(['.', '[']) {
            let next = match part.strip_suffix(']') {
                Some(index) => match &node.value {
                    Value::List(items) => index.parse::<usize>().ok().and_then(|index| items.get(index)),
                    _ => None,
                },
                None => node.get(part),
            };
            let Some(next) = next else { break };
            node = next;
        }
        node.at
    }

    /// The image key that decides which version of a service's image runs: the one whose variable its image uses.
    pub fn image_key(&self, service: &str) -> Option<&str> {
        let used = Template::parse(self.compose.image_of(service)?).ok()?.variables();
        let mut keys = self.about.images.keys();
        keys.find(|key| used.iter().any(|variable| variable.name == version_variable(key))).map(String::as_str)
    }

    /// The services that run the image of a key, in the file's order.
    pub fn services_of(&self, image_key: &str) -> Vec<&str> {
        self.compose.services().into_iter().filter(|service| self.image_key(service) == Some(image_key)).collect()
    }

    /// The image of a key without its tag, such as `gitea/gitea`: that of the service of the same name, else that of
    /// the first service that uses the key's variable.
    pub fn repository(&self, image_key: &str) -> Option<String> {
        let services = self.services_of(image_key);
        let service = services.iter().find(|service| **service == image_key).or(services.first())?;
        self.repository_of(service)
    }

    /// The image of a service without its tag.
    pub fn repository_of(&self, service: &str) -> Option<String> {
        let image = Template::parse(self.compose.image_of(service)?).ok()?.fill(&Values::new()).ok()?;
        Some(split_tag(&image).0.to_owned())
    }

    /// The tag that is known to be good for an image key; followers take that of the key they follow.
    pub fn default_tag(&self, image_key: &str) -> Option<&str> {
        self.about.images.get(self.leading_image(image_key))?.default.as_deref()
    }

    /// The image key that is the tool's own version.
    pub fn tool_image(&self) -> Option<&str> {
        self.about.images.iter().find(|(_, rule)| rule.tool).map(|(key, _)| key.as_str())
    }

    /// The image key whose tag another takes: itself, unless it follows one.
    pub fn leading_image<'entry>(&'entry self, key: &'entry str) -> &'entry str {
        self.about.images.get(key).and_then(|rule| rule.follows.as_deref()).unwrap_or(key)
    }

    /// The exposed port that is the tool's address: the one marked `primary`, else the first over HTTP.
    pub fn primary(&self) -> Option<&Exposed> {
        use super::about::ExposedProtocol::{Http, Https};
        let mut exposed = self.about.expose.iter();
        exposed
            .find(|exposed| exposed.primary)
            .or_else(|| self.about.expose.iter().find(|exposed| matches!(exposed.protocol, Http | Https)))
    }
}

/// The variable that carries the tag of an image key: `APP_VERSION` for `app`.
pub fn version_variable(image_key: &str) -> String {
    variable(image_key, "VERSION")
}

/// The variable that carries the published port of an exposed name: `WEB_PORT` for `web`.
pub fn port_variable(exposed: &str) -> String {
    variable(exposed, "PORT")
}

fn variable(name: &str, suffix: &str) -> String {
    let upper: String =
        name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' }).collect();
    format!("{upper}_{suffix}")
}

/// The repository of an image reference, and its tag where there is one; a digest is passed over.
pub(super) fn split_tag(image: &str) -> (&str, Option<&str>) {
    let named = image.split_once('@').map_or(image, |(named, _)| named);
    match named.rsplit_once(':') {
        // A colon before a slash belongs to a registry's port.
        Some((repository, tag)) if !tag.contains('/') => (repository, Some(tag)),
        _ => (named, None),
    }
}

fn is_id(id: &str) -> bool {
    let part = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    id.len() <= 40 && id.starts_with(part) && id.chars().all(|c| part(c) || c == '-')
}

/// Decodes each part for itself before the whole, because serde stops at the first value that does not fit, and an
/// author wants to hear of all.
fn read_about(node: &Node, findings: &mut Vec<Finding>) -> Option<About> {
    let mut parts = Parts { node, findings };
    parts.part::<String>("name");
    parts.part::<Category>("category");
    parts.part::<Text>("tagline");
    parts.part::<Text>("description");
    parts.part::<Vec<String>>("keywords");
    parts.part::<Links>("links");
    parts.part::<Needs>("needs");
    parts.each::<ImageRule>("images");
    parts.each::<Field>("fields");
    parts.each::<Generated>("generated");
    parts.each::<Exposed>("expose");
    parts.each::<HealthCheck>("health");
    parts.part::<FirstLogin>("first_login");
    parts.backup();
    parts.part::<SingleSignOn>("sso");
    parts.part::<Webhooks>("webhooks");
    decode(node, EXTENSION, findings)
}

struct Parts<'tree, 'found> {
    node: &'tree Node,
    findings: &'found mut Vec<Finding>,
}

impl Parts<'_, '_> {
    fn part<T: serde::de::DeserializeOwned>(&mut self, key: &str) {
        if let Some(node) = self.node.get(key).filter(|node| !node.is_null()) {
            decode::<T>(node, &format!("{EXTENSION}.{key}"), self.findings);
        }
    }

    fn each<T: serde::de::DeserializeOwned>(&mut self, key: &str) {
        let path = format!("{EXTENSION}.{key}");
        match self.node.get(key).map(|node| &node.value) {
            Some(Value::Map(entries)) => {
                for (name, node) in entries {
                    decode::<T>(node, &format!("{path}.{}", name.text), self.findings);
                }
            }
            Some(Value::List(items)) => {
                for (index, node) in items.iter().enumerate() {
                    decode::<T>(node, &format!("{path}[{index}]"), self.findings);
                }
            }
            _ => {}
        }
    }

    /// The word `none` alone is a likely slip, and deserves its own sentence.
    fn backup(&mut self) {
        let Some(node) = self.node.get("backup") else { return };
        match &node.value {
            Value::Scalar(scalar) if scalar.text == "none" => {
                let message = "People read why nothing is kept. Write backup: { none: { en: …, fr: … } }.";
                self.findings.push(Finding::new(node.at, "x-summoner.backup", message));
            }
            _ => self.part::<Backup>("backup"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_split_from_images() {
        for (image, repository, tag) in [
            ("postgres:17.11", "postgres", Some("17.11")),
            ("postgres", "postgres", None),
            ("localhost:5000/a/b", "localhost:5000/a/b", None),
            ("localhost:5000/a/b:1", "localhost:5000/a/b", Some("1")),
            ("a/b:1@sha256:00", "a/b", Some("1")),
            ("a/b@sha256:00", "a/b", None),
        ] {
            assert_eq!(split_tag(image), (repository, tag), "{image}");
        }
    }

    #[test]
    fn variables_are_named_after_their_keys() {
        assert_eq!(version_variable("taiga-back"), "TAIGA_BACK_VERSION");
        assert_eq!(port_variable("web"), "WEB_PORT");
    }
}
