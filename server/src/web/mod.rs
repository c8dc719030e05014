//! HTTP: the API under `/api/v1`, the pages, and what the machine asks (`/healthz`, `/readyz`, `/metrics`).
//!
//! A handler parses, calls one domain function with the [`crate::auth::Actor`], and converts. Rights are checked in the
//! domain. The pages call the same API router in-process; there is no private path.

pub mod api;
pub mod assets;
mod audit;
mod conditional;
pub mod input;
pub mod live;
mod machine;
pub mod origin;
pub mod pages;
mod paging;
mod peer;
mod problem;
pub mod serving;
mod session;
mod streams;

use std::path::Path;
use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, FromRef};
use axum::middleware;
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder};
use secrecy::SecretString;
use tower_http::CompressionLevel;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use utoipa_axum::router::OpenApiRouter;

use crate::auth::Auth;
use crate::clock::{Clock, Random};
use crate::config::Network;
use crate::db::Db;
use crate::tools::Tools;

pub use session::setup_path;

/// Where one bucket of answer times ends and the next begins, in seconds.
const TIMES: [f64; 10] = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0];

/// What keeps the numbers that `/metrics` shows.
///
/// # Errors
/// Never: the buckets are constants and not empty.
pub fn recorder() -> Result<PrometheusRecorder, BuildError> {
    let times = Matcher::Suffix("_duration_seconds".to_owned());
    Ok(PrometheusBuilder::new().set_buckets_for_metric(times, &TIMES)?.build_recorder())
}

/// The largest request body that is read: forms and JSON are small.
const LARGEST_BODY: usize = 256 * 1024;

/// Everything that handlers work with.
#[derive(Clone)]
pub struct Panel {
    /// People and sessions.
    pub auth: Arc<Auth>,
    /// Tools and their operations.
    pub tools: Tools,
    /// The live streams.
    pub hub: Arc<live::Hub>,
    /// The database, for `/readyz`.
    pub db: Db,
    /// The time.
    pub clock: Clock,
    /// Randomness, for idempotency keys of forms.
    pub random: Random,
    /// Whether the panel is reached over https, so that its cookies are `Secure` and carry the `__Host-` prefix.
    pub is_https: bool,
    /// The origins under which people reach the panel.
    pub origins: origin::Origins,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Arc<[Network]>,
    /// What `/metrics` shows.
    pub metrics: PrometheusHandle,
    /// What opens `/metrics` to other machines; `None` leaves it to this one.
    pub metrics_token: Option<SecretString>,
    /// Names the build, so that a page of another one knows that it is out of date. [`site`] adds the bundle's name.
    pub build: Arc<str>,
}

impl FromRef<Panel> for Arc<Auth> {
    fn from_ref(panel: &Panel) -> Self {
        panel.auth.clone()
    }
}

/// The routes of the API under their full paths, without an answer for paths that do not exist.
fn api_routes(panel: &Panel) -> Router {
    let (router, document) = OpenApiRouter::with_openapi(api::document())
        .nest(::api::ROOT, api::routes())
        .with_state(panel.clone())
        .split_for_parts();
    let document = api::complete(document);
    router
        .route("/api/v1/openapi.json", axum::routing::get(async move || axum::Json(document)))
        .method_not_allowed_fallback(api::method_not_allowed)
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .layer(middleware::from_fn_with_state(panel.clone(), audit::note_denied))
}

/// The API alone, uncompressed, as the pages call it in-process.
pub fn api_router(panel: &Panel) -> Router {
    api_routes(panel).fallback(api::not_found)
}

/// The whole site: API, pages and the files of the browser bundle in `bundle`.
///
/// # Errors
/// When the bundle's manifest cannot be read.
pub fn site(mut panel: Panel, bundle: &Path) -> std::io::Result<Router> {
    let (clock, random, is_https) = (panel.clock.clone(), panel.random.clone(), panel.is_https);
    let assets = assets::names(bundle)?;
    panel.build = format!("{}+{}", panel.build, assets::build(&assets)).into();
    let pages = pages::pages(pages::Site {
        api: api_router(&panel),
        assets,
        key: Arc::new(move || random.id(&clock).to_string()),
    });
    Ok(Router::new()
        .merge(api_routes(&panel).layer(middleware::from_fn(conditional::tag)))
        .route("/api/{*path}", axum::routing::any(api::not_found))
        .merge(machine::routes().with_state(panel.clone()))
        .merge(session::routes().with_state(panel.clone()))
        .merge(assets::assets(bundle))
        .merge(pages)
        .layer(CompressionLayer::new().quality(CompressionLevel::Precise(4)))
        .layer(middleware::map_response(conditional::weaken))
        .layer(middleware::from_fn_with_state(panel.clone(), origin::same_origin))
        .layer(middleware::from_fn_with_state(panel, peer::know_peer))
        .layer(CatchPanicLayer::custom(problem::panicked))
        .layer(middleware::from_fn_with_state(is_https, origin::shield)))
}
