//! First run, sign-in and the person who asks.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::instant;

/// What a person may do; each role may do all that the ones before it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Looks.
    Viewer,
    /// Installs, changes, starts and stops.
    Operator,
    /// Decides about people, data and settings.
    Administrator,
}

/// The first administrator and the site's name. `POST /setup`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
#[derive(Default)]
pub struct SetUp {
    /// What the panel calls itself, 1 to 60 characters.
    pub site_name: String,
    /// The person's name, 1 to 120 characters.
    pub name: String,
    /// The e-mail address to sign in with.
    pub email: String,
    /// At least 10 characters.
    pub password: String,
}

/// Whether the panel waits for its first administrator. `GET /setup`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SetupState {
    /// True until the first administrator exists.
    pub needed: bool,
    /// True when this browser opened a set-up link that still holds.
    pub open: bool,
}

/// Who wants in. `POST /session`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
#[derive(Default)]
pub struct SignIn {
    /// The e-mail address.
    pub email: String,
    /// The password.
    pub password: String,
}

/// A new password for the person who asks. `POST /me/password`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
#[derive(Default)]
pub struct ChangePassword {
    /// The password until now.
    pub old_password: String,
    /// At least 10 characters.
    pub new_password: String,
}

/// The person who asks. `GET /session`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Me {
    /// The user's id.
    pub user_id: Uuid,
    /// The person's name.
    pub name: String,
    /// The e-mail address.
    pub email: String,
    /// What the person may do.
    pub role: Role,
}

/// One signed-in browser of the person who asks. `GET /sessions`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SessionView {
    /// Names the session in `DELETE /sessions/{session}`; it is not the cookie.
    pub session_id: Uuid,
    /// When the person signed in.
    #[serde(deserialize_with = "instant::read")]
    pub created_at: Timestamp,
    /// When it was last used, to the minute.
    #[serde(deserialize_with = "instant::read")]
    pub seen_at: Timestamp,
    /// The address it was last used from.
    pub address: String,
    /// What the browser calls itself.
    pub user_agent: String,
    /// Whether it is the session that asks.
    pub is_this: bool,
}
