//! Takes away, after the commit, what is not needed any more. There is no undo: it only runs where nothing goes back.

use std::sync::Arc;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::{Means, create, network, pull, volume};
use crate::engine::Mark;
use crate::operations::{Step, StepContext, StepError};
use crate::tools::store;

pub(in crate::tools) const KIND: &str = "clear";

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(in crate::tools) struct Input {
    pub what: What,
    pub mark: Mark,
    pub name: String,
}

/// What is taken away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::tools) enum What {
    Container,
    Network,
    /// With all that is in it.
    Volume,
    /// Nothing on the node: the volume stays and is written down as kept.
    KeptVolume,
    Image,
}

pub(in crate::tools) struct Clear {
    pub means: Arc<Means>,
    pub input: Input,
}

#[async_trait]
impl Step for Clear {
    async fn apply(&self, cx: &StepContext) -> Result<(), StepError> {
        let mark = self.input.mark;
        match self.input.what {
            What::Container => create::remove(&self.means, mark).await,
            What::Network => network::remove(&self.means, mark).await,
            What::Volume => volume::remove(&self.means, mark).await,
            What::KeptVolume => Ok(store::set_resource(&self.means.db, mark, "kept").await?),
            What::Image => {
                if !store::is_image_shared(&self.means.db, cx.operation.tool_id, &self.input.name).await? {
                    pull::remove_unless_used(&self.means, &self.input.name).await?;
                }
                Ok(store::set_resource(&self.means.db, mark, "gone").await?)
            }
        }
    }

    async fn undo(&self, _: &StepContext) -> Result<(), StepError> {
        Err(StepError::new(format!("{} was taken away for good", self.input.name)))
    }
}
