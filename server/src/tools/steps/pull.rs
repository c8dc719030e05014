//! Pulls one image by digest.

use std::sync::Arc;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Made, Means, gone_is_fine};
use crate::engine;
use crate::operations::{Step, StepContext, StepError};
use crate::tools::definition::RunningImage;
use crate::tools::store;

pub(in crate::tools) const KIND: &str = "pull";

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(in crate::tools) struct Input {
    pub image: RunningImage,
    pub revision: i32,
}

pub(in crate::tools) struct Pull {
    pub means: Arc<Means>,
    pub input: Input,
}

#[async_trait]
impl Step for Pull {
    async fn apply(&self, cx: &StepContext) -> Result<(), StepError> {
        let image = &self.input.image;
        let name = image.pinned();
        let was_present = self.means.engine.image(&name).await?.is_some();
        let memory = cx.remember(json!({ "was_present": was_present })).await?;
        if was_present {
            self.means.say(cx, format!("{} is on this machine already", image.reference));
        } else {
            let pull = engine::Pull {
                repository: image.source.clone(),
                digest: image.digest.clone(),
                credentials: self.means.login(&image.source).await?,
            };
            let report = |progress| cx.layer(progress);
            tokio::select! {
                outcome = self.means.engine.pull(&pull, &report) => outcome?,
                () = cx.cancelled.cancelled() => return Err(StepError::new("the pull was stopped on request")),
            }
            self.means.say(cx, format!("{} is here, {}", image.reference, image.digest));
        }
        // An image that was there before us is not ours to remove, unless another tool brought it.
        let is_shared = store::is_image_shared(&self.means.db, cx.operation.tool_id, &name).await?;
        if memory["was_present"] == false || is_shared {
            let made = Made { kind: "image", mark: cx.mark, name, service: None, revision: self.input.revision };
            self.means.record(cx, made).await?;
        }
        Ok(())
    }

    async fn undo(&self, cx: &StepContext) -> Result<(), StepError> {
        let was_present = cx.memory().await.is_none_or(|memory| memory["was_present"] == true);
        let name = self.input.image.pinned();
        if !was_present && !store::is_image_shared(&self.means.db, cx.operation.tool_id, &name).await? {
            remove_unless_used(&self.means, &name).await?;
        }
        store::set_resource(&self.means.db, cx.mark, "gone").await?;
        Ok(())
    }
}

/// Removes an image; one that a container of somebody else uses by now stays.
pub(in crate::tools) async fn remove_unless_used(means: &Means, name: &str) -> Result<(), StepError> {
    match gone_is_fine(means.engine.remove_image(name).await) {
        Ok(()) | Err(engine::Error::Conflict { .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
