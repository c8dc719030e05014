//! Logins at the registries that tools are pulled from.

use super::{Error, Result, Tools};
use crate::auth::{Actor, Right};
use crate::registry::{Author, Credential, Login, SignIn};

impl Tools {
    /// Logins at registries, by registry; without passwords.
    ///
    /// # Errors
    /// [`Error::Forbidden`].
    pub async fn logins(&self, actor: &Actor) -> Result<Vec<Login>> {
        actor.needs(Right::SettingsWrite)?;
        Ok(self.logins.list().await?)
    }

    /// Keeps a login for a registry, in place of the one before.
    ///
    /// # Errors
    /// [`Error::Forbidden`]; [`Error::Registry`] when name or password cannot be used.
    pub async fn set_login(&self, actor: &Actor, registry: &str, login: Credential) -> Result<()> {
        actor.needs(Right::SettingsWrite)?;
        self.logins.set(author(actor), registry, login).await?;
        Ok(())
    }

    /// Asks a registry now whether it takes the login that is kept for it. Nothing is changed.
    ///
    /// # Errors
    /// [`Error::Forbidden`]; [`Error::NotFound`]; [`Error::Registry`] with what the registry answered.
    pub async fn try_login(&self, actor: &Actor, registry: &str) -> Result<SignIn> {
        actor.needs(Right::SettingsWrite)?;
        if !self.logins.list().await?.iter().any(|login| login.registry == registry) {
            return Err(Error::NotFound { what: "login", name: registry.to_owned() });
        }
        Ok(self.versions.sign_in(registry).await?)
    }

    /// Forgets the login for a registry.
    ///
    /// # Errors
    /// [`Error::Forbidden`]; [`Error::NotFound`]; [`Error::Registry`] when the text names no registry.
    pub async fn remove_login(&self, actor: &Actor, registry: &str) -> Result<()> {
        actor.needs(Right::SettingsWrite)?;
        if self.logins.remove(author(actor), registry).await? {
            return Ok(());
        }
        Err(Error::NotFound { what: "login", name: registry.to_owned() })
    }
}

fn author(actor: &Actor) -> Author {
    Author { label: actor.label().to_owned(), id: actor.id.map(|id| id.0), address: actor.address }
}
