//! All SQL of the first run: links, the administrator they make, and the settings that are made with them.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use sqlx::{Error, PgConnection, PgExecutor};

use super::super::UserId;
use super::super::plan::SetupLink;
use crate::secrets::TokenHash;

pub(super) async fn has_administrator(db: impl PgExecutor<'_>) -> Result<bool, Error> {
    sqlx::query_scalar!(r#"select exists (select 1 from users where role = 'administrator') as "exists!""#)
        .fetch_one(db)
        .await
}

/// Replaces every link that was not used yet.
pub(super) async fn replace_setup_links(db: impl PgExecutor<'_>, now: Timestamp) -> Result<(), Error> {
    sqlx::query!(
        "update setup_links
         set replaced_at = $1
         where used_at is null
           and replaced_at is null",
        now.to_sqlx() as _,
    )
    .execute(db)
    .await
    .map(drop)
}

pub(super) async fn insert_setup_link(
    db: impl PgExecutor<'_>,
    token: TokenHash,
    cookie: TokenHash,
    now: Timestamp,
    expires_at: Timestamp,
) -> Result<(), Error> {
    sqlx::query!(
        "insert into setup_links (token_hash, cookie_hash, created_at, expires_at)
         values ($1, $2, $3, $4)",
        &token[..],
        &cookie[..],
        now.to_sqlx() as _,
        expires_at.to_sqlx() as _,
    )
    .execute(db)
    .await
    .map(drop)
}

/// The link with this token, marked as opened.
pub(super) async fn open_setup_link(
    db: impl PgExecutor<'_>,
    token: TokenHash,
    now: Timestamp,
) -> Result<Option<SetupLink>, Error> {
    let row = sqlx::query!(
        r#"update setup_links l
           set opened_at = coalesce(opened_at, $2)
           where token_hash = $1
           returning
               expires_at as "expires_at: jiff_sqlx::Timestamp",
               replaced_at as "replaced_at: jiff_sqlx::Timestamp",
               used_at as "used_at: jiff_sqlx::Timestamp",
               (select u.name from users u where u.user_id = l.used_by) as used_by"#,
        &token[..],
        now.to_sqlx() as _,
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(|row| link(row.expires_at, row.replaced_at, row.used_at, row.used_by)))
}

/// The link that was swapped for this cookie, held until the caller's transaction ends.
pub(super) async fn hold_setup_link(db: &mut PgConnection, cookie: TokenHash) -> Result<Option<SetupLink>, Error> {
    let row = sqlx::query!(
        r#"select
               l.expires_at as "expires_at: jiff_sqlx::Timestamp",
               l.replaced_at as "replaced_at: jiff_sqlx::Timestamp",
               l.used_at as "used_at: jiff_sqlx::Timestamp",
               l.used_by
           from setup_links l
           where l.cookie_hash = $1
           for update"#,
        &cookie[..],
    )
    .fetch_optional(&mut *db)
    .await?;
    let Some(row) = row else { return Ok(None) };
    // Asked apart: a row that was waited for comes with its new values, a row joined to it with the old ones.
    let used_by = match row.used_by {
        Some(user_id) => {
            sqlx::query_scalar!("select name from users where user_id = $1", user_id).fetch_optional(db).await?
        }
        None => None,
    };
    Ok(Some(link(row.expires_at, row.replaced_at, row.used_at, used_by)))
}

/// The one link that was used, if any was.
pub(super) async fn used_setup_link(db: impl PgExecutor<'_>) -> Result<Option<SetupLink>, Error> {
    let row = sqlx::query!(
        r#"select
               l.expires_at as "expires_at: jiff_sqlx::Timestamp",
               l.used_at as "used_at: jiff_sqlx::Timestamp",
               u.name as "used_by?"
           from setup_links l
           left join users u on u.user_id = l.used_by
           where l.used_at is not null"#,
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(|row| link(row.expires_at, None, row.used_at, row.used_by)))
}

pub(super) async fn use_setup_link(
    db: impl PgExecutor<'_>,
    cookie: TokenHash,
    by: UserId,
    now: Timestamp,
) -> Result<(), Error> {
    sqlx::query!(
        "update setup_links
         set used_at = $2, used_by = $3
         where cookie_hash = $1",
        &cookie[..],
        now.to_sqlx() as _,
        by.0,
    )
    .execute(db)
    .await
    .map(drop)
}

pub(super) async fn put_setting(
    db: impl PgExecutor<'_>,
    key: &str,
    value: serde_json::Value,
    now: Timestamp,
) -> Result<(), Error> {
    sqlx::query!(
        "insert into settings (key, value, changed_at)
         values ($1, $2, $3)
         on conflict (key) do update
         set value = excluded.value, changed_at = excluded.changed_at",
        key,
        value,
        now.to_sqlx() as _,
    )
    .execute(db)
    .await
    .map(drop)
}

pub(super) async fn setting(db: impl PgExecutor<'_>, key: &str) -> Result<Option<serde_json::Value>, Error> {
    sqlx::query_scalar!("select value from settings where key = $1", key).fetch_optional(db).await
}

/// A link from what its row says; `used_by` is the name of who used it.
fn link(
    expires_at: jiff_sqlx::Timestamp,
    replaced_at: Option<jiff_sqlx::Timestamp>,
    used_at: Option<jiff_sqlx::Timestamp>,
    used_by: Option<String>,
) -> SetupLink {
    SetupLink {
        expires_at: expires_at.to_jiff(),
        replaced_at: replaced_at.map(jiff_sqlx::Timestamp::to_jiff),
        used_at: used_at.map(jiff_sqlx::Timestamp::to_jiff),
        used_by,
    }
}
