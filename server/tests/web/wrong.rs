//! Requests that are wrong in their form get a problem with a sentence, never a framework's plain text.

use axum::body::Body;
use http::{Method, Request, StatusCode, header};
use server::auth::Role;
use sqlx::PgPool;

use crate::bed::{Answer, Bed, ORIGIN, filled, routes};

async fn post(bed: &Bed, path: &str, cookie: &str, kind: &str, body: Body) -> Answer {
    let request = Request::post(path).header(header::COOKIE, cookie).header(header::ORIGIN, ORIGIN);
    bed.ask(request.header(header::CONTENT_TYPE, kind).body(body).unwrap()).await
}

/// A hundred megabytes of unknown length.
fn endless() -> Body {
    let pieces = (0..100).map(|_| Ok::<_, std::io::Error>(vec![b'a'; 1 << 20]));
    Body::from_stream(futures_util::stream::iter(pieces))
}

#[sqlx::test(migrations = "../migrations")]
async fn a_path_that_names_nothing_is_refused_in_words(db: PgPool) {
    let bed = Bed::new(&db).await;
    let cookie = bed.sign_in(Role::Administrator).await;
    for (method, path) in routes().into_iter().filter(|(_, path)| path.contains('{')) {
        // A byte that is no text in UTF-8, percent-encoded, in the place of the first parameter.
        let (before, after) = path.split_once('{').unwrap();
        let rest = after.split_once('}').unwrap().1;
        let answer = bed.send(&method, &filled(&format!("{before}%ff{rest}")), &cookie, "{}").await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{method} {path}: {}", answer.text());
        assert_eq!(answer.problem().code, "not_found", "{method} {path}");
        if path.contains("{operation}") || path.contains("{session}") {
            let path = path.replace("{operation}", "7").replace("{session}", "7");
            let answer = bed.send(&method, &path, &cookie, "{}").await;
            assert_eq!(answer.problem().code, "not_found", "{method} {path}");
        }
    }
}

#[sqlx::test(migrations = "../migrations")]
async fn unknown_addresses_and_methods_are_problems(db: PgPool) {
    let bed = Bed::new(&db).await;
    let cookie = bed.sign_in(Role::Administrator).await;
    for path in ["/api/v1/nothing", "/api/v1/", "/api/v1", "/api/v2/tools", "/api/v1/tools/a/b/c/d", "/api/%00"] {
        let answer = bed.get(path, &cookie).await;
        assert_eq!((answer.status, &*answer.problem().code), (StatusCode::NOT_FOUND, "not_found"), "{path}");
    }
    for (_, path) in routes() {
        let answer = bed.send(&Method::PATCH, &filled(&path), &cookie, "{}").await;
        assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED, "{path}");
        assert_eq!(answer.problem().code, "method_not_allowed", "{path}");
        assert!(!answer.header("allow").is_empty(), "{path}");
    }
}

#[sqlx::test(migrations = "../migrations")]
async fn s28_a_body_of_a_hundred_megabytes_is_refused(db: PgPool) {
    let bed = Bed::new(&db).await;
    let cookie = bed.sign_in(Role::Administrator).await;
    for kind in ["application/json", "application/x-www-form-urlencoded"] {
        for path in ["/api/v1/tools", "/api/v1/plans", "/api/v1/session", "/api/v1/me/password"] {
            let answer = post(&bed, path, &cookie, kind, endless()).await;
            assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE, "{path} {kind}: {}", answer.text());
            assert_eq!(answer.problem().code, "unreadable");
        }
    }
}

#[sqlx::test(migrations = "../migrations")]
async fn bodies_and_queries_of_another_form_are_problems(db: PgPool) {
    let bed = Bed::new(&db).await;
    let cookie = bed.sign_in(Role::Administrator).await;
    for (kind, body, expected) in [
        ("text/plain", "{}", 415),
        ("", "{}", 415),
        ("application/xml", "<a/>", 415),
        ("application/json", "", 400),
        ("application/json", "{", 400),
        ("application/json", "[]", 400),
        ("application/json", "\"text\"", 400),
        ("application/json", "{\"entry\": 7}", 400),
        ("application/json", "{\"entry\": \"a\", \"ports\": []}", 400),
        ("application/json", "\u{feff}{}", 400),
    ] {
        let answer = post(&bed, "/api/v1/plans", &cookie, kind, Body::from(body)).await;
        assert_eq!(answer.status.as_u16(), expected, "{kind} {body}: {}", answer.text());
        assert_eq!(answer.problem().code, "unreadable");
    }
    for path in ["/activity?after=x", "/operations?after=x", "/live?after=x", "/tools/check?ports=8080&ports.web=1"] {
        let answer = bed.get(&format!("/api/v1{path}"), &cookie).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{path}: {}", answer.text());
        assert_eq!(answer.problem().code, "unreadable", "{path}");
    }
}

#[sqlx::test(migrations = "../migrations")]
async fn a_bad_body_for_a_page_is_answered_with_a_page(db: PgPool) {
    let bed = Bed::new(&db).await;
    let cookie = bed.sign_in(Role::Administrator).await;
    let form = "application/x-www-form-urlencoded";
    for path in ["/sign-in", "/catalogue/static-site", "/catalogue/static-site/look", "/me/password", "/theme"] {
        for (kind, body, expected) in [
            ("text/plain", Body::from("hello"), 415),
            ("application/json", Body::from("{}"), 415),
            ("", Body::empty(), 415),
            (form, Body::from(vec![b'a'; 300 * 1024]), 413),
            (form, endless(), 413),
        ] {
            let answer = post(&bed, path, &cookie, kind, body).await;
            assert_eq!(answer.status.as_u16(), expected, "{path} {kind}: {}", answer.text());
            assert!(answer.page().contains("The request cannot be read"), "{path} {kind}");
        }
    }
}

#[sqlx::test(migrations = "../migrations")]
async fn what_no_page_takes_is_answered_with_a_page(db: PgPool) {
    let bed = Bed::new(&db).await;
    let cookie = bed.sign_in(Role::Administrator).await;
    for path in ["/nowhere", "/", "/tools", "/tools/wiki", "/operations/7/cancel/x"] {
        let answer = post(&bed, path, &cookie, "application/x-www-form-urlencoded", endless()).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
        assert!(answer.page().contains("No form of Summoner is sent to this address."), "{path}");
        for method in [Method::PUT, Method::DELETE, Method::PATCH, Method::OPTIONS] {
            let answer = bed.send(&method, path, &cookie, "{}").await;
            assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED, "{method} {path}");
            assert!(answer.page().contains("Wrong method") && !answer.header("allow").is_empty(), "{method} {path}");
        }
    }
    let answer = bed.get("/nowhere", &cookie).await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    assert!(answer.page().contains("There is no page here."));
}

#[sqlx::test(migrations = "../migrations")]
async fn a_choice_that_a_list_does_not_know_is_refused_by_name(db: PgPool) {
    let bed = Bed::new(&db).await;
    let cookie = bed.sign_in(Role::Administrator).await;
    for list in ["tools", "catalog", "registries", "sessions", "operations", "activity"] {
        let answer = bed.get(&format!("/api/v1/{list}"), &cookie).await;
        assert_eq!(answer.status, StatusCode::OK, "{list}: {}", answer.text());
        for choice in ["sort=name", "limits=5", "a.b=c", "state.x=running"] {
            let answer = bed.get(&format!("/api/v1/{list}?{choice}"), &cookie).await;
            assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{list}?{choice}: {}", answer.text());
            let name = choice.split(['=', '.']).next().unwrap();
            assert!(answer.problem().detail.contains(&format!("`{name}`")), "{list}?{choice}: {}", answer.text());
        }
        for limit in ["abc", "0", "-1", "5.5", "100000", "%20"] {
            let answer = bed.get(&format!("/api/v1/{list}?limit={limit}"), &cookie).await;
            assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{list} {limit}: {}", answer.text());
            assert!(answer.problem().field("limit").is_some(), "{list} {limit}");
        }
        let answer = bed.get(&format!("/api/v1/{list}?state=foo"), &cookie).await;
        assert_eq!(
            (answer.status, answer.problem().field("state").is_some()),
            (StatusCode::BAD_REQUEST, true),
            "{list}"
        );
    }
}

#[sqlx::test(migrations = "../migrations")]
async fn an_unknown_entry_version_or_image_is_refused_in_words_and_nothing_is_changed(db: PgPool) {
    let bed = Bed::new(&db).await;
    let cookie = bed.sign_in(Role::Administrator).await;
    let rows = async || -> Vec<i64> {
        let mut rows = Vec::new();
        for table in ["tools", "revisions", "operations", "jobs", "resources", "events"] {
            rows.push(
                sqlx::query_scalar(sqlx::AssertSqlSafe(format!("select count(*) from {table}")))
                    .fetch_one(&db)
                    .await
                    .unwrap(),
            );
        }
        rows
    };
    let before = rows().await;
    for (entry, versions, status, field, part) in [
        ("nothing", "{}", 404, "", "no catalogue entry named nothing"),
        ("../etc/passwd", "{}", 404, "", "no catalogue entry named ../etc/passwd"),
        ("", "{}", 404, "", "no catalogue entry named"),
        ("static-site", r#"{"app": "9.9.9-alpine"}"#, 422, "versions.app", "9.9.9-alpine"),
        ("static-site", r#"{"app": "a b"}"#, 422, "versions.app", "a b"),
        ("static-site", r#"{"app": "1@sha256:0"}"#, 422, "versions.app", "1@sha256:0"),
        ("postgresql", r#"{"app": "17.11"}"#, 422, "versions.app", "17.11 is not a version this entry can run"),
        ("postgresql", r#"{"web": "18.6"}"#, 422, "versions.web", "PostgreSQL has no image named web"),
        ("nextcloud", r#"{"cron": "34.0.3-apache"}"#, 422, "versions.cron", "it follows app"),
    ] {
        let body = format!(r#"{{"entry": "{entry}", "name": "unknown", "versions": {versions}}}"#);
        for path in ["/api/v1/tools", "/api/v1/plans"] {
            let answer = bed.send(&Method::POST, path, &cookie, &body).await;
            assert_eq!(answer.status.as_u16(), status, "{path} {body}: {}", answer.text());
            let problem = answer.problem();
            let told = problem.fields.iter().find(|told| told.field == field).map(|told| told.message.clone());
            let told = told.unwrap_or_else(|| problem.detail.clone());
            assert!(told.contains(part), "{path} {body}: {told}");
            assert_eq!(rows().await, before, "{path} {body}");
        }
    }
}
