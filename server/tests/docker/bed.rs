//! What the tests stand on: an engine, a tiny image, and a broom.

use std::collections::{BTreeMap, HashMap};
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use bollard::query_parameters as query;
use futures_util::{FutureExt, StreamExt};
use server::clock::{Clock, Random};
use server::engine::docker::Docker;
use server::engine::{ContainerSpec, Engine, Health, HealthCheck, Inspection};

/// The label of everything that tests make; its value is the run's id.
const TEST_LABEL: &str = "app.summoner.test";

/// One test's engine. Names made by [`Bed::name`] are its own.
pub struct Bed {
    pub engine: Docker,
    /// The client itself, for what the engine trait does not offer.
    pub raw: bollard::Docker,
    pub run: String,
    /// An image with busybox and nothing else: its reference.
    pub image: String,
    pub folder: PathBuf,
}

/// Runs `test` on the machine's engine and sweeps up afterwards, whatever came of it.
pub async fn on_docker(test: impl AsyncFnOnce(&Bed)) {
    on_docker_at(std::env::var("DOCKER_HOST").ok().as_deref(), test).await;
}

/// The same on the engine at `host`.
pub async fn on_docker_at(host: Option<&str>, test: impl AsyncFnOnce(&Bed)) {
    let bed = Bed::new(host).await;
    let outcome = AssertUnwindSafe(test(&bed)).catch_unwind().await;
    bed.sweep().await;
    if let Err(panic) = outcome {
        std::panic::resume_unwind(panic);
    }
}

/// An id that no other run has.
pub fn run_id() -> String {
    let id = Random::System.id(&Clock::System).simple().to_string();
    // The first half of the id is the time; the end is what differs between tests of one moment.
    id[20..].to_owned()
}

/// A folder of this run's own, with a path short enough for sockets.
pub fn folder(run: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("summoner-{run}"));
    std::fs::create_dir_all(&folder).expect("a folder for temporary files");
    folder
}

impl Bed {
    async fn new(host: Option<&str>) -> Self {
        let engine = Docker::connect(host).expect("an address of an engine");
        if let Err(error) = engine.info().await {
            panic!("these tests need a Docker engine that answers; start one or set DOCKER_HOST: {error}");
        }
        let raw = match host {
            Some(host) => bollard::Docker::connect_with_host(host),
            None => bollard::Docker::connect_with_unix_defaults(),
        };
        let run = run_id();
        let mut bed = Self { engine, raw: raw.expect("a client"), folder: folder(&run), image: String::new(), run };
        bed.image = bed.import("busybox:1", "linux/amd64", &[]).await;
        bed
    }

    /// A name that no other test uses.
    pub fn name(&self, name: &str) -> String {
        format!("summoner-{}-{name}", self.run)
    }

    pub fn labels(&self) -> BTreeMap<String, String> {
        BTreeMap::from([(TEST_LABEL.to_owned(), self.run.clone())])
    }

    /// A container of the tiny image that runs `script` in a shell.
    pub fn container(&self, name: &str, script: &str) -> ContainerSpec {
        ContainerSpec {
            name: self.name(name),
            image: self.image.clone(),
            labels: self.labels(),
            command: Some(vec!["sh".into(), "-c".into(), script.into()]),
            restart: "no".into(),
            // A shell as the first process ignores the usual signal.
            stop_signal: Some("SIGKILL".into()),
            stop_grace_period: Some(Duration::from_secs(5)),
            ..Default::default()
        }
    }

    /// Creates and starts a container; gives its id.
    pub async fn start(&self, spec: &ContainerSpec) -> String {
        let id = self.engine.create_container(spec).await.expect("a created container");
        self.engine.start_container(&id).await.expect("a started container");
        id
    }

    /// The inspection that is as wanted; the test fails when none is within a minute.
    pub async fn until(&self, id: &str, is_wanted: impl Fn(&Inspection) -> bool) -> Inspection {
        let mut seen = None;
        for _ in 0..600 {
            let now = self.engine.inspect(id).await.expect("an inspection");
            if is_wanted(&now) {
                return now;
            }
            seen = Some(now);
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("it did not come to that within a minute: {seen:?}");
    }

    /// Imports an image with busybox, named `name` under this run; gives its reference.
    pub async fn import(&self, name: &str, platform: &str, changes: &[&str]) -> String {
        self.import_with(name, platform, changes, 0).await
    }

    /// The same with so many bytes in it that nothing can compress.
    pub async fn import_with(&self, name: &str, platform: &str, changes: &[&str], ballast: usize) -> String {
        let reference = format!("summoner-{}/{name}", self.run);
        let (repository, tag) = reference.rsplit_once(':').expect("a name with a tag");
        let label = format!("LABEL {TEST_LABEL}={}", self.run);
        let options = query::CreateImageOptions {
            from_src: Some("-".to_owned()),
            repo: Some(repository.to_owned()),
            tag: Some(tag.to_owned()),
            changes: changes.iter().map(|change| (*change).to_owned()).chain([label]).collect(),
            platform: platform.to_owned(),
            ..Default::default()
        };
        let body = bollard::body_full(root_file_system(&self.run, ballast).into());
        let mut steps = self.raw.create_image(Some(options), Some(body), None);
        while let Some(step) = steps.next().await {
            step.expect("an imported image");
        }
        reference
    }

    /// The filter for what carries this run's label.
    pub fn mine(&self) -> HashMap<String, Vec<String>> {
        HashMap::from([("label".to_owned(), vec![format!("{TEST_LABEL}={}", self.run)])])
    }

    /// Removes everything that carries this run's label.
    async fn sweep(&self) {
        let mine = || self.mine();
        let mut left = Vec::new();
        let all = query::ListContainersOptions { all: true, filters: Some(mine()), ..Default::default() };
        for container in self.raw.list_containers(Some(all)).await.expect("the containers") {
            let options = query::RemoveContainerOptions { force: true, v: true, ..Default::default() };
            let id = container.id.expect("an id");
            left.extend(self.raw.remove_container(&id, Some(options)).await.err());
        }
        let all = query::ListNetworksOptions { filters: Some(mine()) };
        for network in self.raw.list_networks(Some(all)).await.expect("the networks") {
            left.extend(self.raw.remove_network(&network.id.expect("an id")).await.err());
        }
        let all = query::ListVolumesOptions { filters: Some(mine()) };
        for volume in self.raw.list_volumes(Some(all)).await.expect("the volumes").volumes.unwrap_or_default() {
            left.extend(self.raw.remove_volume(&volume.name, None::<query::RemoveVolumeOptions>).await.err());
        }
        let all = query::ListImagesOptions { all: false, filters: Some(mine()), ..Default::default() };
        for image in self.raw.list_images(Some(all)).await.expect("the images") {
            let options = query::RemoveImageOptions { force: true, ..Default::default() };
            left.extend(self.raw.remove_image(&image.id, Some(options), None).await.err());
        }
        std::fs::remove_dir_all(&self.folder).expect("the folder can be removed");
        assert!(left.is_empty(), "not everything could be swept up: {left:?}");
    }
}

/// An archive with a static busybox as `sh` and everything else it can be.
///
/// It differs from every other run's, since a layer that is on the node already is not pulled.
fn root_file_system(run: &str, ballast: usize) -> Vec<u8> {
    let busybox = ["/bin/busybox", "/usr/bin/busybox"].iter().find_map(|path| std::fs::read(path).ok());
    let busybox = busybox.expect("busybox on this machine (Debian: busybox-static)");
    let mut archive = tar::Builder::new(Vec::new());
    let header = |kind, mode, size: usize| {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(kind);
        header.set_mode(mode);
        header.set_size(size as u64);
        header
    };
    for (folder, mode) in [("bin/", 0o755), ("tmp/", 0o1777), ("etc/", 0o755), ("www/", 0o755)] {
        let mut header = header(tar::EntryType::Directory, mode, 0);
        archive.append_data(&mut header, folder, std::io::empty()).expect("a folder");
    }
    let mut file = header(tar::EntryType::Regular, 0o755, busybox.len());
    archive.append_data(&mut file, "bin/busybox", busybox.as_slice()).expect("busybox");
    let mut file = header(tar::EntryType::Regular, 0o644, run.len());
    archive.append_data(&mut file, "etc/run", run.as_bytes()).expect("the run's id");
    let mut file = header(tar::EntryType::Regular, 0o644, ballast);
    archive.append_data(&mut file, "etc/ballast", noise(ballast).as_slice()).expect("ballast");
    for program in
        ["sh", "cat", "echo", "sleep", "stat", "seq", "head", "tail", "tr", "test", "httpd", "wget", "rm", "touch"]
    {
        let mut link = header(tar::EntryType::Symlink, 0o777, 0);
        archive.append_link(&mut link, format!("bin/{program}"), "busybox").expect("a link");
    }
    archive.into_inner().expect("an archive")
}

/// Bytes without any pattern that a compressor knows (xorshift).
fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let words = std::iter::repeat_with(move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    });
    words.flatten().take(length).collect()
}

/// A check that runs `script` often.
pub fn health_check(script: &str) -> HealthCheck {
    HealthCheck {
        test: vec!["CMD-SHELL".into(), script.into()],
        interval: Some(Duration::from_secs(1)),
        timeout: Some(Duration::from_secs(10)),
        start_period: None,
        start_interval: None,
        retries: Some(2),
    }
}

pub fn is_healthy(seen: &Inspection) -> bool {
    seen.container.health == Health::Healthy
}

/// A port that nobody listens at, just now.
pub fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("its address").port()
}

/// A process that a test started; it is ended with the test.
pub struct Process {
    child: Child,
}

impl Process {
    /// Starts `program`; what it prints goes to `log`.
    pub fn start(program: &str, arguments: &[&str], log: &Path) -> Self {
        let log = std::fs::File::options().create(true).append(true).open(log).expect("a log file");
        let child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("the log file"))
            .stderr(log)
            .spawn();
        let child = child.unwrap_or_else(|error| panic!("these tests need {program}: {error}"));
        Self { child }
    }

    /// Its id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Ends it with SIGKILL, which no process can prepare for, and waits until it has ended.
    pub fn kill(&mut self) {
        self.child.kill().expect("a killed process");
        self.child.wait().expect("an ended process");
    }

    /// Asks it to end, and waits until it has.
    pub fn stop(&mut self) {
        if let Some(pid) = rustix::process::Pid::from_raw(i32::try_from(self.child.id()).expect("a pid")) {
            // It may have ended by itself.
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        }
        self.child.wait().expect("an ended process");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.child.try_wait().is_ok_and(|ended| ended.is_none()) {
            self.stop();
        }
    }
}
