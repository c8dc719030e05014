//! Image registries: which tags exist, what a tag points to, and which tag is a release.
//!
//! Owns the names of images ([`Reference`]), the conversation with registries ([`HttpRegistry`]), the credentials for
//! them, the last known answers ([`Versions`]) and the order of versions ([`classify`]).
//! It never pulls: layers are the engine's business. It knows nothing of catalogue entries: whoever has one builds a
//! [`TagRule`] from it.
//!
//! Invariants:
//! - credentials of a registry are sent to that registry and to its token service, to nobody else;
//! - every answer is bounded in time, size and number of pages, and content is checked against its digest;
//! - private addresses and plain HTTP need an administrator's word, by host name ([`RegistryConfig`]);
//! - a moving tag or a pre-release is never proposed.

mod answers;
mod cache;
mod challenge;
mod client;
mod credentials;
mod error;
mod fake;
mod hosts;
mod logins;
mod platform;
mod reference;
mod store;
mod transport;
mod versions;

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use cache::{Details, FRESH, KEPT, Known, Versions};
pub use client::HttpRegistry;
pub use credentials::{Credential, Credentials, FixedCredentials};
pub use error::{Error, Fault, Source};
pub use fake::FakeRegistry;
pub use hosts::{InvalidConfig, Limits, RegistryConfig};
pub use logins::{Author, Login, Logins};
pub use platform::Platform;
pub use reference::{DOCKER_HUB, Digest, InvalidDigest, InvalidReference, Reference};
pub use versions::{Line, LineRule, Order, Picker, TagRule, Version, classify};

/// What an allowance is spared below.
const SCARCE_PERCENT: u64 = 30;

/// Answers questions about images: a registry over HTTP ([`HttpRegistry`]) or one in memory ([`FakeRegistry`]).
#[async_trait]
pub trait Registry: Send + Sync {
    /// Shows whether the registry takes the login that is kept for it.
    ///
    /// # Errors
    /// As [`Error`] says: [`Error::Denied`] when name or password are wrong.
    async fn sign_in(&self, account: &str) -> Result<SignIn, Error>;

    /// Every tag of the image, in the registry's own order; tag and digest of `image` do not matter.
    ///
    /// # Errors
    /// As [`Error`] says; an incomplete list is an error, never a short answer.
    async fn tags(&self, image: &Reference) -> Result<Tags, Error>;

    /// What the tag of `image` points to at present: the digest of its index, or of its only manifest.
    ///
    /// # Errors
    /// As [`Error`] says.
    async fn resolve(&self, image: &Reference) -> Result<Digest, Error>;

    /// The platforms that `image` (by tag or digest) is built for.
    ///
    /// # Errors
    /// As [`Error`] says.
    async fn manifest(&self, image: &Reference) -> Result<Manifest, Error>;

    /// What the image's author wrote into the build for one platform of `image`, and its size.
    ///
    /// # Errors
    /// As [`Error`] says.
    async fn config(&self, image: &Reference, build: &Build) -> Result<Config, Error>;

    /// The name that the login for questions about images of `registry` is kept under: its own, or that of the mirror in
    /// its place.
    fn account(&self, registry: &str) -> String {
        registry.to_owned()
    }

    /// What was left of the allowance at `account` when it last said so since this program started.
    fn quota(&self, _account: &str) -> Option<Quota> {
        None
    }

    /// Whether the mirror that is configured for `registry` answers in its place: always, unless it was away lately and
    /// the registry itself may be asked instead.
    fn uses_mirror(&self, _registry: &str) -> bool {
        true
    }
}

/// What became of a login that was tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignIn {
    /// The registry took it.
    Taken,
    /// The registry lets everybody in and asked for none, so it was not sent.
    NotAsked,
}

/// All tags of an image at one instant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tags {
    /// Tag names as the registry gave them, each once.
    pub names: Vec<String>,
    /// When the registry answered.
    pub fetched_at: Timestamp,
}

/// How many requests a registry still grants (Docker Hub's `RateLimit-*` headers).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quota {
    /// Requests granted per window.
    pub limit: u32,
    /// Requests left in this window.
    pub remaining: u32,
    /// The window's length; zero when the registry did not say.
    pub window: Duration,
    /// When the registry said so.
    pub said_at: Timestamp,
}

impl Quota {
    /// Whether so little is left that what nobody needs is better not asked.
    pub fn is_scarce(&self) -> bool {
        u64::from(self.remaining) * 100 < u64::from(self.limit) * SCARCE_PERCENT
    }

    /// Whether the window has passed since, so that all may be asked again.
    fn is_over(&self, now: Timestamp) -> bool {
        !self.window.is_zero()
            && Duration::try_from(now.duration_since(self.said_at)).is_ok_and(|age| age >= self.window)
    }
}

/// What a tag or digest stands for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The digest of the index, or of the only manifest: what the engine reports as repository digest.
    pub digest: Digest,
    /// One per platform, in the publisher's order; attestations are left out.
    pub builds: Vec<Build>,
}

/// The image for one platform.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Build {
    /// The machine it runs on.
    pub platform: Platform,
    /// The digest of this platform's own manifest.
    pub digest: Digest,
    /// Compressed size of all layers in bytes: what is downloaded at most.
    ///
    /// None inside an index, which does not say; [`Registry::config`] gives it. Reading every platform's manifest for it
    /// would cost a request of the allowance each.
    pub size_bytes: Option<u64>,
}

/// What was built into one platform's image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Config {
    /// The machine it runs on.
    pub platform: Platform,
    /// When it was built; None when the publisher hides it (reproducible builds often say 1970, kept as it is).
    pub created_at: Option<Timestamp>,
    /// The image's labels, the publisher's own words: text, never trusted.
    pub labels: BTreeMap<String, String>,
    /// Compressed size of all layers in bytes.
    pub size_bytes: u64,
}
