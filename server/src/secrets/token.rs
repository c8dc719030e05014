//! Tokens: random values that prove who holds them, shown once and stored as their hash.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};

use crate::clock::Random;

/// 32 random bytes in base64url (RFC 4648, section 5), 43 characters.
#[derive(Clone, Debug)]
pub struct Token(SecretString);

/// The SHA-256 of a token's text, which is what a table keeps of it.
///
/// A plain hash suffices: nobody can try 2^256 tokens, so there is nothing for a slow hash to slow down.
pub type TokenHash = [u8; 32];

impl Token {
    /// A new token.
    pub fn new(random: &Random) -> Self {
        Self(BASE64_URL_SAFE_NO_PAD.encode(random.bytes::<32>()).into())
    }

    /// A token that somebody presents; any text.
    pub fn presented(text: impl Into<String>) -> Self {
        Self(text.into().into())
    }

    /// The text to hand to its owner, once.
    pub fn reveal(&self) -> &str {
        self.0.expose_secret()
    }

    /// What to store and to look up by.
    pub fn hash(&self) -> TokenHash {
        Sha256::digest(self.reveal().as_bytes()).into()
    }

    /// Another token that follows from this one for a named purpose, and does not lead back to it.
    #[must_use]
    pub fn derive(&self, purpose: &str) -> Self {
        let digest = Sha256::new()
            .chain_update(purpose.as_bytes())
            .chain_update([0])
            .chain_update(self.reveal().as_bytes())
            .finalize();
        Self(BASE64_URL_SAFE_NO_PAD.encode(digest).into())
    }
}
