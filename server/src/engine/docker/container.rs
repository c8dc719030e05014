//! Creating a container, and looking at one: what takes more than one call.

use std::collections::{BTreeSet, HashMap};

use bollard::models;
use bollard::query_parameters as query;
use jiff::Timestamp;

use super::errors::Attempt;
use super::{Docker, LIMIT, create, files, names};
use crate::engine::{ContainerSpec, Engine, Error, Inspection, Result};

impl Docker {
    /// Creates a container with its networks and files.
    pub(super) async fn make(&self, spec: &ContainerSpec) -> Result<String> {
        let attempt = Attempt::new("creating", format!("container {}", spec.name));
        let name = names::name("container", &spec.name)?;
        names::image(&spec.image)?;
        let uploads = files::uploads(spec).map_err(|reason| attempt.refused(reason))?;
        let body = create::body(spec).map_err(|reason| attempt.refused(reason))?;
        let options = query::CreateContainerOptions { name: Some(name.to_owned()), ..Default::default() };
        let id = self.call(LIMIT, &attempt, |docker| docker.create_container(Some(options), body)).await?.id;
        let Err(error) = self.finish(&id, spec, &uploads).await else {
            return Ok(id);
        };
        // Half a container would hold the name against the next attempt. When it cannot be removed either, it still
        // carries its mark and is found by it.
        if let Err(left) = self.remove_container(&id).await {
            tracing::warn!(container = %spec.name, error = %left, "a half-made container could not be removed");
        }
        Err(error)
    }

    async fn join(&self, id: &str, network: &str, aliases: &[String]) -> Result<()> {
        let attempt = Attempt::new("joining", format!("container {id} to network {network}"));
        let name = names::name("network", network)?;
        let request = models::NetworkConnectRequest {
            container: id.to_owned(),
            endpoint_config: Some(create::endpoint(aliases)),
        };
        self.call(LIMIT, &attempt, |docker| docker.connect_network(name, request)).await
    }

    /// Lays one upload's files into a container, with the folders that are missing.
    async fn lay(&self, id: &str, name: &str, upload: &files::Upload<'_>) -> Result<()> {
        let attempt = Attempt::new("laying files into", format!("container {name}"));
        let mut missing = BTreeSet::new();
        for folder in upload.folders() {
            let path = format!("{}/{folder}", upload.root.trim_end_matches('/'));
            let options = query::ContainerArchiveInfoOptions { path };
            match self.call(LIMIT, &attempt, |docker| docker.get_container_archive_info(id, Some(options))).await {
                Ok(_) => {}
                Err(Error::NotFound { .. }) => {
                    missing.insert(folder);
                }
                Err(error) => return Err(error),
            }
        }
        let archive = upload.archive(&missing).map_err(|cause| attempt.refused(cause.to_string()))?;
        let options = query::UploadToContainerOptions { path: upload.root.clone(), ..Default::default() };
        let body = bollard::body_full(archive.into());
        self.call(LIMIT, &attempt, |docker| docker.upload_to_container(id, Some(options), body)).await
    }

    /// Does what creating a container needs beyond the creation itself.
    async fn finish(&self, id: &str, spec: &ContainerSpec, uploads: &[files::Upload<'_>]) -> Result<()> {
        for (network, aliases) in spec.networks.iter().skip(1) {
            self.join(id, network, aliases).await?;
        }
        for upload in uploads {
            self.lay(id, &spec.name, upload).await?;
        }
        Ok(())
    }

    /// The engine's own inspection of a container.
    pub(super) async fn inspect_raw(&self, attempt: &Attempt, id: &str) -> Result<models::ContainerInspectResponse> {
        let id = names::name("container", id)?;
        self.call(LIMIT, attempt, |docker| docker.inspect_container(id, None)).await
    }

    /// Inspects a container, and lists it for what a listing shows.
    pub(super) async fn look(&self, id: &str) -> Result<Inspection> {
        let attempt = Attempt::new("looking at", format!("container {id}"));
        let inspected = self.inspect_raw(&attempt, id).await?;
        let full_id = inspected.id.unwrap_or_default();
        let listed = self.containers(HashMap::from([("id".to_owned(), vec![full_id.clone()])])).await?;
        let container = listed.into_iter().find(|container| container.id == full_id);
        let container = container.ok_or_else(|| Error::NotFound { what: format!("container {id}") })?;
        let state = inspected.state.unwrap_or_default();
        let last_check = state.health.and_then(|health| health.log).and_then(|mut log| log.pop());
        Ok(Inspection {
            container,
            exit_code: state.exit_code.unwrap_or_default(),
            out_of_memory: state.oom_killed.unwrap_or_default(),
            // A container that never ran tells of the year 1.
            started_at: state.started_at.and_then(|at| at.parse().ok()).filter(|at| *at > Timestamp::UNIX_EPOCH),
            restart_count: inspected.restart_count.unwrap_or_default(),
            last_check: last_check.and_then(|check| check.output),
            error: state.error.unwrap_or_default(),
        })
    }
}
