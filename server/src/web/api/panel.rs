//! The panel itself.

use ::api::Problem;
use ::api::panel::{PanelName, PanelView};
use axum::Json;
use axum::extract::State;
use http::StatusCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::web::Panel;
use crate::web::input::Input;
use crate::web::problem::Answer;
use crate::web::session::Who;

/// The routes of this area.
pub fn routes() -> OpenApiRouter<Panel> {
    OpenApiRouter::new().routes(routes!(panel, name))
}

/// What the panel is made of.
#[utoipa::path(
    get, path = "/panel", tag = "panel",
    responses((status = 200, body = PanelView), (status = 401, body = Problem), (status = 403, body = Problem), (status = 500, body = Problem))
)]
async fn panel(State(panel): State<Panel>, Who(actor): Who) -> Answer<Json<PanelView>> {
    let (site_name, database) = panel.auth.about_panel(&actor).await?;
    Ok(Json(PanelView {
        site_name: site_name.unwrap_or_else(|| "Summoner".to_owned()),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        build: panel.build.to_string(),
        database,
        licence: env!("CARGO_PKG_LICENSE").to_owned(),
    }))
}

/// Gives the panel another name.
#[utoipa::path(
    put, path = "/panel", tag = "panel", request_body = PanelName,
    responses((status = 204), (status = 400, body = Problem), (status = 401, body = Problem), (status = 403, body = Problem), (status = 413, body = Problem), (status = 415, body = Problem), (status = 422, body = Problem), (status = 500, body = Problem))
)]
async fn name(State(panel): State<Panel>, Who(actor): Who, Input(request): Input<PanelName>) -> Answer<StatusCode> {
    panel.auth.name_site(&actor, &request.site_name).await?;
    Ok(StatusCode::NO_CONTENT)
}
