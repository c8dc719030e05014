//! A log is asked for as people mean it: what is searched for is found however old it is.

use futures_util::StreamExt as _;
use server::tools::LogRequest;
use sqlx::PgPool;

use crate::bed::{Act, Bed, ENTRIES};

async fn read(bed: &Bed, request: LogRequest) -> Vec<String> {
    let (service, lines) = bed.tools().await.logs(&bed.actor, &bed.name, &request).await.unwrap();
    assert_eq!(service, "app");
    lines.map(|line| line.text).collect().await
}

/// A tool that wrote twelve lines, the third of which is the only one of its kind.
async fn talkative(db: &PgPool) -> Bed {
    let bed = Bed::new(db, ENTRIES[0]);
    bed.succeed(Act::Install).await;
    for number in 0..12 {
        let text = if number == 2 { "Needle in hay".to_owned() } else { format!("hay {number}") };
        bed.engine.log(&format!("{}-app-1", bed.name), &text);
    }
    bed
}

#[sqlx::test(migrations = "../migrations")]
async fn a_search_finds_lines_older_than_the_newest(db: PgPool) {
    let bed = talkative(&db).await;
    let asked = |search: &str, tail| LogRequest { search: search.into(), tail, ..LogRequest::default() };
    assert_eq!(read(&bed, asked("nEEDLE", Some(3))).await, ["Needle in hay"]);
    assert_eq!(read(&bed, asked("hay", Some(3))).await, ["hay 9", "hay 10", "hay 11"]);
    assert_eq!(read(&bed, asked("", Some(2))).await, ["hay 10", "hay 11"]);
    assert_eq!(read(&bed, asked("hay", None)).await.len(), 12);
    assert!(read(&bed, asked("thread", Some(3))).await.is_empty());
}

#[sqlx::test(migrations = "../migrations")]
async fn a_followed_log_begins_after_the_instant_it_is_given(db: PgPool) {
    let bed = talkative(&db).await;
    let after = Some(bed.clock.now());
    let follow = async |after| {
        let request = LogRequest { after, tail: Some(2), follow: true, ..LogRequest::default() };
        bed.tools().await.logs(&bed.actor, &bed.name, &request).await.unwrap().1
    };
    let mut newest = follow(None).await.map(|line| line.text);
    assert_eq!(newest.next().await.as_deref(), Some("hay 10"));
    let mut newer = follow(after).await.map(|line| line.text);
    bed.clock.advance(std::time::Duration::from_secs(1));
    bed.engine.log(&format!("{}-app-1", bed.name), "afterwards");
    assert_eq!(newer.next().await.as_deref(), Some("afterwards"));
}
