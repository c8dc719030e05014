//! Logins at registries.

use ::api::Problem;
use ::api::registries::{AddedLogin, LoginOutcome, LoginView, NewLogin, TriedLogin};
use axum::Json;
use axum::extract::State;
use http::StatusCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::registry::{Credential, SignIn};
use crate::web::Panel;
use crate::web::input::{Input, NoChoice, Path, Query};
use crate::web::problem::Answer;
use crate::web::session::Who;

/// The routes of this area.
pub fn routes() -> OpenApiRouter<Panel> {
    OpenApiRouter::new().routes(routes!(list, add)).routes(routes!(set, remove)).routes(routes!(sign_in))
}

/// Logins at registries, by registry; passwords are never shown.
#[utoipa::path(
    get, path = "/registries", tag = "registries",
    responses((status = 200, body = Vec<LoginView>), (status = 400, body = Problem), (status = 401, body = Problem), (status = 403, body = Problem), (status = 500, body = Problem))
)]
async fn list(State(panel): State<Panel>, Who(actor): Who, _: Query<NoChoice>) -> Answer<Json<Vec<LoginView>>> {
    let logins = panel.tools.logins(&actor).await?;
    let view = |login: crate::registry::Login| LoginView {
        registry: login.registry,
        username: login.username,
        updated_at: login.updated_at,
        answered_at: login.answered_at,
        quota: login.quota.map(|quota| (quota.remaining, quota.limit)),
    };
    Ok(Json(logins.into_iter().map(view).collect()))
}

/// Keeps a login for a registry, sealed, in place of the one before; the registry is part of the body.
#[utoipa::path(
    post, path = "/registries", tag = "registries", request_body = AddedLogin,
    responses((status = 204), (status = 400, body = Problem), (status = 401, body = Problem), (status = 403, body = Problem), (status = 413, body = Problem), (status = 415, body = Problem), (status = 422, body = Problem), (status = 500, body = Problem), (status = 424, body = Problem))
)]
async fn add(State(panel): State<Panel>, Who(actor): Who, Input(login): Input<AddedLogin>) -> Answer<StatusCode> {
    let credential = Credential { username: login.username, password: login.password.into() };
    panel.tools.set_login(&actor, login.registry.trim(), credential).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Tries the login that is kept for a registry: asks the registry now, and changes nothing.
#[utoipa::path(
    post, path = "/registries/{registry}/sign-in", tag = "registries", params(("registry" = String, Path)),
    responses((status = 200, body = TriedLogin), (status = 401, body = Problem), (status = 403, body = Problem), (status = 404, body = Problem), (status = 500, body = Problem), (status = 424, body = Problem))
)]
async fn sign_in(
    State(panel): State<Panel>,
    Who(actor): Who,
    Path(registry): Path<String>,
) -> Answer<Json<TriedLogin>> {
    let outcome = match panel.tools.try_login(&actor, &registry).await? {
        SignIn::Taken => LoginOutcome::Taken,
        SignIn::NotAsked => LoginOutcome::NotAsked,
    };
    Ok(Json(TriedLogin { outcome }))
}

/// Keeps a login for a registry, sealed, in place of the one before.
#[utoipa::path(
    put, path = "/registries/{registry}", tag = "registries", params(("registry" = String, Path)), request_body = NewLogin,
    responses((status = 204), (status = 400, body = Problem), (status = 401, body = Problem), (status = 403, body = Problem), (status = 413, body = Problem), (status = 415, body = Problem), (status = 422, body = Problem), (status = 500, body = Problem), (status = 424, body = Problem))
)]
async fn set(
    State(panel): State<Panel>,
    Who(actor): Who,
    Path(registry): Path<String>,
    Input(login): Input<NewLogin>,
) -> Answer<StatusCode> {
    let credential = Credential { username: login.username, password: login.password.into() };
    panel.tools.set_login(&actor, &registry, credential).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Removes the login for a registry.
#[utoipa::path(
    delete, path = "/registries/{registry}", tag = "registries", params(("registry" = String, Path)),
    responses((status = 204), (status = 400, body = Problem), (status = 401, body = Problem), (status = 403, body = Problem), (status = 404, body = Problem), (status = 422, body = Problem), (status = 500, body = Problem), (status = 424, body = Problem))
)]
async fn remove(State(panel): State<Panel>, Who(actor): Who, Path(registry): Path<String>) -> Answer<StatusCode> {
    panel.tools.remove_login(&actor, &registry).await?;
    Ok(StatusCode::NO_CONTENT)
}
