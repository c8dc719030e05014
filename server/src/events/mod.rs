//! Facts: what happened, by whom, to what.
//!
//! A change appends its event in the transaction that makes it, so that there is no fact without its change and no
//! change without its fact. Whoever follows (live stream, audit page, recipes) reads the table with a cursor of its own;
//! the notification on [`CHANNEL`] only wakes it.
//!
//! Invariants: events are never altered; they become visible in the order of their sequence, because
//! [`append`] lets only one transaction at a time hold a number that is not yet committed.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::clock::Clock;

/// The Postgres notification channel on which new events announce themselves, each by its kind.
pub const CHANNEL: &str = "events";

/// The key of the advisory lock that puts events in commit order ("summ" in ASCII).
const ORDER_LOCK: i64 = 0x7375_6d6d;

/// A fact to append.
#[derive(Clone, Debug)]
pub struct NewEvent {
    /// Its kind: domain, dot, what happened in the past tense: `tool.installed`.
    pub kind: &'static str,
    /// Who caused it, by name.
    pub actor: String,
    /// Who caused it, when it was a person or a token.
    pub actor_id: Option<Uuid>,
    /// The name of what it is about, as it was then.
    pub subject: String,
    /// The tool it is about.
    pub tool_id: Option<Uuid>,
    /// The operation it belongs to.
    pub operation_id: Option<Uuid>,
    /// Details; never a secret.
    pub payload: Value,
}

/// A fact as it stands in the table.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Its place in the order of all events.
    pub sequence: i64,
    /// When it happened.
    pub at: Timestamp,
    /// Its kind, such as `tool.installed`.
    pub kind: String,
    /// Who caused it, by name.
    pub actor: String,
    /// The name of what it is about.
    pub subject: String,
    /// The tool it is about.
    pub tool_id: Option<Uuid>,
    /// The operation it belongs to.
    pub operation_id: Option<Uuid>,
    /// Details.
    pub payload: Value,
}

/// For whom events are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    /// Whoever may see the tools: what is about one of them.
    Everyone,
    /// Whoever may read the audit: all.
    Auditors,
}

/// Appends an event in the caller's transaction and gives its sequence.
///
/// Call it as the last statement before the commit: until then no other transaction can append.
///
/// # Errors
/// Whatever the database refuses.
pub async fn append(transaction: &mut PgConnection, clock: &Clock, event: NewEvent) -> Result<i64, sqlx::Error> {
    sqlx::query!("select pg_advisory_xact_lock($1)", ORDER_LOCK).execute(&mut *transaction).await?;
    let sequence = sqlx::query_scalar!(
        "insert into events (at, kind, actor, actor_id, subject, tool_id, operation_id, payload)
         values ($1, $2, $3, $4, $5, $6, $7, $8)
         returning sequence",
        clock.now().to_sqlx() as _,
        event.kind,
        event.actor,
        event.actor_id,
        event.subject,
        event.tool_id,
        event.operation_id,
        event.payload,
    )
    .fetch_one(&mut *transaction)
    .await?;
    sqlx::query!("select pg_notify($1, $2)", CHANNEL, event.kind).execute(&mut *transaction).await?;
    Ok(sequence)
}

/// The sequence of the newest event; zero when there is none.
///
/// # Errors
/// Whatever the database refuses.
pub async fn newest(db: impl sqlx::PgExecutor<'_>) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar!(r#"select coalesce(max(sequence), 0) as "sequence!" from events"#).fetch_one(db).await
}

/// At most `limit` events for `audience` after `cursor`, oldest first.
///
/// # Errors
/// Whatever the database refuses.
pub async fn after(
    db: impl sqlx::PgExecutor<'_>,
    cursor: i64,
    audience: Audience,
    limit: i64,
) -> Result<Vec<Event>, sqlx::Error> {
    sqlx::query_as!(
        Event,
        r#"select sequence, at as "at: jiff_sqlx::Timestamp", kind, actor, subject, tool_id, operation_id, payload
           from events
           where sequence > $1
             and ($2 or tool_id is not null)
           order by sequence
           limit $3"#,
        cursor,
        audience == Audience::Auditors,
        limit,
    )
    .fetch_all(db)
    .await
}

/// At most `limit` events for `audience` before `cursor` (all when `None`), newest first, of one tool or of all.
///
/// # Errors
/// Whatever the database refuses.
pub async fn before(
    db: impl sqlx::PgExecutor<'_>,
    cursor: Option<i64>,
    tool: Option<Uuid>,
    audience: Audience,
    limit: i64,
) -> Result<Vec<Event>, sqlx::Error> {
    sqlx::query_as!(
        Event,
        r#"select sequence, at as "at: jiff_sqlx::Timestamp", kind, actor, subject, tool_id, operation_id, payload
           from events
           where sequence < $1
             and ($2::uuid is null or tool_id = $2)
             and ($3 or tool_id is not null)
           order by sequence desc
           limit $4"#,
        cursor.unwrap_or(i64::MAX),
        tool,
        audience == Audience::Auditors,
        limit,
    )
    .fetch_all(db)
    .await
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn fact(kind: &'static str) -> NewEvent {
        NewEvent {
            kind,
            actor: "Ada".into(),
            actor_id: None,
            subject: "wiki".into(),
            tool_id: None,
            operation_id: None,
            payload: json!({}),
        }
    }

    #[sqlx::test(migrations = "../migrations")]
    async fn an_event_goes_with_its_transaction(db: sqlx::PgPool) {
        let clock = Clock::System;
        let mut transaction = db.begin().await.unwrap();
        append(&mut transaction, &clock, fact("tool.installed")).await.unwrap();
        transaction.rollback().await.unwrap();
        assert_eq!(after(&db, 0, Audience::Auditors, 10).await.unwrap(), []);

        let mut transaction = db.begin().await.unwrap();
        let sequence = append(&mut transaction, &clock, fact("tool.removed")).await.unwrap();
        transaction.commit().await.unwrap();
        let kinds: Vec<_> =
            after(&db, 0, Audience::Auditors, 10).await.unwrap().into_iter().map(|event| event.kind).collect();
        assert_eq!(kinds, ["tool.removed"]);
        assert_eq!(newest(&db).await.unwrap(), sequence);
    }

    #[sqlx::test(migrations = "../migrations")]
    async fn a_reader_with_a_cursor_misses_nothing_while_many_append(db: sqlx::PgPool) {
        let writers: Vec<_> = (0..8)
            .map(|_| {
                let db = db.clone();
                tokio::spawn(async move {
                    for _ in 0..10 {
                        let mut transaction = db.begin().await.unwrap();
                        append(&mut transaction, &Clock::System, fact("tool.started")).await.unwrap();
                        tokio::task::yield_now().await;
                        transaction.commit().await.unwrap();
                    }
                })
            })
            .collect();
        let (mut cursor, mut seen) = (0, 0);
        while seen < 80 {
            for event in after(&db, cursor, Audience::Auditors, 7).await.unwrap() {
                assert!(event.sequence > cursor);
                cursor = event.sequence;
                seen += 1;
            }
        }
        for writer in writers {
            writer.await.unwrap();
        }
        assert_eq!(seen, 80);
        assert_eq!(after(&db, cursor, Audience::Auditors, 7).await.unwrap(), []);
    }
}
