//! The disk is looked at before anything is pulled.

use std::collections::BTreeMap;

use api::FieldProblem;
use server::engine::Space;
use server::engine::fake::Script;
use server::operations::OperationState;
use server::registry::{Config, Digest, Platform, Reference};
use server::tools::Error;
use sqlx::PgPool;

use crate::bed::{Act, Bed, ENTRIES};

fn free(bytes: u64) -> Space {
    Space::Free { bytes, folder: "/var/lib/docker".to_owned() }
}

#[sqlx::test(migrations = "../migrations")]
async fn a_plan_shows_the_size_of_each_image_and_what_is_free(db: PgPool) {
    let bed = Bed::new(&db, ENTRIES[1]);
    bed.engine.set_space(free(40_000_000_000));
    let plan = bed.tools().await.plan_install(&bed.actor, &bed.request()).await.unwrap();
    assert!(plan.images.len() > 1 && plan.images.iter().all(|image| image.size_bytes == Some(1 << 20)));
    assert!(plan.space.ends_with("of disk; 40.0 GB are free."), "{}", plan.space);
    let room = plan.steps.iter().position(|step| step.title == "Check that the disk has room").unwrap();
    let pull = plan.steps.iter().position(|step| step.title.starts_with("Pull ")).unwrap();
    assert!(room < pull, "before anything is pulled");
}

#[sqlx::test(migrations = "../migrations")]
async fn without_room_nothing_is_planned_and_nothing_begun(db: PgPool) {
    let bed = Bed::new(&db, ENTRIES[0]);
    bed.engine.set_space(free(500_000_000));
    let refused = bed.tools().await.plan_install(&bed.actor, &bed.request()).await.unwrap_err();
    assert!(
        matches!(&refused, Error::NoSpace(said) if said.contains("500 MB are free in /var/lib/docker")),
        "{refused}"
    );
    assert!(matches!(bed.begin(Act::Install).await, Err(Error::NoSpace(_))));
    assert_eq!(bed.tool_state().await, None);
}

#[sqlx::test(migrations = "../migrations")]
async fn a_disk_that_filled_up_since_the_plan_stops_the_install_before_a_pull(db: PgPool) {
    let bed = Bed::new(&db, ENTRIES[0]);
    let before = bed.world();
    let operation_id = bed.begin(Act::Install).await.unwrap();
    bed.engine.set_space(free(0));
    bed.executor().run(operation_id).await.unwrap();
    let operation = bed.operation(operation_id).await;
    assert_eq!(operation.state, OperationState::Undone);
    assert!(operation.problem.contains("0 MB are free in /var/lib/docker"), "{}", operation.problem);
    assert!(!bed.engine.calls().iter().any(|call| call.method == "pull"), "nothing was pulled");
    assert_eq!(bed.world(), before);
}

#[sqlx::test(migrations = "../migrations")]
async fn an_image_that_is_here_already_needs_no_room(db: PgPool) {
    let bed = Bed::new(&db, ENTRIES[0]);
    bed.succeed(Act::Install).await;
    bed.engine.set_space(free(0));
    let request = api::tools::Install { name: "second".to_owned(), ports: BTreeMap::new(), ..bed.request() };
    let plan = bed.tools().await.plan_install(&bed.actor, &request).await.unwrap();
    assert_eq!((plan.space.as_str(), plan.images[0].is_present), ("", true));
}

#[sqlx::test(migrations = "../migrations")]
async fn where_the_disk_cannot_be_looked_at_the_plan_is_made_and_says_so(db: PgPool) {
    let bed = Bed::new(&db, ENTRIES[0]);
    bed.engine.set_space(Space::Unknown { reason: "the engine is far away".to_owned() });
    let plan = bed.tools().await.plan_install(&bed.actor, &bed.request()).await.unwrap();
    assert!(plan.space.ends_with("is not known: the engine is far away."), "{}", plan.space);
}

/// Publishes the entry's image anew, built for another machine only; gives its name in the registry and its digest.
async fn publish_foreign(bed: &Bed) -> (Reference, Digest) {
    let plan = bed.tools().await.plan_install(&bed.actor, &bed.request()).await.unwrap();
    let reference: Reference = plan.images[0].reference.parse().unwrap();
    let platform = Platform { os: "linux".into(), architecture: "riscv64".into(), variant: String::new() };
    let foreign = Config { platform, created_at: None, labels: BTreeMap::new(), size_bytes: 7 };
    let digest = bed.registry.publish(&reference, &[foreign]);
    bed.clock.advance(std::time::Duration::from_secs(120));
    (reference, digest)
}

#[sqlx::test(migrations = "../migrations")]
async fn a_version_without_a_build_for_this_machine_is_refused_before_anything_is_begun(db: PgPool) {
    let bed = Bed::new(&db, ENTRIES[0]);
    let (reference, _) = publish_foreign(&bed).await;
    let said = format!(
        "{reference} has no build for this machine (linux/amd64); it is built for linux/riscv64. Choose another version."
    );
    let expected = FieldProblem { field: "versions.app".to_owned(), message: said };
    let planned = bed.tools().await.plan_install(&bed.actor, &bed.request()).await;
    assert!(matches!(&planned, Err(Error::Fields(problems)) if *problems == [expected.clone()]), "{planned:?}");
    let begun = bed.begin(Act::Install).await;
    assert!(matches!(&begun, Err(Error::Fields(problems)) if *problems == [expected]), "{begun:?}");
    assert_eq!(bed.tool_state().await, None);
}

#[sqlx::test(migrations = "../migrations")]
async fn an_image_that_is_here_already_runs_here_whatever_it_was_built_for(db: PgPool) {
    let bed = Bed::new(&db, ENTRIES[0]);
    let (reference, digest) = publish_foreign(&bed).await;
    let source = format!("{}/{}", reference.registry(), reference.repository());
    bed.engine.have(&source, digest.as_str(), Script::healthy());
    let plan = bed.tools().await.plan_install(&bed.actor, &bed.request()).await.unwrap();
    // The registry tells no size for this machine.
    assert_eq!((plan.images[0].size_bytes, plan.space.as_str()), (None, ""));
    assert!(plan.steps.iter().all(|step| step.title != "Check that the disk has room"));
}

#[sqlx::test(migrations = "../migrations")]
async fn what_an_image_is_built_for_is_left_to_the_pull_while_the_engine_is_away(db: PgPool) {
    let bed = Bed::new(&db, ENTRIES[0]);
    publish_foreign(&bed).await;
    bed.engine.go_away();
    let planned = bed.tools().await.plan_install(&bed.actor, &bed.request()).await;
    assert!(planned.is_ok(), "{planned:?}");
}
