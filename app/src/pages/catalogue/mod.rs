//! What can be installed: the shelf, and one entry with its form and plan.

pub mod entry;
pub mod picker;
pub mod shelf;
