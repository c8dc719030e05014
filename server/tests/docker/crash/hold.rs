//! Rows of the journal that are held, so that the program waits just before it writes to them.

use std::time::Duration;

use sqlx::{Connection as _, PgConnection, PgPool};
use tokio::task::JoinHandle;
use uuid::Uuid;

/// Rows held by a transaction of its own, or asked for and queued; they are free again when it ends.
pub struct Hold {
    /// The process id of the session, as Postgres counts.
    pub pid: i32,
    taken: JoinHandle<PgConnection>,
}

/// What is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Row {
    /// The operation itself: written when it turns round, when it commits and when it ends.
    Operation,
    /// The step at that position.
    Step(i32),
}

impl Hold {
    /// Holds the queue: no job can be claimed.
    pub async fn claims(db: &PgPool) -> Self {
        let (pid, mut connection) = open(db).await;
        sqlx::raw_sql("lock table job_attempts in exclusive mode").execute(&mut connection).await.unwrap();
        Self { pid, taken: tokio::spawn(async { connection }) }
    }

    /// Holds one row of the operation.
    pub async fn row(db: &PgPool, operation: Uuid, row: Row) -> Self {
        Self::rows(db, operation, vec![row]).await
    }

    /// Holds rows of the operation.
    pub async fn rows(db: &PgPool, operation: Uuid, rows: Vec<Row>) -> Self {
        let (pid, mut connection) = open(db).await;
        for row in rows {
            take(&mut connection, operation, row).await;
        }
        Self { pid, taken: tokio::spawn(async { connection }) }
    }

    /// Lets go, as soon as it has what it asked for.
    pub async fn release(self) {
        self.taken.await.unwrap().close().await.unwrap();
    }

    /// Lets exactly one write to the row pass: the hold that follows is queued behind the writer that waits.
    pub async fn hand_over(self, db: &PgPool, operation: Uuid, row: Row) -> Self {
        let (pid, mut connection) = open(db).await;
        let taken = tokio::spawn(async move {
            take(&mut connection, operation, row).await;
            connection
        });
        let is_queued = "select exists (select 1 from pg_stat_activity where pid = $1 and wait_event_type = 'Lock')";
        until("the next hold is queued", async || sqlx::query_scalar(is_queued).bind(pid).fetch_one(db).await.unwrap())
            .await;
        self.release().await;
        Self { pid, taken }
    }
}

async fn open(db: &PgPool) -> (i32, PgConnection) {
    let mut connection = PgConnection::connect_with(&db.connect_options()).await.unwrap();
    sqlx::raw_sql("begin").execute(&mut connection).await.unwrap();
    let pid = sqlx::query_scalar("select pg_backend_pid()").fetch_one(&mut connection).await.unwrap();
    (pid, connection)
}

/// Takes the weakest lock that stops updates: lines of the journal refer to the operation and can still be written.
async fn take(connection: &mut PgConnection, operation: Uuid, row: Row) {
    let query = match row {
        Row::Operation => {
            sqlx::query("select 1 from operations where operation_id = $1 for no key update").bind(operation)
        }
        Row::Step(position) => {
            sqlx::query("select 1 from operation_steps where operation_id = $1 and position = $2 for no key update")
                .bind(operation)
                .bind(position)
        }
    };
    query.fetch_one(connection).await.unwrap();
}

/// The sessions that keep the program waiting.
pub async fn blockers(db: &PgPool) -> Vec<i32> {
    let found: Vec<Vec<i32>> = sqlx::query_scalar(
        "select pg_blocking_pids(pid)
         from pg_stat_activity
         where datname = current_database() and application_name = 'summoner' and wait_event_type = 'Lock'",
    )
    .fetch_all(db)
    .await
    .unwrap();
    found.concat()
}

/// Ends what the dead program's sessions still wait for: a write that waits is otherwise made after its writer's death.
pub async fn end_sessions(db: &PgPool) {
    until("the sessions of the dead program end", async || {
        let left: Vec<bool> = sqlx::query_scalar(
            "select pg_terminate_backend(pid)
             from pg_stat_activity
             where datname = current_database() and application_name = 'summoner'",
        )
        .fetch_all(db)
        .await
        .unwrap();
        left.is_empty()
    })
    .await;
}

/// Waits until `is_so`, at most a minute.
pub async fn until(what: &str, is_so: impl AsyncFn() -> bool) {
    for _ in 0..3000 {
        if is_so().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("not within a minute: {what}");
}
