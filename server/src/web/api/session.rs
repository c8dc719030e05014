//! Sign-in, sign-out, and the person's own sessions.

use ::api::session::{ChangePassword, Me, Role, SessionView, SignIn};
use ::api::{Page, Problem};
use axum::Json;
use axum::extract::State;
use axum_extra::extract::CookieJar;
use http::StatusCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::auth::{self, Actor, SessionId};
use crate::web::Panel;
use crate::web::input::{Input, Path, Query};
use crate::web::paging::Paging;
use crate::web::peer::Peer;
use crate::web::problem::{Answer, Refusal};
use crate::web::session::{Who, WhoHere};

/// The routes of this area.
pub fn routes() -> OpenApiRouter<Panel> {
    OpenApiRouter::new()
        .routes(routes!(who, sign_in, sign_out))
        .routes(routes!(change_password))
        .routes(routes!(sessions))
        .routes(routes!(revoke))
}

/// The person who asks.
#[utoipa::path(
    get, path = "/session", tag = "session",
    responses((status = 200, body = Me), (status = 401, body = Problem), (status = 500, body = Problem))
)]
async fn who(Who(actor): Who) -> Answer<Json<Me>> {
    Ok(Json(me(&actor)?))
}

/// Signs in with e-mail address and password, and sets the session's cookie.
#[utoipa::path(
    post, path = "/session", tag = "session", request_body = SignIn,
    responses(
        (status = 201, body = Me), (status = 400, body = Problem), (status = 401, body = Problem),
        (status = 413, body = Problem), (status = 415, body = Problem), (status = 429, body = Problem),
        (status = 500, body = Problem),
    )
)]
async fn sign_in(
    State(panel): State<Panel>,
    cookies: CookieJar,
    Peer(peer): Peer,
    Input(request): Input<SignIn>,
) -> Answer<(StatusCode, CookieJar, Json<Me>)> {
    let (token, signed_in) = panel.auth.sign_in(&request.email, &request.password.into(), &peer).await?;
    // The browser forgets the session it had; whoever else knows its cookie must not go on with it.
    if let Some(former) = panel.session_token(&cookies) {
        panel.auth.sign_out(&former, &peer).await?;
    }
    let me = me(&signed_in.actor)?;
    Ok((StatusCode::CREATED, panel.sign_in(cookies, &token), Json(me)))
}

/// Ends this session.
#[utoipa::path(
    delete, path = "/session", tag = "session",
    responses((status = 204), (status = 500, body = Problem))
)]
async fn sign_out(State(panel): State<Panel>, cookies: CookieJar, Peer(peer): Peer) -> Answer<(StatusCode, CookieJar)> {
    if let Some(token) = panel.session_token(&cookies) {
        panel.auth.sign_out(&token, &peer).await?;
    }
    Ok((StatusCode::NO_CONTENT, panel.forget(cookies)))
}

/// Gives the person who asks a new password, and ends their other sessions.
#[utoipa::path(
    post, path = "/me/password", tag = "session", request_body = ChangePassword,
    responses(
        (status = 204), (status = 400, body = Problem), (status = 401, body = Problem), (status = 404, body = Problem),
        (status = 413, body = Problem), (status = 415, body = Problem), (status = 422, body = Problem),
        (status = 429, body = Problem), (status = 500, body = Problem),
    )
)]
async fn change_password(
    State(panel): State<Panel>,
    Who(actor): Who,
    Peer(peer): Peer,
    Input(request): Input<ChangePassword>,
) -> Answer<StatusCode> {
    let (old, new) = (request.old_password.into(), request.new_password.into());
    panel.auth.change_own_password(&actor, &old, &new, &peer).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The person's own sessions, newest first.
#[utoipa::path(
    get, path = "/sessions", tag = "session", params(Paging),
    responses((status = 200, body = Page<SessionView>), (status = 400, body = Problem), (status = 401, body = Problem), (status = 500, body = Problem))
)]
async fn sessions(
    State(panel): State<Panel>,
    WhoHere(here): WhoHere,
    Query(wanted): Query<Paging>,
) -> Answer<Json<Page<SessionView>>> {
    let Some(user_id) = here.actor.id else { return Err(Refusal::signed_out()) };
    let sessions = panel.auth.sessions_of(&here.actor, user_id).await?;
    let views = sessions.into_iter().map(|session| SessionView {
        session_id: session.session_id.0,
        created_at: session.created_at,
        seen_at: session.seen_at,
        address: session.address,
        user_agent: session.user_agent,
        is_this: session.session_id == here.session.session_id,
    });
    Ok(Json(wanted.of(views.collect(), |session| session.session_id.to_string())?))
}

/// Ends one of the person's sessions.
#[utoipa::path(
    delete, path = "/sessions/{session}", tag = "session", params(("session" = Uuid, Path)),
    responses(
        (status = 204), (status = 400, body = Problem), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 404, body = Problem), (status = 500, body = Problem),
    )
)]
async fn revoke(State(panel): State<Panel>, Who(actor): Who, Path(session): Path<Uuid>) -> Answer<StatusCode> {
    panel.auth.revoke(&actor, SessionId(session)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A person on the wire.
pub(super) fn me(actor: &Actor) -> Answer<Me> {
    let Some(id) = actor.id else { return Err(Refusal::signed_out()) };
    let role = match actor.role {
        auth::Role::Viewer => Role::Viewer,
        auth::Role::Operator => Role::Operator,
        auth::Role::Administrator => Role::Administrator,
    };
    Ok(Me { user_id: id.0, name: actor.name.clone(), email: actor.email.clone(), role })
}
