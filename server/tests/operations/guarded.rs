//! What an entry of the team's own may not do, and what nobody gets to read.

use std::collections::BTreeMap;

use futures_util::StreamExt as _;
use server::engine::fake::Script;
use server::engine::{Engine as _, LogQuery};
use server::operations::OperationState;
use server::tools::{Error, LogRequest};
use sqlx::PgPool;

use crate::bed::{Act, Bed};

const SITE: &str = include_str!("../../../catalog/static-site/compose.yaml");
const SERVICE: &str = "  app:\n    image: nginx";

/// The entry of a static site with more lines in its service.
fn site_with(lines: &str) -> String {
    assert!(SITE.contains(SERVICE));
    SITE.replace(SERVICE, &format!("  app:\n    {lines}\n    image: nginx"))
}

/// The entry of a static site with a question.
fn site_that_asks(question: &str) -> String {
    SITE.replace("\n  expose:", &format!("\n  fields:\n    {question}\n\n  expose:"))
}

/// The same with an answer that says what is mounted.
fn site_that_asks_for_data() -> String {
    let question = "DATA: { type: text, label: { en: Data, fr: Données }, default: site }";
    site_that_asks(question).replace("[\"site:/usr", "[\"${DATA:-site}:/usr")
}

fn answering(data: &str) -> BTreeMap<String, String> {
    BTreeMap::from([("DATA".to_owned(), data.to_owned())])
}

fn see_refused<T: std::fmt::Debug>(answer: Result<T, Error>, part: &str) {
    let is_it = matches!(&answer, Err(Error::Unapproved(said)) if said.contains(part) && said.contains("services.app"));
    assert!(is_it, "{part}: {answer:?}");
}

#[sqlx::test(migrations = "../migrations")]
async fn s7_an_own_entry_that_reaches_past_its_containers_is_not_installed(db: PgPool) {
    for (lines, part) in [
        ("privileged: true", "every right on the machine"),
        ("cap_add: [SYS_ADMIN]", "“SYS_ADMIN”"),
        ("devices: [/dev/kmsg]", "the device “/dev/kmsg”"),
        ("network_mode: host", "the machine's own network"),
        ("network_mode: container:other", "shares the network of “container:other”"),
    ] {
        let bed = Bed::own(&db, &site_with(lines));
        let tools = bed.tools().await;
        see_refused(tools.plan_install(&bed.actor, &bed.request()).await, part);
        see_refused(tools.install(&bed.actor, &bed.request(), None).await, part);
        assert_eq!((bed.engine.writes(), bed.tool_state().await), (vec![], None), "{lines}");
    }
    for (from, to, part) in [
        ("[\"site:/usr", "[\"/srv:/usr", "may read and change “/srv”"),
        ("[\"site:/usr", "[\"/var/run/docker.sock:/usr", "every right on the machine"),
        ("[\"site:/usr", "[\"/lost\", \"site:/usr", "“/lost” is lost"),
        ("no-new-privileges:true", "seccomp:unconfined", "“seccomp:unconfined”"),
    ] {
        let bed = Bed::own(&db, &SITE.replace(from, to));
        see_refused(bed.tools().await.install(&bed.actor, &bed.request(), None).await, part);
        assert_eq!((bed.engine.writes(), bed.tool_state().await), (vec![], None), "{to}");
    }
}

#[sqlx::test(migrations = "../migrations")]
async fn s7_an_answer_brings_no_path_of_the_machine_in(db: PgPool) {
    let bed = Bed::own(&db, &site_that_asks_for_data());
    let hostile = api::tools::Install { answers: answering("/etc"), ..bed.request() };
    see_refused(bed.tools().await.install(&bed.actor, &hostile, None).await, "“/etc”");
    assert_eq!(bed.tool_state().await, None);

    bed.succeed(Act::Install).await;
    let (before, tools) = (bed.world(), bed.tools().await);
    let change = api::tools::Reconfigure { answers: answering("/etc"), ..Default::default() };
    see_refused(tools.plan_reconfigure(&bed.actor, &bed.name, &change).await, "“/etc”");
    see_refused(tools.reconfigure(&bed.actor, &bed.name, &change, None).await, "“/etc”");
    let revisions: i64 = sqlx::query_scalar("select count(*) from revisions").fetch_one(&db).await.unwrap();
    assert_eq!((revisions, bed.world()), (1, before));
    bed.clear_away().await;
}

#[sqlx::test(migrations = "../migrations")]
async fn what_a_service_asks_for_reaches_the_engine(db: PgPool) {
    let lines = "pids_limit: 99\n    mem_reservation: 64M\n    tmpfs: /scratch:ro";
    let note = "configs:\n      - { source: note, target: /note, uid: \"33\", gid: \"34\" }\n";
    let file = site_with(lines)
        .replace("  site: {}", "  site: { labels: { team: docs } }")
        .replace("    configs:\n", &format!("    {note}"))
        .replace("\nconfigs:\n", "\nconfigs:\n  note: { content: hello }\n")
        .replace("start_period: 10s", "start_period: 10s\n      start_interval: 1s");
    let bed = Bed::own(&db, &file);
    bed.succeed(Act::Install).await;
    let spec = bed.engine.spec(&format!("{}-app-1", bed.name)).unwrap();
    assert_eq!((spec.pids_limit, spec.memory_reservation_bytes), (Some(99), Some(64 << 20)));
    assert_eq!(spec.tmpfs["/scratch"], "ro");
    assert_eq!(spec.files.iter().find(|file| file.path == "/note").unwrap().owner, (33, 34));
    assert_eq!(spec.health_check.unwrap().start_interval, Some(std::time::Duration::from_secs(1)));
    let (_, labels) = bed.world().volumes[&format!("{}_site", bed.name)].clone();
    assert_eq!(labels["team"], "docs");
}

#[sqlx::test(migrations = "../migrations")]
async fn s25_a_password_that_a_container_tells_is_shown_nowhere(db: PgPool) {
    let bed = Bed::new(&db, "wordpress");
    let telling = |script: Script| Script { last_check: "denied: ${MARIADB_PASSWORD}".to_owned(), ..script };
    bed.publish("wordpress", &telling(Script::unhealthy().logging("I am ${MARIADB_PASSWORD}, and well")));
    let operation_id = bed.begin(Act::Install).await.unwrap();
    bed.executor().run(operation_id).await.unwrap();
    let operation = bed.operation(operation_id).await;
    assert_eq!(operation.state, OperationState::Undone);
    assert!(operation.problem.ends_with("its health check says: denied: •••"), "{}", operation.problem);
    assert_eq!(operation.failing_log, ["I am •••, and well"]);
    let steps = bed.steps(operation_id).await;
    assert!(steps.iter().any(|step| step.problem.ends_with("denied: •••")), "{steps:?}");
    let said: Vec<String> = sqlx::query_scalar("select payload::text from events").fetch_all(&db).await.unwrap();
    assert!(said.iter().any(|payload| payload.contains("denied: •••")), "{said:?}");

    bed.publish("wordpress", &Script::healthy().logging("I am ${MARIADB_PASSWORD}, and well"));
    bed.succeed(Act::Install).await;
    let container = format!("{}-db-1", bed.name);
    let raw = bed.engine.logs(&container, &LogQuery::default()).await.unwrap().next().await.unwrap().unwrap().text;
    assert!(!raw.contains("•••") && raw.len() > 30, "the container itself tells it: {raw}");
    let wanted = LogRequest { service: "db".to_owned(), ..LogRequest::default() };
    let (_, lines) = bed.tools().await.logs(&bed.actor, &bed.name, &wanted).await.unwrap();
    let lines: Vec<_> = lines.map(|line| line.text).collect().await;
    assert_eq!(lines, ["I am •••, and well"]);
}

#[sqlx::test(migrations = "../migrations")]
async fn s25_words_of_the_engine_are_masked_too(db: PgPool) {
    let bed = Bed::own(&db, &site_that_asks("PASS: { type: password, label: { en: Password, fr: Mot de passe } }"));
    bed.engine.fail_on(|call| {
        let (what, reason) = ("starting".to_owned(), "no hunter2hunter2 here".to_owned());
        (call.method == "start_container").then_some(server::engine::Error::Refused { what, reason })
    });
    let answers = BTreeMap::from([("PASS".to_owned(), "hunter2hunter2".to_owned())]);
    let request = api::tools::Install { answers, ..bed.request() };
    let operation_id = bed.tools().await.install(&bed.actor, &request, None).await.unwrap();
    bed.executor().run(operation_id).await.unwrap();
    let operation = bed.operation(operation_id).await;
    assert!(operation.problem.ends_with("no ••• here"), "{}", operation.problem);
}
