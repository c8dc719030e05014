//! One request, one operation, however often it arrives: the key of a request and what was asked for with it.

use api::operations::OperationKind;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::{Error, Result, Tools};
use crate::auth::Actor;
use crate::operations::RequestKey;
use crate::secrets::Place;

/// A request that carries a key.
pub(super) struct Keyed {
    /// The key with its sealed digest, for the journal.
    pub key: RequestKey,
    digest: String,
    place: Place,
}

impl Tools {
    /// What tells this request from others, if it carries a key.
    ///
    /// The digest is kept sealed: the body may hold a password, and a bare hash of it could be guessed at.
    ///
    /// # Errors
    /// When it cannot be sealed.
    pub(super) fn keyed(
        &self,
        actor: &Actor,
        key: Option<&str>,
        kind: OperationKind,
        tool: &str,
        body: &impl Serialize,
    ) -> Result<Option<Keyed>> {
        let Some(key) = key else { return Ok(None) };
        let internal = |source: Box<dyn std::error::Error + Send + Sync>| Error::Internal {
            doing: "noting what was asked for",
            source,
        };
        let asked = serde_json::to_vec(&(kind, tool, body)).map_err(|error| internal(error.into()))?;
        let digest: String = Sha256::digest(asked).iter().map(|byte| format!("{byte:02x}")).collect();
        let person = actor.id.map(|id| id.0).unwrap_or_default();
        let place = Place::new("operations", "request_digest", format!("{person}/{key}"));
        let sealed = self.means.vault.seal(&place, &SecretString::from(digest.clone()));
        let key = RequestKey { key: key.to_owned(), digest: sealed.map_err(|error| internal(error.into()))? };
        Ok(Some(Keyed { key, digest, place }))
    }

    /// What this person began with this request before, else what `begin` begins.
    ///
    /// # Errors
    /// [`Error::KeyReused`] when something else was asked for with the key; else those of `begin`.
    pub(super) async fn once(
        &self,
        actor: &Actor,
        asked: Option<&Keyed>,
        begin: impl Future<Output = Result<Uuid>>,
    ) -> Result<Uuid> {
        if let Some(operation) = self.repeated(actor, asked).await? {
            return Ok(operation);
        }
        match begin.await {
            // Of two equal requests at once the slower finds the name taken or the tool busy: by the faster.
            Err(refused) => self.repeated(actor, asked).await?.ok_or(refused),
            begun => begun,
        }
    }

    /// The operation that this person began with this request before.
    async fn repeated(&self, actor: &Actor, asked: Option<&Keyed>) -> Result<Option<Uuid>> {
        let Some(asked) = asked else { return Ok(None) };
        let found = self.operations.repeated(actor.id.map(|id| id.0), &asked.key.key).await?;
        let Some((operation, digest)) = found else { return Ok(None) };
        // What an older release began has none, and one that does not open was sealed for something else.
        let is_same = digest.is_none_or(|sealed| {
            let opened = self.means.vault.unseal(&asked.place, &sealed);
            opened.is_ok_and(|digest| digest.expose_secret() == asked.digest)
        });
        if is_same { Ok(Some(operation)) } else { Err(Error::KeyReused) }
    }
}
