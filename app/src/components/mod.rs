//! What two pages share.

pub mod answers;
pub mod button;
pub mod callout;
pub mod door;
pub mod failure;
pub mod field;
pub mod form;
pub mod frame;
pub mod icon;
pub mod panel;
pub mod reach;
pub mod status;
pub mod steps;
pub mod tile;
pub mod tool_table;
pub mod verdict;
pub mod when;
