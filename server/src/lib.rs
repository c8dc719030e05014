//! The server: one binary that serves the API and the pages, and drives the engine.
//!
//! The modules stand in layer order: a module uses only modules listed after it.
//! `tests/layers.rs` reads the `use crate::` lines and fails otherwise.

pub mod web;

pub mod tools;

pub mod health;

pub mod auth;
pub mod catalog;
pub mod registry;

pub mod operations;

pub mod jobs;

pub mod engine;
pub mod secrets;

pub mod events;

pub mod db;

pub mod clock;
pub mod config;
