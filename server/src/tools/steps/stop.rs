//! Stops the container of a service.

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::json;

use super::Means;
use super::start::Input;
use crate::engine::ContainerState;
use crate::operations::{Step, StepContext, StepError};

pub(in crate::tools) const KIND: &str = "stop";

pub(in crate::tools) struct Stop {
    pub means: Arc<Means>,
    pub input: Input,
}

#[async_trait]
impl Step for Stop {
    async fn apply(&self, cx: &StepContext) -> Result<(), StepError> {
        let Some(container) = self.means.container(self.input.container).await? else {
            cx.remember(json!({ "was_running": false })).await?;
            self.means.say(cx, format!("the container of {} is gone already", self.input.service));
            return Ok(());
        };
        let was_running = matches!(container.state, ContainerState::Running | ContainerState::Restarting);
        cx.remember(json!({ "was_running": was_running })).await?;
        self.means.engine.stop_container(&container.id).await?;
        Ok(())
    }

    async fn undo(&self, cx: &StepContext) -> Result<(), StepError> {
        if cx.memory().await.is_none_or(|memory| memory["was_running"] == false) {
            return Ok(());
        }
        if let Some(container) = self.means.container(self.input.container).await? {
            self.means.engine.start_container(&container.id).await?;
        }
        Ok(())
    }
}
