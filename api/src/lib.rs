//! The wire contract of Summoner's HTTP API: what requests carry and what answers say.
//!
//! Both sides of the wire are built from these types: the server that answers and the pages that ask.
//! They hold no behaviour beyond what both sides need, and know neither axum nor Leptos.
//! Times are RFC 3339 in UTC, sizes are bytes, durations are seconds unless a name says otherwise, ids are UUIDs.

pub mod activity;
pub mod catalog;
pub mod engine;
pub mod instant;
pub mod live;
pub mod operations;
pub mod panel;
pub mod problem;
pub mod registries;
pub mod session;
pub mod tools;
pub mod versions;

pub use problem::{FieldProblem, Problem};

/// Where the API begins; every path below is appended to it.
pub const ROOT: &str = "/api/v1";

/// One page of a list.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Page<T> {
    /// The items, in the order the list documents.
    pub items: Vec<T>,
    /// Give this back as `after` to get the next page; absent on the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}
