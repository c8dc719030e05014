//! Refused attempts are facts too: who tried what without the right to it.

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use axum_extra::extract::CookieJar;

use super::Panel;
use super::peer::address;
use crate::auth::Actor;

/// An answer that refused somebody for want of a right, with the sentence they were given.
#[derive(Clone, Debug)]
pub struct Denied(pub String);

/// Writes an event for every answer that carries [`Denied`].
///
/// The address is written without its query, which may hold anything. An attempt that cannot be written down is refused
/// all the same.
pub async fn note_denied(State(panel): State<Panel>, request: Request, next: Next) -> Response {
    let token = panel.session_token(&CookieJar::from_headers(request.headers()));
    let attempt = format!("{} {}", request.method(), request.uri().path());
    let address = address(request.extensions());
    let response = next.run(request).await;
    let Some((Denied(reason), token)) = response.extensions().get::<Denied>().zip(token) else { return response };
    let noted = async {
        match panel.auth.session(&token).await? {
            Some(here) => panel.auth.note_denied(&Actor { address, ..here.actor }, &attempt, reason).await,
            None => Ok(()),
        }
    };
    if let Err(error) = noted.await {
        tracing::error!(
            error = &error as &dyn std::error::Error,
            attempt,
            "a refused attempt could not be written down"
        );
    }
    response
}
