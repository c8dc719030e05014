//! Who may do what: people, sessions, roles, the first run's link.
//!
//! Owns accounts, sessions, setup links and the table of rights. Never knows HTTP: cookies and status codes are the
//! web's.
mod actor;
mod policy;

pub use actor::{Actor, SessionId, UserId, Way};
pub use policy::{Forbidden, Right, Role, UnknownRole};
