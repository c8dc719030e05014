//! All SQL of the journal. Whatever changes an operation announces it on the channel `operations`.

use api::operations::{OperationKind, OperationState, StepState};
use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use super::{CHANNEL, Change, JournaledStep, ListQuery, NewOperation, Operation, Progress, Standing, UndoneStep};
use crate::engine::{LayerProgress, Mark};

/// The text a state or kind has in the database: the same word as on the wire.
fn word<T: Serialize>(value: T) -> String {
    match serde_json::to_value(value) {
        Ok(Value::String(word)) => word,
        other => unreachable!("states and kinds are unit variants, not {other:?}"),
    }
}

/// The state or kind that a word of the database stands for.
fn meant<T: DeserializeOwned>(word: String) -> Result<T, sqlx::Error> {
    serde_json::from_value(Value::String(word)).map_err(|error| sqlx::Error::Decode(error.into()))
}

async fn announce(db: impl sqlx::PgExecutor<'_>, operation_id: Uuid) -> Result<(), sqlx::Error> {
    sqlx::query!("select pg_notify($1, $2)", CHANNEL, operation_id.to_string()).execute(db).await?;
    Ok(())
}

pub(super) async fn insert(
    transaction: &mut PgConnection,
    operation_id: Uuid,
    now: Timestamp,
    operation: NewOperation,
) -> Result<(), sqlx::Error> {
    let (key, digest) = operation.request.map(|request| (request.key, request.digest)).unzip();
    sqlx::query!(
        "insert into operations
             (operation_id, kind, state, tool_id, tool_name, entry_name, actor, actor_id, idempotency_key, request_digest,
              created_at)
         values ($1, $2, 'queued', $3, $4, $5, $6, $7, $8, $9, $10)",
        operation_id,
        word(operation.kind),
        operation.tool_id,
        operation.tool_name,
        operation.entry_name,
        operation.actor,
        operation.actor_id,
        key,
        digest,
        now.to_sqlx() as _,
    )
    .execute(&mut *transaction)
    .await?;
    for (position, step) in (0..).zip(operation.steps) {
        sqlx::query!(
            "insert into operation_steps (operation_id, position, kind, input, mark, is_cleanup, title, note, state)
             values ($1, $2, $3, $4, $5, $6, $7, $8, 'waiting')",
            operation_id,
            position,
            step.kind,
            step.input,
            step.mark.0,
            step.is_cleanup,
            step.title,
            step.note,
        )
        .execute(&mut *transaction)
        .await?;
    }
    announce(transaction, operation_id).await
}

pub(super) async fn by_key(
    db: &PgPool,
    actor_id: Option<Uuid>,
    key: &str,
) -> Result<Option<(Uuid, Option<Vec<u8>>)>, sqlx::Error> {
    let row = sqlx::query!(
        "select operation_id, request_digest
         from operations
         where actor_id is not distinct from $1
           and idempotency_key = $2",
        actor_id,
        key,
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(|row| (row.operation_id, row.request_digest)))
}

/// How many operations a tool ever had, and whether one of them has not ended.
pub(super) async fn history(db: impl sqlx::PgExecutor<'_>, tool_id: Uuid) -> Result<(i64, bool), sqlx::Error> {
    let row = sqlx::query!(
        r#"select count(*) as "count!",
                  coalesce(bool_or(state in ('queued', 'running', 'unwinding')), false) as "is_busy!"
           from operations
           where tool_id = $1"#,
        tool_id,
    )
    .fetch_one(db)
    .await?;
    Ok((row.count, row.is_busy))
}

pub(super) async fn find(db: &PgPool, operation_id: Uuid) -> Result<Option<Operation>, sqlx::Error> {
    let query = ListQuery { operation_id: Some(operation_id), limit: 1, ..ListQuery::default() };
    Ok(list(db, &query).await?.pop().map(|(operation, _)| operation))
}

pub(super) async fn list(db: &PgPool, query: &ListQuery) -> Result<Vec<(Operation, Progress)>, sqlx::Error> {
    let rows = sqlx::query!(
        r#"select o.operation_id, o.kind, o.state, o.tool_id, o.tool_name, o.entry_name, o.actor, o.actor_id, o.problem,
                  o.failing_log as "failing_log: sqlx::types::Json<Vec<String>>",
                  o.created_at as "created_at: jiff_sqlx::Timestamp",
                  o.cancelled_at as "cancelled_at: jiff_sqlx::Timestamp",
                  o.committed_at as "committed_at: jiff_sqlx::Timestamp",
                  o.ended_at as "ended_at: jiff_sqlx::Timestamp",
                  (select count(*) from operation_steps s where s.operation_id = o.operation_id) as "all!",
                  (select count(*) from operation_steps s
                   where s.operation_id = o.operation_id and s.state = 'done') as "done!",
                  coalesce((select s.title from operation_steps s
                            where s.operation_id = o.operation_id and s.state in ('running', 'undoing', 'stuck')
                            order by s.position desc
                            limit 1), '') as "title!"
           from operations o
           where ($1::uuid is null or o.tool_id = $1)
             and ($2::uuid is null or o.operation_id = $2)
             and (not $3
                  or o.state in ('queued', 'running', 'unwinding')
                  or ($6
                      and o.state = 'needs_hand'
                      and not exists (select 1 from operations n
                                      where n.tool_id = o.tool_id
                                        and n.state <> 'undone'
                                        and (n.created_at, n.operation_id) > (o.created_at, o.operation_id))))
             and ($4::uuid is null
                  or (o.created_at, o.operation_id) <
                     (select b.created_at, b.operation_id from operations b where b.operation_id = $4))
           order by o.created_at desc, o.operation_id desc
           limit $5"#,
        query.tool_id,
        query.operation_id,
        query.standing != Standing::Any,
        query.before,
        query.limit,
        query.standing == Standing::Open,
    )
    .fetch_all(db)
    .await?;
    rows.into_iter()
        .map(|row| {
            let operation = Operation {
                operation_id: row.operation_id,
                kind: meant::<OperationKind>(row.kind)?,
                state: meant::<OperationState>(row.state)?,
                tool_id: row.tool_id,
                tool_name: row.tool_name,
                entry_name: row.entry_name,
                actor: row.actor,
                actor_id: row.actor_id,
                problem: row.problem,
                failing_log: row.failing_log.0,
                created_at: row.created_at.to_jiff(),
                cancelled_at: row.cancelled_at.map(jiff_sqlx::Timestamp::to_jiff),
                committed_at: row.committed_at.map(jiff_sqlx::Timestamp::to_jiff),
                ended_at: row.ended_at.map(jiff_sqlx::Timestamp::to_jiff),
            };
            Ok((operation, Progress { done: row.done, all: row.all, title: row.title }))
        })
        .collect()
}

pub(super) async fn steps(db: &PgPool, operation_id: Uuid) -> Result<Vec<JournaledStep>, sqlx::Error> {
    let rows = sqlx::query!(
        r#"select position, kind, input, memory, mark, is_cleanup, title, note, state, problem,
                  layers as "layers: sqlx::types::Json<Vec<LayerProgress>>",
                  started_at as "started_at: jiff_sqlx::Timestamp",
                  ended_at as "ended_at: jiff_sqlx::Timestamp"
           from operation_steps
           where operation_id = $1
           order by position"#,
        operation_id,
    )
    .fetch_all(db)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(JournaledStep {
                position: row.position,
                kind: row.kind,
                input: row.input,
                memory: row.memory,
                mark: Mark(row.mark),
                is_cleanup: row.is_cleanup,
                title: row.title,
                note: row.note,
                state: meant::<StepState>(row.state)?,
                problem: row.problem,
                layers: row.layers.0,
                started_at: row.started_at.map(jiff_sqlx::Timestamp::to_jiff),
                ended_at: row.ended_at.map(jiff_sqlx::Timestamp::to_jiff),
            })
        })
        .collect()
}

/// The steps of ended operations that were undone, among those with `marks`.
pub(super) async fn undone(db: &PgPool, marks: &[Mark]) -> Result<Vec<UndoneStep>, sqlx::Error> {
    let marks: Vec<Uuid> = marks.iter().map(|mark| mark.0).collect();
    let rows = sqlx::query!(
        r#"select operation_id, mark,
                  operation_steps.started_at as "started_at!: jiff_sqlx::Timestamp",
                  operations.ended_at as "ended_at!: jiff_sqlx::Timestamp"
           from operation_steps
           join operations using (operation_id)
           where mark = any($1)
             and operation_steps.state = 'undone'
             and operation_steps.started_at is not null
             and operations.ended_at is not null"#,
        &marks,
    )
    .fetch_all(db)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| UndoneStep {
            operation_id: row.operation_id,
            mark: Mark(row.mark),
            started_at: row.started_at.to_jiff(),
            ended_at: row.ended_at.to_jiff(),
        })
        .collect())
}

pub(super) async fn lines(
    db: &PgPool,
    operation_id: Uuid,
    limit: i64,
) -> Result<Vec<(Timestamp, i32, String)>, sqlx::Error> {
    let rows = sqlx::query!(
        r#"select at as "at: jiff_sqlx::Timestamp", position, text
           from operation_lines
           where operation_id = $1
           order by line desc
           limit $2"#,
        operation_id,
        limit,
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().rev().map(|row| (row.at.to_jiff(), row.position, row.text)).collect())
}

pub(super) async fn cancel(
    transaction: &mut PgConnection,
    operation_id: Uuid,
    now: Timestamp,
) -> Result<bool, sqlx::Error> {
    let cancelled = sqlx::query!(
        "update operations
         set cancelled_at = coalesce(cancelled_at, $2)
         where operation_id = $1
           and state in ('queued', 'running')
           and committed_at is null",
        operation_id,
        now.to_sqlx() as _,
    )
    .execute(&mut *transaction)
    .await?
    .rows_affected();
    announce(transaction, operation_id).await?;
    Ok(cancelled == 1)
}

pub(super) async fn changed_since(db: &PgPool, at: Timestamp) -> Result<Vec<Change>, sqlx::Error> {
    sqlx::query_as!(
        Change,
        r#"select tool_id, ended_at is not null as "has_ended!"
           from operations
           where state in ('queued', 'running', 'unwinding')
              or ended_at > $1"#,
        at.to_sqlx() as _,
    )
    .fetch_all(db)
    .await
}

pub(super) async fn remember(
    db: &PgPool,
    operation_id: Uuid,
    position: i32,
    memory: &Value,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "update operation_steps set memory = $3 where operation_id = $1 and position = $2 and memory is null",
        operation_id,
        position,
        memory,
    )
    .execute(db)
    .await?;
    Ok(())
}

pub(super) async fn say(
    db: &PgPool,
    operation_id: Uuid,
    position: i32,
    lines: &[(Timestamp, String)],
    layers: Option<&[LayerProgress]>,
) -> Result<(), sqlx::Error> {
    let mut transaction = db.begin().await?;
    for (at, text) in lines {
        sqlx::query!(
            "insert into operation_lines (operation_id, at, position, text) values ($1, $2, $3, $4)",
            operation_id,
            at.to_sqlx() as _,
            position,
            storable(text),
        )
        .execute(&mut *transaction)
        .await?;
    }
    if let Some(layers) = layers {
        sqlx::query!(
            "update operation_steps set layers = $3 where operation_id = $1 and position = $2",
            operation_id,
            position,
            sqlx::types::Json(layers) as _,
        )
        .execute(&mut *transaction)
        .await?;
    }
    announce(&mut *transaction, operation_id).await?;
    transaction.commit().await
}

pub(super) async fn set_step(
    db: impl sqlx::PgExecutor<'_>,
    operation_id: Uuid,
    position: i32,
    state: StepState,
    problem: &str,
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    let has_ended = !matches!(state, StepState::Running | StepState::Undoing);
    sqlx::query!(
        "with changed as (
             update operation_steps
             set state = $3,
                 problem = case when $4 = '' then problem else $4 end,
                 started_at = coalesce(started_at, $5),
                 ended_at = case when $6 then $5::timestamptz end
             where operation_id = $1 and position = $2
         )
         select pg_notify($7, $8)",
        operation_id,
        position,
        word(state),
        storable(problem),
        now.to_sqlx() as _,
        has_ended,
        CHANNEL,
        operation_id.to_string(),
    )
    .execute(db)
    .await?;
    Ok(())
}

pub(super) async fn set_running(db: &PgPool, operation_id: Uuid, now: Timestamp) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "update operations
         set state = 'running', started_at = coalesce(started_at, $2)
         where operation_id = $1 and state = 'queued'",
        operation_id,
        now.to_sqlx() as _,
    )
    .execute(db)
    .await?;
    announce(db, operation_id).await
}

/// Turns an operation round: from here on its steps are undone. False when it was committed or has ended meanwhile.
pub(super) async fn turn_round(
    transaction: &mut PgConnection,
    operation_id: Uuid,
    problem: &str,
    failing_log: &[String],
) -> Result<bool, sqlx::Error> {
    let failing_log: Vec<String> = failing_log.iter().map(|line| storable(line)).collect();
    let turned = sqlx::query!(
        "update operations
         set state = 'unwinding', problem = $2, failing_log = $3
         where operation_id = $1 and committed_at is null and ended_at is null",
        operation_id,
        storable(problem),
        sqlx::types::Json(failing_log) as _,
    )
    .execute(&mut *transaction)
    .await?
    .rows_affected();
    announce(transaction, operation_id).await?;
    Ok(turned == 1)
}

/// The text without zero bytes, which containers print and the database cannot keep.
pub(super) fn storable(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

/// Passes the point of no return; false when somebody asked the operation to go back in the meantime.
pub(super) async fn commit(
    transaction: &mut PgConnection,
    operation_id: Uuid,
    now: Timestamp,
) -> Result<bool, sqlx::Error> {
    let committed = sqlx::query!(
        "update operations
         set committed_at = $2
         where operation_id = $1 and committed_at is null and cancelled_at is null",
        operation_id,
        now.to_sqlx() as _,
    )
    .execute(transaction)
    .await?
    .rows_affected();
    Ok(committed == 1)
}

pub(super) async fn end(
    transaction: &mut PgConnection,
    operation_id: Uuid,
    state: OperationState,
    problem: &str,
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "update operations
         set state = $2, ended_at = $3, problem = case when $4 = '' then problem else $4 end
         where operation_id = $1",
        operation_id,
        word(state),
        now.to_sqlx() as _,
        problem,
    )
    .execute(&mut *transaction)
    .await?;
    announce(transaction, operation_id).await
}
