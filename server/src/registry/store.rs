//! All SQL of this domain: logins, and last known answers.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use serde_json::Value;
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

/// What an answer is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Tags,
    Digest,
    Manifest,
    Config,
    Quota,
}

impl Kind {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Tags => "tags",
            Self::Digest => "digest",
            Self::Manifest => "manifest",
            Self::Config => "config",
            Self::Quota => "quota",
        }
    }
}

/// The last answer, and the last failure if it came later.
pub(super) struct Remembered {
    pub answer: Option<(Value, Timestamp)>,
    /// The sentence of the failure, and when the registry may be asked again.
    pub failure: Option<(String, Timestamp)>,
}

/// A stored login; the password is still sealed.
pub(super) struct StoredLogin {
    pub registry_credential_id: Uuid,
    pub username: String,
    pub secret: Vec<u8>,
}

/// A login as it is listed.
pub(super) struct ListedLogin {
    pub registry: String,
    pub username: String,
    pub updated_at: jiff_sqlx::Timestamp,
    pub answered_at: Option<jiff_sqlx::Timestamp>,
    pub quota: Option<Value>,
}

pub(super) async fn remembered(db: &PgPool, kind: Kind, subject: &str) -> Result<Option<Remembered>, sqlx::Error> {
    let row = sqlx::query!(
        r#"select answer, answered_at as "answered_at: jiff_sqlx::Timestamp",
                  failure, not_before as "not_before: jiff_sqlx::Timestamp"
           from registry_cache
           where kind = $1
             and subject = $2"#,
        kind.as_str(),
        subject,
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(|row| Remembered {
        answer: row.answer.zip(row.answered_at.map(jiff_sqlx::Timestamp::to_jiff)),
        failure: row.failure.zip(row.not_before.map(jiff_sqlx::Timestamp::to_jiff)),
    }))
}

pub(super) async fn remember(
    db: &PgPool,
    kind: Kind,
    subject: &str,
    answer: &Value,
    answered_at: Timestamp,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "insert into registry_cache (kind, subject, answer, answered_at)
         values ($1, $2, $3, $4)
         on conflict (kind, subject) do update
         set answer = excluded.answer, answered_at = excluded.answered_at, failure = null, not_before = null",
        kind.as_str(),
        subject,
        answer,
        answered_at.to_sqlx() as _,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Keeps that `account` answered, and what it said of its allowance; where it said nothing (JSON's null), what it said
/// before stands.
pub(super) async fn remember_quota(
    db: &PgPool,
    account: &str,
    quota: &Value,
    answered_at: Timestamp,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "insert into registry_cache (kind, subject, answer, answered_at)
         values ('quota', $1, $2, $3)
         on conflict (kind, subject) do update
         set answer = case when excluded.answer = 'null' then registry_cache.answer else excluded.answer end,
             answered_at = excluded.answered_at, failure = null, not_before = null",
        account,
        quota,
        answered_at.to_sqlx() as _,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Keeps why the last question failed, beside the answer that stays; nothing is kept where there is no answer.
pub(super) async fn remember_failure(
    db: &PgPool,
    kind: Kind,
    subject: &str,
    failure: &str,
    not_before: Timestamp,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "update registry_cache
         set failure = $3, not_before = $4
         where kind = $1
           and subject = $2",
        kind.as_str(),
        subject,
        failure,
        not_before.to_sqlx() as _,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Forgets what was answered before `before`, and gives how many answers that were.
pub(super) async fn prune(db: &PgPool, before: Timestamp) -> Result<u64, sqlx::Error> {
    let pruned = sqlx::query!(
        "delete from registry_cache
         where coalesce(answered_at, not_before) < $1",
        before.to_sqlx() as _,
    )
    .execute(db)
    .await?;
    Ok(pruned.rows_affected())
}

pub(super) async fn login(db: &PgPool, registry: &str) -> Result<Option<StoredLogin>, sqlx::Error> {
    sqlx::query_as!(
        StoredLogin,
        "select registry_credential_id, username, secret
         from registry_credentials
         where registry = $1",
        registry,
    )
    .fetch_optional(db)
    .await
}

pub(super) async fn logins(db: &PgPool) -> Result<Vec<ListedLogin>, sqlx::Error> {
    sqlx::query_as!(
        ListedLogin,
        r#"select registry, username, updated_at as "updated_at: jiff_sqlx::Timestamp",
                  last.answered_at as "answered_at?: jiff_sqlx::Timestamp", last.answer as "quota?"
           from registry_credentials
           left join registry_cache last on last.kind = 'quota' and last.subject = registry
           order by registry"#,
    )
    .fetch_all(db)
    .await
}

/// Stores a login in place of the registry's former one, whose row id goes with it.
pub(super) async fn set_login(
    transaction: &mut PgConnection,
    registry: &str,
    login: &StoredLogin,
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "insert into registry_credentials (registry_credential_id, registry, username, secret, created_at, updated_at)
         values ($1, $2, $3, $4, $5, $5)
         on conflict (registry) do update
         set registry_credential_id = excluded.registry_credential_id, username = excluded.username,
             secret = excluded.secret, updated_at = excluded.updated_at",
        login.registry_credential_id,
        registry,
        login.username,
        login.secret,
        now.to_sqlx() as _,
    )
    .execute(transaction)
    .await?;
    Ok(())
}

pub(super) async fn remove_login(transaction: &mut PgConnection, registry: &str) -> Result<bool, sqlx::Error> {
    let removed = sqlx::query!(
        "delete from registry_credentials
         where registry = $1",
        registry,
    )
    .execute(transaction)
    .await?;
    Ok(removed.rows_affected() == 1)
}
