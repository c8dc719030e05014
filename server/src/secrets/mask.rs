//! The mask that replaces known secrets in text on its way to people, logs and events.

use std::borrow::Cow;

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE_NO_PAD};
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

/// What stands where a secret stood.
const MASKED: &str = "•••";
/// Shorter values stand in every other word; masking them would make text unreadable and tell them apart all the same.
const SHORTEST: usize = 4;

/// Replaces the secrets it knows.
#[derive(Clone, Default)]
pub struct Mask {
    /// Each in every form it may take, longest first: a secret that contains another one is hidden whole, not with its
    /// end showing.
    known: Vec<Zeroizing<String>>,
}

impl std::fmt::Debug for Mask {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mask").field("known", &self.known.len()).finish()
    }
}

impl Mask {
    /// A mask that hides these values, plain and in the forms they take in addresses, JSON and headers.
    pub fn of<'secret>(secrets: impl IntoIterator<Item = &'secret SecretString>) -> Self {
        let plain = secrets.into_iter().map(ExposeSecret::expose_secret).filter(|plain| plain.len() >= SHORTEST);
        let mut known: Vec<_> = plain.flat_map(forms).map(Zeroizing::new).collect();
        known.sort_by(|one, other| other.len().cmp(&one.len()).then_with(|| one.cmp(other)));
        known.dedup();
        Self { known }
    }

    /// The text with every known secret replaced.
    pub fn apply<'text>(&self, text: &'text str) -> Cow<'text, str> {
        let mut masked = Cow::Borrowed(text);
        for form in &self.known {
            if masked.contains(form.as_str()) {
                masked = Cow::Owned(masked.replace(form.as_str(), MASKED));
            }
        }
        masked
    }
}

fn forms(plain: &str) -> [String; 6] {
    let json = serde_json::Value::from(plain).to_string();
    [
        plain.to_owned(),
        json.trim_matches('"').to_owned(),
        percent_encoded(plain),
        BASE64_STANDARD.encode(plain),
        BASE64_STANDARD_NO_PAD.encode(plain),
        BASE64_URL_SAFE_NO_PAD.encode(plain),
    ]
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
