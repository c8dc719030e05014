//! Versions: what a registry offers for an image.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::instant;

/// What a registry offers for one image of an entry. `GET /catalog/{entry}/versions?image=&search=`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct VersionList {
    /// The registry's host: `docker.io`.
    pub registry: String,
    /// The repository: `library/nginx`.
    pub repository: String,
    /// When the registry gave this list; absent when it never did.
    #[serde(default, deserialize_with = "instant::read_if_any")]
    pub fetched_at: Option<Timestamp>,
    /// Why the registry could not be asked just now, in one sentence; absent when it could.
    #[serde(default)]
    pub stale_reason: Option<String>,
    /// Requests the registry still allowed when it last answered, and in all, where it says so.
    #[serde(default)]
    pub quota: Option<(u32, u32)>,
    /// Release lines, newest first.
    pub lines: Vec<LineOfReleases>,
    /// Variants that have releases: suffix, `""` for the plain one.
    pub variants: Vec<String>,
    /// The tag proposed.
    pub proposed: String,
    /// Tags that are no releases, moving ones and the rest, that hold the text searched for; at most 500, sorted.
    pub others: Vec<String>,
    /// How many tags are no releases, whatever was searched for.
    pub others_total: u32,
    /// Whether one of them may be chosen all the same.
    #[serde(default)]
    pub takes_others: bool,
}

/// Releases that belong together, such as all of 34.x.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LineOfReleases {
    /// Its name: `34`, `1.27`, `2026`.
    pub name: String,
    /// Its releases, newest first.
    pub versions: Vec<VersionView>,
}

/// One release.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct VersionView {
    /// The tag.
    pub tag: String,
    /// The version in it, without variant: `34.0.3`.
    pub version: String,
    /// The variant suffix.
    pub variant: String,
    /// Whether it comes before a release: rc, beta.
    pub is_prerelease: bool,
}

/// What stands behind a tag. `GET /catalog/{entry}/versions/details?image=&tags=`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct VersionDetails {
    /// The tag.
    pub tag: String,
    /// The digest it points to now.
    pub digest: String,
    /// When the image was built; absent when its configuration does not say.
    #[serde(default, deserialize_with = "instant::read_if_any")]
    pub created_at: Option<Timestamp>,
    /// Compressed size for this node's platform; absent when there is no build for it.
    #[serde(default)]
    pub size_bytes: Option<u64>,
    /// Platforms it is built for: `linux/amd64`; empty when the registry was not asked.
    pub platforms: Vec<String>,
    /// Whether it has a build for this node; absent when the registry was not asked, to spare its allowance.
    #[serde(default)]
    pub runs_here: Option<bool>,
}
