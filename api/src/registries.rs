//! Logins at registries.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::instant;

/// A login that is kept; its password is never shown. `GET /registries`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LoginView {
    /// The registry's host, such as `docker.io` or `registry.example:5000`.
    pub registry: String,
    /// The account's name.
    pub username: String,
    /// When name or password were last set.
    #[serde(deserialize_with = "instant::read")]
    pub updated_at: Timestamp,
    /// When the registry last answered a question about an image; absent if it never did.
    #[serde(default, deserialize_with = "instant::read_if_any")]
    pub answered_at: Option<Timestamp>,
    /// Requests it still allowed then, and in all, where it says so.
    #[serde(default)]
    pub quota: Option<(u32, u32)>,
}

/// A login to keep, with its registry. `POST /registries`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct AddedLogin {
    /// The registry's host, with its port if it needs one.
    pub registry: String,
    /// The account's name.
    pub username: String,
    /// Its password or access token.
    pub password: String,
}

/// A login to keep. `PUT /registries/{registry}`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct NewLogin {
    /// The account's name.
    pub username: String,
    /// Its password or access token.
    pub password: String,
}

/// What became of a login that was tried. `POST /registries/{registry}/sign-in`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TriedLogin {
    /// What the registry did with it.
    pub outcome: LoginOutcome,
}

/// What a registry did with a login.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum LoginOutcome {
    /// It took it.
    Taken,
    /// It lets everybody in and asked for none, so that the login could not be tried.
    NotAsked,
}
