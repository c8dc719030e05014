//! A panel without a port: requests go into its router, answers come out.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use api::Problem;
use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::ConnectInfo;
use http::{HeaderMap, Method, Request, StatusCode, header};
use metrics_exporter_prometheus::PrometheusRecorder;
use server::auth::{Actor, Auth, NewUser, Peer, Role};
use server::catalog::Catalog;
use server::clock::{Clock, Random};
use server::engine::Engine;
use server::engine::fake::FakeEngine;
use server::engine::watch::{NodeId, Snapshot, World};
use server::health::probe::{Prober, install_crypto};
use server::operations::Operations;
use server::registry::{FakeRegistry, FixedCredentials, Logins, Registry, Versions};
use server::secrets::Vault;
use server::tools::{Means, Parts, Readings, Tools};
use server::web::live::Hub;
use server::web::{Panel, site};
use sqlx::PgPool;
use tower::ServiceExt as _;

/// What opens the metrics to other machines.
pub const METRICS_TOKEN: &str = "a token for the scraper";
/// Everybody's password.
pub const PASSWORD: &str = "correct horse battery";

/// A panel with three people.
pub struct Bed {
    pub router: Router,
    pub clock: Clock,
    pub auth: Arc<Auth>,
    /// Counts what is done while it is the thread's recorder.
    pub recorder: PrometheusRecorder,
    folder: PathBuf,
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Answer {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The refusal; what is none ends the test.
    pub fn problem(&self) -> Problem {
        let kind = self.header("content-type");
        assert_eq!(kind, "application/problem+json", "{}: {}", self.status, self.text());
        let problem: Problem = serde_json::from_slice(&self.body).unwrap();
        assert_eq!(problem.status, self.status.as_u16());
        assert!(!problem.detail.is_empty() && !problem.code.is_empty() && problem.detail.ends_with(['.', '”']));
        problem
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

impl Bed {
    pub async fn new(db: &PgPool) -> Self {
        let clock = Clock::fixed("2026-11-21T12:00:00Z".parse().unwrap());
        let registry = FakeRegistry::new(clock.clone());
        Self::with(db, clock, Arc::new(registry)).await
    }

    /// A panel that asks `registry` for versions.
    pub async fn with(db: &PgPool, clock: Clock, registry: Arc<dyn Registry>) -> Self {
        install_crypto();
        let random = Random::System;
        let folder = std::env::temp_dir().join(format!("summoner-web-{}", random.id(&Clock::System).simple()));
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(folder.join("manifest.json"), "{}").unwrap();
        let vault = Vault::open(&folder.join("key"), &random).unwrap();
        let engine = FakeEngine::new(clock.clone());
        let (listing, info) = (engine.list().await.unwrap(), engine.info().await.unwrap());
        let seen = Snapshot::unknown(NodeId::new("here")).listed(listing, info, clock.now());
        let means = Arc::new(Means {
            engine: Arc::new(engine),
            db: db.clone(),
            clock: clock.clone(),
            vault: Arc::new(vault.clone()),
            node: "here".to_owned(),
            host: "localhost".to_owned(),
            credentials: Arc::new(FixedCredentials::default()),
            prober: Prober::new().unwrap(),
            readings: Readings::default(),
        });
        let tools = Tools::new(Parts {
            means,
            random: random.clone(),
            catalog: Arc::new(Catalog::embedded()),
            versions: Arc::new(Versions::new(db.clone(), registry, clock.clone())),
            logins: Logins::new(db.clone(), vault, clock.clone(), random.clone()),
            world: World::standing(seen),
            operations: Operations::new(db.clone(), clock.clone(), random.clone()),
            mirrors: BTreeMap::new(),
        });
        let recorder = server::web::recorder().unwrap();
        let auth = Arc::new(Auth::new(db.clone(), clock.clone(), random.clone()));
        let panel = Panel {
            auth: auth.clone(),
            tools,
            hub: Arc::new(Hub::default()),
            db: db.clone(),
            clock: clock.clone(),
            random,
            is_https: false,
            origin: "http://localhost:8300".to_owned(),
            trusted_proxies: Arc::default(),
            metrics: recorder.handle(),
            metrics_token: Some(METRICS_TOKEN.into()),
            build: "test".into(),
        };
        let bed = Self { router: site(panel, &folder).unwrap(), clock, auth, recorder, folder };
        for role in Role::ALL {
            let email = format!("{role}@example.org");
            let new = NewUser { email, name: role.to_string(), role, password: PASSWORD.into() };
            bed.auth.add_user(&Actor::command_line(), new).await.unwrap();
        }
        bed
    }

    /// The cookie of a new session of the person with that role.
    pub async fn sign_in(&self, role: Role) -> String {
        self.sign_in_with(role, PASSWORD).await.unwrap()
    }

    pub async fn sign_in_with(&self, role: Role, password: &str) -> Result<String, server::auth::Error> {
        let peer = Peer { address: Ipv4Addr::new(192, 0, 2, 7).into(), user_agent: "Firefox/150".to_owned() };
        let (token, _) = self.auth.sign_in(&format!("{role}@example.org"), &password.into(), &peer).await?;
        Ok(format!("summoner={}", token.reveal()))
    }

    pub async fn ask(&self, request: Request<Body>) -> Answer {
        let mut request = request;
        request.extensions_mut().insert(ConnectInfo(SocketAddr::from((Ipv4Addr::LOCALHOST, 40_000))));
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        Answer { status: parts.status, headers: parts.headers, body: to_bytes(body, 64 << 20).await.unwrap() }
    }

    pub async fn get(&self, path: &str, cookie: &str) -> Answer {
        self.ask(Request::get(path).header(header::COOKIE, cookie).body(Body::empty()).unwrap()).await
    }

    /// Sends JSON.
    pub async fn send(&self, method: &Method, path: &str, cookie: &str, json: &str) -> Answer {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::COOKIE, cookie)
            .header(header::CONTENT_TYPE, "application/json")
            .body(Body::from(json.to_owned()));
        self.ask(request.unwrap()).await
    }
}

impl Drop for Bed {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.folder).unwrap();
    }
}

/// Every route of the API, from its own description: method and path with `{…}`.
pub fn routes() -> Vec<(Method, String)> {
    let document = serde_json::to_value(server::web::api::whole_document()).unwrap();
    let mut routes = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for method in methods.as_object().unwrap().keys() {
            if let Ok(method) = Method::from_bytes(method.to_uppercase().as_bytes()) {
                routes.push((method, path.clone()));
            }
        }
    }
    assert!(routes.len() > 30, "{routes:?}");
    routes
}

/// The path with something in the place of each parameter.
pub fn filled(path: &str) -> String {
    let id = "00000000-0000-7000-8000-000000000000";
    path.replace("{operation}", id)
        .replace("{session}", id)
        .replace("{entry}", "static-site")
        .replace("{registry}", "registry.example")
        .replace("{tool}", "wiki")
}
