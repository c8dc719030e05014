//! Checks that an entry makes by a command inside a container.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use server::engine::Ended;
use server::engine::fake::Script;
use server::operations::OperationState;
use sqlx::PgPool;
use tokio::sync::Notify;

use crate::bed::{Act, Bed};

/// A static site that is well when a command says so.
fn site() -> String {
    let file = include_str!("../../../catalog/static-site/compose.yaml");
    let asked = "{ service: app, tcp: true, port: 80, grace: 20s }";
    assert!(file.contains(asked));
    file.replace(asked, "{ service: app, run: [look, \"--at=${SUMMONER_TOOL}\"] }")
}

/// Counts commands; gives a sign with the second.
fn second_command(bed: &Bed) -> Arc<Notify> {
    let (sign, count) = (Arc::new(Notify::new()), AtomicUsize::new(0));
    let given = sign.clone();
    bed.engine.fail_on(move |call| {
        if call.method == "exec" && count.fetch_add(1, Ordering::SeqCst) == 1 {
            given.notify_one();
        }
        None
    });
    sign
}

#[sqlx::test(migrations = "../migrations")]
async fn a_check_by_a_command_is_asked_with_its_variables_filled_in(db: PgPool) {
    let bed = Bed::own(&db, &site());
    bed.succeed(Act::Install).await;
    let asked: Vec<_> = bed.engine.calls().into_iter().filter(|call| call.method == "exec").collect();
    assert_eq!(asked.len(), 1);
    assert_eq!(asked[0].subject, format!("{0}-app-1 look --at={0}", bed.name));
}

#[sqlx::test(migrations = "../migrations")]
async fn a_tool_whose_command_fails_is_not_called_installed(db: PgPool) {
    let bed = Bed::own(&db, &site());
    let command = Ended { exit_code: 1, output: "not there\n".to_owned() };
    bed.publish("own", &Script { command, ..Script::healthy() });
    let second = second_command(&bed);
    let operation_id = bed.begin(Act::Install).await.unwrap();
    let executor = bed.executor();
    let running = tokio::spawn(async move { executor.run(operation_id).await });
    // It is asked again after it said no; then somebody has enough.
    second.notified().await;
    assert_eq!(bed.operation(operation_id).await.state, OperationState::Running);
    bed.tools().await.cancel(&bed.actor, operation_id).await.unwrap();
    running.await.unwrap().unwrap();
    assert_eq!(bed.operation(operation_id).await.state, OperationState::Undone);
    assert_eq!(bed.tool_state().await.as_deref(), Some("removed"));
}

#[sqlx::test(migrations = "../migrations")]
async fn a_check_that_asks_nothing_is_no_green(db: PgPool) {
    let bed = Bed::own(&db, &site().replace("run: [look, \"--at=${SUMMONER_TOOL}\"]", "tcp: true"));
    let operation_id = bed.begin(Act::Install).await.unwrap();
    bed.executor().run(operation_id).await.unwrap();
    let operation = bed.operation(operation_id).await;
    assert_eq!(operation.state, OperationState::Undone);
    assert!(operation.problem.contains("neither a command nor a port"), "{}", operation.problem);
}
