//! Gives a container's name away: the old one stays aside under another until its replacement has proven itself.

use std::sync::Arc;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::Means;
use crate::engine::Mark;
use crate::operations::{Step, StepContext, StepError};

pub(in crate::tools) const KIND: &str = "retire";

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(in crate::tools) struct Input {
    pub service: String,
    /// The mark of the container.
    pub container: Mark,
    /// Its name before.
    pub name: String,
    /// Its name while it stands aside.
    pub aside: String,
}

pub(in crate::tools) struct Retire {
    pub means: Arc<Means>,
    pub input: Input,
}

#[async_trait]
impl Step for Retire {
    async fn apply(&self, _: &StepContext) -> Result<(), StepError> {
        self.name_it(&self.input.aside).await
    }

    async fn undo(&self, _: &StepContext) -> Result<(), StepError> {
        self.name_it(&self.input.name).await
    }
}

impl Retire {
    async fn name_it(&self, name: &str) -> Result<(), StepError> {
        let Some(container) = self.means.container(self.input.container).await? else { return Ok(()) };
        if container.name != name {
            self.means.engine.rename_container(&container.id, name).await?;
        }
        Ok(())
    }
}
