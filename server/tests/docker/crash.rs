//! A panel that is killed at every write to the journal, and goes on where it stood.
//!
//! No hook in the program is needed: the test holds the row that the program is about to write, in a transaction of its
//! own. While the program waits there, everything before is done and everything after is not, and SIGKILL ends it
//! exactly between the two. The next process of the same operation is killed one write later, and so on to the end.

mod hold;
pub mod panel;
mod truth;

use std::collections::{BTreeSet, HashMap};
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use bollard::query_parameters as query;
use futures_util::FutureExt as _;
use reqwest::Method;
use serde_json::json;
use server::engine::{Engine as _, Mark};
use sqlx::PgPool;
use uuid::Uuid;

pub use self::hold::until;
use self::hold::{Hold, Row, blockers, end_sessions};
use self::panel::Panel;
use self::truth::{assert_agreement, has_ended, in_database, journal, on_node, running, state};
use crate::bed::{Bed, Process, on_docker};

/// How an operation is expected to end.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Done,
    Undone,
}

/// A panel that runs and is set up, and what it stands on.
struct Scene<'bed> {
    bed: &'bed Bed,
    db: &'bed PgPool,
    panel: Panel,
    process: Process,
}

/// Where the program stands.
#[derive(Debug, PartialEq, Eq)]
enum Stand {
    /// Before a write to the row that is looked at.
    Here,
    /// Before a write to another row: it is through with this one.
    Further,
    /// The operation has ended.
    Ended,
}

async fn on_scene(db: &PgPool, test: impl AsyncFnOnce(&mut Scene<'_>)) {
    on_docker(async |bed| {
        let mut panel = Panel::new(bed, &address_of(db)).await;
        let process = panel.start();
        panel.ready().await;
        panel.set_up().await;
        let tool = panel.tool.clone();
        let mut scene = Scene { bed, db, panel, process };
        let outcome = AssertUnwindSafe(test(&mut scene)).catch_unwind().await;
        let log = scene.panel.log();
        drop(scene);
        sweep(bed, &tool).await;
        if let Err(panic) = outcome {
            eprintln!("the program said:\n{log}");
            std::panic::resume_unwind(panic);
        }
    })
    .await;
}

/// The address of a test's database, as the program takes it.
pub fn address_of(db: &PgPool) -> String {
    let address = std::env::var("DATABASE_URL").expect("DATABASE_URL");
    // The path is the database; what follows it may name the socket's folder, slashes and all.
    let mut database = reqwest::Url::parse(&address).expect("an address");
    database.set_path(db.connect_options().get_database().unwrap());
    database.into()
}

/// Removes what the tool of a failed test left.
async fn sweep(bed: &Bed, tool: &str) {
    let its = || HashMap::from([("label".to_owned(), vec![format!("com.docker.compose.project={tool}")])]);
    let all = query::ListContainersOptions { all: true, filters: Some(its()), ..Default::default() };
    for container in bed.raw.list_containers(Some(all)).await.unwrap() {
        let options = query::RemoveContainerOptions { force: true, v: true, ..Default::default() };
        bed.raw.remove_container(&container.id.unwrap(), Some(options)).await.unwrap();
    }
    for network in bed.raw.list_networks(Some(query::ListNetworksOptions { filters: Some(its()) })).await.unwrap() {
        bed.raw.remove_network(&network.id.unwrap()).await.unwrap();
    }
    let volumes = bed.raw.list_volumes(Some(query::ListVolumesOptions { filters: Some(its()) })).await.unwrap();
    for volume in volumes.volumes.unwrap_or_default() {
        bed.raw.remove_volume(&volume.name, None::<query::RemoveVolumeOptions>).await.unwrap();
    }
}

impl Scene<'_> {
    /// Installs the tool and waits until it works.
    async fn installed(&self) {
        let operation = self.panel.install("fine").await;
        until("the install ends", async || has_ended(&state(self.db, operation).await)).await;
        assert_eq!(state(self.db, operation).await, "done", "{:#?}", journal(self.db, operation).await);
    }

    /// Begins an operation with `begin` and kills the program at every write to its journal.
    async fn kill_all_along(&mut self, begin: impl AsyncFnOnce(&Panel) -> Uuid, end: End) -> Uuid {
        let begun = tokio::time::Instant::now();
        let mut claims = Some(Hold::claims(self.db).await);
        let operation = begin(&self.panel).await;
        let mut kills = 0;
        let mut is_alive = true;
        for (leg, row) in path(self.db, operation, end).await.into_iter().enumerate() {
            // The kill before the first write to a row was the last one of the row before.
            let mut passes = usize::from(leg > 0);
            loop {
                let mut hold = Hold::row(self.db, operation, row).await;
                let rest = Hold::rows(self.db, operation, self.others(operation, row, end).await).await;
                let before = self.trace(operation, row).await;
                if let Some(claims) = claims.take() {
                    claims.release().await;
                }
                if !is_alive {
                    self.process = self.panel.start();
                }
                let mut stand = self.stand(operation, &hold, &rest).await;
                assert_eq!(stand, Stand::Here, "{row:?} is next in {:#?}", journal(self.db, operation).await);
                for _ in 0..passes {
                    hold = hold.hand_over(self.db, operation, row).await;
                    stand = self.stand(operation, &hold, &rest).await;
                    if stand != Stand::Here {
                        break;
                    }
                }
                if stand == Stand::Ended {
                    hold.release().await;
                    rest.release().await;
                    println!("{kills} kills in {} s", begun.elapsed().as_secs());
                    return operation;
                }
                self.process.kill();
                is_alive = false;
                kills += 1;
                end_sessions(self.db).await;
                hold.release().await;
                rest.release().await;
                assert_agreement(self.bed, self.db, operation).await;
                if stand == Stand::Further {
                    break;
                }
                let after = self.trace(operation, row).await;
                passes = match (before, after) {
                    // It has turned round: what follows are the writes of the way back.
                    (before, after) if before.0 != after.0 && after.0 == "failed" => 1,
                    // What it noted is noted for good, so there is one write less from now on.
                    (before, after) if before.1 != after.1 => passes,
                    _ => passes + 1,
                };
            }
        }
        panic!("the operation went on after its last step: {:#?}", journal(self.db, operation).await);
    }

    /// Begins an operation and kills the program a moment after it begins a step, while the engine is at it.
    async fn kill_amid(&mut self, begin: impl AsyncFnOnce(&Panel) -> Uuid) -> Uuid {
        let operation = begin(&self.panel).await;
        let newest = async || {
            let steps = journal(self.db, operation).await;
            steps.into_iter().rev().find(|step| step.state != "waiting").map(|step| step.position)
        };
        let mut kills = 0;
        let mut seen = None;
        loop {
            until("the next step begins", async || {
                has_ended(&state(self.db, operation).await) || newest().await != seen
            })
            .await;
            seen = newest().await;
            tokio::time::sleep(Duration::from_millis(kills * 13 % 97)).await;
            if has_ended(&state(self.db, operation).await) {
                println!("{kills} kills amid steps");
                return operation;
            }
            self.process.kill();
            kills += 1;
            end_sessions(self.db).await;
            assert_agreement(self.bed, self.db, operation).await;
            self.process = self.panel.start();
        }
    }

    /// All rows but `row`; the operation's own is written together with the step that fails.
    async fn others(&self, operation: Uuid, row: Row, end: End) -> Vec<Row> {
        let steps = journal(self.db, operation).await;
        let is_last = |position| steps.iter().all(|step| step.is_cleanup || step.position <= position);
        let turns = end == End::Undone && matches!(row, Row::Step(position) if is_last(position));
        let rows = steps.iter().map(|step| Row::Step(step.position));
        rows.chain((!turns).then_some(Row::Operation)).filter(|other| *other != row).collect()
    }

    /// What tells whether a row was written: its state, and whether it has a memory.
    async fn trace(&self, operation: Uuid, row: Row) -> (String, bool) {
        match row {
            Row::Operation => (state(self.db, operation).await, false),
            Row::Step(position) => {
                let steps = journal(self.db, operation).await;
                let step = steps.into_iter().find(|step| step.position == position).unwrap();
                (step.state, step.memory.is_some())
            }
        }
    }

    async fn stand(&self, operation: Uuid, hold: &Hold, rest: &Hold) -> Stand {
        for _ in 0..6000 {
            let blockers = blockers(self.db).await;
            if blockers.contains(&rest.pid) {
                return Stand::Further;
            }
            if blockers.contains(&hold.pid) {
                return Stand::Here;
            }
            if has_ended(&state(self.db, operation).await) {
                return Stand::Ended;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("it stands nowhere: {:#?}", journal(self.db, operation).await);
    }

    /// Fails unless the operation has ended that way, once, and node and database agree.
    async fn assert_ended(&self, operation: Uuid, end: End, event: &str) {
        self.assert_ended_with(operation, end, event, &BTreeSet::new()).await;
    }

    /// Fails unless the operation was done, and what the node has beyond what the tool is made of is `kept`.
    async fn assert_done_with_kept(&self, operation: Uuid, event: &str, kept: &BTreeSet<String>) {
        let rows: Vec<String> = sqlx::query_scalar("select name from resources where state = 'kept' order by name")
            .fetch_all(self.db)
            .await
            .unwrap();
        let names: Vec<&str> = kept.iter().filter_map(|line| line.rsplit(' ').next()).collect();
        assert_eq!(rows, names);
        self.assert_ended_with(operation, End::Done, event, kept).await;
    }

    async fn assert_ended_with(&self, operation: Uuid, end: End, event: &str, kept: &BTreeSet<String>) {
        let steps = journal(self.db, operation).await;
        let word = if end == End::Done { "done" } else { "undone" };
        assert_eq!(state(self.db, operation).await, word, "{steps:#?}");
        let is_settled = |state: &str| state == word || (end == End::Undone && state == "waiting");
        assert!(steps.iter().all(|step| is_settled(&step.state)), "{steps:#?}");
        assert_agreement(self.bed, self.db, operation).await;
        let events: Vec<String> =
            sqlx::query_scalar("select kind from events where operation_id = $1 order by sequence")
                .bind(operation)
                .fetch_all(self.db)
                .await
                .unwrap();
        assert_eq!(events, ["operation.begun", event]);
        let mut expected = in_database(self.db, &self.panel.tool).await;
        expected.extend(kept.iter().cloned());
        assert_eq!(on_node(self.bed, &self.panel.tool).await, expected);
        until("its job is done", async || {
            let jobs: Vec<String> =
                sqlx::query_scalar("select distinct state from jobs").fetch_all(self.db).await.unwrap();
            jobs == ["done"]
        })
        .await;
    }
}

/// The rows that the program writes one after the other.
async fn path(db: &PgPool, operation: Uuid, end: End) -> Vec<Row> {
    let steps = journal(db, operation).await;
    let of = |is_cleanup| {
        let steps = steps.iter().filter(move |step| step.is_cleanup == is_cleanup);
        steps.map(|step| Row::Step(step.position)).collect::<Vec<_>>()
    };
    let (forward, cleanup) = (of(false), of(true));
    let mut path = vec![Row::Operation];
    path.extend(&forward);
    match end {
        End::Done => {
            path.push(Row::Operation);
            path.extend(&cleanup);
            path.extend((!cleanup.is_empty()).then_some(Row::Operation));
        }
        // The last step fails, and turns round where it stands.
        End::Undone => {
            path.extend(forward.iter().rev().skip(1));
            path.push(Row::Operation);
        }
    }
    path
}

#[sqlx::test(migrations = "../migrations")]
async fn an_install_survives_a_kill_at_every_write(db: PgPool) {
    on_scene(&db, async |scene| {
        let operation = scene.kill_all_along(async |panel| panel.install("fine").await, End::Done).await;
        scene.assert_ended(operation, End::Done, "tool.installed").await;
        let tool = &scene.panel.tool;
        assert_eq!(on_node(scene.bed, tool).await.len(), 7, "two containers, images and networks, a volume");
        assert_eq!(running(scene.bed, tool).await.len(), 2);
    })
    .await;
}

#[sqlx::test(migrations = "../migrations")]
async fn an_install_that_fails_leaves_nothing_whatever_is_killed(db: PgPool) {
    on_scene(&db, async |scene| {
        let operation = scene.kill_all_along(async |panel| panel.install("broken").await, End::Undone).await;
        scene.assert_ended(operation, End::Undone, "tool.install_failed").await;
        let left = on_node(scene.bed, &scene.panel.tool).await;
        assert!(left.is_empty(), "{left:?}");
    })
    .await;
}

#[sqlx::test(migrations = "../migrations")]
async fn a_reconfigure_survives_a_kill_at_every_write(db: PgPool) {
    on_scene(&db, async |scene| {
        scene.installed().await;
        let before = on_node(scene.bed, &scene.panel.tool).await;
        let operation = scene.kill_all_along(async |panel| reconfigure(panel, "other").await, End::Done).await;
        scene.assert_ended(operation, End::Done, "tool.reconfigured").await;
        let after = on_node(scene.bed, &scene.panel.tool).await;
        assert_eq!((after.len(), after.difference(&before).count()), (before.len(), 2), "two containers are new");
        assert_eq!(running(scene.bed, &scene.panel.tool).await.len(), 2);
    })
    .await;
}

#[sqlx::test(migrations = "../migrations")]
async fn a_reconfigure_that_fails_leaves_all_as_it_was_whatever_is_killed(db: PgPool) {
    on_scene(&db, async |scene| {
        scene.installed().await;
        let tool = scene.panel.tool.clone();
        let before = (on_node(scene.bed, &tool).await, running(scene.bed, &tool).await);
        let operation = scene.kill_all_along(async |panel| reconfigure(panel, "broken").await, End::Undone).await;
        scene.assert_ended(operation, End::Undone, "tool.reconfigure_failed").await;
        assert_eq!((on_node(scene.bed, &tool).await, running(scene.bed, &tool).await), before);
        let revisions: i64 = sqlx::query_scalar("select count(*) from revisions").fetch_one(scene.db).await.unwrap();
        assert_eq!(revisions, 1, "what never ran is forgotten");
    })
    .await;
}

#[sqlx::test(migrations = "../migrations")]
async fn a_removal_survives_a_kill_at_every_write(db: PgPool) {
    on_scene(&db, async |scene| {
        scene.installed().await;
        let operation = scene.kill_all_along(remove, End::Done).await;
        scene.assert_ended(operation, End::Done, "tool.removed").await;
        let left = on_node(scene.bed, &scene.panel.tool).await;
        assert!(left.is_empty(), "{left:?}");
    })
    .await;
}

#[sqlx::test(migrations = "../migrations")]
async fn a_removal_that_keeps_data_survives_a_kill_at_every_write(db: PgPool) {
    on_scene(&db, async |scene| {
        scene.installed().await;
        let tool = scene.panel.tool.clone();
        let is_volume = |line: &String| line.starts_with("volume ");
        let volumes: BTreeSet<_> = on_node(scene.bed, &tool).await.into_iter().filter(is_volume).collect();
        assert_eq!(volumes.len(), 1);
        let operation = scene.kill_all_along(remove_keeping_data, End::Done).await;
        scene.assert_done_with_kept(operation, "tool.removed", &volumes).await;
        assert_eq!(on_node(scene.bed, &tool).await, volumes, "what is left is the data");
    })
    .await;
}

#[sqlx::test(migrations = "../migrations")]
async fn a_stop_a_start_and_a_restart_survive_a_kill_at_every_write(db: PgPool) {
    on_scene(&db, async |scene| {
        scene.installed().await;
        let tool = scene.panel.tool.clone();
        let before = on_node(scene.bed, &tool).await;
        for (act, event, expected) in
            [("stop", "tool.stopped", 0), ("start", "tool.started", 2), ("restart", "tool.restarted", 2)]
        {
            let since = started_at(scene.bed, &tool).await;
            let begin =
                async |panel: &Panel| panel.begin(Method::POST, &format!("/tools/{tool}/{act}"), &json!({})).await;
            let operation = scene.kill_all_along(begin, End::Done).await;
            scene.assert_ended(operation, End::Done, event).await;
            assert_eq!(on_node(scene.bed, &tool).await, before, "{act} makes and removes nothing");
            assert_eq!(running(scene.bed, &tool).await.len(), expected, "after {act}");
            let is_new = started_at(scene.bed, &tool).await.iter().zip(&since).all(|(now, before)| now > before);
            assert_eq!(is_new, act != "stop", "{act}");
            scene.panel.ready().await;
        }
    })
    .await;
}

#[sqlx::test(migrations = "../migrations")]
async fn a_start_that_fails_leaves_all_stopped_whatever_is_killed(db: PgPool) {
    on_scene(&db, async |scene| {
        scene.installed().await;
        let tool = scene.panel.tool.clone();
        let begin = async |panel: &Panel, act: &str| {
            panel.begin(Method::POST, &format!("/tools/{tool}/{act}"), &json!({})).await
        };
        let stop = begin(&scene.panel, "stop").await;
        until("the stop ends", async || has_ended(&state(scene.db, stop).await)).await;
        let before = on_node(scene.bed, &tool).await;
        break_app(scene.bed, &tool).await;
        let operation = scene.kill_all_along(async |panel| begin(panel, "start").await, End::Undone).await;
        scene.assert_ended(operation, End::Undone, "tool.start_failed").await;
        assert_eq!(on_node(scene.bed, &tool).await, before, "nothing is made and nothing removed");
        assert!(running(scene.bed, &tool).await.is_empty(), "what was stopped is stopped again");
        let desired: String = sqlx::query_scalar("select desired from tools").fetch_one(scene.db).await.unwrap();
        assert_eq!(desired, "stopped", "nobody waits for it to run");
        let problem: String = sqlx::query_scalar("select problem from operations where operation_id = $1")
            .bind(operation)
            .fetch_one(scene.db)
            .await
            .unwrap();
        assert!(problem.starts_with("app ended with exit code 1"), "{problem}");
    })
    .await;
}

/// Puts the file into the stopped container of the second service that makes it end at its next start.
async fn break_app(bed: &Bed, tool: &str) {
    let mut archive = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(0);
    header.set_mode(0o644);
    archive.append_data(&mut header, "broken", std::io::empty()).unwrap();
    let archive = bollard::body_full(archive.into_inner().unwrap().into());
    let into = query::UploadToContainerOptions { path: "/".to_owned(), ..Default::default() };
    bed.raw.upload_to_container(&format!("{tool}-app-1"), Some(into), archive).await.unwrap();
}

/// When each of the tool's containers was started last, by name.
async fn started_at(bed: &Bed, tool: &str) -> Vec<String> {
    let mut found = Vec::new();
    for service in ["app", "db"] {
        let name = format!("{tool}-{service}-1");
        let container = bed.raw.inspect_container(&name, None::<query::InspectContainerOptions>).await.unwrap();
        found.push(container.state.unwrap().started_at.unwrap());
    }
    found
}

#[sqlx::test(migrations = "../migrations")]
async fn an_install_and_a_removal_survive_kills_amid_their_steps(db: PgPool) {
    on_scene(&db, async |scene| {
        let operation = scene.kill_amid(async |panel| panel.install("fine").await).await;
        scene.assert_ended(operation, End::Done, "tool.installed").await;
        scene.panel.ready().await;
        let operation = scene.kill_amid(remove).await;
        scene.assert_ended(operation, End::Done, "tool.removed").await;
        let left = on_node(scene.bed, &scene.panel.tool).await;
        assert!(left.is_empty(), "{left:?}");
    })
    .await;
}

#[sqlx::test(migrations = "../migrations")]
async fn a_container_that_was_half_made_is_made_anew(db: PgPool) {
    on_scene(&db, async |scene| {
        let claims = Hold::claims(scene.db).await;
        let operation = scene.panel.install("fine").await;
        let is_app = |step: &truth::Step| step.kind == "create" && step.input["service"] == "app";
        let step = journal(scene.db, operation).await.into_iter().find(is_app).unwrap();
        let row = Row::Step(step.position);
        let (mut hold, rest) =
            (Hold::row(scene.db, operation, row).await, Hold::rows(scene.db, operation, vec![]).await);
        claims.release().await;
        assert_eq!(scene.stand(operation, &hold, &rest).await, Stand::Here);
        hold = hold.hand_over(scene.db, operation, row).await;
        assert_eq!(scene.stand(operation, &hold, &rest).await, Stand::Here);
        scene.process.kill();
        end_sessions(scene.db).await;

        // As if the kill had come between the call that makes the container and the one that joins it to this network.
        let app = || async {
            let containers = scene.bed.engine.list().await.unwrap().containers;
            containers.into_iter().find(|found| found.mark() == Some(Mark(step.mark))).unwrap()
        };
        let back = format!("{}_back", scene.panel.tool);
        let leave = bollard::models::NetworkDisconnectRequest { container: app().await.id, force: None };
        scene.bed.raw.disconnect_network(&back, leave).await.unwrap();
        hold.release().await;
        rest.release().await;
        let _process = scene.panel.start();
        until("the install ends", async || has_ended(&state(scene.db, operation).await)).await;
        scene.assert_ended(operation, End::Done, "tool.installed").await;
        assert!(app().await.networks.contains_key(&back), "{:?}", app().await);
    })
    .await;
}

async fn reconfigure(panel: &Panel, mode: &str) -> Uuid {
    let request = json!({ "answers": { "MODE": mode } });
    panel.begin(Method::PUT, &format!("/tools/{}/settings", panel.tool), &request).await
}

async fn remove_keeping_data(panel: &Panel) -> Uuid {
    panel.begin(Method::POST, &format!("/tools/{}/remove", panel.tool), &json!({ "data": "keep" })).await
}

async fn remove(panel: &Panel) -> Uuid {
    let request = json!({ "data": "delete", "confirm": panel.tool });
    panel.begin(Method::POST, &format!("/tools/{}/remove", panel.tool), &request).await
}
