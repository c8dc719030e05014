//! Secrets that are made for each tool.

use std::collections::BTreeMap;

use argon2::Argon2;
use argon2::password_hash::PasswordHasher as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use indexmap::IndexMap;
use schemars::JsonSchema;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde::de::{Deserializer, Error as _};

use super::about::Text;
use crate::clock::Random;

/// Letters and digits without the look-alikes 0 O 1 l I: safe in addresses, environment files and on paper.
const ALPHABET: &[u8; 57] = b"abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789";

/// How one secret is made.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Generated {
    pub kind: GeneratedKind,
    /// From 8 to 256: characters of a password or of hex digits, bytes under base64; 32 when absent. The others have none.
    #[serde(default = "usual_length", deserialize_with = "length")]
    #[schemars(range(min = 8, max = 256))]
    pub length: u16,
    /// Whether a person needs it, and so sees it once.
    #[serde(default)]
    pub show_once: bool,
    /// The generated password that an `argon2` is the hash of; no other kind has one.
    #[serde(default)]
    pub of: Option<String>,
    /// What it is for, where a person sees it.
    #[serde(default)]
    pub label: Option<Text>,
}

/// The form of a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum GeneratedKind {
    /// Letters and digits, at least one lower-case letter, one upper-case letter and one digit.
    Password,
    /// Lower-case hex digits.
    Hex,
    /// Standard base64 with padding, of `length` random bytes.
    Base64,
    /// A random UUID (RFC 9562, version 4).
    Uuid,
    /// The argon2id hash of the password that `of` names, as a PHC string: what a tool needs to check a password that
    /// only people know.
    Argon2,
}

fn usual_length() -> u16 {
    32
}

fn length<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u16, D::Error> {
    let length = u16::deserialize(deserializer)?;
    if (8..=256).contains(&length) {
        Ok(length)
    } else {
        Err(D::Error::custom(format!("The length {length} is not between 8 and 256. Write one that is, such as 32.")))
    }
}

/// Makes every secret that `rules` name and `secrets` lack; a hash is made anew with the password it is of. The same
/// rules and the same row of randomness give the same secrets.
pub fn complete(rules: &IndexMap<String, Generated>, secrets: &mut BTreeMap<String, SecretString>, random: &Random) {
    let mut made = Vec::new();
    let (hashes, others): (Vec<_>, Vec<_>) = rules.iter().partition(|(_, rule)| rule.kind == GeneratedKind::Argon2);
    for (name, rule) in others {
        if !secrets.contains_key(name) {
            secrets.insert(name.clone(), SecretString::from(drawn(rule, random)));
            made.push(name);
        }
    }
    for (name, rule) in hashes {
        let Some(of) = &rule.of else { continue };
        if secrets.contains_key(name) && !made.contains(&of) {
            continue;
        }
        if let Some(hash) = secrets.get(of).and_then(|password| argon2(password, random)) {
            secrets.insert(name.clone(), hash);
        }
    }
}

fn drawn(rule: &Generated, random: &Random) -> String {
    let length = usize::from(rule.length);
    match rule.kind {
        GeneratedKind::Password => password(length, random),
        GeneratedKind::Hex => (0..length).filter_map(|_| char::from_digit(random.below(16), 16)).collect(),
        GeneratedKind::Base64 => {
            let bytes: Vec<u8> = (0..length).map(|_| random.bytes::<1>()[0]).collect();
            STANDARD.encode(bytes)
        }
        GeneratedKind::Uuid => uuid::Builder::from_random_bytes(random.bytes()).into_uuid().to_string(),
        GeneratedKind::Argon2 => String::new(),
    }
}

/// The hash with the parameters OWASP recommends (19 MiB, 2 passes, 1 lane); `None` for a password too long for it.
fn argon2(password: &SecretString, random: &Random) -> Option<SecretString> {
    let salt = random.bytes::<16>();
    let hash = Argon2::default().hash_password_with_salt(password.expose_secret().as_bytes(), &salt);
    hash.ok().map(|hash| SecretString::from(hash.to_string()))
}

/// Draws whole passwords until one has all three kinds of character, which keeps those that remain equally likely.
fn password(length: usize, random: &Random) -> String {
    loop {
        let drawn: String = (0..length).map(|_| char::from(ALPHABET[random.below(57) as usize])).collect();
        let has = |kind: fn(&char) -> bool| drawn.chars().any(|c| kind(&c));
        let complete = has(char::is_ascii_lowercase) && has(char::is_ascii_uppercase) && has(char::is_ascii_digit);
        if complete || length < 3 {
            return drawn;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use uuid::Uuid;

    use super::*;

    fn rule(kind: GeneratedKind, length: u16) -> Generated {
        Generated { kind, length, show_once: false, of: None, label: None }
    }

    #[test]
    fn each_kind_has_its_form_and_length() {
        let random = Random::seeded(1);
        let password = drawn(&rule(GeneratedKind::Password, 20), &random);
        assert_eq!(password.len(), 20);
        assert!(password.bytes().all(|byte| ALPHABET.contains(&byte)));
        let hex = drawn(&rule(GeneratedKind::Hex, 33), &random);
        assert_eq!(hex.len(), 33);
        assert!(hex.chars().all(|c| c.is_ascii_hexdigit() && !c.is_ascii_uppercase()));
        let base64 = drawn(&rule(GeneratedKind::Base64, 32), &random);
        assert_eq!(STANDARD.decode(base64).unwrap().len(), 32);
        let uuid: Uuid = drawn(&rule(GeneratedKind::Uuid, 32), &random).parse().unwrap();
        assert_eq!(uuid.get_version_num(), 4);
    }

    #[test]
    fn a_password_always_has_all_kinds_of_character() {
        let random = Random::seeded(2);
        let drawn: HashSet<_> = (0..500).map(|_| drawn(&rule(GeneratedKind::Password, 8), &random)).collect();
        assert_eq!(drawn.len(), 500);
        for password in drawn {
            assert!(password.contains(|c: char| c.is_ascii_digit()), "{password}");
            assert!(password.contains(|c: char| c.is_ascii_uppercase()), "{password}");
            assert!(password.contains(|c: char| c.is_ascii_lowercase()), "{password}");
        }
    }

    #[test]
    fn a_hash_opens_with_its_password_and_is_made_anew_with_it() {
        use argon2::PasswordVerifier as _;
        use argon2::password_hash::phc::PasswordHash;

        let random = Random::seeded(3);
        let hash = Generated { of: Some("WORD".to_owned()), ..rule(GeneratedKind::Argon2, 32) };
        let rules = IndexMap::from([("HASH".to_owned(), hash), ("WORD".to_owned(), rule(GeneratedKind::Hex, 32))]);
        let is_of = |secrets: &BTreeMap<String, SecretString>| {
            let hash = PasswordHash::new(secrets["HASH"].expose_secret()).unwrap();
            Argon2::default().verify_password(secrets["WORD"].expose_secret().as_bytes(), &hash).is_ok()
        };
        let mut secrets = BTreeMap::new();
        complete(&rules, &mut secrets, &random);
        assert!(secrets["HASH"].expose_secret().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        assert!(is_of(&secrets));

        let mut taken_up = secrets.clone();
        complete(&rules, &mut taken_up, &random);
        assert_eq!(taken_up["HASH"].expose_secret(), secrets["HASH"].expose_secret(), "what is there stays");

        taken_up.remove("WORD");
        complete(&rules, &mut taken_up, &random);
        assert!(is_of(&taken_up), "a new password makes the old hash useless");
    }
}
