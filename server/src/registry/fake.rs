//! A registry in memory, for tests of whoever uses one.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use super::{Build, Config, Digest, Error, Manifest, Quota, Reference, Registry, SignIn, Tags};
use crate::clock::Clock;

/// Answers from what a test put in, and fails when a test says so.
#[derive(Debug)]
pub struct FakeRegistry {
    clock: Clock,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    images: BTreeMap<String, Image>,
    quota: Option<Quota>,
    /// The mirror that answers in every registry's place.
    account: Option<String>,
    /// The status that every call fails with while it is set.
    outage: Option<u16>,
    /// Whether it asks for a login.
    is_closed: bool,
    calls: u64,
}

#[derive(Debug, Default)]
struct Image {
    /// In the order of publication, which is how registries list them at their worst.
    tags: Vec<(String, Digest)>,
    manifests: BTreeMap<Digest, Vec<Config>>,
}

impl FakeRegistry {
    /// A registry without images, whose answers carry the time of `clock`.
    pub fn new(clock: Clock) -> Self {
        Self { clock, state: Mutex::default() }
    }

    /// Publishes `builds` under `image`'s tag (`latest` without one), moving the tag if it exists.
    ///
    /// The digest follows from what is published; publishing the same again changes nothing.
    pub fn publish(&self, image: &Reference, builds: &[Config]) -> Digest {
        let digest = digest_of(builds, image.repository());
        let tag = image.tag().unwrap_or("latest").to_owned();
        let mut state = self.state();
        let known = state.images.entry(key(image)).or_default();
        known.tags.retain(|(name, _)| *name != tag);
        known.tags.push((tag, digest.clone()));
        known.manifests.insert(digest.clone(), builds.to_vec());
        digest
    }

    /// Takes a tag away, as its publisher may; the digest stays.
    pub fn remove_tag(&self, image: &Reference) {
        if let (Some(known), Some(tag)) = (self.state().images.get_mut(&key(image)), image.tag()) {
            known.tags.retain(|(name, _)| name != tag);
        }
    }

    /// From now on every call fails with this status, until `None` ends it.
    pub fn set_outage(&self, status: Option<u16>) {
        self.state().outage = status;
    }

    /// Has the registry ask everybody for a login from now on, and take any.
    pub fn ask_for_logins(&self) {
        self.state().is_closed = true;
    }

    /// What further answers say is left of the allowance.
    pub fn set_quota(&self, quota: Option<Quota>) {
        self.state().quota = quota;
    }

    /// Has a mirror of this name answer in every registry's place from now on.
    pub fn set_account(&self, mirror: &str) {
        self.state().account = Some(mirror.to_owned());
    }

    /// How many calls have been made, failed ones included.
    pub fn calls(&self) -> u64 {
        self.state().calls
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answer<T>(&self, doing: &str, image: &Reference, find: impl FnOnce(&Image) -> Option<T>) -> Result<T, Error> {
        let mut state = self.state();
        state.calls += 1;
        let (task, registry) = (format!("{doing} {image}"), image.registry().to_owned());
        if let Some(status) = state.outage {
            return Err(Error::Unavailable { task, registry, status });
        }
        let known = state.images.get(&key(image));
        known.and_then(find).ok_or(Error::NotFound { task, registry })
    }
}

fn key(image: &Reference) -> String {
    format!("{:#}", image.image())
}

fn digest_of(builds: &[Config], repository: &str) -> Digest {
    Digest::of(format!("{repository} {builds:?}").as_bytes())
}

fn build_of(config: &Config, repository: &str) -> Build {
    Build {
        platform: config.platform.clone(),
        digest: digest_of(std::slice::from_ref(config), repository),
        size_bytes: Some(config.size_bytes),
    }
}

fn selected(known: &Image, image: &Reference) -> Option<Digest> {
    let by_tag = || known.tags.iter().find(|(name, _)| name == image.selector()).map(|(_, digest)| digest.clone());
    image.digest().cloned().or_else(by_tag)
}

#[async_trait]
impl Registry for FakeRegistry {
    async fn sign_in(&self, account: &str) -> Result<SignIn, Error> {
        let mut state = self.state();
        state.calls += 1;
        let (task, registry) = (format!("signing in at {account}"), account.to_owned());
        match state.outage {
            Some(status) => Err(Error::Unavailable { task, registry, status }),
            None if state.is_closed => Ok(SignIn::Taken),
            None => Ok(SignIn::NotAsked),
        }
    }

    async fn tags(&self, image: &Reference) -> Result<Tags, Error> {
        let fetched_at = self.clock.now();
        self.answer("listing the tags of", &image.image(), |known| {
            let names = known.tags.iter().map(|(name, _)| name.clone()).collect();
            Some(Tags { names, fetched_at })
        })
    }

    async fn resolve(&self, image: &Reference) -> Result<Digest, Error> {
        self.answer("resolving", image, |known| {
            selected(known, image).filter(|digest| known.manifests.contains_key(digest))
        })
    }

    async fn manifest(&self, image: &Reference) -> Result<Manifest, Error> {
        self.answer("reading the manifest of", image, |known| {
            let digest = selected(known, image)?;
            let builds = known.manifests.get(&digest)?;
            Some(Manifest {
                digest,
                builds: builds.iter().map(|config| build_of(config, image.repository())).collect(),
            })
        })
    }

    async fn config(&self, image: &Reference, build: &Build) -> Result<Config, Error> {
        self.answer("reading the configuration of", image, |known| {
            known
                .manifests
                .values()
                .flatten()
                .find(|config| build_of(config, image.repository()).digest == build.digest)
                .cloned()
        })
    }

    fn account(&self, registry: &str) -> String {
        self.state().account.clone().unwrap_or_else(|| registry.to_owned())
    }

    fn quota(&self, _account: &str) -> Option<Quota> {
        self.state().quota
    }
}
