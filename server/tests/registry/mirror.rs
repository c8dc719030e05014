//! A mirror stands in for its registry, and its registry for the mirror while that is away.

use std::collections::BTreeSet;
use std::net::TcpListener;
use std::time::Duration;

use server::registry::{Error, Registry as _, RegistryConfig};
use wiremock::matchers::path;
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::{client_at, clock, config, image};

/// A server that lists one tag for the image `team/app`.
async fn registry(tag: &str) -> MockServer {
    let server = MockServer::start().await;
    let body = serde_json::json!({ "name": "team/app", "tags": [tag] });
    Mock::given(path("/v2/team/app/tags/list"))
        .respond_with(ResponseTemplate::new(200).set_body_json(body))
        .mount(&server)
        .await;
    server
}

fn authority(server: &MockServer) -> String {
    server.address().to_string()
}

/// The registry at `origin` with a mirror at `mirror`.
fn mirrored(origin: &str, mirror: &str, has_fallback: bool) -> RegistryConfig {
    let mut config = config(&[origin]);
    config.mirrors.insert(origin.to_owned(), format!("http://{mirror}/").parse().unwrap());
    if has_fallback {
        config.fallbacks = BTreeSet::from([origin.to_owned()]);
    }
    config
}

/// An address of this machine where nothing listens.
fn nowhere() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

#[tokio::test]
async fn a_mirror_that_answers_is_asked_alone() {
    let (origin, mirror) = (registry("1.0").await, registry("2.0").await);
    let client = client_at(mirrored(&authority(&origin), &authority(&mirror), true), &[], clock());
    let image = image(&format!("{}/team/app", authority(&origin)));
    assert_eq!(client.tags(&image).await.unwrap().names, ["2.0"]);
    assert!(client.uses_mirror(image.registry()));
    assert!(origin.received_requests().await.unwrap().is_empty());
}

#[tokio::test]
async fn the_registry_is_asked_while_its_mirror_is_away_and_the_mirror_again_later() {
    let (origin, mirror) = (registry("1.0").await, MockServer::start().await);
    Mock::given(path("/v2/team/app/tags/list"))
        .respond_with(ResponseTemplate::new(503))
        .up_to_n_times(3)
        .mount(&mirror)
        .await;
    let body = serde_json::json!({ "name": "team/app", "tags": ["2.0"] });
    Mock::given(path("/v2/team/app/tags/list"))
        .respond_with(ResponseTemplate::new(200).set_body_json(body))
        .mount(&mirror)
        .await;
    let clock = clock();
    let client = client_at(mirrored(&authority(&origin), &authority(&mirror), true), &[], clock.clone());
    let image = image(&format!("{}/team/app", authority(&origin)));
    assert_eq!(client.tags(&image).await.unwrap().names, ["1.0"], "from the registry itself");
    assert!(!client.uses_mirror(image.registry()));
    let asked = mirror.received_requests().await.unwrap().len();
    client.tags(&image).await.unwrap();
    assert_eq!(mirror.received_requests().await.unwrap().len(), asked, "the mirror is left alone for a while");
    clock.advance(Duration::from_secs(121));
    assert_eq!(client.tags(&image).await.unwrap().names, ["2.0"], "the mirror is back");
}

#[tokio::test]
async fn a_mirror_that_is_gone_is_fallen_back_from_only_where_that_is_allowed() {
    let origin = registry("1.0").await;
    let image = image(&format!("{}/team/app", authority(&origin)));
    let strict = client_at(mirrored(&authority(&origin), &nowhere(), false), &[], clock());
    assert!(matches!(strict.tags(&image).await, Err(Error::Unreachable { .. })));
    assert!(origin.received_requests().await.unwrap().is_empty());
    let lenient = client_at(mirrored(&authority(&origin), &nowhere(), true), &[], clock());
    assert_eq!(lenient.tags(&image).await.unwrap().names, ["1.0"]);
}

#[tokio::test]
async fn what_a_mirror_does_not_have_is_not_looked_for_elsewhere() {
    let (origin, mirror) = (registry("1.0").await, MockServer::start().await);
    let client = client_at(mirrored(&authority(&origin), &authority(&mirror), true), &[], clock());
    let image = image(&format!("{}/team/app", authority(&origin)));
    assert!(matches!(client.tags(&image).await, Err(Error::NotFound { .. })), "404 is an answer");
}
