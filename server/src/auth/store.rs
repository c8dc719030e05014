//! All SQL of people, sessions and refused sign-ins; that of the first run stands with it.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use sqlx::{Error, PgConnection, PgExecutor};

use super::plan::Failures;
use super::{Actor, Role, Session, SessionId, SignedIn, User, UserId, Way};
use crate::secrets::TokenHash;

/// A session as it is first stored.
pub(super) struct NewSession<'a> {
    pub hash: TokenHash,
    pub user_id: UserId,
    pub session: &'a Session,
}

/// Stores a new account; `false` when the e-mail address has one already.
pub(super) async fn insert_user(
    db: impl PgExecutor<'_>,
    user: &User,
    password_hash: Option<&str>,
) -> Result<bool, Error> {
    let done = sqlx::query!(
        "insert into users (user_id, email, name, role, password_hash, created_at)
         values ($1, $2, $3, $4, $5, $6)
         on conflict (email) do nothing",
        user.user_id.0,
        user.email,
        user.name,
        user.role.name(),
        password_hash,
        user.created_at.to_sqlx() as _,
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

struct UserRow {
    user_id: uuid::Uuid,
    email: String,
    name: String,
    role: String,
    created_at: jiff_sqlx::Timestamp,
}

impl TryFrom<UserRow> for User {
    type Error = Error;

    fn try_from(row: UserRow) -> Result<Self, Error> {
        Ok(Self {
            user_id: UserId(row.user_id),
            email: row.email,
            name: row.name,
            role: role(&row.role)?,
            created_at: row.created_at.to_jiff(),
        })
    }
}

/// Everybody, by name.
pub(super) async fn users(db: impl PgExecutor<'_>) -> Result<Vec<User>, Error> {
    let rows = sqlx::query_as!(
        UserRow,
        r#"select user_id, email, name, role, created_at as "created_at: jiff_sqlx::Timestamp"
           from users
           order by lower(name), user_id"#,
    )
    .fetch_all(db)
    .await?;
    rows.into_iter().map(User::try_from).collect()
}

/// An account held until the caller's transaction ends, so that its role and password stay as they were read.
pub(super) async fn hold_user(db: impl PgExecutor<'_>, user_id: UserId) -> Result<Option<User>, Error> {
    let row = sqlx::query_as!(
        UserRow,
        r#"select user_id, email, name, role, created_at as "created_at: jiff_sqlx::Timestamp"
           from users
           where user_id = $1
           for update"#,
        user_id.0,
    )
    .fetch_optional(db)
    .await?;
    row.map(User::try_from).transpose()
}

/// The account with this e-mail address and the hash of its password.
pub(super) async fn user_by_email(
    db: impl PgExecutor<'_>,
    email: &str,
) -> Result<Option<(User, Option<String>)>, Error> {
    let row = sqlx::query!(
        r#"select user_id, email, name, role, password_hash, created_at as "created_at: jiff_sqlx::Timestamp"
           from users
           where email = $1"#,
        email,
    )
    .fetch_optional(db)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let user =
        UserRow { user_id: row.user_id, email: row.email, name: row.name, role: row.role, created_at: row.created_at };
    Ok(Some((user.try_into()?, row.password_hash)))
}

/// The hash of an account's password, held until the caller's transaction ends.
pub(super) async fn hold_password_hash(db: impl PgExecutor<'_>, user_id: UserId) -> Result<Option<String>, Error> {
    sqlx::query_scalar!(
        "select password_hash
         from users
         where user_id = $1
         for update",
        user_id.0,
    )
    .fetch_optional(db)
    .await
    .map(Option::flatten)
}

pub(super) async fn set_password(
    db: impl PgExecutor<'_>,
    user_id: UserId,
    password_hash: &str,
    now: Timestamp,
) -> Result<(), Error> {
    sqlx::query!(
        "update users
         set password_hash = $2, password_changed_at = $3
         where user_id = $1",
        user_id.0,
        password_hash,
        now.to_sqlx() as _,
    )
    .execute(db)
    .await
    .map(drop)
}

pub(super) async fn set_role(db: impl PgExecutor<'_>, user_id: UserId, role: Role) -> Result<(), Error> {
    sqlx::query!(
        "update users
         set role = $2
         where user_id = $1",
        user_id.0,
        role.name(),
    )
    .execute(db)
    .await
    .map(drop)
}

/// The ids of all administrators, held until the caller's transaction ends.
pub(super) async fn hold_administrators(db: impl PgExecutor<'_>) -> Result<Vec<UserId>, Error> {
    let ids = sqlx::query_scalar!(
        "select user_id
         from users
         where role = 'administrator'
         order by user_id
         for update",
    )
    .fetch_all(db)
    .await?;
    Ok(ids.into_iter().map(UserId).collect())
}

pub(super) async fn insert_session(db: impl PgExecutor<'_>, new: NewSession<'_>) -> Result<(), Error> {
    let session = new.session;
    sqlx::query!(
        "insert into sessions
             (session_hash, session_id, user_id, created_at, seen_at, idle_ends_at, ends_at, address, user_agent)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        &new.hash[..],
        session.session_id.0,
        new.user_id.0,
        session.created_at.to_sqlx() as _,
        session.seen_at.to_sqlx() as _,
        session.idle_ends_at.to_sqlx() as _,
        session.ends_at.to_sqlx() as _,
        session.address,
        session.user_agent,
    )
    .execute(db)
    .await
    .map(drop)
}

/// The session with this token and its person as they are now, unless it has ended.
pub(super) async fn session(
    db: impl PgExecutor<'_>,
    hash: TokenHash,
    now: Timestamp,
) -> Result<Option<SignedIn>, Error> {
    let row = sqlx::query!(
        r#"select
               s.session_id, s.user_id, s.address, s.user_agent,
               s.created_at as "created_at: jiff_sqlx::Timestamp",
               s.seen_at as "seen_at: jiff_sqlx::Timestamp",
               s.idle_ends_at as "idle_ends_at: jiff_sqlx::Timestamp",
               s.ends_at as "ends_at: jiff_sqlx::Timestamp",
               u.name, u.email, u.role
           from sessions s
           join users u on u.user_id = s.user_id
           where s.session_hash = $1
             and s.idle_ends_at > $2
             and s.ends_at > $2"#,
        &hash[..],
        now.to_sqlx() as _,
    )
    .fetch_optional(db)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let session_id = SessionId(row.session_id);
    Ok(Some(SignedIn {
        actor: Actor {
            id: Some(UserId(row.user_id)),
            name: row.name,
            email: row.email,
            role: role(&row.role)?,
            way: Way::Session(session_id),
            address: None,
        },
        session: Session {
            session_id,
            created_at: row.created_at.to_jiff(),
            seen_at: row.seen_at.to_jiff(),
            idle_ends_at: row.idle_ends_at.to_jiff(),
            ends_at: row.ends_at.to_jiff(),
            address: row.address,
            user_agent: row.user_agent,
        },
    }))
}

pub(super) async fn mark_seen(
    db: impl PgExecutor<'_>,
    session_id: SessionId,
    now: Timestamp,
    idle_ends_at: Timestamp,
) -> Result<(), Error> {
    sqlx::query!(
        "update sessions
         set seen_at = $2, idle_ends_at = $3
         where session_id = $1",
        session_id.0,
        now.to_sqlx() as _,
        idle_ends_at.to_sqlx() as _,
    )
    .execute(db)
    .await
    .map(drop)
}

/// The sessions of one person that have not ended, the one seen last first.
pub(super) async fn sessions_of(
    db: impl PgExecutor<'_>,
    user_id: UserId,
    now: Timestamp,
) -> Result<Vec<Session>, Error> {
    sqlx::query_as!(
        Session,
        r#"select
               session_id, address, user_agent,
               created_at as "created_at: jiff_sqlx::Timestamp",
               seen_at as "seen_at: jiff_sqlx::Timestamp",
               idle_ends_at as "idle_ends_at: jiff_sqlx::Timestamp",
               ends_at as "ends_at: jiff_sqlx::Timestamp"
           from sessions
           where user_id = $1
             and idle_ends_at > $2
             and ends_at > $2
           order by seen_at desc, session_id"#,
        user_id.0,
        now.to_sqlx() as _,
    )
    .fetch_all(db)
    .await
}

/// Whose session this is.
pub(super) async fn session_owner(db: impl PgExecutor<'_>, session_id: SessionId) -> Result<Option<UserId>, Error> {
    sqlx::query_scalar!("select user_id from sessions where session_id = $1", session_id.0)
        .fetch_optional(db)
        .await
        .map(|id| id.map(UserId))
}

/// Ends one session; `false` when it had ended before.
pub(super) async fn end_session(db: impl PgExecutor<'_>, session_id: SessionId) -> Result<bool, Error> {
    let done = sqlx::query!("delete from sessions where session_id = $1", session_id.0).execute(db).await?;
    Ok(done.rows_affected() == 1)
}

/// Ends all sessions of a person but the one to keep, and gives how many ended.
pub(super) async fn end_sessions_of(
    db: impl PgExecutor<'_>,
    user_id: UserId,
    keep: Option<SessionId>,
) -> Result<u64, Error> {
    let done = sqlx::query!(
        "delete from sessions
         where user_id = $1
           and session_id is distinct from $2",
        user_id.0,
        keep.map(|id| id.0),
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}

/// Removes what no longer counts: ended sessions, and failures before `forgotten`.
pub(super) async fn sweep(db: &mut PgConnection, now: Timestamp, forgotten: Timestamp) -> Result<(), Error> {
    sqlx::query!(
        "delete from sessions
         where idle_ends_at <= $1
            or ends_at <= $1",
        now.to_sqlx() as _,
    )
    .execute(&mut *db)
    .await?;
    // Rows that another sign-in holds are left for the next sweep: to wait for them here could wait in a circle.
    sqlx::query!(
        "delete from sign_in_failures
         where subject in (
             select subject
             from sign_in_failures
             where last_failed_at < $1
             for update skip locked
         )",
        forgotten.to_sqlx() as _,
    )
    .execute(db)
    .await
    .map(drop)
}

/// The failures of a subject, held until the caller's transaction ends, so that attempts are counted one by one.
pub(super) async fn hold_failures(db: impl PgExecutor<'_>, subject: &str, now: Timestamp) -> Result<Failures, Error> {
    let row = sqlx::query!(
        r#"insert into sign_in_failures (subject, failures, last_failed_at)
           values ($1, 0, $2)
           on conflict (subject) do update
           set subject = excluded.subject
           returning failures, last_failed_at as "last_failed_at: jiff_sqlx::Timestamp""#,
        subject,
        now.to_sqlx() as _,
    )
    .fetch_one(db)
    .await?;
    Ok(Failures { count: row.failures, last_at: row.last_failed_at.to_jiff() })
}

pub(super) async fn put_failures(db: impl PgExecutor<'_>, subject: &str, failures: Failures) -> Result<(), Error> {
    sqlx::query!(
        "update sign_in_failures
         set failures = $2, last_failed_at = $3
         where subject = $1",
        subject,
        failures.count,
        failures.last_at.to_sqlx() as _,
    )
    .execute(db)
    .await
    .map(drop)
}

pub(super) async fn clear_failures(db: impl PgExecutor<'_>, subject: &str) -> Result<(), Error> {
    sqlx::query!("delete from sign_in_failures where subject = $1", subject).execute(db).await.map(drop)
}

/// Takes back one failure, for an attempt that was counted beforehand and then succeeded.
pub(super) async fn take_back_failure(db: impl PgExecutor<'_>, subject: &str) -> Result<(), Error> {
    sqlx::query!(
        "update sign_in_failures
         set failures = greatest(failures - 1, 0)
         where subject = $1",
        subject,
    )
    .execute(db)
    .await
    .map(drop)
}

fn role(text: &str) -> Result<Role, Error> {
    text.parse().map_err(|unknown| Error::ColumnDecode { index: "role".to_owned(), source: Box::new(unknown) })
}
