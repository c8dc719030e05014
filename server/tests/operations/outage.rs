//! Engines that go away, containers that do not come up, people who lose patience.

use std::sync::Arc;
use std::time::Duration;

use api::tools::Condition;
use server::engine::Engine as _;
use server::engine::fake::{Behaviour, Script};
use server::operations::{OperationState, Patience};
use sqlx::PgPool;
use tokio::time::Instant;

use crate::bed::{Act, Bed, patience, refused};
use crate::disturbed::{Deed, Disturbance, Disturbed, Side, What};

/// Lets the engine go away for `pause` before each step in turn.
async fn outages(bed: &Bed, act: Act, pause: Duration, patience: Patience, expected: OperationState) {
    for position in 0.. {
        bed.arrange(act).await;
        let before = bed.world();
        let operation_id = bed.begin(act).await.unwrap();
        let steps = bed.steps(operation_id).await;
        let what = What::EngineGoes(bed.engine.clone(), pause);
        let goes = Disturbance { position, deed: Deed::Apply, side: Side::Before, what };
        let domain = Disturbed::by(bed.domain(), [goes]);
        bed.executor_of(Arc::new(domain), patience).run(operation_id).await.unwrap();
        // A step that asks nothing of the engine has not waited for it.
        while bed.engine.list().await.is_err() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let operation = bed.operation(operation_id).await;
        // What follows the commit only goes forward, however long it takes.
        let expected = if steps[position].is_cleanup { OperationState::Done } else { expected };
        assert_eq!(operation.state, expected, "{act:?}, {}: {}", steps[position].title, operation.problem);
        bed.see_journal_ended(&operation).await;
        bed.see_resources_told_truly().await;
        if expected == OperationState::Undone {
            assert_eq!(bed.world(), before, "{act:?}, {}", steps[position].title);
            assert!(operation.problem.contains("the container engine could not be reached"), "{}", operation.problem);
        }
        bed.clear_away().await;
        if position + 1 == steps.len() {
            return;
        }
    }
}

#[sqlx::test(migrations = "../migrations")]
async fn an_engine_that_comes_back_within_patience_is_waited_for(db: PgPool) {
    let bed = Bed::new(&db, "static-site");
    for act in [Act::Install, Act::Restart, Act::RemoveKeepingData] {
        outages(&bed, act, Duration::from_millis(50), patience(), OperationState::Done).await;
    }
}

#[sqlx::test(migrations = "../migrations")]
async fn an_engine_that_stays_away_turns_an_operation_round_and_everything_is_undone_when_it_is_back(db: PgPool) {
    let patience = Patience { away: Duration::from_millis(50), ..patience() };
    let bed = Bed::new(&db, "static-site");
    for act in [Act::Install, Act::Restart, Act::RemoveKeepingData] {
        outages(&bed, act, Duration::from_millis(400), patience, OperationState::Undone).await;
    }
}

#[sqlx::test(migrations = "../migrations")]
async fn patience_begins_when_the_engine_goes_away_and_not_when_the_step_began(db: PgPool) {
    let bed = Bed::new(&db, "static-site");
    let operation_id = bed.begin(Act::Install).await.unwrap();
    let patience = Patience { away: Duration::from_millis(200), ..patience() };
    let what = What::FailsAway(patience.away * 2);
    let long_step = Disturbance { position: 1, deed: Deed::Apply, side: Side::Before, what };
    let domain = Disturbed::by(bed.domain(), [long_step]);
    bed.executor_of(Arc::new(domain), patience).run(operation_id).await.unwrap();
    let operation = bed.operation(operation_id).await;
    assert_eq!(operation.state, OperationState::Done, "{}", operation.problem);
}

#[sqlx::test(migrations = "../migrations")]
async fn a_container_that_never_becomes_healthy_is_waited_for_until_somebody_cancels(db: PgPool) {
    let bed = Bed::new(&db, "wordpress");
    bed.publish("wordpress", &Script { behaviour: Behaviour::Starting, ..Script::default() });
    let operation_id = bed.begin(Act::Install).await.unwrap();
    let (executor, tools, begun) = (bed.executor(), bed.tools().await, Instant::now());
    let cancel = async {
        loop {
            let steps = bed.steps(operation_id).await;
            if steps.iter().any(|step| step.kind == "wait" && step.started_at.is_some()) {
                break tools.cancel(&bed.actor, operation_id).await.unwrap();
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let (run, ()) = tokio::join!(executor.run(operation_id), cancel);
    run.unwrap();
    let operation = bed.operation(operation_id).await;
    assert_eq!((operation.state, operation.problem.as_str()), (OperationState::Undone, "it was stopped on request"));
    assert!(begun.elapsed() < Duration::from_secs(30), "the wait itself would last minutes");
    assert!(bed.world().containers.is_empty());
    bed.see_journal_ended(&operation).await;
    assert!(tools.cancel(&bed.actor, operation_id).await.is_err(), "it has ended");
}

#[sqlx::test(migrations = "../migrations")]
async fn a_failed_install_keeps_the_log_of_the_container_that_failed(db: PgPool) {
    for (script, problem) in [
        (Script::unhealthy(), "app is unhealthy; its health check says: the check failed"),
        (Script { behaviour: Behaviour::Exits { code: 3, after: Duration::ZERO }, ..Script::default() }, ""),
    ] {
        let bed = Bed::new(&db, "static-site");
        bed.publish("static-site", &script.logging("no such file: nginx.conf"));
        let operation_id = bed.begin(Act::Install).await.unwrap();
        if problem.is_empty() {
            // Its restart policy starts it again and again.
            let engine = bed.engine.clone();
            let crashes = tokio::spawn(async move {
                loop {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                    if engine.snapshot().containers.values().any(|words| words.contains("Restarting")) {
                        engine.end("s31-static-site-app-1", 3);
                    }
                }
            });
            bed.executor().run(operation_id).await.unwrap();
            crashes.abort();
        } else {
            bed.executor().run(operation_id).await.unwrap();
        }
        let operation = bed.operation(operation_id).await;
        assert_eq!(operation.state, OperationState::Undone);
        let is_told = operation.problem == problem || operation.problem.ends_with("it ended with exit code 3");
        assert!(is_told, "{}", operation.problem);
        assert_eq!(operation.failing_log, ["no such file: nginx.conf"]);
        assert_eq!(bed.world(), server::engine::fake::Snapshot::default());
        bed.see_resources_told_truly().await;
    }
}

#[sqlx::test(migrations = "../migrations")]
async fn an_undo_that_always_fails_needs_a_hand_and_the_tool_can_be_removed_afterwards(db: PgPool) {
    let bed = Bed::new(&db, "wordpress");
    for act in [Act::Install, Act::Restart, Act::Reconfigure, Act::RemoveWithData] {
        bed.arrange(act).await;
        let operation_id = bed.begin(act).await.unwrap();
        let (in_the_way, at) = match act {
            Act::Install => ("remove_container", "s31-wordpress-db-1"),
            Act::RemoveWithData => ("remove_volume", "s31-wordpress_db"),
            _ => ("start_container", "s31-wordpress-app-1"),
        };
        let name = at.to_owned();
        let is_on = Arc::new(std::sync::atomic::AtomicBool::new(true));
        let is_refused = is_on.clone();
        bed.engine.fail_on(move |call| {
            let is_it = call.method == in_the_way && call.subject == name;
            (is_it && is_refused.load(std::sync::atomic::Ordering::SeqCst)).then(refused)
        });
        let steps = bed.steps(operation_id).await;
        let position = steps.iter().filter(|step| !step.is_cleanup).count() - 1;
        let fail = Disturbance { position, deed: Deed::Apply, side: Side::Before, what: What::Fails };
        let fail = (act != Act::RemoveWithData).then_some(fail);
        let domain = Disturbed::by(bed.domain(), fail);
        bed.executor_of(Arc::new(domain), patience()).run(operation_id).await.unwrap();
        let operation = bed.operation(operation_id).await;
        assert_eq!(operation.state, OperationState::NeedsHand, "{act:?}");
        assert!(operation.problem.contains("it has to fail"), "{act:?}: {}", operation.problem);
        assert_eq!(bed.last_event(&operation).await, "operation.needs_hand");
        let listed = bed.tools().await.list(&bed.actor).await.unwrap().remove(0);
        assert_eq!(listed.stuck().map(|stuck| stuck.operation_id), Some(operation_id), "{act:?}");
        assert!(listed.is_in_need() && (act != Act::Install || listed.condition == Condition::Failed), "{listed:?}");

        // Whoever took away what stood in the way removes what is left.
        is_on.store(false, std::sync::atomic::Ordering::SeqCst);
        bed.succeed(Act::RemoveWithData).await;
        assert_eq!(bed.world(), server::engine::fake::Snapshot::default(), "{act:?}");
        bed.see_resources_told_truly().await;
        bed.succeed(Act::Install).await;
        bed.succeed(Act::RemoveWithData).await;
    }
}
