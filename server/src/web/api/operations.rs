//! Operations: what was done, is being done, and stopping it.

use ::api::operations::{OperationDetails, OperationView};
use ::api::{Page, Problem};
use axum::Json;
use axum::extract::State;
use http::StatusCode;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::operations::{ListQuery, Standing};
use crate::web::Panel;
use crate::web::input::{Path, Query};
use crate::web::paging::{not_next, page_size};
use crate::web::problem::{Answer, Refusal};
use crate::web::session::Who;

/// How many operations a page of the list holds.
const PAGE: usize = 50;

/// The routes of this area.
pub fn routes() -> OpenApiRouter<Panel> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(find)).routes(routes!(cancel))
}

/// Which operations are wanted.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
struct Wanted {
    /// Only those of the tool of this name.
    tool: Option<String>,
    /// `running`: only those that have not ended.
    state: Option<String>,
    /// At most so many, 1 to 50.
    limit: Option<String>,
    /// The `next` of the page before.
    after: Option<String>,
}

/// Operations, newest first.
#[utoipa::path(
    get, path = "/operations", tag = "operations", params(Wanted),
    responses((status = 200, body = Page<OperationView>), (status = 400, body = Problem), (status = 401, body = Problem), (status = 403, body = Problem), (status = 404, body = Problem), (status = 500, body = Problem))
)]
async fn list(
    State(panel): State<Panel>,
    Who(actor): Who,
    Query(wanted): Query<Wanted>,
) -> Answer<Json<Page<OperationView>>> {
    let before = match wanted.after.as_deref() {
        None | Some("") => None,
        Some(after) => Some(Uuid::parse_str(after).map_err(|_| not_next())?),
    };
    let tool_id = match wanted.tool.as_deref() {
        None | Some("") => None,
        Some(tool) => Some(panel.tools.find(&actor, tool).await?.tool.tool_id),
    };
    let standing = match wanted.state.as_deref() {
        None | Some("") => Standing::Any,
        Some("running") => Standing::Unfinished,
        Some(_) => return Err(Refusal::choice("state", "`state` is `running` or nothing.")),
    };
    let size = page_size(wanted.limit.as_deref(), PAGE)?;
    let limit = i64::try_from(size + 1).unwrap_or(i64::MAX);
    let asked = ListQuery { tool_id, operation_id: None, standing, before, limit };
    let mut items = panel.tools.operations(&actor, &asked).await?;
    let has_more = items.len() > size;
    items.truncate(size);
    let next = items.last().filter(|_| has_more).map(|last| last.operation_id.to_string());
    Ok(Json(Page { items, next }))
}

/// One operation with its steps and lines.
#[utoipa::path(
    get, path = "/operations/{operation}", tag = "operations", params(("operation" = Uuid, Path)),
    responses((status = 200, body = OperationDetails), (status = 400, body = Problem), (status = 401, body = Problem), (status = 403, body = Problem), (status = 404, body = Problem), (status = 500, body = Problem))
)]
async fn find(
    State(panel): State<Panel>,
    Who(actor): Who,
    Path(operation): Path<Uuid>,
) -> Answer<Json<OperationDetails>> {
    Ok(Json(panel.tools.operation(&actor, operation).await?))
}

/// Asks an operation to stop and go back.
#[utoipa::path(
    post, path = "/operations/{operation}/cancel", tag = "operations", params(("operation" = Uuid, Path)),
    responses((status = 202), (status = 400, body = Problem), (status = 401, body = Problem), (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem), (status = 500, body = Problem))
)]
async fn cancel(State(panel): State<Panel>, Who(actor): Who, Path(operation): Path<Uuid>) -> Answer<StatusCode> {
    panel.tools.cancel(&actor, operation).await?;
    Ok(StatusCode::ACCEPTED)
}
