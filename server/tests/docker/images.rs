//! Images, and pulls from a real registry.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use bollard::auth::DockerCredentials;
use bollard::query_parameters as query;
use futures_util::StreamExt;
use secrecy::SecretString;
use serde_json::json;
use server::engine::{Engine, Error, LayerProgress, Pull};

use crate::bed::{Bed, Process, free_port, on_docker};

const USER: &str = "ci";
/// Its encoding has characters in which the two alphabets of Base64 differ.
const PASSWORD: &str = "s~~~???>>>~~?t";
/// The same as bcrypt keeps it, at its lowest cost.
const PASSWORD_HASH: &str = "$2b$04$abcdefghijklmnopqrstuuL26ipiN7AMdxsJU.733vQSl1pviysWS";

/// A registry on a port of this machine.
pub struct Registry {
    pub address: String,
    /// Its configuration: a second process may serve the same data to another network.
    pub config: std::path::PathBuf,
    _process: Process,
}

impl Registry {
    pub async fn start(bed: &Bed, is_closed: bool) -> Self {
        let port = free_port();
        let folder = bed.folder.join(format!("registry-{port}"));
        std::fs::create_dir_all(&folder).unwrap();
        let mut config = format!(
            "version: 0.1\nlog: {{level: warn}}\nstorage:\n  filesystem: {{rootdirectory: {}/data}}\n\
             http: {{addr: '127.0.0.1:{port}'}}\n",
            folder.display()
        );
        if is_closed {
            let users = folder.join("htpasswd");
            std::fs::write(&users, format!("{USER}:{PASSWORD_HASH}\n")).unwrap();
            config.push_str(&format!("auth: {{htpasswd: {{realm: test, path: {}}}}}\n", users.display()));
        }
        let path = folder.join("config.yml");
        std::fs::write(&path, config).unwrap();
        let arguments = ["serve", path.to_str().unwrap()];
        let process = Process::start("docker-registry", &arguments, &folder.join("log"));
        for _ in 0..300 {
            if tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_ok() {
                return Self { address: format!("127.0.0.1:{port}"), config: path, _process: process };
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("the registry does not listen: {}", std::fs::read_to_string(folder.join("log")).unwrap());
    }

    /// Pushes `image` as `name:1`; gives the repository and the digest. The image stays on the node under both names.
    pub async fn push(&self, bed: &Bed, image: &str, name: &str) -> (String, String) {
        let repository = format!("{}/{name}", self.address);
        bed.engine.tag_image(image, &repository, "1").await.unwrap();
        let options = query::PushImageOptions { tag: Some("1".to_owned()), platform: None };
        let credentials = DockerCredentials {
            username: Some(USER.to_owned()),
            password: Some(PASSWORD.to_owned()),
            ..Default::default()
        };
        let raw = bed.raw.clone().with_request_modifier(|mut request| {
            // The client encodes credentials in the alphabet that the engine does not read.
            let value = request.headers()["x-registry-auth"].to_str().unwrap().replace('+', "-").replace('/', "_");
            request.headers_mut().insert("x-registry-auth", value.parse().unwrap());
            request
        });
        let mut steps = raw.push_image(&repository, Some(options), Some(credentials));
        while let Some(step) = steps.next().await {
            step.expect("a pushed image");
        }
        let pushed = bed.engine.image(&format!("{repository}:1")).await.unwrap().expect("the pushed image");
        let prefix = format!("{repository}@");
        let digest = pushed.repo_digests.iter().find_map(|name| name.strip_prefix(&prefix)).expect("its digest");
        (repository, digest.to_owned())
    }
}

fn pull(repository: &str, digest: &str) -> Pull {
    Pull { repository: repository.to_owned(), digest: digest.to_owned(), credentials: None }
}

fn pull_as(user: &str, password: &str, repository: &str, digest: &str) -> Pull {
    let credentials = Some((user.to_owned(), SecretString::from(password)));
    Pull { credentials, ..pull(repository, digest) }
}

/// Pulls, and gives the steps of each layer.
async fn pulled(bed: &Bed, pull: &Pull) -> Result<BTreeMap<String, Vec<LayerProgress>>, Error> {
    let layers = Mutex::new(BTreeMap::<String, Vec<LayerProgress>>::new());
    let note = |step: LayerProgress| layers.lock().unwrap().entry(step.layer.clone()).or_default().push(step);
    bed.engine.pull(pull, &note).await?;
    Ok(layers.into_inner().unwrap())
}

#[tokio::test]
async fn an_image_has_names_and_goes_with_the_last() {
    on_docker(async |bed| {
        let image = bed.engine.image(&bed.image).await.unwrap().unwrap();
        assert_eq!(image.platform, "linux/amd64");
        assert!(image.size_bytes > 100_000 && image.tags == [bed.image.clone()], "{image:?}");
        let repository = format!("summoner-{}/other", bed.run);
        bed.engine.tag_image(&image.id, &repository, "2").await.unwrap();
        bed.engine.remove_image(&bed.image).await.unwrap();
        assert_eq!(bed.engine.image(&image.id).await.unwrap().unwrap().tags, [format!("{repository}:2")]);
        bed.engine.remove_image(&format!("{repository}:2")).await.unwrap();
        assert!(bed.engine.image(&image.id).await.unwrap().is_none());
    })
    .await;
}

#[tokio::test]
async fn a_pull_by_digest_reports_its_layers_and_leaves_the_image() {
    on_docker(async |bed| {
        let registry = Registry::start(bed, false).await;
        let (repository, digest) = registry.push(bed, &bed.image, "demo/web").await;
        let id = bed.engine.image(&bed.image).await.unwrap().unwrap().id;
        // With the last tag of a repository its digest goes too.
        bed.engine.remove_image(&format!("{repository}:1")).await.unwrap();
        bed.engine.remove_image(&bed.image).await.unwrap();
        assert!(bed.engine.image(&id).await.unwrap().is_none());

        let layers = pulled(bed, &pull(&repository, &digest)).await.unwrap();
        assert_eq!(layers.len(), 1, "{layers:?}");
        let steps: Vec<_> = layers.values().flatten().collect();
        assert!(steps.iter().any(|step| step.status == "Downloading" && step.total_bytes > 0), "{steps:?}");
        assert_eq!(steps.last().unwrap().status, "Pull complete");
        let found = bed.engine.image(&format!("{repository}@{digest}")).await.unwrap().unwrap();
        assert_eq!(found.id, id);

        pulled(bed, &pull(&repository, &digest)).await.expect("a second pull changes nothing");
        let spec =
            server::engine::ContainerSpec { image: format!("{repository}@{digest}"), ..bed.container("a", "true") };
        bed.start(&spec).await;
    })
    .await;
}

#[tokio::test]
async fn what_the_registry_does_not_have_is_told() {
    on_docker(async |bed| {
        let registry = Registry::start(bed, false).await;
        let (repository, _) = registry.push(bed, &bed.image, "demo/web").await;
        let unknown = format!("sha256:{}", "0".repeat(64));
        let answer = pulled(bed, &pull(&repository, &unknown)).await;
        assert!(matches!(answer, Err(Error::ImageNotFound { .. })), "{answer:?}");
        let absent = format!("{}/demo/absent", registry.address);
        let answer = pulled(bed, &pull(&absent, &unknown)).await;
        assert!(matches!(answer, Err(Error::ImageNotFound { .. })), "{answer:?}");
    })
    .await;
}

#[tokio::test]
async fn a_closed_registry_opens_for_the_right_credentials_only() {
    on_docker(async |bed| {
        let registry = Registry::start(bed, true).await;
        let (repository, digest) = registry.push(bed, &bed.image, "demo/web").await;
        bed.engine.remove_image(&format!("{repository}:1")).await.unwrap();
        assert!(bed.engine.image(&format!("{repository}@{digest}")).await.unwrap().is_none());
        let answer = pulled(bed, &pull(&repository, &digest)).await;
        assert!(matches!(answer, Err(Error::CredentialsNeeded { .. })), "{answer:?}");
        let answer = pulled(bed, &pull_as(USER, "wrong", &repository, &digest)).await;
        assert!(matches!(answer, Err(Error::CredentialsNeeded { .. })), "{answer:?}");
        pulled(bed, &pull_as(USER, PASSWORD, &repository, &digest)).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn an_image_for_other_processors_is_told() {
    on_docker(async |bed| {
        let registry = Registry::start(bed, false).await;
        let (repository, digest) = registry.push(bed, &bed.image, "demo/web").await;
        // An index that offers the image for a processor that no test machine has.
        let client = http_client();
        let base = format!("http://{}/v2/demo/web/manifests", registry.address);
        let kind = "application/vnd.docker.distribution.manifest.v2+json";
        let manifest = client.get(format!("{base}/{digest}")).header("accept", kind).send().await.unwrap();
        let size = manifest.bytes().await.unwrap().len();
        let list = "application/vnd.docker.distribution.manifest.list.v2+json";
        let platform = json!({"os": "linux", "architecture": "s390x"});
        let index = json!({
            "schemaVersion": 2,
            "mediaType": list,
            "manifests": [{"mediaType": kind, "digest": digest, "size": size, "platform": platform}],
        });
        let put = client.put(format!("{base}/list")).header("content-type", list).body(index.to_string());
        let put = put.send().await.unwrap().error_for_status().unwrap();
        let index_digest = put.headers()["docker-content-digest"].to_str().unwrap().to_owned();
        let answer = pulled(bed, &pull(&repository, &index_digest)).await;
        assert!(
            matches!(&answer, Err(Error::WrongPlatform { platform, .. }) if platform.starts_with("linux/")),
            "{answer:?}"
        );
    })
    .await;
}

fn http_client() -> reqwest::Client {
    // Another test of this binary may have installed it already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::new()
}

#[tokio::test]
async fn a_registry_that_does_not_answer_is_no_lost_engine() {
    on_docker(async |bed| {
        let repository = format!("127.0.0.1:{}/demo/web", free_port());
        let answer = pulled(bed, &pull(&repository, &format!("sha256:{}", "0".repeat(64)))).await;
        assert!(
            matches!(&answer, Err(Error::Refused { reason, .. }) if reason.contains("connection refused")),
            "{answer:?}"
        );
    })
    .await;
}
