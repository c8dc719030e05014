//! What happened, newest first.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::instant;

/// One fact. `GET /activity`, newest first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EventView {
    /// Its place in the order of all events.
    pub sequence: i64,
    /// When it happened.
    #[serde(deserialize_with = "instant::read")]
    pub at: Timestamp,
    /// Its kind, such as `tool.installed`.
    pub kind: String,
    /// Who caused it, by name.
    pub actor: String,
    /// What happened, as a sentence without its subject: "installed Gitea 1.27.2".
    pub sentence: String,
    /// The outcome.
    pub outcome: Outcome,
    /// The tool it is about, by name.
    #[serde(default)]
    pub tool: Option<String>,
    /// The operation it belongs to.
    #[serde(default)]
    pub operation_id: Option<Uuid>,
}

/// How a fact ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It was done.
    Done,
    /// It was tried and undone, or refused.
    Failed,
    /// Neither: something changed or was begun.
    Info,
}
