//! Checks, right before images are pulled, that the disk has room for them.

use std::sync::Arc;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::Means;
use crate::operations::{Step, StepContext, StepError};
use crate::tools::room;

pub(in crate::tools) const KIND: &str = "room";

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(in crate::tools) struct Input {
    pub images: Vec<Download>,
}

/// An image whose size its registry told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::tools) struct Download {
    /// The name it is pinned to on the node.
    pub image: String,
    /// What is downloaded at most.
    pub size_bytes: u64,
}

pub(in crate::tools) struct Room {
    pub means: Arc<Means>,
    pub input: Input,
}

#[async_trait]
impl Step for Room {
    async fn apply(&self, cx: &StepContext) -> Result<(), StepError> {
        let mut missing = Vec::new();
        for download in &self.input.images {
            if self.means.engine.image(&download.image).await?.is_none() {
                missing.push(download.size_bytes);
            }
        }
        let needed = room::needed(missing);
        if needed > 0 {
            let said = room::verdict(needed, &self.means.engine.space().await?).map_err(StepError::new)?;
            self.means.say(cx, said);
        }
        Ok(())
    }

    async fn undo(&self, _: &StepContext) -> Result<(), StepError> {
        Ok(())
    }
}
