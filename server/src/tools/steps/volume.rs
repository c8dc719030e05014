//! Makes a volume of the tool, or takes up the one that was kept under its name.

use std::sync::Arc;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use super::{Made, Means, gone_is_fine};
use crate::engine::{self, Mark, mark_of};
use crate::operations::{Step, StepContext, StepError};
use crate::tools::store;

pub(in crate::tools) const KIND: &str = "volume";

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(in crate::tools) struct Input {
    pub revision: i32,
    /// The volume's name in the file.
    pub volume: String,
}

pub(in crate::tools) struct MakeVolume {
    pub means: Arc<Means>,
    pub input: Input,
}

#[async_trait]
impl Step for MakeVolume {
    async fn apply(&self, cx: &StepContext) -> Result<(), StepError> {
        let resolved = self.means.resolved(cx.operation.tool_id, self.input.revision).await?;
        let spec = resolved.volume_spec(&self.input.volume, cx.mark);
        let kept = store::kept_volume(&self.means.db, &self.means.node, &spec.name).await?;
        let memory = cx.remember(json!({ "kept": kept.map(|kept| (kept.mark, kept.tool_id)) })).await?;
        let kept: Option<(Mark, Uuid)> = serde_json::from_value(memory["kept"].clone()).unwrap_or_default();
        let mark = kept.map_or(cx.mark, |(mark, _)| mark);
        let is_there = self.is_there(&spec.name, mark).await?;
        match (kept, is_there) {
            (Some(_), false) => {
                return Err(StepError::new(format!(
                    "the kept volume {} is not on this machine any more; somebody else removed it",
                    spec.name
                )));
            }
            (Some(_), true) => self.means.say(cx, format!("the kept data in {} is used again", spec.name)),
            (None, true) => {}
            (None, false) => match self.means.engine.create_volume(&spec).await {
                // The engine may still have been at it when the process that asked died.
                Err(engine::Error::Conflict { .. }) if self.is_there(&spec.name, mark).await? => {}
                made => made?,
            },
        }
        let made = Made { kind: "volume", mark, name: spec.name, service: None, revision: self.input.revision };
        self.means.record(cx, made).await?;
        Ok(())
    }

    async fn undo(&self, cx: &StepContext) -> Result<(), StepError> {
        let kept = cx.memory().await.and_then(|memory| serde_json::from_value(memory["kept"].clone()).ok()).flatten();
        let Some((mark, tool_id)): Option<(Mark, Uuid)> = kept else {
            return remove(&self.means, cx.mark).await;
        };
        store::give_back(&self.means.db, mark, tool_id).await?;
        Ok(())
    }
}

impl MakeVolume {
    async fn is_there(&self, name: &str, mark: Mark) -> Result<bool, StepError> {
        let volumes = self.means.engine.list().await?.volumes;
        Ok(volumes.iter().any(|volume| volume.name == name && mark_of(&volume.labels) == Some(mark)))
    }
}

/// Removes the volume that carries `mark`, if it is there.
pub(in crate::tools) async fn remove(means: &Means, mark: Mark) -> Result<(), StepError> {
    let volumes = means.engine.list().await?.volumes;
    if let Some(volume) = volumes.into_iter().find(|volume| mark_of(&volume.labels) == Some(mark)) {
        gone_is_fine(means.engine.remove_volume(&volume.name).await)?;
    }
    store::set_resource(&means.db, mark, "gone").await?;
    Ok(())
}
