//! Refusals on the wire: the one place where domain errors meet HTTP (RFC 9457).
//!
//! People get the safe sentence, the log gets the chain with the same reference.

use api::{FieldProblem, Problem};
use axum::Json;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};

use super::audit::Denied;
use crate::{auth, tools};

/// A refusal that becomes a response.
#[derive(Debug)]
pub struct Refusal(pub Problem);

/// The code of a refusal for want of a right.
const FORBIDDEN: &str = "forbidden";

/// The answer of a handler.
pub type Answer<T> = Result<T, Refusal>;

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let denied = (self.0.code == FORBIDDEN).then(|| Denied(self.0.detail.clone()));
        let mut response = (status, Json(self.0)).into_response();
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(denied) = denied {
            response.extensions_mut().insert(denied);
        }
        response
    }
}

impl Refusal {
    /// Nobody is signed in, or the session has ended.
    pub fn signed_out() -> Self {
        Self(Problem::new(401, "signed_out", "Not signed in", "Sign in to go on."))
    }

    /// Nobody can be signed in yet: there is no administrator.
    pub fn setup_needed() -> Self {
        let detail = "Open the set-up link that the terminal printed; `summoner setup-link` prints a new one.";
        Self(Problem::new(401, "setup_needed", "Not set up yet", detail))
    }

    /// There is no such thing.
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self(Problem::new(404, "not_found", "Not found", detail))
    }

    /// The request cannot be read.
    pub fn unreadable(status: u16, detail: impl Into<String>) -> Self {
        Self(Problem::new(status, "unreadable", "The request cannot be read", detail))
    }

    /// Fields of the request are wrong.
    pub fn fields(fields: Vec<FieldProblem>) -> Self {
        let detail = match fields.as_slice() {
            [one] => sentence(&one.message),
            several => format!("{} answers need a change.", several.len()),
        };
        let mut problem = Problem::new(422, "invalid", "Some answers need a change", detail);
        problem.fields = fields;
        Self(problem)
    }

    /// Something is wrong with Summoner itself; the cause goes to the log under the reference that the person sees.
    pub fn internal(error: &(dyn std::error::Error + 'static)) -> Self {
        let reference = reference();
        tracing::error!(reference, error, "a request failed");
        let detail = "Something went wrong inside Summoner, and nothing was changed. Its log has the cause.";
        let mut problem = Problem::new(500, "internal", "Something went wrong", detail);
        problem.reference = Some(reference);
        Self(problem)
    }
}

/// The answer when a handler panicked, which is a bug of ours; the panic itself is in the log already.
pub fn panicked(_: Box<dyn std::any::Any + Send>) -> Response {
    let detail = "Something went wrong inside Summoner. Its log has the cause.";
    Refusal(Problem::new(500, "internal", "Something went wrong", detail)).into_response()
}

/// A short name for one occurrence, in the answer and in the log.
fn reference() -> String {
    crate::clock::Random::System.bytes::<4>().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn forbidden(error: &auth::Forbidden) -> Refusal {
    Refusal(Problem::new(403, FORBIDDEN, "Not allowed", error.to_string()))
}

impl From<auth::Forbidden> for Refusal {
    fn from(error: auth::Forbidden) -> Self {
        forbidden(&error)
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
            Error::Busy(detail) => Self(Problem::new(409, "busy", "The tool is busy", sentence(&detail))),
            Error::NotNow(detail) => Self(Problem::new(409, "not_now", "Not possible now", detail)),
            Error::NoSpace(detail) => Self(Problem::new(409, "no_space", "Not enough space on the disk", detail)),
            Error::Engine(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "the engine refused or is away");
                Self(Problem::new(503, "engine", "Docker did not do it", sentence(&error.to_string())))
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
        _ => Refusal(Problem::new(424, "registry", "The registry did not answer as it should", said)),
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
