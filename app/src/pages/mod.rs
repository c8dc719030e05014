//! The pages, one file each.

pub mod activity;
pub mod dashboard;
pub mod not_found;
pub mod setup;
pub mod sign_in;
pub mod tool;
pub mod tools;
