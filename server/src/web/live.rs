//! The one live stream, `GET /live`: facts, operations, tools and the engine, as they change.
//!
//! One [`Hub`] per process listens to the database and to the watcher and tells every open stream that something moved;
//! each stream then reads what its person may see and sends it at most four times a second.
//! Facts carry their sequence as id, so a stream resumes where it broke off: after `Last-Event-ID`, or `?after=`.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::time::Duration;

use ::api::Problem;
use ::api::live::{Heartbeat, OperationPatch, ToolPatch};
use ::api::tools::ToolView;
use axum::extract::{RawQuery, State};
use axum::response::sse::{Event, Sse};
use futures_util::Stream;
use http::HeaderMap;
use serde::{Deserialize, Serialize};
use sqlx::postgres::PgListener;
use tokio::sync::{broadcast, mpsc};
use tokio_util::sync::CancellationToken;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::Panel;
use super::api::event_view;
use super::input::query;
use super::problem::{Answer, Refusal};
use super::streams::{Open, Streams};
use crate::auth::{self, Actor};
use crate::db::Db;
use crate::engine::watch::World;
use crate::operations::ListQuery;
use crate::{events, jobs, operations};

/// How long changes are collected before they are sent.
const FRAME: Duration = Duration::from_millis(250);
/// How often a stream shows that it lives.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// How many facts are caught up at once.
const CATCH_UP: i64 = 200;

/// Something moved.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Moved {
    Fact,
    Operation(Uuid),
    World,
}

/// Tells all open streams that something moved, and the workers that there is work.
pub struct Hub {
    moved: broadcast::Sender<Moved>,
    /// The open streams, of all kinds.
    pub streams: Streams,
    /// Wakes whoever waits for jobs.
    pub work: tokio::sync::Notify,
}

impl Default for Hub {
    fn default() -> Self {
        Self { moved: broadcast::channel(1024).0, streams: Streams::default(), work: tokio::sync::Notify::new() }
    }
}

impl Hub {
    /// Listens until `stop`.
    pub async fn run(&self, db: &Db, world: &World, stop: CancellationToken) {
        tokio::select! {
            () = stop.cancelled() => {}
            () = self.listen(db) => {}
            () = self.watch(world) => {}
        }
    }

    async fn watch(&self, world: &World) {
        let mut changes = world.subscribe();
        while changes.changed().await.is_ok() {
            self.tell(Moved::World);
            tokio::time::sleep(FRAME).await;
        }
        // The watcher has ended; the database's notifications are heard all the same.
        std::future::pending::<()>().await;
    }

    /// Follows notifications; a lost connection is taken up again, and what was missed is told as if it came now.
    async fn listen(&self, db: &Db) {
        loop {
            let error = match self.follow(db).await {
                Ok(()) => continue,
                Err(error) => error,
            };
            tracing::warn!(error = &error as &dyn std::error::Error, "the database's notifications were lost");
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }

    async fn follow(&self, db: &Db) -> Result<(), sqlx::Error> {
        let mut listener = PgListener::connect_with(db).await?;
        listener.listen_all([events::CHANNEL, operations::CHANNEL, jobs::CHANNEL]).await?;
        self.tell(Moved::Fact);
        self.streams.check_sessions();
        self.work.notify_waiters();
        while let Some(told) = listener.try_recv().await? {
            match told.channel() {
                events::CHANNEL => {
                    if auth::ends_sessions(told.payload()) {
                        self.streams.check_sessions();
                    }
                    self.tell(Moved::Fact);
                }
                jobs::CHANNEL => self.work.notify_one(),
                _ => {
                    if let Ok(operation) = Uuid::parse_str(told.payload()) {
                        self.tell(Moved::Operation(operation));
                    }
                }
            }
        }
        Ok(())
    }

    fn tell(&self, moved: Moved) {
        // Without an open stream nobody hears it, which is fine.
        let _ = self.moved.send(moved);
    }
}

/// The route of the stream.
pub fn routes() -> OpenApiRouter<Panel> {
    OpenApiRouter::new().routes(routes!(live))
}

/// From where the stream goes on.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
struct From {
    /// The newest sequence that is known already; `Last-Event-ID` goes before it.
    after: Option<String>,
}

/// Everything that changes, as server-sent events: `event`, `operation`, `tool`, `engine`.
#[utoipa::path(
    get, path = "/live", tag = "live", params(From),
    responses((status = 200, content_type = "text/event-stream", body = String), (status = 400, body = Problem), (status = 401, body = Problem), (status = 403, body = Problem), (status = 500, body = Problem), (status = 503, body = Problem))
)]
async fn live(
    State(panel): State<Panel>,
    open: Open,
    headers: HeaderMap,
    RawQuery(text): RawQuery,
) -> Answer<Sse<impl Stream<Item = Result<Event, Infallible>>>> {
    let newest = panel.tools.newest_event(&open.actor).await?;
    let wanted: From = query(text.as_deref().unwrap_or_default())?;
    let last = headers.get("last-event-id").and_then(|value| value.to_str().ok()).map(ToOwned::to_owned);
    let after = match last.or(wanted.after) {
        None => newest,
        Some(after) => after.parse().map_err(|_| Refusal::unreadable(400, "`after` has to be a sequence number."))?,
    };
    let (sender, receiver) = mpsc::channel(64);
    let moved = panel.hub.moved.subscribe();
    let actor = open.actor.clone();
    let stream = LiveStream { panel, actor, moved, sender, cursor: after, tools: BTreeMap::new() };
    tokio::spawn(open.hold(stream.run()));
    Ok(Sse::new(tokio_stream::wrappers::ReceiverStream::new(receiver)))
}

/// One open stream.
struct LiveStream {
    panel: Panel,
    actor: Actor,
    moved: broadcast::Receiver<Moved>,
    sender: mpsc::Sender<Result<Event, Infallible>>,
    cursor: i64,
    /// The tools as they were last sent, so that only changes are.
    tools: BTreeMap<Uuid, ToolView>,
}

/// The other end is gone.
struct Closed;

impl LiveStream {
    async fn run(mut self) {
        let mut heartbeat = tokio::time::interval(HEARTBEAT);
        let (mut operations, mut fact, mut world) = (BTreeSet::new(), true, true);
        loop {
            if self.send(&mut operations, &mut fact, &mut world).await.is_err() {
                return;
            }
            tokio::select! {
                () = self.sender.closed() => return,
                // An event of its own: comments keep proxies awake, yet a page cannot hear them.
                _ = heartbeat.tick() => {
                    if self.put("heartbeat", None, &Heartbeat { build: self.panel.build.to_string() }).await.is_err() {
                        return;
                    }
                }
                told = self.moved.recv() => {
                    let mut note = |told| match told {
                        Ok(Moved::Fact) => fact = true,
                        Ok(Moved::Operation(id)) => { operations.insert(id); world = true; }
                        Ok(Moved::World) => world = true,
                        // What was missed is not known, so everything is looked at again.
                        Err(broadcast::error::RecvError::Lagged(_)) => { fact = true; world = true; }
                        Err(broadcast::error::RecvError::Closed) => {}
                    };
                    note(told);
                    tokio::time::sleep(FRAME).await;
                    while let Ok(more) = self.moved.try_recv() {
                        note(Ok(more));
                    }
                }
            }
        }
    }

    async fn send(&mut self, operations: &mut BTreeSet<Uuid>, fact: &mut bool, world: &mut bool) -> Result<(), Closed> {
        if std::mem::take(fact) {
            self.facts().await?;
            *world = true;
        }
        for operation in std::mem::take(operations) {
            self.operation(operation).await?;
        }
        if std::mem::take(world) {
            self.world().await?;
        }
        Ok(())
    }

    async fn facts(&mut self) -> Result<(), Closed> {
        loop {
            let found = match self.panel.tools.events_after(&self.actor, self.cursor, CATCH_UP).await {
                Ok(found) => found,
                Err(error) => {
                    return self.broken(&error);
                }
            };
            let Some(last) = found.last() else { return Ok(()) };
            self.cursor = last.sequence;
            for event in found {
                let id = event.sequence;
                self.put("event", Some(id), &event_view(event)).await?;
            }
        }
    }

    async fn operation(&mut self, operation_id: Uuid) -> Result<(), Closed> {
        let query = ListQuery { operation_id: Some(operation_id), limit: 1, ..ListQuery::default() };
        match self.panel.tools.operations(&self.actor, &query).await {
            Ok(mut found) => match found.pop() {
                Some(operation) => self.put("operation", None, &OperationPatch { operation }).await,
                None => Ok(()),
            },
            Err(error) => self.broken(&error),
        }
    }

    async fn world(&mut self) -> Result<(), Closed> {
        match self.panel.tools.engine(&self.actor).await {
            Ok(engine) => self.put("engine", None, &engine).await?,
            Err(error) => return self.broken(&error),
        }
        let tools = match self.panel.tools.list(&self.actor).await {
            Ok(tools) => tools,
            Err(error) => return self.broken(&error),
        };
        let now: BTreeMap<Uuid, ToolView> = tools.into_iter().map(|tool| (tool.tool_id, tool)).collect();
        let before = std::mem::replace(&mut self.tools, now);
        let mut patches = Vec::new();
        for (tool_id, tool) in &self.tools {
            if before.get(tool_id) != Some(tool) {
                patches.push(ToolPatch { tool_id: *tool_id, name: tool.name.clone(), tool: Some(tool.clone()) });
            }
        }
        for (tool_id, tool) in before.iter().filter(|(tool_id, _)| !self.tools.contains_key(*tool_id)) {
            patches.push(ToolPatch { tool_id: *tool_id, name: tool.name.clone(), tool: None });
        }
        for patch in patches {
            self.put("tool", None, &patch).await?;
        }
        Ok(())
    }

    /// A stream that cannot read ends; the browser opens another and goes on where it was.
    #[expect(clippy::unused_self, reason = "reads as the other endings do")]
    fn broken(&self, error: &(dyn std::error::Error + 'static)) -> Result<(), Closed> {
        tracing::warn!(error, "a live stream could not be fed");
        Err(Closed)
    }

    async fn put(&self, name: &str, id: Option<i64>, data: &impl Serialize) -> Result<(), Closed> {
        let mut event = Event::default().event(name);
        if let Some(id) = id {
            event = event.id(id.to_string());
        }
        let event = event.json_data(data).map_err(|error| {
            tracing::error!(error = &error as &dyn std::error::Error, "a live message could not be written");
            Closed
        })?;
        self.sender.send(Ok(event)).await.map_err(|_| Closed)
    }
}
