//! Pages do not wait for registries that hang.

use std::sync::Arc;
use std::time::{Duration, Instant};

use http::StatusCode;
use server::auth::Role;
use server::clock::Clock;
use server::registry::{FixedCredentials, HttpRegistry, RegistryConfig};
use sqlx::PgPool;
use tokio::net::TcpListener;

use crate::bed::Bed;

#[sqlx::test(migrations = "../migrations")]
async fn an_entry_of_two_images_opens_in_seconds_while_their_registry_hangs(db: PgPool) {
    // Connections are taken by the machine, and nobody answers.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mirror = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    let config = RegistryConfig { mirrors: [("docker.io".to_owned(), mirror)].into(), ..RegistryConfig::default() };
    let clock = Clock::fixed("2026-11-21T12:00:00Z".parse().unwrap());
    let registry = HttpRegistry::new(config, Arc::new(FixedCredentials::default()), clock.clone()).unwrap();
    let bed = Bed::with(&db, clock, Arc::new(registry)).await;
    let cookie = bed.sign_in(Role::Operator).await;

    let started = Instant::now();
    let page = bed.get("/catalogue/wordpress", &cookie).await;
    assert!(started.elapsed() < Duration::from_secs(4), "{:?}", started.elapsed());
    assert_eq!(page.status, StatusCode::OK);
    for image in ["wordpress", "mariadb"] {
        let reason = format!("listing the tags of {image}: docker.io did not answer within 3 s");
        assert!(page.text().contains(&reason), "it says why for {image}");
    }
    assert!(page.text().contains("Install WordPress"));
}
