//! Parts of a tool that somebody removed by hand.

use server::engine::{Engine as _, watch};
use server::operations::OperationState;
use server::tools::{Error, Observer};
use sqlx::PgPool;

use crate::bed::{Act, Bed, ENTRIES};

#[sqlx::test(migrations = "../migrations")]
async fn a_tool_whose_data_is_gone_is_not_started_on_an_empty_volume(db: PgPool) {
    let bed = Bed::new(&db, ENTRIES[0]);
    bed.arrange(Act::Start).await;
    let volume = format!("{}_site", bed.name);
    bed.engine.remove_by_hand(&format!("{}-app-1", bed.name));
    bed.engine.remove_volume_by_hand(&volume);
    for act in [Act::Start, Act::Reconfigure] {
        let refused = bed.begin(act).await.unwrap_err();
        let Error::NotNow(said) = &refused else { panic!("{refused:?}") };
        assert!(said.starts_with(&format!("The volume {volume} is not on this machine any more;")), "{said}");
        assert!(said.contains("what was in it is gone"), "{said}");
    }
    assert!(bed.world().volumes.is_empty(), "nothing was made in its place");
    bed.succeed(Act::RemoveWithData).await;
    bed.see_resources_told_truly().await;
    bed.succeed(Act::Install).await;
}

#[sqlx::test(migrations = "../migrations")]
async fn a_volume_that_goes_while_the_tool_is_made_again_stops_it(db: PgPool) {
    let bed = Bed::new(&db, ENTRIES[0]);
    bed.arrange(Act::Start).await;
    let name = format!("{}-app-1", bed.name);
    bed.engine.remove_by_hand(&name);
    let operation_id = bed.begin(Act::Start).await.unwrap();
    bed.engine.remove_volume_by_hand(&format!("{}_site", bed.name));
    bed.executor().run(operation_id).await.unwrap();
    let operation = bed.operation(operation_id).await;
    assert_eq!(operation.state, OperationState::Undone);
    assert!(operation.problem.contains("what was in it is gone"), "{}", operation.problem);
    assert!(bed.world().volumes.is_empty() && bed.world().containers.is_empty());
}

#[sqlx::test(migrations = "../migrations")]
async fn a_lost_network_is_made_again_with_the_containers_that_join_it(db: PgPool) {
    let bed = Bed::new(&db, ENTRIES[1]);
    for act in [Act::Start, Act::Reconfigure] {
        bed.arrange(Act::Start).await;
        let before = bed.world();
        bed.engine.remove_network_by_hand(&format!("{}_default", bed.name));
        bed.succeed(act).await;
        let after = bed.world();
        assert_eq!(after.networks.keys().collect::<Vec<_>>(), before.networks.keys().collect::<Vec<_>>());
        assert_eq!(after.containers.keys().collect::<Vec<_>>(), before.containers.keys().collect::<Vec<_>>());
        assert_eq!(after.volumes, before.volumes, "the data is the same");
        bed.see_resources_told_truly().await;
        if act == Act::Start {
            assert!(bed.is_running().await);
        }
        bed.sweep().await;
    }
}

#[sqlx::test(migrations = "../migrations")]
async fn a_start_that_mends_a_network_and_fails_leaves_the_old_containers(db: PgPool) {
    let bed = Bed::new(&db, ENTRIES[0]);
    bed.arrange(Act::Start).await;
    bed.engine.remove_network_by_hand(&format!("{}_default", bed.name));
    let before = bed.world();
    let operation_id = bed.begin(Act::Start).await.unwrap();
    bed.engine.fail_on(|call| (call.method == "create_container").then(crate::bed::refused));
    bed.executor().run(operation_id).await.unwrap();
    assert_eq!(bed.operation(operation_id).await.state, OperationState::Undone);
    assert_eq!(bed.world(), before);
}

#[sqlx::test(migrations = "../migrations")]
async fn a_kept_volume_that_somebody_removed_frees_its_name(db: PgPool) {
    let bed = Bed::new(&db, ENTRIES[0]);
    bed.succeed(Act::Install).await;
    bed.succeed(Act::RemoveKeepingData).await;
    let volume = format!("{}_site", bed.name);
    let observe = async || {
        let listing = bed.engine.list().await.unwrap();
        let seen = watch::Snapshot::unknown(watch::NodeId::new("here"));
        let seen = seen.listed(listing, bed.engine.info().await.unwrap(), server::clock::Clock::System.now());
        let observer = Observer { means: bed.means.clone(), world: watch::World::standing(seen) };
        observer.look().await.unwrap();
    };
    let lost = async || -> Vec<String> {
        sqlx::query_scalar("select subject from events where kind = 'volume.lost'").fetch_all(&db).await.unwrap()
    };
    observe().await;
    assert!(lost().await.is_empty(), "it is there");

    bed.engine.remove_volume_by_hand(&volume);
    observe().await;
    observe().await;
    assert_eq!(lost().await, [volume], "told once");
    bed.see_resources_told_truly().await;
    bed.succeed(Act::Install).await;
    bed.clear_away().await;
}

#[sqlx::test(migrations = "../migrations")]
async fn a_kept_volume_that_an_old_look_at_the_node_does_not_show_stays_kept(db: PgPool) {
    let bed = Bed::new(&db, ENTRIES[0]);
    let old = watch::Snapshot::unknown(watch::NodeId::new("here"));
    let old = old.listed(bed.engine.list().await.unwrap(), bed.engine.info().await.unwrap(), bed.clock.now());
    bed.succeed(Act::Install).await;
    bed.succeed(Act::RemoveKeepingData).await;
    Observer { means: bed.means.clone(), world: watch::World::standing(old) }.look().await.unwrap();
    let kept: i64 = sqlx::query_scalar("select count(*) from resources where kind = 'volume' and state = 'kept'")
        .fetch_one(&db)
        .await
        .unwrap();
    assert_eq!(kept, 1);
}
