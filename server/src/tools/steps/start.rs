//! Starts the container of a service.

use std::sync::Arc;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Means, gone_is_fine};
use crate::engine::{ContainerState, Mark};
use crate::operations::{Step, StepContext, StepError};

pub(in crate::tools) const KIND: &str = "start";

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(in crate::tools) struct Input {
    pub service: String,
    /// The mark of the container.
    pub container: Mark,
}

pub(in crate::tools) struct Start {
    pub means: Arc<Means>,
    pub input: Input,
}

#[async_trait]
impl Step for Start {
    async fn apply(&self, cx: &StepContext) -> Result<(), StepError> {
        let container = self.means.container_of(self.input.container, &self.input.service).await?;
        let was_running = matches!(container.state, ContainerState::Running | ContainerState::Restarting);
        cx.remember(json!({ "was_running": was_running })).await?;
        if let Err(error) = self.means.engine.start_container(&container.id).await {
            let log = self.means.last_lines(&container.id).await;
            let error = StepError::from(error);
            return Err(StepError {
                message: format!("{} did not start: {}", self.input.service, error.message),
                ..error
            }
            .with_log(log));
        }
        Ok(())
    }

    async fn undo(&self, cx: &StepContext) -> Result<(), StepError> {
        if cx.memory().await.is_none_or(|memory| memory["was_running"] == true) {
            return Ok(());
        }
        if let Some(container) = self.means.container(self.input.container).await? {
            gone_is_fine(self.means.engine.stop_container(&container.id).await)?;
        }
        Ok(())
    }
}
