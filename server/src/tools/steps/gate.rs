//! The health gate: the operation holds only when the tool works.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::wait::{Until, until};
use super::{LOOK, Means};
use crate::catalog::about::HealthCheck;
use crate::catalog::compose::Service;
use crate::engine::{Container, Mark};
use crate::health::probe::{self, Expectation};
use crate::operations::{Step, StepContext, StepError};
use crate::tools::definition::Resolved;

pub(in crate::tools) const KIND: &str = "gate";

/// How long a service without a word of its own may take to become healthy.
const USUAL_LIMIT: Duration = Duration::from_secs(300);
/// How long one question may take when the entry does not say.
const USUAL_TIMEOUT: Duration = Duration::from_secs(10);
/// How long an answer may take to become right after the container's own grace.
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(in crate::tools) struct Input {
    pub revision: i32,
    /// The mark of each service's container.
    pub containers: BTreeMap<String, Mark>,
}

pub(in crate::tools) struct Gate {
    pub means: Arc<Means>,
    pub input: Input,
}

#[async_trait]
impl Step for Gate {
    async fn apply(&self, cx: &StepContext) -> Result<(), StepError> {
        let resolved = self.means.resolved(cx.operation.tool_id, self.input.revision).await?;
        for service in resolved.start_order() {
            let Some(mark) = self.input.containers.get(&service.name) else { continue };
            let is_awaited_to_end = resolved.compose.services.iter().any(|other| {
                other.depends_on.iter().any(|(name, condition)| {
                    *name == service.name && *condition == crate::catalog::compose::Condition::CompletedSuccessfully
                })
            });
            let goal = if is_awaited_to_end { Until::Completed } else { Until::Healthy };
            until(&self.means, cx, &service.name, *mark, goal, limit(service)).await?;
        }
        for check in &resolved.entry.about.health {
            let Some(mark) = self.input.containers.get(&check.service) else { continue };
            self.ask(cx, &resolved, check, *mark).await?;
        }
        Ok(())
    }

    async fn undo(&self, _: &StepContext) -> Result<(), StepError> {
        Ok(())
    }
}

impl Gate {
    /// Repeats one question until it is answered as the entry expects.
    async fn ask(
        &self,
        cx: &StepContext,
        resolved: &Resolved,
        check: &HealthCheck,
        mark: Mark,
    ) -> Result<(), StepError> {
        let way = way(resolved, check)?;
        let timeout = check.timeout.map_or(USUAL_TIMEOUT, |span| span.0);
        let patience = check.grace.map_or(Duration::ZERO, |span| span.0) + PATIENCE;
        let begun = Instant::now();
        loop {
            let container = self.means.container_of(mark, &check.service).await?;
            let answer = match &way {
                Way::Run(command) => self.run(&container, command, timeout).await?,
                Way::Ask { port, path } => {
                    let address = match place(&container, *port, self.means.engine.host()) {
                        Place::At(host, port) => resolve(&host, port).await,
                        Place::Unknown => Err("has no address".to_owned()),
                        Place::Never(reason) => return Err(StepError::new(format!("{} {reason}", check.service))),
                    };
                    match (address, path) {
                        (Err(problem), _) => Err(problem),
                        (Ok(address), Some(path)) => {
                            let expectation = Expectation {
                                path: path.clone(),
                                status: check.expect,
                                contains: check.contains.clone(),
                                timeout,
                            };
                            self.means.prober.http(address, &expectation).await
                        }
                        (Ok(address), None) => probe::tcp(address, timeout).await,
                    }
                }
            };
            let Err(problem) = answer else { return Ok(()) };
            if begun.elapsed() >= patience {
                let log = self.means.last_lines(&container.id).await;
                let sentence = format!("{} does not work after {} s: {problem}", check.service, patience.as_secs());
                return Err(StepError::new(sentence).with_log(log));
            }
            tokio::select! {
                () = cx.cancelled.cancelled() => return Err(StepError::new("the wait was stopped on request")),
                () = tokio::time::sleep(LOOK) => {}
            }
        }
    }

    /// What a command inside the container says: nothing when it ends with 0, else its last word.
    async fn run(
        &self,
        container: &Container,
        command: &[String],
        limit: Duration,
    ) -> Result<Result<(), String>, StepError> {
        match self.means.engine.exec(&container.id, command, limit).await {
            Ok(ended) if ended.exit_code == 0 => Ok(Ok(())),
            Ok(ended) => {
                let said = ended.output.trim().lines().next_back().map(|last| format!(": {last}")).unwrap_or_default();
                Ok(Err(format!("its check ended with exit code {}{said}", ended.exit_code)))
            }
            Err(error) if error.is_temporary() => Err(error.into()),
            Err(error) => Ok(Err(error.to_string())),
        }
    }
}

/// How a check asks.
enum Way {
    /// By a command inside the container.
    Run(Vec<String>),
    /// At a port: for a path over HTTP, or for a connection alone.
    Ask { port: u16, path: Option<String> },
}

/// How the check asks; one that asks nothing would be green without being earned.
fn way(resolved: &Resolved, check: &HealthCheck) -> Result<Way, StepError> {
    match (&check.run, check.port) {
        (Some(command), _) => resolved.filled(command).map(Way::Run),
        (None, Some(port)) => Ok(Way::Ask { port, path: check.http.clone() }),
        (None, None) => Err("it names neither a command nor a port".to_owned()),
    }
    .map_err(|problem| StepError::new(format!("the entry's check of {} asks nothing: {problem}", check.service)))
}

/// Where a port of a container is asked.
#[derive(Debug, PartialEq, Eq)]
enum Place {
    /// At this host, by name or address, and port.
    At(String, u16),
    /// Nowhere yet: the container has no address before it runs.
    Unknown,
    /// Never from here; why, and what to do, after the service's name.
    Never(String),
}

/// As people reach it where it is published, inside its network otherwise. On another machine, `elsewhere`, only what is
/// published to the network can be asked.
fn place(container: &Container, port: u16, elsewhere: Option<&str>) -> Place {
    let published = container
        .ports
        .iter()
        .find(|published| published.container_port == port && published.protocol == "tcp" && published.host_port != 0);
    let bound = published.map(|published| (published.host_ip.parse::<IpAddr>().ok(), published.host_port));
    match (bound, elsewhere) {
        (Some((Some(ip), port)), Some(host)) if ip.is_loopback() => Place::Never(format!(
            "cannot be asked whether it works: port {port} answers only on {host} itself, and Summoner runs on another \
             machine; let the tool listen on all addresses, or run Summoner on {host}"
        )),
        (Some((Some(ip), port)), _) if !ip.is_unspecified() => Place::At(ip.to_string(), port),
        (Some((_, port)), _) => Place::At(elsewhere.unwrap_or("127.0.0.1").to_owned(), port),
        (None, Some(host)) => Place::Never(format!(
            "cannot be asked whether it works: its port {port} is open only inside its network on {host}, and Summoner \
             runs on another machine; run Summoner on {host}"
        )),
        (None, None) => {
            let address = container.networks.values().find(|address| address.parse::<IpAddr>().is_ok());
            address.map_or(Place::Unknown, |address| Place::At(address.clone(), port))
        }
    }
}

/// The address of a host, which is a name only where the engine is on another machine.
async fn resolve(host: &str, port: u16) -> Result<SocketAddr, String> {
    let found = tokio::net::lookup_host((host, port)).await;
    found.ok().and_then(|mut found| found.next()).ok_or_else(|| format!("cannot be asked: {host} has no address"))
}

/// How long a service may take to become healthy: its start period and all its retries, and some time on top.
pub(in crate::tools) fn limit(service: &Service) -> Duration {
    let Some(check) = &service.healthcheck else { return USUAL_LIMIT };
    let interval = check.interval.unwrap_or(Duration::from_secs(30)) + check.timeout.unwrap_or(Duration::from_secs(30));
    let retries = check.retries.unwrap_or(3);
    (check.start_period.unwrap_or_default() + interval * retries + PATIENCE).max(USUAL_LIMIT)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{ContainerState, Health, PublishedPort};

    fn container(published_at: Option<&str>) -> Container {
        let port = |host_ip: &str| PublishedPort {
            container_port: 80,
            protocol: "tcp".to_owned(),
            host_ip: host_ip.to_owned(),
            host_port: 8080,
        };
        Container {
            id: "c".into(),
            name: "wiki-app-1".into(),
            image: "wiki".into(),
            image_id: "sha256:0".into(),
            labels: BTreeMap::new(),
            state: ContainerState::Running,
            health: Health::None,
            created_at: jiff::Timestamp::UNIX_EPOCH,
            status: String::new(),
            ports: published_at.map(port).into_iter().collect(),
            volumes: Vec::new(),
            networks: BTreeMap::from([("wiki".to_owned(), "172.18.0.2".to_owned())]),
        }
    }

    #[test]
    fn a_service_is_asked_where_it_can_be_reached_from_here() {
        let at = |host: &str, port| Place::At(host.to_owned(), port);
        let cases = [
            (Some("127.0.0.1"), None, at("127.0.0.1", 8080)),
            (Some("0.0.0.0"), None, at("127.0.0.1", 8080)),
            (Some("192.168.1.9"), None, at("192.168.1.9", 8080)),
            (None, None, at("172.18.0.2", 80)),
            (Some("0.0.0.0"), Some("docker.example"), at("docker.example", 8080)),
            (Some("192.168.1.9"), Some("docker.example"), at("192.168.1.9", 8080)),
        ];
        for (published, elsewhere, expected) in cases {
            assert_eq!(place(&container(published), 80, elsewhere), expected, "{published:?} {elsewhere:?}");
        }
    }

    #[test]
    fn what_only_another_machine_can_reach_is_said_at_once() {
        for (published, problem) in [(Some("127.0.0.1"), "only on docker.example"), (None, "only inside its network")] {
            let place = place(&container(published), 80, Some("docker.example"));
            assert!(matches!(&place, Place::Never(reason) if reason.contains(problem)), "{place:?}");
        }
    }
}
