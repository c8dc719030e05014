//! All SQL of the job queue.

use std::time::Duration;

use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use super::{CHANNEL, Job, NewJob};

pub(super) async fn insert(
    transaction: &mut PgConnection,
    job_id: Uuid,
    now: Timestamp,
    job: NewJob,
) -> Result<bool, sqlx::Error> {
    let inserted = sqlx::query!(
        "insert into jobs (job_id, kind, dedupe_key, payload, state, run_at, max_attempts, created_at)
         values ($1, $2, $3, $4, 'queued', $5, $6, $5)
         on conflict (kind, dedupe_key) where state in ('queued', 'running') do nothing",
        job_id,
        job.kind,
        job.dedupe_key,
        job.payload,
        now.to_sqlx() as _,
        job.max_attempts,
    )
    .execute(&mut *transaction)
    .await?
    .rows_affected();
    sqlx::query!("select pg_notify($1, '')", CHANNEL).execute(&mut *transaction).await?;
    Ok(inserted == 1)
}

/// The session lock that the one worker of a database holds: "jobs", as bytes.
const SEAT: i64 = 0x6a6f_6273;

/// Takes the worker's lock for as long as the session lasts; false when another session has it.
pub(super) async fn try_sit(session: &mut PgConnection) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar!(r#"select pg_try_advisory_lock($1) as "is_ours!""#, SEAT).fetch_one(session).await
}

/// Gives every claimed job back to the queue, and how many there were; only for who knows that all workers are dead.
pub(super) async fn free(db: &PgPool) -> Result<u64, sqlx::Error> {
    let freed = sqlx::query!(
        "update jobs
         set state = 'queued', lease_id = null, lease_until = null
         where state = 'running'",
    )
    .execute(db)
    .await?;
    Ok(freed.rows_affected())
}

/// How many jobs wait, and how many are being worked on.
pub(super) async fn counts(db: &PgPool) -> Result<(i64, i64), sqlx::Error> {
    let row = sqlx::query!(
        r#"select count(*) filter (where state = 'queued') as "waiting!",
                  count(*) filter (where state = 'running') as "running!"
           from jobs
           where state in ('queued', 'running')"#,
    )
    .fetch_one(db)
    .await?;
    Ok((row.waiting, row.running))
}

/// Claims the job that is due longest: one that waits, or one whose lease ran out.
pub(super) async fn claim(
    db: &PgPool,
    now: Timestamp,
    lease_id: Uuid,
    lease: Duration,
) -> Result<Option<Job>, sqlx::Error> {
    let mut transaction = db.begin().await?;
    let Some(row) = sqlx::query!(
        "update jobs
         set state = 'running', attempts = attempts + 1, lease_id = $2, lease_until = $3
         where job_id = (
             select job_id
             from jobs
             where (state = 'queued' and run_at <= $1)
                or (state = 'running' and lease_until < $1)
             order by run_at
             limit 1
             for update skip locked
         )
         returning job_id, kind, payload, attempts, max_attempts",
        now.to_sqlx() as _,
        lease_id,
        (now + lease).to_sqlx() as _,
    )
    .fetch_optional(&mut *transaction)
    .await?
    else {
        return Ok(None);
    };
    sqlx::query!(
        "insert into job_attempts (job_id, attempt, started_at) values ($1, $2, $3)",
        row.job_id,
        row.attempts,
        now.to_sqlx() as _,
    )
    .execute(&mut *transaction)
    .await?;
    transaction.commit().await?;
    Ok(Some(Job {
        job_id: row.job_id,
        kind: row.kind,
        payload: row.payload,
        attempt: row.attempts,
        lease_id,
        max_attempts: row.max_attempts,
    }))
}

/// Renews the lease; false when somebody else holds it.
pub(super) async fn renew(db: &PgPool, job: &Job, now: Timestamp, lease: Duration) -> Result<bool, sqlx::Error> {
    let renewed = sqlx::query!(
        "update jobs set lease_until = $3 where job_id = $1 and lease_id = $2 and state = 'running'",
        job.job_id,
        job.lease_id,
        (now + lease).to_sqlx() as _,
    )
    .execute(db)
    .await?;
    Ok(renewed.rows_affected() == 1)
}

/// Records success; changes nothing when the lease was lost.
pub(super) async fn done(db: &PgPool, job: &Job, now: Timestamp) -> Result<(), sqlx::Error> {
    let mut transaction = db.begin().await?;
    sqlx::query!(
        "update jobs
         set state = 'done', ended_at = $3, lease_id = null, lease_until = null
         where job_id = $1 and lease_id = $2",
        job.job_id,
        job.lease_id,
        now.to_sqlx() as _,
    )
    .execute(&mut *transaction)
    .await?;
    end_attempt(&mut transaction, job, now, None).await?;
    transaction.commit().await
}

/// Records a failure and when to try again; after the last attempt the job is dead.
pub(super) async fn failed(
    db: &PgPool,
    job: &Job,
    now: Timestamp,
    problem: &str,
    wait: Duration,
) -> Result<(), sqlx::Error> {
    let mut transaction = db.begin().await?;
    let is_last = job.attempt >= job.max_attempts;
    sqlx::query!(
        "update jobs
         set state = case when $3 then 'dead' else 'queued' end,
             run_at = $4,
             ended_at = case when $3 then $5::timestamptz end,
             lease_id = null,
             lease_until = null
         where job_id = $1 and lease_id = $2",
        job.job_id,
        job.lease_id,
        is_last,
        (now + wait).to_sqlx() as _,
        now.to_sqlx() as _,
    )
    .execute(&mut *transaction)
    .await?;
    end_attempt(&mut transaction, job, now, Some(problem)).await?;
    transaction.commit().await
}

async fn end_attempt(
    transaction: &mut PgConnection,
    job: &Job,
    now: Timestamp,
    problem: Option<&str>,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "update job_attempts set ended_at = $3, problem = $4 where job_id = $1 and attempt = $2",
        job.job_id,
        job.attempt,
        now.to_sqlx() as _,
        problem,
    )
    .execute(transaction)
    .await?;
    Ok(())
}

#[cfg(test)]
pub(super) async fn states(db: &PgPool) -> Vec<(String, i32)> {
    sqlx::query!("select state, attempts from jobs order by created_at")
        .fetch_all(db)
        .await
        .unwrap()
        .into_iter()
        .map(|row| (row.state, row.attempts))
        .collect()
}

#[cfg(test)]
pub(super) async fn problems(db: &PgPool) -> Vec<String> {
    sqlx::query_scalar!(r#"select problem as "problem!" from job_attempts where problem is not null order by attempt"#)
        .fetch_all(db)
        .await
        .unwrap()
}

/// Ends the session that holds the worker's lock, as a database that is started again does.
#[cfg(test)]
pub(super) async fn end_seat(db: &PgPool) {
    let ended = sqlx::query_scalar!(
        r#"select pg_terminate_backend(pid) as "ended!"
           from pg_locks
           where locktype = 'advisory'
             and objid::bigint = $1
             and database = (select oid from pg_database where datname = current_database())"#,
        SEAT,
    )
    .fetch_all(db)
    .await
    .unwrap();
    assert_eq!(ended, [true]);
}
