//! Work that must survive a crash: a durable queue in Postgres.
//!
//! Owns the `jobs` and `job_attempts` tables and the [`Worker`] that claims from them.
//! It never knows what a job means: a [`Run`] is handed in when the worker is wired.
//!
//! Invariants: a job is enqueued in its caller's transaction; it is claimed in a short transaction and run outside it,
//! under a lease that is renewed while it runs; a job whose lease ran out is claimed again, so work is done at least
//! once and has to be idempotent; a worker that lost its lease stops at once.
//!
//! One [`Worker::work`] at a time works on a database, by a session lock that ends with its process. A worker that
//! starts therefore frees what a dead one had claimed at once; the leases bound what a hung one can hold.

mod seat;
mod store;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;
use sqlx::{PgConnection, PgPool};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::clock::{Clock, Random};
use seat::Seat;

/// The Postgres notification channel on which new work announces itself.
pub const CHANNEL: &str = "jobs";

/// How long a claimed job is left alone without a sign of life.
pub const LEASE: Duration = Duration::from_secs(15);
/// How often a running job shows a sign of life.
const HEARTBEAT: Duration = Duration::from_secs(4);
/// How long the worker sleeps when nothing wakes it.
const POLL: Duration = Duration::from_secs(1);
/// How many jobs run at once.
const AT_ONCE: usize = 16;

/// A job to enqueue.
#[derive(Clone, Debug)]
pub struct NewJob {
    /// What has to be done.
    pub kind: &'static str,
    /// While a job of this kind and key waits or runs, enqueueing it again changes nothing.
    pub dedupe_key: String,
    /// What it needs to know.
    pub payload: Value,
    /// How often it may be tried before it is dead.
    pub max_attempts: i32,
}

/// A job that was claimed.
#[derive(Clone, Debug)]
pub struct Job {
    /// Its id.
    pub job_id: Uuid,
    /// What has to be done.
    pub kind: String,
    /// What it needs to know.
    pub payload: Value,
    /// Which try this is, from 1.
    pub attempt: i32,
    lease_id: Uuid,
    max_attempts: i32,
}

/// Does the work of a job.
///
/// An implementation is cancelled by dropping its future when the lease is lost, so it must be safe to end anywhere.
#[async_trait]
pub trait Run: Send + Sync {
    /// Does it.
    ///
    /// # Errors
    /// What went wrong, in words for the attempt's record; the job is tried again after a while.
    async fn run(&self, job: &Job) -> Result<(), String>;
}

/// How many jobs wait, and how many are being worked on.
///
/// # Errors
/// Whatever the database refuses.
pub async fn counts(db: &PgPool) -> Result<(i64, i64), sqlx::Error> {
    store::counts(db).await
}

/// Enqueues a job in the caller's transaction; gives false when the same work already waits or runs.
///
/// # Errors
/// Whatever the database refuses.
pub async fn enqueue(
    transaction: &mut PgConnection,
    clock: &Clock,
    random: &Random,
    job: NewJob,
) -> Result<bool, sqlx::Error> {
    store::insert(transaction, random.id(clock), clock.now(), job).await
}

/// Claims jobs and runs them until it is told to stop.
pub struct Worker {
    db: PgPool,
    clock: Clock,
    random: Random,
    run: Arc<dyn Run>,
    slots: Arc<Semaphore>,
}

impl Worker {
    /// A worker that gives every job to `run`.
    pub fn new(db: PgPool, clock: Clock, random: Random, run: Arc<dyn Run>) -> Self {
        Self { db, clock, random, run, slots: Arc::new(Semaphore::new(AT_ONCE)) }
    }

    /// Works until `stop`; `wake` cuts the wait for new work short. While another worker works on the same database it
    /// waits, and takes over when that one ends.
    ///
    /// Jobs that still run when it stops are dropped; the next worker claims them at once.
    pub async fn work(&self, wake: &tokio::sync::Notify, stop: CancellationToken) {
        let mut was_told = false;
        loop {
            match self.sit().await {
                Ok(Some(mut seat)) => {
                    was_told = false;
                    tokio::select! {
                        () = self.serve(wake, &stop) => return,
                        () = seat.lost() => tracing::warn!("the database ended the worker's session, its work is dropped and claimed again"),
                    }
                }
                Ok(None) if !was_told => {
                    was_told = true;
                    tracing::info!("another worker works on this database, waiting until it ends");
                }
                Ok(None) => {}
                Err(error) => tracing::error!(error = &error as &dyn std::error::Error, "the worker could not begin"),
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(POLL) => {}
            }
        }
    }

    /// Takes the seat if it is free, and frees what dead workers had claimed.
    async fn sit(&self) -> Result<Option<Seat>, sqlx::Error> {
        let seat = Seat::take(&self.db).await?;
        if seat.is_some() {
            let freed = store::free(&self.db).await?;
            if freed > 0 {
                tracing::info!(jobs = freed, "jobs of a worker that died are claimed again");
            }
        }
        Ok(seat)
    }

    /// Claims and runs until `stop`. What runs is dropped with this future.
    async fn serve(&self, wake: &tokio::sync::Notify, stop: &CancellationToken) {
        let mut running = tokio::task::JoinSet::new();
        loop {
            while running.try_join_next().is_some() {}
            let found = match self.slots.clone().try_acquire_owned() {
                Err(_) => false,
                Ok(slot) => match self.claim().await {
                    Ok(Some(job)) => {
                        let task = Task { db: self.db.clone(), clock: self.clock.clone(), run: self.run.clone(), job };
                        running.spawn(async move {
                            task.finish().await;
                            drop(slot);
                        });
                        true
                    }
                    Ok(None) => false,
                    Err(error) => {
                        tracing::error!(error = &error as &dyn std::error::Error, "claiming a job failed");
                        false
                    }
                },
            };
            if found {
                continue;
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = wake.notified() => {}
                Some(_) = running.join_next(), if !running.is_empty() => {}
                () = tokio::time::sleep(POLL) => {}
            }
        }
    }

    /// Runs what is due until nothing is, one job after the other; for tests and for the command line.
    ///
    /// # Errors
    /// Whatever the database refuses.
    pub async fn work_off(&self) -> Result<usize, sqlx::Error> {
        let mut count = 0;
        while let Some(job) = self.claim().await? {
            Task { db: self.db.clone(), clock: self.clock.clone(), run: self.run.clone(), job }.finish().await;
            count += 1;
        }
        Ok(count)
    }

    async fn claim(&self) -> Result<Option<Job>, sqlx::Error> {
        store::claim(&self.db, self.clock.now(), self.random.id(&self.clock), LEASE).await
    }
}

/// One claimed job under its lease.
struct Task {
    db: PgPool,
    clock: Clock,
    run: Arc<dyn Run>,
    job: Job,
}

impl Task {
    async fn finish(self) {
        let outcome = tokio::select! {
            outcome = self.run.run(&self.job) => outcome,
            () = self.hold() => {
                tracing::warn!(job_id = %self.job.job_id, kind = self.job.kind, "the lease was lost, the work is dropped");
                return;
            }
        };
        let result = match &outcome {
            Ok(()) => store::done(&self.db, &self.job, self.clock.now()).await,
            Err(problem) => {
                tracing::warn!(job_id = %self.job.job_id, kind = self.job.kind, attempt = self.job.attempt, problem, "a job failed");
                store::failed(&self.db, &self.job, self.clock.now(), problem, backoff(self.job.attempt)).await
            }
        };
        if let Err(error) = result {
            // The lease runs out and the job is claimed again: at least once, never lost.
            tracing::error!(job_id = %self.job.job_id, error = &error as &dyn std::error::Error, "the end of a job could not be recorded");
        }
    }

    /// Renews the lease; returns only when it is lost.
    async fn hold(&self) {
        let mut last = tokio::time::Instant::now();
        loop {
            tokio::time::sleep(HEARTBEAT).await;
            match store::renew(&self.db, &self.job, self.clock.now(), LEASE).await {
                Ok(true) => last = tokio::time::Instant::now(),
                Ok(false) => return,
                Err(error) if last.elapsed() < LEASE => {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "a lease could not be renewed, trying again"
                    );
                }
                Err(_) => return,
            }
        }
    }
}

/// How long a job waits after its `attempt`-th failure: doubling from one second, at most five minutes.
fn backoff(attempt: i32) -> Duration {
    let doublings = u32::try_from(attempt - 1).unwrap_or(0).min(9);
    Duration::from_secs(1 << doublings).min(Duration::from_secs(300))
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;
    use serde_json::json;
    use std::sync::Mutex;

    struct Script(Mutex<Vec<Result<(), String>>>);

    #[async_trait]
    impl Run for Script {
        async fn run(&self, _: &Job) -> Result<(), String> {
            self.0.lock().unwrap().remove(0)
        }
    }

    async fn worker(db: &PgPool, clock: &Clock, script: Vec<Result<(), String>>) -> Worker {
        let worker = Worker::new(db.clone(), clock.clone(), Random::seeded(1), Arc::new(Script(Mutex::new(script))));
        let mut connection = db.acquire().await.unwrap();
        for expected in [true, false] {
            let job = NewJob { kind: "test", dedupe_key: "a".into(), payload: json!({}), max_attempts: 2 };
            assert_eq!(enqueue(&mut connection, clock, &worker.random, job).await.unwrap(), expected);
        }
        worker
    }

    fn noon() -> Clock {
        Clock::fixed("2026-11-21T12:00:00Z".parse::<Timestamp>().unwrap())
    }

    #[sqlx::test(migrations = "../migrations")]
    async fn a_failed_job_is_tried_again_after_a_while(db: PgPool) {
        let clock = noon();
        let worker = worker(&db, &clock, vec![Err("no".into()), Ok(())]).await;
        assert_eq!(worker.work_off().await.unwrap(), 1);
        assert_eq!(worker.work_off().await.unwrap(), 0, "it waits");
        clock.advance(Duration::from_secs(2));
        assert_eq!(worker.work_off().await.unwrap(), 1);
        assert_eq!(store::states(&db).await, [("done".to_owned(), 2)]);
    }

    #[sqlx::test(migrations = "../migrations")]
    async fn a_job_is_dead_after_its_last_attempt_and_its_problems_are_kept(db: PgPool) {
        let clock = noon();
        let worker = worker(&db, &clock, vec![Err("first".into()), Err("second".into())]).await;
        worker.work_off().await.unwrap();
        clock.advance(Duration::from_secs(60));
        worker.work_off().await.unwrap();
        clock.advance(Duration::from_secs(600));
        assert_eq!(worker.work_off().await.unwrap(), 0);
        assert_eq!(store::states(&db).await, [("dead".to_owned(), 2)]);
        assert_eq!(store::problems(&db).await, ["first", "second"]);
    }

    #[sqlx::test(migrations = "../migrations")]
    async fn a_job_whose_worker_died_is_claimed_again_when_its_lease_ran_out(db: PgPool) {
        let clock = noon();
        let worker = worker(&db, &clock, vec![Ok(())]).await;
        let first = worker.claim().await.unwrap().unwrap();
        assert!(worker.claim().await.unwrap().is_none(), "it is leased");
        clock.advance(LEASE + Duration::from_secs(1));
        let second = worker.claim().await.unwrap().unwrap();
        assert_eq!((first.attempt, second.attempt), (1, 2));
        assert!(!store::renew(&db, &first, clock.now(), LEASE).await.unwrap(), "the dead one has lost it");
        store::done(&db, &first, clock.now()).await.unwrap();
        assert_eq!(store::states(&db).await, [("running".to_owned(), 2)], "and can end nothing");
    }

    /// Runs for ever, and says when it begins.
    struct Endless(tokio::sync::mpsc::UnboundedSender<i32>);

    #[async_trait]
    impl Run for Endless {
        async fn run(&self, job: &Job) -> Result<(), String> {
            self.0.send(job.attempt).unwrap();
            std::future::pending().await
        }
    }

    /// A worker at work; it gives the number of each attempt that begins, and dies with the set.
    fn at_work(
        db: &PgPool,
        clock: &Clock,
    ) -> (tokio::sync::mpsc::UnboundedReceiver<i32>, tokio::task::JoinSet<()>, CancellationToken) {
        let (begun, attempts) = tokio::sync::mpsc::unbounded_channel();
        let worker = Worker::new(db.clone(), clock.clone(), Random::seeded(2), Arc::new(Endless(begun)));
        let (mut life, stop) = (tokio::task::JoinSet::new(), CancellationToken::new());
        let asked = stop.clone();
        life.spawn(async move { worker.work(&tokio::sync::Notify::new(), asked).await });
        (attempts, life, stop)
    }

    #[sqlx::test(migrations = "../migrations")]
    async fn a_dead_workers_job_is_claimed_again_at_once_a_living_ones_never(db: PgPool) {
        let clock = noon();
        worker(&db, &clock, vec![]).await;
        let (mut first, mut first_life, _) = at_work(&db, &clock);
        assert_eq!(first.recv().await, Some(1));
        let (mut second, _second_life, _) = at_work(&db, &clock);
        let early = tokio::time::timeout(POLL * 2, second.recv()).await;
        assert!(early.is_err(), "the first one lives: {early:?}");
        // The clock stands still, so no lease runs out.
        first_life.shutdown().await;
        assert_eq!(tokio::time::timeout(POLL * 5, second.recv()).await.unwrap(), Some(2));
    }

    #[sqlx::test(migrations = "../migrations")]
    async fn a_worker_that_loses_its_session_begins_its_work_anew(db: PgPool) {
        let clock = noon();
        worker(&db, &clock, vec![]).await;
        let (mut attempts, mut life, stop) = at_work(&db, &clock);
        assert_eq!(attempts.recv().await, Some(1));
        store::end_seat(&db).await;
        assert_eq!(tokio::time::timeout(POLL * 10, attempts.recv()).await.unwrap(), Some(2));
        stop.cancel();
        assert!(tokio::time::timeout(POLL * 5, life.join_next()).await.is_ok(), "it ends when it is told to");
    }

    #[test]
    fn waits_double_up_to_five_minutes() {
        assert_eq!([1, 2, 3, 10, 1000].map(|attempt| backoff(attempt).as_secs()), [1, 2, 4, 300, 300]);
    }
}
