//! How tools are, from what the watcher has in memory; changes of condition become events.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use api::tools::Condition;
use jiff::Timestamp;
use serde_json::json;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::store::{self, Resource, Tool};
use super::{Means, Result, strays};
use crate::engine::watch::{Snapshot, World};
use crate::engine::{Container, Mark, Volume, mark_of};
use crate::events::{self, NewEvent};
use crate::health;
use crate::operations;

/// How often conditions are looked at although nothing changed, so that nothing is missed for long.
const LOOK: Duration = Duration::from_secs(30);
/// How long a burst of changes is let settle before it is judged.
const SETTLE: Duration = Duration::from_millis(250);

/// The containers of tools, by the marks that the database vouches for.
pub(super) struct Observed<'snapshot> {
    snapshot: &'snapshot Snapshot,
    by_mark: BTreeMap<Mark, &'snapshot Container>,
}

impl<'snapshot> Observed<'snapshot> {
    /// The containers in `snapshot`, by mark.
    pub fn new(snapshot: &'snapshot Snapshot) -> Self {
        let marked = snapshot.listing.containers.iter();
        let by_mark = marked.filter_map(|container| Some((container.mark()?, container))).collect();
        Self { snapshot, by_mark }
    }

    /// The container that carries the mark, if it is on the node.
    pub fn container(&self, mark: Mark) -> Option<&'snapshot Container> {
        self.by_mark.get(&mark).copied()
    }

    /// The condition of one service; `mark` is that of its container, if it has one.
    pub fn service(&self, tool: &Tool, mark: Option<Mark>) -> Condition {
        let container = mark.and_then(|mark| self.container(mark));
        health::of_service(container, tool.desired == "running", self.snapshot.is_up())
    }

    /// The condition of a tool from its containers among `resources`.
    pub fn tool(&self, tool: &Tool, resources: &[Resource]) -> Condition {
        let containers = store::current(resources, tool.tool_id);
        health::of_tool(containers.map(|known| self.service(tool, Some(known.mark))))
    }
}

/// Writes conditions that changed, each with its event, for as long as it runs.
pub struct Observer {
    /// What it writes with.
    pub means: Arc<Means>,
    /// What it watches.
    pub world: World,
}

impl Observer {
    /// Runs until `stop`.
    pub async fn run(&self, stop: CancellationToken) {
        let mut changes = self.world.subscribe();
        let mut seen = 0;
        loop {
            if let Err(error) = self.look().await {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "the condition of the tools could not be written"
                );
            }
            seen = seen.max(self.world.now().revision);
            tokio::select! {
                () = stop.cancelled() => return,
                // Measurements come several times a second, and no condition hangs on them.
                () = changed(&mut changes, seen) => tokio::time::sleep(SETTLE).await,
                () = tokio::time::sleep(LOOK) => {}
            }
        }
    }

    /// Writes down every condition that changed, with an event where people want to know.
    ///
    /// # Errors
    /// Whatever the database refuses.
    pub async fn look(&self) -> Result<()> {
        let mut snapshot = self.world.now();
        let mut changed =
            operations::changed_since(&self.means.db, snapshot.taken_at.unwrap_or(Timestamp::MIN)).await?;
        if changed.iter().any(|change| change.has_ended) {
            // What was seen amid an operation says nothing of how it ended.
            snapshot = self.world.refresh().await;
            changed.retain(|change| !change.has_ended);
        }
        if !snapshot.is_up() {
            // What the tools did meanwhile is not known, so nothing is written; the pages say so by themselves.
            return Ok(());
        }
        let observed = Observed::new(&snapshot);
        let tools = store::tools(&self.means.db, None).await?;
        let resources = store::resources(&self.means.db, None).await?;
        // Conditions that no tool is in any more have to fall back to zero.
        let known = ["healthy", "running", "starting", "unhealthy", "failed", "stopped"];
        let mut counts: BTreeMap<String, u32> = known.map(|condition| (condition.to_owned(), 0)).into();
        for tool in tools.iter().filter(|tool| tool.state == "installed") {
            let condition = observed.tool(tool, &resources);
            *counts.entry(format!("{condition:?}").to_lowercase()).or_insert(0) += 1;
            // What an operation stops and starts neither failed nor came back by itself.
            let is_changing = changed.iter().any(|change| change.tool_id == tool.tool_id);
            if tool.condition != Some(condition) && !is_changing {
                self.write(tool, condition).await?;
            }
        }
        strays::remove(&self.means, &snapshot).await?;
        self.miss_kept_volumes(&snapshot, &resources).await?;
        for (condition, count) in counts {
            metrics::gauge!("summoner_tools", "condition" => condition).set(f64::from(count));
        }
        Ok(())
    }

    /// Writes down kept volumes that somebody removed, so that their name is free again.
    async fn miss_kept_volumes(&self, snapshot: &Snapshot, resources: &[Resource]) -> Result<()> {
        let is_in = |volumes: &[Volume], mark| volumes.iter().any(|volume| mark_of(&volume.labels) == Some(mark));
        let is_missed = |known: &&Resource| {
            known.state == "kept" && known.kind == "volume" && !is_in(&snapshot.listing.volumes, known.mark)
        };
        let missed: Vec<&Resource> = resources.iter().filter(is_missed).collect();
        if missed.is_empty() {
            return Ok(());
        }
        // The snapshot may be older than the volume: the engine itself has the last word.
        let volumes = self.means.engine.list().await?.volumes;
        for known in missed.into_iter().filter(|known| !is_in(&volumes, known.mark)) {
            let mut transaction = self.means.db.begin().await?;
            if !store::lose_kept(&mut *transaction, known.mark).await? {
                continue;
            }
            let event = NewEvent {
                kind: "volume.lost",
                actor: "Summoner".into(),
                actor_id: None,
                subject: known.name.clone(),
                tool_id: Some(known.tool_id),
                operation_id: None,
                payload: json!({}),
            };
            events::append(&mut transaction, &self.means.clock, event).await?;
            transaction.commit().await?;
        }
        Ok(())
    }

    async fn write(&self, tool: &Tool, condition: Condition) -> Result<()> {
        let mut transaction = self.means.db.begin().await?;
        if !store::set_condition(&mut transaction, tool.tool_id, condition, self.means.clock.now()).await? {
            return Ok(());
        }
        if let Some(kind) = told(tool.condition, condition) {
            let event = NewEvent {
                kind,
                actor: "Summoner".into(),
                actor_id: None,
                subject: tool.name.clone(),
                tool_id: Some(tool.tool_id),
                operation_id: None::<Uuid>,
                payload: json!({ "from": tool.condition, "to": condition }),
            };
            events::append(&mut transaction, &self.means.clock, event).await?;
        }
        transaction.commit().await?;
        Ok(())
    }
}

/// Waits for a snapshot that shows something new after `seen`; for ever once the watcher has ended.
async fn changed(changes: &mut watch::Receiver<Arc<Snapshot>>, seen: u64) {
    if changes.wait_for(|snapshot| snapshot.revision > seen).await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// The event of a change that nobody asked for; `None` for what an operation or a start brings about anyway.
fn told(from: Option<Condition>, to: Condition) -> Option<&'static str> {
    use Condition::{Failed, Healthy, Running, Starting, Stopped, Unhealthy, Unknown};
    match (from?, to) {
        (_, Failed) => Some("tool.failed"),
        (_, Unhealthy) => Some("tool.unhealthy"),
        (Failed | Unhealthy, Healthy | Running) => Some("tool.recovered"),
        (_, Healthy | Running | Starting | Stopped | Unknown) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_changes_that_nobody_asked_for_are_told() {
        use Condition::{Failed, Healthy, Running, Starting, Stopped, Unhealthy};
        let cases = [
            (None, Failed, None),
            (Some(Healthy), Failed, Some("tool.failed")),
            (Some(Healthy), Unhealthy, Some("tool.unhealthy")),
            (Some(Unhealthy), Healthy, Some("tool.recovered")),
            (Some(Failed), Running, Some("tool.recovered")),
            (Some(Starting), Healthy, None),
            (Some(Healthy), Stopped, None),
        ];
        for (from, to, expected) in cases {
            assert_eq!(told(from, to), expected, "{from:?} {to:?}");
        }
    }
}
