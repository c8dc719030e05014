//! Names and passwords for registries: looked up by whoever asks a registry, sealed where they are stored.

use std::collections::BTreeMap;

use async_trait::async_trait;
use secrecy::SecretString;

/// A login at one registry.
#[derive(Clone, Debug)]
pub struct Credential {
    /// The account's name; a robot or token name where the registry has such.
    pub username: String,
    /// Its password or access token.
    pub password: SecretString,
}

/// Finds the login for a registry: stored ones in Postgres, or fixed ones.
#[async_trait]
pub trait Credentials: Send + Sync {
    /// The login for `registry`, a host as in image names (`docker.io`) or a mirror's host and port; None without one.
    ///
    /// # Errors
    /// When the store cannot be read, or a sealed value not opened.
    async fn find(&self, registry: &str) -> Result<Option<Credential>, Box<dyn std::error::Error + Send + Sync>>;
}

/// Logins that were given at the start; empty for a client that is a stranger everywhere.
#[derive(Clone, Debug, Default)]
pub struct FixedCredentials(pub BTreeMap<String, Credential>);

#[async_trait]
impl Credentials for FixedCredentials {
    async fn find(&self, registry: &str) -> Result<Option<Credential>, Box<dyn std::error::Error + Send + Sync>> {
        Ok(self.0.get(registry).cloned())
    }
}
