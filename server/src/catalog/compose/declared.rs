//! The networks and volumes that a file declares.

use super::super::finding::{Mark, quoted};
use super::super::tree::{Node, Value};
use super::scalars::{Reader, join};
use super::{ApprovalKind, Network, Volume};

/// Whether something belongs to something else, and under which name.
#[derive(Default)]
struct Outside {
    external: bool,
    name: Option<String>,
}

impl Reader<'_> {
    pub(super) fn networks(&mut self, node: &Node) -> Vec<Network> {
        let mut networks = Vec::new();
        for (key, value) in self.entries(node, "networks") {
            let path = join("networks", &key.text);
            self.declared_name(key.at, &path, &key.text);
            let mut network = Network { name: key.text.clone(), ..Network::default() };
            let mut outside = Outside::default();
            for (key, value, below) in
                self.known_entries(value, &path, &["driver", "internal", "external", "name", "labels"])
            {
                match key {
                    "driver" => network.driver = self.line(value, &below),
                    "internal" => network.internal = self.truth(value, &below).unwrap_or_default(),
                    "labels" => network.labels = self.labels(value, &below),
                    _ => self.outside(&mut outside, key, value, &below),
                }
            }
            network.external = self.external(outside, &network.name, &path, value);
            if let Some(driver) = network.driver.as_deref().filter(|driver| *driver != "bridge") {
                let message = format!("It is run by the engine's network driver {}.", quoted(driver));
                self.approve(ApprovalKind::External, &path, message);
            }
            networks.push(network);
        }
        networks
    }

    pub(super) fn volumes(&mut self, node: &Node) -> Vec<Volume> {
        let mut volumes = Vec::new();
        for (key, value) in self.entries(node, "volumes") {
            let path = join("volumes", &key.text);
            self.declared_name(key.at, &path, &key.text);
            let mut volume = Volume { name: key.text.clone(), ..Volume::default() };
            let mut outside = Outside::default();
            for (key, value, below) in self.known_entries(value, &path, &["driver", "external", "name", "labels"]) {
                match key {
                    "driver" => volume.driver = self.line(value, &below),
                    "labels" => volume.labels = self.labels(value, &below),
                    _ => self.outside(&mut outside, key, value, &below),
                }
            }
            volume.external = self.external(outside, &volume.name, &path, value);
            if let Some(driver) = volume.driver.as_deref().filter(|driver| *driver != "local") {
                let message = format!("Its data is kept by the engine's plugin {}.", quoted(driver));
                self.approve(ApprovalKind::External, &path, message);
            }
            volumes.push(volume);
        }
        volumes
    }

    pub(super) fn declared_name(&mut self, at: Mark, path: &str, name: &str) {
        let part = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        let right = name.len() <= 64 && name.starts_with(|c: char| c.is_ascii_alphanumeric()) && name.chars().all(part);
        if !right {
            let message =
                format!("{} is not a name here. Write at most 64 letters, digits, dots and dashes.", quoted(name));
            self.report(at, path, message);
        }
    }

    fn outside(&mut self, outside: &mut Outside, key: &str, value: &Node, path: &str) {
        match (key, &value.value) {
            ("name", _) => outside.name = self.line(value, path),
            // The old form: the name below `external`.
            (_, Value::Map(_)) => {
                outside.external = true;
                for (_, value, below) in self.known_entries(value, path, &["name"]) {
                    outside.name = self.line(value, &below);
                }
            }
            _ => outside.external = self.truth(value, path).unwrap_or_default(),
        }
    }

    fn external(&mut self, outside: Outside, name: &str, path: &str, node: &Node) -> Option<String> {
        match outside {
            Outside { external: false, name: None } => None,
            Outside { external: false, name: Some(_) } => {
                let message =
                    "Summoner names networks and volumes itself, so that two tools never share one. Leave “name” out.";
                self.report(node.at, &join(path, "name"), message);
                None
            }
            Outside { external: true, name: given } => {
                let given = given.unwrap_or_else(|| name.to_owned());
                let message = format!("It uses {}, which belongs to something else.", quoted(&given));
                self.approve(ApprovalKind::External, path, message);
                Some(given)
            }
        }
    }
}
