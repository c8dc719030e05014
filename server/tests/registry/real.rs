//! Against Debian's `docker-registry`, filled through its own HTTP API.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use reqwest::{Client, Method, Response, Url};
use serde_json::{Value, json};
use server::registry::{Digest, Error, Platform, Registry as _};

use crate::{client, config, image};

/// `ci` with the password `s3cret`, hashed with bcrypt.
const HTPASSWD: &str = "ci:$2b$05$abcdefghijklmnopqrstuuLK7U1u6pVRmL7L1BBM2aS35PSZnDXlK\n";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// A registry process with a folder of its own; both go with the value.
struct RealRegistry {
    child: Child,
    folder: PathBuf,
    host: String,
    client: Client,
    password: Option<&'static str>,
}

impl RealRegistry {
    /// Starts one that asks for `password`, or is open to everyone.
    #[expect(clippy::disallowed_methods, reason = "the registry and whoever fills it are no part of Summoner")]
    async fn start(password: Option<&'static str>) -> Self {
        // Fails when one is installed already, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let folder = std::env::temp_dir().join(format!("summoner-registry-{}-{port}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("htpasswd"), HTPASSWD).unwrap();
        let mut settings = json!({
            "version": "0.1",
            "log": { "level": "error" },
            "storage": { "filesystem": { "rootdirectory": folder.join("data") } },
            "http": { "addr": format!("127.0.0.1:{port}") },
        });
        if password.is_some() {
            settings["auth"] = json!({ "htpasswd": { "realm": "test", "path": folder.join("htpasswd") } });
        }
        // JSON is YAML.
        std::fs::write(folder.join("config.yml"), settings.to_string()).unwrap();
        let child = Command::new("docker-registry")
            .arg("serve")
            .arg(folder.join("config.yml"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the package docker-registry is installed");
        let registry = Self { child, folder, host: format!("127.0.0.1:{port}"), client: Client::new(), password };
        let deadline = Instant::now() + Duration::from_secs(20);
        while registry.client.get(registry.url("")).send().await.is_err() {
            assert!(Instant::now() < deadline, "the registry did not start");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        registry
    }

    fn url(&self, path: &str) -> Url {
        Url::parse(&format!("http://{}/v2/{path}", self.host)).unwrap()
    }

    async fn send(&self, method: Method, url: Url, content_type: &str, body: Vec<u8>) -> Response {
        let mut request = self.client.request(method, url).header("content-type", content_type).body(body);
        if let Some(password) = self.password {
            request = request.basic_auth("ci", Some(password));
        }
        let response = request.send().await.unwrap();
        assert!(response.status().is_success(), "{}", response.text().await.unwrap());
        response
    }

    async fn push_blob(&self, repository: &str, content: &[u8]) -> Value {
        let begun = self.send(Method::POST, self.url(&format!("{repository}/blobs/uploads/")), "text/plain", vec![]);
        let location = begun.await.headers()["location"].to_str().unwrap().to_owned();
        let mut url = self.url("").join(&location).unwrap();
        let digest = Digest::of(content);
        url.query_pairs_mut().append_pair("digest", digest.as_str());
        self.send(Method::PUT, url, "application/octet-stream", content.to_vec()).await;
        json!({ "digest": digest, "size": content.len() })
    }

    async fn push_manifest(&self, repository: &str, name: &str, manifest: &Value) -> Digest {
        let body = manifest.to_string().into_bytes();
        let digest = Digest::of(&body);
        let kind = manifest["mediaType"].as_str().unwrap().to_owned();
        self.send(Method::PUT, self.url(&format!("{repository}/manifests/{name}")), &kind, body).await;
        digest
    }

    /// Pushes an image of one layer of `size` bytes, by its digest or under `tag`; gives digest and manifest size.
    async fn push_image(
        &self,
        repository: &str,
        tag: Option<&str>,
        architecture: &str,
        size: usize,
    ) -> (Digest, usize) {
        let configuration = json!({
            "architecture": architecture,
            "os": "linux",
            "created": "2026-10-01T08:30:00Z",
            "config": { "Labels": { "org.opencontainers.image.title": repository } },
            "rootfs": { "type": "layers", "diff_ids": [] },
        });
        let mut config = self.push_blob(repository, configuration.to_string().as_bytes()).await;
        config["mediaType"] = json!("application/vnd.oci.image.config.v1+json");
        let mut layer = self.push_blob(repository, &vec![7; size]).await;
        layer["mediaType"] = json!("application/vnd.oci.image.layer.v1.tar+gzip");
        let manifest = json!({ "schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": [layer] });
        let text = manifest.to_string();
        let digest = Digest::of(text.as_bytes());
        let name = tag.map_or_else(|| digest.to_string(), str::to_owned);
        assert_eq!(self.push_manifest(repository, &name, &manifest).await, digest);
        (digest, text.len())
    }
}

impl Drop for RealRegistry {
    fn drop(&mut self) {
        // A process that is gone already needs no end.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn platform(architecture: &str) -> Platform {
    Platform { os: "linux".to_owned(), architecture: architecture.to_owned(), variant: String::new() }
}

#[tokio::test]
async fn a_real_registry_tells_tags_platforms_dates_and_sizes() {
    let real = RealRegistry::start(None).await;
    let (amd64, amd64_size) = real.push_image("demo/web", Some("1.0.0"), "amd64", 1_000).await;
    let (arm64, arm64_size) = real.push_image("demo/web", None, "arm64", 2_000).await;
    let entry = |digest: &Digest, size: usize, architecture: &str| json!({ "mediaType": MANIFEST, "digest": digest, "size": size, "platform": { "os": "linux", "architecture": architecture } });
    let index = json!({
        "schemaVersion": 2,
        "mediaType": INDEX,
        "manifests": [entry(&amd64, amd64_size, "amd64"), entry(&arm64, arm64_size, "arm64")],
    });
    let index_digest = real.push_manifest("demo/web", "1.1.0", &index).await;

    let registry = client(config(&[&real.host]), &[]);
    let web = image(&format!("{}/demo/web", real.host));
    // This registry keeps no order.
    let mut tags = registry.tags(&web).await.unwrap().names;
    tags.sort_unstable();
    assert_eq!(tags, ["1.0.0", "1.1.0"]);

    // An index is told by its own digest, and its platforms by theirs.
    let multi = web.with_tag("1.1.0").unwrap();
    assert_eq!(registry.resolve(&multi).await.unwrap(), index_digest);
    let manifest = registry.manifest(&multi).await.unwrap();
    assert_eq!(manifest.digest, index_digest);
    let platforms: Vec<String> = manifest.builds.iter().map(|build| build.platform.to_string()).collect();
    assert_eq!(platforms, ["linux/amd64", "linux/arm64"]);
    let build = manifest.build_for(&platform("arm64")).unwrap();
    assert_eq!((&build.digest, build.size_bytes), (&arm64, None));
    let built = registry.config(&multi, build).await.unwrap();
    assert_eq!(built.size_bytes, 2_000);
    assert_eq!(built.created_at, Some("2026-10-01T08:30:00Z".parse().unwrap()));
    assert_eq!(built.labels["org.opencontainers.image.title"], "demo/web");
    assert_eq!(built.platform, platform("arm64"));

    // A single image tells its platform through its configuration.
    let single = web.with_tag("1.0.0").unwrap();
    let manifest = registry.manifest(&single).await.unwrap();
    assert_eq!((&manifest.digest, manifest.builds.len()), (&amd64, 1));
    assert_eq!(manifest.builds[0].size_bytes, Some(1_000));
    assert_eq!(manifest.builds[0].platform, platform("amd64"));

    // By digest it is the same, without a tag to move.
    assert_eq!(registry.resolve(&web.with_digest(amd64.clone())).await.unwrap(), amd64);
    assert_eq!(registry.manifest(&web.with_digest(amd64)).await.unwrap(), manifest);
}

#[tokio::test]
async fn what_a_real_registry_does_not_have_is_not_found() {
    let real = RealRegistry::start(None).await;
    real.push_image("demo/web", Some("1.0.0"), "amd64", 10).await;
    let registry = client(config(&[&real.host]), &[]);
    let known = image(&format!("{}/demo/web:2.0.0", real.host));
    let unknown = image(&format!("{}/demo/none:1.0.0", real.host));
    for missing in [&known, &unknown] {
        for answer in [registry.resolve(missing).await.err(), registry.manifest(missing).await.err()] {
            assert!(matches!(answer, Some(Error::NotFound { .. })), "{missing}: {answer:?}");
        }
    }
    let Err(error) = registry.tags(&unknown).await else { panic!("tags of nothing") };
    let said = format!(
        "listing the tags of {host}/demo/none: {host} has no such image or tag; check the name",
        host = real.host
    );
    assert_eq!(error.to_string(), said);
}

#[tokio::test]
async fn a_tag_that_moves_is_seen_at_once() {
    let real = RealRegistry::start(None).await;
    let registry = client(config(&[&real.host]), &[]);
    let latest = image(&format!("{}/demo/web:latest", real.host));
    let (first, _) = real.push_image("demo/web", Some("latest"), "amd64", 10).await;
    assert_eq!(registry.manifest(&latest).await.unwrap().digest, first);
    let (second, _) = real.push_image("demo/web", Some("latest"), "amd64", 20).await;
    assert_ne!(first, second);
    assert_eq!(registry.manifest(&latest).await.unwrap().digest, second);
    assert_eq!(registry.resolve(&latest).await.unwrap(), second);
}

#[tokio::test]
async fn a_real_registry_with_passwords_answers_only_the_right_one() {
    let real = RealRegistry::start(Some("s3cret")).await;
    let (digest, _) = real.push_image("demo/web", Some("1.0.0"), "amd64", 10).await;
    let web = image(&format!("{}/demo/web:1.0.0", real.host));

    let stranger = client(config(&[&real.host]), &[]);
    let Err(error) = stranger.tags(&web).await else { panic!("a stranger was let in") };
    assert!(matches!(error, Error::Unauthorized { .. }), "{error:?}");
    assert!(error.to_string().ends_with("asked for credentials; add them under Settings → Registries"), "{error}");
    assert!(matches!(stranger.resolve(&web).await, Err(Error::Unauthorized { .. })));

    let wrong = client(config(&[&real.host]), &[(&real.host, "ci", "guessed")]);
    let Err(error) = wrong.tags(&web).await else { panic!("a wrong password was accepted") };
    assert!(matches!(error, Error::Denied { .. }), "{error:?}");
    assert!(!format!("{error} {error:?}").contains("guessed"));

    let right = client(config(&[&real.host]), &[(&real.host, "ci", "s3cret")]);
    assert_eq!(right.tags(&web).await.unwrap().names, ["1.0.0"]);
    assert_eq!(right.resolve(&web).await.unwrap(), digest);
    let manifest = right.manifest(&web).await.unwrap();
    assert_eq!(right.config(&web, &manifest.builds[0]).await.unwrap().size_bytes, 10);
}

#[tokio::test]
async fn a_mirror_answers_for_its_registry() {
    let real = RealRegistry::start(None).await;
    let (digest, _) = real.push_image("library/nginx", Some("1.30.4"), "amd64", 10).await;
    let mut config = config(&[]);
    config.mirrors.insert("docker.io".to_owned(), Url::parse(&format!("http://{}", real.host)).unwrap());
    let registry = client(config, &[]);
    assert_eq!(registry.tags(&image("nginx")).await.unwrap().names, ["1.30.4"]);
    assert_eq!(registry.resolve(&image("nginx:1.30.4")).await.unwrap(), digest);
}
