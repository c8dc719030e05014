//! What a service may use, and where its output goes.

use super::super::finding::quoted;
use super::super::tree::{Node, Value};
use super::scalars::{Reader, join};
use super::{Logging, Service, Ulimit};

impl Reader<'_> {
    pub(super) fn ulimits(&mut self, node: &Node, path: &str) -> Vec<Ulimit> {
        let mut limits = Vec::new();
        for (key, value) in self.entries(node, path) {
            let below = join(path, &key.text);
            let (mut soft, mut hard) = (None, None);
            if let Value::Map(_) = &value.value {
                for (key, value, below) in self.known_entries(value, &below, &["soft", "hard"]) {
                    let limit = self.parsed(value, &below, "a whole number");
                    *if key == "soft" { &mut soft } else { &mut hard } = limit;
                }
            } else {
                soft = self.parsed(value, &below, "a whole number");
                hard = soft;
            }
            match (soft.or(hard), hard.or(soft)) {
                (Some(soft), Some(hard)) => limits.push(Ulimit { name: key.text.clone(), soft, hard }),
                _ => self.wrong(value, &below, "The limit has no number. Write one, or “soft” and “hard”."),
            }
        }
        limits
    }

    pub(super) fn logging(&mut self, node: &Node, path: &str) -> Logging {
        let mut logging = Logging { driver: None, options: Vec::new() };
        for (key, value, below) in self.known_entries(node, path, &["driver", "options"]) {
            match key {
                "driver" => logging.driver = self.line(value, &below),
                _ => logging.options = self.filled_pairs(value, &below),
            }
        }
        logging
    }

    pub(super) fn extra_hosts(&mut self, node: &Node, path: &str) -> Vec<(String, String)> {
        let Value::List(_) = &node.value else { return self.filled_pairs(node, path) };
        let mut hosts = Vec::new();
        for (item, below) in self.items(node, path) {
            let Some(text) = self.line(item, &below) else { continue };
            match text.split_once('=').or_else(|| text.split_once(':')) {
                Some((host, address)) if !host.is_empty() && !address.is_empty() => {
                    let address = address.trim_start_matches('[').trim_end_matches(']');
                    hosts.push((host.to_owned(), address.to_owned()));
                }
                _ => self.wrong(item, &below, format!("{} is not a host. Write name=address.", quoted(&text))),
            }
        }
        hosts
    }

    pub(super) fn deploy(&mut self, service: &mut Service, node: &Node, path: &str) {
        for (_, resources, path) in self.known_entries(node, path, &["resources"]) {
            for (key, value, path) in self.known_entries(resources, &path, &["limits", "reservations"]) {
                let known: &[&str] = if key == "limits" { &["cpus", "memory", "pids"] } else { &["memory"] };
                for (inner, value, path) in self.known_entries(value, &path, known) {
                    match (key, inner) {
                        ("limits", "cpus") => service.cpus = self.processors(value, &path),
                        ("limits", "pids") => service.pids_limit = self.parsed(value, &path, "a whole number"),
                        ("limits", _) => service.mem_limit = self.size(value, &path),
                        _ => service.mem_reservation = self.size(value, &path),
                    }
                }
            }
        }
    }

    pub(super) fn processors(&mut self, node: &Node, path: &str) -> Option<f64> {
        let number: f64 = self.parsed(node, path, "a number of processors such as 0.5")?;
        if number.is_finite() && number > 0.0 {
            return Some(number);
        }
        self.wrong(node, path, "The number of processors must be more than zero. Write one such as 0.5.");
        None
    }
}
