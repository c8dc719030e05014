//! To be written.

pub mod assets;
pub mod pages;
