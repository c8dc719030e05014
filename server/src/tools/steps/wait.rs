//! Waits until a service is as another needs it before it starts.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::{LOOK, Means};
use crate::engine::{ContainerState, Health, Inspection, Mark};
use crate::operations::{Step, StepContext, StepError};

pub(in crate::tools) const KIND: &str = "wait";

/// How often a restart policy may start a container again before the wait is over.
const RESTARTS: i64 = 3;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(in crate::tools) struct Input {
    pub service: String,
    /// The mark of the container.
    pub container: Mark,
    pub until: Until,
    pub limit_seconds: u64,
}

/// What is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::tools) enum Until {
    /// Its health check passes; it runs, if it has none.
    Healthy,
    /// It has ended with exit code 0.
    Completed,
}

pub(in crate::tools) struct Wait {
    pub means: Arc<Means>,
    pub input: Input,
}

#[async_trait]
impl Step for Wait {
    async fn apply(&self, cx: &StepContext) -> Result<(), StepError> {
        let limit = Duration::from_secs(self.input.limit_seconds);
        until(&self.means, cx, &self.input.service, self.input.container, self.input.until, limit).await
    }

    async fn undo(&self, _: &StepContext) -> Result<(), StepError> {
        Ok(())
    }
}

/// Waits until the container is as wanted; fails with its log when it ends, restarts again and again, turns
/// unhealthy, or takes longer than `limit`.
pub(in crate::tools) async fn until(
    means: &Means,
    cx: &StepContext,
    service: &str,
    mark: Mark,
    until: Until,
    limit: Duration,
) -> Result<(), StepError> {
    let begun = Instant::now();
    let mut restarts_before = None;
    loop {
        let container = means.container_of(mark, service).await?;
        let inspection = means.engine.inspect(&container.id).await?;
        // The engine counts over the container's life: what it did before this wait is no sign.
        let before = *restarts_before.get_or_insert(inspection.restart_count);
        let problem = match verdict(&inspection, until, inspection.restart_count - before) {
            Verdict::Fine => return Ok(()),
            Verdict::Broken(problem) => problem,
            Verdict::Wait if begun.elapsed() < limit => {
                tokio::select! {
                    () = cx.cancelled.cancelled() => return Err(StepError::new("the wait was stopped on request")),
                    () = tokio::time::sleep(LOOK) => continue,
                }
            }
            Verdict::Wait => format!("was not healthy after {} s", limit.as_secs()),
        };
        let check = inspection.last_check.filter(|said| !said.trim().is_empty());
        let check = check.map(|said| format!("; its health check says: {}", said.trim())).unwrap_or_default();
        let log = means.last_lines(&container.id).await;
        return Err(StepError::new(format!("{service} {problem}{check}")).with_log(log));
    }
}

enum Verdict {
    Fine,
    Wait,
    /// What it did, to be read after the service's name.
    Broken(String),
}

/// How it is; `restarts` counts those during the wait.
fn verdict(inspection: &Inspection, until: Until, restarts: i64) -> Verdict {
    let container = &inspection.container;
    let ended = || {
        if inspection.out_of_memory {
            "was ended because it used more memory than it may; raise its limit or free memory".to_owned()
        } else {
            format!("ended with exit code {}", inspection.exit_code)
        }
    };
    match (until, container.state, container.health) {
        (Until::Completed, ContainerState::Exited, _) if inspection.exit_code == 0 => Verdict::Fine,
        (_, ContainerState::Exited | ContainerState::Dead, _) => Verdict::Broken(ended()),
        (_, ContainerState::Restarting, _) | (_, ContainerState::Running, Health::None | Health::Starting)
            if restarts >= RESTARTS =>
        {
            Verdict::Broken(format!("ended {restarts} times in a row; the last time it {}", ended()))
        }
        (Until::Healthy, ContainerState::Running, Health::Healthy | Health::None) => Verdict::Fine,
        (Until::Healthy, ContainerState::Running, Health::Unhealthy) => Verdict::Broken("is unhealthy".to_owned()),
        _ => Verdict::Wait,
    }
}
