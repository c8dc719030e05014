//! The Compose subset: a file as it is written, and the model it resolves to.
//!
//! A [`file::ComposeFile`] keeps the file's tree with every place in it; [`file::ComposeFile::resolve`] fills the variables in and
//! gives a [`Compose`], which holds all that the engine needs, typed, with nothing left to look up.
//! The keys are those of the Compose specification (compose-spec.io) in both their forms; a key that is not supported
//! is refused by name, line and column, never ignored.

mod declared;
pub mod file;
mod life;
mod limits;
mod mounts;
mod order;
mod ports;
mod privileges;
pub(super) mod render;
mod scalars;
mod services;
mod small_files;
mod variables;

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use super::units::ByteSize;

/// A Compose file with its variables filled in: everything the engine needs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Compose {
    /// The services in the file's order.
    pub services: Vec<Service>,
    /// The networks the file declares, and `default` where a service names none.
    pub networks: Vec<Network>,
    /// The named volumes the file declares.
    pub volumes: Vec<Volume>,
    /// What an administrator must allow before it may run, in the file's order.
    pub approvals: Vec<Approval>,
}

impl Compose {
    /// The service of that name.
    pub fn service(&self, name: &str) -> Option<&Service> {
        self.services.iter().find(|service| service.name == name)
    }
}

/// One service, resolved.
#[derive(Clone, Default, PartialEq)]
pub struct Service {
    pub name: String,
    /// The image reference as it is pulled: `gitea/gitea:1.27.2`, with `@sha256:…` where it is pinned.
    pub image: String,
    /// Replaces the image's command; a text in the file is split into words as Compose does. Empty clears it.
    pub command: Option<Vec<String>>,
    /// Replaces the image's entry point; read like `command`.
    pub entrypoint: Option<Vec<String>>,
    /// The environment in the file's order, each name once. May hold secrets.
    pub environment: Vec<(String, String)>,
    pub ports: Vec<Port>,
    /// Ports open to other services only.
    pub expose: Vec<(u16, Transport)>,
    pub volumes: Vec<Mount>,
    /// The networks it joins; `default` where the file names none. Empty with [`Service::network_mode`].
    pub networks: Vec<Attachment>,
    /// `none`, `host` or `service:…`; anything but `none` needs an approval.
    pub network_mode: Option<String>,
    /// What must be so before it starts.
    pub depends_on: Vec<(String, Condition)>,
    pub healthcheck: Option<ContainerCheck>,
    pub restart: Restart,
    pub user: Option<String>,
    pub working_dir: Option<String>,
    pub hostname: Option<String>,
    pub labels: Vec<(String, String)>,
    pub cap_add: Vec<String>,
    pub cap_drop: Vec<String>,
    pub security_opt: Vec<String>,
    /// Whether the container's own file system is read-only.
    pub read_only: bool,
    /// Whether the container has every right of the machine; needs an approval.
    pub privileged: bool,
    /// Devices as Compose writes them (`/dev/dri:/dev/dri:rwm`); need an approval.
    pub devices: Vec<String>,
    pub shm_size: Option<ByteSize>,
    pub ulimits: Vec<Ulimit>,
    /// Kernel settings of the container's namespaces.
    pub sysctls: Vec<(String, String)>,
    pub stop_grace_period: Option<Duration>,
    pub stop_signal: Option<String>,
    /// Whether a small init process reaps children; the engine's default when absent.
    pub init: Option<bool>,
    pub logging: Option<Logging>,
    /// Names added to the container's hosts file, with their addresses (`host-gateway` is one).
    pub extra_hosts: Vec<(String, String)>,
    pub mem_limit: Option<ByteSize>,
    /// Least memory that is kept for it.
    pub mem_reservation: Option<ByteSize>,
    /// Processor time as a number of processors.
    pub cpus: Option<f64>,
    pub pids_limit: Option<i64>,
    /// Small files with inline content; configs and secrets alike. May hold secrets.
    pub files: Vec<MountedFile>,
}

/// Shows the name, the image and the names of the environment; values may be secrets.
impl fmt::Debug for Service {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.environment.iter().map(|(name, _)| name).collect();
        out.debug_struct("Service")
            .field("name", &self.name)
            .field("image", &self.image)
            .field("environment", &names)
            .finish_non_exhaustive()
    }
}

/// One published port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Port {
    /// The address it is bound to; every address when absent.
    pub host_ip: Option<IpAddr>,
    /// The machine's port; the engine chooses one when absent.
    pub host_port: Option<u16>,
    pub container_port: u16,
    pub protocol: Transport,
}

/// What carries a port.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Transport {
    #[default]
    Tcp,
    Udp,
}

impl Transport {
    /// The word Docker uses: `tcp` or `udp`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        }
    }
}

/// Something mounted into a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    pub kind: MountKind,
    /// The absolute path inside the container.
    pub target: String,
    pub read_only: bool,
}

/// What is mounted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MountKind {
    /// A volume of the file, by its name there.
    Volume(String),
    /// A volume without a name, made with the container and lost with it; needs an approval.
    Anonymous,
    /// A path of the machine; needs an approval.
    Bind(String),
    /// Memory, with its size and file mode where they are said.
    Tmpfs { size: Option<ByteSize>, mode: Option<u32> },
}

/// A network a service joins.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attachment {
    pub network: String,
    /// Names beside the service's own.
    pub aliases: Vec<String>,
}

/// What must be so of a service before another starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    Started,
    Healthy,
    CompletedSuccessfully,
}

/// A container's own health check.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ContainerCheck {
    /// The argument vector with Docker's first word: `CMD`, `CMD-SHELL` or `NONE`; empty keeps the image's own test.
    pub test: Vec<String>,
    pub interval: Option<Duration>,
    pub timeout: Option<Duration>,
    pub start_period: Option<Duration>,
    pub start_interval: Option<Duration>,
    pub retries: Option<u32>,
}

/// When the engine starts a container again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Restart {
    #[default]
    No,
    Always,
    /// With the most attempts, where a number is said.
    OnFailure(Option<u32>),
    UnlessStopped,
}

/// One resource limit; -1 is unlimited.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ulimit {
    pub name: String,
    pub soft: i64,
    pub hard: i64,
}

/// Where a container's output goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Logging {
    pub driver: Option<String>,
    pub options: Vec<(String, String)>,
}

/// A small file that is placed in a container.
#[derive(Clone, PartialEq, Eq)]
pub struct MountedFile {
    /// The name of the config or secret in the file.
    pub name: String,
    /// The absolute path inside the container.
    pub target: String,
    pub mode: u32,
    pub uid: Option<u32>,
    pub gid: Option<u32>,
    /// The content. May hold secrets.
    pub content: String,
    /// Whether it came from `secrets`.
    pub secret: bool,
}

/// Shows everything but the content.
impl fmt::Debug for MountedFile {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("MountedFile").field("name", &self.name).field("target", &self.target).finish_non_exhaustive()
    }
}

/// A network that the file declares.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Network {
    /// Its name in the file.
    pub name: String,
    /// Whether containers on it reach nothing outside.
    pub internal: bool,
    pub driver: Option<String>,
    /// The name of a network that exists already; needs an approval.
    pub external: Option<String>,
    pub labels: Vec<(String, String)>,
}

/// A named volume that the file declares.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Volume {
    /// Its name in the file.
    pub name: String,
    pub driver: Option<String>,
    /// The name of a volume that exists already; needs an approval.
    pub external: Option<String>,
    pub labels: Vec<(String, String)>,
}

/// Something in a file that an administrator must allow by name, because it reaches past the containers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approval {
    pub kind: ApprovalKind,
    /// The place, such as `services.app.volumes[0]`.
    pub path: String,
    /// What it would be allowed to do, in a sentence.
    pub message: String,
}

/// Why what asks for these cannot run, in sentences with their places; `None` when nothing is asked for.
pub fn refusal(approvals: &[Approval]) -> Option<String> {
    let asked = approvals.iter().map(|asked| format!("{} ({})", asked.message.trim_end_matches('.'), asked.path));
    let asked = asked.collect::<Vec<_>>().join(". ");
    (!asked.is_empty()).then(|| {
        format!(
            "The entry asks for what needs an administrator's approval, which cannot be given yet. {asked}. Take it out \
             of the entry, or choose another answer where an answer brings it in."
        )
    })
}

/// What an administrator is asked to allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ApprovalKind {
    /// Every right of the machine.
    Privileged,
    /// A path of the machine.
    HostPath,
    /// The engine's socket, which is root on the machine.
    Socket,
    /// The machine's own network, or another container's.
    HostNetwork,
    /// A device of the machine.
    Device,
    /// A capability beyond the engine's default set.
    Capability,
    /// A confinement that is switched off.
    Unconfined,
    /// A network or volume that belongs to something else, or that a plugin of the engine keeps.
    External,
    /// Data that is lost whenever its container is made anew.
    Fleeting,
}
