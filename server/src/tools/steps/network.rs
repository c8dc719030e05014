//! Makes a network of the tool.

use std::sync::Arc;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::{Means, gone_is_fine};
use crate::engine::{self, Mark, mark_of};
use crate::operations::{Step, StepContext, StepError};
use crate::tools::definition::NetworkToMake;
use crate::tools::store::{self, Resource};

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
        if find(&self.means, cx.mark).await?.is_none() {
            self.means.engine.create_network(&spec).await?;
        }
        let resource = Resource {
            mark: cx.mark,
            tool_id: cx.operation.tool_id,
            kind: "network".into(),
            name: spec.name,
            service: None,
            revision: self.input.revision,
            state: "present".into(),
        };
        store::present(&self.means.db, &self.means.node, &resource).await?;
        Ok(())
    }

    async fn undo(&self, cx: &StepContext) -> Result<(), StepError> {
        remove(&self.means, cx.mark).await
    }
}

/// The id of the network that carries `mark`.
async fn find(means: &Means, mark: Mark) -> engine::Result<Option<String>> {
    let networks = means.engine.list().await?.networks;
    Ok(networks.into_iter().find(|network| mark_of(&network.labels) == Some(mark)).map(|network| network.id))
}

/// Removes the network that carries `mark`, if it is there.
pub(in crate::tools) async fn remove(means: &Means, mark: Mark) -> Result<(), StepError> {
    if let Some(id) = find(means, mark).await? {
        gone_is_fine(means.engine.remove_network(&id).await)?;
    }
    store::set_resource(&means.db, mark, "gone").await?;
    Ok(())
}
