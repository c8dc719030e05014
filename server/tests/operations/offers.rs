//! What is offered of an entry's images, and what it costs to know.

use std::collections::BTreeMap;
use std::time::Duration;

use server::registry::{Config, Platform, Quota, Reference};
use server::tools::Error;
use sqlx::PgPool;

use crate::bed::{Bed, ENTRIES};

const ENTRY: &str = ENTRIES[0];
const PROPOSED: &str = "1.30.4-alpine-slim";

fn publish(bed: &Bed, tag: &str, architecture: &str) {
    let image: Reference = "nginx".parse().unwrap();
    let platform = Platform { os: "linux".into(), architecture: architecture.into(), variant: String::new() };
    let build = Config { platform, created_at: None, labels: BTreeMap::new(), size_bytes: 5 };
    bed.registry.publish(&image.with_tag(tag).unwrap(), &[build]);
}

#[sqlx::test(migrations = "../migrations")]
async fn other_tags_are_searched_among_all_of_them(db: PgPool) {
    let bed = Bed::new(&db, ENTRY);
    for number in 0..600 {
        publish(&bed, &format!("build-{number:04}"), "amd64");
    }
    let tools = bed.tools().await;
    let all = tools.versions(&bed.actor, ENTRY, "", "").await.unwrap();
    assert_eq!((all.others.len(), all.others_total), (500, 600));
    assert!(!all.others.contains(&"build-0599".to_owned()));
    let found = tools.versions(&bed.actor, ENTRY, "", " BUILD-059 ").await.unwrap();
    assert_eq!((found.others.len(), found.others_total), (10, 600));
    assert!(found.others.contains(&"build-0599".to_owned()));
    assert_eq!(found.lines, all.lines, "releases are not searched");
}

#[sqlx::test(migrations = "../migrations")]
async fn several_tags_are_looked_up_with_one_call(db: PgPool) {
    let bed = Bed::new(&db, ENTRY);
    publish(&bed, "1.29.0-alpine", "riscv64");
    let tools = bed.tools().await;
    let found = tools.details(&bed.actor, ENTRY, "", &["1.29.0-alpine", "0.0.0-alpine", PROPOSED]).await.unwrap();
    let seen: Vec<_> = found.iter().map(|each| (each.tag.as_str(), each.size_bytes, each.runs_here)).collect();
    assert_eq!(seen, [("1.29.0-alpine", None, Some(false)), (PROPOSED, Some(1 << 20), Some(true))]);
    assert_eq!(tools.details(&bed.actor, ENTRY, "", &[]).await.unwrap(), []);

    let unknown = tools.details(&bed.actor, ENTRY, "", &["0.0.0-alpine"]).await;
    assert!(matches!(unknown, Err(Error::Registry(_))), "{unknown:?}");
    for wrong in [vec![PROPOSED; 21], vec!["a b"]] {
        let refused = tools.details(&bed.actor, ENTRY, "", &wrong).await;
        assert!(matches!(&refused, Err(Error::Fields(problems)) if problems[0].field == "tags"), "{refused:?}");
    }
}

#[sqlx::test(migrations = "../migrations")]
async fn a_scarce_allowance_is_kept_for_what_is_installed(db: PgPool) {
    let bed = Bed::new(&db, ENTRY);
    let tools = bed.tools().await;
    let window = Duration::from_secs(21_600);
    bed.registry.set_quota(Some(Quota { limit: 100, remaining: 29, window, said_at: bed.clock.now() }));
    let list = tools.versions(&bed.actor, ENTRY, "", "").await.unwrap();
    assert_eq!(list.quota, Some((29, 100)));

    let calls = bed.registry.calls();
    let found = tools.details(&bed.actor, ENTRY, "", &[PROPOSED]).await.unwrap().remove(0);
    assert!(found.digest.starts_with("sha256:"));
    assert_eq!((found.size_bytes, found.runs_here, found.platforms.len()), (None, None, 0));
    assert_eq!(bed.registry.calls(), calls + 1, "the digest alone, which is not counted");

    // Whoever plans an install wants to know.
    assert!(tools.plan_install(&bed.actor, &bed.request()).await.unwrap().images[0].size_bytes.is_some());
    let found = tools.details(&bed.actor, ENTRY, "", &[PROPOSED]).await.unwrap().remove(0);
    assert_eq!((found.size_bytes, found.runs_here), (Some(1 << 20), Some(true)), "what is known anyway is shown");
}
