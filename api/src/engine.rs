//! The container engine as the panel sees it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::instant;

/// Whether a node's engine answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum EngineState {
    /// It was not asked yet.
    Unknown,
    /// It answers.
    Up,
    /// It does not answer; what is shown is from before.
    Down,
}

/// One node's engine. `GET /engine`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EngineView {
    /// The node's name.
    pub node: String,
    /// Whether it answers.
    pub state: EngineState,
    /// Since when it is in this state.
    #[serde(default, deserialize_with = "instant::read_if_any")]
    pub since: Option<Timestamp>,
    /// Why it does not answer, in words; empty while it does.
    pub reason: String,
    /// Such as `20.10.24`; empty until it answered once.
    pub version: String,
    /// Such as `linux/amd64`.
    pub platform: String,
    /// Processors of the machine.
    pub cpus: u32,
    /// Memory of the machine.
    pub memory_bytes: u64,
    /// Containers that belong to tools.
    pub tool_containers: u32,
    /// Containers that Summoner did not make and never touches.
    pub foreign_containers: u32,
}

/// What stands around every page: who, where, and is the engine there. `GET /frame`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Frame {
    /// The site's name.
    pub site_name: String,
    /// The person who asks.
    pub me: super::session::Me,
    /// The engine of the node.
    pub engine: EngineView,
    /// How many tools are installed.
    pub tools: u32,
    /// How many tools need a person: unhealthy, or stopped by failure.
    pub tools_in_need: u32,
    /// Operations under way.
    pub running: Vec<super::operations::OperationView>,
    /// The newest event this answer knows; open the live stream after it.
    pub sequence: i64,
    /// The build that serves the page; a page of another build reloads.
    pub build: String,
}
