//! The container engine of one node: the only module that talks to Docker.
//!
//! Owns the [`Engine`] trait, its real client ([`docker::Docker`]), its fake ([`fake::FakeEngine`]), and the view of the
//! world that the watcher keeps in memory ([`watch::World`]).
//! It decides nothing: one method is one call of the Engine API (1.41 and newer), and it knows neither tools nor rights.
//!
//! Invariants: everything Summoner creates carries a [`Mark`] label whose value was journaled before the call, so that
//! what a crash left behind is found again and what merely looks like ours is never touched.

pub mod docker;
pub mod fake;
mod spec;
pub mod watch;

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::stream::BoxStream;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use spec::{ContainerSpec, FileSpec, HealthCheck, Mount, NetworkSpec, Pull, VolumeSpec};

/// The label that names the tool (its id) a container, network or volume belongs to.
pub const TOOL_LABEL: &str = "app.summoner.tool";
/// The label that carries the [`Mark`].
pub const MARK_LABEL: &str = "app.summoner.mark";

/// The label that names the Compose service a container belongs to; Compose's own.
pub const SERVICE_LABEL: &str = "com.docker.compose.service";

/// A random value, journaled before a thing is created and carried by it as [`MARK_LABEL`].
///
/// A container, network or volume is ours when its mark is in the database; labels alone prove nothing, since anybody
/// who may talk to the engine can write them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Mark(pub Uuid);

impl From<Uuid> for Mark {
    fn from(id: Uuid) -> Self {
        Self(id)
    }
}

impl std::fmt::Display for Mark {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.simple().fmt(f)
    }
}

/// What went wrong when the engine was asked for something.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The engine did not answer at all: not running, no permission on the socket, connection lost.
    #[error("the container engine could not be reached: {reason}")]
    Unreachable {
        /// The cause in words, with what to do about it where that is known.
        reason: String,
    },
    /// The named thing does not exist (HTTP 404).
    #[error("{what} does not exist")]
    NotFound {
        /// Which thing, in words: "container gitea-db-1".
        what: String,
    },
    /// The name is taken or the thing is in use (HTTP 409).
    #[error("{what}: {reason}")]
    Conflict {
        /// What was attempted, on what.
        what: String,
        /// The engine's own words.
        reason: String,
    },
    /// A published port is in use on the host.
    #[error("port {port} is taken on this machine")]
    PortTaken {
        /// The host port.
        port: u16,
    },
    /// The registry refused the image: wrong or missing credentials.
    #[error("{image}: the registry asked for credentials; add them under Settings → Registries")]
    CredentialsNeeded {
        /// The image reference.
        image: String,
    },
    /// The registry does not have the image.
    #[error("{image}: the registry does not have this image")]
    ImageNotFound {
        /// The image reference.
        image: String,
    },
    /// The image exists, though not for this machine's processor.
    #[error("{image}: there is no build for this machine ({platform})")]
    WrongPlatform {
        /// The image reference.
        image: String,
        /// The node's platform, such as `linux/amd64`.
        platform: String,
    },
    /// The disk that holds images and containers is full.
    #[error("{what}: there is no space left on the disk; remove unused images or add space, then try again")]
    NoSpace {
        /// What was attempted, on what.
        what: String,
    },
    /// Anything else the engine refused.
    #[error("{what}: {reason}")]
    Refused {
        /// What was attempted, on what.
        what: String,
        /// The engine's own words.
        reason: String,
    },
}

impl Error {
    /// Whether trying the same call again later may help: the engine was away, not unwilling.
    pub fn is_temporary(&self) -> bool {
        matches!(self, Self::Unreachable { .. })
    }
}

/// The answer of an engine call.
pub type Result<T> = std::result::Result<T, Error>;

/// What kind of engine answers, and where it runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Info {
    /// The engine's version, such as `20.10.24`.
    pub version: String,
    /// The newest API version it speaks, such as `1.41`.
    pub api_version: String,
    /// The platform images have to be built for, such as `linux/amd64`.
    pub platform: String,
    /// Processors the engine may use.
    pub cpus: u32,
    /// Memory of the machine.
    pub memory_bytes: u64,
    /// The host name of the machine.
    pub host_name: String,
}

/// What is free on the disk that holds images and containers, as far as it can be told from here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Space {
    /// So much can be written.
    Free {
        /// Bytes free for those who are not root.
        bytes: u64,
        /// The engine's folder on that disk.
        folder: String,
    },
    /// It cannot be told.
    Unknown {
        /// Why, in words that follow a colon.
        reason: String,
    },
}

/// A container as one listing shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Container {
    /// The engine's id, 64 hex digits.
    pub id: String,
    /// The name without the leading slash.
    pub name: String,
    /// The image reference it was created from.
    pub image: String,
    /// The image's id, `sha256:…`.
    pub image_id: String,
    /// All labels.
    pub labels: BTreeMap<String, String>,
    /// Its state.
    pub state: ContainerState,
    /// What its own health check says.
    pub health: Health,
    /// When it was created.
    pub created_at: Timestamp,
    /// The engine's sentence about the state: "Up 3 hours (healthy)".
    pub status: String,
    /// The ports published on the host.
    pub ports: Vec<PublishedPort>,
    /// Named volumes mounted, by name.
    pub volumes: Vec<String>,
    /// Networks joined: name to the container's address in it (empty while stopped).
    pub networks: BTreeMap<String, String>,
}

impl Container {
    /// The mark the container carries, if any that can be read.
    pub fn mark(&self) -> Option<Mark> {
        mark_of(&self.labels)
    }

    /// The tool that the container says it belongs to; a claim only, proven by its mark.
    pub fn tool(&self) -> Option<Uuid> {
        tool_of(&self.labels)
    }
}

/// The tool among `labels`, if any that can be read.
pub fn tool_of(labels: &BTreeMap<String, String>) -> Option<Uuid> {
    labels.get(TOOL_LABEL).and_then(|value| Uuid::parse_str(value).ok())
}

/// The mark among `labels`, if any that can be read.
pub fn mark_of(labels: &BTreeMap<String, String>) -> Option<Mark> {
    labels.get(MARK_LABEL).and_then(|value| Uuid::parse_str(value).ok()).map(Mark)
}

/// The states of a container, as the Engine API names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ContainerState {
    /// Made, never started.
    Created,
    /// Running.
    Running,
    /// Frozen.
    Paused,
    /// Between two starts: it ended and its restart policy starts it again.
    Restarting,
    /// Being removed.
    Removing,
    /// Ended.
    Exited,
    /// Could neither be run nor be removed.
    Dead,
}

/// The verdict of a container's own health check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Health {
    /// It has no health check.
    None,
    /// Within its start period, not yet healthy.
    Starting,
    /// The last check passed.
    Healthy,
    /// The check failed as often as its retries allow.
    Unhealthy,
}

/// A port of a container that is published on the host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishedPort {
    /// The host address bound, such as `127.0.0.1` or `0.0.0.0`.
    pub host_ip: String,
    /// The port on the host; in a specification 0 leaves the choice to the engine.
    pub host_port: u16,
    /// The port in the container.
    pub container_port: u16,
    /// `tcp` or `udp`.
    pub protocol: String,
}

/// A network as one listing shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Network {
    /// The engine's id.
    pub id: String,
    /// Its name; several networks may share one, the engine does not forbid it.
    pub name: String,
    /// All labels.
    pub labels: BTreeMap<String, String>,
}

/// A volume as one listing shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Volume {
    /// Its name, which is its identity.
    pub name: String,
    /// All labels.
    pub labels: BTreeMap<String, String>,
    /// When it was made.
    pub created_at: Option<Timestamp>,
}

/// Everything on a node, as of one listing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// All containers, stopped ones too, in the engine's order.
    pub containers: Vec<Container>,
    /// All networks.
    pub networks: Vec<Network>,
    /// All volumes.
    pub volumes: Vec<Volume>,
}

/// An image that is on the node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// Its id, `sha256:…`.
    pub id: String,
    /// `repository@sha256:…` for each registry it came from.
    pub repo_digests: Vec<String>,
    /// `repository:tag` for each name it has.
    pub tags: Vec<String>,
    /// Its size unpacked.
    pub size_bytes: u64,
    /// Such as `linux/amd64`.
    pub platform: String,
    /// Folders that it declares as volumes: where nothing else is mounted, the engine makes an anonymous one there.
    pub volumes: Vec<String>,
}

/// How far one layer of a pull is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayerProgress {
    /// The layer's short id.
    pub layer: String,
    /// The engine's word: `Downloading`, `Extracting`, `Pull complete`…
    pub status: String,
    /// Bytes done of the present phase; zero when unknown.
    pub done_bytes: u64,
    /// Bytes of the present phase in all; zero when unknown.
    pub total_bytes: u64,
}

/// What an inspection adds to a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inspection {
    /// The container as a listing would show it.
    pub container: Container,
    /// The exit code of its last run.
    pub exit_code: i64,
    /// Whether the kernel ended it for using too much memory.
    pub out_of_memory: bool,
    /// When it was last started.
    pub started_at: Option<Timestamp>,
    /// How often its restart policy started it again.
    pub restart_count: i64,
    /// What the last health check printed.
    pub last_check: Option<String>,
    /// The engine's own error of the last start, if any.
    pub error: String,
}

/// Which lines of a container's log are wanted.
#[derive(Clone, Debug, Default)]
pub struct LogQuery {
    /// At most so many of the newest lines; all when `None`.
    pub tail: Option<u32>,
    /// Only lines at or after this instant.
    pub since: Option<Timestamp>,
    /// Whether new lines keep coming until the container ends.
    pub follow: bool,
}

/// One line of a container's log, without its line end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// When the engine read it.
    pub at: Option<Timestamp>,
    /// Whether it was written to standard error.
    pub is_error: bool,
    /// The text; bytes that are no UTF-8 are replaced.
    pub text: String,
}

/// How a command inside a container ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ended {
    /// Its exit code.
    pub exit_code: i64,
    /// What it wrote to both its outputs, the beginning where it is long.
    pub output: String,
}

/// What a container uses at one instant.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Usage {
    /// Share of one processor, in thousandths: 1500 is one and a half processors.
    pub cpu_millis: u64,
    /// Memory in use without the page cache.
    pub memory_bytes: u64,
    /// The memory it may use.
    pub memory_limit_bytes: u64,
}

/// A sign that something changed; the listing, not the event, is the truth.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// When the engine saw it.
    pub at: Timestamp,
    /// `container`, `network`, `volume` or `image`.
    pub kind: String,
    /// Such as `start`, `die`, `health_status: healthy`, `destroy`.
    pub action: String,
    /// The thing's id (a volume's is its name).
    pub id: String,
}

/// One node's container engine.
///
/// Creating what exists already under the same name is a [`Error::Conflict`]; removing what is gone is
/// [`Error::NotFound`]; starting what runs and stopping what is stopped succeed.
#[async_trait]
pub trait Engine: Send + Sync {
    /// The machine that it runs on, by the name it is reached under; `None` when that is this one.
    ///
    /// Ports that containers publish are then on that machine, and containers' own addresses lead nowhere from here.
    fn host(&self) -> Option<&str>;

    /// Asks who answers (`GET /info`, `GET /version`).
    async fn info(&self) -> Result<Info>;

    /// Lists containers, networks and volumes.
    async fn list(&self) -> Result<Listing>;

    /// Follows changes from `since` on; the stream ends with an error when the connection is lost.
    async fn changes(&self, since: Option<Timestamp>) -> Result<BoxStream<'static, Result<Change>>>;

    /// Looks at the disk that holds images and containers (`GET /info` names the folder).
    async fn space(&self) -> Result<Space>;

    /// Finds an image by id, `repository:tag` or `repository@digest`; `None` when it is not on the node.
    async fn image(&self, reference: &str) -> Result<Option<Image>>;

    /// Pulls an image, reporting each layer. Returns when it is complete and on the node.
    async fn pull(&self, pull: &Pull, progress: &(dyn Fn(LayerProgress) + Send + Sync)) -> Result<()>;

    /// Gives an image a further name, `repository:tag`.
    async fn tag_image(&self, reference: &str, repository: &str, tag: &str) -> Result<()>;

    /// Removes one name of an image, and the image with its last name; never by force.
    async fn remove_image(&self, reference: &str) -> Result<()>;

    /// Creates a network and gives its id.
    async fn create_network(&self, spec: &NetworkSpec) -> Result<String>;

    /// Removes a network by id.
    async fn remove_network(&self, id: &str) -> Result<()>;

    /// Creates a volume.
    async fn create_volume(&self, spec: &VolumeSpec) -> Result<()>;

    /// Removes a volume by name.
    async fn remove_volume(&self, name: &str) -> Result<()>;

    /// Creates a container with its files laid in, stopped, and gives its id.
    async fn create_container(&self, spec: &ContainerSpec) -> Result<String>;

    /// Starts a container.
    async fn start_container(&self, id: &str) -> Result<()>;

    /// Stops a container within its grace period.
    async fn stop_container(&self, id: &str) -> Result<()>;

    /// Removes a container, killing it when it runs, without its named volumes. Anonymous ones go with it:
    /// none holds data, because no container is made whose image would keep some in one.
    async fn remove_container(&self, id: &str) -> Result<()>;

    /// Renames a container.
    async fn rename_container(&self, id: &str, name: &str) -> Result<()>;

    /// Looks closely at a container.
    async fn inspect(&self, id: &str) -> Result<Inspection>;

    /// Reads a container's log, oldest line first.
    async fn logs(&self, id: &str, query: &LogQuery) -> Result<BoxStream<'static, Result<LogLine>>>;

    /// Runs a command in a running container as the container's own user: an argument vector, no shell.
    ///
    /// One that takes longer than `limit` is a [`Error::Refused`]; it is left to itself, since no call ends it.
    async fn exec(&self, id: &str, command: &[String], limit: Duration) -> Result<Ended>;

    /// Measures a running container once; takes about a second, since a rate needs two samples.
    async fn usage(&self, id: &str) -> Result<Usage>;
}
