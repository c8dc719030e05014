//! Logins at registries.

use ::api::Problem;
use ::api::registries::{LoginView, NewLogin};
use axum::Json;
use axum::extract::State;
use http::StatusCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::{Actor, Right};
use crate::registry::{Author, Credential};
use crate::web::Panel;
use crate::web::input::{Input, Path};
use crate::web::problem::{Answer, Refusal};
use crate::web::session::Who;

/// The routes of this area.
pub fn routes() -> OpenApiRouter<Panel> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(set, remove))
}

fn author(actor: &Actor) -> Author {
    Author { name: actor.name.clone(), id: actor.id.map(|id| id.0) }
}

/// Logins at registries, by registry; passwords are never shown.
#[utoipa::path(
    get, path = "/registries", tag = "registries",
    responses((status = 200, body = Vec<LoginView>), (status = 401, body = Problem), (status = 403, body = Problem), (status = 500, body = Problem))
)]
async fn list(State(panel): State<Panel>, Who(actor): Who) -> Answer<Json<Vec<LoginView>>> {
    actor.needs(Right::SettingsWrite)?;
    let logins = panel.logins.list().await?;
    let view = |login: crate::registry::Login| LoginView {
        registry: login.registry,
        username: login.username,
        updated_at: login.updated_at,
    };
    Ok(Json(logins.into_iter().map(view).collect()))
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
    actor.needs(Right::SettingsWrite)?;
    let credential = Credential { username: login.username, password: login.password.into() };
    panel.logins.set(author(&actor), &registry, credential).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Forgets the login for a registry.
#[utoipa::path(
    delete, path = "/registries/{registry}", tag = "registries", params(("registry" = String, Path)),
    responses((status = 204), (status = 401, body = Problem), (status = 403, body = Problem), (status = 404, body = Problem), (status = 422, body = Problem), (status = 500, body = Problem), (status = 424, body = Problem))
)]
async fn remove(State(panel): State<Panel>, Who(actor): Who, Path(registry): Path<String>) -> Answer<StatusCode> {
    actor.needs(Right::SettingsWrite)?;
    if panel.logins.remove(author(&actor), &registry).await? {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(Refusal::not_found(format!("There is no login for {registry}.")))
    }
}
