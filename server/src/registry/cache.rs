//! Last known answers, so that a page shows versions at once and still shows them when a registry is away.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Shared};
use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio_util::sync::CancellationToken;

use super::store::{self, Kind};
use super::{Config, Digest, Error, Manifest, Platform, Quota, Reference, Registry, SignIn, Tags};
use crate::clock::Clock;
use crate::db::Db;

/// An answer younger than this is given without asking again.
pub const FRESH: Duration = Duration::from_secs(15 * 60);
/// After a failure the last known answer is given for this long before the registry is asked again.
const RESPITE: Duration = Duration::from_secs(60);

/// How long a page waits for tags where none are known.
const PATIENCE: Duration = Duration::from_secs(3);
/// How long a page waits for newer tags than those that are known: a registry that is well mostly answers within it.
const GLANCE: Duration = Duration::from_millis(400);

/// How long an answer is kept. Manifests never change, yet images that nobody looks at any more do not come back.
pub const KEPT: Duration = Duration::from_hours(90 * 24);
/// How often old answers are looked for.
const TIDY: Duration = Duration::from_hours(24);

/// Answers from Postgres while they are young, else from the registry, else from Postgres with the reason why.
pub struct Versions {
    db: Db,
    registry: Arc<dyn Registry>,
    clock: Clock,
    /// One lock per question that is being asked, so that ten open pages ask once.
    asking: Mutex<HashMap<String, Weak<Asking>>>,
    /// Lists of tags that are being asked for, by image, whoever still waits.
    refreshing: Mutex<HashMap<String, Refresh>>,
}

/// A question that goes on when nobody waits for it any more.
type Refresh = Shared<BoxFuture<'static, Result<Known<Tags>, Error>>>;

/// Held by the one who asks; the others find its failure here.
type Asking = tokio::sync::Mutex<Option<Error>>;

/// An answer, and how far to trust it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known<T> {
    /// The answer.
    pub value: T,
    /// How long ago the registry gave it.
    pub age: Duration,
    /// Why there is no newer one, in one sentence; None when it is fresh, or a newer one is on its way.
    pub reason: Option<String>,
}

/// What stands behind a tag, seen from one machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Details {
    /// What the tag points to.
    pub digest: Known<Digest>,
    /// The platforms that it is built for.
    pub manifest: Manifest,
    /// The build for that machine; None when there is none.
    pub config: Option<Config>,
}

impl Versions {
    /// Answers of `registry`, kept in `db`.
    pub fn new(db: Db, registry: Arc<dyn Registry>, clock: Clock) -> Self {
        Self { db, registry, clock, asking: Mutex::default(), refreshing: Mutex::default() }
    }

    /// Shows whether a registry takes the login that is kept for it. Nothing of the answer is kept.
    ///
    /// # Errors
    /// What the registry answered.
    pub async fn sign_in(&self, account: &str) -> Result<SignIn, Error> {
        self.registry.sign_in(account).await
    }

    /// The tags of `image`, at most `max_age` old ([`FRESH`] for pages, zero to ask now) if the registry answers.
    ///
    /// # Errors
    /// What the registry answered, when no list is known; [`Error::Internal`] when the database fails.
    pub async fn tags(&self, image: &Reference, max_age: Duration) -> Result<Known<Tags>, Error> {
        let image = image.image();
        self.known(Kind::Tags, &image, max_age, async || self.registry.tags(&image).await).await
    }

    /// The tags of `image` for a page, which must not hang on a registry: the known list is given almost at once, and
    /// the registry asked on for the next visit.
    ///
    /// # Errors
    /// What the registry answered, or that it took too long, when no list is known; [`Error::Internal`] when the
    /// database fails.
    pub async fn tags_at_once(self: &Arc<Self>, image: &Reference) -> Result<Known<Tags>, Error> {
        let image = image.image();
        let known = self.remembered(Kind::Tags, &format!("{image:#}")).await?;
        if let Some(fresh) = known.usable(FRESH, self.clock.now()) {
            return Ok(fresh);
        }
        let stale = known.usable(Duration::MAX, self.clock.now());
        let patience = if stale.is_some() { GLANCE } else { PATIENCE };
        match (tokio::time::timeout(patience, self.refresh(&image)).await, stale) {
            (Ok(answered), _) => answered,
            (Err(_), Some(stale)) => Ok(stale),
            (Err(_), None) => {
                let (task, registry) = (format!("listing the tags of {image}"), image.registry().to_owned());
                Err(Error::TimedOut { task, registry, after: patience })
            }
        }
    }

    /// The answer to come to the one question for the tags of `image` that is under way, begun if there is none.
    fn refresh(self: &Arc<Self>, image: &Reference) -> Refresh {
        let subject = format!("{image:#}");
        let mut refreshing = locked(&self.refreshing);
        if let Some(refresh) = refreshing.get(&subject).filter(|refresh| refresh.peek().is_none()) {
            return refresh.clone();
        }
        let (versions, image, asked) = (Arc::clone(self), image.clone(), subject.clone());
        let task = tokio::spawn(async move {
            let answered = versions.tags(&image, FRESH).await;
            locked(&versions.refreshing).remove(&asked);
            answered
        });
        let refresh = task.map(|ended| ended.unwrap_or_else(|error| Err(internal(error)))).boxed().shared();
        refreshing.insert(subject, refresh.clone());
        refresh
    }

    /// What the tag of `image` points to, at most `max_age` old if the registry answers; a digest stands for itself.
    ///
    /// # Errors
    /// What the registry answered, when nothing is known; [`Error::Internal`] when the database fails.
    pub async fn digest(&self, image: &Reference, max_age: Duration) -> Result<Known<Digest>, Error> {
        if let Some(digest) = image.digest() {
            return Ok(Known { value: digest.clone(), age: Duration::ZERO, reason: None });
        }
        self.known(Kind::Digest, image, max_age, async || self.registry.resolve(image).await).await
    }

    /// The platforms that `pinned`, an image by digest, is built for; asked for once, ever.
    ///
    /// # Errors
    /// What the registry answered, when it is not known; [`Error::Internal`] when the database fails.
    pub async fn manifest(&self, pinned: &Reference) -> Result<Manifest, Error> {
        let known = self.known(Kind::Manifest, pinned, Duration::MAX, async || self.registry.manifest(pinned).await);
        Ok(known.await?.value)
    }

    /// Digest, platforms, date, labels and size of `image` as `platform` would get it.
    ///
    /// Content by digest never changes and is asked for once, ever: a registry counts manifests against its allowance.
    ///
    /// # Errors
    /// What the registry answered, when something is not known; [`Error::Internal`] when the database fails.
    pub async fn details(&self, image: &Reference, platform: &Platform, max_age: Duration) -> Result<Details, Error> {
        let digest = self.digest(image, max_age).await?;
        let manifest = self.manifest(&image.image().with_digest(digest.value.clone())).await?;
        let config = match manifest.build_for(platform) {
            None => None,
            Some(build) => {
                let pinned = image.image().with_digest(build.digest.clone());
                let config = self
                    .known(Kind::Config, &pinned, Duration::MAX, async || self.registry.config(&pinned, build).await);
                Some(config.await?.value)
            }
        };
        Ok(Details { digest, manifest, config })
    }

    /// The digest behind the tag of `image`, which no registry counts against its allowance, and of its details only
    /// what is known already.
    ///
    /// # Errors
    /// As [`Versions::digest`].
    pub async fn details_at_hand(
        &self,
        image: &Reference,
        platform: &Platform,
        max_age: Duration,
    ) -> Result<(Known<Digest>, Option<Details>), Error> {
        let digest = self.digest(image, max_age).await?;
        let pinned = format!("{:#}", image.image().with_digest(digest.value.clone()));
        let Some((manifest, _)) = self.remembered::<Manifest>(Kind::Manifest, &pinned).await?.answer else {
            return Ok((digest, None));
        };
        let config = match manifest.build_for(platform) {
            None => None,
            Some(build) => {
                let pinned = format!("{:#}", image.image().with_digest(build.digest.clone()));
                match self.remembered(Kind::Config, &pinned).await?.answer {
                    None => return Ok((digest, None)),
                    Some((config, _)) => Some(config),
                }
            }
        };
        Ok((digest.clone(), Some(Details { digest, manifest, config })))
    }

    /// What was left of the allowance for images of `registry` when it last said so, unless that is as long ago as the
    /// allowance takes to be whole again.
    ///
    /// # Errors
    /// [`Error::Internal`] when the database fails.
    pub async fn quota(&self, registry: &str) -> Result<Option<Quota>, Error> {
        let remembered = self.remembered::<Option<Quota>>(Kind::Quota, &self.registry.account(registry)).await?;
        let said = remembered.answer.and_then(|(quota, _)| quota);
        Ok(said.filter(|quota| !quota.is_over(self.clock.now())))
    }

    /// Forgets answers that nobody has asked for anew for long, at once and then daily, until `stop`.
    pub async fn keep_tidy(&self, stop: CancellationToken) {
        loop {
            match self.prune().await {
                Ok(0) => {}
                Ok(count) => tracing::info!(count, "old answers of registries were forgotten"),
                Err(error) => {
                    tracing::warn!(error = &error as &dyn std::error::Error, "old answers of registries stay");
                }
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(TIDY) => {}
            }
        }
    }

    /// Forgets answers older than [`KEPT`] and gives how many they were. Whatever is still wanted is asked for again.
    ///
    /// # Errors
    /// [`Error::Internal`] when the database fails.
    pub async fn prune(&self) -> Result<u64, Error> {
        store::prune(&self.db, self.clock.now() - KEPT).await.map_err(internal)
    }

    /// Whether the mirror that is configured for `registry` is asked in its place just now; see
    /// [`Registry::uses_mirror`].
    pub fn uses_mirror(&self, registry: &str) -> bool {
        self.registry.uses_mirror(registry)
    }

    async fn known<T: Clone + Serialize + DeserializeOwned>(
        &self,
        kind: Kind,
        image: &Reference,
        max_age: Duration,
        ask: impl AsyncFnOnce() -> Result<T, Error>,
    ) -> Result<Known<T>, Error> {
        let subject = format!("{image:#}");
        let before = self.remembered(kind, &subject).await?;
        if let Some(known) = before.usable(max_age, self.clock.now()) {
            return Ok(known);
        }
        let asking = self.lock_for(format!("{kind:?} {subject}"));
        let mut failure = asking.lock().await;
        // Whoever held the lock before has asked in the meantime.
        let remembered = self.remembered(kind, &subject).await?;
        let asked_meanwhile = remembered.is_later_than(&before);
        let max_age = if asked_meanwhile { max_age.max(FRESH) } else { max_age };
        if let Some(known) = remembered.usable(max_age, self.clock.now()) {
            return Ok(known);
        }
        if let Some(failure) = failure.as_ref() {
            return Err(failure.clone());
        }
        match ask().await {
            Ok(value) => {
                self.remember(kind, &subject, &value).await?;
                self.remember_quota(image.registry()).await?;
                Ok(Known { value, age: Duration::ZERO, reason: None })
            }
            Err(error) => {
                let known = self.fall_back(kind, &subject, remembered, error).await;
                *failure = known.as_ref().err().cloned();
                known
            }
        }
    }

    /// The last answer with the reason why there is no newer one, or the failure itself where there is none.
    async fn fall_back<T>(
        &self,
        kind: Kind,
        subject: &str,
        remembered: Remembered<T>,
        error: Error,
    ) -> Result<Known<T>, Error> {
        let Some((value, answered_at)) = remembered.answer else { return Err(error) };
        let now = self.clock.now();
        let until = match &error {
            Error::RateLimited { until: Some(until), .. } => (*until).max(now + RESPITE),
            _ => now + RESPITE,
        };
        let reason = error.to_string();
        tracing::warn!(subject, error = %reason, "a registry did not answer; the last known answer stands");
        store::remember_failure(&self.db, kind, subject, &reason, until).await.map_err(internal)?;
        Ok(Known { value, age: age(answered_at, now), reason: Some(reason) })
    }

    async fn remembered<T: DeserializeOwned>(&self, kind: Kind, subject: &str) -> Result<Remembered<T>, Error> {
        let row = store::remembered(&self.db, kind, subject).await.map_err(internal)?;
        let Some(row) = row else { return Ok(Remembered { answer: None, failure: None }) };
        // What an older release wrote in another form counts as never answered.
        let answer = row.answer.and_then(|(answer, at)| Some((serde_json::from_value(answer).ok()?, at)));
        Ok(Remembered { answer, failure: row.failure })
    }

    async fn remember<T: Serialize>(&self, kind: Kind, subject: &str, value: &T) -> Result<(), Error> {
        let answer = serde_json::to_value(value).map_err(internal)?;
        store::remember(&self.db, kind, subject, &answer, self.clock.now()).await.map_err(internal)
    }

    /// Keeps that whoever is asked for images of `registry` has answered, and what is left of its allowance.
    async fn remember_quota(&self, registry: &str) -> Result<(), Error> {
        let account = self.registry.account(registry);
        let quota = serde_json::to_value(self.registry.quota(&account)).map_err(internal)?;
        store::remember_quota(&self.db, &account, &quota, self.clock.now()).await.map_err(internal)
    }

    fn lock_for(&self, question: String) -> Arc<Asking> {
        let mut asking = locked(&self.asking);
        asking.retain(|_, lock| lock.strong_count() > 0);
        if let Some(lock) = asking.get(&question).and_then(Weak::upgrade) {
            return lock;
        }
        let lock = Arc::default();
        asking.insert(question, Arc::downgrade(&lock));
        lock
    }
}

struct Remembered<T> {
    answer: Option<(T, Timestamp)>,
    failure: Option<(String, Timestamp)>,
}

impl<T: Clone> Remembered<T> {
    /// The answer, if it is young enough or the registry must not be asked yet.
    fn usable(&self, max_age: Duration, now: Timestamp) -> Option<Known<T>> {
        let (value, answered_at) = self.answer.as_ref()?;
        let age = age(*answered_at, now);
        let reason = self.failure.as_ref().filter(|(_, until)| *until > now).map(|(reason, _)| reason.clone());
        (reason.is_some() || age < max_age).then(|| Known { value: value.clone(), age, reason })
    }

    fn is_later_than(&self, before: &Self) -> bool {
        self.answer.as_ref().map(|(_, at)| at) > before.answer.as_ref().map(|(_, at)| at)
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn age(at: Timestamp, now: Timestamp) -> Duration {
    // A clock that was set back makes an answer new, not an error.
    Duration::try_from(now.duration_since(at)).unwrap_or(Duration::ZERO)
}

fn internal(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::Internal { task: "reading the last known answer of a registry".to_owned(), source: error.into().into() }
}
