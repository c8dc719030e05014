//! What is told of a tool while it is changed, and what is done where the journal is further than its reader.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use api::tools::Condition;
use server::engine::fake::{Script, Snapshot};
use server::operations::OperationState;
use server::tools::Observer;
use sqlx::PgPool;
use tokio::sync::Notify;

use crate::bed::{Act, Bed, patience, refused};
use crate::disturbed::{Deed, Disturbance, Disturbed, Side, What};

/// The position of the first step of that kind.
async fn first(bed: &Bed, operation_id: uuid::Uuid, kind: &str) -> usize {
    bed.steps(operation_id).await.iter().position(|step| step.kind == kind).unwrap()
}

async fn told(bed: &Bed) -> Vec<String> {
    let told = "select kind from events where kind in ('tool.failed', 'tool.unhealthy', 'tool.recovered')";
    sqlx::query_scalar(told).fetch_all(&bed.db).await.unwrap()
}

async fn look(bed: &Bed) {
    Observer { means: bed.means.clone(), world: bed.seen().await }.look().await.unwrap();
}

#[sqlx::test(migrations = "../migrations")]
async fn what_an_operation_stops_and_starts_is_told_as_no_failure(db: PgPool) {
    let bed = Bed::new(&db, "wordpress");
    bed.arrange(Act::Restart).await;
    look(&bed).await;
    let operation_id = bed.begin(Act::Restart).await.unwrap();
    let position = first(&bed, operation_id, "start").await;
    let reached = Arc::new(Notify::new());
    let hangs = Disturbance { position, deed: Deed::Apply, side: Side::Before, what: What::Hangs(reached.clone()) };
    let executor = bed.executor_of(Arc::new(Disturbed::by(bed.domain(), [hangs])), patience());
    let running = tokio::spawn(async move { executor.run(operation_id).await });
    reached.notified().await;
    look(&bed).await;
    let shown = bed.tools().await.list(&bed.actor).await.unwrap().remove(0);
    assert_eq!((shown.condition, shown.reason.as_str()), (Condition::Starting, ""), "it comes back up");
    running.abort();
    bed.executor().run(operation_id).await.unwrap();
    look(&bed).await;
    assert_eq!(told(&bed).await, Vec::<String>::new());
    assert_eq!(bed.tools().await.list(&bed.actor).await.unwrap()[0].condition, Condition::Healthy);

    bed.engine.end("s31-wordpress-app-1", 3);
    look(&bed).await;
    assert_eq!(told(&bed).await, ["tool.unhealthy"], "what ends by itself is told; it is started again");
}

#[sqlx::test(migrations = "../migrations")]
async fn zero_bytes_in_a_log_keep_no_operation_from_its_end(db: PgPool) {
    let bed = Bed::new(&db, "static-site");
    let script = Script { last_check: "no\0page".to_owned(), ..Script::unhealthy() };
    bed.publish("static-site", &script.logging("a\0b"));
    let operation_id = bed.begin(Act::Install).await.unwrap();
    bed.executor().run(operation_id).await.unwrap();
    let operation = bed.operation(operation_id).await;
    assert_eq!(operation.state, OperationState::Undone);
    assert!(operation.problem.ends_with("no\u{fffd}page"), "{}", operation.problem);
    assert_eq!(operation.failing_log, ["a\u{fffd}b"]);
    assert_eq!(bed.world(), Snapshot::default());
}

#[sqlx::test(migrations = "../migrations")]
async fn a_commit_that_was_made_meanwhile_is_not_undone(db: PgPool) {
    let bed = Bed::new(&db, "static-site");
    let operation_id = bed.begin(Act::Install).await.unwrap();
    let position = bed.steps(operation_id).await.len() - 1;
    let committed = "update operations set committed_at = now(), ended_at = now(), state = 'done'";
    let commits = Disturbance { position, deed: Deed::Apply, side: Side::After, what: What::Writes(db, committed) };
    let domain = Disturbed::by(bed.domain(), [commits]);
    bed.executor_of(Arc::new(domain), patience()).run(operation_id).await.unwrap();
    assert_eq!(bed.operation(operation_id).await.state, OperationState::Done);
    assert!(bed.is_running().await, "the finished install stands: {:?}", bed.world());
}

#[sqlx::test(migrations = "../migrations")]
async fn containers_that_a_stuck_clean_up_left_are_taken_away_by_the_next_operation(db: PgPool) {
    let bed = Bed::new(&db, "wordpress");
    bed.arrange(Act::Reconfigure).await;
    let whole = bed.world().containers.len();
    let operation_id = bed.begin(Act::Reconfigure).await.unwrap();
    let is_refused = Arc::new(AtomicBool::new(true));
    let is_on = is_refused.clone();
    bed.engine.fail_on(move |call| (call.method == "remove_container" && is_on.load(Ordering::SeqCst)).then(refused));
    bed.executor().run(operation_id).await.unwrap();
    assert_eq!(bed.operation(operation_id).await.state, OperationState::NeedsHand);
    assert!(bed.world().containers.len() > whole, "an old container is left beside the new one");
    let shown = bed.tools().await.find(&bed.actor, &bed.name).await.unwrap();
    assert!(shown.services.iter().all(|service| service.condition == Condition::Healthy), "{:?}", shown.services);

    is_refused.store(false, Ordering::SeqCst);
    bed.succeed(Act::Stop).await;
    assert_eq!(bed.world().containers.len(), whole, "{:?}", bed.world().containers);
    bed.see_resources_told_truly().await;
    bed.succeed(Act::Start).await;
    bed.succeed(Act::Reconfigure).await;
    assert!(bed.is_running().await, "{:?}", bed.world());
    bed.sweep().await;
}
