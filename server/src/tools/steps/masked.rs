//! Every step with the tool's secrets masked in what it says of its failure.
//!
//! A failure repeats what others said: a health check, the engine, the last lines of a log. It goes into the journal,
//! into an event that is never altered, and to everybody who may look.

use std::sync::Arc;

use async_trait::async_trait;
use uuid::Uuid;

use super::Means;
use crate::operations::{Step, StepContext, StepError};
use crate::secrets::Mask;
use crate::tools::store;

/// A step whose failures show no secret of the tool.
pub(super) struct Masked {
    pub means: Arc<Means>,
    pub step: Box<dyn Step>,
}

#[async_trait]
impl Step for Masked {
    async fn apply(&self, cx: &StepContext) -> Result<(), StepError> {
        match self.step.apply(cx).await {
            Err(error) => Err(self.masked(cx, error).await),
            applied => applied,
        }
    }

    async fn undo(&self, cx: &StepContext) -> Result<(), StepError> {
        match self.step.undo(cx).await {
            Err(error) => Err(self.masked(cx, error).await),
            undone => undone,
        }
    }
}

impl Masked {
    async fn masked(&self, cx: &StepContext, error: StepError) -> StepError {
        let StepError { message, is_temporary, log } = error;
        match self.means.mask(cx.operation.tool_id).await {
            Ok(mask) => StepError {
                message: mask.apply(&message).into_owned(),
                is_temporary,
                log: log.iter().map(|line| mask.apply(line).into_owned()).collect(),
            },
            // What nobody can look through for secrets is not shown.
            Err(unknown) => StepError {
                message: format!("a step failed, and why is kept back, because {}", unknown.message),
                is_temporary: is_temporary || unknown.is_temporary,
                log: Vec::new(),
            },
        }
    }
}

impl Means {
    /// A mask of the secrets that a tool runs with, and of those that it is about to run with.
    pub(in crate::tools) async fn mask(&self, tool_id: Uuid) -> Result<Mask, StepError> {
        let newest = store::newest_revision(&self.db, tool_id).await?;
        let running = store::identity(&self.db, tool_id).await?.map(|(_, _, revision)| revision);
        let mut secrets = Vec::new();
        for revision in [Some(newest), running].into_iter().flatten() {
            // A revision that was undone is no more, and what it knew was used by nothing that is left.
            let Some(row) = store::revision(&self.db, tool_id, revision).await? else { continue };
            secrets.extend(self.secrets(tool_id, revision, &row.secrets)?.into_values());
        }
        Ok(Mask::of(&secrets))
    }
}
