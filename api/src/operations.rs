//! Operations: journaled lists of steps, each with its undo.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::instant;

/// What an operation does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum OperationKind {
    /// Makes a tool.
    Install,
    /// Starts a stopped tool.
    Start,
    /// Stops a running tool.
    Stop,
    /// Stops and starts a tool.
    Restart,
    /// Runs a tool with changed answers.
    Reconfigure,
    /// Takes a tool away, keeping or deleting its data.
    Remove,
}

/// Where an operation stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum OperationState {
    /// Waits for its turn.
    Queued,
    /// Applies its steps.
    Running,
    /// Undoes its steps, newest first.
    Unwinding,
    /// Ended, everything applied.
    Done,
    /// Ended, everything undone.
    Undone,
    /// Ended because an undo itself failed: a person has to look.
    NeedsHand,
}

impl OperationState {
    /// Whether nothing more will happen by itself.
    pub fn has_ended(self) -> bool {
        matches!(self, Self::Done | Self::Undone | Self::NeedsHand)
    }
}

/// Where a step stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum StepState {
    /// Its turn has not come.
    Waiting,
    /// Under way.
    Running,
    /// Applied.
    Done,
    /// Its apply failed.
    Failed,
    /// Being undone.
    Undoing,
    /// Undone: the world is as it was before it.
    Undone,
    /// Its undo failed.
    Stuck,
}

/// One step of a plan, or of the operation it became.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct StepView {
    /// Its place, from 0.
    pub position: u32,
    /// What it does, as a person would say it: "Pull nginx 1.30.4".
    pub title: String,
    /// One line of detail: names, sizes, times; may be empty.
    pub note: String,
    /// Where it stands; `waiting` in a plan.
    pub state: StepState,
    /// When it began.
    #[serde(default, deserialize_with = "instant::read_if_any")]
    pub started_at: Option<Timestamp>,
    /// When it ended.
    #[serde(default, deserialize_with = "instant::read_if_any")]
    pub ended_at: Option<Timestamp>,
    /// What went wrong, in words; empty unless it failed.
    pub problem: String,
    /// Layers of a pull, in the order they were first seen; empty for other steps.
    #[serde(default)]
    pub layers: Vec<LayerView>,
}

/// One layer of an image under way.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LayerView {
    /// The layer's short id.
    pub layer: String,
    /// The engine's word: `Downloading`, `Extracting`, `Pull complete`…
    pub status: String,
    /// Bytes done of the present phase.
    pub done_bytes: u64,
    /// Bytes of the present phase in all; zero when unknown.
    pub total_bytes: u64,
}

/// An operation without its steps. `GET /operations`, newest first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct OperationView {
    /// Its id.
    pub operation_id: Uuid,
    /// What it does.
    pub kind: OperationKind,
    /// Where it stands.
    pub state: OperationState,
    /// The tool's name.
    pub tool: String,
    /// The name of the catalogue entry, such as "Gitea".
    pub entry_name: String,
    /// Who asked for it.
    pub actor: String,
    /// When it was asked for.
    #[serde(deserialize_with = "instant::read")]
    pub created_at: Timestamp,
    /// When it ended.
    #[serde(default, deserialize_with = "instant::read_if_any")]
    pub ended_at: Option<Timestamp>,
    /// How many steps are done.
    pub steps_done: u32,
    /// How many steps there are.
    pub steps: u32,
    /// The title of the step under way; empty when none is.
    pub step: String,
    /// What went wrong, in one sentence; empty unless something did.
    pub problem: String,
    /// Whether somebody asked it to stop and go back.
    pub is_cancelled: bool,
}

/// An operation with its steps. `GET /operations/{operation}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct OperationDetails {
    /// The operation.
    pub operation: OperationView,
    /// Its steps, in order.
    pub steps: Vec<StepView>,
    /// Progress lines, oldest first, at most the newest 200.
    pub lines: Vec<LineView>,
    /// The last log lines of the container that failed, oldest first; empty unless one did.
    pub failing_log: Vec<String>,
    /// Where the tool is reached when it is ready.
    #[serde(default)]
    pub address: Option<String>,
    /// First sign-in, once, for the person who asked: user and password.
    #[serde(default)]
    pub first_login: Option<FirstLogin>,
}

/// The first account of a freshly installed tool.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FirstLogin {
    /// The user to sign in as.
    pub user: String,
    /// Its password; asked for separately and shown once: `POST /tools/{tool}/first-login`.
    #[serde(default)]
    pub password: Option<String>,
}

/// One line an operation wrote.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LineView {
    /// When it was written.
    #[serde(deserialize_with = "instant::read")]
    pub at: Timestamp,
    /// The step that wrote it.
    pub position: u32,
    /// The line.
    pub text: String,
}

/// A plan: what an operation would do, in order. Nothing was touched.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PlanView {
    /// The steps, all waiting.
    pub steps: Vec<StepView>,
    /// The images with their digests.
    pub images: Vec<PlannedImage>,
    /// What is kept and what is lost, in one sentence.
    pub data: String,
    /// What the images need of the disk and what is free, in one sentence; empty when nothing has to be pulled, or no
    /// registry told a size.
    #[serde(default)]
    pub space: String,
}

/// An image a plan runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PlannedImage {
    /// The service it is for.
    pub service: String,
    /// The reference a person reads: `nginx:1.30.4-alpine-slim`.
    pub reference: String,
    /// `sha256:…`
    pub digest: String,
    /// Compressed size of what is pulled; absent when the image is on the node or the registry did not say.
    #[serde(default)]
    pub size_bytes: Option<u64>,
    /// Whether it is on the node already.
    pub is_present: bool,
}
