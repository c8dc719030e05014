//! A domain whose steps are disturbed at one place.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;
use server::engine::fake::FakeEngine;
use server::operations::{Domain, Operation, Operations, Step, StepContext, StepError};
use server::tools::ToolDomain;
use sqlx::{PgConnection, PgPool};
use tokio::sync::Notify;

/// On which side of a step's work the disturbance comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Before,
    After,
}

/// What is disturbed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    Apply,
    Undo,
}

/// What comes between.
#[derive(Clone)]
pub enum What {
    /// The step fails.
    Fails,
    /// The step fails as if the engine had gone, after it worked for that long.
    FailsAway(Duration),
    /// The process stands still; whoever waits for the notification may end it.
    Hangs(Arc<Notify>),
    /// Somebody asks the operation to go back.
    Cancels(Operations, PgPool),
    /// Somebody else writes to the database.
    Writes(PgPool, &'static str),
    /// The engine goes away, and comes back after that long.
    EngineGoes(FakeEngine, Duration),
}

/// One disturbance; it comes once.
#[derive(Clone)]
pub struct Disturbance {
    pub position: usize,
    pub deed: Deed,
    pub side: Side,
    pub what: What,
}

/// The tools' domain, disturbed.
pub struct Disturbed {
    inner: ToolDomain,
    /// Whether each deed is done twice.
    is_doubled: bool,
    disturbances: Vec<(Disturbance, Arc<AtomicBool>)>,
}

impl Disturbed {
    pub fn by(inner: ToolDomain, disturbances: impl IntoIterator<Item = Disturbance>) -> Self {
        let disturbances = disturbances.into_iter().map(|disturbance| (disturbance, Arc::default())).collect();
        Self { inner, is_doubled: false, disturbances }
    }

    pub fn doubled(self) -> Self {
        Self { is_doubled: true, ..self }
    }
}

struct DisturbedStep {
    inner: Box<dyn Step>,
    is_doubled: bool,
    disturbances: Vec<(Disturbance, Arc<AtomicBool>)>,
}

#[async_trait]
impl Domain for Disturbed {
    fn step(&self, operation: &Operation, kind: &str, input: &Value) -> Result<Box<dyn Step>, String> {
        let inner = self.inner.step(operation, kind, input)?;
        Ok(Box::new(DisturbedStep { inner, is_doubled: self.is_doubled, disturbances: self.disturbances.clone() }))
    }

    async fn committed(&self, transaction: &mut PgConnection, operation: &Operation) -> Result<(), sqlx::Error> {
        self.inner.committed(transaction, operation).await
    }

    async fn done(&self, transaction: &mut PgConnection, operation: &Operation) -> Result<(), sqlx::Error> {
        self.inner.done(transaction, operation).await
    }

    async fn undone(&self, transaction: &mut PgConnection, operation: &Operation) -> Result<(), sqlx::Error> {
        self.inner.undone(transaction, operation).await
    }

    async fn stuck(&self, transaction: &mut PgConnection, operation: &Operation) -> Result<(), sqlx::Error> {
        self.inner.stuck(transaction, operation).await
    }
}

#[async_trait]
impl Step for DisturbedStep {
    async fn apply(&self, cx: &StepContext) -> Result<(), StepError> {
        self.disturb(cx, Deed::Apply, Side::Before).await?;
        self.inner.apply(cx).await?;
        if self.is_doubled {
            self.inner.apply(cx).await?;
        }
        self.disturb(cx, Deed::Apply, Side::After).await
    }

    async fn undo(&self, cx: &StepContext) -> Result<(), StepError> {
        self.disturb(cx, Deed::Undo, Side::Before).await?;
        self.inner.undo(cx).await?;
        if self.is_doubled {
            self.inner.undo(cx).await?;
        }
        self.disturb(cx, Deed::Undo, Side::After).await
    }
}

impl DisturbedStep {
    async fn disturb(&self, cx: &StepContext, deed: Deed, side: Side) -> Result<(), StepError> {
        for (disturbance, is_over) in &self.disturbances {
            let is_here = usize::try_from(cx.position) == Ok(disturbance.position)
                && disturbance.deed == deed
                && disturbance.side == side;
            if is_here && !is_over.swap(true, Ordering::SeqCst) {
                come_between(&disturbance.what, cx).await?;
            }
        }
        Ok(())
    }
}

async fn come_between(what: &What, cx: &StepContext) -> Result<(), StepError> {
    match what {
        What::Fails => return Err(StepError::new("the test let it fail")),
        What::FailsAway(after) => {
            tokio::time::sleep(*after).await;
            return Err(StepError { is_temporary: true, ..StepError::new("the test let it fail for now") });
        }
        What::Hangs(reached) => {
            reached.notify_one();
            std::future::pending::<()>().await;
        }
        What::Cancels(operations, db) => {
            let mut connection = db.acquire().await?;
            operations.cancel(&mut connection, cx.operation.operation_id).await?;
        }
        What::Writes(db, statement) => {
            sqlx::query(*statement).execute(db).await?;
        }
        What::EngineGoes(engine, pause) => {
            engine.go_away();
            let (engine, pause) = (engine.clone(), *pause);
            tokio::spawn(async move {
                tokio::time::sleep(pause).await;
                engine.come_back();
            });
        }
    }
    Ok(())
}
