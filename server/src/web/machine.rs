//! What machines ask: is the process alive, can it serve, how much does it do.

use std::net::SocketAddr;

use axum::Router;
use axum::extract::{ConnectInfo, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::{HeaderMap, StatusCode, header};
use secrecy::ExposeSecret as _;

use super::Panel;
use super::origin::is_loopback;
use super::problem::Refusal;
use crate::auth::Actor;
use crate::secrets::Token;

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

/// Prometheus' text format, for this machine and for whoever has the token.
async fn metrics(
    State(panel): State<Panel>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
) -> Response {
    if !is_own_machine(peer, &headers) && !has_token(&panel, &headers) {
        let detail = "Metrics are given to this machine, and to those who send the token of SUMMONER_METRICS_TOKEN.";
        return Refusal::new(403, "loopback_only", "Not from here", detail).into_response();
    }
    measure(&panel).await;
    let kind = [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")];
    (kind, panel.metrics.render()).into_response()
}

/// What proxies leave in a request.
const FORWARDING: [&str; 6] =
    ["forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip"];

/// Behind a proxy everybody would come from loopback, so what was forwarded does not count as this machine's, nor what
/// asks for another host.
fn is_own_machine(peer: SocketAddr, headers: &HeaderMap) -> bool {
    let host = headers.get(header::HOST).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let is_forwarded = FORWARDING.iter().any(|name| headers.contains_key(*name));
    peer.ip().to_canonical().is_loopback() && is_loopback(host) && !is_forwarded
}

fn has_token(panel: &Panel, headers: &HeaderMap) -> bool {
    let Some(wanted) = &panel.metrics_token else { return false };
    let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let given = given.and_then(|value| value.strip_prefix("Bearer ")).map(str::trim);
    // Hashes are compared: how long that takes says nothing about the token.
    given.is_some_and(|given| Token::presented(given).hash() == Token::presented(wanted.expose_secret()).hash())
}

/// Writes down what is true now and is not counted as it happens.
async fn measure(panel: &Panel) {
    let version = panel.build.split('+').next().unwrap_or_default().to_owned();
    metrics::gauge!("summoner_build_info", "version" => version).set(1.0);
    metrics::gauge!("summoner_database_connections", "state" => "open").set(f64::from(panel.db.size()));
    let idle = u32::try_from(panel.db.num_idle()).unwrap_or(u32::MAX);
    metrics::gauge!("summoner_database_connections", "state" => "idle").set(f64::from(idle));
    if let Err(error) = panel.tools.measure(&Actor::system("metrics")).await {
        tracing::warn!(error = &error as &dyn std::error::Error, "metrics of the tools could not be taken");
    }
    process();
}

/// Memory and processor time of this process, from `/proc` (proc(5)); nothing where there is none.
fn process() {
    let text = |name| std::fs::read_to_string(format!("/proc/self/{name}")).unwrap_or_default();
    let status = text("status");
    let resident =
        status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix("kB")?.trim().parse().ok());
    if let Some(kilobytes) = resident {
        let kilobytes: u32 = kilobytes;
        metrics::gauge!("process_resident_memory_bytes").set(f64::from(kilobytes) * 1024.0);
    }
    // The name of the program stands in parentheses and may hold spaces; what follows begins with the third field.
    let stat = text("stat");
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |field: usize| fields.get(field - 3).and_then(|ticks| ticks.parse::<u64>().ok());
    if let Some((user, system)) = ticks(14).zip(ticks(15)) {
        // Linux shows times to programs in hundredths of a second on every architecture.
        metrics::counter!("process_cpu_milliseconds_total").absolute((user + system) * 10);
    }
}
