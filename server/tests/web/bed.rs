//! A panel without a port: requests go into its router, answers come out.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use api::Problem;
use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::ConnectInfo;
use http::{HeaderMap, Method, Request, Response, StatusCode, header};
use metrics_exporter_prometheus::PrometheusRecorder;
use server::auth::{Actor, Auth, NewUser, Peer, Role};
use server::catalog::Catalog;
use server::clock::{Clock, Random};
use server::engine::fake::{FakeEngine, Script};
use server::engine::watch::{NodeId, Snapshot, World};
use server::engine::{ContainerSpec, Engine, MARK_LABEL, Mark, TOOL_LABEL};
use server::health::probe::{Prober, install_crypto};
use server::operations::Operations;
use server::registry::{Config, FakeRegistry, FixedCredentials, Logins, Platform, Reference, Registry, Versions};
use server::secrets::{Place, Vault};
use server::tools::{Means, Parts, Readings, Tools};
use server::web::live::Hub;
use server::web::origin::Origins;
use server::web::{Panel, site};
use sqlx::PgPool;
use tokio_util::sync::{CancellationToken, DropGuard};
use tower::ServiceExt as _;
use uuid::Uuid;

/// What opens the metrics to other machines.
pub const METRICS_TOKEN: &str = "a token for the scraper";
/// Everybody's password.
pub const PASSWORD: &str = "correct horse battery";

/// Where the panel is opened.
pub const ORIGIN: &str = "http://localhost:8300";

/// A panel with three people.
pub struct Bed {
    pub router: Router,
    pub hub: Arc<Hub>,
    pub engine: FakeEngine,
    vault: Vault,
    world: World,
    db: PgPool,
    pub clock: Clock,
    pub auth: Arc<Auth>,
    /// Counts what is done while it is the thread's recorder.
    pub recorder: PrometheusRecorder,
    registry: Arc<FakeRegistry>,
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

    /// The page; what is none ends the test.
    pub fn page(&self) -> String {
        let kind = self.header("content-type");
        assert!(kind.starts_with("text/html"), "{} {kind}: {}", self.status, self.text());
        let page = self.text();
        assert!(page.contains("<h1") && page.contains("</html>"), "{page}");
        page
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

impl Bed {
    pub async fn new(db: &PgPool) -> Self {
        let clock = Clock::fixed("2026-11-21T12:00:00Z".parse().unwrap());
        let registry = Arc::new(FakeRegistry::new(clock.clone()));
        Self::on(db, FakeEngine::new(clock.clone()), clock, registry.clone(), registry).await
    }

    /// A panel that asks `asked` for versions.
    pub async fn with(db: &PgPool, clock: Clock, asked: Arc<dyn Registry>) -> Self {
        let registry = Arc::new(FakeRegistry::new(clock.clone()));
        Self::on(db, FakeEngine::new(clock.clone()), clock, registry, asked).await
    }

    /// With a tool `wiki` whose container wrote these lines; its service is `app`.
    pub async fn with_tool(db: &PgPool, lines: &[&str]) -> Self {
        let clock = Clock::fixed("2026-11-21T12:00:00Z".parse().unwrap());
        let engine = FakeEngine::new(clock.clone());
        let (tool_id, mark) = (Uuid::from_u128(21), Mark(Uuid::from_u128(22)));
        let labels = [(TOOL_LABEL.to_owned(), tool_id.to_string()), (MARK_LABEL.to_owned(), mark.to_string())].into();
        let (name, image) = ("wiki-app-1".to_owned(), "example.org/site@sha256:0".to_owned());
        let spec = ContainerSpec { name, image, labels, ..ContainerSpec::default() };
        engine.run_by_hand(&spec, lines.iter().fold(Script::healthy(), |script, line| script.logging(line)));
        let registry = Arc::new(FakeRegistry::new(clock.clone()));
        let bed = Self::on(db, engine, clock, registry.clone(), registry).await;
        let compose = Catalog::embedded().get("static-site").unwrap().compose.text().to_owned();
        let place = Place::new("revisions", "secrets", format!("{tool_id}/1"));
        let secrets = bed.vault.seal(&place, &"{}".to_owned().into()).unwrap();
        for statement in [
            "insert into tools (tool_id, node, name, entry, entry_name, state, desired, revision, created_at)
             values ($1, 'here', 'wiki', 'static-site', 'Static site', 'installed', 'running', 1, now())",
            "insert into services (tool_id, revision, service, position, image, digest)
             values ($1, 1, 'app', 0, 'example.org/site:1', 'sha256:0')",
        ] {
            sqlx::query(statement).bind(tool_id).execute(db).await.unwrap();
        }
        sqlx::query(
            "insert into resources (mark, tool_id, node, kind, name, service, revision, state)
             values ($1, $2, 'here', 'container', 'wiki-app-1', 'app', 1, 'present')",
        )
        .bind(mark.0)
        .bind(tool_id)
        .execute(db)
        .await
        .unwrap();
        sqlx::query(
            "insert into revisions (tool_id, revision, compose, answers, secrets, versions, ports, reach, created_at)
             values ($1, 1, $2, '{}', $3, '{}', '{}', 'machine', now())",
        )
        .bind(tool_id)
        .bind(compose)
        .bind(secrets)
        .execute(db)
        .await
        .unwrap();
        bed
    }

    async fn on(
        db: &PgPool,
        engine: FakeEngine,
        clock: Clock,
        registry: Arc<FakeRegistry>,
        asked: Arc<dyn Registry>,
    ) -> Self {
        install_crypto();
        let random = Random::System;
        let folder = std::env::temp_dir().join(format!("summoner-web-{}", random.id(&Clock::System).simple()));
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(folder.join("manifest.json"), "{}").unwrap();
        let vault = Vault::open(&folder.join("key"), &random).unwrap();
        let (listing, info) = (engine.list().await.unwrap(), engine.info().await.unwrap());
        let seen = Snapshot::unknown(NodeId::new("here")).listed(listing, info, clock.now());
        let world = World::standing(seen);
        let means = Arc::new(Means {
            engine: Arc::new(engine.clone()),
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
            versions: Arc::new(Versions::new(db.clone(), asked, clock.clone())),
            logins: Logins::new(db.clone(), vault.clone(), clock.clone(), random.clone()),
            world: world.clone(),
            operations: Operations::new(db.clone(), clock.clone(), random.clone()),
            mirrors: BTreeMap::new(),
        });
        let recorder = server::web::recorder().unwrap();
        let hub = Arc::new(Hub::default());
        let auth = Arc::new(Auth::new(db.clone(), clock.clone(), random.clone()));
        let panel = Panel {
            auth: auth.clone(),
            tools,
            hub: hub.clone(),
            db: db.clone(),
            clock: clock.clone(),
            random,
            is_https: false,
            origins: Origins { public: ORIGIN.to_owned(), by_address: false },
            trusted_proxies: Arc::default(),
            metrics: recorder.handle(),
            metrics_token: Some(METRICS_TOKEN.into()),
            build: "test".into(),
        };
        let router = site(panel, &folder).unwrap();
        let bed = Self { router, hub, engine, registry, vault, world, db: db.clone(), clock, auth, recorder, folder };
        for role in Role::ALL {
            let email = format!("{role}@example.org");
            let new = NewUser { email, name: role.to_string(), role, password: PASSWORD.into() };
            bed.auth.add_user(&Actor::command_line(), new).await.unwrap();
        }
        bed
    }

    /// Publishes the proposed images of the static site, so that it can be installed. Nothing runs operations here.
    pub fn publish(&self) {
        let catalog = Catalog::embedded();
        let entry = catalog.get("static-site").unwrap();
        for (key, rule) in &entry.about.images {
            let image: Reference = entry.repository(key).unwrap().parse().unwrap();
            let image = image.with_tag(rule.default.as_deref().unwrap()).unwrap();
            let platform =
                Platform { os: "linux".to_owned(), architecture: "amd64".to_owned(), variant: String::new() };
            let build = Config { platform, created_at: None, labels: BTreeMap::new(), size_bytes: 1 << 20 };
            let digest = self.registry.publish(&image, &[build]);
            let source = format!("{}/{}", image.registry(), image.repository());
            self.engine.offer(&source, digest.as_str(), Script::healthy());
        }
    }

    /// Hears what the database tells, as the program does, until what is given back is dropped.
    pub fn listen(&self) -> DropGuard {
        let (stop, hub, db, world) = (CancellationToken::new(), self.hub.clone(), self.db.clone(), self.world.clone());
        let stopped = stop.clone();
        tokio::spawn(async move { hub.run(&db, &world, stopped).await });
        stop.drop_guard()
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

    /// What the router answers, whose body may go on.
    pub async fn open(&self, request: Request<Body>) -> Response<Body> {
        let mut request = request;
        request.extensions_mut().insert(ConnectInfo(SocketAddr::from((Ipv4Addr::LOCALHOST, 40_000))));
        self.router.clone().oneshot(request).await.unwrap()
    }

    /// The answer, read to its end unless it is a stream, which has none.
    pub async fn ask(&self, request: Request<Body>) -> Answer {
        let (parts, body) = self.open(request).await.into_parts();
        let is_stream = parts.headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind == "text/event-stream");
        let body = if is_stream { Bytes::new() } else { to_bytes(body, 64 << 20).await.unwrap() };
        Answer { status: parts.status, headers: parts.headers, body }
    }

    pub async fn get(&self, path: &str, cookie: &str) -> Answer {
        self.ask(Request::get(path).header(header::COOKIE, cookie).body(Body::empty()).unwrap()).await
    }

    /// Posts a form as a browser without JavaScript does.
    pub async fn post(&self, path: &str, cookie: &str, form: &str) -> Answer {
        let request = Request::post(path)
            .header(header::COOKIE, cookie)
            .header(header::ORIGIN, ORIGIN)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Body::from(form.to_owned()));
        self.ask(request.unwrap()).await
    }

    /// Sends JSON.
    pub async fn send(&self, method: &Method, path: &str, cookie: &str, json: &str) -> Answer {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::COOKIE, cookie)
            .header(header::ORIGIN, ORIGIN)
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
