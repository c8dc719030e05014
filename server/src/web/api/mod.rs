//! The public API: one file per area, thin handlers.

use axum::response::IntoResponse;
use utoipa::OpenApi as _;
use utoipa::openapi::{OpenApi, RefOr, Response};
use utoipa_axum::router::OpenApiRouter;

use super::Panel;
use super::problem::Refusal;

mod activity;
mod catalog;
mod engine;
mod operations;
mod panel;
mod registries;
mod session;
mod setup;
mod tools;

pub use activity::view as event_view;

/// The head of the OpenAPI document.
#[derive(utoipa::OpenApi)]
#[openapi(info(
    title = "Summoner",
    description = "Everything the panel does, over HTTP. Refusals are RFC 9457 problems with a stable `code`.",
    license(name = "Apache-2.0", identifier = "Apache-2.0")
))]
struct Document;

/// The OpenAPI document without its paths.
pub fn document() -> OpenApi {
    Document::openapi()
}

/// The OpenAPI document with all its paths.
pub fn whole_document() -> OpenApi {
    complete(OpenApiRouter::with_openapi(document()).nest(::api::ROOT, routes()).to_openapi())
}

/// The document with what the annotations cannot say once for all routes: a refusal is a problem (RFC 9457), and a
/// JSON answer to a GET may be that nothing changed.
pub fn complete(mut document: OpenApi) -> OpenApi {
    let is_json = |response: &RefOr<Response>| match response {
        RefOr::T(response) => response.content.contains_key("application/json"),
        RefOr::Ref(_) => false,
    };
    for item in document.paths.paths.values_mut() {
        if let Some(get) = &mut item.get
            && get.responses.responses.get("200").is_some_and(is_json)
        {
            let unchanged = Response::new("Nothing changed since the answer whose `ETag` was sent as `If-None-Match`");
            get.responses.responses.insert("304".to_owned(), unchanged.into());
        }
        let methods = [&mut item.get, &mut item.put, &mut item.post, &mut item.delete];
        let responses = methods.into_iter().flatten().flat_map(|operation| &mut operation.responses.responses);
        for (_, response) in responses.filter(|(status, _)| status.starts_with(['4', '5'])) {
            if let RefOr::T(response) = response
                && let Some(problem) = response.content.swap_remove("application/json")
            {
                response.content.insert("application/problem+json".to_owned(), problem);
            }
        }
    }
    document
}

/// All routes, relative to the API's root.
pub fn routes() -> OpenApiRouter<Panel> {
    OpenApiRouter::new()
        .merge(setup::routes())
        .merge(session::routes())
        .merge(engine::routes())
        .merge(catalog::routes())
        .merge(tools::routes())
        .merge(operations::routes())
        .merge(registries::routes())
        .merge(activity::routes())
        .merge(panel::routes())
        .merge(super::live::routes())
}

/// The answer for a path that does not exist.
pub async fn not_found() -> axum::response::Response {
    Refusal::not_found("There is nothing at this address of the API. The list is at /api/v1/openapi.json.")
        .into_response()
}

/// The answer for a method that a path does not know.
pub async fn method_not_allowed() -> axum::response::Response {
    let detail = "This address of the API exists, though not with this method.";
    Refusal::new(405, "method_not_allowed", "Wrong method", detail).into_response()
}
