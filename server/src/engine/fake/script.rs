//! What a test says beforehand: how containers of an image behave, and which calls go wrong.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::engine::{Ended, Error};

/// How the containers of an image behave.
#[derive(Clone, Debug, Default)]
pub struct Script {
    /// What becomes of a container after its start.
    pub behaviour: Behaviour,
    /// Lines it writes when it starts; `${NAME}` is a variable of its environment.
    pub logs: Vec<String>,
    /// How every command ends that is run in it.
    pub command: Ended,
    /// What its health check prints while it fails, as in a log; some words when empty.
    pub last_check: String,
    /// The address it gets in each of its networks while it runs; one is made up when `None`.
    pub address: Option<String>,
    /// Folders that the image declares as volumes.
    pub volumes: Vec<String>,
}

impl Script {
    /// Containers that become healthy as soon as they start.
    pub fn healthy() -> Self {
        Self { behaviour: Behaviour::Healthy { after: Duration::ZERO }, ..Self::default() }
    }

    /// Containers that become unhealthy as soon as they start.
    pub fn unhealthy() -> Self {
        Self { behaviour: Behaviour::Unhealthy { after: Duration::ZERO }, ..Self::default() }
    }

    /// Containers that end with `code` as soon as they start.
    pub fn exits(code: i64) -> Self {
        Self { behaviour: Behaviour::Exits { code, after: Duration::ZERO }, ..Self::default() }
    }

    /// The same, with a line that containers write when they start.
    #[must_use]
    pub fn logging(mut self, line: &str) -> Self {
        self.logs.push(line.to_owned());
        self
    }
}

/// What becomes of a container after its start. A wait of zero is over before the start returns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Behaviour {
    /// It runs, and has no health check.
    #[default]
    Runs,
    /// It stays in its start period for ever.
    Starting,
    /// Its health check passes after a while.
    Healthy {
        /// How long that takes.
        after: Duration,
    },
    /// Its health check fails for good after a while.
    Unhealthy {
        /// How long that takes.
        after: Duration,
    },
    /// It ends after a while; its restart policy then decides between exited and restarting.
    Exits {
        /// Its exit code.
        code: i64,
        /// How long that takes.
        after: Duration,
    },
}

/// One call that was made, written `start_container gitea-db-1`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// The method of [`crate::engine::Engine`].
    pub method: &'static str,
    /// What it was about: a name where the thing had one, otherwise what was passed.
    pub subject: String,
}

impl Call {
    /// Whether the call would change the world.
    pub fn is_write(&self) -> bool {
        !matches!(self.method, "info" | "list" | "changes" | "space" | "image" | "inspect" | "logs" | "usage")
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.method)?;
        if self.subject.is_empty() { Ok(()) } else { write!(f, " {}", self.subject) }
    }
}

/// How a call goes wrong.
pub(super) enum Fault {
    /// Nothing happens, and the error is the answer.
    Fails(Error),
    /// Everything happens, and the answer is lost on the way.
    LosesAnswer,
}

/// What a test says about each call it means.
type Rule<T> = Arc<dyn Fn(&Call) -> Option<T> + Send + Sync>;

/// Faults and delays still to come.
#[derive(Default)]
pub(super) struct Faults {
    /// By call number, counted over all calls ever made.
    pub(super) at: Vec<(usize, Fault)>,
    /// By write number, counted over all writes ever made.
    pub(super) at_write: Vec<(usize, Fault)>,
    pub(super) on: Vec<Rule<Error>>,
    pub(super) delays: Vec<Rule<Duration>>,
}

impl Faults {
    /// The fault for this call, if it has one; faults of a number are used up.
    pub(super) fn take(&mut self, call: &Call, number: usize, write: usize) -> Option<Fault> {
        if let Some(at) = self.at.iter().position(|(due, _)| *due == number) {
            return Some(self.at.remove(at).1);
        }
        let by_write = self.at_write.iter().position(|(due, _)| call.is_write() && *due == write);
        if let Some(at) = by_write {
            return Some(self.at_write.remove(at).1);
        }
        self.on.iter().find_map(|rule| rule(call)).map(Fault::Fails)
    }

    /// How long this call takes.
    pub(super) fn delay(&self, call: &Call) -> Duration {
        self.delays.iter().find_map(|rule| rule(call)).unwrap_or_default()
    }
}
