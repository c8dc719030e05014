//! Tokens: where they are fetched, for what, how long they serve, and to whom they are not shown.

use std::time::Duration;

use serde_json::json;
use server::registry::{Error, Fault, Registry as _, SignIn};
use wiremock::matchers::{any, header, header_exists, path, query_param_contains};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::{client, client_at, clock, config, fault, image};

/// A registry that opens to `Bearer t0k` only, and sends people to `realm` for it.
async fn registry_with_tokens(realm: &str) -> MockServer {
    let server = MockServer::start().await;
    let tags = ResponseTemplate::new(200).set_body_json(json!({ "tags": ["1"] }));
    Mock::given(header("authorization", "Bearer t0k")).respond_with(tags).mount(&server).await;
    let challenge = format!("Bearer realm=\"{realm}\",service=\"reg\",scope=\"repository:a/b:pull,push,delete\"");
    Mock::given(any())
        .respond_with(ResponseTemplate::new(401).insert_header("www-authenticate", challenge))
        .mount(&server)
        .await;
    server
}

async fn token_service(lifetime: u64) -> MockServer {
    let server = MockServer::start().await;
    let answer = ResponseTemplate::new(200).set_body_json(json!({ "token": "t0k", "expires_in": lifetime }));
    Mock::given(path("/token")).respond_with(answer).mount(&server).await;
    server
}

fn host(server: &MockServer) -> String {
    server.address().to_string()
}

#[tokio::test]
async fn a_token_is_fetched_for_reading_only_and_kept_until_it_ends() {
    let service = token_service(300).await;
    let server = registry_with_tokens(&format!("{}/token?tenant=x", service.uri())).await;
    let clock = clock();
    let registry = client_at(config(&[&host(&server)]), &[(&host(&server), "ci", "s3cret")], clock.clone());
    let a = image(&format!("{}/a/b", host(&server)));
    for _ in 0..3 {
        assert_eq!(registry.tags(&a).await.unwrap().names, ["1"]);
    }
    let asked = service.received_requests().await.unwrap();
    assert_eq!(asked.len(), 1, "the token was not kept");
    assert_eq!(asked[0].url.query(), Some("tenant=x&service=reg&scope=repository%3Aa%2Fb%3Apull"));
    // ci:s3cret
    assert_eq!(asked[0].headers["authorization"], "Basic Y2k6czNjcmV0");
    let shown = server.received_requests().await.unwrap();
    assert!(shown.iter().all(|request| request.headers.get("authorization").is_none_or(|value| value == "Bearer t0k")));

    clock.advance(Duration::from_secs(295));
    registry.tags(&a).await.unwrap();
    assert_eq!(service.received_requests().await.unwrap().len(), 2, "an ending token was used");

    // Another image needs a token of its own.
    registry.tags(&image(&format!("{}/a/c", host(&server)))).await.unwrap();
    assert_eq!(service.received_requests().await.unwrap().len(), 3);
}

#[tokio::test]
async fn a_stranger_gets_a_token_without_a_login() {
    let service = token_service(300).await;
    let server = registry_with_tokens(&format!("{}/token", service.uri())).await;
    let registry = client(config(&[&host(&server)]), &[]);
    assert_eq!(registry.tags(&image(&format!("{}/a/b", host(&server)))).await.unwrap().names, ["1"]);
    let asked = service.received_requests().await.unwrap();
    assert!(!asked[0].headers.contains_key("authorization"));
}

#[tokio::test]
async fn a_token_that_was_withdrawn_is_renewed_once() {
    let service = MockServer::start().await;
    let answer = |token: &str| ResponseTemplate::new(200).set_body_json(json!({ "token": token, "expires_in": 300 }));
    Mock::given(any()).respond_with(answer("old")).up_to_n_times(1).mount(&service).await;
    Mock::given(any()).respond_with(answer("t0k")).mount(&service).await;
    let server = MockServer::start().await;
    let tags = ResponseTemplate::new(200).set_body_json(json!({ "tags": ["1"] }));
    Mock::given(header("authorization", "Bearer old")).respond_with(tags.clone()).up_to_n_times(1).mount(&server).await;
    Mock::given(header("authorization", "Bearer t0k")).respond_with(tags).mount(&server).await;
    let challenge = format!("Bearer realm=\"{}/token\"", service.uri());
    let refusal = ResponseTemplate::new(401).insert_header("www-authenticate", challenge);
    Mock::given(any()).respond_with(refusal).mount(&server).await;
    let registry = client(config(&[&host(&server)]), &[]);
    let a = image(&format!("{}/a/b", host(&server)));
    registry.tags(&a).await.unwrap();
    registry.tags(&a).await.unwrap();
    assert_eq!(service.received_requests().await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_wrong_password_at_the_token_service_is_denied() {
    let service = MockServer::start().await;
    Mock::given(any()).respond_with(ResponseTemplate::new(401)).mount(&service).await;
    let server = registry_with_tokens(&format!("{}/token", service.uri())).await;
    let a = image(&format!("{}/a/b", host(&server)));
    let answer = client(config(&[&host(&server)]), &[(&host(&server), "ci", "guessed")]).tags(&a).await;
    assert!(matches!(answer, Err(Error::Denied { .. })), "{answer:?}");
    let answer = client(config(&[&host(&server)]), &[]).tags(&a).await;
    assert!(matches!(answer, Err(Error::Unauthorized { .. })), "{answer:?}");
}

#[tokio::test]
async fn a_registry_that_takes_no_token_is_asked_twice() {
    let service = token_service(300).await;
    let server = MockServer::start().await;
    let challenge = format!("Bearer realm=\"{}/token\"", service.uri());
    let refusal = ResponseTemplate::new(401).insert_header("www-authenticate", challenge);
    Mock::given(any()).respond_with(refusal).mount(&server).await;
    let registry = client(config(&[&host(&server)]), &[]);
    let answer = registry.tags(&image(&format!("{}/a/b", host(&server)))).await;
    assert!(matches!(answer, Err(Error::Unauthorized { .. })), "{answer:?}");
    assert_eq!(server.received_requests().await.unwrap().len(), 2);
    assert_eq!(service.received_requests().await.unwrap().len(), 1);
}

#[tokio::test]
async fn s23_credentials_are_not_shown_to_a_foreign_token_service() {
    let service = token_service(300).await;
    let foreign = format!("localhost:{}", service.address().port());
    let server = registry_with_tokens(&format!("http://{foreign}/token")).await;
    let a = image(&format!("{}/a/b", host(&server)));
    // The foreign host is allowed in itself; the login is not for it.
    let allowed = config(&[&host(&server), &foreign]);
    let registry = client(allowed.clone(), &[(&host(&server), "ci", "s3cret"), (&foreign, "ci", "s3cret")]);
    assert_eq!(fault(registry.tags(&a).await), Fault::TokenService("localhost".to_owned()));
    assert_eq!(service.received_requests().await.unwrap().len(), 0);

    // An administrator may name it.
    let mut named = allowed;
    named.token_services.insert(host(&server), ["localhost".to_owned()].into());
    let registry = client(named, &[(&host(&server), "ci", "s3cret")]);
    assert_eq!(registry.tags(&a).await.unwrap().names, ["1"]);
    assert_eq!(service.received_requests().await.unwrap().len(), 1);
}

#[tokio::test]
async fn s18_a_token_service_at_a_private_address_is_not_contacted() {
    let service = token_service(300).await;
    let server = registry_with_tokens(&format!("http://localhost:{}/token", service.address().port())).await;
    let answer = client(config(&[&host(&server)]), &[]).tags(&image(&format!("{}/a/b", host(&server)))).await;
    assert!(matches!(answer, Err(Error::Blocked { .. })), "{answer:?}");
    assert_eq!(service.received_requests().await.unwrap().len(), 0);
}

#[tokio::test]
async fn s23_a_token_service_that_redirects_or_misbehaves_gets_nothing_further() {
    let other = MockServer::start().await;
    let to_other = format!("http://{}/token", host(&other));
    let answers = [
        (ResponseTemplate::new(302).insert_header("location", to_other), Fault::Redirect("127.0.0.1".to_owned())),
        (ResponseTemplate::new(404), Fault::Challenge),
        (ResponseTemplate::new(200).set_body_json(json!({ "token": "" })), Fault::Malformed),
        (ResponseTemplate::new(200).set_body_json(json!({ "token": "a\r\nx: y" })), Fault::Malformed),
        (ResponseTemplate::new(200).set_body_raw("<html>", "text/html"), Fault::WebPage),
    ];
    for (answer, expected) in answers {
        let service = MockServer::start().await;
        Mock::given(any()).respond_with(answer).mount(&service).await;
        let server = registry_with_tokens(&format!("{}/token", service.uri())).await;
        let registry = client(config(&[&host(&server)]), &[(&host(&server), "ci", "s3cret")]);
        assert_eq!(fault(registry.tags(&image(&format!("{}/a/b", host(&server)))).await), expected);
    }
    assert_eq!(other.received_requests().await.unwrap().len(), 0);
}

#[tokio::test]
async fn s23_a_token_is_not_shown_to_blob_storage() {
    let (service, storage) = (token_service(300).await, MockServer::start().await);
    let content = br#"{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}"#;
    let config_digest = server::registry::Digest::of(content);
    let manifest = json!({
        "schemaVersion": 2,
        "config": { "mediaType": "application/vnd.oci.image.config.v1+json", "digest": config_digest, "size": content.len() },
        "layers": [],
    });
    let server = MockServer::start().await;
    let kind = "application/vnd.oci.image.manifest.v1+json";
    Mock::given(header_exists("authorization"))
        .and(path("/v2/a/b/manifests/1"))
        .respond_with(ResponseTemplate::new(200).set_body_raw(manifest.to_string(), kind))
        .mount(&server)
        .await;
    let storage_name = format!("localhost:{}", storage.address().port());
    Mock::given(header_exists("authorization"))
        .respond_with(ResponseTemplate::new(302).insert_header("location", format!("http://{storage_name}/blob")))
        .mount(&server)
        .await;
    let challenge = format!("Bearer realm=\"{}/token\"", service.uri());
    let refusal = ResponseTemplate::new(401).insert_header("www-authenticate", challenge);
    Mock::given(any()).respond_with(refusal).mount(&server).await;
    Mock::given(any()).respond_with(ResponseTemplate::new(200).set_body_bytes(content)).mount(&storage).await;

    let registry = client(config(&[&host(&server), &storage_name]), &[(&host(&server), "ci", "s3cret")]);
    let manifest = registry.manifest(&image(&format!("{}/a/b:1", host(&server)))).await.unwrap();
    assert_eq!(manifest.builds[0].platform.to_string(), "linux/amd64");
    let seen = storage.received_requests().await.unwrap();
    assert_eq!(seen.len(), 1);
    assert!(!seen[0].headers.contains_key("authorization"));
}

/// The login that every registry here is tried with.
async fn tried(server: &MockServer) -> Result<SignIn, Error> {
    let account = host(server);
    client(config(&[&account]), &[(&account, "ci", "s3cret")]).sign_in(&account).await
}

#[tokio::test]
async fn a_registry_that_lets_everybody_in_is_not_said_to_take_a_login() {
    let server = MockServer::start().await;
    Mock::given(path("/v2/")).respond_with(ResponseTemplate::new(200).set_body_json(json!({}))).mount(&server).await;
    assert_eq!(tried(&server).await.unwrap(), SignIn::NotAsked);
    let asked = server.received_requests().await.unwrap();
    assert!(asked.iter().all(|request| !request.headers.contains_key("authorization")), "it asked for none");
}

#[tokio::test]
async fn a_login_is_tried_without_naming_an_image() {
    // As some do, this service knows its own images only, and refuses whoever asks for others.
    let service = MockServer::start().await;
    Mock::given(query_param_contains("scope", "")).respond_with(ResponseTemplate::new(403)).mount(&service).await;
    let answer = ResponseTemplate::new(200).set_body_json(json!({ "token": "t0k" }));
    Mock::given(header("authorization", "Basic Y2k6czNjcmV0")).respond_with(answer).mount(&service).await;
    Mock::given(any()).respond_with(ResponseTemplate::new(401)).mount(&service).await;
    let server = registry_with_tokens(&format!("{}/token", service.uri())).await;
    assert_eq!(tried(&server).await.unwrap(), SignIn::Taken);
    let asked = service.received_requests().await.unwrap();
    assert_eq!(asked.iter().map(|request| request.url.query()).collect::<Vec<_>>(), [Some("service=reg")]);

    let account = host(&server);
    let wrong = client(config(&[&account]), &[(&account, "ci", "guessed")]).sign_in(&account).await;
    assert!(matches!(wrong, Err(Error::Denied { .. })), "{wrong:?}");
}

#[tokio::test]
async fn a_login_that_is_asked_for_with_each_request_is_tried_too() {
    let server = MockServer::start().await;
    let fine = ResponseTemplate::new(200).set_body_json(json!({}));
    Mock::given(header("authorization", "Basic Y2k6czNjcmV0")).respond_with(fine).mount(&server).await;
    let refusal = ResponseTemplate::new(401).insert_header("www-authenticate", "Basic realm=\"reg\"");
    Mock::given(any()).respond_with(refusal).mount(&server).await;
    assert_eq!(tried(&server).await.unwrap(), SignIn::Taken);
}

#[tokio::test]
async fn a_registry_that_refuses_whoever_asks_is_not_said_to_refuse_the_login() {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(ResponseTemplate::new(403)).mount(&server).await;
    assert_eq!(fault(tried(&server).await), Fault::Status(403));
    let account = host(&server);
    let registry = client(config(&[&account]), &[(&account, "ci", "s3cret")]);
    assert_eq!(fault(registry.tags(&image(&format!("{account}/a/b"))).await), Fault::Status(403));
    let asked = server.received_requests().await.unwrap();
    assert!(asked.iter().all(|request| !request.headers.contains_key("authorization")), "it asked for none");
}
