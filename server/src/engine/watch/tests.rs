use std::time::Duration;

use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::*;
use crate::clock::Clock;
use crate::engine::fake::{FakeEngine, Script};
use crate::engine::{ContainerSpec, ContainerState, Engine, Health, SERVICE_LABEL, TOOL_LABEL};

const DIGEST: &str = "sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef";
const TOOL: Uuid = Uuid::from_u128(0x0192_0000_0000_7000_8000_0000_0000_0001);

struct Bed {
    fake: FakeEngine,
    clock: Clock,
    world: World,
    cancel: CancellationToken,
}

impl Drop for Bed {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}

impl Bed {
    fn new() -> Self {
        let clock = Clock::fixed(Timestamp::UNIX_EPOCH);
        let fake = FakeEngine::new(clock.clone());
        let (watcher, world) = Watcher::new(NodeId::new("one"), Arc::new(fake.clone()), clock.clone());
        let cancel = CancellationToken::new();
        tokio::spawn(watcher.run(cancel.clone()));
        Self { fake, clock, world, cancel }
    }

    /// The first snapshot that is as wanted; the test fails when none comes for an hour of its own time.
    async fn until(&self, is_wanted: impl Fn(&Snapshot) -> bool) -> Arc<Snapshot> {
        let mut snapshots = self.world.subscribe();
        let wait = snapshots.wait_for(|snapshot| is_wanted(snapshot));
        let found = tokio::time::timeout(Duration::from_secs(3600), wait).await;
        Arc::clone(&found.expect("a snapshot as wanted").expect("a running watcher"))
    }

    async fn up(&self) -> Arc<Snapshot> {
        self.until(Snapshot::is_up).await
    }

    fn run(&self, name: &str) -> String {
        self.fake.run_by_hand(&spec(name), Script::healthy())
    }

    fn lists(&self) -> usize {
        self.fake.calls().iter().filter(|call| call.method == "list").count()
    }
}

fn spec(name: &str) -> ContainerSpec {
    let labels = [(TOOL_LABEL, TOOL.to_string()), (SERVICE_LABEL, "web".to_owned())];
    ContainerSpec {
        name: name.to_owned(),
        image: format!("a/web@{DIGEST}"),
        labels: labels.into_iter().map(|(key, value)| (key.to_owned(), value)).collect(),
        ..Default::default()
    }
}

#[tokio::test(start_paused = true)]
async fn a_change_is_seen_without_waiting_for_the_minute() {
    let bed = Bed::new();
    let before = bed.up().await;
    let start = Instant::now();
    let id = bed.run("a");
    let after = bed.until(|snapshot| snapshot.container(&id).is_some()).await;
    assert!(start.elapsed() <= Duration::from_secs(1), "{:?}", start.elapsed());
    assert!(after.revision > before.revision);
    assert_eq!(after.containers_of(TOOL).count(), 1);
    assert_eq!(after.node.as_str(), "one");
}

#[tokio::test(start_paused = true)]
async fn a_burst_of_changes_is_listed_a_few_times() {
    let bed = Bed::new();
    bed.up().await;
    let before = bed.lists();
    for n in 0..100 {
        bed.run(&format!("c{n}"));
        sleep(Duration::from_millis(10)).await;
    }
    bed.until(|snapshot| snapshot.listing.containers.len() == 100).await;
    let lists = bed.lists() - before;
    assert!((1..=7).contains(&lists), "{lists} listings for one second of changes");
}

#[tokio::test(start_paused = true)]
async fn a_change_without_a_sign_is_seen_within_a_minute() {
    let bed = Bed::new();
    bed.up().await;
    bed.fake.mute(true);
    let start = Instant::now();
    let id = bed.run("a");
    sleep(Duration::from_secs(50)).await;
    assert!(bed.world.now().container(&id).is_none());
    bed.until(|snapshot| snapshot.container(&id).is_some()).await;
    assert!(start.elapsed() <= Duration::from_secs(61), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_refresh_shows_what_was_done_before_it() {
    let bed = Bed::new();
    bed.up().await;
    bed.fake.mute(true);
    let id = bed.run("a");
    assert!(bed.world.refresh().await.container(&id).is_some());
    bed.fake.go_away();
    assert!(!bed.world.refresh().await.is_up());
}

#[tokio::test(start_paused = true)]
async fn an_engine_that_goes_and_comes_is_told_with_since_when() {
    let bed = Bed::new();
    let id = bed.run("a");
    bed.until(|snapshot| snapshot.container(&id).is_some()).await;

    bed.clock.advance(Duration::from_secs(100));
    let down_at = bed.clock.now();
    bed.fake.go_away();
    let down = bed.until(|snapshot| matches!(snapshot.engine, Reachability::Down { .. })).await;
    assert!(matches!(&down.engine, Reachability::Down { since, .. } if *since == down_at), "{:?}", down.engine);
    assert!(down.container(&id).is_some(), "what was known stays readable");

    bed.clock.advance(Duration::from_secs(100));
    sleep(Duration::from_secs(30)).await;
    let still = bed.world.now();
    assert!(matches!(&still.engine, Reachability::Down { since, .. } if *since == down_at), "{:?}", still.engine);

    bed.fake.remove_by_hand("a");
    bed.fake.come_back();
    let up = bed.up().await;
    let now = bed.clock.now();
    assert!(matches!(&up.engine, Reachability::Up { since, .. } if *since == now), "{:?}", up.engine);
    assert!(up.container(&id).is_none(), "what happened meanwhile is seen at once");
}

#[tokio::test(start_paused = true)]
async fn an_engine_that_is_away_is_asked_every_few_seconds() {
    let bed = Bed::new();
    bed.up().await;
    bed.fake.go_away();
    bed.until(|snapshot| !snapshot.is_up()).await;
    let before = bed.fake.calls().len();
    sleep(Duration::from_secs(60)).await;
    let attempts = bed.fake.calls().len() - before;
    assert!((12..=18).contains(&attempts), "{attempts} attempts in a minute");
}

#[tokio::test(start_paused = true)]
async fn a_restart_of_the_engine_is_survived() {
    let bed = Bed::new();
    let id = bed.run("a");
    bed.until(|snapshot| snapshot.container(&id).is_some()).await;
    bed.fake.restart(Duration::from_secs(2));
    bed.until(|snapshot| !snapshot.is_up()).await;
    bed.up().await;
    let later = bed.run("b");
    let seen = bed.until(|snapshot| snapshot.container(&later).is_some()).await;
    assert!(seen.container(&id).is_some());
}

#[tokio::test(start_paused = true)]
async fn one_broken_stream_is_no_lost_engine() {
    let bed = Bed::new();
    let before = bed.up().await;
    bed.fake.restart(Duration::ZERO);
    sleep(Duration::from_secs(5)).await;
    let after = bed.world.now();
    assert_eq!(after.engine, before.engine);
    assert_eq!(after.revision, before.revision);
    let id = bed.run("a");
    bed.until(|snapshot| snapshot.container(&id).is_some()).await;
}

#[tokio::test(start_paused = true)]
async fn an_engine_without_a_change_stream_is_listed_all_the_same() {
    let bed = Bed::new();
    bed.up().await;
    for n in 0..60 {
        bed.fake.restart(Duration::ZERO);
        sleep(Duration::from_millis(500)).await;
        if n == 30 {
            bed.fake.mute(true);
            bed.run("a");
        }
    }
    assert_eq!(bed.world.now().listing.containers.len(), 1);
    assert!(bed.world.now().is_up());
    assert!(bed.lists() < 20, "{} listings in half a minute", bed.lists());
}

#[tokio::test(start_paused = true)]
async fn an_unchanged_world_keeps_its_revision() {
    let bed = Bed::new();
    let id = bed.run("a");
    let before = bed.until(|snapshot| snapshot.usage(&id).is_some()).await;
    sleep(Duration::from_secs(200)).await;
    bed.clock.advance(Duration::from_secs(200));
    let after = bed.world.refresh().await;
    assert_eq!(after.revision, before.revision);
    assert_eq!(after.taken_at, Some(bed.clock.now()));
}

#[tokio::test(start_paused = true)]
async fn running_containers_of_tools_are_measured_in_turn_and_few_at_once() {
    let bed = Bed::new();
    bed.fake.delay_on(|call| (call.method == "usage").then_some(Duration::from_millis(1500)));
    let ids: Vec<_> = (0..10).map(|n| bed.run(&format!("c{n}"))).collect();
    bed.fake.run_by_hand(&ContainerSpec { labels: BTreeMap::new(), ..spec("foreign") }, Script::default());
    bed.fake.end("c9", 0);
    bed.up().await;
    sleep(Duration::from_secs(8)).await;
    let seen = bed.world.now();
    assert!(ids[..9].iter().all(|id| seen.usage(id).is_some()), "nine in eight seconds, four at once");
    assert!(seen.usage(&ids[9]).is_none());
    sleep(Duration::from_secs(600)).await;
    let calls = bed.fake.calls();
    assert!(!calls.iter().any(|call| call.method == "usage" && call.subject == "foreign"));
    let of_one = calls.iter().filter(|call| call.method == "usage" && call.subject == "c0").count();
    assert!((50..=61).contains(&of_one), "{of_one} measurements of one container in ten minutes");
    let seen = bed.world.now();
    assert!(seen.usage_history(&ids[0]).count() <= KEPT_MEASUREMENTS);
    bed.fake.remove_by_hand("c0");
    bed.until(|snapshot| snapshot.container(&ids[0]).is_none()).await;
    assert!(bed.world.now().usage(&ids[0]).is_none());
}

#[tokio::test(start_paused = true)]
async fn readers_never_wait_for_an_engine_that_hangs() {
    let bed = Bed::new();
    bed.up().await;
    bed.fake.delay_on(|call| (call.method == "list").then_some(Duration::from_secs(30)));
    bed.run("a");
    sleep(Duration::from_secs(1)).await;
    let start = Instant::now();
    bed.world.now();
    assert_eq!(start.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn what_names_no_tool_is_foreign() {
    let bed = Bed::new();
    bed.run("ours");
    let labels = [(TOOL_LABEL.to_owned(), "not-an-id".to_owned())].into();
    bed.fake.run_by_hand(&ContainerSpec { labels, ..spec("odd") }, Script::default());
    bed.fake.run_by_hand(&ContainerSpec { labels: BTreeMap::new(), ..spec("other") }, Script::default());
    let seen = bed.until(|snapshot| snapshot.listing.containers.len() == 3).await;
    let names = |containers: Vec<&Container>| containers.iter().map(|found| found.name.clone()).collect::<Vec<_>>();
    assert_eq!(names(seen.foreign().collect()), ["other", "odd"]);
    assert_eq!(names(seen.containers_of(TOOL).collect()), ["ours"]);
    assert_eq!(names(seen.containers_with_label(SERVICE_LABEL, "web").collect()), ["ours"]);
}

#[tokio::test(start_paused = true)]
async fn transitions_tell_what_became_of_a_tool_s_containers() {
    let bed = Bed::new();
    let nothing = bed.up().await;
    let id = bed.run("a");
    bed.fake.run_by_hand(&ContainerSpec { labels: BTreeMap::new(), ..spec("foreign") }, Script::default());
    let healthy = bed.world.refresh().await;
    let is = |state, health| Some(Condition { state, health });
    let came = Transition {
        container_id: id,
        name: "a".to_owned(),
        tool: TOOL,
        service: Some("web".to_owned()),
        from: None,
        to: is(ContainerState::Running, Health::Healthy),
    };
    assert_eq!(transitions(&nothing, &healthy), std::slice::from_ref(&came));
    assert_eq!(transitions(&healthy, &healthy), []);

    bed.fake.set_health("a", Health::Unhealthy);
    let unhealthy = bed.world.refresh().await;
    let fell_ill = Transition { from: came.to, to: is(ContainerState::Running, Health::Unhealthy), ..came.clone() };
    assert_eq!(transitions(&healthy, &unhealthy), std::slice::from_ref(&fell_ill));

    bed.fake.remove_by_hand("a");
    let gone = bed.world.refresh().await;
    assert_eq!(transitions(&unhealthy, &gone), [Transition { from: fell_ill.to, to: None, ..came }]);

    bed.fake.go_away();
    let down = bed.world.refresh().await;
    assert!(!down.is_up());
    assert_eq!(transitions(&gone, &down), []);
}

#[tokio::test(start_paused = true)]
async fn a_watcher_that_was_cancelled_asks_no_more() {
    let bed = Bed::new();
    bed.up().await;
    bed.cancel.cancel();
    sleep(Duration::from_secs(1)).await;
    let before = bed.fake.calls().len();
    sleep(Duration::from_secs(600)).await;
    assert_eq!(bed.fake.calls().len(), before);
    assert!(bed.world.refresh().await.is_up(), "what was known stays readable");
}

#[tokio::test]
async fn a_listing_is_taken_after_the_stream_is_open() {
    let fake = FakeEngine::new(Clock::fixed(Timestamp::UNIX_EPOCH));
    let engine: Arc<dyn Engine> = Arc::new(fake.clone());
    let (watcher, world) = Watcher::new(NodeId::new("one"), engine, Clock::default());
    let cancel = CancellationToken::new();
    let task = tokio::spawn(watcher.run(cancel.clone()));
    world.refresh().await;
    cancel.cancel();
    task.await.unwrap();
    let methods: Vec<_> = fake.calls().iter().map(|call| call.method).collect();
    assert_eq!(methods[..3], ["info", "changes", "list"]);
}
