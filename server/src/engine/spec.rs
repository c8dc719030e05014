//! What an engine is asked to pull and to create.

use std::collections::BTreeMap;
use std::time::Duration;

use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use super::PublishedPort;

/// What to pull: by digest, so that what was chosen is what runs.
#[derive(Clone, Debug)]
pub struct Pull {
    /// The repository as the engine has to ask for it, without tag: `docker.io/library/nginx`, `127.0.0.1:5000/a/b`.
    pub repository: String,
    /// The digest, `sha256:…`.
    pub digest: String,
    /// User and password for the registry, if it wants them.
    pub credentials: Option<(String, SecretString)>,
}

/// A network to create. The driver is `bridge`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkSpec {
    /// Its name.
    pub name: String,
    /// All labels, the mark among them.
    pub labels: BTreeMap<String, String>,
    /// Whether it is cut off from the outside.
    pub internal: bool,
}

/// A volume to create, with the local driver.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct VolumeSpec {
    /// Its name.
    pub name: String,
    /// All labels, the mark among them.
    pub labels: BTreeMap<String, String>,
}

/// A container to create. Fields mean what they mean in a Compose service.
#[derive(Clone, Debug, Default)]
pub struct ContainerSpec {
    /// Its name.
    pub name: String,
    /// The image: an id or `repository@sha256:…` that is on the node.
    pub image: String,
    /// All labels, the mark among them.
    pub labels: BTreeMap<String, String>,
    /// Replaces the image's command.
    pub command: Option<Vec<String>>,
    /// Replaces the image's entry point.
    pub entrypoint: Option<Vec<String>>,
    /// Variables, in order. They may hold secrets: never log them.
    pub environment: Vec<(String, String)>,
    /// Ports published on the host.
    pub ports: Vec<PublishedPort>,
    /// Ports that are open to other containers only: port and protocol.
    pub expose: Vec<(u16, String)>,
    /// Volumes and temporary file systems.
    pub mounts: Vec<Mount>,
    /// The networks to join, each with the names under which others find the container; none cuts it off entirely.
    pub networks: Vec<(String, Vec<String>)>,
    /// The health check; `None` leaves the image's own.
    pub health_check: Option<HealthCheck>,
    /// `no`, `always`, `unless-stopped`, `on-failure` or `on-failure:5`.
    pub restart: String,
    /// `user`, `uid` or `uid:gid`.
    pub user: Option<String>,
    /// The working directory.
    pub working_dir: Option<String>,
    /// The host name inside.
    pub hostname: Option<String>,
    /// Capabilities added.
    pub cap_add: Vec<String>,
    /// Capabilities dropped.
    pub cap_drop: Vec<String>,
    /// Such as `no-new-privileges:true`.
    pub security_opt: Vec<String>,
    /// Whether the root file system is read-only.
    pub read_only: bool,
    /// Temporary file systems: path to options.
    pub tmpfs: BTreeMap<String, String>,
    /// Size of `/dev/shm`.
    pub shm_size_bytes: Option<u64>,
    /// Limits: name, soft, hard.
    pub ulimits: Vec<(String, i64, i64)>,
    /// Kernel settings of its namespace.
    pub sysctls: BTreeMap<String, String>,
    /// How long it may take to stop before it is killed.
    pub stop_grace_period: Option<Duration>,
    /// The signal that asks it to stop.
    pub stop_signal: Option<String>,
    /// Whether a small init process runs as PID 1.
    pub init: Option<bool>,
    /// Logging driver and its options; `None` leaves the engine's.
    pub logging: Option<(String, BTreeMap<String, String>)>,
    /// Lines for `/etc/hosts`: `name:address`.
    pub extra_hosts: Vec<String>,
    /// Memory limit.
    pub memory_bytes: Option<u64>,
    /// Memory that is kept for it while the machine runs short.
    pub memory_reservation_bytes: Option<u64>,
    /// Processors it may use, in thousandths.
    pub cpu_millis: Option<u64>,
    /// The most processes and threads it may have; -1 is unlimited.
    pub pids_limit: Option<i64>,
    /// Files laid into the container before it starts.
    pub files: Vec<FileSpec>,
}

/// A mount of a named volume.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    /// The volume's name.
    pub volume: String,
    /// The path inside.
    pub target: String,
    /// Whether it cannot be written.
    pub read_only: bool,
}

/// A file laid into a container before it starts (a Compose config or secret).
#[derive(Clone, Debug)]
pub struct FileSpec {
    /// The absolute path inside.
    pub path: String,
    /// Its content.
    pub content: SecretString,
    /// Its permission bits, such as `0o444`.
    pub mode: u32,
    /// The numbers of the user and the group it belongs to; root is 0.
    pub owner: (u32, u32),
}

/// A health check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HealthCheck {
    /// `["CMD", …]`, `["CMD-SHELL", …]` or `["NONE"]`.
    pub test: Vec<String>,
    /// Time between two checks.
    pub interval: Option<Duration>,
    /// Time one check may take.
    pub timeout: Option<Duration>,
    /// Time after the start in which failures do not count.
    pub start_period: Option<Duration>,
    /// Time between two checks within that time; engines before API 1.44 pass it over.
    pub start_interval: Option<Duration>,
    /// Failures in a row that make it unhealthy.
    pub retries: Option<u32>,
}
