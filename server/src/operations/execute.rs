//! Drives an operation through its journal. It holds no decisions beyond forward, back and stuck.

use std::sync::Arc;
use std::time::Duration;

use api::operations::{OperationState, StepState};
use sqlx::{PgConnection, PgPool};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{Domain, JournaledStep, Operation, Step, StepContext, StepError, store};
use crate::clock::Clock;

/// How long the executor waits for what may come back by itself, and how often it repeats what may not.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// How long an apply waits for an engine that went away before the operation goes back.
    pub away: Duration,
    /// The first pause between two tries; it doubles up to 32 times itself.
    pub pause: Duration,
    /// How often an undo or a clean-up is tried before a person has to look.
    pub tries: u32,
}

impl Default for Patience {
    fn default() -> Self {
        Self { away: Duration::from_secs(60), pause: Duration::from_millis(250), tries: 4 }
    }
}

/// How often what a step says is written down while it runs.
const FLUSH: Duration = Duration::from_millis(300);

/// Runs operations: forward, and back when something fails.
pub struct Executor {
    db: PgPool,
    clock: Clock,
    domain: Arc<dyn Domain>,
    patience: Patience,
}

/// How the forward part ended.
enum Forward {
    Committed,
    Turned,
}

impl Executor {
    /// An executor for the operations of `domain`.
    pub fn new(db: PgPool, clock: Clock, domain: Arc<dyn Domain>, patience: Patience) -> Self {
        Self { db, clock, domain, patience }
    }

    /// Takes an operation from wherever its journal stands to its end.
    ///
    /// Dropping the future leaves the journal as a crash would: calling it again goes on from there.
    ///
    /// # Errors
    /// Only what the database refuses: everything else ends in the journal.
    pub async fn run(&self, operation_id: Uuid) -> Result<(), sqlx::Error> {
        let Some(operation) = store::find(&self.db, operation_id).await? else {
            tracing::warn!(%operation_id, "a job names an operation that does not exist");
            return Ok(());
        };
        if operation.state.has_ended() {
            return Ok(());
        }
        let steps = store::steps(&self.db, operation_id).await?;
        if operation.committed_at.is_some() {
            return self.clean_up(&operation, &steps).await;
        }
        if operation.state == OperationState::Unwinding {
            return self.unwind(&operation).await;
        }
        store::set_running(&self.db, operation_id, self.clock.now()).await?;
        match self.forward(&operation, &steps).await? {
            Forward::Committed => self.clean_up(&operation, &steps).await,
            Forward::Turned => self.unwind(&operation).await,
        }
    }

    async fn forward(&self, operation: &Operation, steps: &[JournaledStep]) -> Result<Forward, sqlx::Error> {
        let cancelled = CancellationToken::new();
        let watch = self.watch_cancel(operation.operation_id, cancelled.clone());
        let forward = async {
            for step in steps.iter().filter(|step| !step.is_cleanup && step.state != StepState::Done) {
                if let Err(error) = self.apply(operation, step, &cancelled).await? {
                    self.turn_round(operation, Some(step), &error).await?;
                    return Ok(Forward::Turned);
                }
            }
            if self.commit(operation, steps).await? || self.is_committed(operation.operation_id).await? {
                return Ok(Forward::Committed);
            }
            self.turn_round(operation, None, &stopped()).await?;
            Ok(Forward::Turned)
        };
        tokio::select! {
            ended = forward => ended,
            () = watch => unreachable!("the watch never ends"),
        }
    }

    /// Turns `cancelled` when the journal says so; never ends.
    async fn watch_cancel(&self, operation_id: Uuid, cancelled: CancellationToken) {
        loop {
            match store::find(&self.db, operation_id).await {
                Ok(Some(operation)) if operation.cancelled_at.is_some() => cancelled.cancel(),
                Ok(_) => {}
                Err(error) => tracing::warn!(error = &error as &dyn std::error::Error, "reading the journal failed"),
            }
            tokio::time::sleep(FLUSH).await;
        }
    }

    /// Applies one step, waiting for an engine that is away.
    async fn apply(
        &self,
        operation: &Operation,
        journaled: &JournaledStep,
        cancelled: &CancellationToken,
    ) -> Result<Result<(), StepError>, sqlx::Error> {
        let id = operation.operation_id;
        let step = match self.domain.step(operation, &journaled.kind, &journaled.input) {
            Ok(step) => step,
            Err(problem) => return Ok(Err(StepError::new(problem))),
        };
        let cx = self.context(operation, journaled, cancelled.clone());
        // Patience counts from the first failure: a pull may have gone well for minutes before, and between two outages.
        let (mut away_since, mut pause) = (None::<Instant>, self.patience.pause);
        let mut told = String::new();
        loop {
            if self.is_cancelled(id).await? {
                return Ok(Err(stopped()));
            }
            store::set_step(&self.db, id, journaled.position, StepState::Running, "", self.clock.now()).await?;
            let begun = Instant::now();
            let applied = self.attend(&cx, step.apply(&cx)).await?;
            if begun.elapsed() > self.patience.away {
                away_since = None;
            }
            match applied {
                Ok(()) => {
                    store::set_step(&self.db, id, journaled.position, StepState::Done, "", self.clock.now()).await?;
                    return Ok(Ok(()));
                }
                Err(error)
                    if error.is_temporary
                        && away_since.get_or_insert_with(Instant::now).elapsed() < self.patience.away =>
                {
                    self.say_again(&cx, &mut told, error.message).await?;
                    tokio::select! {
                        () = cancelled.cancelled() => {}
                        () = tokio::time::sleep(pause) => {}
                    }
                    pause = self.longer(pause);
                }
                Err(error) if cancelled.is_cancelled() => {
                    tracing::debug!(operation_id = %id, error = error.message, "a step ended because it was asked to");
                    return Ok(Err(stopped()));
                }
                Err(error) => return Ok(Err(error)),
            }
        }
    }

    /// Says once that something is tried again: an engine that is away for an hour must not drown what was said before.
    async fn say_again(&self, cx: &StepContext, told: &mut String, message: String) -> Result<(), sqlx::Error> {
        if *told == message {
            return Ok(());
        }
        cx.say(&self.clock, format!("{message}; trying again"));
        *told = message;
        cx.flush().await
    }

    /// Whether the commit holds: its answer may have been lost with the process that asked for it.
    async fn is_committed(&self, operation_id: Uuid) -> Result<bool, sqlx::Error> {
        let operation = store::find(&self.db, operation_id).await?;
        Ok(operation.is_some_and(|operation| operation.committed_at.is_some()))
    }

    async fn is_cancelled(&self, operation_id: Uuid) -> Result<bool, sqlx::Error> {
        let operation = store::find(&self.db, operation_id).await?;
        Ok(operation.is_some_and(|operation| operation.cancelled_at.is_some()))
    }

    /// Runs `work` and writes down what it says while it runs.
    async fn attend(
        &self,
        cx: &StepContext,
        work: impl Future<Output = Result<(), StepError>>,
    ) -> Result<Result<(), StepError>, sqlx::Error> {
        tokio::pin!(work);
        let mut tick = tokio::time::interval(FLUSH);
        let outcome = loop {
            tokio::select! {
                outcome = &mut work => break outcome,
                _ = tick.tick() => cx.flush().await?,
            }
        };
        cx.flush().await?;
        Ok(outcome)
    }

    async fn turn_round(
        &self,
        operation: &Operation,
        step: Option<&JournaledStep>,
        error: &StepError,
    ) -> Result<(), sqlx::Error> {
        let (id, now) = (operation.operation_id, self.clock.now());
        let mut transaction = self.db.begin().await?;
        if let Some(step) = step {
            store::set_step(&mut *transaction, id, step.position, StepState::Failed, &error.message, now).await?;
        }
        if !store::turn_round(&mut transaction, id, &error.message, &error.log).await? {
            tracing::warn!(operation_id = %id, "somebody else took the operation further; its journal is read again");
            return Err(sqlx::Error::RowNotFound);
        }
        transaction.commit().await
    }

    /// Commits unless somebody asked to go back; gives whether it did.
    async fn commit(&self, operation: &Operation, steps: &[JournaledStep]) -> Result<bool, sqlx::Error> {
        let (id, now) = (operation.operation_id, self.clock.now());
        let mut transaction = self.db.begin().await?;
        if !store::commit(&mut transaction, id, now).await? {
            return Ok(false);
        }
        self.domain.committed(&mut transaction, operation).await?;
        if !steps.iter().any(|step| step.is_cleanup) {
            self.finish(&mut transaction, operation).await?;
        }
        transaction.commit().await?;
        Ok(true)
    }

    /// Applies the clean-up steps; there is no way back from here.
    async fn clean_up(&self, operation: &Operation, steps: &[JournaledStep]) -> Result<(), sqlx::Error> {
        let waiting: Vec<_> = steps.iter().filter(|step| step.is_cleanup && step.state != StepState::Done).collect();
        if waiting.is_empty() && !steps.iter().any(|step| step.is_cleanup) {
            return Ok(());
        }
        for step in waiting {
            let (before, after) = (StepState::Running, StepState::Done);
            if !self.insist(operation, step, before, after, |step, cx| step.apply(cx)).await? {
                return Ok(());
            }
        }
        let mut transaction = self.db.begin().await?;
        self.finish(&mut transaction, operation).await?;
        transaction.commit().await
    }

    async fn finish(&self, transaction: &mut PgConnection, operation: &Operation) -> Result<(), sqlx::Error> {
        let now = self.clock.now();
        store::end(transaction, operation.operation_id, OperationState::Done, "", now).await?;
        self.domain.done(transaction, operation).await
    }

    /// Undoes every step that was begun, newest first.
    async fn unwind(&self, operation: &Operation) -> Result<(), sqlx::Error> {
        let id = operation.operation_id;
        for step in store::steps(&self.db, id).await?.iter().rev() {
            if matches!(step.state, StepState::Waiting | StepState::Undone) {
                continue;
            }
            let (before, after) = (StepState::Undoing, StepState::Undone);
            if !self.insist(operation, step, before, after, |step, cx| step.undo(cx)).await? {
                return Ok(());
            }
        }
        let Some(operation) = store::find(&self.db, id).await? else { return Ok(()) };
        let mut transaction = self.db.begin().await?;
        store::end(&mut transaction, id, OperationState::Undone, "", self.clock.now()).await?;
        self.domain.undone(&mut transaction, &operation).await?;
        transaction.commit().await
    }

    /// Does what has to be done: waits for an engine that is away as long as it takes, repeats another failure a few
    /// times, and gives false when the operation is stuck.
    async fn insist<F>(
        &self,
        operation: &Operation,
        journaled: &JournaledStep,
        before: StepState,
        after: StepState,
        act: F,
    ) -> Result<bool, sqlx::Error>
    where
        F: for<'a> Fn(&'a dyn Step, &'a StepContext) -> futures_util::future::BoxFuture<'a, Result<(), StepError>>,
    {
        let (id, position) = (operation.operation_id, journaled.position);
        let step = match self.domain.step(operation, &journaled.kind, &journaled.input) {
            Ok(step) => step,
            Err(problem) => return self.stick(operation, position, &problem).await.map(|()| false),
        };
        let cx = self.context(operation, journaled, CancellationToken::new());
        let (mut tries, mut pause, mut told) = (0, self.patience.pause, String::new());
        loop {
            store::set_step(&self.db, id, position, before, "", self.clock.now()).await?;
            match self.attend(&cx, act(step.as_ref(), &cx)).await? {
                Ok(()) => {
                    store::set_step(&self.db, id, position, after, "", self.clock.now()).await?;
                    return Ok(true);
                }
                Err(error) => {
                    tries += u32::from(!error.is_temporary);
                    if tries >= self.patience.tries {
                        return self.stick(operation, position, &error.message).await.map(|()| false);
                    }
                    self.say_again(&cx, &mut told, error.message).await?;
                    tokio::time::sleep(pause).await;
                    pause = self.longer(pause);
                }
            }
        }
    }

    /// Ends an operation that goes neither on nor back; what it went back for is told before what it is stuck at.
    async fn stick(&self, operation: &Operation, position: i32, problem: &str) -> Result<(), sqlx::Error> {
        let (id, now) = (operation.operation_id, self.clock.now());
        let cause = store::find(&self.db, id).await?.map(|operation| operation.problem).unwrap_or_default();
        let told = [cause.as_str(), problem].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("; ");
        let mut transaction = self.db.begin().await?;
        store::set_step(&mut *transaction, id, position, StepState::Stuck, problem, now).await?;
        let told = store::storable(&told);
        store::end(&mut transaction, id, OperationState::NeedsHand, &told, now).await?;
        self.domain.stuck(&mut transaction, &Operation { problem: told, ..operation.clone() }).await?;
        transaction.commit().await
    }

    fn context(&self, operation: &Operation, step: &JournaledStep, cancelled: CancellationToken) -> StepContext {
        StepContext {
            operation: operation.clone(),
            position: step.position,
            mark: step.mark,
            cancelled,
            db: self.db.clone(),
            memory: tokio::sync::Mutex::new(step.memory.clone()),
            said: std::sync::Mutex::default(),
        }
    }

    fn longer(&self, pause: Duration) -> Duration {
        (pause * 2).min(self.patience.pause * 32)
    }
}

fn stopped() -> StepError {
    StepError::new("it was stopped on request")
}
