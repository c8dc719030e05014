//! What a page gets while a registry takes its time: what is known at once, and never a wait without an end.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;
use server::registry::{Error, FRESH, HttpRegistry, Registry as _, RegistryConfig, Versions};
use sqlx::PgPool;
use tokio::net::TcpListener;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::{client, client_at, clock, config, image, limits};

/// A machine that takes connections and never says a word; gives its host and how many it took.
async fn mute() -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let host = listener.local_addr().unwrap().to_string();
    let taken = Arc::new(AtomicUsize::new(0));
    let count = taken.clone();
    tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok((stream, _)) = listener.accept().await {
            count.fetch_add(1, Ordering::SeqCst);
            held.push(stream);
        }
    });
    (host, taken)
}

/// A client as patient as the real one.
fn patient(host: &str) -> HttpRegistry {
    let mut config: RegistryConfig = config(&[host]);
    config.limits.request = Duration::from_secs(20);
    config.limits.question = Duration::from_secs(90);
    client(config, &[])
}

#[sqlx::test(migrations = "../migrations")]
async fn a_page_without_a_known_list_waits_seconds_for_a_registry_that_hangs(db: PgPool) {
    let (host, taken) = mute().await;
    let versions = Arc::new(Versions::new(db, Arc::new(patient(&host)), clock()));
    let image = image(&format!("{host}/a/b"));
    let started = Instant::now();
    let answers = futures_util::future::join_all((0..3).map(|_| versions.tags_at_once(&image))).await;
    assert!(started.elapsed() < Duration::from_secs(4), "{:?}", started.elapsed());
    for answer in answers {
        assert!(matches!(&answer, Err(Error::TimedOut { .. })), "{answer:?}");
    }
    assert_eq!(taken.load(Ordering::SeqCst), 1, "three pages are one question");
}

#[sqlx::test(migrations = "../migrations")]
async fn a_known_list_is_given_at_once_and_the_new_one_is_there_afterwards(db: PgPool) {
    let server = MockServer::start().await;
    let tags = |names: &[&str]| ResponseTemplate::new(200).set_body_json(json!({ "tags": names }));
    Mock::given(any()).respond_with(tags(&["1"])).up_to_n_times(1).mount(&server).await;
    let late = tags(&["1", "2"]).set_delay(Duration::from_millis(1500));
    Mock::given(any()).respond_with(late).mount(&server).await;
    let (host, clock) = (server.address().to_string(), clock());
    let registry = client_at(config(&[&host]), &[], clock.clone());
    let versions = Arc::new(Versions::new(db, Arc::new(registry), clock.clone()));
    let image = image(&format!("{host}/a/b"));
    assert_eq!(versions.tags_at_once(&image).await.unwrap().value.names, ["1"]);

    clock.advance(FRESH);
    let started = Instant::now();
    for _ in 0..2 {
        let known = versions.tags_at_once(&image).await.unwrap();
        assert_eq!((known.value.names.as_slice(), known.age, known.reason), (&["1".to_owned()][..], FRESH, None));
    }
    assert!(started.elapsed() < Duration::from_millis(1400), "{:?}", started.elapsed());

    // Whoever wants to know for sure waits for the question that is under way.
    assert_eq!(versions.tags(&image, FRESH).await.unwrap().value.names, ["1", "2"]);
    assert_eq!(versions.tags_at_once(&image).await.unwrap().value.names, ["1", "2"]);
    assert_eq!(server.received_requests().await.unwrap().len(), 2, "it was asked once more in all");
}

#[tokio::test]
async fn a_registry_that_cannot_be_connected_to_is_left_alone_whatever_is_asked() {
    let (host, taken) = mute().await;
    let clock = clock();
    let registry = client_at(config(&[&host]), &[], clock.clone());
    let timed_out = |answer: Result<_, Error>| match answer {
        Err(Error::TimedOut { task, .. }) => task,
        other => panic!("{other:?}"),
    };
    timed_out(registry.tags(&image(&format!("{host}/a/b"))).await);
    assert_eq!(taken.load(Ordering::SeqCst), 1);

    let started = Instant::now();
    let task = timed_out(registry.tags(&image(&format!("{host}/c/d"))).await);
    assert!(started.elapsed() < limits().request, "it was asked again");
    assert_eq!(task, format!("listing the tags of {host}/c/d"), "of the image that was asked for");
    assert_eq!(taken.load(Ordering::SeqCst), 1);

    clock.advance(Duration::from_secs(60));
    timed_out(registry.tags(&image(&format!("{host}/c/d"))).await);
    assert_eq!(taken.load(Ordering::SeqCst), 2, "it is asked again after a minute");
}
