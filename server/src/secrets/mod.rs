//! Sealed values, tokens, and the mask that keeps secrets out of text.
//!
//! Owns the key file and the format of sealed bytes. Never stores anything else: whoever owns a column stores the
//! sealed bytes there and names the place when sealing and unsealing.
//!
//! Invariants: a sealed value opens only at the table, column and row it was sealed for, and only under its key; a
//! token is stored as its hash; plain values live in `secrecy` types, which print as redacted and are wiped when dropped.

mod key;
mod mask;
mod token;

use std::fmt::Display;
use std::path::{Path, PathBuf};

use chacha20poly1305::aead::{Aead as _, KeyInit as _, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use secrecy::{ExposeSecret as _, SecretString};

use crate::clock::Random;

pub use mask::Mask;
pub use token::{Token, TokenHash};

/// The first byte of every sealed value: XChaCha20-Poly1305, 4-byte key id, 24-byte nonce.
const FORMAT: u8 = 1;
const KEY_ID: usize = 4;
const NONCE: usize = 24;
const HEADER: usize = 1 + KEY_ID + NONCE;

/// Where a sealed value is stored; the value opens nowhere else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    table: &'static str,
    column: &'static str,
    row: String,
}

impl Place {
    /// The column of one row; `row` is the row's key, its parts joined so that no two rows share it.
    pub fn new(table: &'static str, column: &'static str, row: impl Display) -> Self {
        Self { table, column, row: row.to_string() }
    }
}

/// Why a secret cannot be sealed or opened.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The key file cannot be made, read or written.
    #[error("{attempt} the key file {}", path.display())]
    KeyFile {
        /// What was attempted, as in "reading".
        attempt: &'static str,
        /// The key file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The key file is there but must not be used.
    #[error("the key file {} {problem}", path.display())]
    Refused {
        /// The key file.
        path: PathBuf,
        /// What is wrong and what to do.
        problem: String,
    },
    /// The value was sealed under a key that this vault does not hold.
    #[error("{table}.{column} was sealed under another key; put back the key file that belongs to this database")]
    OtherKey {
        /// The table it is stored in.
        table: &'static str,
        /// The column it is stored in.
        column: &'static str,
    },
    /// The value was changed, cut short, or moved from another place.
    #[error("the sealed value in {table}.{column} is damaged or belongs to another row")]
    Damaged {
        /// The table it is stored in.
        table: &'static str,
        /// The column it is stored in.
        column: &'static str,
    },
    /// The cipher refused the plain value.
    #[error("a value for {table}.{column} is too long to be sealed")]
    TooLong {
        /// The table it was meant for.
        table: &'static str,
        /// The column it was meant for.
        column: &'static str,
    },
}

/// Seals and opens values under the key of one file.
#[derive(Clone)]
pub struct Vault {
    cipher: XChaCha20Poly1305,
    key_id: [u8; KEY_ID],
    random: Random,
}

impl std::fmt::Debug for Vault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Vault").field("key_id", &self.key_id).finish_non_exhaustive()
    }
}

impl Vault {
    /// Opens the vault whose key lies in the file, making the file (mode 0600) if there is none.
    ///
    /// # Errors
    /// [`Error::KeyFile`] when the file cannot be made or read; [`Error::Refused`] when it is not a plain file of
    /// 32 bytes that belongs to this user alone.
    pub fn open(path: &Path, random: &Random) -> Result<Self, Error> {
        let key = key::read_or_make(path, random)?;
        Ok(Self { cipher: XChaCha20Poly1305::new(&(*key).into()), key_id: key::id(&key), random: random.clone() })
    }

    /// The plain value as bytes that open only at `place`: format, key id, nonce, ciphertext with its tag.
    ///
    /// # Errors
    /// [`Error::TooLong`] past the cipher's limit of 256 GB.
    pub fn seal(&self, place: &Place, plain: &SecretString) -> Result<Vec<u8>, Error> {
        let nonce: [u8; NONCE] = self.random.bytes();
        let bound = bound_to(place, self.key_id);
        let payload = Payload { msg: plain.expose_secret().as_bytes(), aad: &bound };
        let sealed = self
            .cipher
            .encrypt(&XNonce::from(nonce), payload)
            .map_err(|_| Error::TooLong { table: place.table, column: place.column })?;
        let mut bytes = Vec::with_capacity(HEADER + sealed.len());
        bytes.push(FORMAT);
        bytes.extend_from_slice(&self.key_id);
        bytes.extend_from_slice(&nonce);
        bytes.extend_from_slice(&sealed);
        Ok(bytes)
    }

    /// The plain value that [`Vault::seal`] sealed at the same place.
    ///
    /// # Errors
    /// [`Error::OtherKey`] when another key sealed it; [`Error::Damaged`] when it was changed or sealed elsewhere.
    pub fn unseal(&self, place: &Place, sealed: &[u8]) -> Result<SecretString, Error> {
        let damaged = || Error::Damaged { table: place.table, column: place.column };
        let (header, ciphertext) = sealed.split_at_checked(HEADER).ok_or_else(damaged)?;
        if header[0] != FORMAT {
            return Err(damaged());
        }
        if header[1..=KEY_ID] != self.key_id {
            return Err(Error::OtherKey { table: place.table, column: place.column });
        }
        let nonce = XNonce::try_from(&header[1 + KEY_ID..]).map_err(|_| damaged())?;
        let bound = bound_to(place, self.key_id);
        let plain = self.cipher.decrypt(&nonce, Payload { msg: ciphertext, aad: &bound }).map_err(|_| damaged())?;
        String::from_utf8(plain).map(SecretString::from).map_err(|_| damaged())
    }
}

/// What the cipher authenticates beside the value; lengths keep `("a", "bc")` apart from `("ab", "c")`.
fn bound_to(place: &Place, key_id: [u8; KEY_ID]) -> Vec<u8> {
    let mut bound = vec![FORMAT];
    bound.extend_from_slice(&key_id);
    for part in [place.table, place.column, &place.row] {
        bound.extend_from_slice(&(part.len() as u64).to_be_bytes());
        bound.extend_from_slice(part.as_bytes());
    }
    bound
}

#[cfg(test)]
mod tests;
