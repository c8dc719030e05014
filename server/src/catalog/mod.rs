//! The catalogue: what an entry is, the Compose subset, variables, forms and their checks.
//!
//! It owns the reading of entries and Compose files and everything that can be said of them without asking anybody:
//! it is pure and synchronous, and reads nothing but the files it is handed or was built with.
//! It never talks to an engine, a registry or a database, and it never decides what is done to a tool.
//!
//! Invariants:
//! - A file is read as a hostile one: size, depth, number of nodes and what aliases expand to are bounded.
//! - A key that is not supported is refused by name, line and column; all findings are given, not only the first.
//! - The value of a variable is never interpolated again.
//! - Secrets do not show in `Debug`.

pub mod about;
pub mod backup;
pub mod compose;
mod decode;
mod entry;
mod export;
pub mod fields;
mod finding;
pub mod generated;
mod interpolate;
mod library;
mod name;
mod pattern;
mod problems;
mod schema;
mod settle;
mod tree;
pub mod units;

pub use about::About;
pub use compose::Compose;
pub use compose::file::ComposeFile;
pub use entry::{Choice, ChosenImage, Entry, Origin, Publication, port_variable, version_variable};
pub use export::Export;
pub use finding::Finding;
pub use interpolate::{Template, Values, Variable};
pub use library::{Catalog, Refused};
pub use name::ToolName;
pub use pattern::TagPattern;
pub use problems::{Grade, check_all};
pub use schema::entry_schema;

#[cfg(test)]
mod tests;
