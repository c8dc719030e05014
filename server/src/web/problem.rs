//! Refusals on the wire: the one place where domain errors meet HTTP (RFC 9457).
//!
//! People get the safe sentence, the log gets the chain with the same reference.

use std::time::Duration;

use api::{FieldProblem, Problem};
use axum::Json;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};

use super::audit::Denied;
use crate::{auth, tools};

/// A refusal that becomes a response.
#[derive(Debug)]
pub struct Refusal {
    /// What is said.
    pub problem: Problem,
    /// When the same request may be answered otherwise, if that is known.
    retry_after: Option<Duration>,
}

/// The code of a refusal for want of a right.
const FORBIDDEN: &str = "forbidden";

/// The answer of a handler.
pub type Answer<T> = Result<T, Refusal>;

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let Self { problem, retry_after } = self;
        let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let denied = (problem.code == FORBIDDEN).then(|| Denied(problem.detail.clone()));
        let mut response = (status, Json(problem)).into_response();
        if let Some(wait) = retry_after {
            // Whole seconds, rounded up, so that waiting that long is enough (RFC 9110, section 10.2.3).
            let seconds = u64::try_from(wait.as_millis().div_ceil(1000)).unwrap_or(u64::MAX);
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(denied) = denied {
            response.extensions_mut().insert(denied);
        }
        response
    }
}

impl Refusal {
    /// A refusal with this status, stable code, title, and sentence for people.
    pub fn new(status: u16, code: &str, title: &str, detail: impl Into<String>) -> Self {
        Self { problem: Problem::new(status, code, title, detail), retry_after: None }
    }

    /// The same, and asking again makes sense after `wait`.
    pub fn after(self, wait: Duration) -> Self {
        Self { retry_after: Some(wait), ..self }
    }

    /// Nobody is signed in, or the session has ended.
    pub fn signed_out() -> Self {
        Self::new(401, "signed_out", "Not signed in", "Sign in to go on.")
    }

    /// Nobody can be signed in yet: there is no administrator.
    pub fn setup_needed() -> Self {
        let detail = "Open the set-up link that the terminal printed; `summoner setup-link` prints a new one.";
        Self::new(401, "setup_needed", "Not set up yet", detail)
    }

    /// There is no such thing.
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(404, "not_found", "Not found", detail)
    }

    /// The request cannot be read.
    pub fn unreadable(status: u16, detail: impl Into<String>) -> Self {
        Self::new(status, "unreadable", "The request cannot be read", detail)
    }

    /// A value of the query cannot be what it is.
    pub fn choice(name: &str, message: impl Into<String>) -> Self {
        let mut refusal = Self::unreadable(400, message);
        refusal.problem.fields = vec![FieldProblem { field: name.to_owned(), message: refusal.problem.detail.clone() }];
        refusal
    }

    /// Fields of the request are wrong.
    pub fn fields(fields: Vec<FieldProblem>) -> Self {
        let detail = match fields.as_slice() {
            [one] => sentence(&one.message),
            several => format!("{} answers need a change.", several.len()),
        };
        let mut problem = Problem::new(422, "invalid", "Some answers need a change", detail);
        problem.fields = fields;
        Self { problem, retry_after: None }
    }

    /// Something is wrong with Summoner itself; the cause goes to the log under the reference that the person sees.
    pub fn internal(error: &(dyn std::error::Error + 'static)) -> Self {
        let reference = reference();
        tracing::error!(reference, error, "a request failed");
        let detail = "Something went wrong inside Summoner, and nothing was changed. Its log has the cause.";
        let mut problem = Problem::new(500, "internal", "Something went wrong", detail);
        problem.reference = Some(reference);
        Self { problem, retry_after: None }
    }
}

/// The answer when a handler panicked, which is a bug of ours; the panic itself is in the log already.
pub fn panicked(_: Box<dyn std::any::Any + Send>) -> Response {
    let detail = "Something went wrong inside Summoner. Its log has the cause.";
    Refusal::new(500, "internal", "Something went wrong", detail).into_response()
}

/// A short name for one occurrence, in the answer and in the log.
fn reference() -> String {
    hex::encode(crate::clock::Random::System.bytes::<4>())
}

fn forbidden(error: &auth::Forbidden) -> Refusal {
    Refusal::new(403, FORBIDDEN, "Not allowed", error.to_string())
}

impl From<auth::Forbidden> for Refusal {
    fn from(error: auth::Forbidden) -> Self {
        forbidden(&error)
    }
}

impl From<auth::Error> for Refusal {
    fn from(error: auth::Error) -> Self {
        use auth::Error;
        let said = error.to_string();
        match error {
            Error::Fields(fields) => Self::fields(
                fields.into_iter().map(|(field, message)| FieldProblem { field: field.to_owned(), message }).collect(),
            ),
            Error::Forbidden(error) => forbidden(&error),
            Error::SignInRefused => Self::new(401, "sign_in_refused", "Not signed in", said),
            Error::SignInPaused { retry_after } => {
                Self::new(429, "sign_in_paused", "Too many attempts", said).after(retry_after)
            }
            Error::AlreadySetUp | Error::SetupLinkUsed { .. } => {
                Self::new(410, "set_up_already", "Set up already", said)
            }
            Error::SetupLinkUnknown | Error::SetupLinkExpired { .. } | Error::SetupLinkReplaced { .. } => {
                Self::new(403, "setup_link", "The set-up link does not hold", said)
            }
            Error::UserUnknown(_) | Error::SessionUnknown => Self::not_found(said),
            Error::LastAdministrator(_) => Self::new(409, "last_administrator", "Not possible", said),
            Error::Internal { .. } => Self::internal(&error),
        }
    }
}

impl From<sqlx::Error> for Refusal {
    fn from(error: sqlx::Error) -> Self {
        Self::internal(&error)
    }
}

impl From<tools::Error> for Refusal {
    fn from(error: tools::Error) -> Self {
        use tools::Error;
        match error {
            Error::Forbidden(error) => forbidden(&error),
            Error::NotFound { .. } => Self::not_found(sentence(&error.to_string())),
            Error::Fields(fields) => Self::fields(fields),
            Error::Busy(detail) => Self::new(409, "busy", "The tool is busy", sentence(&detail)),
            Error::KeyReused => {
                Self::new(422, "key_reused", "The key was used for another request", sentence(&error.to_string()))
            }
            Error::NotNow(detail) => Self::new(409, "not_now", "Not possible now", detail),
            Error::Unapproved(detail) => Self::new(409, "unapproved", "It needs an approval", detail),
            Error::NoSpace(detail) => Self::new(409, "no_space", "Not enough space on the disk", detail),
            Error::Engine(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "the engine refused or is away");
                Self::new(503, "engine", "Docker did not do it", sentence(&error.to_string()))
            }
            Error::Registry(error) => registry(&error),
            Error::Internal { .. } => Self::internal(&error),
        }
    }
}

impl From<crate::registry::Error> for Refusal {
    fn from(error: crate::registry::Error) -> Self {
        registry(&error)
    }
}

/// What a registry refuses is no failure of ours: the request depends on somebody else (RFC 4918, section 11.4).
fn registry(error: &crate::registry::Error) -> Refusal {
    use crate::registry::Error;
    let said = sentence(&error.to_string());
    match error {
        Error::Internal { .. } => Refusal::internal(error),
        Error::NotFound { .. } => Refusal::not_found(said),
        Error::Login { field, .. } => Refusal::fields(vec![FieldProblem { field: (*field).to_owned(), message: said }]),
        _ => Refusal::new(424, "registry", "The registry did not answer as it should", said),
    }
}

/// A message as a sentence of its own: a capital at its start and a full stop at its end.
fn sentence(message: &str) -> String {
    let mut chars = message.chars();
    let mut sentence: String = chars.next().map(|first| first.to_uppercase().collect()).unwrap_or_default();
    sentence.push_str(chars.as_str());
    if !sentence.ends_with(['.', '?', '!', '”']) {
        sentence.push('.');
    }
    sentence
}
