//! Who may do what: people, roles and rights, sessions, the link of the first run.
//!
//! Owns accounts, sessions, setup links, settings of the panel and the one table of rights. Never knows HTTP: cookies,
//! headers and status codes are the web's.
//!
//! Invariants: no token and no password is stored, only their hashes; a session carries the role its person has now,
//! not the one they had when they signed in; every change appends its event in its own transaction; the first
//! administrator is made by a setup link at most once, which the database enforces.

mod actor;
mod own_password;
mod password;
mod people;
mod plan;
mod policy;
mod sessions;
mod setup;
mod sign_in;
mod store;

use std::net::IpAddr;
use std::time::Duration;

use jiff::Timestamp;

use crate::clock::{Clock, Random};
use crate::db::Db;

pub use actor::{Actor, SessionId, UserId, Way};
pub use people::{NewUser, User};
pub use policy::{Forbidden, Right, Role, UnknownRole};
pub use sessions::{Session, SignedIn, ends_sessions};
pub use setup::SetUp;

use password::Passwords;

/// The people's side of Summoner: first run, signing in, sessions, accounts.
#[derive(Clone, Debug)]
pub struct Auth {
    db: Db,
    clock: Clock,
    random: Random,
    passwords: Passwords,
}

/// The browser at the other end, for the audit and the list of sessions.
#[derive(Clone, Debug)]
pub struct Peer {
    /// The address it calls from, as far as trusted proxies tell.
    pub address: IpAddr,
    /// What it says of itself; any text, cleaned before it is stored.
    pub user_agent: String,
}

/// Why something about people or sessions was not done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Fields of a form have values that cannot be used.
    #[error("{}", describe(.0))]
    Fields(Vec<(&'static str, String)>),
    /// The actor's role lacks a right.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// Nobody can sign in with this e-mail address and password; which of the two is wrong is not said.
    #[error("The e-mail address or the password is not right.")]
    SignInRefused,
    /// Too many sign-ins were refused lately.
    #[error("Too many attempts. Try again in {}.", describe_wait(*retry_after))]
    SignInPaused {
        /// How long the next attempt will be refused unseen.
        retry_after: Duration,
    },
    /// There is an administrator already, so there is nothing to set up.
    #[error("Summoner is set up already. Sign in instead.")]
    AlreadySetUp,
    /// No link of the first run has this token.
    #[error("This setup link is not known. Print a new one on the machine that runs Summoner.")]
    SetupLinkUnknown,
    /// The link was not used in time.
    #[error("This setup link ended at {at}. Print a new one on the machine that runs Summoner.")]
    SetupLinkExpired {
        /// When it ended.
        at: Timestamp,
    },
    /// A newer link has taken its place.
    #[error("A newer setup link took the place of this one at {at}. Use the newest link.")]
    SetupLinkReplaced {
        /// When the newer one was made.
        at: Timestamp,
    },
    /// Somebody finished the first run with a link.
    #[error("{by} used this setup link at {at}. Sign in instead.")]
    SetupLinkUsed {
        /// The name of the one who did.
        by: String,
        /// When.
        at: Timestamp,
    },
    /// No account has this e-mail address or id.
    #[error("There is no account {0}.")]
    UserUnknown(String),
    /// The account is the only administrator left.
    #[error("{0} is the only administrator. Make somebody else administrator first.")]
    LastAdministrator(String),
    /// The session has ended already, or never was.
    #[error("This session has ended already.")]
    SessionUnknown,
    /// Something failed that nobody can react to.
    #[error("{attempt} failed")]
    Internal {
        /// What was attempted.
        attempt: &'static str,
        /// Why it failed.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl Auth {
    /// The service on this database, with this time and randomness.
    pub fn new(db: Db, clock: Clock, random: Random) -> Self {
        let passwords = Passwords::new(random.clone());
        Self { db, clock, random, passwords }
    }
}

/// Turns the cause of a failed `attempt` into [`Error::Internal`].
fn internal<E: Into<Box<dyn std::error::Error + Send + Sync>>>(attempt: &'static str) -> impl Fn(E) -> Error {
    move |source| Error::Internal { attempt, source: source.into() }
}

fn describe(problems: &[(&'static str, String)]) -> String {
    problems.iter().map(|(field, message)| format!("{field}: {message}")).collect::<Vec<_>>().join(" ")
}

/// A wait in whole seconds or minutes, rounded up, so that waiting that long is enough.
fn describe_wait(wait: Duration) -> String {
    match wait.as_millis().div_ceil(1000).max(1) {
        1 => "one second".to_owned(),
        seconds @ 2..=90 => format!("{seconds} seconds"),
        seconds => format!("{} minutes", seconds.div_ceil(60)),
    }
}
