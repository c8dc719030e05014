//! Operations: changes to the world as journaled lists of steps, each with its undo.
//!
//! Owns the journal (`operations`, `operation_steps`, `operation_lines`) and the [`Executor`] that drives it.
//! It never knows what a step does or what an operation is for: the domain that plans operations hands in a [`Domain`].
//!
//! Invariants:
//! - A step is written down before and after each apply and each undo; apply and undo are idempotent.
//! - Until the commit a failure unwinds every step that was begun, newest first; from the commit on, which is one
//!   transaction with the domain's own change and its event, an operation only goes forward through its clean-up steps.
//! - One unfinished operation per tool, by a unique index.
//! - After a crash the same code goes on where the journal stands: there is no separate recovery.

mod execute;
mod store;

use async_trait::async_trait;
use jiff::Timestamp;
use serde_json::Value;
use sqlx::{PgConnection, PgPool};
use std::sync::{Arc, Mutex, PoisonError};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

pub use api::operations::{OperationKind, OperationState, StepState};
pub use execute::{Executor, Patience};

use crate::clock::{Clock, Random};
use crate::engine::{LayerProgress, Mark};
use crate::jobs::{self, NewJob};

/// The Postgres notification channel on which an operation that moved announces its id.
pub const CHANNEL: &str = "operations";
/// The kind of the job that runs an operation.
pub const JOB: &str = "operation";

/// A step as it is planned.
#[derive(Clone, Debug)]
pub struct NewStep {
    /// Which step of the domain it is.
    pub kind: &'static str,
    /// What it needs to know; never a secret.
    pub input: Value,
    /// What the things it creates carry.
    pub mark: Mark,
    /// Whether it runs after the commit, where nothing is undone any more.
    pub is_cleanup: bool,
    /// What it does, as a person would say it.
    pub title: String,
    /// One line of detail.
    pub note: String,
}

/// A step that was undone, of an operation that has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UndoneStep {
    /// Its operation.
    pub operation_id: Uuid,
    /// What the things it created carried.
    pub mark: Mark,
    /// When it was begun.
    pub started_at: Timestamp,
    /// When its operation ended.
    pub ended_at: Timestamp,
}

/// The undone steps of ended operations, among those with `marks`: whatever still carries such a mark came too late.
///
/// # Errors
/// Whatever the database refuses.
pub async fn undone(db: &PgPool, marks: &[Mark]) -> Result<Vec<UndoneStep>, sqlx::Error> {
    store::undone(db, marks).await
}

/// The key of a request: the same request with the same key gives the same operation.
#[derive(Clone, Debug)]
pub struct RequestKey {
    /// The key, as the person who asks chose it.
    pub key: String,
    /// What was asked for with it, as a sealed digest.
    pub digest: Vec<u8>,
}

/// An operation as it is planned.
#[derive(Clone, Debug)]
pub struct NewOperation {
    /// What it does.
    pub kind: OperationKind,
    /// The tool it changes.
    pub tool_id: Uuid,
    /// The tool's name.
    pub tool_name: String,
    /// The name of the tool's entry.
    pub entry_name: String,
    /// Who asked for it, by name.
    pub actor: String,
    /// Who asked for it, when it was a person.
    pub actor_id: Option<Uuid>,
    /// The key of the request, if it carried one.
    pub request: Option<RequestKey>,
    /// Its steps, in order; clean-up steps last.
    pub steps: Vec<NewStep>,
}

/// An operation as the journal has it.
#[derive(Clone, Debug)]
pub struct Operation {
    /// Its id.
    pub operation_id: Uuid,
    /// What it does.
    pub kind: OperationKind,
    /// Where it stands.
    pub state: OperationState,
    /// The tool it changes.
    pub tool_id: Uuid,
    /// The tool's name.
    pub tool_name: String,
    /// The name of the tool's entry.
    pub entry_name: String,
    /// Who asked for it, by name.
    pub actor: String,
    /// Who asked for it, when it was a person.
    pub actor_id: Option<Uuid>,
    /// What went wrong, in one sentence; empty unless something did.
    pub problem: String,
    /// The last lines of the container that failed.
    pub failing_log: Vec<String>,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When somebody asked it to go back.
    pub cancelled_at: Option<Timestamp>,
    /// When it passed the point of no return.
    pub committed_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
}

/// A step as the journal has it.
#[derive(Clone, Debug)]
pub struct JournaledStep {
    /// Its place, from 0.
    pub position: i32,
    /// Which step of the domain it is.
    pub kind: String,
    /// What it needs to know.
    pub input: Value,
    /// What it noted before it touched the world; kept from the first time on.
    pub memory: Option<Value>,
    /// What the things it creates carry.
    pub mark: Mark,
    /// Whether it runs after the commit.
    pub is_cleanup: bool,
    /// What it does, as a person would say it.
    pub title: String,
    /// One line of detail.
    pub note: String,
    /// Where it stands.
    pub state: StepState,
    /// What went wrong; empty unless something did.
    pub problem: String,
    /// Layers of a pull.
    pub layers: Vec<LayerProgress>,
    /// When it began.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
}

/// Why a step could not be applied or undone.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct StepError {
    /// What was attempted, on what, why it failed, and what to do.
    pub message: String,
    /// Whether the same may work in a moment: the engine was away.
    pub is_temporary: bool,
    /// The last lines of the container that failed, oldest first.
    pub log: Vec<String>,
}

impl StepError {
    /// A failure that repeating does not mend.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), is_temporary: false, log: Vec::new() }
    }

    /// The same failure with the log of the container that caused it.
    pub fn with_log(mut self, log: Vec<String>) -> Self {
        self.log = log;
        self
    }
}

impl From<crate::engine::Error> for StepError {
    fn from(error: crate::engine::Error) -> Self {
        Self { is_temporary: error.is_temporary(), message: error.to_string(), log: Vec::new() }
    }
}

impl From<sqlx::Error> for StepError {
    fn from(error: sqlx::Error) -> Self {
        Self {
            is_temporary: is_temporary(&error),
            message: format!("the database did not answer as it should: {error}"),
            log: Vec::new(),
        }
    }
}

/// Whether the database may answer the same question in a moment: it was away or busy, not wrongly asked.
fn is_temporary(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed | sqlx::Error::WorkerCrashed => true,
        // Connections, transactions that met, resources, an operator at work (PostgreSQL, appendix A).
        sqlx::Error::Database(cause) => {
            cause.code().is_some_and(|code| ["08", "40", "53", "57"].iter().any(|class| code.starts_with(class)))
        }
        _ => false,
    }
}

/// One step: something done to the world, and how it is taken back.
///
/// Both are idempotent: applying twice leaves what applying once leaves, undoing what was never applied does nothing.
#[async_trait]
pub trait Step: Send + Sync {
    /// Does it.
    async fn apply(&self, cx: &StepContext) -> Result<(), StepError>;
    /// Takes it back.
    async fn undo(&self, cx: &StepContext) -> Result<(), StepError>;
}

/// The domain whose operations are run: it knows its steps, and what the end of an operation means to it.
///
/// The endings run in the transaction that journals them; each appends its event there.
#[async_trait]
pub trait Domain: Send + Sync {
    /// The step of this kind with this input.
    ///
    /// # Errors
    /// A sentence, when a newer or damaged journal names what this binary does not know.
    fn step(&self, operation: &Operation, kind: &str, input: &Value) -> Result<Box<dyn Step>, String>;
    /// Every step before the clean-up is applied: the change holds from here on.
    async fn committed(&self, transaction: &mut PgConnection, operation: &Operation) -> Result<(), sqlx::Error>;
    /// Every step, the clean-up too, is applied. Without clean-up steps it follows `committed` at once.
    async fn done(&self, transaction: &mut PgConnection, operation: &Operation) -> Result<(), sqlx::Error>;
    /// Every step that was begun is undone: it is as if it never happened.
    async fn undone(&self, transaction: &mut PgConnection, operation: &Operation) -> Result<(), sqlx::Error>;
    /// An undo or a clean-up could not be done: a person has to look.
    async fn stuck(&self, transaction: &mut PgConnection, operation: &Operation) -> Result<(), sqlx::Error>;
}

/// What a step gets to work with.
pub struct StepContext {
    /// The operation it belongs to.
    pub operation: Operation,
    /// Its place.
    pub position: i32,
    /// What the things it creates carry.
    pub mark: Mark,
    /// Turns when somebody asked the operation to go back; a step that waits long ends early then.
    pub cancelled: CancellationToken,
    db: PgPool,
    memory: tokio::sync::Mutex<Option<Value>>,
    said: Mutex<Said>,
}

/// What a step said and how far its layers are, until it is written down.
#[derive(Default)]
struct Said {
    lines: Vec<(Timestamp, String)>,
    layers: Vec<LayerProgress>,
    has_new_layers: bool,
}

impl StepContext {
    /// Notes `value` in the journal before the world is touched, and gives what was noted first: after a crash that is
    /// what the world was like before the first try.
    ///
    /// # Errors
    /// When the journal cannot be written; nothing may be touched then.
    pub async fn remember(&self, value: Value) -> Result<Value, StepError> {
        let mut memory = self.memory.lock().await;
        if let Some(first) = &*memory {
            return Ok(first.clone());
        }
        store::remember(&self.db, self.operation.operation_id, self.position, &value).await?;
        *memory = Some(value.clone());
        Ok(value)
    }

    /// What was noted, if anything was.
    pub async fn memory(&self) -> Option<Value> {
        self.memory.lock().await.clone()
    }

    /// Says a line for people to read; it is journaled and streamed within half a second.
    pub fn say(&self, clock: &Clock, line: impl Into<String>) {
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        said.lines.push((clock.now(), line.into()));
    }

    /// Tells how far a layer is.
    pub fn layer(&self, progress: LayerProgress) {
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        match said.layers.iter_mut().find(|known| known.layer == progress.layer) {
            Some(known) => *known = progress,
            None => said.layers.push(progress),
        }
        said.has_new_layers = true;
    }

    /// Writes down what was said since the last time.
    async fn flush(&self) -> Result<(), sqlx::Error> {
        let (lines, layers) = {
            let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
            let layers = std::mem::take(&mut said.has_new_layers).then(|| said.layers.clone());
            (std::mem::take(&mut said.lines), layers)
        };
        if lines.is_empty() && layers.is_none() {
            return Ok(());
        }
        store::say(&self.db, self.operation.operation_id, self.position, &lines, layers.as_deref()).await
    }
}

/// Why an operation was not accepted.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// The tool has an unfinished operation.
    #[error("{tool} is busy: an operation has not ended yet; wait for it or stop it")]
    Busy {
        /// The tool's name.
        tool: String,
    },
    /// The database failed.
    #[error("the journal could not be written")]
    Database(#[from] sqlx::Error),
}

/// An instant between two operations of a tool, at which a plan was made; by default that before its first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moment(i64);

/// Reads and writes the journal.
#[derive(Clone)]
pub struct Operations {
    db: PgPool,
    clock: Clock,
    random: Random,
}

impl Operations {
    /// The journal in `db`.
    pub fn new(db: PgPool, clock: Clock, random: Random) -> Self {
        Self { db, clock, random }
    }

    /// Writes an operation that was planned at `moment`, its steps and its job in the caller's transaction, and gives
    /// its id.
    ///
    /// # Errors
    /// [`Refused::Busy`] when the tool has an unfinished operation, or had one since `moment`: the plan may be wrong by
    /// now. The transaction is of no use then.
    pub async fn begin(
        &self,
        transaction: &mut PgConnection,
        moment: Moment,
        operation: NewOperation,
    ) -> Result<Uuid, Refused> {
        let operation_id = self.random.id(&self.clock);
        let (tool_id, tool) = (operation.tool_id, operation.tool_name.clone());
        let inserted = store::insert(transaction, operation_id, self.clock.now(), operation).await;
        inserted.map_err(|error| match &error {
            sqlx::Error::Database(cause) if cause.constraint() == Some("operations_one_per_tool") => {
                Refused::Busy { tool: tool.clone() }
            }
            _ => Refused::Database(error),
        })?;
        // From here to the end of the transaction no other operation of the tool can be begun.
        let (count, _) = store::history(&mut *transaction, tool_id).await?;
        if count != moment.0 + 1 {
            return Err(Refused::Busy { tool });
        }
        let job = NewJob {
            kind: JOB,
            dedupe_key: operation_id.to_string(),
            payload: serde_json::json!({ "operation_id": operation_id }),
            // An operation is never given up by the queue: its own journal says when it needs a hand.
            max_attempts: i32::MAX,
        };
        jobs::enqueue(transaction, &self.clock, &self.random, job).await?;
        Ok(operation_id)
    }

    /// The operation that this person asked for with this key, if there is one, and the sealed digest of the request.
    ///
    /// # Errors
    /// Whatever the database refuses.
    pub async fn repeated(
        &self,
        actor_id: Option<Uuid>,
        key: &str,
    ) -> Result<Option<(Uuid, Option<Vec<u8>>)>, sqlx::Error> {
        store::by_key(&self.db, actor_id, key).await
    }

    /// One operation; `None` when there is none of this id.
    ///
    /// # Errors
    /// Whatever the database refuses.
    pub async fn find(&self, operation_id: Uuid) -> Result<Option<Operation>, sqlx::Error> {
        store::find(&self.db, operation_id).await
    }

    /// The steps of an operation, in order.
    ///
    /// # Errors
    /// Whatever the database refuses.
    pub async fn steps(&self, operation_id: Uuid) -> Result<Vec<JournaledStep>, sqlx::Error> {
        store::steps(&self.db, operation_id).await
    }

    /// The newest `limit` lines an operation wrote, oldest first: when, which step, what.
    ///
    /// # Errors
    /// Whatever the database refuses.
    pub async fn lines(&self, operation_id: Uuid, limit: i64) -> Result<Vec<(Timestamp, i32, String)>, sqlx::Error> {
        store::lines(&self.db, operation_id, limit).await
    }

    /// Operations, newest first, before `before`, of one tool or of all, wherever they stand or not.
    ///
    /// # Errors
    /// Whatever the database refuses.
    pub async fn list(&self, query: &ListQuery) -> Result<Vec<(Operation, Progress)>, sqlx::Error> {
        store::list(&self.db, query).await
    }

    /// The present moment of a tool that has no unfinished operation: taken before anything is looked at to plan from.
    ///
    /// # Errors
    /// [`Refused::Busy`] when one of them has not ended.
    pub async fn moment(&self, tool_id: Uuid, tool: &str) -> Result<Moment, Refused> {
        match store::history(&self.db, tool_id).await? {
            (_, true) => Err(Refused::Busy { tool: tool.to_owned() }),
            (count, false) => Ok(Moment(count)),
        }
    }

    /// Asks an operation to stop and go back; gives false when it has ended or passed the point of no return.
    ///
    /// # Errors
    /// Whatever the database refuses.
    pub async fn cancel(&self, transaction: &mut PgConnection, operation_id: Uuid) -> Result<bool, sqlx::Error> {
        store::cancel(transaction, operation_id, self.clock.now()).await
    }
}

/// A tool that an operation changes, or changed lately.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// The tool.
    pub tool_id: Uuid,
    /// Whether the operation has ended.
    pub has_ended: bool,
}

/// The tools with an operation that has not ended, or ended after `at`.
///
/// # Errors
/// Whatever the database refuses.
pub async fn changed_since(db: &PgPool, at: Timestamp) -> Result<Vec<Change>, sqlx::Error> {
    store::changed_since(db, at).await
}

/// Which operations are wanted.
#[derive(Clone, Debug, Default)]
pub struct ListQuery {
    /// Only those of this tool.
    pub tool_id: Option<Uuid>,
    /// Only this one.
    pub operation_id: Option<Uuid>,
    /// Only those that stand so.
    pub standing: Standing,
    /// Only those asked for before this one.
    pub before: Option<Uuid>,
    /// At most so many.
    pub limit: i64,
}

/// Which operations are wanted, by where they stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Standing {
    /// All.
    #[default]
    Any,
    /// Those that have not ended.
    Unfinished,
    /// Those that have not ended, and those that need a hand as long as no later operation of their tool, leaving aside
    /// what was undone, says how it went on.
    Open,
}

/// How far an operation is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Steps that are done.
    pub done: i64,
    /// Steps in all.
    pub all: i64,
    /// The title of the step under way; empty when none is.
    pub title: String,
}

/// Runs the jobs of the queue that are operations.
pub struct OperationJobs {
    /// What runs them.
    pub executor: Arc<Executor>,
}

#[async_trait]
impl jobs::Run for OperationJobs {
    async fn run(&self, job: &jobs::Job) -> Result<(), String> {
        let operation_id = job
            .payload
            .get("operation_id")
            .and_then(Value::as_str)
            .and_then(|id| Uuid::parse_str(id).ok())
            .ok_or_else(|| format!("a job of kind {} names no operation: {}", job.kind, job.payload))?;
        self.executor.run(operation_id).await.map_err(|error| error.to_string())
    }
}
