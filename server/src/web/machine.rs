//! What machines ask: is the process alive, can it serve, how much does it do.

use std::net::SocketAddr;

use axum::Router;
use axum::extract::{ConnectInfo, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::{StatusCode, header};

use super::Panel;
use super::problem::Refusal;
use ::api::Problem;

/// The routes that machines ask.
pub fn routes() -> Router<Panel> {
    Router::new().route("/healthz", get(alive)).route("/readyz", get(ready)).route("/metrics", get(metrics))
}

/// The process answers; nothing more is said.
async fn alive() -> &'static str {
    "ok\n"
}

/// The database answers, so pages can be served. The engine may be away: the pages say so themselves.
async fn ready(State(panel): State<Panel>) -> Response {
    match crate::events::newest(&panel.db).await {
        Ok(_) => "ready\n".into_response(),
        Err(error) => {
            tracing::warn!(error = &error as &dyn std::error::Error, "not ready: the database does not answer");
            (StatusCode::SERVICE_UNAVAILABLE, "the database does not answer\n").into_response()
        }
    }
}

/// Prometheus' text format, for this machine only: behind a proxy everybody would come from loopback, so a request that
/// was forwarded is refused too.
async fn metrics(
    State(panel): State<Panel>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: http::HeaderMap,
) -> Response {
    if !peer.ip().to_canonical().is_loopback() || headers.contains_key("x-forwarded-for") {
        let detail = "Metrics are given to this machine only. Scrape them on the machine that runs Summoner.";
        return Refusal(Problem::new(403, "loopback_only", "Not from here", detail)).into_response();
    }
    let kind = [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")];
    (kind, panel.metrics.render()).into_response()
}
