//! When services start, how they are watched, and when they start again.

use super::super::finding::quoted;
use super::super::tree::{Node, Value};
use super::scalars::{Reader, join};
use super::{Condition, ContainerCheck, Restart};

impl Reader<'_> {
    pub(super) fn depends_on(&mut self, node: &Node, path: &str) -> Vec<(String, Condition)> {
        if let Value::List(_) = &node.value {
            return self.texts(node, path).into_iter().map(|name| (name, Condition::Started)).collect();
        }
        let mut found = Vec::new();
        for (key, value) in self.entries(node, path) {
            let below = join(path, &key.text);
            let mut condition = Condition::Started;
            for (key, value, below) in self.known_entries(value, &below, &["condition", "required", "restart"]) {
                if key != "condition" {
                    // Written out, the usual is fine; the other is a promise that is not kept here.
                    let usual = key == "required";
                    if self.truth(value, &below).is_some_and(|written| written != usual) {
                        self.report(value.at, &below, format!("“{key}” is only supported as {usual}. Leave it out."));
                    }
                    continue;
                }
                condition = match self.text(value, &below).unwrap_or_default().as_str() {
                    "service_started" => Condition::Started,
                    "service_healthy" => Condition::Healthy,
                    "service_completed_successfully" => Condition::CompletedSuccessfully,
                    other => {
                        let message = format!(
                            "The condition {} is not known. Write service_started, service_healthy or \
                             service_completed_successfully.",
                            quoted(other)
                        );
                        self.wrong(value, &below, message);
                        Condition::Started
                    }
                };
            }
            found.push((key.text.clone(), condition));
        }
        found
    }

    pub(super) fn healthcheck(&mut self, node: &Node, path: &str) -> ContainerCheck {
        let known = ["test", "interval", "timeout", "start_period", "start_interval", "retries", "disable"];
        let mut check = ContainerCheck::default();
        for (key, value, below) in self.known_entries(node, path, &known) {
            match key {
                "test" => check.test = self.check_test(value, &below),
                "interval" => check.interval = self.duration(value, &below),
                "timeout" => check.timeout = self.duration(value, &below),
                "start_period" => check.start_period = self.duration(value, &below),
                "start_interval" => check.start_interval = self.duration(value, &below),
                "retries" => check.retries = self.parsed(value, &below, "a whole number"),
                _ => {
                    if self.truth(value, &below) == Some(true) {
                        check.test = vec!["NONE".to_owned()];
                    }
                }
            }
        }
        check
    }

    pub(super) fn restart(&mut self, node: &Node, path: &str) -> Restart {
        let text = self.text(node, path).unwrap_or_default();
        match text.split_once(':').unwrap_or((&text, "")) {
            ("no" | "false", "") => Restart::No,
            ("always", "") => Restart::Always,
            ("unless-stopped", "") => Restart::UnlessStopped,
            ("on-failure", "") => Restart::OnFailure(None),
            ("on-failure", most) if most.parse::<u32>().is_ok() => Restart::OnFailure(most.parse().ok()),
            _ => {
                let message = format!(
                    "{} is not a restart policy. Write no, always, on-failure or unless-stopped.",
                    quoted(&text)
                );
                self.wrong(node, path, message);
                Restart::No
            }
        }
    }

    fn check_test(&mut self, node: &Node, path: &str) -> Vec<String> {
        if let Value::Scalar(_) = &node.value {
            return self.text(node, path).map(|text| vec!["CMD-SHELL".to_owned(), text]).unwrap_or_default();
        }
        let test = self.texts(node, path);
        let right = match test.first().map(String::as_str) {
            Some("NONE") => test.len() == 1,
            Some("CMD") => test.len() > 1,
            Some("CMD-SHELL") => test.len() == 2,
            _ => false,
        };
        if !right {
            self.report(
                node.at,
                path,
                "The test starts with CMD and its words, or CMD-SHELL and one text. Write it so.",
            );
        }
        test
    }
}
