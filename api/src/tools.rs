//! Tools: installed entries.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::operations::{OperationState, OperationView};

use crate::instant;

/// How a tool or service is, as of the last thing the engine said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    /// Every check passes.
    Healthy,
    /// Runs, and has no check that could say more.
    Running,
    /// Comes up.
    Starting,
    /// A check fails.
    Unhealthy,
    /// Ended although it should run.
    Failed,
    /// Stopped by a person.
    Stopped,
    /// The engine does not answer.
    Unknown,
}

impl Condition {
    /// Whether a person has to look: it should work and does not.
    pub fn is_in_need(self) -> bool {
        matches!(self, Self::Failed | Self::Unhealthy)
    }
}

/// A tool in a list. `GET /tools`: those in need first, then by name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ToolView {
    /// Its id.
    pub tool_id: Uuid,
    /// Its name, which is also its Compose project.
    pub name: String,
    /// The catalogue entry it was made from.
    pub entry: String,
    /// The entry's name: "Gitea".
    pub entry_name: String,
    /// How it is.
    pub condition: Condition,
    /// Since when.
    #[serde(default, deserialize_with = "instant::read_if_any")]
    pub since: Option<Timestamp>,
    /// Why, in one sentence; empty when all is well.
    pub reason: String,
    /// The tag of the tool's own image.
    pub version: String,
    /// Where people reach it: `http://host:port/path`, or `tcp://host:port` where no browser leads.
    #[serde(default)]
    pub address: Option<String>,
    /// Share of one processor, in thousandths; absent until measured.
    #[serde(default)]
    pub cpu_millis: Option<u64>,
    /// Memory in use; absent until measured.
    #[serde(default)]
    pub memory_bytes: Option<u64>,
    /// The operation under way, or the one that needs a hand.
    #[serde(default)]
    pub operation: Option<OperationView>,
}

impl ToolView {
    /// The operation that could neither be brought to its end nor undone, if there is one.
    pub fn stuck(&self) -> Option<&OperationView> {
        self.operation.as_ref().filter(|operation| operation.state == OperationState::NeedsHand)
    }

    /// Whether it waits for a person: it is unhealthy, has failed, or an operation on it needs a hand.
    pub fn is_in_need(&self) -> bool {
        self.condition.is_in_need() || self.stuck().is_some()
    }
}

/// Everything about a tool. `GET /tools/{tool}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ToolDetails {
    /// What the list shows.
    pub tool: ToolView,
    /// The node it runs on.
    pub node: String,
    /// When it was installed.
    #[serde(deserialize_with = "instant::read")]
    pub created_at: Timestamp,
    /// Its services, in start order.
    pub services: Vec<ServiceView>,
    /// Where it listens.
    pub ports: Vec<PortView>,
    /// The answers given; secrets are absent.
    pub answers: BTreeMap<String, String>,
    /// Names of its volumes.
    pub volumes: Vec<String>,
    /// Whether a first password waits to be shown once.
    pub has_first_login: bool,
    /// What the person who asks may do with it now: `start`, `stop`, `restart`, `reconfigure`, `remove`, `logs`.
    pub actions: Vec<String>,
}

/// One service of a tool.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ServiceView {
    /// Its name in the Compose file.
    pub service: String,
    /// The image a person reads: `nginx:1.30.4-alpine-slim`.
    pub image: String,
    /// The digest that runs.
    pub digest: String,
    /// How it is.
    pub condition: Condition,
    /// The engine's sentence: "Up 3 hours (healthy)".
    pub status: String,
    /// Share of one processor, in thousandths; absent until measured.
    #[serde(default)]
    pub cpu_millis: Option<u64>,
    /// Memory in use; absent until measured.
    #[serde(default)]
    pub memory_bytes: Option<u64>,
}

/// A port a tool listens on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PortView {
    /// The name of the way in: `web`.
    pub name: String,
    /// `http`, `tcp` or `udp`.
    pub protocol: String,
    /// The host address it is bound to.
    pub host_ip: String,
    /// The host port.
    pub host_port: u16,
}

/// Who reaches a freshly installed tool.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
#[derive(Default)]
pub enum Reach {
    /// Only this machine (127.0.0.1).
    #[default]
    Machine,
    /// Everybody who reaches this machine (0.0.0.0).
    Network,
}

/// What to install. `POST /plans` shows what would happen, `POST /tools` does it.
///
/// Numbers arrive as text, so that a wrong one is a message at its field. A form sends `versions.db`, `ports.web` and
/// `answers.SITE_NAME`; JSON nests them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Default)]
#[serde(default)]
pub struct Install {
    /// The catalogue entry.
    pub entry: String,
    /// The tool's name: 2 to 40 of a-z, 0-9 and single dashes, a letter first.
    pub name: String,
    /// Image key to tag; what is missing takes the proposed version.
    pub versions: BTreeMap<String, String>,
    /// Way in to host port; what is missing takes a free one.
    pub ports: BTreeMap<String, String>,
    /// Who reaches it.
    pub reach: Reach,
    /// Field to answer.
    pub answers: BTreeMap<String, String>,
}

/// Changed answers and ports of an installed tool. `PUT /tools/{tool}/settings`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Default)]
#[serde(default)]
pub struct Reconfigure {
    /// Way in to host port; what is missing stays.
    pub ports: BTreeMap<String, String>,
    /// Who reaches it; what is missing stays.
    pub reach: Option<Reach>,
    /// Field to answer; what is missing stays.
    pub answers: BTreeMap<String, String>,
}

/// What happens to the data of a removed tool.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
#[derive(Default)]
pub enum DataChoice {
    /// The volumes stay and can be installed on again.
    #[default]
    Keep,
    /// The volumes are deleted.
    Delete,
}

/// How to take a tool away. `POST /tools/{tool}/remove`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Default)]
#[serde(default)]
pub struct Remove {
    /// What happens to its data.
    pub data: DataChoice,
    /// The tool's name, typed; asked for only when data is deleted.
    pub confirm: String,
}

/// Whether a name and ports are free. `GET /tools/check?name=&entry=&ports.web=`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Check {
    /// What is wrong, by field: `name`, `ports.web`; empty when all is free.
    pub fields: Vec<crate::FieldProblem>,
    /// Kept data that a tool of this name would run on: volume names; empty when there is none.
    pub kept_volumes: Vec<String>,
}

/// Lines of a service's log, oldest first. `GET /tools/{tool}/logs?service=&tail=`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LogView {
    /// The service.
    pub service: String,
    /// The lines.
    pub lines: Vec<LogLineView>,
}

/// One line of a log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LogLineView {
    /// When the engine read it.
    #[serde(default, deserialize_with = "instant::read_if_any")]
    pub at: Option<Timestamp>,
    /// Whether it was written to standard error.
    pub is_error: bool,
    /// The text. It is never HTML.
    pub text: String,
}
