//! Engines that are not there, and one that goes and comes.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use server::clock::Clock;
use server::engine::docker::Docker;
use server::engine::watch::{NodeId, Reachability, Snapshot, Watcher, World};
use server::engine::{ContainerState, Engine, Error};
use tokio_util::sync::CancellationToken;

use crate::bed::{Process, folder, on_docker_at, run_id};

fn reason(answer: Result<impl std::fmt::Debug, Error>) -> String {
    match answer {
        Err(Error::Unreachable { reason }) => reason,
        other => panic!("not an engine out of reach: {other:?}"),
    }
}

#[tokio::test]
async fn an_engine_out_of_reach_is_told_with_what_to_do() {
    let folder = folder(&run_id());
    let socket = folder.join("engine.sock");
    let engine = Docker::connect(Some(&format!("unix://{}", socket.display()))).unwrap();
    assert!(reason(engine.info().await).contains("there is no socket at"));
    assert!(reason(engine.list().await).contains("start Docker"));
    assert!(reason(engine.changes(None).await.map(drop)).contains("there is no socket at"));

    // A socket that nobody listens at any more.
    drop(std::os::unix::net::UnixListener::bind(&socket).unwrap());
    assert!(reason(engine.info().await).contains("nothing answers at"));
    std::fs::remove_dir_all(folder).unwrap();

    let port = crate::bed::free_port();
    let engine = Docker::connect_with(Some(&format!("tcp://127.0.0.1:{port}")), None).unwrap();
    assert!(reason(engine.info().await).contains("nothing answers at"));
}

/// An engine of the test's own, in a network namespace of its own: without a bridge it removes the machine's `docker0`.
pub struct PrivateEngine {
    pub folder: std::path::PathBuf,
}

impl PrivateEngine {
    pub fn new() -> Self {
        Self { folder: folder(&run_id()) }
    }

    pub fn address(&self) -> String {
        format!("unix://{}", self.folder.join("engine.sock").display())
    }

    pub fn start(&self) -> Process {
        self.start_by(&["--net", "dockerd"])
    }

    /// Starts it on a disk of `bytes` that only the engine sees: whoever asks this machine how much is free is told of
    /// another disk, as with an engine elsewhere.
    pub fn start_on_small_disk(&self, bytes: usize) -> Process {
        let data = self.folder.join("data");
        std::fs::create_dir_all(&data).unwrap();
        let mount = format!("mount -t tmpfs -o size={bytes} summoner-test {} && exec dockerd \"$@\"", data.display());
        self.start_by(&["--net", "--mount", "sh", "-c", &mount, "sh"])
    }

    fn start_by(&self, words: &[&str]) -> Process {
        let at = |name: &str| self.folder.join(name).display().to_string();
        let arguments = [
            "--data-root",
            &at("data"),
            "--exec-root",
            &at("exec"),
            "--pidfile",
            &at("pid"),
            "--host",
            &self.address(),
            "--bridge=none",
            "--iptables=false",
            "--ip-forward=false",
            "--ip-masq=false",
            // The first failure is the answer; the engine's own five attempts take a minute.
            "--max-download-attempts=1",
        ];
        Process::start("unshare", &[words, &arguments[..]].concat(), &self.folder.join("log"))
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }
}

impl Drop for PrivateEngine {
    fn drop(&mut self) {
        unmount_below(&self.folder);
        if let Err(error) = std::fs::remove_dir_all(&self.folder) {
            eprintln!("{} is left behind: {error}", self.folder.display());
        }
    }
}

/// Releases what a killed engine left mounted below `folder`, deepest first.
fn unmount_below(folder: &Path) {
    let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    let targets =
        mounts.lines().filter_map(|line| line.split(' ').nth(1)).filter(|target| Path::new(target).starts_with(folder));
    let mut targets: Vec<_> = targets.collect();
    targets.sort_by_key(|target| std::cmp::Reverse(target.len()));
    for target in targets {
        // What stays mounted is told when the folder cannot be removed.
        let _ = std::process::Command::new("umount").arg(target).status();
    }
}

async fn until(world: &World, engine: &PrivateEngine, is_wanted: impl Fn(&Snapshot) -> bool) -> Arc<Snapshot> {
    let mut snapshots = world.subscribe();
    let found = tokio::time::timeout(Duration::from_secs(90), snapshots.wait_for(|snapshot| is_wanted(snapshot))).await;
    let found = found.map(|found| Arc::clone(&found.expect("a running watcher")));
    found.unwrap_or_else(|_| panic!("it did not come to that: {:?}\n{}", world.now(), engine.log()))
}

#[tokio::test]
async fn a_watcher_survives_the_restart_of_its_engine() {
    let private = PrivateEngine::new();
    let engine = Arc::new(Docker::connect(Some(&private.address())).unwrap());
    let (watcher, world) = Watcher::new(NodeId::new("private"), engine.clone(), Clock::System);
    let cancel = CancellationToken::new();
    let task = tokio::spawn(watcher.run(cancel.clone()));
    until(&world, &private, |snapshot| matches!(snapshot.engine, Reachability::Down { .. })).await;

    let mut process = private.start();
    until(&world, &private, Snapshot::is_up).await;
    on_docker_at(Some(&private.address()), async |bed| {
        let id = bed.start(&bed.container("a", "sleep 1000")).await;
        let state = |snapshot: &Snapshot| snapshot.container(&id).map(|container| container.state);
        let up = until(&world, &private, |snapshot| state(snapshot) == Some(ContainerState::Running)).await;
        let Reachability::Up { since: first_up, info } = up.engine.clone() else { panic!("{:?}", up.engine) };
        assert!(!info.version.is_empty());

        process.stop();
        let down = until(&world, &private, |snapshot| !snapshot.is_up()).await;
        assert!(matches!(&down.engine, Reachability::Down { since, .. } if *since > first_up), "{:?}", down.engine);
        assert!(down.container(&id).is_some(), "what was known stays readable");

        process = private.start();
        let up = until(&world, &private, Snapshot::is_up).await;
        assert!(matches!(&up.engine, Reachability::Up { since, .. } if *since > first_up), "{:?}", up.engine);
        // The engine took its containers down with it.
        until(&world, &private, |snapshot| state(snapshot) == Some(ContainerState::Exited)).await;

        let later = bed.start(&bed.container("b", "sleep 1000")).await;
        until(&world, &private, |snapshot| snapshot.container(&later).is_some()).await;
    })
    .await;
    cancel.cancel();
    task.await.unwrap();
    process.stop();
}
