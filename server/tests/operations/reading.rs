//! What a tool was told to be is read once, however often it is shown.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use server::operations::OperationState;
use server::tools::{Means, Readings};
use sqlx::PgPool;

use crate::bed::{Act, Bed, ENTRIES};

/// How many tools the longest list has.
const TOOLS: u16 = 50;

#[sqlx::test(migrations = "../migrations")]
async fn a_second_list_reads_no_definition(db: PgPool) {
    let mut bed = Bed::new(&db, ENTRIES[0]);
    bed.succeed(Act::Install).await;
    many(&mut bed).await;
    let (tools, readings) = (bed.tools().await, &bed.means.readings);

    let first = tools.list(&bed.actor).await.unwrap();
    let read = readings.made();
    let second = tools.list(&bed.actor).await.unwrap();
    assert_eq!((first.len(), &first), (usize::from(TOOLS), &second));
    assert_eq!(readings.made(), read, "the second list reads nothing");
    assert!(read >= u64::from(TOOLS), "the first one read them all: {read}");
}

#[sqlx::test(migrations = "../migrations")]
async fn a_changed_tool_is_read_anew_and_one_whose_change_failed_is_as_before(db: PgPool) {
    let bed = Bed::new(&db, ENTRIES[0]);
    bed.succeed(Act::Install).await;
    let address = async || bed.tools().await.find(&bed.actor, &bed.name).await.unwrap().ports[0].host_ip.clone();
    assert_eq!(address().await, "127.0.0.1");
    // Revision 2 is written, fails and is forgotten; its number is then given to another revision.
    let has_failed = AtomicBool::new(false);
    bed.engine.fail_on(move |call| {
        let is_first = call.method == "create_container" && !has_failed.swap(true, Ordering::SeqCst);
        is_first.then(crate::bed::refused)
    });
    let failed = bed.begin(Act::Reconfigure).await.unwrap();
    bed.executor().run(failed).await.unwrap();
    assert_eq!(bed.operation(failed).await.state, OperationState::Undone);
    assert_eq!(address().await, "127.0.0.1");
    bed.succeed(Act::Reconfigure).await;
    assert_eq!(address().await, "0.0.0.0");
}

/// How long a list of fifty tools takes when each is read anew, and when none is: run with `--ignored --nocapture`.
#[sqlx::test(migrations = "../migrations")]
#[ignore = "a measurement"]
async fn measure_a_list_of_fifty_tools(db: PgPool) {
    let mut bed = Bed::new(&db, ENTRIES[1]);
    many(&mut bed).await;
    let kept = bed.tools().await;
    let forgetful = Arc::new(Means { readings: Readings::with_room(0), ..copy(&bed.means) });
    bed.means = forgetful;
    let anew = bed.tools().await;
    let (mut with, mut without) = (Vec::new(), Vec::new());
    kept.list(&bed.actor).await.unwrap();
    for _ in 0..20 {
        for (tools, times) in [(&kept, &mut with), (&anew, &mut without)] {
            let begun = Instant::now();
            tools.list(&bed.actor).await.unwrap();
            times.push(begun.elapsed());
        }
    }
    let median = |times: &mut Vec<Duration>| {
        times.sort();
        times[times.len() / 2]
    };
    println!("list of {TOOLS} tools: kept {:?}, read anew {:?}", median(&mut with), median(&mut without));
}

fn copy(means: &Means) -> Means {
    Means {
        engine: means.engine.clone(),
        db: means.db.clone(),
        clock: means.clock.clone(),
        vault: means.vault.clone(),
        node: means.node.clone(),
        host: means.host.clone(),
        credentials: means.credentials.clone(),
        prober: means.prober.clone(),
        readings: Readings::default(),
    }
}

/// Begins to install tools until there are [`TOOLS`].
async fn many(bed: &mut Bed) {
    let there = bed.tools().await.list(&bed.actor).await.unwrap().len();
    for number in u16::try_from(there).unwrap()..TOOLS {
        bed.name = format!("tool-{number}");
        bed.port = crate::web::port();
        bed.begin(Act::Install).await.unwrap();
    }
}
