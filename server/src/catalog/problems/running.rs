//! Rules about what runs: ports, health, privileges.

use super::super::about::{Exposed, HealthCheck};
use super::super::compose::Service;
use super::super::entry::port_variable;
use super::{Check, SAMPLE_PORTS};

impl Check<'_> {
    pub(super) fn running(&mut self) {
        let entry = self.entry;
        for approval in entry.compose.approvals() {
            let message = format!("{} A supported entry does without; take it out.", approval.message);
            self.report(&approval.path, message);
        }
        for ((index, exposed), port) in entry.about.expose.iter().enumerate().zip(SAMPLE_PORTS..) {
            self.exposed(index, exposed, port);
        }
        if entry.about.expose.iter().filter(|exposed| exposed.primary).count() > 1 {
            self.about("expose", "More than one port is marked “primary”. Keep one mark.");
        }
        self.unnamed_ports();
        for (index, check) in entry.about.health.iter().enumerate() {
            self.health_check(&format!("health[{index}]"), check);
        }
        self.main_service_is_checked();
        for platform in &entry.about.needs.platforms {
            if !platform.starts_with("linux/") {
                self.about("needs.platforms", format!("“{platform}” is no platform. Write one such as linux/amd64."));
            }
        }
        self.icon();
    }

    fn exposed(&mut self, index: usize, exposed: &Exposed, port: u16) {
        let path = format!("expose[{index}]");
        let earlier = self.entry.about.expose.iter().take(index);
        if earlier.into_iter().any(|other| other.name == exposed.name) {
            self.about(&path, format!("The name “{}” stands there twice. Give each port its own.", exposed.name));
        }
        if exposed.path.as_deref().is_some_and(|path| !path.starts_with('/')) {
            self.about(&format!("{path}.path"), "A path starts with /. Write it so.");
        }
        if !self.service(&path, &exposed.service) {
            return;
        }
        let Some(compose) = &self.compose else { return };
        let published = compose.service(&exposed.service).is_some_and(|service| {
            service.ports.iter().any(|found| {
                (found.host_port, found.container_port, found.protocol)
                    == (Some(port), exposed.port, exposed.transport())
            })
        });
        if !published {
            let variable = port_variable(&exposed.name);
            let (port, service) = (exposed.port, &exposed.service);
            let message = format!(
                "The service “{service}” does not publish it. Add \"${{{variable}:-{port}}}:{port}\" to its “ports”."
            );
            self.about(&path, message);
        } else if !self.entry.compose.variables().iter().any(|used| used.name == port_variable(&exposed.name)) {
            let variable = port_variable(&exposed.name);
            self.about(&path, format!("Its published port is fixed. Write ${{{variable}:-…}} in “ports”."));
        }
    }

    /// Every published port is one that people are told of and can close.
    fn unnamed_ports(&mut self) {
        let mut unnamed = Vec::new();
        for service in self.compose.iter().flat_map(|compose| &compose.services) {
            for (index, port) in service.ports.iter().enumerate() {
                let is_it = |exposed: &Exposed| {
                    exposed.service == service.name
                        && (exposed.port, exposed.transport()) == (port.container_port, port.protocol)
                };
                if !self.entry.about.expose.iter().any(is_it) {
                    let path = format!("services.{}.ports[{index}]", service.name);
                    unnamed
                        .push((path, format!("The port {} has no name. Add it under “expose”.", port.container_port)));
                }
            }
        }
        for (path, message) in unnamed {
            self.report(&path, message);
        }
    }

    fn health_check(&mut self, path: &str, check: &HealthCheck) {
        self.service(path, &check.service);
        let ways = usize::from(check.http.is_some()) + usize::from(check.tcp) + usize::from(check.run.is_some());
        if ways != 1 {
            self.about(path, "It must be said how to check, in one way. Write one of “http”, “tcp” and “run”.");
        }
        if (check.http.is_some() || check.tcp) && check.port.is_none() {
            self.about(path, "The port is missing. Add “port” with the container's own.");
        }
        if check.http.as_deref().is_some_and(|path| !path.starts_with('/')) {
            self.about(&format!("{path}.http"), "A path starts with /. Write it so.");
        }
        for argument in check.run.iter().flatten() {
            self.template(&format!("{path}.run"), argument);
        }
    }

    fn main_service_is_checked(&mut self) {
        let entry = self.entry;
        let main = entry.primary().map(|exposed| exposed.service.as_str());
        let main = main.or_else(|| entry.services_of(entry.tool_image()?).first().copied());
        let Some(main) = main else { return };
        let own = self.compose.as_ref().and_then(|compose| compose.service(main)).is_some_and(has_check);
        if !own && !entry.about.health.iter().any(|check| check.service == main) {
            let message = format!(
                "Nobody sees when “{main}” does not work. Add a “healthcheck”, or one under x-summoner.health."
            );
            self.report(&format!("services.{main}"), message);
        }
    }

    /// An icon is drawn into pages, so it must hold drawings only.
    fn icon(&mut self) {
        let Some(icon) = self.entry.icon.as_deref() else {
            self.about("", "The folder has no icon.svg. Add the tool's own.");
            return;
        };
        let lower = icon.to_ascii_lowercase();
        let active =
            ["<script", "<foreignobject", "<iframe", "javascript:", "<!entity", " onload", " onclick", "href=\"http"];
        if !lower.contains("<svg") || active.iter().any(|active| lower.contains(active)) {
            self.about("", "The icon.svg is no plain drawing. Take scripts, handlers and links out of it.");
        }
    }
}

fn has_check(service: &Service) -> bool {
    let test = service.healthcheck.as_ref().and_then(|check| check.test.first());
    test.is_some_and(|first| first != "NONE")
}
