//! Tools: lists, installs, changes, logs, exports.

use std::convert::Infallible;

use ::api::operations::{FirstLogin, PlanView};
use ::api::tools::{Check, Install, LogLineView, LogView, Reconfigure, Remove, ToolDetails, ToolView};
use ::api::{Page, Problem};
use axum::Json;
use axum::extract::{RawQuery, State};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::{Stream, StreamExt as _};
use http::{HeaderMap, StatusCode, header};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::tools::LogRequest;
use crate::web::Panel;
use crate::web::input::{Input, Path, Query, query};
use crate::web::paging::Paging;
use crate::web::problem::Answer;
use crate::web::session::{Key, Who};
use crate::web::streams::Open;

/// The routes of this area.
pub fn routes() -> OpenApiRouter<Panel> {
    OpenApiRouter::new()
        .routes(routes!(list, install))
        .routes(routes!(plan))
        .routes(routes!(check))
        .routes(routes!(find))
        .routes(routes!(start))
        .routes(routes!(stop))
        .routes(routes!(restart))
        .routes(routes!(reconfigure))
        .routes(routes!(plan_settings))
        .routes(routes!(remove))
        .routes(routes!(first_login))
        .routes(routes!(logs))
        .routes(routes!(follow_logs))
        .routes(routes!(download_logs))
        .routes(routes!(export_compose))
        .routes(routes!(export_values))
}

/// An operation that was begun.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
struct Begun {
    /// Its id: `GET /operations/{operation}` follows it.
    operation_id: Uuid,
}

fn begun(operation_id: Uuid) -> (StatusCode, [(header::HeaderName, String); 1], Json<Begun>) {
    let location = format!("{}/operations/{operation_id}", ::api::ROOT);
    (StatusCode::ACCEPTED, [(header::LOCATION, location)], Json(Begun { operation_id }))
}

/// Tools: those in need first, then by name.
#[utoipa::path(
    get, path = "/tools", tag = "tools", params(Paging),
    responses((status = 200, body = Page<ToolView>), (status = 400, body = Problem), (status = 401, body = Problem), (status = 403, body = Problem), (status = 500, body = Problem))
)]
async fn list(
    State(panel): State<Panel>,
    Who(actor): Who,
    Query(wanted): Query<Paging>,
) -> Answer<Json<Page<ToolView>>> {
    Ok(Json(wanted.of(panel.tools.list(&actor).await?, |tool| tool.name.clone())?))
}

/// Begins to install a tool.
#[utoipa::path(
    post, path = "/tools", tag = "tools", request_body = Install,
    params(Key),
    responses(
        (status = 202, body = Begun), (status = 400, body = Problem), (status = 401, body = Problem),
        (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem),
        (status = 413, body = Problem), (status = 415, body = Problem), (status = 422, body = Problem),
        (status = 500, body = Problem), (status = 424, body = Problem), (status = 503, body = Problem),
    )
)]
async fn install(
    State(panel): State<Panel>,
    Who(actor): Who,
    Key(key): Key,
    Input(request): Input<Install>,
) -> Answer<impl IntoResponse> {
    Ok(begun(panel.tools.install(&actor, &request, key.as_deref()).await?))
}

/// Shows what an install would do. Nothing is touched.
#[utoipa::path(
    post, path = "/plans", tag = "tools", request_body = Install,
    responses(
        (status = 200, body = PlanView), (status = 400, body = Problem), (status = 401, body = Problem),
        (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem),
        (status = 413, body = Problem), (status = 415, body = Problem), (status = 422, body = Problem),
        (status = 424, body = Problem), (status = 500, body = Problem), (status = 503, body = Problem),
    )
)]
async fn plan(State(panel): State<Panel>, Who(actor): Who, Input(request): Input<Install>) -> Answer<Json<PlanView>> {
    Ok(Json(panel.tools.plan_install(&actor, &request).await?))
}

/// Says whether a name and ports are free: `?entry=&name=&reach=&ports.web=`.
#[utoipa::path(
    get, path = "/tools/check", tag = "tools",
    params(("entry" = String, Query), ("name" = Option<String>, Query)),
    responses(
        (status = 200, body = Check), (status = 400, body = Problem), (status = 401, body = Problem),
        (status = 403, body = Problem), (status = 404, body = Problem), (status = 500, body = Problem),
    )
)]
async fn check(State(panel): State<Panel>, Who(actor): Who, RawQuery(text): RawQuery) -> Answer<Json<Check>> {
    let request: Install = query(text.as_deref().unwrap_or_default())?;
    Ok(Json(panel.tools.check(&actor, &request).await?))
}

/// Everything about a tool.
#[utoipa::path(
    get, path = "/tools/{tool}", tag = "tools", params(("tool" = String, Path)),
    responses((status = 200, body = ToolDetails), (status = 400, body = Problem), (status = 401, body = Problem), (status = 403, body = Problem), (status = 404, body = Problem), (status = 500, body = Problem))
)]
async fn find(State(panel): State<Panel>, Who(actor): Who, Path(tool): Path<String>) -> Answer<Json<ToolDetails>> {
    Ok(Json(panel.tools.find(&actor, &tool).await?))
}

/// Begins to start a stopped tool.
#[utoipa::path(
    post, path = "/tools/{tool}/start", tag = "tools", params(("tool" = String, Path), Key),
    responses((status = 202, body = Begun), (status = 400, body = Problem), (status = 401, body = Problem), (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem), (status = 500, body = Problem), (status = 503, body = Problem))
)]
async fn start(
    State(panel): State<Panel>,
    Who(actor): Who,
    Key(key): Key,
    Path(tool): Path<String>,
) -> Answer<impl IntoResponse> {
    Ok(begun(panel.tools.start(&actor, &tool, key.as_deref()).await?))
}

/// Begins to stop a running tool.
#[utoipa::path(
    post, path = "/tools/{tool}/stop", tag = "tools", params(("tool" = String, Path), Key),
    responses((status = 202, body = Begun), (status = 400, body = Problem), (status = 401, body = Problem), (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem), (status = 500, body = Problem), (status = 503, body = Problem))
)]
async fn stop(
    State(panel): State<Panel>,
    Who(actor): Who,
    Key(key): Key,
    Path(tool): Path<String>,
) -> Answer<impl IntoResponse> {
    Ok(begun(panel.tools.stop(&actor, &tool, key.as_deref()).await?))
}

/// Begins to stop a tool and start it again.
#[utoipa::path(
    post, path = "/tools/{tool}/restart", tag = "tools", params(("tool" = String, Path), Key),
    responses((status = 202, body = Begun), (status = 400, body = Problem), (status = 401, body = Problem), (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem), (status = 500, body = Problem), (status = 503, body = Problem))
)]
async fn restart(
    State(panel): State<Panel>,
    Who(actor): Who,
    Key(key): Key,
    Path(tool): Path<String>,
) -> Answer<impl IntoResponse> {
    Ok(begun(panel.tools.restart(&actor, &tool, key.as_deref()).await?))
}

/// Begins to run a tool with changed answers and ports.
#[utoipa::path(
    put, path = "/tools/{tool}/settings", tag = "tools", params(("tool" = String, Path), Key), request_body = Reconfigure,
    responses((status = 202, body = Begun), (status = 400, body = Problem), (status = 401, body = Problem), (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem), (status = 413, body = Problem), (status = 415, body = Problem), (status = 422, body = Problem), (status = 500, body = Problem), (status = 503, body = Problem))
)]
async fn reconfigure(
    State(panel): State<Panel>,
    Who(actor): Who,
    Key(key): Key,
    Path(tool): Path<String>,
    Input(request): Input<Reconfigure>,
) -> Answer<impl IntoResponse> {
    Ok(begun(panel.tools.reconfigure(&actor, &tool, &request, key.as_deref()).await?))
}

/// Shows what changed answers and ports would do to a tool. Nothing is touched.
#[utoipa::path(
    post, path = "/tools/{tool}/settings/plan", tag = "tools", params(("tool" = String, Path)), request_body = Reconfigure,
    responses((status = 200, body = PlanView), (status = 400, body = Problem), (status = 401, body = Problem), (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem), (status = 413, body = Problem), (status = 415, body = Problem), (status = 422, body = Problem), (status = 500, body = Problem), (status = 503, body = Problem))
)]
async fn plan_settings(
    State(panel): State<Panel>,
    Who(actor): Who,
    Path(tool): Path<String>,
    Input(request): Input<Reconfigure>,
) -> Answer<Json<PlanView>> {
    Ok(Json(panel.tools.plan_reconfigure(&actor, &tool, &request).await?))
}

/// Begins to take a tool away, keeping its data or, after its name was typed, deleting it.
#[utoipa::path(
    post, path = "/tools/{tool}/remove", tag = "tools", params(("tool" = String, Path), Key), request_body = Remove,
    responses((status = 202, body = Begun), (status = 400, body = Problem), (status = 401, body = Problem), (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem), (status = 413, body = Problem), (status = 415, body = Problem), (status = 422, body = Problem), (status = 500, body = Problem), (status = 503, body = Problem))
)]
async fn remove(
    State(panel): State<Panel>,
    Who(actor): Who,
    Key(key): Key,
    Path(tool): Path<String>,
    Input(request): Input<Remove>,
) -> Answer<impl IntoResponse> {
    Ok(begun(panel.tools.remove(&actor, &tool, &request, key.as_deref()).await?))
}

/// Shows the tool's first account with its password, once.
#[utoipa::path(
    post, path = "/tools/{tool}/first-login", tag = "tools", params(("tool" = String, Path)),
    responses((status = 200, body = FirstLogin), (status = 400, body = Problem), (status = 401, body = Problem), (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem), (status = 500, body = Problem))
)]
async fn first_login(
    State(panel): State<Panel>,
    Who(actor): Who,
    Path(tool): Path<String>,
) -> Answer<impl IntoResponse> {
    let login = panel.tools.first_login(&actor, &tool).await?;
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(login)))
}

/// Which lines of a log are wanted.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
struct LogQuery {
    /// The service; the one behind the tool's address when absent.
    service: String,
    /// At most so many of the newest lines that are asked for, 1 to 5000; 500 when absent. A log that is followed begins
    /// with so many of its newest lines, and the search comes after.
    tail: Option<String>,
    /// Only lines that contain this text, in any case.
    search: String,
    /// Only lines written after this instant. A log that is followed begins with all of them.
    after: Option<Timestamp>,
}

impl LogQuery {
    fn request(self, follow: bool) -> LogRequest {
        let tail = self.tail.and_then(|tail| tail.parse::<u32>().ok()).unwrap_or(500).clamp(1, 5000);
        LogRequest { service: self.service, tail: Some(tail), after: self.after, search: self.search, follow }
    }
}

/// The newest lines of a service's log, oldest first.
#[utoipa::path(
    get, path = "/tools/{tool}/logs", tag = "tools", params(("tool" = String, Path), LogQuery),
    responses((status = 200, body = LogView), (status = 400, body = Problem), (status = 401, body = Problem), (status = 403, body = Problem), (status = 404, body = Problem), (status = 500, body = Problem), (status = 503, body = Problem))
)]
async fn logs(
    State(panel): State<Panel>,
    Who(actor): Who,
    Path(tool): Path<String>,
    RawQuery(text): RawQuery,
) -> Answer<Json<LogView>> {
    let wanted: LogQuery = query(text.as_deref().unwrap_or_default())?;
    let (service, lines) = panel.tools.logs(&actor, &tool, &wanted.request(false)).await?;
    Ok(Json(LogView { service, lines: lines.collect().await }))
}

/// A service's log as it is written: server-sent events, each a line as JSON with its instant as id. The `Last-Event-ID`
/// that a browser sends when it connects again stands for `after`, so that no line comes twice.
#[utoipa::path(
    get, path = "/tools/{tool}/logs/live", tag = "tools", params(("tool" = String, Path), LogQuery),
    responses((status = 200, content_type = "text/event-stream", body = String), (status = 400, body = Problem), (status = 401, body = Problem), (status = 403, body = Problem), (status = 404, body = Problem), (status = 500, body = Problem), (status = 503, body = Problem))
)]
async fn follow_logs(
    State(panel): State<Panel>,
    open: Open,
    Path(tool): Path<String>,
    RawQuery(text): RawQuery,
    headers: HeaderMap,
) -> Answer<Sse<impl Stream<Item = Result<Event, Infallible>>>> {
    let mut wanted: LogQuery = query(text.as_deref().unwrap_or_default())?;
    let last = headers.get("last-event-id").and_then(|id| id.to_str().ok()?.parse().ok());
    wanted.after = last.or(wanted.after);
    let (_, lines) = panel.tools.logs(&open.actor, &tool, &wanted.request(true)).await?;
    let events = lines.filter_map(|line| std::future::ready(line_event(&line).ok().map(Ok)));
    Ok(Sse::new(open.carry(events)).keep_alive(KeepAlive::default()))
}

fn line_event(line: &LogLineView) -> Result<Event, axum::Error> {
    let event = Event::default().json_data(line)?;
    Ok(match line.at {
        Some(at) => event.id(at.to_string()),
        None => event,
    })
}

/// A service's log as a text file: all lines that hold what is searched for.
#[utoipa::path(
    get, path = "/tools/{tool}/logs/download", tag = "tools", params(("tool" = String, Path), LogQuery),
    responses((status = 200, content_type = "text/plain", body = String), (status = 400, body = Problem), (status = 401, body = Problem), (status = 403, body = Problem), (status = 404, body = Problem), (status = 500, body = Problem), (status = 503, body = Problem))
)]
async fn download_logs(
    State(panel): State<Panel>,
    open: Open,
    Path(tool): Path<String>,
    RawQuery(text): RawQuery,
) -> Answer<Response> {
    let wanted: LogQuery = query(text.as_deref().unwrap_or_default())?;
    let request = LogRequest { tail: None, ..wanted.request(false) };
    let (service, lines) = panel.tools.logs(&open.actor, &tool, &request).await?;
    let body = lines.map(|line| {
        let at = line.at.map(|at| format!("{at} ")).unwrap_or_default();
        Ok::<_, Infallible>(format!("{at}{}\n", line.text))
    });
    // Names of tools and services hold no character that could end the header's quotes.
    let headers = [
        (header::CONTENT_TYPE, "text/plain; charset=utf-8".to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{tool}-{service}.log\"")),
    ];
    Ok((headers, axum::body::Body::from_stream(open.carry(body))).into_response())
}

/// The tool as a plain Compose file, with images by digest; its values are beside it under `export/values.env`.
#[utoipa::path(
    get, path = "/tools/{tool}/export/compose.yaml", tag = "tools", params(("tool" = String, Path)),
    responses((status = 200, content_type = "application/yaml", body = std::collections::BTreeMap<String, serde_json::Value>), (status = 400, body = Problem), (status = 401, body = Problem), (status = 403, body = Problem), (status = 404, body = Problem), (status = 500, body = Problem))
)]
async fn export_compose(State(panel): State<Panel>, Who(actor): Who, Path(tool): Path<String>) -> Answer<Response> {
    let export = panel.tools.export(&actor, &tool).await?;
    Ok(file("application/yaml", "compose.yaml", export.compose))
}

/// The values of the exported Compose file, secrets in plain: for people who may read secrets.
#[utoipa::path(
    get, path = "/tools/{tool}/export/values.env", tag = "tools", params(("tool" = String, Path)),
    responses((status = 200, content_type = "text/plain", body = String), (status = 400, body = Problem), (status = 401, body = Problem), (status = 403, body = Problem), (status = 404, body = Problem), (status = 500, body = Problem))
)]
async fn export_values(State(panel): State<Panel>, Who(actor): Who, Path(tool): Path<String>) -> Answer<Response> {
    let export = panel.tools.export(&actor, &tool).await?;
    Ok(file("text/plain; charset=utf-8", "values.env", export.environment))
}

fn file(kind: &'static str, name: &str, content: String) -> Response {
    let headers = [
        (header::CONTENT_TYPE, kind.to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")),
        (header::CACHE_CONTROL, "no-store".to_owned()),
    ];
    (headers, content).into_response()
}
