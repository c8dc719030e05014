//! The health gate: the operation holds only when the tool works.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
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
                Way::Ask { port, path } => match (address(&container, *port), path) {
                    (None, _) => Err("has no address".to_owned()),
                    (Some(address), Some(path)) => {
                        let expectation = Expectation {
                            path: path.clone(),
                            status: check.expect,
                            contains: check.contains.clone(),
                            timeout,
                        };
                        self.means.prober.http(address, &expectation).await
                    }
                    (Some(address), None) => probe::tcp(address, timeout).await,
                },
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

/// Where a port of a container is asked: as people reach it where it is published, inside its network otherwise.
fn address(container: &Container, port: u16) -> Option<SocketAddr> {
    let published = container
        .ports
        .iter()
        .find(|published| published.container_port == port && published.protocol == "tcp" && published.host_port != 0);
    if let Some(published) = published {
        let ip = published.host_ip.parse::<IpAddr>().ok().filter(|ip| !ip.is_unspecified());
        return Some(SocketAddr::new(ip.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST)), published.host_port));
    }
    let ip = container.networks.values().find_map(|address| address.parse::<IpAddr>().ok())?;
    Some(SocketAddr::new(ip, port))
}

/// How long a service may take to become healthy: its start period and all its retries, and some time on top.
pub(in crate::tools) fn limit(service: &Service) -> Duration {
    let Some(check) = &service.healthcheck else { return USUAL_LIMIT };
    let interval = check.interval.unwrap_or(Duration::from_secs(30)) + check.timeout.unwrap_or(Duration::from_secs(30));
    let retries = check.retries.unwrap_or(3);
    (check.start_period.unwrap_or_default() + interval * retries + PATIENCE).max(USUAL_LIMIT)
}
