//! Tools: installed entries, and everything that is done to them.
//!
//! Owns the tables `tools`, `revisions`, `services` and `resources`, the plans of all operations and their steps.
//! It never runs a plan itself: it journals it and lets [`crate::operations`] drive it. It never talks to a browser.
//!
//! Invariants:
//! - Every entry point takes the [`crate::auth::Actor`] and starts with the right it needs.
//! - Nothing on a node is changed or removed unless its mark is in `resources` or in the operation's own journal.
//! - What a tool runs is a revision that is kept whole, images by digest.

mod activity;
mod change;
mod definition;
mod domain;
mod export;
mod images;
mod install;
mod logs;
mod measure;
mod observe;
mod offers;
mod plan;
mod reading;
mod registries;
mod repeat;
mod room;
mod steps;
mod store;
mod strays;
mod view;

use std::collections::BTreeMap;
use std::sync::Arc;

use api::FieldProblem;
use secrecy::{ExposeSecret as _, SecretString};
use uuid::Uuid;

use crate::auth::Forbidden;
use crate::catalog::{Catalog, Finding};
use crate::clock::Random;
use crate::engine::watch::World;
use crate::operations::{Operations, Refused, StepError};
use crate::registry::{Logins, Versions};
use crate::secrets::{Place, Vault};

pub use activity::{Activity, ActivityQuery};
pub use domain::ToolDomain;
pub use install::Proposals;
pub use logs::LogRequest;
pub use observe::Observer;
pub use reading::Readings;
pub use steps::Means;
pub use view::protocol;

/// Why something about tools was not done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The actor lacks the right.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// There is no such thing.
    #[error("there is no {what} named {name}")]
    NotFound {
        /// What was looked for: tool, catalogue entry, operation, service.
        what: &'static str,
        /// Its name.
        name: String,
    },
    /// Fields of the request are wrong.
    #[error("{}", .0.iter().map(|problem| problem.message.as_str()).collect::<Vec<_>>().join(" "))]
    Fields(Vec<FieldProblem>),
    /// The tool has an unfinished operation.
    #[error("{0}")]
    Busy(String),
    /// Something else was asked for with the key of the request before.
    #[error(
        "this request carries the key of another one, which began an operation before; send it with a new key, or load \
         the page again, whose forms have new ones then"
    )]
    KeyReused,
    /// What is asked for makes no sense as things stand.
    #[error("{0}")]
    NotNow(String),
    /// It reaches past its containers, and nobody allowed that.
    #[error("{0}")]
    Unapproved(String),
    /// The disk has less room than is needed.
    #[error("{0}")]
    NoSpace(String),
    /// The engine refused or is away.
    #[error(transparent)]
    Engine(#[from] crate::engine::Error),
    /// The registry refused or is away.
    #[error(transparent)]
    Registry(#[from] crate::registry::Error),
    /// Something is wrong with Summoner or its database.
    #[error("{doing} failed")]
    Internal {
        /// What was attempted.
        doing: &'static str,
        /// Why it failed.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl From<sqlx::Error> for Error {
    fn from(source: sqlx::Error) -> Self {
        Self::Internal { doing: "asking the database", source: source.into() }
    }
}

impl From<Refused> for Error {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Busy { .. } => Self::Busy(refused.to_string()),
            Refused::Database(source) => source.into(),
        }
    }
}

impl From<StepError> for Error {
    fn from(source: StepError) -> Self {
        Self::Internal { doing: "reading what the tool was told to be", source: source.into() }
    }
}

impl From<Vec<Finding>> for Error {
    fn from(findings: Vec<Finding>) -> Self {
        let said = findings.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
        Self::Internal { doing: "reading the tool's own copy of its entry", source: said.into() }
    }
}

/// The answer of this domain.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Everything that is done to tools.
#[derive(Clone)]
pub struct Tools {
    means: Arc<Means>,
    random: Random,
    catalog: Arc<Catalog>,
    versions: Arc<Versions>,
    logins: Logins,
    world: World,
    operations: Operations,
    mirrors: Arc<BTreeMap<String, String>>,
}

/// What [`Tools`] is made of.
pub struct Parts {
    /// What steps act with.
    pub means: Arc<Means>,
    /// Randomness for ids, marks and secrets.
    pub random: Random,
    /// What can be installed.
    pub catalog: Arc<Catalog>,
    /// What registries answer.
    pub versions: Arc<Versions>,
    /// Logins at registries.
    pub logins: Logins,
    /// What the watcher sees.
    pub world: World,
    /// The journal.
    pub operations: Operations,
    /// Registry to the host and port of the mirror that stands in for it.
    pub mirrors: BTreeMap<String, String>,
}

impl Tools {
    /// The service made of `parts`.
    pub fn new(parts: Parts) -> Self {
        let Parts { means, random, catalog, versions, logins, world, operations, mirrors } = parts;
        Self { means, random, catalog, versions, logins, world, operations, mirrors: Arc::new(mirrors) }
    }

    /// The row of the tool of that name.
    async fn tool(&self, name: &str) -> Result<store::Tool> {
        let tool = store::tools(&self.means.db, Some(name)).await?.pop();
        tool.ok_or_else(|| Error::NotFound { what: "tool", name: name.to_owned() })
    }
}

/// Where the secrets of a revision are sealed to.
fn place(tool_id: Uuid, revision: i32) -> Place {
    Place::new("revisions", "secrets", format!("{tool_id}/{revision}"))
}

/// Seals the secrets of a revision: one JSON object of variable to value.
fn seal_secrets(
    vault: &Vault,
    tool_id: Uuid,
    revision: i32,
    secrets: &BTreeMap<String, SecretString>,
) -> Result<Vec<u8>> {
    let plain: BTreeMap<&str, &str> =
        secrets.iter().map(|(name, value)| (name.as_str(), value.expose_secret())).collect();
    let plain = serde_json::to_string(&plain)
        .map_err(|error| Error::Internal { doing: "writing the tool's secrets", source: error.into() })?;
    vault
        .seal(&place(tool_id, revision), &SecretString::from(plain))
        .map_err(|error| Error::Internal { doing: "sealing the tool's secrets", source: error.into() })
}

/// Opens the secrets of a revision.
fn open_secrets(
    vault: &Vault,
    tool_id: Uuid,
    revision: i32,
    sealed: &[u8],
) -> std::result::Result<BTreeMap<String, SecretString>, crate::secrets::Error> {
    let plain = vault.unseal(&place(tool_id, revision), sealed)?;
    // What was sealed by us under this place is what we wrote: an object of strings.
    let secrets: BTreeMap<String, String> = serde_json::from_str(plain.expose_secret()).unwrap_or_default();
    Ok(secrets.into_iter().map(|(name, value)| (name, SecretString::from(value))).collect())
}
