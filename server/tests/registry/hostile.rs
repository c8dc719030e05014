//! Registries that answer wrongly, too much, too slowly, or lead elsewhere: each ends in its error, within bounds.

use std::time::{Duration, Instant};

use reqwest::Url;
use serde_json::json;
use server::registry::{Build, Digest, Error, Fault, HttpRegistry, Platform, Quota, Registry as _, RegistryConfig};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use wiremock::matchers::{any, header, header_exists, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::{client, client_at, clock, config, fault, image, limits, now};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

fn host(server: &MockServer) -> String {
    server.address().to_string()
}

/// The same server under the other name of this machine: another host to whoever compares names.
fn other_name(server: &MockServer) -> String {
    format!("localhost:{}", server.address().port())
}

async fn requests(server: &MockServer) -> usize {
    server.received_requests().await.unwrap().len()
}

fn stranger(server: &MockServer) -> HttpRegistry {
    client(config(&[&host(server)]), &[])
}

async fn serve(server: &MockServer, answer: ResponseTemplate) {
    Mock::given(any()).respond_with(answer).mount(server).await;
}

fn page(tags: &[&str]) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(json!({ "name": "a/b", "tags": tags }))
}

fn json_text(text: &str) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_raw(text.to_owned(), "application/json")
}

/// A server that says these bytes to every request, then goes on as `rest` does.
async fn raw<F: Future<Output = ()> + Send>(
    head: &'static [u8],
    rest: impl Fn(TcpStream) -> F + Copy + Send + 'static,
) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let host = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                // Whoever was cut off does not care how the attack ends.
                let mut request = [0; 4096];
                let _ = stream.read(&mut request).await;
                let _ = stream.write_all(head).await;
                rest(stream).await;
            });
        }
    });
    host
}

#[tokio::test]
async fn a_web_page_is_named_as_one() {
    let server = MockServer::start().await;
    let web_page =
        ResponseTemplate::new(200).set_body_raw("<!doctype html><h1>Sign in</h1>", "text/html; charset=utf-8");
    serve(&server, web_page).await;
    let registry = stranger(&server);
    let a = image(&format!("{}/a/b:1", host(&server)));
    assert_eq!(fault(registry.tags(&a).await), Fault::WebPage);
    assert_eq!(fault(registry.resolve(&a).await), Fault::WebPage);
    assert_eq!(fault(registry.manifest(&a).await), Fault::WebPage);
}

#[tokio::test]
async fn a_web_page_that_calls_itself_json_or_not_found_is_still_one() {
    for answer in [json_text(" <html>"), ResponseTemplate::new(404).set_body_raw("<html>", "text/html")] {
        let server = MockServer::start().await;
        serve(&server, answer).await;
        let a = image(&format!("{}/a/b:1", host(&server)));
        assert_eq!(fault(stranger(&server).tags(&a).await), Fault::WebPage);
    }
}

#[tokio::test]
async fn json_that_ends_early_is_malformed() {
    let server = MockServer::start().await;
    serve(&server, json_text(r#"{"name":"a/b","tags":["1.0","1."#)).await;
    let a = image(&format!("{}/a/b", host(&server)));
    assert_eq!(fault(stranger(&server).tags(&a).await), Fault::Malformed);
}

#[tokio::test]
async fn a_connection_that_ends_early_is_malformed() {
    let head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n{\"tags\":[";
    let host = raw(head, async |_| {}).await;
    let registry = client(config(&[&host]), &[]);
    assert_eq!(fault(registry.tags(&image(&format!("{host}/a/b"))).await), Fault::Malformed);
}

#[tokio::test]
async fn what_is_not_http_cannot_be_reached() {
    let host = raw(b"SSH-2.0-OpenSSH_9.2p1\r\n", async |_| {}).await;
    let registry = client(config(&[&host]), &[]);
    let answer = registry.tags(&image(&format!("{host}/a/b"))).await;
    assert!(matches!(answer, Err(Error::Unreachable { .. })), "{answer:?}");
}

#[tokio::test]
async fn nobody_listening_cannot_be_reached() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let host = listener.local_addr().unwrap().to_string();
    drop(listener);
    let answer = client(config(&[&host]), &[]).resolve(&image(&format!("{host}/a/b:1"))).await;
    assert!(matches!(answer, Err(Error::Unreachable { .. })), "{answer:?}");
}

#[tokio::test]
async fn s28_an_answer_that_announces_too_much_is_not_read() {
    let head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 99999999999\r\n\r\n";
    let host = raw(head, async |_stream| std::future::pending().await).await;
    let registry = client(config(&[&host]), &[]);
    let started = Instant::now();
    let answer = registry.tags(&image(&format!("{host}/a/b"))).await;
    assert!(matches!(answer, Err(Error::TooLarge { .. })), "{answer:?}");
    assert!(started.elapsed() < limits().request, "it waited for the body");
}

#[tokio::test]
async fn s28_an_endless_answer_is_cut_off() {
    let head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n";
    let host = raw(head, async |mut stream: TcpStream| {
        let chunk = [b"1000\r\n".as_slice(), &[b' '; 0x1000], b"\r\n"].concat();
        while stream.write_all(&chunk).await.is_ok() {}
    })
    .await;
    let registry = client(config(&[&host]), &[]);
    let a = image(&format!("{host}/a/b:1"));
    let started = Instant::now();
    for answer in [registry.tags(&a).await.err(), registry.manifest(&a).await.err()] {
        assert!(matches!(answer, Some(Error::TooLarge { .. })), "{answer:?}");
    }
    assert!(started.elapsed() < limits().question);
}

#[tokio::test]
async fn s28_an_answer_that_drips_ends_in_time() {
    let head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n";
    let host = raw(head, async |mut stream: TcpStream| {
        // Each byte arrives well before a limit on silence would end it.
        while stream.write_all(b"1\r\n \r\n").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await;
    let mut config = config(&[&host]);
    config.limits.request = Duration::from_millis(300);
    let answer = client(config, &[]).tags(&image(&format!("{host}/a/b"))).await;
    assert!(matches!(answer, Err(Error::TimedOut { .. })), "{answer:?}");
}

#[tokio::test]
async fn an_answer_that_comes_too_late_is_not_waited_for() {
    let server = MockServer::start().await;
    serve(&server, page(&["1"]).set_delay(Duration::from_secs(30))).await;
    let mut config = config(&[&host(&server)]);
    config.limits.request = Duration::from_millis(200);
    let started = Instant::now();
    let Err(error) = client(config, &[]).tags(&image(&format!("{}/a/b", host(&server)))).await else { panic!() };
    assert!(matches!(error, Error::TimedOut { .. }), "{error:?}");
    assert!(error.to_string().contains("did not answer within 1 s"), "{error}");
    assert!(started.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn content_with_another_digest_is_not_used() {
    let server = MockServer::start().await;
    let claimed = Digest::of(b"something else");
    let answer = ResponseTemplate::new(200).set_body_raw("{}", MANIFEST);
    serve(&server, answer.insert_header("docker-content-digest", claimed.as_str())).await;
    let registry = stranger(&server);
    let by_tag = image(&format!("{}/a/b:1", host(&server)));
    let expected = Fault::Digest { expected: claimed, got: Digest::of(b"{}") };
    assert_eq!(fault(registry.manifest(&by_tag).await), expected);

    let wanted = Digest::of(b"wanted");
    let by_digest = by_tag.with_digest(wanted.clone());
    assert_eq!(
        fault(registry.manifest(&by_digest).await),
        Fault::Digest { expected: wanted.clone(), got: Digest::of(b"{}") }
    );
    assert_eq!(
        fault(registry.resolve(&by_digest).await),
        Fault::Digest { expected: wanted, got: Digest::of(b"something else") }
    );
}

#[tokio::test]
async fn a_configuration_with_another_digest_is_not_used() {
    let server = MockServer::start().await;
    let (config_digest, layer) = (Digest::of(b"config"), Digest::of(b"layer"));
    let manifest = json!({
        "schemaVersion": 2,
        "config": { "mediaType": "application/vnd.oci.image.config.v1+json", "digest": config_digest, "size": 6 },
        "layers": [{ "mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": layer, "size": 5 }],
    });
    Mock::given(path("/v2/a/b/manifests/1"))
        .respond_with(ResponseTemplate::new(200).set_body_raw(manifest.to_string(), MANIFEST))
        .mount(&server)
        .await;
    serve(&server, ResponseTemplate::new(200).set_body_string("forged")).await;
    let answer = stranger(&server).manifest(&image(&format!("{}/a/b:1", host(&server)))).await;
    assert_eq!(fault(answer), Fault::Digest { expected: config_digest, got: Digest::of(b"forged") });
}

#[tokio::test]
async fn a_registry_without_head_is_asked_for_the_whole_and_hashed() {
    let server = MockServer::start().await;
    Mock::given(method("HEAD")).respond_with(ResponseTemplate::new(405)).mount(&server).await;
    serve(&server, ResponseTemplate::new(200).set_body_raw("{}", MANIFEST)).await;
    let a = image(&format!("{}/a/b:1", host(&server)));
    assert_eq!(stranger(&server).resolve(&a).await.unwrap(), Digest::of(b"{}"));
}

#[tokio::test]
async fn a_content_type_that_was_not_asked_for_is_refused() {
    let server = MockServer::start().await;
    serve(&server, ResponseTemplate::new(200).set_body_raw("\u{1}\u{2}", "image/png")).await;
    let registry = stranger(&server);
    let a = image(&format!("{}/a/b:1", host(&server)));
    assert_eq!(fault(registry.tags(&a).await), Fault::ContentType("image/png".to_owned()));
    assert_eq!(fault(registry.manifest(&a).await), Fault::ContentType("image/png".to_owned()));
}

#[tokio::test]
async fn pages_are_followed_and_doubled_tags_listed_once() {
    let server = MockServer::start().await;
    let next = |query: &str| format!("</v2/a/b/tags/list?{query}>; rel=\"next\"");
    let on = |last: &'static str| wiremock::matchers::query_param("last", last);
    Mock::given(on("2")).respond_with(page(&["2", "3"]).insert_header("link", next("last=3"))).mount(&server).await;
    Mock::given(on("3")).respond_with(page(&["4"])).mount(&server).await;
    serve(&server, page(&["1", "2"]).insert_header("link", next("last=2"))).await;
    let tags = stranger(&server).tags(&image(&format!("{}/a/b", host(&server)))).await.unwrap();
    assert_eq!(tags.names, ["1", "2", "3", "4"]);
    assert_eq!(tags.fetched_at, now());
}

#[tokio::test]
async fn s23_a_next_page_on_another_host_is_not_followed() {
    let (server, other) = (MockServer::start().await, MockServer::start().await);
    for elsewhere in
        [format!("http://{}/v2/a/b/tags/list", host(&other)), format!("http://{}/v2/", other_name(&server))]
    {
        server.reset().await;
        serve(&server, page(&["1"]).insert_header("link", format!("<{elsewhere}>; rel=\"next\""))).await;
        // The other host is allowed in itself.
        let config = config(&[&host(&server), &host(&other), &other_name(&server)]);
        let registry = client(config, &[(&host(&server), "ci", "s3cret")]);
        assert_eq!(fault(registry.tags(&image(&format!("{}/a/b", host(&server)))).await), Fault::Link);
        assert_eq!(requests(&server).await, 1);
    }
    assert_eq!(requests(&other).await, 0);
}

#[tokio::test]
async fn s28_pages_in_a_circle_end() {
    let server = MockServer::start().await;
    serve(&server, page(&["1"]).insert_header("link", "</v2/a/b/tags/list?last=1>; rel=\"next\"")).await;
    assert_eq!(fault(stranger(&server).tags(&image(&format!("{}/a/b", host(&server)))).await), Fault::Link);
    assert_eq!(requests(&server).await, 2);
}

#[tokio::test]
async fn s28_pages_without_end_are_not_read_to_it() {
    let server = MockServer::start().await;
    Mock::given(any())
        .respond_with(|request: &wiremock::Request| {
            let next = request
                .url
                .query_pairs()
                .find(|(name, _)| name == "page")
                .map_or(1, |(_, n)| n.parse().unwrap_or(0) + 1);
            page(&[&format!("t{next}")]).insert_header("link", format!("<?page={next}>; rel=\"next\""))
        })
        .mount(&server)
        .await;
    let answer = stranger(&server).tags(&image(&format!("{}/a/b", host(&server)))).await;
    assert!(matches!(answer, Err(Error::TooLarge { .. })), "{answer:?}");
    assert_eq!(requests(&server).await, limits().pages);
}

#[tokio::test]
async fn s28_more_tags_than_any_image_has_are_refused() {
    let server = MockServer::start().await;
    let names: Vec<String> = (0..=limits().tags).map(|n| n.to_string()).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    serve(&server, page(&names)).await;
    let answer = stranger(&server).tags(&image(&format!("{}/a/b", host(&server)))).await;
    assert!(matches!(answer, Err(Error::TooLarge { .. })), "{answer:?}");
}

/// A registry that asks for a password and sends blobs to `storage`; gives the client's config and the build to ask for.
async fn with_blob_storage(server: &MockServer, storage: &str, content: &[u8]) -> Build {
    let config_digest = Digest::of(content);
    let manifest = json!({
        "schemaVersion": 2,
        "config": { "mediaType": "application/vnd.oci.image.config.v1+json", "digest": config_digest, "size": content.len() },
        "layers": [],
    })
    .to_string();
    let digest = Digest::of(manifest.as_bytes());
    let redirect = ResponseTemplate::new(307).insert_header("location", format!("{storage}/{config_digest}"));
    Mock::given(header_exists("authorization"))
        .and(path(format!("/v2/a/b/blobs/{config_digest}")))
        .respond_with(redirect)
        .mount(server)
        .await;
    Mock::given(header_exists("authorization"))
        .and(path(format!("/v2/a/b/manifests/{digest}")))
        .respond_with(ResponseTemplate::new(200).set_body_raw(manifest, MANIFEST))
        .mount(server)
        .await;
    serve(server, ResponseTemplate::new(401).insert_header("www-authenticate", "Basic realm=\"x\"")).await;
    let platform = Platform { os: "linux".to_owned(), architecture: "amd64".to_owned(), variant: String::new() };
    Build { platform, digest, size_bytes: None }
}

const CONFIGURATION: &[u8] = br#"{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}"#;

#[tokio::test]
async fn s23_a_blob_kept_elsewhere_is_fetched_without_credentials() {
    let (server, storage) = (MockServer::start().await, MockServer::start().await);
    serve(&storage, ResponseTemplate::new(200).set_body_bytes(CONFIGURATION)).await;
    let build = with_blob_storage(&server, &format!("http://{}", other_name(&storage)), CONFIGURATION).await;
    let config = config(&[&host(&server), &other_name(&storage)]);
    // Even a login for the storage's own name is not for this use.
    let logins = [(host(&server), "ci", "s3cret"), (other_name(&storage), "ci", "other")];
    let logins: Vec<_> = logins.iter().map(|(host, user, password)| (host.as_str(), *user, *password)).collect();
    let registry = client(config, &logins);
    let read = registry.config(&image(&format!("{}/a/b", host(&server))), &build).await.unwrap();
    assert_eq!(read.platform, build.platform);
    let seen = storage.received_requests().await.unwrap();
    assert_eq!(seen.len(), 1);
    assert!(!seen[0].headers.contains_key("authorization"), "{:?}", seen[0].headers);
}

#[tokio::test]
async fn s18_a_blob_at_a_private_address_nobody_named_is_not_fetched() {
    let (server, storage) = (MockServer::start().await, MockServer::start().await);
    let build = with_blob_storage(&server, &format!("http://{}", host(&storage)), CONFIGURATION).await;
    let registry = client(config(&[&host(&server)]), &[(&host(&server), "ci", "s3cret")]);
    let answer = registry.config(&image(&format!("{}/a/b", host(&server))), &build).await;
    assert!(matches!(answer, Err(Error::Blocked { .. })), "{answer:?}");
    assert_eq!(requests(&storage).await, 0);
}

#[tokio::test]
async fn s28_redirects_in_a_circle_end() {
    let server = MockServer::start().await;
    let build = with_blob_storage(&server, "/v2/a/b/blobs", CONFIGURATION).await;
    let registry = client(config(&[&host(&server)]), &[(&host(&server), "ci", "s3cret")]);
    let answer = registry.config(&image(&format!("{}/a/b", host(&server))), &build).await;
    assert!(matches!(fault(answer), Fault::Redirect(_)));
    assert!(requests(&server).await < 12);
}

#[tokio::test]
async fn s23_tags_and_manifests_are_not_followed_to_another_host() {
    let (server, other) = (MockServer::start().await, MockServer::start().await);
    let elsewhere = format!("http://{}/v2/a/b/tags/list", other_name(&other));
    Mock::given(header_exists("authorization"))
        .respond_with(ResponseTemplate::new(302).insert_header("location", elsewhere))
        .mount(&server)
        .await;
    serve(&server, ResponseTemplate::new(401).insert_header("www-authenticate", "Basic realm=\"x\"")).await;
    let config = config(&[&host(&server), &other_name(&other)]);
    let registry = client(config, &[(&host(&server), "ci", "s3cret")]);
    let a = image(&format!("{}/a/b:1", host(&server)));
    let refused = Fault::Redirect("localhost".to_owned());
    assert_eq!(fault(registry.tags(&a).await), refused);
    assert_eq!(fault(registry.resolve(&a).await), refused);
    assert_eq!(fault(registry.manifest(&a).await), refused);
    assert_eq!(requests(&other).await, 0);
}

#[tokio::test]
async fn s23_credentials_of_one_registry_are_not_shown_to_another_or_to_a_mirror() {
    let (other, mirror) = (MockServer::start().await, MockServer::start().await);
    for server in [&other, &mirror] {
        serve(server, ResponseTemplate::new(401).insert_header("www-authenticate", "Basic realm=\"docker.io\"")).await;
    }
    let mut config = config(&[&host(&other)]);
    config.mirrors.insert("docker.io".to_owned(), Url::parse(&mirror.uri()).unwrap());
    let registry = client(config, &[("docker.io", "hub", "s3cret")]);
    for name in [format!("{}/library/nginx", host(&other)), "nginx".to_owned()] {
        let answer = registry.tags(&image(&name)).await;
        assert!(matches!(answer, Err(Error::Unauthorized { .. })), "{name}: {answer:?}");
    }
    for server in [&other, &mirror] {
        let seen = server.received_requests().await.unwrap();
        assert!(!seen.is_empty() && seen.iter().all(|request| !request.headers.contains_key("authorization")));
    }
}

#[tokio::test]
async fn a_registry_that_refuses_for_ever_is_asked_twice() {
    let server = MockServer::start().await;
    serve(&server, ResponseTemplate::new(401).insert_header("www-authenticate", "Basic realm=\"x\"")).await;
    let registry = client(config(&[&host(&server)]), &[(&host(&server), "ci", "s3cret")]);
    let answer = registry.tags(&image(&format!("{}/a/b", host(&server)))).await;
    assert!(matches!(answer, Err(Error::Denied { .. })), "{answer:?}");
    assert_eq!(requests(&server).await, 2);
}

#[tokio::test]
async fn a_challenge_nobody_can_answer_says_so() {
    for challenge in ["Negotiate", "Bearer service=\"x\""] {
        let server = MockServer::start().await;
        serve(&server, ResponseTemplate::new(401).insert_header("www-authenticate", challenge)).await;
        let registry = client(config(&[&host(&server)]), &[(&host(&server), "ci", "s3cret")]);
        assert_eq!(fault(registry.tags(&image(&format!("{}/a/b", host(&server)))).await), Fault::Challenge);
    }
}

#[tokio::test]
async fn a_short_pause_that_was_asked_for_is_kept_and_then_it_works() {
    let server = MockServer::start().await;
    let busy = ResponseTemplate::new(429).insert_header("retry-after", "1");
    Mock::given(any()).respond_with(busy).up_to_n_times(1).mount(&server).await;
    serve(&server, page(&["1"])).await;
    let started = Instant::now();
    let tags = stranger(&server).tags(&image(&format!("{}/a/b", host(&server)))).await.unwrap();
    assert_eq!(tags.names, ["1"]);
    assert!(started.elapsed() >= Duration::from_secs(1), "the pause was cut short");
}

#[tokio::test]
async fn a_long_pause_is_reported_and_not_waited_for() {
    let server = MockServer::start().await;
    serve(&server, ResponseTemplate::new(429).insert_header("retry-after", "3600")).await;
    let Err(error) = stranger(&server).tags(&image(&format!("{}/a/b", host(&server)))).await else { panic!() };
    assert!(error.to_string().contains("answers no more requests until 13:00:00 UTC"), "{error}");
    assert!(
        matches!(error, Error::RateLimited { until: Some(until), .. } if until == now() + Duration::from_secs(3600))
    );
    assert_eq!(requests(&server).await, 1);
}

#[tokio::test]
async fn a_failing_registry_is_asked_again_a_few_times() {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(ResponseTemplate::new(503)).up_to_n_times(2).mount(&server).await;
    serve(&server, page(&["1"])).await;
    let a = image(&format!("{}/a/b", host(&server)));
    assert_eq!(stranger(&server).tags(&a).await.unwrap().names, ["1"]);
    assert_eq!(requests(&server).await, 3);

    server.reset().await;
    serve(&server, ResponseTemplate::new(500)).await;
    let answer = stranger(&server).tags(&a).await;
    assert!(matches!(answer, Err(Error::Unavailable { status: 500, .. })), "{answer:?}");
    assert_eq!(requests(&server).await, 1 + limits().retries);
}

#[tokio::test]
async fn a_question_ends_even_if_every_step_of_it_is_in_time() {
    let server = MockServer::start().await;
    serve(&server, ResponseTemplate::new(503).insert_header("retry-after", "1")).await;
    let mut config = config(&[&host(&server)]);
    config.limits.question = Duration::from_millis(500);
    let answer = client(config, &[]).tags(&image(&format!("{}/a/b", host(&server)))).await;
    assert!(matches!(answer, Err(Error::TimedOut { .. })), "{answer:?}");
}

#[tokio::test]
async fn s18_private_hosts_nobody_named_are_not_contacted() {
    let server = MockServer::start().await;
    let registry = client_at(RegistryConfig { limits: limits(), ..RegistryConfig::default() }, &[], clock());
    for name in [host(&server), other_name(&server), "169.254.169.254".to_owned(), "[::1]:5000".to_owned()] {
        let Err(error) = registry.tags(&image(&format!("{name}/a/b"))).await else { panic!("{name} was contacted") };
        assert!(matches!(error, Error::Blocked { .. }), "{name}: {error:?}");
    }
    assert_eq!(requests(&server).await, 0);
}

#[tokio::test]
async fn an_unchanged_list_is_not_sent_again() {
    let server = MockServer::start().await;
    Mock::given(header("if-none-match", "\"v1\""))
        .respond_with(ResponseTemplate::new(304))
        .expect(1)
        .mount(&server)
        .await;
    serve(&server, page(&["1", "2"]).insert_header("etag", "\"v1\"")).await;
    let registry = stranger(&server);
    let a = image(&format!("{}/a/b", host(&server)));
    assert_eq!(registry.tags(&a).await.unwrap().names, ["1", "2"]);
    assert_eq!(registry.tags(&a).await.unwrap().names, ["1", "2"]);
    server.verify().await;
}

#[tokio::test]
async fn a_registry_that_says_unchanged_to_a_first_question_is_refused() {
    let server = MockServer::start().await;
    serve(&server, ResponseTemplate::new(304)).await;
    let a = image(&format!("{}/a/b", host(&server)));
    assert_eq!(fault(stranger(&server).tags(&a).await), Fault::Status(304));
}

#[tokio::test]
async fn the_allowance_last_told_is_known() {
    let server = MockServer::start().await;
    let head = ResponseTemplate::new(200)
        .insert_header("docker-content-digest", Digest::of(b"x").as_str())
        .insert_header("ratelimit-limit", "100;w=21600")
        .insert_header("ratelimit-remaining", "7;w=21600");
    Mock::given(method("HEAD")).respond_with(head).mount(&server).await;
    serve(&server, page(&["1"])).await;
    let registry = stranger(&server);
    let a = image(&format!("{}/a/b:1", host(&server)));
    let quota = || registry.quota(&registry.account(a.registry()));
    registry.tags(&a).await.unwrap();
    assert_eq!(quota(), None);
    registry.resolve(&a).await.unwrap();
    registry.tags(&a).await.unwrap();
    let window = Duration::from_secs(21_600);
    assert_eq!(quota(), Some(Quota { limit: 100, remaining: 7, window, said_at: now() }));
}
