//! What a scraper reads.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use axum::body::{Body, to_bytes};
use axum::extract::ConnectInfo;
use http::{Request, StatusCode};
use server::auth::Role;
use sqlx::PgPool;
use tower::ServiceExt as _;

use crate::bed::{Bed, METRICS_TOKEN};

async fn scrape(bed: &Bed, from: &str, headers: &[(&str, &str)]) -> (StatusCode, String) {
    let mut request = Request::get("/metrics");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let mut request = request.body(Body::empty()).unwrap();
    request.extensions_mut().insert(ConnectInfo(from.parse::<SocketAddr>().unwrap()));
    let response = bed.router.clone().oneshot(request).await.unwrap();
    let status = response.status();
    let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

/// Every sample by its name with labels. A line that is none ends the test.
fn samples(text: &str) -> BTreeMap<String, f64> {
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let sample = |line: &str| {
        let (name, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("no sample: {line}"));
        let end = name.find('{').unwrap_or(name.len());
        let is_name = name[..end].bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b':');
        assert!(is_name && (end == name.len() || name.ends_with('}')), "no sample: {line}");
        (name.to_owned(), value.parse().unwrap_or_else(|_| panic!("no number: {line}")))
    };
    lines.map(sample).collect()
}

#[sqlx::test(migrations = "../migrations")]
async fn the_numbers_tell_what_the_panel_does(db: PgPool) {
    let bed = Bed::new(&db).await;
    // Everything of this test runs on its own thread, so what it counts is its own.
    let _counting = metrics::set_default_local_recorder(&bed.recorder);
    let cookie = bed.sign_in(Role::Viewer).await;
    for _ in 0..3 {
        bed.get("/api/v1/tools/wiki", &cookie).await;
    }
    bed.get("/api/v1/catalog/static-site/versions", &cookie).await;
    let (status, text) = scrape(&bed, "127.0.0.1:4000", &[("host", "localhost:8300")]).await;
    assert_eq!(status, StatusCode::OK);
    let samples = samples(&text);
    let value = |name: &str| *samples.get(name).unwrap_or_else(|| panic!("{name} is missing in\n{text}"));
    let labels = r#"{route="/api/v1/tools/{tool}",method="GET",status="404"}"#;
    assert_eq!(value(&format!("summoner_http_requests_total{labels}")) as i64, 3);
    assert_eq!(value(&format!("summoner_http_request_duration_seconds_count{labels}")) as i64, 3);
    let bucket = r#"{route="/api/v1/tools/{tool}",method="GET",status="404",le="+Inf"}"#;
    assert_eq!(value(&format!("summoner_http_request_duration_seconds_bucket{bucket}")) as i64, 3);
    assert_eq!(value(r#"summoner_build_info{version="test"}"#) as i64, 1);
    assert_eq!(value(r#"summoner_engine_up{node="here"}"#) as i64, 1);
    assert_eq!(value(r#"summoner_snapshot_age_seconds{node="here"}"#) as i64, 0);
    for name in [
        r#"summoner_containers{owner="tools"}"#,
        r#"summoner_containers{owner="others"}"#,
        "summoner_operations_unfinished",
        r#"summoner_jobs{state="waiting"}"#,
        r#"summoner_jobs{state="running"}"#,
    ] {
        assert_eq!(value(name) as i64, 0, "{name}");
    }
    assert!(value(r#"summoner_database_connections{state="open"}"#) >= 1.0);
    assert!(value("process_resident_memory_bytes") > 1e6);
    assert!(value("process_cpu_milliseconds_total") > 0.0);
    assert!(!text.contains("wiki"), "addresses themselves are no labels");
}

#[sqlx::test(migrations = "../migrations")]
async fn another_machine_needs_the_token(db: PgPool) {
    let bed = Bed::new(&db).await;
    let bearer = format!("Bearer {METRICS_TOKEN}");
    for (from, headers, expected) in [
        ("127.0.0.1:4000", vec![("host", "127.0.0.1:8300")], 200),
        ("[::1]:4000", vec![("host", "localhost:8300")], 200),
        ("127.0.0.1:4000", vec![], 403),
        ("127.0.0.1:4000", vec![("host", "panel.example")], 403),
        ("127.0.0.1:4000", vec![("host", "localhost"), ("x-forwarded-for", "192.0.2.1")], 403),
        ("127.0.0.1:4000", vec![("host", "localhost"), ("forwarded", "for=192.0.2.1")], 403),
        ("127.0.0.1:4000", vec![("host", "localhost"), ("via", "1.1 proxy")], 403),
        ("127.0.0.1:4000", vec![("host", "localhost"), ("x-real-ip", "192.0.2.1")], 403),
        ("192.0.2.1:4000", vec![], 403),
        ("192.0.2.1:4000", vec![("authorization", "Bearer wrong")], 403),
        ("192.0.2.1:4000", vec![("authorization", METRICS_TOKEN)], 403),
        ("192.0.2.1:4000", vec![("authorization", bearer.as_str())], 200),
        ("127.0.0.1:4000", vec![("authorization", bearer.as_str()), ("x-forwarded-for", "192.0.2.1")], 200),
    ] {
        assert_eq!(scrape(&bed, from, &headers).await.0.as_u16(), expected, "{from} {headers:?}");
    }
}
