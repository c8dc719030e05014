//! How much there is to do, in numbers for `/metrics`.

use super::{Result, Tools};
use crate::auth::{Actor, Right};
use crate::jobs;
use crate::operations::{ListQuery, Standing};

impl Tools {
    /// Writes down operations and jobs under way, and what the watcher sees. Conditions of tools are the observer's.
    ///
    /// # Errors
    /// [`super::Error::Forbidden`].
    pub async fn measure(&self, actor: &Actor) -> Result<()> {
        actor.needs(Right::ToolsView)?;
        let snapshot = self.world.now();
        let node = snapshot.node.to_string();
        metrics::gauge!("summoner_engine_up", "node" => node.clone()).set(if snapshot.is_up() { 1.0 } else { 0.0 });
        if let Some(taken_at) = snapshot.taken_at {
            let age = self.means.clock.now().duration_since(taken_at).as_secs_f64().max(0.0);
            metrics::gauge!("summoner_snapshot_age_seconds", "node" => node).set(age);
        }
        let engine = self.engine(actor).await?;
        metrics::gauge!("summoner_containers", "owner" => "tools").set(f64::from(engine.tool_containers));
        metrics::gauge!("summoner_containers", "owner" => "others").set(f64::from(engine.foreign_containers));
        let query = ListQuery { standing: Standing::Unfinished, limit: 10_000, ..ListQuery::default() };
        metrics::gauge!("summoner_operations_unfinished").set(number(self.operations.list(&query).await?.len()));
        let (waiting, running) = jobs::counts(&self.means.db).await?;
        metrics::gauge!("summoner_jobs", "state" => "waiting").set(number(waiting));
        metrics::gauge!("summoner_jobs", "state" => "running").set(number(running));
        Ok(())
    }
}

fn number(count: impl TryInto<u32>) -> f64 {
    f64::from(count.try_into().unwrap_or(u32::MAX))
}
