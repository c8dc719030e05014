//! Cookies, and the person behind a request.

use std::time::Duration;

use axum::Router;
use axum::extract::{FromRequestParts, Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use axum_extra::extract::CookieJar;
use axum_extra::extract::cookie::{Cookie, SameSite};
use http::header::REFERRER_POLICY;
use http::request::Parts;
use utoipa::IntoParams;

use super::Panel;
use super::peer::address;
use super::problem::Refusal;
use crate::auth::{self, Actor, SignedIn};
use crate::secrets::Token;

/// How long the browser keeps the cookie; the session itself ends earlier or later by its own rules.
const KEPT: Duration = Duration::from_hours(7 * 24);
/// How long the cookie of the first run is kept.
const SETUP_KEPT: Duration = Duration::from_hours(1);

/// The path of a set-up link.
pub fn setup_path(token: &Token) -> String {
    format!("/setup/{}", token.reveal())
}

/// The person who asks, signed in.
pub struct Who(pub Actor);

/// The person who asks, with the session.
pub struct WhoHere(pub SignedIn);

impl FromRequestParts<Panel> for WhoHere {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, panel: &Panel) -> Result<Self, Refusal> {
        let cookies = CookieJar::from_headers(&parts.headers);
        let found = match panel.session_token(&cookies) {
            Some(token) => panel.auth.session(&token).await?,
            None => None,
        };
        match found {
            Some(mut signed_in) => {
                signed_in.actor.address = address(&parts.extensions);
                Ok(Self(signed_in))
            }
            None if panel.auth.setup_needed().await? => Err(Refusal::setup_needed()),
            None => Err(Refusal::signed_out()),
        }
    }
}

impl FromRequestParts<Panel> for Who {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, panel: &Panel) -> Result<Self, Refusal> {
        WhoHere::from_request_parts(parts, panel).await.map(|WhoHere(signed_in)| Self(signed_in.actor))
    }
}

/// The key by which a repeated request is known: the header `Idempotency-Key`.
#[derive(IntoParams)]
#[into_params(names("Idempotency-Key"), parameter_in = Header)]
pub struct Key(
    /// Names the request: sent again with its key it gives the same operation, and another request with the key is
    /// refused. 1 to 128 visible ASCII characters; a random one is best.
    pub Option<String>,
);

impl<S: Send + Sync> FromRequestParts<S> for Key {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refusal> {
        let Some(value) = parts.headers.get("idempotency-key") else { return Ok(Self(None)) };
        let key = value
            .to_str()
            .ok()
            .filter(|key| (1..=128).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic()));
        let refused = || Refusal::unreadable(400, "The Idempotency-Key has to be 1 to 128 visible ASCII characters.");
        key.map(|key| Self(Some(key.to_owned()))).ok_or_else(refused)
    }
}

impl Panel {
    /// The cookie names: with `__Host-` only over https, since browsers refuse the prefix elsewhere.
    fn cookie_name(&self, name: &str) -> String {
        if self.is_https { format!("__Host-{name}") } else { name.to_owned() }
    }

    /// The session token a browser presents.
    pub fn session_token(&self, cookies: &CookieJar) -> Option<Token> {
        cookies.get(&self.cookie_name("summoner")).map(|cookie| Token::presented(cookie.value()))
    }

    /// The token of the first run a browser presents.
    pub fn setup_token(&self, cookies: &CookieJar) -> Option<Token> {
        cookies.get(&self.cookie_name("summoner_setup")).map(|cookie| Token::presented(cookie.value()))
    }

    fn cookie(&self, name: &str, value: String, kept: Duration) -> Cookie<'static> {
        let seconds = i64::try_from(kept.as_secs()).unwrap_or(i64::MAX);
        let mut cookie = Cookie::new(self.cookie_name(name), value);
        cookie.set_http_only(true);
        cookie.set_path("/");
        cookie.set_same_site(SameSite::Lax);
        cookie.set_secure(self.is_https);
        cookie.set_max_age(time::Duration::seconds(seconds));
        cookie
    }

    /// Sets the cookie of a new session.
    pub fn sign_in(&self, cookies: CookieJar, token: &Token) -> CookieJar {
        cookies.add(self.cookie("summoner", token.reveal().to_owned(), KEPT))
    }

    /// Takes both cookies away.
    pub fn forget(&self, cookies: CookieJar) -> CookieJar {
        let gone = |name| {
            let mut cookie = self.cookie(name, String::new(), Duration::ZERO);
            cookie.make_removal();
            cookie
        };
        cookies.add(gone("summoner")).add(gone("summoner_setup"))
    }
}

/// `/setup/{token}`: swaps the token for a cookie, so that it stays in no history and no log.
pub fn routes() -> Router<Panel> {
    Router::new().route("/setup/{token}", get(open_setup))
}

async fn open_setup(State(panel): State<Panel>, Path(token): Path<String>, cookies: CookieJar) -> Response {
    let target = match panel.auth.open_setup(&Token::presented(token)).await {
        Ok(cookie) => {
            let cookies = cookies.add(panel.cookie("summoner_setup", cookie.reveal().to_owned(), SETUP_KEPT));
            (cookies, Redirect::to("/setup")).into_response()
        }
        Err(auth::Error::Internal { .. }) => Redirect::to("/setup").into_response(),
        Err(error) => {
            tracing::info!(reason = %error, "a set-up link was refused");
            let reason: String = match error {
                auth::Error::SetupLinkExpired { .. } => "expired",
                auth::Error::SetupLinkReplaced { .. } => "replaced",
                auth::Error::SetupLinkUsed { .. } | auth::Error::AlreadySetUp => "used",
                _ => "unknown",
            }
            .to_owned();
            Redirect::to(&format!("/setup?link={reason}")).into_response()
        }
    };
    ([(REFERRER_POLICY, "no-referrer")], target).into_response()
}
