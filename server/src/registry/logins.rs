//! Logins stored by administrators, their passwords sealed.

use std::net::IpAddr;

use async_trait::async_trait;
use jiff::Timestamp;
use secrecy::ExposeSecret as _;
use serde_json::json;
use uuid::Uuid;

use super::store::{self, StoredLogin};
use super::{Credential, Credentials, Error, Quota, Reference};
use crate::clock::{Clock, Random};
use crate::db::Db;
use crate::events::{self, NewEvent};
use crate::secrets::{Place, Vault};

/// Keeps one login per registry; the caller has checked the right to do so.
#[derive(Clone)]
pub struct Logins {
    db: Db,
    vault: Vault,
    clock: Clock,
    random: Random,
}

/// A stored login, as it may be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Login {
    /// The registry's host, or a mirror's host and port.
    pub registry: String,
    /// The account's name.
    pub username: String,
    /// When name or password were last set.
    pub updated_at: Timestamp,
    /// When the registry, or the mirror, last answered a question about an image.
    pub answered_at: Option<Timestamp>,
    /// What was left of its allowance when it last said so.
    pub quota: Option<Quota>,
}

/// Who changes a login, for the record.
#[derive(Clone, Debug)]
pub struct Author {
    /// What events call the person or token.
    pub label: String,
    /// Its id, if it has one.
    pub id: Option<Uuid>,
    /// The address it asks from, if it comes by the network.
    pub address: Option<IpAddr>,
}

impl Logins {
    /// Logins in `db`, sealed by `vault`.
    pub fn new(db: Db, vault: Vault, clock: Clock, random: Random) -> Self {
        Self { db, vault, clock, random }
    }

    /// All logins by registry, without passwords.
    ///
    /// # Errors
    /// [`Error::Internal`] when the database fails.
    pub async fn list(&self) -> Result<Vec<Login>, Error> {
        let rows = store::logins(&self.db).await.map_err(internal("listing the logins at registries"))?;
        let login = |row: store::ListedLogin| Login {
            registry: row.registry,
            username: row.username,
            updated_at: row.updated_at.to_jiff(),
            answered_at: row.answered_at.map(jiff_sqlx::Timestamp::to_jiff),
            // What an older release wrote in another form counts as never said.
            quota: row.quota.and_then(|quota| serde_json::from_value(quota).ok().flatten()),
        };
        Ok(rows.into_iter().map(login).collect())
    }

    /// Stores the login for `registry`, in place of a former one, and gives the name it is stored under.
    ///
    /// # Errors
    /// [`Error::Login`] when the registry's name is no host, or name or password cannot be sent to one;
    /// [`Error::Internal`] when the database fails.
    pub async fn set(&self, author: Author, registry: &str, credential: Credential) -> Result<String, Error> {
        let registry = registry_name(registry)?;
        let refuse = |field, reason| Err(Error::Login { registry: registry.clone(), field, reason });
        let sendable = |text: &str| !text.is_empty() && text.len() <= 4096 && !text.chars().any(char::is_control);
        // HTTP joins the two with a colon (RFC 7617, section 2).
        if !sendable(&credential.username) || credential.username.contains(':') {
            return refuse("username", "the name must have neither a colon nor control characters, and not be empty");
        }
        if !sendable(credential.password.expose_secret()) {
            return refuse("password", "the password must have no control characters and not be empty");
        }
        let failed = "storing a login at a registry";
        let registry_credential_id = self.random.id(&self.clock);
        let secret = self.vault.seal(&place(registry_credential_id), &credential.password).map_err(internal(failed))?;
        let login = StoredLogin { registry_credential_id, username: credential.username, secret };
        let mut transaction = self.db.begin().await.map_err(internal(failed))?;
        store::set_login(&mut transaction, &registry, &login, self.clock.now()).await.map_err(internal(failed))?;
        let event = event("registry.login_set", author, &registry, &login.username);
        events::append(&mut transaction, &self.clock, event).await.map_err(internal(failed))?;
        transaction.commit().await.map_err(internal(failed))?;
        Ok(registry)
    }

    /// Forgets the login for `registry`; false when there was none.
    ///
    /// # Errors
    /// [`Error::Login`] when the registry's name is no host; [`Error::Internal`] when the database fails.
    pub async fn remove(&self, author: Author, registry: &str) -> Result<bool, Error> {
        let registry = registry_name(registry)?;
        let failed = "removing a login at a registry";
        let mut transaction = self.db.begin().await.map_err(internal(failed))?;
        let removed = store::remove_login(&mut transaction, &registry).await.map_err(internal(failed))?;
        if removed {
            let event = event("registry.login_removed", author, &registry, "");
            events::append(&mut transaction, &self.clock, event).await.map_err(internal(failed))?;
        }
        transaction.commit().await.map_err(internal(failed))?;
        Ok(removed)
    }
}

#[async_trait]
impl Credentials for Logins {
    async fn find(&self, registry: &str) -> Result<Option<Credential>, Box<dyn std::error::Error + Send + Sync>> {
        let Some(login) = store::login(&self.db, registry).await? else { return Ok(None) };
        let password = self.vault.unseal(&place(login.registry_credential_id), &login.secret)?;
        Ok(Some(Credential { username: login.username, password }))
    }
}

fn place(registry_credential_id: Uuid) -> Place {
    Place::new("registry_credentials", "secret", registry_credential_id)
}

/// The name under which a registry's login is found, whatever alias was written.
fn registry_name(text: &str) -> Result<String, Error> {
    Reference::registry_named(text).map_err(|_| {
        let registry = text.chars().filter(|c| !c.is_control()).take(120).collect();
        let reason = "a registry is a host, such as ghcr.io, with a port if it needs one, and no path";
        Error::Login { registry, field: "registry", reason }
    })
}

fn event(kind: &'static str, author: Author, registry: &str, username: &str) -> NewEvent {
    NewEvent {
        kind,
        actor: author.label,
        actor_id: author.id,
        subject: registry.to_owned(),
        tool_id: None,
        operation_id: None,
        payload: json!({ "username": username, "address": author.address }),
    }
}

fn internal<E: Into<Box<dyn std::error::Error + Send + Sync>>>(task: &str) -> impl Fn(E) -> Error {
    move |error| Error::Internal { task: task.to_owned(), source: error.into().into() }
}
