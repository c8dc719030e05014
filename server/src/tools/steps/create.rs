//! Makes the container of a service, stopped.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::{LOOK, Made, Means, gone_is_fine};
use crate::catalog::compose::{MountKind, Service};
use crate::engine::{self, ContainerSpec, ContainerState, Mark, Volume, mark_of};
use crate::operations::{Step, StepContext, StepError};
use crate::tools::store;

pub(in crate::tools) const KIND: &str = "create";

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(in crate::tools) struct Input {
    pub revision: i32,
    pub service: String,
}

pub(in crate::tools) struct Create {
    pub means: Arc<Means>,
    pub input: Input,
}

#[async_trait]
impl Step for Create {
    async fn apply(&self, cx: &StepContext) -> Result<(), StepError> {
        let resolved = self.means.resolved(cx.operation.tool_id, self.input.revision).await?;
        let service = resolved.compose.service(&self.input.service).ok_or_else(|| {
            StepError::new(format!("the tool's own copy of its entry has no service {}", self.input.service))
        })?;
        let spec = resolved.container_spec(service, cx.mark);
        self.clear_half_made(cx.mark).await?;
        let is_whole = self.means.container(cx.mark).await?.is_some();
        if !is_whole {
            self.see_data(cx, &spec).await?;
            self.see_folders(service, &spec).await?;
            match self.means.engine.create_container(&spec).await {
                // The engine may still have been at it when the process that asked died.
                Err(engine::Error::Conflict { .. }) if self.means.container(cx.mark).await?.is_some() => {
                    self.clear_half_made(cx.mark).await?;
                    self.means.engine.create_container(&spec).await?;
                }
                made => {
                    made?;
                }
            }
        }
        let made = Made {
            kind: "container",
            mark: cx.mark,
            name: spec.name,
            service: Some(self.input.service.clone()),
            revision: self.input.revision,
        };
        self.means.record(cx, made).await?;
        Ok(())
    }

    async fn undo(&self, cx: &StepContext) -> Result<(), StepError> {
        remove(&self.means, cx.mark).await
    }
}

impl Create {
    /// Sees that every volume the container mounts is the tool's own: the engine makes an empty one in the place of one
    /// that is missing, without a word.
    async fn see_data(&self, cx: &StepContext, spec: &ContainerSpec) -> Result<(), StepError> {
        if spec.mounts.is_empty() {
            return Ok(());
        }
        let resources = store::resources(&self.means.db, Some(cx.operation.tool_id)).await?;
        let volumes = self.means.engine.list().await?.volumes;
        let is_own = |volume: &Volume| {
            let mark = mark_of(&volume.labels);
            resources.iter().any(|known| known.kind == "volume" && Some(known.mark) == mark)
        };
        for mount in &spec.mounts {
            if !volumes.iter().any(|volume| volume.name == mount.volume && is_own(volume)) {
                return Err(StepError::new(format!(
                    "the volume {} is not on this machine any more; somebody else removed it, and what was in it is gone",
                    mount.volume
                )));
            }
        }
        Ok(())
    }

    /// Sees that a mount covers each folder that the image declares as a volume: in the place of one that is missing the
    /// engine makes a volume without a name, and the next container would begin with another, empty one.
    async fn see_folders(&self, service: &Service, spec: &ContainerSpec) -> Result<(), StepError> {
        let image = self.means.engine.image(&spec.image).await?;
        for folder in image.map(|image| image.volumes).unwrap_or_default() {
            let is_covered = service.volumes.iter().any(|mount| {
                let is_made = matches!(mount.kind, MountKind::Volume(_) | MountKind::Tmpfs { .. });
                is_made && mount.target.trim_end_matches('/') == folder.trim_end_matches('/')
            });
            if !is_covered {
                return Err(StepError::new(format!(
                    "the image of {} keeps data in {folder}, where this entry mounts nothing; it would be lost with the \
                     container. Choose another version",
                    service.name
                )));
            }
        }
        Ok(())
    }

    /// Removes a container of this step that never ran. It takes several calls to make one, for its files and further
    /// networks, and a crash between them leaves one that looks whole.
    async fn clear_half_made(&self, mark: Mark) -> Result<(), StepError> {
        let found = self.means.container(mark).await?;
        if let Some(container) = found.filter(|container| container.state == ContainerState::Created) {
            gone_is_fine(self.means.engine.remove_container(&container.id).await)?;
        }
        Ok(())
    }
}

/// How long a removal that the engine began already may take: it deletes files first.
const REMOVAL: Duration = Duration::from_mins(2);

/// Removes the container that carries `mark`, if it is there.
pub(in crate::tools) async fn remove(means: &Means, mark: Mark) -> Result<(), StepError> {
    let begun = Instant::now();
    while let Some(container) = means.container(mark).await? {
        match means.engine.remove_container(&container.id).await {
            // "Removal is already in progress": somebody's call was cut off, the engine's work was not.
            Err(engine::Error::Conflict { .. })
                if container.state == ContainerState::Removing && begun.elapsed() < REMOVAL =>
            {
                tokio::time::sleep(LOOK).await;
            }
            answered => {
                gone_is_fine(answered)?;
                break;
            }
        }
    }
    store::set_resource(&means.db, mark, "gone").await?;
    Ok(())
}
