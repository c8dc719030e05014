//! The real engine: Docker over its HTTP API, 1.41 and newer.
//!
//! The client is pinned to a version that sends no API version in its paths, so each engine answers in its newest shape;
//! nothing here may depend on a field that 1.41 lacks.
//! The client writes the bodies of requests to the log at level debug, secrets of containers included: whoever sets up
//! logging keeps the target `bollard` at info.
//! Every call has a limit of time, and every refusal becomes an [`Error`] that says what was attempted on what.

mod container;
mod convert;
mod create;
mod endpoint;
mod errors;
mod exec;
mod files;
mod logs;
mod names;
mod pull;
mod ranges;
mod version;

use std::collections::{BTreeMap, HashMap};
use std::future::Future;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::Duration;

use async_trait::async_trait;
use bollard::models;
use bollard::query_parameters as query;
use futures_util::stream::BoxStream;
use futures_util::{StreamExt, stream};
use jiff::Timestamp;

use self::endpoint::{Endpoint, LazyClient};
use self::errors::Attempt;
use super::{
    Change, Container, ContainerSpec, Ended, Engine, Error, Image, Info, Inspection, LayerProgress, Listing, LogLine,
    LogQuery, NetworkSpec, Pull, Result, Space, Usage, VolumeSpec,
};

/// The longest that a call may take which waits for nothing outside the engine.
const LIMIT: Duration = Duration::from_secs(30);
/// What a stop may take beyond the container's grace period.
const STOP_MARGIN: Duration = Duration::from_secs(15);
/// The engine's own grace period, for containers that name none.
const DEFAULT_GRACE: Duration = Duration::from_secs(10);

type Answer<T> = std::result::Result<T, bollard::errors::Error>;

/// A Docker Engine, reached through its socket or port.
#[derive(Debug)]
pub struct Docker {
    client: LazyClient,
    platform: OnceLock<String>,
}

impl Docker {
    /// An engine at `docker_host` (`unix://…`, `tcp://…`, `https://…`); its usual socket when `None`.
    ///
    /// Makes no connection: an engine that is down is found so by the first call, and may come up later.
    /// TLS is used when `DOCKER_TLS_VERIFY` is set, with `ca.pem`, `cert.pem` and `key.pem` from `DOCKER_CERT_PATH`
    /// (`~/.docker` when unset), as the Docker command line does.
    ///
    /// # Errors
    /// [`Error::Refused`] when the address cannot be used or the certificates cannot be read.
    pub fn connect(docker_host: Option<&str>) -> Result<Self> {
        let is_set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
        let folder = || {
            is_set("DOCKER_CERT_PATH")
                .map(PathBuf::from)
                .or_else(|| Some(PathBuf::from(is_set("HOME")?).join(".docker")))
        };
        let wants_tls = is_set("DOCKER_TLS_VERIFY").is_some()
            || docker_host.is_some_and(|host| host.trim().starts_with("https://"));
        Self::connect_with(docker_host, if wants_tls { folder() } else { None })
    }

    /// An engine at `docker_host`, with TLS when `certificates` names the folder of `ca.pem`, `cert.pem` and `key.pem`.
    ///
    /// # Errors
    /// [`Error::Refused`] when the address cannot be used or the certificates cannot be read.
    pub fn connect_with(docker_host: Option<&str>, certificates: Option<PathBuf>) -> Result<Self> {
        let client = LazyClient::new(Endpoint::parse(docker_host, certificates)?);
        if let Endpoint::Tls(..) = client.endpoint {
            let attempt = Attempt::new("connecting to", format!("the container engine at {}", client.endpoint));
            client.get().map_err(|cause| attempt.refused(cause.to_string()))?;
        }
        Ok(Self { client, platform: OnceLock::new() })
    }

    /// Runs one call within `limit`.
    async fn call<'a, T, F>(
        &'a self,
        limit: Duration,
        attempt: &Attempt,
        call: impl FnOnce(&'a bollard::Docker) -> F,
    ) -> Result<T>
    where
        F: Future<Output = Answer<T>>,
    {
        let client = self.client(attempt)?;
        match tokio::time::timeout(limit, call(client)).await {
            Ok(answer) => answer.map_err(|cause| self.failed(attempt, &cause)),
            Err(_) => Err(Error::Unreachable {
                reason: format!("no answer within {} seconds while {}", limit.as_secs(), attempt.what()),
            }),
        }
    }

    fn client(&self, attempt: &Attempt) -> Result<&bollard::Docker> {
        self.client.get().map_err(|cause| self.failed(attempt, &cause))
    }

    fn failed(&self, attempt: &Attempt, cause: &bollard::errors::Error) -> Error {
        attempt.failed(cause, &self.client.endpoint)
    }

    async fn version(&self) -> Result<models::SystemVersion> {
        let attempt = Attempt::new("asking for", "the version of the container engine");
        self.call(LIMIT, &attempt, bollard::Docker::version).await
    }

    async fn system(&self) -> Result<models::SystemInfo> {
        let attempt = Attempt::new("asking for", "the state of the container engine");
        self.call(LIMIT, &attempt, bollard::Docker::info).await
    }

    /// The node's platform, asked for once.
    async fn platform(&self) -> Result<&str> {
        if let Some(platform) = self.platform.get() {
            return Ok(platform);
        }
        self.info().await?;
        Ok(self.platform.get().map_or("unknown", String::as_str))
    }

    /// The containers that match `filters`, all when it is empty.
    async fn containers(&self, filters: HashMap<String, Vec<String>>) -> Result<Vec<Container>> {
        let attempt = Attempt::new("listing", "containers");
        let filters = Some(filters).filter(|filters| !filters.is_empty());
        let options = query::ListContainersOptions { all: true, filters, ..Default::default() };
        let found = self.call(LIMIT, &attempt, |docker| docker.list_containers(Some(options))).await?;
        Ok(found.into_iter().map(convert::container).collect())
    }

    async fn all_networks(&self) -> Result<Vec<models::Network>> {
        let attempt = Attempt::new("listing", "networks");
        self.call(LIMIT, &attempt, |docker| docker.list_networks(None)).await
    }

    async fn networks(&self) -> Result<Vec<super::Network>> {
        let mut networks: Vec<_> = self.all_networks().await?.into_iter().map(convert::network).collect();
        networks.sort_by(|a, b| (&a.name, &a.id).cmp(&(&b.name, &b.id)));
        Ok(networks)
    }

    /// Makes a network in the first of `parts` that nobody takes meanwhile; `None` when there is none.
    async fn create_part(
        &self,
        attempt: &Attempt,
        request: &models::NetworkCreateRequest,
        parts: impl Iterator<Item = ranges::Part>,
    ) -> Result<Option<String>> {
        // Each that fails was taken since the list was read.
        for part in parts.take(20) {
            let mut request = request.clone();
            part.ask(&mut request);
            match self.call(LIMIT, attempt, |docker| docker.create_network(request)).await {
                Ok(made) => return Ok(Some(made.id)),
                Err(Error::Refused { reason, .. }) if reason.contains("Pool overlaps") => {}
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }

    async fn volumes(&self) -> Result<Vec<super::Volume>> {
        let attempt = Attempt::new("listing", "volumes");
        let found = self.call(LIMIT, &attempt, |docker| docker.list_volumes(None::<query::ListVolumesOptions>)).await?;
        let mut volumes: Vec<_> = found.volumes.unwrap_or_default().into_iter().map(convert::volume).collect();
        volumes.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(volumes)
    }
}

#[async_trait]
impl Engine for Docker {
    fn host(&self) -> Option<&str> {
        self.client.endpoint.host()
    }

    async fn info(&self) -> Result<Info> {
        let version = self.version().await?;
        let attempt = Attempt::new("using", format!("the container engine at {}", self.client.endpoint));
        version::usable(&version).map_err(|reason| attempt.refused(reason))?;
        let system = self.system().await?;
        let platform = convert::platform(
            version.os.as_deref().unwrap_or_default(),
            version.arch.as_deref().unwrap_or_default(),
            system.architecture.as_deref().unwrap_or_default(),
        );
        let platform = self.platform.get_or_init(|| platform).clone();
        Ok(Info {
            version: version.version.unwrap_or_default(),
            api_version: version.api_version.unwrap_or_default(),
            platform,
            cpus: system.ncpu.and_then(|cpus| u32::try_from(cpus).ok()).unwrap_or_default(),
            memory_bytes: system.mem_total.and_then(|bytes| u64::try_from(bytes).ok()).unwrap_or_default(),
            host_name: system.name.unwrap_or_default(),
        })
    }

    async fn list(&self) -> Result<Listing> {
        let (containers, networks, volumes) =
            tokio::try_join!(self.containers(HashMap::new()), self.networks(), self.volumes())?;
        Ok(Listing { containers, networks, volumes })
    }

    async fn changes(&self, since: Option<Timestamp>) -> Result<BoxStream<'static, Result<Change>>> {
        // The request goes out when the stream is first read, so "from now on" is told by the engine's own clock:
        // what happens in between is sent afterwards and nothing is missed.
        let system = self.system().await?;
        let since = since.or_else(|| system.system_time.as_deref().and_then(|now| now.parse().ok()));
        let attempt = Attempt::new("following", "the changes of the container engine");
        let client = self.client(&attempt)?;
        let kinds = ["container", "network", "volume", "image"].map(str::to_owned).to_vec();
        let options = query::EventsOptions {
            since: since.map(|since| format!("{}.{:09}", since.as_second(), since.subsec_nanosecond())),
            until: None,
            filters: Some(HashMap::from([("type".to_owned(), kinds)])),
        };
        let endpoint = self.client.endpoint.clone();
        let lost = Error::Unreachable { reason: format!("the connection to {endpoint} was lost (it was closed)") };
        let changes = client.events(Some(options)).filter_map(move |event| {
            let change = match event {
                Ok(event) => convert::change(event).map(Ok),
                Err(cause) => Some(Err(attempt.failed(&cause, &endpoint))),
            };
            std::future::ready(change)
        });
        Ok(changes.chain(stream::iter([Err(lost)])).boxed())
    }

    async fn space(&self) -> Result<Space> {
        let unknown = |reason: &str| Ok(Space::Unknown { reason: reason.to_owned() });
        if !matches!(self.client.endpoint, Endpoint::Unix(_)) {
            return unknown("the engine is reached over the network, and its disk is not seen from here");
        }
        let Some(folder) = self.system().await?.docker_root_dir.filter(|folder| !folder.is_empty()) else {
            return unknown("the engine does not say where it keeps its images");
        };
        // In a container of its own Summoner sees the socket and not the folder, which then is not there.
        match rustix::fs::statvfs(folder.as_str()) {
            Ok(disk) => Ok(Space::Free { bytes: disk.f_bavail.saturating_mul(disk.f_frsize), folder }),
            Err(cause) => unknown(&format!("the engine's folder {folder} cannot be looked at from here ({cause})")),
        }
    }

    async fn image(&self, reference: &str) -> Result<Option<Image>> {
        let attempt = Attempt::new("looking at", format!("image {reference}"));
        let reference = names::image(reference)?;
        match self.call(LIMIT, &attempt, |docker| docker.inspect_image(reference)).await {
            Ok(image) => Ok(Some(convert::image(image))),
            Err(Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn pull(&self, pull: &Pull, progress: &(dyn Fn(LayerProgress) + Send + Sync)) -> Result<()> {
        pull::pull(self, pull, progress).await
    }

    async fn tag_image(&self, reference: &str, repository: &str, tag: &str) -> Result<()> {
        let attempt = Attempt::new("tagging", format!("image {reference}"));
        let reference = names::image(reference)?;
        let repository = names::repository(repository)?;
        let options = query::TagImageOptions { repo: Some(repository.to_owned()), tag: Some(tag.to_owned()) };
        self.call(LIMIT, &attempt, |docker| docker.tag_image(reference, Some(options))).await
    }

    async fn remove_image(&self, reference: &str) -> Result<()> {
        let attempt = Attempt::new("removing", format!("image {reference}"));
        let reference = names::image(reference)?;
        let options = query::RemoveImageOptions::default();
        self.call(LIMIT, &attempt, |docker| docker.remove_image(reference, Some(options), None)).await?;
        Ok(())
    }

    async fn create_network(&self, spec: &NetworkSpec) -> Result<String> {
        let attempt = Attempt::new("creating", format!("network {}", spec.name));
        names::name("network", &spec.name)?;
        // The engine makes a second network of the same name without a word.
        let networks = self.all_networks().await?;
        if networks.iter().any(|network| network.name.as_ref() == Some(&spec.name)) {
            let reason = "a network of this name exists already".to_owned();
            return Err(Error::Conflict { what: attempt.what(), reason });
        }
        let request = models::NetworkCreateRequest {
            name: spec.name.clone(),
            driver: Some("bridge".to_owned()),
            internal: Some(spec.internal),
            labels: Some(spec.labels.clone().into_iter().collect()),
            ..Default::default()
        };
        if let Some(id) = self.create_part(&attempt, &request, ranges::free(&networks)).await? {
            return Ok(id);
        }
        let id = self.call(LIMIT, &attempt, |docker| docker.create_network(request.clone())).await?.id;
        let chosen = self.call(LIMIT, &attempt, |docker| docker.inspect_network(&id, None)).await?;
        let parts = ranges::parts_of(chosen.ipam.as_ref());
        if parts.is_empty() {
            return Ok(id);
        }
        self.remove_network(&id).await?;
        match self.create_part(&attempt, &request, parts.into_iter()).await? {
            Some(id) => Ok(id),
            // Others took all of it in this moment.
            None => Ok(self.call(LIMIT, &attempt, |docker| docker.create_network(request)).await?.id),
        }
    }

    async fn remove_network(&self, id: &str) -> Result<()> {
        let attempt = Attempt::new("removing", format!("network {id}"));
        let id = names::name("network", id)?;
        self.call(LIMIT, &attempt, |docker| docker.remove_network(id)).await
    }

    async fn create_volume(&self, spec: &VolumeSpec) -> Result<()> {
        let attempt = Attempt::new("creating", format!("volume {}", spec.name));
        let name = names::name("volume", &spec.name)?;
        let taken = |reason: &str| Error::Conflict { what: attempt.what(), reason: reason.to_owned() };
        // To create a volume that exists succeeds, and gives the other's data.
        match self.call(LIMIT, &attempt, |docker| docker.inspect_volume(name)).await {
            Ok(_) => return Err(taken("a volume of this name exists already")),
            Err(Error::NotFound { .. }) => {}
            Err(error) => return Err(error),
        }
        let request = models::VolumeCreateRequest {
            name: Some(spec.name.clone()),
            driver: Some("local".to_owned()),
            labels: Some(spec.labels.clone().into_iter().collect()),
            ..Default::default()
        };
        let made = self.call(LIMIT, &attempt, |docker| docker.create_volume(request)).await?;
        if made.labels.into_iter().collect::<BTreeMap<_, _>>() != spec.labels {
            return Err(taken("somebody else made a volume of this name at the same moment"));
        }
        Ok(())
    }

    async fn remove_volume(&self, name: &str) -> Result<()> {
        let attempt = Attempt::new("removing", format!("volume {name}"));
        let name = names::name("volume", name)?;
        self.call(LIMIT, &attempt, |docker| docker.remove_volume(name, None::<query::RemoveVolumeOptions>)).await
    }

    async fn create_container(&self, spec: &ContainerSpec) -> Result<String> {
        self.make(spec).await
    }

    async fn start_container(&self, id: &str) -> Result<()> {
        let attempt = Attempt::new("starting", format!("container {id}"));
        let id = names::name("container", id)?;
        self.call(LIMIT, &attempt, |docker| docker.start_container(id, None)).await
    }

    async fn stop_container(&self, id: &str) -> Result<()> {
        let attempt = Attempt::new("stopping", format!("container {id}"));
        let inspected = self.inspect_raw(&attempt, id).await?;
        let grace = inspected.config.and_then(|config| config.stop_timeout);
        let grace = grace.and_then(|seconds| u64::try_from(seconds).ok()).map_or(DEFAULT_GRACE, Duration::from_secs);
        self.call(grace + STOP_MARGIN, &attempt, |docker| docker.stop_container(id, None)).await
    }

    async fn remove_container(&self, id: &str) -> Result<()> {
        let attempt = Attempt::new("removing", format!("container {id}"));
        let id = names::name("container", id)?;
        let options = query::RemoveContainerOptions { force: true, v: true, ..Default::default() };
        self.call(LIMIT, &attempt, |docker| docker.remove_container(id, Some(options))).await
    }

    async fn rename_container(&self, id: &str, name: &str) -> Result<()> {
        let attempt = Attempt::new("renaming", format!("container {id} to {name}"));
        let id = names::name("container", id)?;
        let options = query::RenameContainerOptions { name: names::name("container", name)?.to_owned() };
        self.call(LIMIT, &attempt, |docker| docker.rename_container(id, options)).await
    }

    async fn inspect(&self, id: &str) -> Result<Inspection> {
        self.look(id).await
    }

    async fn logs(&self, id: &str, query: &LogQuery) -> Result<BoxStream<'static, Result<LogLine>>> {
        let attempt = Attempt::new("reading the log of", format!("container {id}"));
        // The log itself is asked for when the stream is first read; this finds out now whether there is one.
        self.inspect_raw(&attempt, id).await?;
        let since = query.since.map(jiff::Timestamp::as_second);
        let options = query::LogsOptions {
            follow: query.follow,
            stdout: true,
            stderr: true,
            since: since.and_then(|since| i32::try_from(since).ok()).unwrap_or_default(),
            until: 0,
            timestamps: true,
            tail: query.tail.map_or_else(|| "all".to_owned(), |tail| tail.to_string()),
        };
        let endpoint = self.client.endpoint.clone();
        let output = self.client(&attempt)?.logs(id, Some(options));
        let output = output.map(move |chunk| chunk.map_err(|cause| attempt.failed(&cause, &endpoint)));
        Ok(logs::lines(output, query.since))
    }

    async fn exec(&self, id: &str, command: &[String], limit: Duration) -> Result<Ended> {
        self.run(id, command, limit).await
    }

    async fn usage(&self, id: &str) -> Result<Usage> {
        let attempt = Attempt::new("measuring", format!("container {id}"));
        let id = names::name("container", id)?;
        // Not "one shot": the engine waits for a second sample, without which there is no rate.
        let options = query::StatsOptions { stream: false, one_shot: false };
        let stats = self
            .call(LIMIT, &attempt, |docker| async move { docker.stats(id, Some(options)).next().await.transpose() })
            .await?;
        let not_running = || Error::Conflict { what: attempt.what(), reason: "it is not running".to_owned() };
        stats.as_ref().and_then(convert::usage).ok_or_else(not_running)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn s12_ids_that_leave_their_path_reach_no_engine() {
        let docker = Docker::connect_with(Some("unix:///nonexistent/engine.sock"), None).unwrap();
        for id in ["../../info", "a/b", "a?force=1", "%2e%2e"] {
            assert!(matches!(docker.start_container(id).await, Err(Error::Refused { .. })), "{id}");
            assert!(matches!(docker.stop_container(id).await, Err(Error::Refused { .. })), "{id}");
            assert!(matches!(docker.remove_volume(id).await, Err(Error::Refused { .. })), "{id}");
            assert!(matches!(docker.remove_network(id).await, Err(Error::Refused { .. })), "{id}");
            assert!(matches!(docker.inspect(id).await, Err(Error::Refused { .. })), "{id}");
            assert!(matches!(docker.exec(id, &[], LIMIT).await, Err(Error::Refused { .. })), "{id}");
            assert!(matches!(docker.usage(id).await, Err(Error::Refused { .. })), "{id}");
        }
    }
}
