//! All SQL of the tools.

use std::collections::{BTreeMap, BTreeSet};

use api::tools::{Condition, Reach};
use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use sqlx::types::Json;
use sqlx::{PgConnection, PgExecutor};
use uuid::Uuid;

use super::definition::RunningImage;
use super::reading::Key;
use crate::engine::Mark;

/// A tool's row.
#[derive(Clone, Debug)]
pub(super) struct Tool {
    pub tool_id: Uuid,
    pub node: String,
    pub name: String,
    pub entry: String,
    pub entry_name: String,
    pub state: String,
    pub desired: String,
    pub revision: i32,
    pub condition: Option<Condition>,
    pub condition_at: Option<Timestamp>,
    pub first_login_shown_at: Option<Timestamp>,
    pub created_at: Timestamp,
}

/// A revision's row; its secrets are sealed.
#[derive(Clone, Debug)]
pub(super) struct Revision {
    pub revision: i32,
    pub compose: String,
    pub answers: BTreeMap<String, String>,
    pub secrets: Vec<u8>,
    pub images: BTreeMap<String, RunningImage>,
    pub ports: BTreeMap<String, u16>,
    pub reach: Reach,
}

/// Something Summoner made on a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Resource {
    pub mark: Mark,
    pub tool_id: Uuid,
    pub kind: String,
    pub name: String,
    pub service: Option<String>,
    pub revision: i32,
    pub state: String,
}

/// The containers of a tool that count: of each service the newest. An older one is there too when its removal got
/// stuck after a change.
pub(super) fn current(resources: &[Resource], tool_id: Uuid) -> impl Iterator<Item = &Resource> {
    let mut seen = BTreeSet::new();
    resources
        .iter()
        .filter(move |known| known.tool_id == tool_id)
        .filter(move |known| known.service.as_deref().is_some_and(|service| seen.insert(service)))
}

/// A service of a revision.
#[derive(Clone, Debug)]
pub(super) struct ServiceRow {
    pub service: String,
    pub image: String,
    pub digest: String,
}

/// The word a unit variant has in the database: the same as on the wire.
fn word<T: Serialize>(value: T) -> String {
    match serde_json::to_value(value) {
        Ok(Value::String(word)) => word,
        other => unreachable!("these are unit variants, not {other:?}"),
    }
}

fn meant<T: DeserializeOwned>(word: String) -> Result<T, sqlx::Error> {
    serde_json::from_value(Value::String(word)).map_err(|error| sqlx::Error::Decode(error.into()))
}

/// Tools that are not removed, by name; one of them when `name` is given.
pub(super) async fn tools(db: impl PgExecutor<'_>, name: Option<&str>) -> Result<Vec<Tool>, sqlx::Error> {
    let rows = sqlx::query!(
        r#"select tool_id, node, name, entry, entry_name, state, desired, revision, condition,
                  condition_at as "condition_at: jiff_sqlx::Timestamp",
                  first_login_shown_at as "first_login_shown_at: jiff_sqlx::Timestamp",
                  created_at as "created_at: jiff_sqlx::Timestamp"
           from tools
           where state <> 'removed'
             and ($1::text is null or name = $1)
           order by name"#,
        name,
    )
    .fetch_all(db)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Tool {
                tool_id: row.tool_id,
                node: row.node,
                name: row.name,
                entry: row.entry,
                entry_name: row.entry_name,
                state: row.state,
                desired: row.desired,
                revision: row.revision,
                condition: row.condition.map(meant).transpose()?,
                condition_at: row.condition_at.map(jiff_sqlx::Timestamp::to_jiff),
                first_login_shown_at: row.first_login_shown_at.map(jiff_sqlx::Timestamp::to_jiff),
                created_at: row.created_at.to_jiff(),
            })
        })
        .collect()
}

/// The removed tool whose kept volumes carry these names, if there is one: tool, entry, revision.
pub(super) async fn keeper(
    db: impl PgExecutor<'_>,
    node: &str,
    volumes: &[String],
) -> Result<Option<(Uuid, String, i32)>, sqlx::Error> {
    let row = sqlx::query!(
        "select t.tool_id, t.entry, t.revision
         from resources r
         join tools t on t.tool_id = r.tool_id
         where r.node = $1 and r.name = any($2) and r.kind = 'volume' and r.state = 'kept'
         limit 1",
        node,
        volumes,
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(|row| (row.tool_id, row.entry, row.revision)))
}

pub(super) async fn insert_tool(transaction: &mut PgConnection, tool: &Tool) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "insert into tools (tool_id, node, name, entry, entry_name, state, desired, revision, created_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        tool.tool_id,
        tool.node,
        tool.name,
        tool.entry,
        tool.entry_name,
        tool.state,
        tool.desired,
        tool.revision,
        tool.created_at.to_sqlx() as _,
    )
    .execute(transaction)
    .await?;
    Ok(())
}

pub(super) async fn insert_revision(
    transaction: &mut PgConnection,
    tool_id: Uuid,
    revision: &Revision,
    services: &[ServiceRow],
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "insert into revisions (tool_id, revision, compose, answers, secrets, versions, ports, reach, created_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        tool_id,
        revision.revision,
        revision.compose,
        Json(&revision.answers) as _,
        revision.secrets,
        Json(&revision.images) as _,
        Json(&revision.ports) as _,
        word(revision.reach),
        now.to_sqlx() as _,
    )
    .execute(&mut *transaction)
    .await?;
    for (position, service) in (0..).zip(services) {
        sqlx::query!(
            "insert into services (tool_id, revision, service, position, image, digest)
             values ($1, $2, $3, $4, $5, $6)",
            tool_id,
            revision.revision,
            service.service,
            position,
            service.image,
            service.digest,
        )
        .execute(&mut *transaction)
        .await?;
    }
    Ok(())
}

pub(super) async fn revision(
    db: impl PgExecutor<'_>,
    tool_id: Uuid,
    revision: i32,
) -> Result<Option<Revision>, sqlx::Error> {
    let row = sqlx::query!(
        r#"select revision, compose, answers as "answers: Json<BTreeMap<String, String>>", secrets,
                  versions as "images: Json<BTreeMap<String, RunningImage>>",
                  ports as "ports: Json<BTreeMap<String, u16>>", reach
           from revisions
           where tool_id = $1 and revision = $2"#,
        tool_id,
        revision,
    )
    .fetch_optional(db)
    .await?;
    row.map(|row| {
        Ok(Revision {
            revision: row.revision,
            compose: row.compose,
            answers: row.answers.0,
            secrets: row.secrets,
            images: row.images.0,
            ports: row.ports.0,
            reach: meant(row.reach)?,
        })
    })
    .transpose()
}

/// What tells one writing of a revision from another of the same number: the SHA-256 of its sealed secrets.
pub(super) async fn seal(
    db: impl PgExecutor<'_>,
    tool_id: Uuid,
    revision: i32,
) -> Result<Option<Vec<u8>>, sqlx::Error> {
    sqlx::query_scalar!(
        r#"select sha256(secrets) as "seal!"
           from revisions
           where tool_id = $1 and revision = $2"#,
        tool_id,
        revision,
    )
    .fetch_optional(db)
    .await
}

/// As [`seal`], for the revision that each tool runs.
pub(super) async fn seals(db: impl PgExecutor<'_>) -> Result<BTreeMap<Uuid, Key>, sqlx::Error> {
    let rows = sqlx::query!(
        r#"select r.tool_id, r.revision, sha256(r.secrets) as "seal!"
           from tools t
           join revisions r on r.tool_id = t.tool_id and r.revision = t.revision
           where t.state <> 'removed'"#,
    )
    .fetch_all(db)
    .await?;
    let key = |tool_id, revision, seal| Key { tool_id, revision, seal };
    Ok(rows.into_iter().map(|row| (row.tool_id, key(row.tool_id, row.revision, row.seal))).collect())
}

/// The highest revision number a tool ever had.
pub(super) async fn newest_revision(db: impl PgExecutor<'_>, tool_id: Uuid) -> Result<i32, sqlx::Error> {
    sqlx::query_scalar!(
        r#"select coalesce(max(revision), 0) as "revision!" from revisions where tool_id = $1"#,
        tool_id
    )
    .fetch_one(db)
    .await
}

pub(super) async fn services(
    db: impl PgExecutor<'_>,
    tool_id: Uuid,
    revision: i32,
) -> Result<Vec<ServiceRow>, sqlx::Error> {
    sqlx::query_as!(
        ServiceRow,
        "select service, image, digest
         from services
         where tool_id = $1 and revision = $2
         order by position",
        tool_id,
        revision,
    )
    .fetch_all(db)
    .await
}

/// The services of the revision that each tool runs, in their order.
pub(super) async fn all_services(db: impl PgExecutor<'_>) -> Result<BTreeMap<Uuid, Vec<ServiceRow>>, sqlx::Error> {
    let rows = sqlx::query!(
        "select s.tool_id, s.service, s.image, s.digest
         from tools t
         join services s on s.tool_id = t.tool_id and s.revision = t.revision
         where t.state <> 'removed'
         order by s.tool_id, s.position",
    )
    .fetch_all(db)
    .await?;
    let mut services: BTreeMap<Uuid, Vec<ServiceRow>> = BTreeMap::new();
    for row in rows {
        let service = ServiceRow { service: row.service, image: row.image, digest: row.digest };
        services.entry(row.tool_id).or_default().push(service);
    }
    Ok(services)
}

/// Name and entry of a tool, removed or not.
pub(super) async fn identity(
    db: impl PgExecutor<'_>,
    tool_id: Uuid,
) -> Result<Option<(String, String, i32)>, sqlx::Error> {
    let row =
        sqlx::query!("select name, entry, revision from tools where tool_id = $1", tool_id).fetch_optional(db).await?;
    Ok(row.map(|row| (row.name, row.entry, row.revision)))
}

/// Everything Summoner made that is not gone, by name, the newest of a name first: of one tool, or of all.
pub(super) async fn resources(db: impl PgExecutor<'_>, tool_id: Option<Uuid>) -> Result<Vec<Resource>, sqlx::Error> {
    sqlx::query_as!(
        Resource,
        "select mark, tool_id, kind, name, service, revision, state
         from resources
         where state <> 'gone'
           and ($1::uuid is null or tool_id = $1)
         order by name, revision desc, mark desc",
        tool_id,
    )
    .fetch_all(db)
    .await
}

/// Writes down that a resource is there; repeating it changes nothing.
pub(super) async fn present(db: impl PgExecutor<'_>, node: &str, resource: &Resource) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "insert into resources (mark, tool_id, node, kind, name, service, revision, state)
         values ($1, $2, $3, $4, $5, $6, $7, 'present')
         on conflict (mark) do update set state = 'present', tool_id = excluded.tool_id",
        resource.mark.0,
        resource.tool_id,
        node,
        resource.kind,
        resource.name,
        resource.service,
        resource.revision,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Writes down what has become of a resource: `present`, `kept` or `gone`.
pub(super) async fn set_resource(db: impl PgExecutor<'_>, mark: Mark, state: &str) -> Result<(), sqlx::Error> {
    sqlx::query!("update resources set state = $2 where mark = $1", mark.0, state).execute(db).await?;
    Ok(())
}

/// Writes down that a kept volume is gone; false when it is not kept any more.
pub(super) async fn lose_kept(db: impl PgExecutor<'_>, mark: Mark) -> Result<bool, sqlx::Error> {
    let lost = sqlx::query!("update resources set state = 'gone' where mark = $1 and state = 'kept'", mark.0)
        .execute(db)
        .await?
        .rows_affected();
    Ok(lost == 1)
}

/// The kept volume of that name on the node.
pub(super) async fn kept_volume(
    db: impl PgExecutor<'_>,
    node: &str,
    name: &str,
) -> Result<Option<Resource>, sqlx::Error> {
    sqlx::query_as!(
        Resource,
        "select mark, tool_id, kind, name, service, revision, state
         from resources
         where node = $1 and name = $2 and kind = 'volume' and state = 'kept'",
        node,
        name,
    )
    .fetch_optional(db)
    .await
}

/// Names of kept volumes on the node that begin with `prefix`.
pub(super) async fn kept_volumes(
    db: impl PgExecutor<'_>,
    node: &str,
    prefix: &str,
) -> Result<Vec<String>, sqlx::Error> {
    sqlx::query_scalar!(
        "select name
         from resources
         where node = $1 and starts_with(name, $2) and kind = 'volume' and state = 'kept'
         order by name",
        node,
        prefix,
    )
    .fetch_all(db)
    .await
}

/// Whether a tool other than `tool_id` has the image of that name.
pub(super) async fn is_image_shared(db: impl PgExecutor<'_>, tool_id: Uuid, name: &str) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar!(
        r#"select exists(
               select 1 from resources
               where kind = 'image' and name = $2 and state = 'present' and tool_id <> $1
           ) as "is_shared!""#,
        tool_id,
        name,
    )
    .fetch_one(db)
    .await
}

pub(super) async fn set_state(
    transaction: &mut PgConnection,
    tool_id: Uuid,
    state: &str,
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "update tools
         set state = $2, removed_at = case when $2 = 'removed' then $3::timestamptz end
         where tool_id = $1",
        tool_id,
        state,
        now.to_sqlx() as _,
    )
    .execute(transaction)
    .await?;
    Ok(())
}

pub(super) async fn set_desired(
    transaction: &mut PgConnection,
    tool_id: Uuid,
    desired: &str,
) -> Result<(), sqlx::Error> {
    sqlx::query!("update tools set desired = $2 where tool_id = $1", tool_id, desired).execute(transaction).await?;
    Ok(())
}

/// Makes the newest revision the one that runs.
pub(super) async fn use_newest_revision(transaction: &mut PgConnection, tool_id: Uuid) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "update tools
         set revision = (select max(revision) from revisions where tool_id = $1)
         where tool_id = $1",
        tool_id,
    )
    .execute(transaction)
    .await?;
    Ok(())
}

/// Forgets revisions that never ran: those after the one that does.
pub(super) async fn forget_newer_revisions(transaction: &mut PgConnection, tool_id: Uuid) -> Result<(), sqlx::Error> {
    // The services first: they would stand in the way of the next revision, which gets the same number.
    sqlx::query!(
        "delete from services
         where tool_id = $1 and revision > (select revision from tools where tool_id = $1)",
        tool_id,
    )
    .execute(&mut *transaction)
    .await?;
    sqlx::query!(
        "delete from revisions
         where tool_id = $1 and revision > (select revision from tools where tool_id = $1)",
        tool_id,
    )
    .execute(&mut *transaction)
    .await?;
    Ok(())
}

/// Writes down a tool's condition when it changed; gives whether it did.
pub(super) async fn set_condition(
    transaction: &mut PgConnection,
    tool_id: Uuid,
    condition: Condition,
    now: Timestamp,
) -> Result<bool, sqlx::Error> {
    let changed = sqlx::query!(
        "update tools
         set condition = $2, condition_at = $3
         where tool_id = $1 and condition is distinct from $2",
        tool_id,
        word(condition),
        now.to_sqlx() as _,
    )
    .execute(transaction)
    .await?
    .rows_affected();
    Ok(changed == 1)
}

/// Marks the first password as shown; false when it was shown before.
pub(super) async fn show_first_login(
    db: impl PgExecutor<'_>,
    tool_id: Uuid,
    now: Timestamp,
) -> Result<bool, sqlx::Error> {
    let shown = sqlx::query!(
        "update tools set first_login_shown_at = $2 where tool_id = $1 and first_login_shown_at is null",
        tool_id,
        now.to_sqlx() as _,
    )
    .execute(db)
    .await?
    .rows_affected();
    Ok(shown == 1)
}

/// Gives a taken-up volume back to the removed tool that kept it.
pub(super) async fn give_back(db: impl PgExecutor<'_>, mark: Mark, tool_id: Uuid) -> Result<(), sqlx::Error> {
    sqlx::query!("update resources set state = 'kept', tool_id = $2 where mark = $1", mark.0, tool_id)
        .execute(db)
        .await?;
    Ok(())
}
