//! Ways to an engine: a port with certificates on both sides, and engines that answer but cannot be used.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use axum::Json;
use axum::Router;
use axum::response::IntoResponse as _;
use futures_util::StreamExt as _;
use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use serde_json::{Value, json};
use server::clock::Clock;
use server::engine::docker::Docker;
use server::engine::watch::{NodeId, Reachability, Watcher};
use server::engine::{ContainerState, Engine, Error};
use tokio::net::{TcpListener, UnixStream};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use crate::bed::{folder, on_docker, run_id};

/// An authority that signs certificates, and the folders of those that it signed.
struct Authority {
    folder: PathBuf,
}

impl Authority {
    fn new() -> Self {
        let authority = Self { folder: folder(&run_id()) };
        authority.openssl("req -x509 -days 1 -nodes -subj /CN=authority -keyout ca-key.pem -out ca.pem");
        std::fs::write(authority.folder.join("leaf.cnf"), "subjectAltName=IP:127.0.0.1\nbasicConstraints=CA:FALSE\n")
            .unwrap();
        authority
    }

    /// Signs a certificate; gives the folder with `ca.pem`, `cert.pem` and `key.pem`, as Docker's clients want it.
    fn sign(&self, name: &str) -> PathBuf {
        let signed = self.folder.join(name);
        std::fs::create_dir_all(&signed).unwrap();
        self.openssl(&format!("req -nodes -subj /CN={name} -keyout {name}/key.pem -out {name}/request.pem"));
        let sign = "x509 -req -days 1 -CA ca.pem -CAkey ca-key.pem -CAcreateserial -extfile leaf.cnf";
        self.openssl(&format!("{sign} -in {name}/request.pem -out {name}/cert.pem"));
        std::fs::copy(self.folder.join("ca.pem"), signed.join("ca.pem")).unwrap();
        signed
    }

    fn openssl(&self, arguments: &str) {
        let is_new = arguments.starts_with("req");
        let key: &[&str] = if is_new { &["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"] } else { &[] };
        let mut openssl = Command::new("openssl");
        openssl.args(arguments.split(' ')).args(key).current_dir(&self.folder).stdin(Stdio::null());
        let output = openssl.output().expect("these tests need openssl");
        assert!(output.status.success(), "{arguments}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

impl Drop for Authority {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.folder).unwrap();
    }
}

fn certificates(file: &Path) -> Vec<CertificateDer<'static>> {
    CertificateDer::pem_file_iter(file).unwrap().map(Result::unwrap).collect()
}

/// The machine's engine behind a port that asks for certificates of `authority`; gives the address.
async fn engine_over_tls(authority: &Authority) -> String {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let own = authority.sign("engine");
    let mut roots = RootCertStore::empty();
    for certificate in certificates(&own.join("ca.pem")) {
        roots.add(certificate).unwrap();
    }
    let key = PrivateKeyDer::from_pem_file(own.join("key.pem")).unwrap();
    let config = rustls::ServerConfig::builder()
        .with_client_cert_verifier(WebPkiClientVerifier::builder(roots.into()).build().unwrap())
        .with_single_cert(certificates(&own.join("cert.pem")), key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let host = std::env::var("DOCKER_HOST").unwrap_or_else(|_| "unix:///var/run/docker.sock".to_owned());
    let socket = host.strip_prefix("unix://").expect("an engine at a socket").to_owned();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (acceptor, socket) = (acceptor.clone(), socket.clone());
            tokio::spawn(async move {
                match acceptor.accept(stream).into_fallible().await {
                    Ok(mut from_client) => {
                        let mut to_engine = UnixStream::connect(socket).await.unwrap();
                        // Either side may leave when it likes.
                        let _ = tokio::io::copy_bidirectional(&mut from_client, &mut to_engine).await;
                    }
                    // What was sent already is read, or the reset would overtake the reason.
                    Err((_, mut refused)) => {
                        let _ = tokio::io::copy(&mut refused, &mut tokio::io::sink()).await;
                    }
                }
            });
        }
    });
    format!("tcp://{address}")
}

fn reason(answer: Result<impl std::fmt::Debug, Error>) -> String {
    match answer {
        Err(Error::Unreachable { reason } | Error::Refused { reason, .. }) => reason,
        other => panic!("neither out of reach nor refused: {other:?}"),
    }
}

#[tokio::test]
async fn an_engine_over_tls_is_driven_like_any_other() {
    on_docker(async |bed| {
        let authority = Authority::new();
        let address = engine_over_tls(&authority).await;
        let engine = Docker::connect_with(Some(&address), Some(authority.sign("panel"))).unwrap();
        assert_eq!(engine.info().await.unwrap(), bed.engine.info().await.unwrap());

        let mut changes = engine.changes(None).await.unwrap();
        let id = engine.create_container(&bed.container("a", "sleep 1000")).await.unwrap();
        engine.start_container(&id).await.unwrap();
        changes.next().await.expect("a change").unwrap();
        let listed = engine.list().await.unwrap().containers;
        let found = listed.iter().find(|container| container.id == id).expect("the container");
        assert_eq!(found.state, ContainerState::Running);
    })
    .await;
}

#[tokio::test]
async fn certificates_that_do_not_fit_are_told_with_what_to_do() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let address = engine_over_tls(&authority).await;
    let ask = async |folder: PathBuf| match Docker::connect_with(Some(&address), Some(folder)) {
        Ok(engine) => reason(engine.info().await),
        Err(error) => reason(Err::<(), _>(error)),
    };

    let said = ask(stranger.sign("panel")).await;
    assert!(said.contains("does not know who signed the certificate") && said.contains("ca.pem"), "{said}");

    let foreign = stranger.sign("foreign");
    std::fs::copy(authority.folder.join("ca.pem"), foreign.join("ca.pem")).unwrap();
    let said = ask(foreign).await;
    assert!(said.contains("does not accept our certificate") && said.contains("cert.pem"), "{said}");

    let bare = authority.folder.join("bare");
    std::fs::create_dir_all(&bare).unwrap();
    std::fs::copy(authority.folder.join("ca.pem"), bare.join("ca.pem")).unwrap();
    let said = ask(bare).await;
    assert!(said.contains("cert.pem"), "{said}");

    let said = ask(authority.folder.join("nowhere")).await;
    assert!(said.contains("ca.pem"), "{said}");
}

/// An engine that gives this answer to questions for its version, and has nothing else.
async fn engine_of_version(version: Value) -> String {
    let versions = version.clone();
    let router = Router::new().fallback(async move |request: axum::extract::Request| {
        match request.uri().path().ends_with("/version") {
            true => Json(versions).into_response(),
            false => (http::StatusCode::NOT_FOUND, Json(json!({ "message": "page not found" }))).into_response(),
        }
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("tcp://{address}")
}

/// What the pages say about an engine, once it was asked.
async fn told(address: &str) -> String {
    let engine = Arc::new(Docker::connect_with(Some(address), None).unwrap());
    let (watcher, world) = Watcher::new(NodeId::new("other"), engine, Clock::System);
    let cancel = CancellationToken::new();
    let task = tokio::spawn(watcher.run(cancel.clone()));
    let mut snapshots = world.subscribe();
    let is_told = |engine: &Reachability| matches!(engine, Reachability::Down { reason, .. } if reason.contains("container engine"));
    let wait = snapshots.wait_for(|snapshot| is_told(&snapshot.engine));
    let found = tokio::time::timeout(std::time::Duration::from_secs(30), wait).await;
    let Reachability::Down { reason, .. } = found.expect("a reason in time").unwrap().engine.clone() else {
        panic!("an engine that is up")
    };
    cancel.cancel();
    task.await.unwrap();
    reason
}

#[tokio::test]
async fn an_engine_that_is_too_old_is_refused_with_the_version_that_is_needed() {
    on_docker(async |bed| {
        // The real answer of this machine's engine, with the numbers of Docker 19.03.
        let mut version = serde_json::to_value(bed.raw.version().await.unwrap()).unwrap();
        version["Version"] = json!("19.03.15");
        version["ApiVersion"] = json!("1.40");
        let address = engine_of_version(version).await;
        let said = told(&address).await;
        assert!(said.contains("it is Docker 19.03.15, which speaks API 1.40; Summoner needs 1.41"), "{said}");
    })
    .await;
}

#[tokio::test]
async fn podman_is_refused_kindly() {
    // What `podman system service` of Podman 4.3.1 answers, shortened.
    let address = engine_of_version(json!({
        "Platform": { "Name": "linux/amd64/debian-12" },
        "Components": [
            { "Name": "Podman Engine", "Version": "4.3.1", "Details": { "APIVersion": "4.3.1", "MinAPIVersion": "4.0.0" } },
            { "Name": "Conmon", "Version": "conmon version 2.1.6, commit: unknown", "Details": { "Package": "conmon" } },
        ],
        "Version": "4.3.1", "ApiVersion": "1.41", "MinAPIVersion": "1.24", "GoVersion": "go1.19.8", "Os": "linux",
        "Arch": "amd64", "KernelVersion": "6.1.0", "BuildTime": "1970-01-01T01:00:00+01:00",
    }))
    .await;
    let said = told(&address).await;
    assert!(said.contains("this is Podman") && said.contains("install Docker Engine 20.10 or newer"), "{said}");
}
