//! Names, keys, kept data, and what belongs to others.

use std::collections::BTreeMap;

use api::operations::OperationKind;
use api::tools::Install;
use server::engine::fake::Script;
use server::engine::{
    ContainerSpec, ContainerState, Engine, MARK_LABEL, Mark, Mount, NetworkSpec, TOOL_LABEL, VolumeSpec,
};
use server::jobs::Worker;
use server::operations::{OperationJobs, OperationState};
use server::registry::Digest;
use server::tools::{Error, Observer};
use sqlx::PgPool;
use std::sync::Arc;
use uuid::Uuid;

use crate::bed::{Act, Bed, ENTRIES, refused};

fn fields(error: Error) -> Vec<(String, String)> {
    let Error::Fields(problems) = error else { panic!("{error:?}") };
    problems.into_iter().map(|problem| (problem.field, problem.message)).collect()
}

#[sqlx::test(migrations = "../migrations")]
async fn an_install_makes_what_the_entry_says_and_writes_it_down(db: PgPool) {
    for entry in ENTRIES {
        let bed = Bed::new(&db, entry);
        let operation = bed.succeed(Act::Install).await;
        let listing = bed.engine.list().await.unwrap();
        let services: &[&str] = if entry == "wordpress" { &["app", "db"] } else { &["app"] };
        let names: Vec<_> = services.iter().map(|service| format!("s31-{entry}-{service}-1")).collect();
        let mut made: Vec<_> = listing.containers.iter().map(|container| container.name.clone()).collect();
        made.sort();
        assert_eq!(made, names);
        for container in &listing.containers {
            let label = |key: &str| container.labels.get(key).map(String::as_str);
            assert_eq!(container.state, ContainerState::Running);
            assert_eq!(container.tool(), Some(operation.tool_id));
            assert_eq!(label("com.docker.compose.project"), Some(bed.name.as_str()));
            assert_eq!(label("com.docker.compose.oneoff"), Some("False"));
            let service = label("com.docker.compose.service").unwrap();
            assert_eq!(container.name, format!("s31-{entry}-{service}-1"));
            let (_, digest) = container.image.split_once('@').expect("an image by digest");
            assert!(digest.parse::<Digest>().is_ok(), "{digest}");
            assert_eq!(container.networks.keys().collect::<Vec<_>>(), [&format!("s31-{entry}_default")]);
        }
        let app = bed.engine.spec(&format!("s31-{entry}-app-1")).unwrap();
        let ports: Vec<_> = app.ports.iter().map(|port| (port.host_ip.as_str(), port.host_port)).collect();
        assert_eq!(ports, [("127.0.0.1", bed.port)]);
        assert_eq!(app.mounts[0].volume, format!("s31-{entry}_site"));
        bed.see_resources_told_truly().await;
        bed.see_journal_ended(&operation).await;
        let kinds: Vec<String> = sqlx::query_scalar("select kind from events where tool_id = $1 order by sequence")
            .bind(operation.tool_id)
            .fetch_all(&db)
            .await
            .unwrap();
        assert_eq!(kinds, ["operation.begun", "tool.installed"]);
        bed.clear_away().await;
    }
}

#[sqlx::test(migrations = "../migrations")]
async fn each_operation_is_told_by_an_event_and_changes_what_is_wanted(db: PgPool) {
    let bed = Bed::new(&db, "static-site");
    let mut told = Vec::new();
    for act in [Act::Install, Act::Stop, Act::Start, Act::Restart, Act::Reconfigure, Act::RemoveWithData] {
        let operation = bed.succeed(act).await;
        let (state, desired, revision): (String, String, i32) =
            sqlx::query_as("select state, desired, revision from tools where tool_id = $1")
                .bind(operation.tool_id)
                .fetch_one(&db)
                .await
                .unwrap();
        told.push((bed.last_event(&operation).await, state, desired, revision));
    }
    let expected = [
        ("tool.installed", "installed", "running", 1),
        ("tool.stopped", "installed", "stopped", 1),
        ("tool.started", "installed", "running", 1),
        ("tool.restarted", "installed", "running", 1),
        ("tool.reconfigured", "installed", "running", 2),
        ("tool.removed", "removed", "running", 2),
    ];
    let told: Vec<_> =
        told.iter().map(|(event, state, wanted, at)| (&event[..], &state[..], &wanted[..], *at)).collect();
    assert_eq!(told, expected);
}

#[sqlx::test(migrations = "../migrations")]
async fn the_worker_runs_what_was_begun(db: PgPool) {
    let bed = Bed::new(&db, "static-site");
    let operation_id = bed.begin(Act::Install).await.unwrap();
    let run = OperationJobs { executor: Arc::new(bed.executor()) };
    let random = server::clock::Random::System;
    let worker = Worker::new(db.clone(), bed.clock.clone(), random, Arc::new(run));
    assert_eq!(worker.work_off().await.unwrap(), 1);
    assert_eq!(bed.operation(operation_id).await.state, OperationState::Done);
    assert_eq!(worker.work_off().await.unwrap(), 0);
}

#[sqlx::test(migrations = "../migrations")]
async fn of_two_installs_of_one_name_at_once_one_wins(db: PgPool) {
    let bed = Bed::new(&db, "static-site");
    let (one, other) = tokio::join!(bed.begin(Act::Install), bed.begin(Act::Install));
    let (won, lost) = if one.is_ok() { (one, other) } else { (other, one) };
    let problems = fields(lost.unwrap_err());
    assert_eq!(problems[0].0, "name");
    assert!(problems[0].1.contains("exists already"), "{}", problems[0].1);
    bed.executor().run(won.unwrap()).await.unwrap();
    assert!(bed.is_running().await);
    assert_eq!(fields(bed.begin(Act::Install).await.unwrap_err())[0].0, "name");
    bed.clear_away().await;
}

#[sqlx::test(migrations = "../migrations")]
async fn a_tool_has_one_operation_at_a_time(db: PgPool) {
    let bed = Bed::new(&db, "static-site");
    let install = bed.begin(Act::Install).await.unwrap();
    assert!(matches!(bed.begin(Act::Stop).await, Err(Error::Busy(_))));
    bed.executor().run(install).await.unwrap();
    let stop = bed.begin(Act::Stop).await.unwrap();
    for act in [Act::Start, Act::Stop, Act::Restart, Act::Reconfigure, Act::RemoveKeepingData, Act::RemoveWithData] {
        let refusal = bed.begin(act).await.unwrap_err();
        assert!(matches!(refusal, Error::Busy(_)), "{act:?}: {refusal:?}");
    }
    bed.executor().run(stop).await.unwrap();
    let (one, other) = tokio::join!(bed.begin(Act::Start), bed.begin(Act::Restart));
    assert_eq!(usize::from(one.is_ok()) + usize::from(other.is_ok()), 1, "{one:?} {other:?}");
    for begun in [one, other].into_iter().flatten() {
        bed.executor().run(begun).await.unwrap();
    }
    bed.clear_away().await;
}

#[sqlx::test(migrations = "../migrations")]
async fn a_repeated_request_gives_the_same_operation_also_when_both_come_at_once(db: PgPool) {
    let bed = Bed::new(&db, "static-site");
    for act in [Act::Install, Act::Reconfigure, Act::Stop, Act::RemoveWithData] {
        let key = format!("{act:?}");
        let (one, other) = tokio::join!(bed.begin_as(act, Some(&key)), bed.begin_as(act, Some(&key)));
        let operation_id = one.unwrap();
        assert_eq!(other.unwrap(), operation_id, "{act:?} at once");
        assert_eq!(bed.begin_as(act, Some(&key)).await.unwrap(), operation_id, "{act:?} while it waits");
        bed.executor().run(operation_id).await.unwrap();
        assert_eq!(bed.begin_as(act, Some(&key)).await.unwrap(), operation_id, "{act:?} after its end");
    }
    let count: i64 = sqlx::query_scalar("select count(*) from operations").fetch_one(&db).await.unwrap();
    assert_eq!(count, 4);
}

#[sqlx::test(migrations = "../migrations")]
async fn a_plan_made_before_another_operation_ended_is_not_begun_after_it(db: PgPool) {
    let bed = Bed::new(&db, "static-site");
    bed.succeed(Act::Install).await;
    let tools = bed.tools().await;
    let reconfigure = bed.begin(Act::Reconfigure).await.unwrap();
    // The person's request looks at the node; while the answer is on its way the reconfiguration ends.
    let looked = Arc::new(tokio::sync::Notify::new());
    let (is_first, seen) = (std::sync::atomic::AtomicBool::new(true), looked.clone());
    bed.engine.delay_on(move |call| {
        let is_it = call.method == "list" && is_first.swap(false, std::sync::atomic::Ordering::SeqCst);
        is_it.then(|| {
            seen.notify_one();
            std::time::Duration::from_millis(300)
        })
    });
    let stop = tools.stop(&bed.actor, &bed.name, None);
    let run = async {
        let _ = tokio::time::timeout(std::time::Duration::from_millis(200), looked.notified()).await;
        bed.executor().run(reconfigure).await.unwrap();
    };
    let (stop, ()) = tokio::join!(stop, run);
    assert_eq!(bed.operation(reconfigure).await.state, OperationState::Done);
    if let Ok(stop) = stop {
        bed.executor().run(stop).await.unwrap();
        assert!(!bed.is_running().await, "what was told to be stopped runs: {:?}", bed.world());
    }
    bed.clear_away().await;
}

#[sqlx::test(migrations = "../migrations")]
async fn s31_what_others_made_stays_whatever_its_labels_say(db: PgPool) {
    let bed = Bed::new(&db, "wordpress");
    let tool_id = bed.succeed(Act::Install).await.tool_id;
    let forged = || {
        BTreeMap::from([
            (TOOL_LABEL.to_owned(), tool_id.to_string()),
            ("com.docker.compose.project".to_owned(), bed.name.clone()),
            ("com.docker.compose.service".to_owned(), "app".to_owned()),
        ])
    };
    let marked = || {
        let mark = Mark(Uuid::from_u128(31)).to_string();
        forged().into_iter().chain([(server::engine::MARK_LABEL.to_owned(), mark)]).collect::<BTreeMap<_, _>>()
    };
    for (name, labels) in [("s31_forged", forged()), ("s31_marked", marked())] {
        let (volume, network) = (format!("{name}_volume"), format!("{name}_network"));
        bed.engine.create_volume(&VolumeSpec { name: volume.clone(), labels: labels.clone() }).await.unwrap();
        let spec = NetworkSpec { name: network.clone(), labels: labels.clone(), internal: false };
        bed.engine.create_network(&spec).await.unwrap();
        let spec = ContainerSpec {
            name: name.to_owned(),
            image: "example.org/other@sha256:0".to_owned(),
            labels,
            mounts: vec![Mount { volume, target: "/data".to_owned(), read_only: false }],
            networks: vec![(network, Vec::new())],
            ..ContainerSpec::default()
        };
        bed.engine.run_by_hand(&spec, server::engine::fake::Script::default());
    }
    let theirs = |world: server::engine::fake::Snapshot| {
        let is_theirs = |name: &String| name.starts_with("s31_");
        let mut world = world;
        world.containers.retain(|name, _| is_theirs(name));
        world.networks.retain(|name, _| is_theirs(name));
        world.volumes.retain(|name, _| is_theirs(name));
        world.images.retain(|name| name.starts_with("example.org"));
        world
    };
    let before = theirs(bed.world());
    assert_eq!((before.containers.len(), before.volumes.len(), before.images.len()), (2, 2, 1));
    for act in [Act::Stop, Act::Start, Act::Restart, Act::Reconfigure, Act::RemoveKeepingData, Act::InstallOnKeptData] {
        bed.succeed(act).await;
        assert_eq!(theirs(bed.world()), before, "{act:?}");
    }
    bed.succeed(Act::RemoveWithData).await;
    assert_eq!(bed.world(), before, "only theirs is left");
}

#[sqlx::test(migrations = "../migrations")]
async fn an_image_that_others_use_or_that_was_there_before_stays(db: PgPool) {
    let bed = Bed::new(&db, "static-site");
    bed.succeed(Act::Install).await;
    let image = bed.engine.spec("s31-static-site-app-1").unwrap().image;
    let spec = ContainerSpec { name: "s31_other".to_owned(), image: image.clone(), ..ContainerSpec::default() };
    bed.engine.run_by_hand(&spec, server::engine::fake::Script::default());
    bed.succeed(Act::RemoveWithData).await;
    assert_eq!(bed.world().images, [image.as_str()], "a container of somebody else uses it");

    bed.succeed(Act::Install).await;
    bed.engine.remove_by_hand("s31_other");
    bed.succeed(Act::RemoveWithData).await;
    assert_eq!(bed.world().images, [image], "it was there before the tool");
}

#[sqlx::test(migrations = "../migrations")]
async fn a_name_or_port_that_others_have_is_refused_at_its_field(db: PgPool) {
    let bed = Bed::new(&db, "static-site");
    let spec = VolumeSpec { name: "s31-static-site_site".to_owned(), labels: BTreeMap::new() };
    bed.engine.create_volume(&spec).await.unwrap();
    let problems = fields(bed.begin(Act::Install).await.unwrap_err());
    assert_eq!(problems[0].0, "name");
    assert!(problems[0].1.contains("a volume named s31-static-site_site exists"), "{}", problems[0].1);

    bed.engine.remove_volume("s31-static-site_site").await.unwrap();
    let taken = std::net::TcpListener::bind(("127.0.0.1", bed.port)).unwrap();
    assert_eq!(fields(bed.begin(Act::Install).await.unwrap_err())[0].0, "ports.web");
    drop(taken);
    // What is taken between the request and its turn is found by the first step.
    let operation_id = bed.begin(Act::Install).await.unwrap();
    bed.engine.create_volume(&spec).await.unwrap();
    let before = bed.world();
    bed.executor().run(operation_id).await.unwrap();
    let operation = bed.operation(operation_id).await;
    assert_eq!(operation.state, OperationState::Undone);
    assert!(operation.problem.contains("exists that Summoner did not make"), "{}", operation.problem);
    assert_eq!(bed.world(), before);
}

fn variables(bed: &Bed, container: &str) -> BTreeMap<String, String> {
    bed.engine.spec(container).unwrap().environment.into_iter().collect()
}

#[sqlx::test(migrations = "../migrations")]
async fn kept_data_is_taken_up_with_the_secrets_it_was_made_with(db: PgPool) {
    let bed = Bed::new(&db, "wordpress");
    bed.succeed(Act::Install).await;
    let (password, volumes) = (variables(&bed, "s31-wordpress-db-1")["MARIADB_PASSWORD"].clone(), bed.world().volumes);
    assert_eq!(password.len(), 32);
    for _ in 0..2 {
        bed.succeed(Act::RemoveKeepingData).await;
        let kept = bed.resources().await;
        let states: Vec<_> = kept.values().map(|(kind, _, state)| (kind.as_str(), state.as_str())).collect();
        assert_eq!(states, [("volume", "kept"); 2]);
        assert_eq!(bed.tools().await.check(&bed.actor, &bed.request()).await.unwrap().kept_volumes.len(), 2);
        bed.succeed(Act::InstallOnKeptData).await;
        assert_eq!(variables(&bed, "s31-wordpress-db-1")["MARIADB_PASSWORD"], password);
        assert_eq!(variables(&bed, "s31-wordpress-app-1")["WORDPRESS_DB_PASSWORD"], password);
        let numbers = |volumes: &BTreeMap<String, (u64, BTreeMap<String, String>)>| {
            volumes.iter().map(|(name, (number, _))| (name.clone(), *number)).collect::<Vec<_>>()
        };
        assert_eq!(numbers(&bed.world().volumes), numbers(&volumes), "the same volumes");
    }
    bed.succeed(Act::RemoveWithData).await;
    bed.succeed(Act::Install).await;
    assert_ne!(variables(&bed, "s31-wordpress-db-1")["MARIADB_PASSWORD"], password, "new data, new secrets");
}

#[sqlx::test(migrations = "../migrations")]
async fn kept_data_of_one_entry_is_not_given_to_another(db: PgPool) {
    let bed = Bed::new(&db, "wordpress");
    bed.succeed(Act::Install).await;
    bed.succeed(Act::RemoveKeepingData).await;
    bed.publish("static-site", &server::engine::fake::Script::healthy());
    let request = Install { entry: "static-site".to_owned(), ..bed.request() };
    let tools = bed.tools().await;
    let problems = fields(tools.install(&bed.actor, &request, None).await.unwrap_err());
    assert_eq!(problems[0].0, "name");
    assert!(problems[0].1.contains("kept data of wordpress"), "{}", problems[0].1);
}

#[sqlx::test(migrations = "../migrations")]
async fn kept_data_is_taken_up_by_the_versions_that_made_it_and_by_no_other(db: PgPool) {
    let bed = Bed::new(&db, "wordpress");
    let asking = |app: &str, db: &str| {
        let versions = [("app", app), ("db", db)].map(|(key, tag)| (key.to_owned(), tag.to_owned()));
        Install { versions: BTreeMap::from(versions), ..bed.request() }
    };
    let (made_by, database) = ("7.0.2-php8.3-apache", "11.8.7");
    for (image, tag) in [("wordpress", made_by), ("mariadb", database)] {
        bed.publish_tag(image, tag, &Script::healthy());
    }
    bed.succeed_with(&asking(made_by, database)).await;
    bed.succeed(Act::RemoveKeepingData).await;

    let tools = bed.tools().await;
    let proposed = asking("7.1.0-php8.3-apache", "11.8.8");
    for refused in [
        tools.plan_install(&bed.actor, &proposed).await.map(drop),
        tools.install(&bed.actor, &proposed, None).await.map(drop),
    ] {
        let problems = fields(refused.unwrap_err());
        let named: Vec<_> = problems.iter().map(|(field, _)| field.as_str()).collect();
        assert_eq!(named, ["versions.app", "versions.db"]);
        assert!(problems[0].1.contains("made by 7.0.2-php8.3-apache. Choose that version"), "{}", problems[0].1);
    }
    assert_eq!(bed.resources().await.len(), 2, "nothing but the kept volumes");

    // Where no version is asked for, it is that of the data and not the newest.
    bed.succeed(Act::InstallOnKeptData).await;
    let images: Vec<_> =
        sqlx::query_scalar::<_, String>("select image from services order by image").fetch_all(&db).await.unwrap();
    assert_eq!(
        images,
        ["mariadb:11.8.7", "mariadb:11.8.7", "wordpress:7.0.2-php8.3-apache", "wordpress:7.0.2-php8.3-apache"]
    );
    bed.succeed(Act::RemoveWithData).await;
    bed.succeed_with(&proposed).await;
}

#[sqlx::test(migrations = "../migrations")]
async fn only_versions_that_the_entry_knows_may_hold_data(db: PgPool) {
    let bed = Bed::new(&db, "postgresql");
    for (entry, versions, field, part) in [
        ("postgresql", ("app", "17.11"), "versions.app", "17.11 is not a version this entry can run"),
        ("postgresql", ("app", "latest"), "versions.app", "latest is not a version"),
        ("gitea", ("db", "18.6"), "versions.db", "18.6 is not a version"),
        ("gitea", ("app", "1.27.2-rootless"), "versions.app", "is not a version"),
        ("nextcloud", ("cron", "33.0.8-apache"), "versions.cron", "it follows app"),
        ("nextcloud", ("web", "33.0.8-apache"), "versions.web", "no image named web"),
    ] {
        let versions = BTreeMap::from([(versions.0.to_owned(), versions.1.to_owned())]);
        bed.publish(entry, &Script::healthy());
        bed.publish_tag("postgres", "17.11", &Script::healthy());
        bed.publish_tag("postgres", "18.6", &Script::healthy());
        let request = Install { entry: entry.to_owned(), name: "s31-odd".to_owned(), versions, ..Install::default() };
        let problems = fields(bed.tools().await.install(&bed.actor, &request, None).await.unwrap_err());
        let found = problems.iter().any(|(at, message)| at == field && message.contains(part));
        assert!(found, "{entry} {field}: {problems:?}");
    }
    assert_eq!(bed.resources().await, BTreeMap::new());

    // A web server's files are the same to every version, so its moving tags may run.
    let bed = Bed::new(&db, "static-site");
    bed.publish_tag("nginx", "mainline-alpine", &Script::healthy());
    let versions = BTreeMap::from([("app".to_owned(), "mainline-alpine".to_owned())]);
    bed.succeed_with(&Install { versions, ..bed.request() }).await;
}

#[sqlx::test(migrations = "../migrations")]
async fn an_image_that_keeps_data_where_nothing_is_mounted_makes_no_container(db: PgPool) {
    let bed = Bed::new(&db, "static-site");
    let (before, keeping) =
        (bed.world(), |folder: &str| Script { volumes: vec![folder.to_owned()], ..Script::healthy() });
    bed.publish_tag("nginx", "1.31.4-alpine", &keeping("/var/lib/other"));
    bed.publish_tag("nginx", "1.31.3-alpine", &keeping("/usr/share/nginx/html/"));
    let asking =
        |tag: &str| Install { versions: BTreeMap::from([("app".to_owned(), tag.to_owned())]), ..bed.request() };
    let operation_id = bed.tools().await.install(&bed.actor, &asking("1.31.4-alpine"), None).await.unwrap();
    bed.executor().run(operation_id).await.unwrap();
    let operation = bed.operation(operation_id).await;
    assert_eq!(operation.state, OperationState::Undone);
    assert!(operation.problem.contains("keeps data in /var/lib/other"), "{}", operation.problem);
    assert_eq!(bed.world(), before);
    bed.succeed_with(&asking("1.31.3-alpine")).await;
}

#[sqlx::test(migrations = "../migrations")]
async fn an_install_on_kept_data_that_fails_leaves_it_kept(db: PgPool) {
    let bed = Bed::new(&db, "wordpress");
    bed.succeed(Act::Install).await;
    bed.succeed(Act::RemoveKeepingData).await;
    let (world, kept) = (bed.world(), bed.resources().await);
    let operation_id = bed.begin(Act::InstallOnKeptData).await.unwrap();
    bed.engine.fail_on(|call| (call.to_string() == "start_container s31-wordpress-app-1").then(refused));
    bed.executor().run(operation_id).await.unwrap();
    assert_eq!(bed.operation(operation_id).await.state, OperationState::Undone);
    assert_eq!((bed.world(), bed.resources().await), (world, kept));
}

#[sqlx::test(migrations = "../migrations")]
async fn what_somebody_removed_by_hand_is_made_again_when_the_tool_is_started(db: PgPool) {
    let bed = Bed::new(&db, "wordpress");
    for act in [Act::Start, Act::Restart, Act::Reconfigure] {
        bed.arrange(act).await;
        bed.engine.remove_by_hand("s31-wordpress-db-1");
        let operation = bed.succeed(act).await;
        assert_ne!(operation.kind, OperationKind::Install);
        assert_eq!(bed.world().containers.len(), 2, "{act:?}");
        assert!(bed.is_running().await, "{act:?}");
        bed.see_resources_told_truly().await;
        bed.clear_away().await;
    }
}

#[sqlx::test(migrations = "../migrations")]
async fn what_the_engine_makes_after_its_undo_is_taken_away_and_no_copy_of_it(db: PgPool) {
    let bed = Bed::new(&db, "static-site");
    bed.succeed(Act::Install).await;
    let name = format!("{}-app-1", bed.name);
    let spec = bed.engine.spec(&name).unwrap();
    bed.succeed(Act::RemoveWithData).await;
    let image = spec.image.clone();
    let (repository, digest) = image.split_once('@').unwrap();

    bed.engine.fail_on(|call| {
        let refusal = || server::engine::Error::Refused { what: call.subject.clone(), reason: "no".to_owned() };
        (call.method == "start_container").then(refusal)
    });
    let operation_id = bed.begin(Act::Install).await.unwrap();
    bed.executor().run(operation_id).await.unwrap();
    bed.engine.heal();
    assert_eq!(bed.operation(operation_id).await.state, OperationState::Undone);
    let steps = bed.steps(operation_id).await;
    let made = steps.iter().find(|step| step.kind == "create").unwrap();

    let marked = |name: String| {
        let mut spec =
            ContainerSpec { name, mounts: Vec::new(), networks: Vec::new(), ports: Vec::new(), ..spec.clone() };
        spec.labels.insert(MARK_LABEL.to_owned(), made.mark.to_string());
        spec
    };
    bed.engine.have(repository, digest, Script::healthy());
    let observer = async || Observer { means: bed.means.clone(), world: bed.seen().await }.look().await.unwrap();
    bed.engine.create_container(&marked(name.clone())).await.unwrap();
    bed.engine.run_by_hand(&marked("copy-that-runs".to_owned()), Script::healthy());
    observer().await;
    let names = async || -> Vec<String> {
        let listing = bed.engine.list().await.unwrap();
        listing.containers.into_iter().map(|container| container.name).collect()
    };
    assert_eq!(names().await, ["copy-that-runs"]);

    bed.clock.advance(std::time::Duration::from_secs(3600));
    bed.engine.create_container(&marked("copy-of-another-age".to_owned())).await.unwrap();
    observer().await;
    assert_eq!(names().await.len(), 2, "neither is what the engine finished late");
}
