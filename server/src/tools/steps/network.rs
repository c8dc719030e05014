//! Makes a network of the tool.

use std::sync::Arc;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::{Made, Means, gone_is_fine};
use crate::engine::{self, Mark, mark_of};
use crate::operations::{Step, StepContext, StepError};
use crate::tools::definition::NetworkToMake;
use crate::tools::store;

pub(in crate::tools) const KIND: &str = "network";

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(in crate::tools) struct Input {
    pub revision: i32,
    pub network: NetworkToMake,
}

pub(in crate::tools) struct MakeNetwork {
    pub means: Arc<Means>,
    pub input: Input,
}

#[async_trait]
impl Step for MakeNetwork {
    async fn apply(&self, cx: &StepContext) -> Result<(), StepError> {
        let resolved = self.means.resolved(cx.operation.tool_id, self.input.revision).await?;
        let spec = resolved.network_spec(&self.input.network, cx.mark);
        if find(&self.means, cx.mark).await?.is_empty() {
            match self.means.engine.create_network(&spec).await {
                // The engine may still have been at it when the process that asked died.
                Err(engine::Error::Conflict { .. }) if !find(&self.means, cx.mark).await?.is_empty() => {}
                made => {
                    made?;
                }
            }
        }
        let made =
            Made { kind: "network", mark: cx.mark, name: spec.name, service: None, revision: self.input.revision };
        self.means.record(cx, made).await?;
        Ok(())
    }

    async fn undo(&self, cx: &StepContext) -> Result<(), StepError> {
        remove(&self.means, cx.mark).await
    }
}

/// The ids of the networks that carry `mark`: none or one, and two when the engine made one for a process that died
/// while the next process asked again, since names of networks are not unique.
async fn find(means: &Means, mark: Mark) -> engine::Result<Vec<String>> {
    let networks = means.engine.list().await?.networks;
    let marked = networks.into_iter().filter(|network| mark_of(&network.labels) == Some(mark));
    Ok(marked.map(|network| network.id).collect())
}

/// Removes the network that carries `mark`, if it is there.
pub(in crate::tools) async fn remove(means: &Means, mark: Mark) -> Result<(), StepError> {
    for id in find(means, mark).await? {
        gone_is_fine(means.engine.remove_network(&id).await)?;
    }
    store::set_resource(&means.db, mark, "gone").await?;
    Ok(())
}
