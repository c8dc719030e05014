//! What two pages share.

pub mod answers;
pub mod arrival;
pub mod button;
pub mod callout;
pub mod dialog;
pub mod door;
pub mod failure;
pub mod field;
pub mod form;
pub mod frame;
pub mod icon;
pub mod keyed;
pub mod newer;
pub mod palette;
pub mod panel;
pub mod reach;
pub mod review;
pub mod status;
pub mod steps;
pub mod suspended;
pub mod theme;
pub mod tile;
pub mod toast;
pub mod tool_table;
pub mod verdict;
pub mod when;
