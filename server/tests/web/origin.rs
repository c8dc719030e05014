//! Pages of other sites, headers that anybody can write, and what a browser is told to refuse.

use std::net::Ipv4Addr;

use app::forms::FORMS;
use axum::body::Body;
use http::{Method, Request, StatusCode, header};
use server::auth::Role;
use sqlx::PgPool;

use crate::bed::{Answer, Bed, ORIGIN, PASSWORD, filled, routes};

const EVIL: &str = "https://evil.example";

/// What changes something: calls of the API, and forms of the pages.
fn changes() -> Vec<(Method, String)> {
    let calls = routes().into_iter().filter(|(method, _)| method != Method::GET);
    let forms = FORMS.iter().map(|form| (Method::POST, form.action.to_owned()));
    let theme = (Method::POST, "/theme".to_owned());
    calls.chain(forms).chain([theme]).map(|(method, path)| (method, filled(&path))).collect()
}

async fn ask(bed: &Bed, method: &Method, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    let kind = if path.starts_with("/api") { "application/json" } else { "application/x-www-form-urlencoded" };
    let mut request = Request::builder().method(method).uri(path).header(header::CONTENT_TYPE, kind);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    bed.ask(request.body(Body::from(body.to_owned())).unwrap()).await
}

#[sqlx::test(migrations = "../migrations")]
async fn s21_nothing_is_changed_by_a_page_of_another_site(db: PgPool) {
    let bed = Bed::new(&db).await;
    let session = bed.sign_in(Role::Administrator).await;
    let cookie: &str = &session;
    let events = async || sqlx::query_scalar::<_, i64>("select count(*) from events").fetch_one(&db).await.unwrap();
    let before = events().await;
    for (method, path) in changes() {
        for (headers, cookie) in [
            (vec![("origin", EVIL)], cookie),
            (vec![("origin", EVIL)], ""),
            (vec![("origin", EVIL), ("host", "evil.example")], cookie),
            (vec![("origin", "http://evil.example:8300"), ("host", "evil.example:8300")], cookie),
            (vec![("origin", "null")], cookie),
            (vec![("sec-fetch-site", "cross-site")], cookie),
            (vec![("sec-fetch-site", "same-site"), ("origin", ORIGIN)], cookie),
            (vec![], cookie),
        ] {
            let headers = [&headers[..], &[("cookie", cookie)]].concat();
            let answer = ask(&bed, &method, &path, &headers, "").await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{method} {path} {headers:?}");
            let problem = answer.problem();
            assert_eq!(problem.code, "foreign_origin", "{method} {path} {headers:?}");
            assert!(problem.detail.contains("SUMMONER_PUBLIC_URL"), "{}", problem.detail);
        }
    }
    assert_eq!(events().await, before, "nothing was done");
    for headers in [&[("origin", ORIGIN)][..], &[("sec-fetch-site", "same-origin")]] {
        let headers = [headers, &[("cookie", cookie)]].concat();
        let answer = ask(&bed, &Method::POST, "/api/v1/plans", &headers, "{}").await;
        assert_ne!(answer.status, StatusCode::FORBIDDEN, "{headers:?}: {}", answer.text());
    }
}

#[sqlx::test(migrations = "../migrations")]
async fn s21_reading_changes_nothing(db: PgPool) {
    let bed = Bed::new(&db).await;
    let cookie = bed.sign_in(Role::Administrator).await;
    for form in FORMS {
        let path = filled(form.action);
        let answer = bed.get(&path, &cookie).await;
        assert!(answer.header("set-cookie").is_empty(), "{path}");
    }
    let kinds: Vec<String> =
        sqlx::query_scalar("select distinct kind from events order by kind").fetch_all(&db).await.unwrap();
    assert_eq!(kinds, ["user.added", "user.signed_in"]);
}

#[sqlx::test(migrations = "../migrations")]
async fn a_program_that_signs_in_sends_no_origin(db: PgPool) {
    let bed = Bed::new(&db).await;
    let body = serde_json::json!({ "email": "viewer@example.org", "password": PASSWORD }).to_string();
    let answer = ask(&bed, &Method::POST, "/api/v1/session", &[], &body).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());
}

#[sqlx::test(migrations = "../migrations")]
async fn s17_signing_in_again_ends_the_session_the_browser_had(db: PgPool) {
    let bed = Bed::new(&db).await;
    let former = bed.sign_in(Role::Viewer).await;
    let body = serde_json::json!({ "email": "operator@example.org", "password": PASSWORD }).to_string();
    let headers = [("cookie", &*former), ("origin", ORIGIN)];
    let answer = ask(&bed, &Method::POST, "/api/v1/session", &headers, &body).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());
    assert_eq!(bed.get("/api/v1/session", &former).await.status, StatusCode::UNAUTHORIZED);
}

#[sqlx::test(migrations = "../migrations")]
async fn s32_headers_of_an_untrusted_peer_change_neither_limits_nor_addresses_nor_links(db: PgPool) {
    let bed = Bed::new(&db).await;
    let mut tries = 0;
    let paused = loop {
        // Each from elsewhere and at another account, if one believes it.
        let address = Ipv4Addr::new(198, 51, 100, tries).to_string();
        let body = serde_json::json!({ "email": format!("no{tries}@example.org"), "password": "wrong" }).to_string();
        let headers = [("x-forwarded-for", &*address), ("forwarded", "for=203.0.113.1"), ("x-real-ip", &address)];
        let answer = ask(&bed, &Method::POST, "/api/v1/session", &headers, &body).await;
        if answer.status == StatusCode::TOO_MANY_REQUESTS {
            break answer;
        }
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
        tries += 1;
        assert!(tries < 100, "it is never paused");
    };
    let wait: u64 = paused.header("retry-after").parse().unwrap();
    assert!((1..=15 * 60).contains(&wait), "{wait}");
    let elsewhere: i64 = sqlx::query_scalar("select count(*) from events where payload ->> 'address' <> '127.0.0.1'")
        .fetch_one(&db)
        .await
        .unwrap();
    assert_eq!(elsewhere, 0, "the connection says where it comes from");

    let headers = [("host", "evil.example"), ("x-forwarded-host", "evil.example"), ("x-forwarded-proto", "https")];
    for path in ["/", "/sign-in", "/setup/unknown", "/tools?q=1", "/api/v1/tools"] {
        let answer = ask(&bed, &Method::GET, path, &headers, "").await;
        assert!(!answer.text().contains("evil.example"), "{path}");
        assert!(!answer.header("location").contains("evil.example"), "{path}");
        assert!(answer.header("strict-transport-security").is_empty(), "{path}: it is not behind TLS");
    }
}

#[sqlx::test(migrations = "../migrations")]
async fn every_answer_tells_the_browser_what_to_refuse(db: PgPool) {
    let bed = Bed::new(&db).await;
    let cookie = bed.sign_in(Role::Administrator).await;
    let (get, post, put) = (Method::GET, Method::POST, Method::PUT);
    for (method, path, status) in [
        (&get, "/sign-in", 200),
        (&get, "/me", 200),
        (&get, "/nothing/here", 404),
        (&get, "/api/v1/tools", 200),
        (&get, "/api/v1/openapi.json", 200),
        (&get, "/api/v1/nothing", 404),
        (&get, "/api/v1/live", 200),
        (&put, "/api/v1/tools", 405),
        (&post, "/api/v1/plans", 400),
        (&get, "/pkg/nothing.js", 404),
        (&get, "/pkg/manifest.json", 200),
        (&get, "/favicon.svg", 404),
        (&put, "/sign-in", 405),
        (&post, "/nothing/here", 404),
        (&get, "/setup/unknown", 303),
        (&get, "/healthz", 200),
        (&get, "/metrics", 403),
    ] {
        let answer = ask(&bed, method, path, &[("cookie", &cookie), ("origin", ORIGIN)], "{").await;
        assert_eq!(answer.status.as_u16(), status, "{method} {path}: {}", answer.text());
        let policy = answer.header("content-security-policy");
        assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{path}: {policy}");
        assert!(!policy.contains("unsafe-inline") && !policy.contains("'unsafe-eval'"), "{path}: {policy}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert!(matches!(answer.header("referrer-policy"), "same-origin" | "no-referrer"), "{path}");
    }
    let large = ask(&bed, &post, "/sign-in", &[("origin", ORIGIN)], &"a".repeat(3 << 20)).await;
    assert_eq!((large.status.as_u16(), large.header("x-content-type-options")), (413, "nosniff"));
}
