//! The one live stream, `GET /live` (server-sent events).
//!
//! Each message has an event name (`tool`, `operation`, `event`, `engine`, `heartbeat`) and one of these as JSON data; messages that
//! stand for a journaled fact carry its sequence as id, so that a stream resumes with `Last-Event-ID` or `?after=`.
//! A stream begins with all tools and the engine as they are; its first heartbeat says that this is done.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A tool changed; ask for it again, or patch what is shown. Event `tool`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ToolPatch {
    /// The tool's id.
    pub tool_id: Uuid,
    /// The tool's name.
    pub name: String,
    /// The tool as it is now; absent when it is gone.
    #[serde(default)]
    pub tool: Option<super::tools::ToolView>,
}

/// An operation moved. Event `operation`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct OperationPatch {
    /// The operation as it is now.
    pub operation: super::operations::OperationView,
}

/// Says that the stream lives, at its start and now and then. Event `heartbeat`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Heartbeat {
    /// The build that runs: a page of another build is out of date.
    pub build: String,
}
