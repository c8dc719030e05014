//! The order in which services start.

use super::{Compose, Service};

impl Compose {
    /// The services so that each comes after those it depends on; the file's order decides between equals.
    ///
    /// A service that shares another's network depends on it too.
    ///
    /// # Errors
    /// A sentence that names the services of a circle.
    pub fn start_order(&self) -> Result<Vec<&Service>, String> {
        let mut ordered: Vec<&Service> = Vec::with_capacity(self.services.len());
        let mut waiting: Vec<&Service> = self.services.iter().collect();
        while !waiting.is_empty() {
            let is_ready = |service: &&Service| {
                needs(service).all(|name| self.service(name).is_none() || ordered.iter().any(|done| done.name == name))
            };
            let Some(next) = waiting.iter().position(is_ready) else { return Err(circle(&waiting)) };
            ordered.push(waiting.remove(next));
        }
        Ok(ordered)
    }
}

fn needs(service: &Service) -> impl Iterator<Item = &str> {
    let shared = service.network_mode.as_deref().and_then(|mode| mode.strip_prefix("service:"));
    service.depends_on.iter().map(|(name, _)| name.as_str()).chain(shared)
}

/// Names one circle among services of which none can start.
fn circle(waiting: &[&Service]) -> String {
    let mut path: Vec<&str> = vec![&waiting[0].name];
    loop {
        let last = path[path.len() - 1];
        let next = waiting
            .iter()
            .find(|service| service.name == last)
            .and_then(|service| needs(service).find(|name| waiting.iter().any(|service| service.name == *name)));
        let Some(next) = next else { break };
        if let Some(start) = path.iter().position(|name| *name == next) {
            path.drain(..start);
            path.push(next);
            break;
        }
        path.push(next);
    }
    format!("The services {} wait for each other in a circle. Take one dependency out.", path.join(" → "))
}

#[cfg(test)]
mod tests {
    use super::super::Condition;
    use super::*;

    fn compose(services: &[(&str, &[&str])]) -> Compose {
        let services = services.iter().map(|(name, needs)| Service {
            name: (*name).to_owned(),
            depends_on: needs.iter().map(|name| ((*name).to_owned(), Condition::Started)).collect(),
            ..Service::default()
        });
        Compose { services: services.collect(), ..Compose::default() }
    }

    #[test]
    fn services_start_after_those_they_depend_on() {
        for (services, expected) in [
            (&[("app", &["db", "cache"][..]), ("cache", &[]), ("db", &["cache"])][..], "cache db app"),
            (&[("b", &[]), ("a", &[])], "b a"),
            (&[("proxy", &["app"]), ("app", &["db"]), ("db", &[])], "db app proxy"),
        ] {
            let compose = compose(services);
            let order: Vec<_> = compose.start_order().unwrap().iter().map(|service| service.name.as_str()).collect();
            assert_eq!(order.join(" "), expected);
        }
    }

    #[test]
    fn a_circle_is_refused_by_name() {
        let message = compose(&[("ok", &[]), ("x", &["a"]), ("a", &["b"]), ("b", &["c"]), ("c", &["a"])]);
        assert!(message.start_order().unwrap_err().contains("a → b → c → a"));
        assert!(compose(&[("a", &["a"])]).start_order().unwrap_err().contains("a → a"));
    }
}
