//! The first run.

use ::api::Problem;
use ::api::session::{Me, SetUp, SetupState};
use axum::Json;
use axum::extract::State;
use axum_extra::extract::CookieJar;
use http::StatusCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::session::me;
use crate::auth;
use crate::web::Panel;
use crate::web::input::Input;
use crate::web::peer::Peer;
use crate::web::problem::{Answer, Refusal};

/// The routes of this area.
pub fn routes() -> OpenApiRouter<Panel> {
    OpenApiRouter::new().routes(routes!(state, set_up))
}

/// Whether the panel waits for its first administrator.
#[utoipa::path(get, path = "/setup", tag = "setup", responses((status = 200, body = SetupState), (status = 500, body = Problem)))]
async fn state(State(panel): State<Panel>, cookies: CookieJar) -> Answer<Json<SetupState>> {
    let open = match panel.setup_token(&cookies) {
        Some(token) => panel.auth.check_setup(&token).await.is_ok(),
        None => false,
    };
    Ok(Json(SetupState { needed: panel.auth.setup_needed().await?, open }))
}

/// Makes the first administrator and signs them in. Needs the cookie of a set-up link.
#[utoipa::path(
    post, path = "/setup", tag = "setup", request_body = SetUp,
    responses(
        (status = 201, body = Me), (status = 400, body = Problem), (status = 403, body = Problem),
        (status = 410, body = Problem), (status = 413, body = Problem), (status = 415, body = Problem),
        (status = 422, body = Problem), (status = 500, body = Problem),
    )
)]
async fn set_up(
    State(panel): State<Panel>,
    cookies: CookieJar,
    Peer(peer): Peer,
    Input(request): Input<SetUp>,
) -> Answer<(StatusCode, CookieJar, Json<Me>)> {
    let no_link = || {
        let detail = "Open the set-up link that the terminal printed; `summoner setup-link` prints a new one.";
        Refusal::new(403, "setup_link", "No set-up link was opened", detail)
    };
    let cookie = panel.setup_token(&cookies).ok_or_else(no_link)?;
    let set_up = auth::SetUp {
        site_name: request.site_name,
        name: request.name,
        email: request.email,
        password: request.password.into(),
    };
    let (token, signed_in) = panel.auth.finish_setup(&cookie, set_up, &peer).await?;
    let me = me(&signed_in.actor)?;
    Ok((StatusCode::CREATED, panel.sign_in(panel.forget(cookies), &token), Json(me)))
}
