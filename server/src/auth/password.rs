//! Passwords: argon2id with the parameters OWASP recommends (19 MiB, 2 passes, 1 lane), off the async threads.

use std::sync::Arc;

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{Error as HashError, PasswordHasher as _, PasswordVerifier as _};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::sync::Semaphore;

use super::{Error, internal};
use crate::clock::Random;

/// How many passwords are hashed at once: each takes a core and 19 MiB, and strangers decide how many come.
const AT_ONCE: usize = 2;

/// Hashes and checks passwords.
#[derive(Clone, Debug)]
pub(super) struct Passwords {
    random: Random,
    gate: Arc<Semaphore>,
}

impl Passwords {
    /// Hashes with this randomness for its salts.
    pub fn new(random: Random) -> Self {
        Self { random, gate: Arc::new(Semaphore::new(AT_ONCE)) }
    }

    /// The hash to store, a PHC string (`$argon2id$v=19$…`).
    pub async fn hash(&self, password: &SecretString) -> Result<String, Error> {
        let (password, salt) = (password.clone(), self.random.bytes::<16>());
        self.aside(move || {
            let hash: PasswordHash =
                Argon2::default().hash_password_with_salt(password.expose_secret().as_bytes(), &salt)?;
            Ok(hash.to_string())
        })
        .await
    }

    /// Whether the password is the one that was hashed; `None`, for no account, costs the same and never is.
    pub async fn matches(&self, password: &SecretString, hash: Option<String>) -> Result<bool, Error> {
        let Some(hash) = hash else {
            // What is hashed is thrown away: only the time it takes matters.
            return self.hash(password).await.map(|_| false);
        };
        let password = password.clone();
        self.aside(move || {
            let verified =
                Argon2::default().verify_password(password.expose_secret().as_bytes(), &PasswordHash::new(&hash)?);
            match verified {
                Ok(()) => Ok(true),
                Err(HashError::PasswordInvalid) => Ok(false),
                Err(error) => Err(error.into()),
            }
        })
        .await
    }

    /// Runs `work` on a thread for blocking work, when it is its turn.
    async fn aside<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, Box<dyn std::error::Error + Send + Sync>> + Send + 'static,
    ) -> Result<T, Error> {
        let turn = Arc::clone(&self.gate).acquire_owned().await.map_err(internal("waiting to check a password"))?;
        // The turn goes along: the work goes on when the one who asked has left, and must keep its place.
        let done = tokio::task::spawn_blocking(move || {
            let result = work();
            drop(turn);
            result
        });
        done.await.map_err(internal("checking a password"))?.map_err(internal("checking a password"))
    }
}
