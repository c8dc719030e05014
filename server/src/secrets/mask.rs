//! The mask that replaces known secrets in text on its way to people, logs and events.

use std::borrow::Cow;
use std::sync::{Arc, PoisonError, RwLock};

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE_NO_PAD};
use secrecy::{ExposeSecret as _, SecretString};
use zeroize::Zeroizing;

/// What stands where a secret stood.
const MASKED: &str = "•••";
/// Shorter values stand in every other word; masking them would make text unreadable and tell them apart all the same.
const SHORTEST: usize = 4;

/// Replaces the secrets it was told of; clones share what they know.
#[derive(Clone, Default)]
pub struct Mask {
    known: Arc<RwLock<Vec<Zeroizing<String>>>>,
}

impl std::fmt::Debug for Mask {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner).len();
        f.debug_struct("Mask").field("known", &known).finish()
    }
}

impl Mask {
    /// Hides this value from now on, plain and in the forms it takes in addresses, JSON and headers.
    pub fn add(&self, secret: &SecretString) {
        let plain = secret.expose_secret();
        if plain.len() < SHORTEST {
            return;
        }
        let json = serde_json::Value::from(plain).to_string();
        let forms = [
            plain.to_owned(),
            json.trim_matches('"').to_owned(),
            percent_encoded(plain),
            BASE64_STANDARD.encode(plain),
            BASE64_STANDARD_NO_PAD.encode(plain),
            BASE64_URL_SAFE_NO_PAD.encode(plain),
        ];
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        for form in forms.into_iter().map(Zeroizing::new) {
            if !known.contains(&form) {
                known.push(form);
            }
        }
        // Longest first: a secret that contains another one is hidden whole, not with its end showing.
        known.sort_by_key(|form| std::cmp::Reverse(form.len()));
    }

    /// The text with every known secret replaced.
    pub fn apply<'text>(&self, text: &'text str) -> Cow<'text, str> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let mut masked = Cow::Borrowed(text);
        for form in known.iter() {
            if masked.contains(form.as_str()) {
                masked = Cow::Owned(masked.replace(form.as_str(), MASKED));
            }
        }
        masked
    }
}

/// Every byte but RFC 3986's unreserved ones as `%XX`.
fn percent_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}
