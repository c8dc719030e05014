//! The panel itself: what it is called, and what it is made of.

use serde::{Deserialize, Serialize};

/// What the panel is. `GET /panel`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PanelView {
    /// What the panel calls itself.
    pub site_name: String,
    /// Its version: `0.1.0`.
    pub version: String,
    /// The build that runs: the version, and what the pages are made of: `0.1.0+1f2e3d4c`.
    pub build: String,
    /// The version of the database: `15.4`.
    pub database: String,
    /// SPDX id of Summoner's licence.
    pub licence: String,
}

/// Another name for the panel. `PUT /panel`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct PanelName {
    /// What the panel shall call itself, 1 to 100 characters.
    pub site_name: String,
}
