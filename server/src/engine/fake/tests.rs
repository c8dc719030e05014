use futures_util::StreamExt;
use jiff::Timestamp;

use super::*;
use crate::engine::{
    ContainerState, Engine, LayerProgress, LogQuery, Mount, NetworkSpec, PublishedPort, Pull, VolumeSpec,
};

const DIGEST: &str = "sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef";

fn fake(script: Script) -> FakeEngine {
    let fake = FakeEngine::new(Clock::fixed(Timestamp::UNIX_EPOCH));
    fake.have("a/web", DIGEST, script);
    fake
}

fn web(name: &str) -> ContainerSpec {
    ContainerSpec { name: name.to_owned(), image: format!("a/web@{DIGEST}"), ..Default::default() }
}

fn away() -> Error {
    Error::Unreachable { reason: "as told".to_owned() }
}

async fn running(fake: &FakeEngine, spec: &ContainerSpec) -> String {
    let id = fake.create_container(spec).await.unwrap();
    fake.start_container(&id).await.unwrap();
    id
}

#[tokio::test]
async fn names_are_unique_per_kind() {
    let fake = fake(Script::default());
    let (network, volume) = (NetworkSpec::default(), VolumeSpec::default());
    fake.create_container(&web("a")).await.unwrap();
    fake.create_network(&network).await.unwrap();
    fake.create_volume(&volume).await.unwrap();
    assert!(matches!(fake.create_container(&web("a")).await, Err(Error::Conflict { .. })));
    assert!(matches!(fake.create_network(&network).await, Err(Error::Conflict { .. })));
    assert!(matches!(fake.create_volume(&volume).await, Err(Error::Conflict { .. })));
    let other = fake.create_container(&web("b")).await.unwrap();
    assert!(matches!(fake.rename_container(&other, "a").await, Err(Error::Conflict { .. })));
    fake.rename_container(&other, "c").await.unwrap();
    assert!(fake.spec("c").is_some());
}

#[tokio::test]
async fn what_is_gone_is_not_found() {
    let fake = fake(Script::default());
    assert!(matches!(fake.remove_container("a").await, Err(Error::NotFound { .. })));
    assert!(matches!(fake.start_container("a").await, Err(Error::NotFound { .. })));
    assert!(matches!(fake.stop_container("a").await, Err(Error::NotFound { .. })));
    assert!(matches!(fake.inspect("a").await, Err(Error::NotFound { .. })));
    assert!(matches!(fake.remove_network("a").await, Err(Error::NotFound { .. })));
    assert!(matches!(fake.remove_volume("a").await, Err(Error::NotFound { .. })));
    assert!(matches!(fake.remove_image("a").await, Err(Error::NotFound { .. })));
    assert!(fake.image("a").await.unwrap().is_none());
}

#[tokio::test]
async fn what_is_in_use_stays() {
    let fake = fake(Script::default());
    fake.create_volume(&VolumeSpec { name: "data".into(), labels: BTreeMap::new() }).await.unwrap();
    fake.create_network(&NetworkSpec { name: "front".into(), ..Default::default() }).await.unwrap();
    let mut spec = web("a");
    spec.mounts.push(Mount { volume: "data".into(), target: "/data".into(), read_only: false });
    spec.networks.push(("front".into(), vec![]));
    let id = running(&fake, &spec).await;
    let reference = spec.image.clone();
    assert!(matches!(fake.remove_volume("data").await, Err(Error::Conflict { .. })));
    assert!(matches!(fake.remove_network("front").await, Err(Error::Conflict { .. })));
    assert!(matches!(fake.remove_image(&reference).await, Err(Error::Conflict { .. })));
    fake.remove_container(&id).await.unwrap();
    fake.remove_volume("data").await.unwrap();
    fake.remove_network("front").await.unwrap();
    fake.remove_image(&reference).await.unwrap();
    assert_eq!(fake.snapshot(), Snapshot::default());
}

#[tokio::test]
async fn a_port_is_taken_by_one_running_container() {
    let fake = fake(Script::default());
    let port = |host_port| PublishedPort {
        host_ip: "127.0.0.1".into(),
        host_port,
        container_port: 80,
        protocol: "tcp".into(),
    };
    let first = running(&fake, &ContainerSpec { ports: vec![port(8080)], ..web("a") }).await;
    let second = fake.create_container(&ContainerSpec { ports: vec![port(8080)], ..web("b") }).await.unwrap();
    assert!(matches!(fake.start_container(&second).await, Err(Error::PortTaken { port: 8080 })));
    fake.stop_container(&first).await.unwrap();
    fake.start_container(&second).await.unwrap();
    fake.take_port(9090);
    let third = fake.create_container(&ContainerSpec { ports: vec![port(9090)], ..web("c") }).await.unwrap();
    assert!(matches!(fake.start_container(&third).await, Err(Error::PortTaken { port: 9090 })));
}

#[tokio::test]
async fn starting_and_stopping_twice_succeeds() {
    let fake = fake(Script::healthy());
    let id = running(&fake, &web("a")).await;
    fake.start_container(&id).await.unwrap();
    fake.stop_container(&id).await.unwrap();
    fake.stop_container(&id).await.unwrap();
    assert_eq!(fake.inspect(&id).await.unwrap().container.state, ContainerState::Exited);
}

#[tokio::test(start_paused = true)]
async fn containers_behave_as_their_image_says() {
    let after = Duration::from_secs(5);
    let late = Script { behaviour: Behaviour::Healthy { after }, ..Script::default() };
    let late = fake(late);
    let id = running(&late, &web("a")).await;
    assert_eq!(late.inspect(&id).await.unwrap().container.health, Health::Starting);
    tokio::time::sleep(after * 2).await;
    assert_eq!(late.inspect(&id).await.unwrap().container.health, Health::Healthy);

    let broken = fake(Script::exits(3).logging("no configuration"));
    let id = running(&broken, &web("a")).await;
    let seen = broken.inspect(&id).await.unwrap();
    assert_eq!((seen.container.state, seen.exit_code), (ContainerState::Exited, 3));
    let id = running(&broken, &ContainerSpec { restart: "always".into(), ..web("b") }).await;
    let seen = broken.inspect(&id).await.unwrap();
    assert_eq!((seen.container.state, seen.restart_count), (ContainerState::Restarting, 1));

    let ill = fake(Script::unhealthy());
    let id = running(&ill, &web("a")).await;
    assert_eq!(ill.inspect(&id).await.unwrap().container.health, Health::Unhealthy);
}

#[tokio::test]
async fn pulls_are_answered_as_a_registry_would() {
    let fake = FakeEngine::new(Clock::fixed(Timestamp::UNIX_EPOCH));
    let pull = |repository: &str, credentials| Pull {
        repository: repository.to_owned(),
        digest: DIGEST.to_owned(),
        credentials,
    };
    fake.offer("open", DIGEST, Script::default());
    fake.offer_to("ci", "secret", "closed", DIGEST, Script::default());
    fake.offer_for("linux/arm64", "arm", DIGEST);
    let seen = Mutex::new(Vec::new());
    let progress = |layer: LayerProgress| seen.lock().unwrap().push(layer.layer);
    fake.pull(&pull("open", None), &progress).await.unwrap();
    assert!(!seen.lock().unwrap().is_empty());
    assert!(fake.image(&format!("open@{DIGEST}")).await.unwrap().is_some());
    assert!(matches!(fake.pull(&pull("none", None), &|_| ()).await, Err(Error::ImageNotFound { .. })));
    assert!(matches!(fake.pull(&pull("arm", None), &|_| ()).await, Err(Error::WrongPlatform { .. })));
    assert!(matches!(fake.pull(&pull("closed", None), &|_| ()).await, Err(Error::CredentialsNeeded { .. })));
    let wrong = Some(("ci".to_owned(), "guess".to_owned().into()));
    assert!(matches!(fake.pull(&pull("closed", wrong), &|_| ()).await, Err(Error::CredentialsNeeded { .. })));
    let right = Some(("ci".to_owned(), "secret".to_owned().into()));
    fake.pull(&pull("closed", right), &|_| ()).await.unwrap();
}

#[tokio::test]
async fn an_image_goes_with_its_last_name() {
    let fake = fake(Script::default());
    let digest = format!("a/web@{DIGEST}");
    fake.tag_image(&digest, "kept/web", "1").await.unwrap();
    let id = fake.image("kept/web:1").await.unwrap().unwrap().id;
    assert!(matches!(fake.remove_image(&id).await, Err(Error::Conflict { .. })));
    fake.tag_image(&digest, "a/web", "2").await.unwrap();
    fake.remove_image("a/web:2").await.unwrap();
    assert!(fake.image(&digest).await.unwrap().is_none(), "with the last tag of a repository its digest goes too");
    assert!(fake.image(&id).await.unwrap().is_some());
    fake.remove_image("kept/web:1").await.unwrap();
    assert!(fake.image(&id).await.unwrap().is_none());
}

#[tokio::test]
async fn a_call_fails_where_it_was_told_to() {
    let fake = fake(Script::default());
    fake.fail_at(2, away());
    fake.info().await.unwrap();
    assert!(fake.create_container(&web("a")).await.is_err());
    assert!(fake.spec("a").is_none());
    fake.create_container(&web("a")).await.unwrap();
    assert!(!fake.has_faults_left());

    fake.fail_at_write(1, away());
    fake.list().await.unwrap();
    assert!(fake.start_container("a").await.is_err());

    fake.fail_on(|call| (call.method == "stop_container" && call.subject == "a").then(away));
    assert!(fake.stop_container("a").await.is_err());
    assert!(fake.stop_container("a").await.is_err());
    fake.heal();
    fake.stop_container("a").await.unwrap();
    assert_eq!(fake.writes().last().unwrap(), "stop_container a");
}

#[tokio::test]
async fn a_lost_answer_leaves_its_effect() {
    let fake = fake(Script::default());
    fake.lose_answer_at_write(1);
    assert!(matches!(fake.create_container(&web("a")).await, Err(Error::Unreachable { .. })));
    assert!(matches!(fake.create_container(&web("a")).await, Err(Error::Conflict { .. })));
}

#[tokio::test(start_paused = true)]
async fn a_restart_breaks_streams_and_keeps_containers() {
    let fake = fake(Script::default());
    running(&fake, &web("a")).await;
    let mut changes = fake.changes(None).await.unwrap();
    fake.restart(Duration::from_secs(3));
    assert!(matches!(changes.next().await, Some(Err(Error::Unreachable { .. }))));
    assert!(changes.next().await.is_none());
    assert!(matches!(fake.list().await, Err(Error::Unreachable { .. })));
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert_eq!(fake.list().await.unwrap().containers[0].state, ContainerState::Running);
}

#[tokio::test]
async fn changes_tell_what_happened_and_what_happened_before() {
    let fake = fake(Script::healthy());
    let mut changes = fake.changes(None).await.unwrap();
    let id = running(&fake, &web("a")).await;
    for expected in ["create", "start", "health_status: healthy"] {
        let change = changes.next().await.unwrap().unwrap();
        assert_eq!((change.action.as_str(), change.id.as_str()), (expected, id.as_str()));
    }
    let mut earlier = fake.changes(Some(Timestamp::UNIX_EPOCH)).await.unwrap();
    assert_eq!(earlier.next().await.unwrap().unwrap().kind, "image");
}

#[tokio::test]
async fn a_followed_log_ends_with_its_container() {
    let fake = fake(Script::default().logging("first").logging("second"));
    let id = running(&fake, &web("a")).await;
    let query = LogQuery { tail: Some(1), since: None, follow: true };
    let mut lines = fake.logs(&id, &query).await.unwrap();
    assert_eq!(lines.next().await.unwrap().unwrap().text, "second");
    fake.log("a", "third");
    assert_eq!(lines.next().await.unwrap().unwrap().text, "third");
    fake.end("a", 0);
    assert!(lines.next().await.is_none());
}

#[tokio::test]
async fn snapshots_of_equal_worlds_are_equal_unless_data_was_lost() {
    let fake = fake(Script::default());
    let volume = VolumeSpec { name: "data".into(), labels: BTreeMap::new() };
    fake.create_volume(&volume).await.unwrap();
    running(&fake, &web("a")).await;
    let before = fake.snapshot();
    fake.remove_container("a").await.unwrap();
    assert_ne!(fake.snapshot(), before);
    let marked = ContainerSpec { labels: [(MARK_LABEL.to_owned(), "x".to_owned())].into(), ..web("a") };
    running(&fake, &marked).await;
    assert_eq!(fake.snapshot(), before);
    fake.remove_volume("data").await.unwrap();
    fake.create_volume(&volume).await.unwrap();
    assert_ne!(fake.snapshot(), before);
}

#[tokio::test(start_paused = true)]
async fn calls_take_as_long_as_they_were_told_to() {
    let fake = fake(Script::default());
    fake.delay_on(|call| (call.method == "list").then_some(Duration::from_secs(2)));
    let start = Instant::now();
    fake.info().await.unwrap();
    assert_eq!(start.elapsed(), Duration::ZERO);
    fake.list().await.unwrap();
    assert_eq!(start.elapsed(), Duration::from_secs(2));
}
