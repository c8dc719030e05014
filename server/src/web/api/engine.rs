//! The engine, and what stands around every page.

use ::api::Problem;
use ::api::engine::{EngineView, Frame};
use axum::Json;
use axum::extract::State;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::session::me;
use crate::operations::ListQuery;
use crate::web::Panel;
use crate::web::problem::Answer;
use crate::web::session::Who;

/// The routes of this area.
pub fn routes() -> OpenApiRouter<Panel> {
    OpenApiRouter::new().routes(routes!(engine)).routes(routes!(frame))
}

/// The node's container engine, from memory.
#[utoipa::path(
    get, path = "/engine", tag = "engine",
    responses((status = 200, body = EngineView), (status = 401, body = Problem), (status = 403, body = Problem), (status = 500, body = Problem))
)]
async fn engine(State(panel): State<Panel>, Who(actor): Who) -> Answer<Json<EngineView>> {
    Ok(Json(panel.tools.engine(&actor).await?))
}

/// What stands around every page.
#[utoipa::path(
    get, path = "/frame", tag = "engine",
    responses((status = 200, body = Frame), (status = 401, body = Problem), (status = 403, body = Problem), (status = 500, body = Problem))
)]
async fn frame(State(panel): State<Panel>, Who(actor): Who) -> Answer<Json<Frame>> {
    // The sequence is read first: what happens while the rest is read is told again rather than lost.
    let sequence = panel.tools.newest_event(&actor).await?;
    let tools = panel.tools.list(&actor).await?;
    let query = ListQuery { unfinished: true, limit: 20, ..ListQuery::default() };
    let in_need = tools.iter().filter(|tool| tool.condition.is_in_need()).count();
    Ok(Json(Frame {
        site_name: panel.auth.site_name().await?.unwrap_or_else(|| "Summoner".to_owned()),
        me: me(&actor)?,
        engine: panel.tools.engine(&actor).await?,
        tools: u32::try_from(tools.len()).unwrap_or(u32::MAX),
        tools_in_need: u32::try_from(in_need).unwrap_or(u32::MAX),
        running: panel.tools.operations(&actor, &query).await?,
        sequence,
        build: panel.build.to_string(),
    }))
}
