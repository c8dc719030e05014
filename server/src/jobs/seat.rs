//! The worker's seat: one session lock in Postgres, held by the one worker that works on a database.
//!
//! Postgres takes it back when the process that holds it ends, however it ends. Who gets it therefore knows that every
//! lease is a dead worker's, and need not wait for them to run out.

use std::time::Duration;

use sqlx::{Connection as _, PgConnection, PgPool};

use super::store;

/// How often the holder makes sure that it still has the seat, and how long the answer may take.
const LOOK: Duration = Duration::from_secs(1);

/// The seat, for as long as this value lives.
pub(super) struct Seat {
    /// Outside the pool: a pooled connection would outlive the seat and keep the lock.
    connection: PgConnection,
}

impl Seat {
    /// Takes the seat if it is free.
    ///
    /// # Errors
    /// Whatever the database refuses.
    pub async fn take(db: &PgPool) -> Result<Option<Self>, sqlx::Error> {
        let mut connection = PgConnection::connect_with(&db.connect_options()).await?;
        let is_ours = store::try_sit(&mut connection).await?;
        Ok(is_ours.then_some(Self { connection }))
    }

    /// Returns only when the seat is lost, with the connection that held it.
    pub async fn lost(&mut self) {
        loop {
            tokio::time::sleep(LOOK).await;
            let answer = tokio::time::timeout(LOOK, self.connection.ping()).await;
            if !matches!(answer, Ok(Ok(()))) {
                return;
            }
        }
    }
}
