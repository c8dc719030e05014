//! The pages, one file each.

pub mod activity;
pub mod catalogue;
pub mod dashboard;
pub mod me;
pub mod not_found;
pub mod operation;
pub mod search;
pub mod settings;
pub mod setup;
pub mod sign_in;
pub mod tool;
pub mod tools;
