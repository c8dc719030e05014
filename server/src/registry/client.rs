//! The real client: a registry over HTTP, after the OCI distribution specification 1.1.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use reqwest::header::{ETAG, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, StatusCode, Url};

use super::answers::{self, Described, Layers};
use super::transport::{Answer, Purpose, Question, Request, Transport};
use super::{
    Build, Config, Credentials, Digest, Error, Fault, Manifest, Quota, Reference, Registry, RegistryConfig, SignIn,
    Tags,
};
use crate::clock::Clock;

/// Answers kept for comparison, in bytes of their bodies.
const MOST_REMEMBERED_BYTES: usize = 16 << 20;
/// How long a mirror that has a fall-back may take over one question.
const MIRROR_PATIENCE: Duration = Duration::from_secs(10);
/// How long a mirror that did not answer is not asked again.
const AWAY: Duration = Duration::from_secs(120);
/// How long a registry that could not be connected to is left alone, whatever image is asked for.
const RESPITE: Duration = Duration::from_secs(60);
const DIGEST: HeaderName = HeaderName::from_static("docker-content-digest");

/// Asks registries over HTTPS, as a stranger or with the credentials stored for them.
pub struct HttpRegistry {
    transport: Transport,
    clock: Clock,
    remembered: Mutex<Remembered>,
    /// The allowance last heard of, by account: not every answer carries it.
    quotas: Mutex<HashMap<String, Quota>>,
    /// Mirrored registries that are asked themselves, each until when.
    away: Mutex<HashMap<String, Timestamp>>,
    /// Accounts whose registry could not be connected to: how it failed, and until when it is left alone.
    silent: Mutex<HashMap<String, (Error, Timestamp)>>,
}

/// Answers with an entity tag, asked for again only if they changed.
#[derive(Default)]
struct Remembered {
    answers: HashMap<Url, (HeaderValue, HeaderMap, bytes::Bytes)>,
    bytes: usize,
}

impl HttpRegistry {
    /// A client within the bounds of `config`.
    ///
    /// # Errors
    /// [`Error::Internal`] when `config` is unsafe ([`super::InvalidConfig`]) or this machine has no usable certificates.
    pub fn new(config: RegistryConfig, credentials: Arc<dyn Credentials>, clock: Clock) -> Result<Self, Error> {
        let transport = Transport::new(config, credentials, clock.clone())?;
        let (remembered, quotas) = (Mutex::default(), Mutex::default());
        Ok(Self { transport, clock, remembered, quotas, away: Mutex::default(), silent: Mutex::default() })
    }

    /// Asks the registry or its mirror, and the registry itself where the mirror is away and that is allowed.
    async fn asked<T, F: Future<Output = Result<T, Error>>>(
        &self,
        doing: &str,
        image: &Reference,
        ask: impl Fn(Question) -> F,
    ) -> Result<T, Error> {
        let (config, registry) = (self.transport.config(), image.registry());
        if !config.fallbacks.contains(registry) {
            let question = self.transport.question(doing, image)?;
            return self.unless_silent(&question, ask(question.clone())).await;
        }
        if self.uses_mirror(registry) {
            let question = self.transport.question(doing, image)?;
            let answer = in_time(&question, config.limits.question.min(MIRROR_PATIENCE), ask(question.clone())).await;
            let Err(error) = answer.as_ref() else { return answer };
            if !is_away(error) {
                return answer;
            }
            tracing::warn!(registry, error = %error, "a mirror does not answer; its registry is asked for a while");
            locked(&self.away).insert(registry.to_owned(), self.clock.now() + AWAY);
        }
        let question = self.transport.question_to_origin(doing, image)?;
        self.unless_silent(&question, ask(question.clone())).await
    }

    /// Answers `question`, or says how the last one failed while its registry is left alone.
    async fn unless_silent<T>(
        &self,
        question: &Question,
        answer: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let account = &question.endpoint.account;
        if let Some((error, _)) = locked(&self.silent).get(account).filter(|(_, until)| *until > self.clock.now()) {
            return Err(question.same_as(error));
        }
        let limits = &self.transport.config().limits;
        let answer = in_time(question, limits.question, answer).await;
        match &answer {
            // One request that took too long, not a question of many pages.
            Err(error @ (Error::Unreachable { .. } | Error::TimedOut { .. })) if !took(error, limits.question) => {
                locked(&self.silent).insert(account.clone(), (error.clone(), self.clock.now() + RESPITE));
            }
            _ => drop(locked(&self.silent).remove(account)),
        }
        answer
    }

    async fn all_tags(&self, question: &Question) -> Result<Tags, Error> {
        let limits = self.transport.config().limits;
        let first = format!("v2/{}/tags/list?n=1000", question.repository);
        let mut url = join(question, &first)?;
        let (mut names, mut seen, mut pages) = (Vec::new(), BTreeSet::new(), BTreeSet::new());
        loop {
            if !pages.insert(url.clone()) {
                return Err(question.invalid(Fault::Link));
            }
            let answer = self.get_again(question, url.clone(), "application/json", limits.page_bytes).await?;
            let page =
                answers::expect_json(&answer.headers, &answer.body).and_then(|()| answers::tag_page(&answer.body));
            let page = page.map_err(|fault| question.invalid(fault))?;
            names.extend(page.into_iter().filter(|name| seen.insert(name.clone())));
            let next = answers::next_page(&answer.headers, &url).map_err(|fault| question.invalid(fault))?;
            if names.len() > limits.tags || next.is_some() && pages.len() >= limits.pages {
                let limit = format!("{} tags or {} pages", limits.tags, limits.pages);
                let (task, registry) = (question.task.clone(), question.registry.clone());
                return Err(Error::TooLarge { task, registry, limit });
            }
            let Some(next) = next else { break };
            url = next;
        }
        Ok(Tags { names, fetched_at: self.clock.now() })
    }

    async fn resolve_tag(&self, question: &Question, image: &Reference) -> Result<Digest, Error> {
        let request = Request {
            method: Method::HEAD,
            url: manifest_url(question, image.selector())?,
            accept: answers::MANIFEST_TYPES,
            limit_bytes: self.transport.config().limits.manifest_bytes,
            purpose: Purpose::Answer,
            known: None,
        };
        match self.transport.send(question, &request).await {
            Ok(answer) => {
                self.note_quota(question, &answer.headers);
                if let Some(digest) = announced(&answer.headers).filter(|_| !answers::is_web_page(&answer.headers)) {
                    return expect(question, image, digest);
                }
            }
            // Some registries know no HEAD here.
            Err(
                Error::Invalid { fault: Fault::Status(400 | 405 | 501), .. } | Error::Unavailable { status: 501, .. },
            ) => {}
            Err(error) => return Err(error),
        }
        Ok(self.manifest_bytes(question, image).await?.0)
    }

    /// The bytes that `image` names, with their digest, which has been checked.
    async fn manifest_bytes(&self, question: &Question, image: &Reference) -> Result<(Digest, Answer), Error> {
        let url = manifest_url(question, image.selector())?;
        let limit = self.transport.config().limits.manifest_bytes;
        let answer = self.get_again(question, url, answers::MANIFEST_TYPES, limit).await?;
        let expected = image.digest().cloned().or_else(|| announced(&answer.headers));
        let digest = match expected {
            Some(expected) => checked(question, &expected, &answer.body)?,
            None => Digest::of(&answer.body),
        };
        Ok((digest, answer))
    }

    async fn describe(&self, question: &Question, image: &Reference) -> Result<(Digest, Described), Error> {
        let (digest, answer) = self.manifest_bytes(question, image).await?;
        let described = answers::manifest(&answer.headers, &answer.body).map_err(|fault| question.invalid(fault))?;
        Ok((digest, described))
    }

    /// Reads the configuration blob that one platform's manifest names.
    async fn read_config(&self, question: &Question, layers: &Layers) -> Result<Config, Error> {
        let request = Request {
            method: Method::GET,
            url: join(question, &format!("v2/{}/blobs/{}", question.repository, layers.config))?,
            // Storage elsewhere knows no image types.
            accept: "*/*",
            limit_bytes: self.transport.config().limits.config_bytes,
            purpose: Purpose::Blob,
            known: None,
        };
        let answer = self.transport.send(question, &request).await?;
        checked(question, &layers.config, &answer.body)?;
        answers::config(&answer.body, layers.size_bytes).map_err(|fault| question.invalid(fault))
    }

    /// Gets `url`, or what it gave before if the registry says that it still does.
    async fn get_again(
        &self,
        question: &Question,
        url: Url,
        accept: &'static str,
        limit_bytes: usize,
    ) -> Result<Answer, Error> {
        let known = locked(&self.remembered).answers.get(&url).cloned();
        let etag = known.as_ref().map(|(etag, ..)| etag);
        let purpose = Purpose::Answer;
        let request = Request { method: Method::GET, url: url.clone(), accept, limit_bytes, purpose, known: etag };
        let answer = self.transport.send(question, &request).await?;
        self.note_quota(question, &answer.headers);
        if answer.status != StatusCode::NOT_MODIFIED {
            locked(&self.remembered).keep(url, &answer);
            return Ok(answer);
        }
        match known {
            Some((_, headers, body)) => Ok(Answer { status: StatusCode::OK, headers, body }),
            None => Err(question.invalid(Fault::Status(304))),
        }
    }

    fn note_quota(&self, question: &Question, headers: &HeaderMap) {
        if let Some(quota) = answers::quota(headers, self.clock.now()) {
            let account = question.endpoint.account.clone();
            metrics::gauge!("summoner_registry_quota_remaining", "registry" => account.clone())
                .set(f64::from(quota.remaining));
            locked(&self.quotas).insert(account, quota);
        }
    }
}

#[async_trait]
impl Registry for HttpRegistry {
    async fn sign_in(&self, account: &str) -> Result<SignIn, Error> {
        self.transport.sign_in(account).await
    }

    async fn tags(&self, image: &Reference) -> Result<Tags, Error> {
        let image = image.image();
        self.asked("listing the tags of", &image, |question| async move { self.all_tags(&question).await }).await
    }

    async fn resolve(&self, image: &Reference) -> Result<Digest, Error> {
        self.asked("resolving", image, |question| async move { self.resolve_tag(&question, image).await }).await
    }

    async fn manifest(&self, image: &Reference) -> Result<Manifest, Error> {
        let answer = |question: Question| async move {
            let (digest, described) = self.describe(&question, image).await?;
            let builds = match described {
                Described::Index(builds) => builds,
                Described::Image(layers) => {
                    let config = self.read_config(&question, &layers).await?;
                    let size_bytes = Some(config.size_bytes);
                    vec![Build { platform: config.platform, digest: digest.clone(), size_bytes }]
                }
            };
            Ok(Manifest { digest, builds })
        };
        self.asked("reading the manifest of", image, answer).await
    }

    async fn config(&self, image: &Reference, build: &Build) -> Result<Config, Error> {
        let image = &image.with_digest(build.digest.clone());
        let answer = |question: Question| async move {
            match self.describe(&question, image).await?.1 {
                Described::Image(layers) => self.read_config(&question, &layers).await,
                Described::Index(_) => Err(question.invalid(Fault::Malformed)),
            }
        };
        self.asked("reading the configuration of", image, answer).await
    }

    fn account(&self, registry: &str) -> String {
        let config = self.transport.config();
        let endpoint = if self.uses_mirror(registry) { config.endpoint(registry) } else { config.origin(registry) };
        endpoint.map_or_else(|| registry.to_owned(), |endpoint| endpoint.account)
    }

    fn quota(&self, account: &str) -> Option<Quota> {
        locked(&self.quotas).get(account).copied()
    }

    fn uses_mirror(&self, registry: &str) -> bool {
        let now = self.clock.now();
        locked(&self.away).get(registry).is_none_or(|until| *until <= now)
    }
}

/// Whether the one who was asked did not answer, or only to say that it cannot.
fn is_away(error: &Error) -> bool {
    matches!(error, Error::Unreachable { .. } | Error::TimedOut { .. } | Error::Unavailable { .. })
}

/// Whether it is the error that an answer took as long as that.
fn took(error: &Error, long: Duration) -> bool {
    matches!(error, Error::TimedOut { after, .. } if *after == long)
}

/// Answers `question` within its time.
async fn in_time<T>(
    question: &Question,
    after: Duration,
    answer: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    tokio::time::timeout(after, answer).await.unwrap_or_else(|_| Err(question.timed_out(after)))
}

impl Remembered {
    fn keep(&mut self, url: Url, answer: &Answer) {
        if let Some((.., body)) = self.answers.remove(&url) {
            self.bytes -= body.len();
        }
        let Some(etag) = answer.headers.get(ETAG).cloned() else { return };
        if self.bytes + answer.body.len() > MOST_REMEMBERED_BYTES {
            // Starting over is simpler than ageing, and costs one full answer each.
            *self = Self::default();
        }
        if answer.body.len() <= MOST_REMEMBERED_BYTES {
            self.bytes += answer.body.len();
            self.answers.insert(url, (etag, answer.headers.clone(), answer.body.clone()));
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn manifest_url(question: &Question, selector: &str) -> Result<Url, Error> {
    join(question, &format!("v2/{}/manifests/{selector}", question.repository))
}

fn join(question: &Question, path: &str) -> Result<Url, Error> {
    let url = question.endpoint.base.join(path);
    url.map_err(|error| Error::Internal { task: question.task.clone(), source: Arc::new(error) })
}

/// The digest that an answer announces for its content.
fn announced(headers: &HeaderMap) -> Option<Digest> {
    headers.get(DIGEST)?.to_str().ok()?.parse().ok()
}

/// The digest of `body`, which must be `expected`.
fn checked(question: &Question, expected: &Digest, body: &[u8]) -> Result<Digest, Error> {
    let got = expected.same_algorithm_of(body);
    if got == *expected {
        return Ok(got);
    }
    Err(question.invalid(Fault::Digest { expected: expected.clone(), got }))
}

/// The announced digest, which must be the one that was asked for, if one was.
fn expect(question: &Question, image: &Reference, got: Digest) -> Result<Digest, Error> {
    match image.digest() {
        Some(expected) if *expected != got => Err(question.invalid(Fault::Digest { expected: expected.clone(), got })),
        _ => Ok(got),
    }
}
