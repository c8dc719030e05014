//! What can go wrong between us and a registry, in sentences a user can act on.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::reference::Digest;

/// What lies under an error; shared, so that everyone who waited for one answer gets the same.
pub type Source = Arc<dyn std::error::Error + Send + Sync>;

/// Why a registry did not give what was asked for.
///
/// Where it names a `task` and a `registry`, these say what was attempted on which image, and who was asked.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// No credentials are stored and the registry gives nothing to strangers.
    #[error("{task}: {registry} asked for credentials; add them under Settings → Registries")]
    Unauthorized {
        /// What was attempted, on which image.
        task: String,
        /// The name its credentials are kept under: the registry's, or that of the mirror in its place.
        registry: String,
    },
    /// The stored credentials are wrong, or do not reach this image.
    #[error(
        "{task}: {registry} refused the credentials stored for it; correct them under Settings → Registries, or ask \
         for the right to read this image"
    )]
    Denied {
        /// What was attempted, on which image.
        task: String,
        /// The name its credentials are kept under: the registry's, or that of the mirror in its place.
        registry: String,
    },
    /// The registry knows no such image, tag or digest.
    #[error("{task}: {registry} has no such image or tag; check the name")]
    NotFound {
        /// What was attempted, on which image.
        task: String,
        /// The host that was asked, as in image names.
        registry: String,
    },
    /// Too many requests; `until` is when the registry wants to hear from us again.
    #[error("{task}: {registry} answers no more requests {}; credentials under Settings → Registries may raise the limit", until_text(*until))]
    RateLimited {
        /// What was attempted, on which image.
        task: String,
        /// The host that was asked, as in image names.
        registry: String,
        /// When the registry wants to hear from us again; None when it did not say.
        until: Option<Timestamp>,
    },
    /// The registry is there but failed (5xx).
    #[error("{task}: {registry} failed with status {status}; try again later")]
    Unavailable {
        /// What was attempted, on which image.
        task: String,
        /// The host that was asked, as in image names.
        registry: String,
        /// The status it answered with.
        status: u16,
    },
    /// No connection: name, network or certificate.
    #[error(
        "{task}: {registry} cannot be reached; check its name, this machine's network and the registry's certificate"
    )]
    Unreachable {
        /// What was attempted, on which image.
        task: String,
        /// The host that was asked, as in image names.
        registry: String,
        /// What lies under it.
        source: Source,
    },
    /// The answer did not arrive whole in time.
    #[error("{task}: {registry} did not answer within {} s; try again later", after.as_secs_f32().ceil())]
    TimedOut {
        /// What was attempted, on which image.
        task: String,
        /// The host that was asked, as in image names.
        registry: String,
        /// How long was waited.
        after: Duration,
    },
    /// The answer is bigger than we read; `limit` says which bound it passed.
    #[error("{task}: the answer of {registry} is larger than {limit}; it is not read further")]
    TooLarge {
        /// What was attempted, on which image.
        task: String,
        /// The host that was asked, as in image names.
        registry: String,
        /// The bound that was passed, in words.
        limit: String,
    },
    /// The answer is not what the protocol says.
    #[error("{task}: {registry} {fault}")]
    Invalid {
        /// What was attempted, on which image.
        task: String,
        /// The host that was asked, as in image names.
        registry: String,
        /// What is wrong with the answer.
        fault: Fault,
    },
    /// The address is private, or plain HTTP, and no administrator named this host.
    #[error("{task}: {host} is not contacted, because {reason}; an administrator can allow it by name")]
    Blocked {
        /// What was attempted, on which image.
        task: String,
        /// The host that would have been contacted.
        host: String,
        /// Why, as a clause.
        reason: &'static str,
    },
    /// A login that cannot be stored.
    #[error("storing the login at {registry}: {reason}")]
    Login {
        /// The host the login is for.
        registry: String,
        /// The answer at fault: `registry`, `username` or `password`.
        field: &'static str,
        /// Why, as a clause.
        reason: &'static str,
    },
    /// Ours to mend: the database, the sealed credentials, the client itself.
    #[error("{task}: something failed on Summoner's side; the log has the cause")]
    Internal {
        /// What was attempted.
        task: String,
        /// What lies under it.
        source: Source,
    },
}

impl Error {
    /// A word for the kind of failure, for counting.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Unauthorized { .. } | Self::Denied { .. } => "refused",
            Self::NotFound { .. } => "not_found",
            Self::RateLimited { .. } => "rate_limited",
            Self::Unavailable { .. } => "unavailable",
            Self::Unreachable { .. } => "unreachable",
            Self::TimedOut { .. } => "timed_out",
            Self::TooLarge { .. } | Self::Invalid { .. } => "invalid",
            Self::Blocked { .. } => "blocked",
            Self::Login { .. } | Self::Internal { .. } => "internal",
        }
    }
}

/// In which way an answer breaks the protocol.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// A web page: a login portal, a proxy, or not a registry at all.
    #[error("answered with a web page; check that the name is a registry's and that no login page stands before it")]
    WebPage,
    /// JSON that ends early or has another form than the specification's.
    #[error("sent an answer that is cut short or malformed; try again, then report it to the registry's operator")]
    Malformed,
    /// A content type that we did not ask for.
    #[error("answered with content of type {0:?}, which is not an image; check the name")]
    ContentType(String),
    /// The content does not hash to the digest that was asked for or announced.
    #[error("sent content with digest {got} instead of {expected}; it is not used")]
    Digest {
        /// What the content should hash to.
        expected: Digest,
        /// What it hashes to.
        got: Digest,
    },
    /// A next page on another host, in a circle, or unreadable.
    #[error("names a next page that leads elsewhere or in a circle; it is not followed")]
    Link,
    /// A redirect that we do not follow.
    #[error("redirects to {0}, which is not followed; use the name of that registry")]
    Redirect(String),
    /// A token service to which these credentials must not be sent.
    #[error("sends credentials to {0}, which is not its own token service; an administrator can allow it by name")]
    TokenService(String),
    /// A challenge that we cannot answer.
    #[error("asks for credentials in a way we do not know; check that the name is a registry's")]
    Challenge,
    /// A status that has no meaning here.
    #[error("answered with status {0}, which is not expected here; check that the name is a registry's")]
    Status(u16),
}

fn until_text(until: Option<Timestamp>) -> String {
    until.map_or_else(|| "for now".to_owned(), |until| format!("until {}", until.strftime("%H:%M:%S UTC")))
}
