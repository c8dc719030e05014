//! One bounded, authorised request to a registry at a time: challenges, tokens, redirects, retries, limits.
//!
//! Redirects are followed by hand, so that nothing secret crosses to another host and every hop is checked like the
//! first. Names are resolved by [`PublicOnly`] unless an administrator named the host.

use std::collections::HashMap;
use std::error::Error as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable as _};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::{Bytes, BytesMut};
use jiff::Timestamp;
use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderMap, HeaderValue, IF_NONE_MATCH, LOCATION};
use reqwest::{Client, Method, StatusCode, Url, redirect};
use secrecy::{ExposeSecret as _, SecretString};

use super::challenge::{self, Challenge};
use super::hosts::{self, Endpoint, PrivateAddress, PublicOnly, RegistryConfig};
use super::{Credential, Credentials, Error, Fault, Reference, SignIn, answers};
use crate::clock::Clock;

/// Redirects followed for one blob.
const MOST_REDIRECTS: usize = 3;
/// Tokens kept at once.
const MOST_TOKENS: usize = 1_000;
/// A token is renewed this long before it ends, so that it does not end on its way.
const TOKEN_MARGIN: Duration = Duration::from_secs(10);
const USER_AGENT: &str = concat!("summoner/", env!("CARGO_PKG_VERSION"));

/// Sends requests for one [`super::HttpRegistry`].
pub(super) struct Transport {
    config: RegistryConfig,
    credentials: Arc<dyn Credentials>,
    clock: Clock,
    /// Connects to public addresses only.
    public: Client,
    /// Connects to the hosts that an administrator named.
    named: Client,
    /// What convinced a registry last time.
    passes: Mutex<HashMap<PassKey, Pass>>,
}

/// What a request is about, for the sentences of errors.
#[derive(Clone, Debug)]
pub(super) struct Question {
    /// What is attempted on which image, as in "listing the tags of nginx".
    pub task: String,
    /// The registry's name as in the image's name.
    pub registry: String,
    /// Where it is asked.
    pub endpoint: Endpoint,
    /// The repository it is about; empty when no image is.
    pub repository: String,
    /// What a token must open; none to show name and password alone.
    pub scope: Option<String>,
}

/// One request.
pub(super) struct Request<'r> {
    pub method: Method,
    pub url: Url,
    pub accept: &'static str,
    pub limit_bytes: usize,
    pub purpose: Purpose,
    /// The entity tag of an answer that is still at hand.
    pub known: Option<&'r HeaderValue>,
}

/// What is fetched, which decides where a request may end up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Tags and manifests: from the registry itself, redirects are refused.
    Answer,
    /// A blob, which registries keep in storage elsewhere: redirects are followed.
    Blob,
    /// A token, whose service may stand on another port of the registry's own host; redirects are refused.
    Token,
}

/// An answer with a status of success, 304, 401 or 403.
#[derive(Debug)]
pub(super) struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

/// Account and scope.
type PassKey = (String, Option<String>);

#[derive(Clone)]
enum Pass {
    /// The registry takes name and password, which are looked up anew each time.
    Basic,
    Bearer {
        token: SecretString,
        until: Timestamp,
    },
}

/// A failed attempt, and whether another may do better.
struct Failure {
    error: Error,
    retry: Retry,
}

#[derive(Clone, Copy)]
enum Retry {
    Never,
    Later,
    /// The registry named the pause.
    After(Duration),
}

impl Transport {
    /// A transport within the bounds of `config`.
    pub fn new(config: RegistryConfig, credentials: Arc<dyn Credentials>, clock: Clock) -> Result<Self, Error> {
        let internal = |source: Box<dyn std::error::Error + Send + Sync>| Error::Internal {
            task: "preparing to ask registries".to_owned(),
            source: source.into(),
        };
        config.check().map_err(|error| internal(error.into()))?;
        // Fails when a provider is installed already, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let connecting = config.limits.request.min(Duration::from_secs(5));
        let named = builder(connecting).build().map_err(|error| internal(error.into()))?;
        let public = builder(connecting).dns_resolver(PublicOnly).build().map_err(|error| internal(error.into()))?;
        Ok(Self { config, credentials, clock, public, named, passes: Mutex::default() })
    }

    /// The bounds it keeps to.
    pub fn config(&self) -> &RegistryConfig {
        &self.config
    }

    /// What errors about `image` say, and where it is asked.
    pub fn question(&self, doing: &str, image: &Reference) -> Result<Question, Error> {
        self.question_at(doing, image, self.config.endpoint(image.registry()))
    }

    /// As [`Transport::question`], asked of the registry itself whatever stands in for it.
    pub fn question_to_origin(&self, doing: &str, image: &Reference) -> Result<Question, Error> {
        self.question_at(doing, image, self.config.origin(image.registry()))
    }

    fn question_at(&self, doing: &str, image: &Reference, endpoint: Option<Endpoint>) -> Result<Question, Error> {
        let (task, registry) = (format!("{doing} {image}"), image.registry().to_owned());
        match endpoint {
            Some(endpoint) => {
                let repository = image.repository().to_owned();
                // Only the right to read, whatever a challenge asks for.
                let scope = Some(format!("repository:{repository}:pull"));
                Ok(Question { task, registry, endpoint, repository, scope })
            }
            None => Err(Error::Blocked { task, host: registry, reason: "its name makes no address" }),
        }
    }

    /// Asks the registry who calls: first as a stranger, to learn whether it wants to know, then with the login kept
    /// under `account`, and without a pass from before.
    pub async fn sign_in(&self, account: &str) -> Result<SignIn, Error> {
        let task = format!("signing in at {account}");
        let Some(endpoint) = self.config.own_endpoint(account) else {
            return Err(Error::Blocked { task, host: account.to_owned(), reason: "its name makes no address" });
        };
        let url = endpoint.base.join("v2/");
        let url = url.map_err(|error| Error::Internal { task: task.clone(), source: Arc::new(error) })?;
        // No image is named, as `docker login` names none: a registry may refuse one that it does not have.
        let (repository, scope) = (String::new(), None);
        let question = Question { task, registry: account.to_owned(), endpoint, repository, scope };
        let request = Request {
            method: Method::GET,
            url,
            accept: "application/json",
            limit_bytes: self.config.limits.manifest_bytes,
            purpose: Purpose::Answer,
            known: None,
        };
        self.passes().retain(|(kept, _), _| kept != account);
        let tried = async {
            let as_stranger = self.repeated(|| self.followed(&question, &request, None)).await?;
            match as_stranger.status {
                StatusCode::UNAUTHORIZED => self.send(&question, &request).await.map(|_| SignIn::Taken),
                StatusCode::FORBIDDEN => Err(question.invalid(Fault::Status(403))),
                _ => Ok(SignIn::NotAsked),
            }
        };
        let after = self.config.limits.question;
        tokio::time::timeout(after, tried).await.unwrap_or_else(|_| Err(question.timed_out(after)))
    }

    /// Sends the request with what convinces the registry, and reads the answer whole.
    pub async fn send(&self, question: &Question, request: &Request<'_>) -> Result<Answer, Error> {
        self.repeated(|| self.authorised(question, request)).await
    }

    /// Attempts it, again after a pause where that may help.
    async fn repeated<F: Future<Output = Result<Answer, Failure>>>(
        &self,
        attempt: impl FnMut() -> F,
    ) -> Result<Answer, Error> {
        let limits = &self.config.limits;
        let pauses = ExponentialBuilder::default()
            .with_min_delay(limits.pause)
            .with_max_delay(limits.longest_pause)
            .with_max_times(limits.retries)
            .with_jitter();
        let answer = attempt
            .retry(pauses)
            .when(|failure: &Failure| match failure.retry {
                Retry::Never => false,
                Retry::Later => true,
                Retry::After(pause) => pause <= limits.longest_pause,
            })
            .adjust(|failure, pause| match failure.retry {
                Retry::After(asked) => pause.map(|pause| pause.max(asked)),
                Retry::Never | Retry::Later => pause,
            })
            .notify(|failure, pause| tracing::debug!(error = %failure.error, ?pause, "a registry is asked again"))
            .await;
        let answer = answer.map_err(|failure| failure.error);
        let result = answer.as_ref().err().map_or("answered", Error::kind);
        metrics::counter!("summoner_registry_requests_total", "result" => result).increment(1);
        answer
    }

    /// One attempt: with the pass that is at hand, and once more with a new one if that is refused.
    async fn authorised(&self, question: &Question, request: &Request<'_>) -> Result<Answer, Failure> {
        let key = (question.endpoint.account.clone(), question.scope.clone());
        let pass = self.pass(&key);
        let header = match &pass {
            None => None,
            Some(Pass::Bearer { token, .. }) => Some(bearer(question, token)?),
            Some(Pass::Basic) => self.credential(question).await?.map(|credential| basic(&credential)).transpose()?,
        };
        let answer = self.followed(question, request, header.as_ref()).await?;
        if answer.status == StatusCode::FORBIDDEN {
            // It refuses whoever asks: nothing was sent that it could have judged.
            if header.is_none() {
                return Err(question.invalid(Fault::Status(403)).into());
            }
            return Err(refusal(question, self.credential(question).await?.as_ref()).into());
        }
        if answer.status != StatusCode::UNAUTHORIZED {
            return Ok(answer);
        }
        self.passes().remove(&key);
        let credential = self.credential(question).await?;
        let refused = || refusal(question, credential.as_ref());
        let challenge = match challenge::read(&answer.headers) {
            Some(challenge) => challenge,
            None if answers::is_web_page(&answer.headers) => return Err(question.invalid(Fault::WebPage).into()),
            None => return Err(question.invalid(Fault::Challenge).into()),
        };
        let (header, pass) = match (challenge, &credential) {
            (Challenge::Basic, None) => return Err(refused().into()),
            (Challenge::Basic, Some(credential)) => (basic(credential)?, Pass::Basic),
            (Challenge::Bearer { realm, service }, credential) => {
                let (token, lifetime) = self.token(question, &realm, service.as_deref(), credential.as_ref()).await?;
                let until = self.clock.now() + lifetime.saturating_sub(TOKEN_MARGIN);
                (bearer(question, &token)?, Pass::Bearer { token, until })
            }
        };
        let answer = self.followed(question, request, Some(&header)).await?;
        if is_refusal(answer.status) {
            return Err(refused().into());
        }
        self.keep(key, pass);
        Ok(answer)
    }

    /// Sends with `authorization`, following redirects where the purpose allows; a refusal (401, 403) is an answer.
    async fn followed(
        &self,
        question: &Question,
        request: &Request<'_>,
        authorization: Option<&HeaderValue>,
    ) -> Result<Answer, Failure> {
        let mut url = request.url.clone();
        for _ in 0..=MOST_REDIRECTS {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT, HeaderValue::from_static(request.accept));
            if url.origin() == request.url.origin() {
                headers.extend(authorization.map(|value| (AUTHORIZATION, value.clone())));
            }
            headers.extend(request.known.map(|etag| (IF_NONE_MATCH, etag.clone())));
            let answer = self.once(question, request, &url, headers).await?;
            if !is_redirect(answer.status) {
                self.judge(question, &answer)?;
                return Ok(answer);
            }
            let location = answer.headers.get(LOCATION).and_then(|location| location.to_str().ok());
            let target = location.and_then(|location| url.join(location).ok());
            let Some(target) = target.filter(|_| request.purpose == Purpose::Blob) else {
                let host = location.and_then(|location| url.join(location).ok());
                let host = host.as_ref().and_then(Url::host_str).unwrap_or("nowhere").to_owned();
                return Err(question.invalid(Fault::Redirect(host)).into());
            };
            url = target;
        }
        Err(question.invalid(Fault::Redirect("one place after another".to_owned())).into())
    }

    /// One exchange, within the limits of time and size; no status is an error here.
    async fn once(
        &self,
        question: &Question,
        request: &Request<'_>,
        url: &Url,
        headers: HeaderMap,
    ) -> Result<Answer, Failure> {
        let client = self.client(question, request.purpose, url)?;
        let after = self.config.limits.request;
        let exchange = async {
            let response = client.request(request.method.clone(), url.clone()).headers(headers).send().await;
            let response = response.map_err(|error| question.unreachable(error))?;
            let (status, headers) = (response.status(), response.headers().clone());
            let body = self.body(question, response, request.limit_bytes).await?;
            Ok(Answer { status, headers, body })
        };
        match tokio::time::timeout(after, exchange).await {
            Ok(answer) => answer,
            Err(_) => Err(question.timed_out(after).into()),
        }
    }

    /// Reads a body up to `limit` bytes, and stops where it passes that.
    async fn body(&self, question: &Question, mut response: reqwest::Response, limit: usize) -> Result<Bytes, Failure> {
        let too_large = || Error::TooLarge {
            task: question.task.clone(),
            registry: question.registry.clone(),
            limit: format!("{} KiB", limit >> 10),
        };
        let announced = response.content_length().unwrap_or(0);
        if usize::try_from(announced).map_or(true, |announced| announced > limit) {
            return Err(too_large().into());
        }
        let mut body = BytesMut::new();
        loop {
            match response.chunk().await {
                Ok(None) => return Ok(body.freeze()),
                Ok(Some(chunk)) if body.len() + chunk.len() > limit => return Err(too_large().into()),
                Ok(Some(chunk)) => body.extend_from_slice(&chunk),
                // The connection ended before the body did: a bad line, or a registry that cuts its answers short.
                Err(error) => {
                    tracing::debug!(error = %error.without_url(), "an answer was cut short");
                    return Err(Failure { error: question.invalid(Fault::Malformed), retry: Retry::Later });
                }
            }
        }
    }

    /// The client for `url`, if it may be contacted: its scheme and address are safe, or an administrator named it.
    fn client(&self, question: &Question, purpose: Purpose, url: &Url) -> Result<&Client, Error> {
        let base = &question.endpoint.base;
        let own_host = url.host_str() == base.host_str() && self.config.allows_private(base);
        let own_scheme = url.scheme() == "https" || url.scheme() == base.scheme();
        if purpose == Purpose::Token && own_host && own_scheme {
            return Ok(&self.named);
        }
        if let Some(reason) = hosts::refusal(url, &self.config) {
            let host = url.host_str().unwrap_or_default().to_owned();
            return Err(Error::Blocked { task: question.task.clone(), host, reason });
        }
        Ok(if self.config.allows_private(url) { &self.named } else { &self.public })
    }

    /// Turns a status into success, a refusal that credentials may turn (401, 403), or the error it means.
    fn judge(&self, question: &Question, answer: &Answer) -> Result<(), Failure> {
        let status = answer.status;
        let (task, registry) = (question.task.clone(), question.registry.clone());
        let web_page = answers::is_web_page(&answer.headers);
        let pause = || answers::retry_after(&answer.headers, self.clock.now());
        let retry = || pause().map_or(Retry::Later, Retry::After);
        let error = match status.as_u16() {
            304 | 401 => return Ok(()),
            200..=299 | 403 | 404 if web_page => question.invalid(Fault::WebPage),
            200..=299 | 403 => return Ok(()),
            404 => Error::NotFound { task, registry },
            429 => {
                let until = pause().map(|pause| self.clock.now() + pause);
                return Err(Failure { error: Error::RateLimited { task, registry, until }, retry: retry() });
            }
            500..=599 => {
                let error = Error::Unavailable { task, registry, status: status.as_u16() };
                return Err(Failure { error, retry: retry() });
            }
            other => question.invalid(Fault::Status(other)),
        };
        Err(error.into())
    }

    /// A token for the question's scope, from the service that the registry named.
    async fn token(
        &self,
        question: &Question,
        realm: &str,
        service: Option<&str>,
        credential: Option<&Credential>,
    ) -> Result<(SecretString, Duration), Failure> {
        let mut url = question.endpoint.base.join(realm).map_err(|_| question.invalid(Fault::Challenge))?;
        let host = url.host_str().unwrap_or_default().to_owned();
        if credential.is_some() && !self.config.trusts_token_service(&question.endpoint, &host) {
            return Err(question.invalid(Fault::TokenService(host)).into());
        }
        url.query_pairs_mut()
            .extend_pairs(service.map(|service| ("service", service)))
            .extend_pairs(question.scope.as_deref().map(|scope| ("scope", scope)));
        let authorization = credential.map(basic).transpose()?;
        let request = Request {
            method: Method::GET,
            url,
            accept: "application/json",
            limit_bytes: self.config.limits.manifest_bytes,
            purpose: Purpose::Token,
            known: None,
        };
        let answer = self.followed(question, &request, authorization.as_ref()).await.map_err(|failure| {
            // It is the service that is missing here, not the image.
            if matches!(failure.error, Error::NotFound { .. }) {
                question.invalid(Fault::Challenge).into()
            } else {
                failure
            }
        })?;
        if is_refusal(answer.status) {
            return Err(refusal(question, credential).into());
        }
        answers::expect_json(&answer.headers, &answer.body).map_err(|fault| question.invalid(fault))?;
        let token = answers::token(&answer.body).map_err(|fault| question.invalid(fault))?;
        Ok((token.text.into(), token.lifetime))
    }

    async fn credential(&self, question: &Question) -> Result<Option<Credential>, Failure> {
        let found = self.credentials.find(&question.endpoint.account).await;
        Ok(found.map_err(|source| Error::Internal { task: question.task.clone(), source: source.into() })?)
    }

    fn pass(&self, key: &PassKey) -> Option<Pass> {
        let now = self.clock.now();
        let is_alive = |pass: &Pass| match pass {
            Pass::Basic => true,
            Pass::Bearer { until, .. } => *until > now,
        };
        self.passes().get(key).filter(|pass| is_alive(pass)).cloned()
    }

    fn keep(&self, key: PassKey, pass: Pass) {
        let now = self.clock.now();
        let mut passes = self.passes();
        if passes.len() >= MOST_TOKENS {
            passes.retain(|_, pass| matches!(pass, Pass::Bearer { until, .. } if *until > now));
        }
        if passes.len() < MOST_TOKENS {
            passes.insert(key, pass);
        }
    }

    fn passes(&self) -> std::sync::MutexGuard<'_, HashMap<PassKey, Pass>> {
        self.passes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Question {
    /// The error that the answer is not what it should be.
    pub fn invalid(&self, fault: Fault) -> Error {
        Error::Invalid { task: self.task.clone(), registry: self.registry.clone(), fault }
    }

    /// The error that the answer took too long.
    pub fn timed_out(&self, after: Duration) -> Error {
        Error::TimedOut { task: self.task.clone(), registry: self.registry.clone(), after }
    }

    /// The failure to connect that another question met, as this one's.
    pub fn same_as(&self, error: &Error) -> Error {
        let (task, registry) = (self.task.clone(), self.registry.clone());
        match error {
            Error::Unreachable { source, .. } => Error::Unreachable { task, registry, source: source.clone() },
            Error::TimedOut { after, .. } => Error::TimedOut { task, registry, after: *after },
            other => other.clone(),
        }
    }

    /// What a failed connection means: a filtered address, too long a wait, or no way there.
    fn unreachable(&self, error: reqwest::Error) -> Failure {
        let mut cause = error.source();
        while let Some(found) = cause {
            if found.is::<PrivateAddress>() {
                let host = error.url().and_then(Url::host_str).unwrap_or(&self.registry).to_owned();
                return Error::Blocked { task: self.task.clone(), host, reason: hosts::PRIVATE }.into();
            }
            cause = found.source();
        }
        let source = Arc::new(error.without_url());
        let error = Error::Unreachable { task: self.task.clone(), registry: self.registry.clone(), source };
        Failure { error, retry: Retry::Later }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self { error, retry: Retry::Never }
    }
}

/// A client that goes nowhere by itself: neither along a redirect, nor through a proxy, which would resolve names past
/// our filter.
#[expect(clippy::disallowed_methods, reason = "this is where questions to registries get their policy")]
fn builder(connecting: Duration) -> reqwest::ClientBuilder {
    Client::builder().user_agent(USER_AGENT).redirect(redirect::Policy::none()).no_proxy().connect_timeout(connecting)
}

fn is_redirect(status: StatusCode) -> bool {
    matches!(status.as_u16(), 300 | 301 | 302 | 303 | 307 | 308)
}

fn is_refusal(status: StatusCode) -> bool {
    matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN)
}

/// What a final refusal means: nothing stored, or the wrong thing.
fn refusal(question: &Question, credential: Option<&Credential>) -> Error {
    // Behind a mirror it is the mirror that wants a login.
    let (task, registry) = (question.task.clone(), question.endpoint.account.clone());
    match credential {
        Some(_) => Error::Denied { task, registry },
        None => Error::Unauthorized { task, registry },
    }
}

fn basic(credential: &Credential) -> Result<HeaderValue, Error> {
    let pair = SecretString::from(format!("{}:{}", credential.username, credential.password.expose_secret()));
    sensitive(&format!("Basic {}", STANDARD.encode(pair.expose_secret())))
        .map_err(|source| Error::Internal { task: "signing in to a registry".to_owned(), source: Arc::new(source) })
}

/// A token with characters that no header may carry is the token service's fault.
fn bearer(question: &Question, token: &SecretString) -> Result<HeaderValue, Error> {
    sensitive(&format!("Bearer {}", token.expose_secret())).map_err(|_| question.invalid(Fault::Malformed))
}

/// A header that is never printed.
fn sensitive(text: &str) -> Result<HeaderValue, reqwest::header::InvalidHeaderValue> {
    let mut value = HeaderValue::from_str(text)?;
    value.set_sensitive(true);
    Ok(value)
}
