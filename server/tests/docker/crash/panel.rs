//! The panel as a process of its own, and a person who asks it over HTTP.

use std::path::PathBuf;
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::bed::{Bed, Process, free_port};
use crate::images::Registry;

/// The program under test with all it needs: a folder, a database, a registry with the images of one entry.
pub struct Panel {
    pub origin: String,
    /// The tool's name, which no other run has.
    pub tool: String,
    arguments: Vec<String>,
    log: PathBuf,
    client: reqwest::Client,
    cookie: String,
    pub registry: Registry,
}

impl Panel {
    /// Everything laid out, nothing started.
    pub async fn new(bed: &Bed, database: &str) -> Self {
        Self::with(bed, database, &[], 0).await
    }

    /// The same with further arguments of the program, and so many bytes in the image of the second service.
    pub async fn with(bed: &Bed, database: &str, further: &[String], ballast: usize) -> Self {
        let registry = Registry::start(bed, false).await;
        let catalog = bed.folder.join("catalog/demo");
        std::fs::create_dir_all(&catalog).unwrap();
        let entry = include_str!("demo.yaml").replace("REGISTRY", &registry.address);
        std::fs::write(catalog.join("compose.yaml"), entry).unwrap();
        std::fs::write(catalog.join("icon.svg"), "<svg xmlns=\"http://www.w3.org/2000/svg\"/>").unwrap();
        let site = bed.folder.join("site");
        std::fs::create_dir_all(&site).unwrap();
        std::fs::write(site.join("manifest.json"), "{}").unwrap();
        for part in ["db", "app"] {
            let label = format!("LABEL part={part}");
            let ballast = if part == "app" { ballast } else { 0 };
            let image = bed.import_with(&format!("{part}:1"), "linux/amd64", &[&label], ballast).await;
            let (repository, _) = registry.push(bed, &image, &format!("demo/{part}")).await;
            // What is on the node already would not be pulled.
            for name in [format!("{repository}:1"), image] {
                server::engine::Engine::remove_image(&bed.engine, &name).await.unwrap();
            }
        }
        let address = format!("127.0.0.1:{}", free_port());
        let at = |name: &str| bed.folder.join(name).display().to_string();
        let arguments = [
            format!("SUMMONER_DATABASE_URL={database}"),
            env!("CARGO_BIN_EXE_summoner").to_owned(),
            "serve".to_owned(),
            format!("--listen={address}"),
            format!("--data-dir={}", at("data")),
            format!("--site-dir={}", at("site")),
            format!("--catalog-dir={}", at("catalog")),
            format!("--insecure-registry={}", registry.address),
        ];
        // Another test of this binary may have installed it already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none());
        Self {
            origin: format!("http://{address}"),
            tool: format!("demo-{}", bed.run),
            arguments: [&arguments[..], further].concat(),
            log: bed.folder.join("panel.log"),
            client: client.build().unwrap(),
            cookie: String::new(),
            registry,
        }
    }

    /// Starts the program; it may not answer yet.
    pub fn start(&self) -> Process {
        // `env` becomes the program, so that the process is the program's own.
        let arguments: Vec<&str> = self.arguments.iter().map(String::as_str).collect();
        Process::start("env", &arguments, &self.log)
    }

    /// What the program said since the first start.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Waits until the panel answers.
    pub async fn ready(&self) {
        for _ in 0..600 {
            let answer = self.client.get(format!("{}/readyz", self.origin)).send().await;
            if answer.is_ok_and(|answer| answer.status().is_success()) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("the panel is not ready within a minute: {}", self.log());
    }

    /// Opens the printed link and makes the first administrator, whose cookie is kept.
    pub async fn set_up(&mut self) {
        let log = self.log();
        let token = log.split("/setup/").nth(1).and_then(|rest| rest.split_whitespace().next()).expect("a link");
        let opened = self.client.get(format!("{}/setup/{token}", self.origin)).send().await.unwrap();
        self.keep_cookie(&opened);
        let person = json!({
            "site_name": "Demo", "name": "Ada", "email": "ada@example.org", "password": "correct horse battery",
        });
        let made = self.ask(Method::POST, "/setup", &person).await;
        self.keep_cookie(&made);
    }

    fn keep_cookie(&mut self, answer: &reqwest::Response) {
        let set = answer.headers().get_all("set-cookie").iter().map(|value| value.to_str().unwrap());
        let pairs = set.filter_map(|cookie| cookie.split(';').next()).filter(|pair| !pair.ends_with('='));
        self.cookie = pairs.collect::<Vec<_>>().join("; ");
    }

    async fn ask(&self, method: Method, path: &str, body: &Value) -> reqwest::Response {
        let request = self.client.request(method, format!("{}/api/v1{path}", self.origin)).json(body);
        let request = request.header("cookie", &self.cookie).header("origin", &self.origin);
        let answer = request.send().await.unwrap();
        let status = answer.status();
        if !status.is_success() {
            panic!("{path} was answered with {status}: {}", answer.text().await.unwrap());
        }
        answer
    }

    /// Begins an operation and gives its id.
    pub async fn begin(&self, method: Method, path: &str, body: &Value) -> Uuid {
        let begun: Value = self.ask(method, path, body).await.json().await.unwrap();
        begun["operation_id"].as_str().unwrap().parse().unwrap()
    }

    /// What the API says at `path`.
    pub async fn read(&self, path: &str) -> Value {
        self.ask(Method::GET, path, &Value::Null).await.json().await.unwrap()
    }

    /// Begins to install the tool in that mode.
    pub async fn install(&self, mode: &str) -> Uuid {
        // Panels beside each other would propose the same port.
        let ports = json!({ "web": free_port().to_string() });
        let request = json!({ "entry": "demo", "name": self.tool, "ports": ports, "answers": { "MODE": mode } });
        self.begin(Method::POST, "/tools", &request).await
    }
}
