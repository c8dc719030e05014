//! A request that arrives twice: a double click, a retry, a key that was used before.

use axum::body::Body;
use http::{Method, Request, StatusCode, header};
use server::auth::Role;
use sqlx::PgPool;

use crate::bed::{Answer, Bed, ORIGIN};

/// The key in the form of a page.
fn key(page: &str) -> String {
    let (_, field) = page.split_once("name=\"idempotency_key\"").unwrap_or_else(|| panic!("no key in {page}"));
    let (_, value) = field.split_once("value=\"").unwrap();
    value.split_once('"').unwrap().0.to_owned()
}

async fn count(db: &PgPool, table: &str) -> i64 {
    let count = match table {
        "tools" => "select count(*) from tools",
        _ => "select count(*) from operations",
    };
    sqlx::query_scalar(count).fetch_one(db).await.unwrap()
}

/// Lets every operation have ended well.
async fn finish(db: &PgPool) {
    sqlx::query("update operations set state = 'done', ended_at = now()").execute(db).await.unwrap();
    sqlx::query("update tools set state = 'installed'").execute(db).await.unwrap();
}

async fn call(bed: &Bed, method: Method, path: &str, cookie: &str, key: &str, json: &str) -> Answer {
    let request = Request::builder()
        .method(method)
        .uri(format!("/api/v1{path}"))
        .header(header::COOKIE, cookie)
        .header(header::ORIGIN, ORIGIN)
        .header(header::CONTENT_TYPE, "application/json")
        .header("idempotency-key", key)
        .body(Body::from(json.to_owned()));
    bed.ask(request.unwrap()).await
}

#[sqlx::test(migrations = "../migrations")]
async fn a_form_that_is_posted_twice_begins_one_operation(db: PgPool) {
    let bed = Bed::new(&db).await;
    bed.publish();
    let cookie = bed.sign_in(Role::Operator).await;
    let page = "/catalogue/static-site";
    let key_of_page = key(&bed.get(page, &cookie).await.page());
    let body = |name: &str| format!("entry=static-site&name={name}&idempotency_key={key_of_page}");
    let first = bed.post(page, &cookie, &body("wiki")).await;
    assert_eq!(first.status, StatusCode::SEE_OTHER, "{}", first.text());
    assert!(first.header("location").starts_with("/operations/"));
    let second = bed.post(page, &cookie, &body("wiki")).await;
    assert_eq!((second.status, second.header("location")), (first.status, first.header("location")));
    assert_eq!((count(&db, "tools").await, count(&db, "operations").await), (1, 1));

    let other = bed.post(page, &cookie, &body("blog")).await;
    assert_eq!(other.status, StatusCode::UNPROCESSABLE_ENTITY);
    let shown = other.page();
    assert!(shown.contains("The key was used for another request") && shown.contains("value=\"blog\""), "{shown}");
    assert_ne!(key(&shown), key_of_page, "the page that says so can be sent");
    assert_eq!((count(&db, "tools").await, count(&db, "operations").await), (1, 1), "nothing was changed");

    let bad = bed.post(page, &cookie, "entry=static-site&name=blog&idempotency_key=a%0Ab").await;
    assert_eq!(bad.status, StatusCode::BAD_REQUEST);
    assert!(bad.page().contains("Idempotency-Key"));
    assert_eq!(count(&db, "tools").await, 1);
}

#[sqlx::test(migrations = "../migrations")]
async fn every_form_that_begins_an_operation_carries_a_key(db: PgPool) {
    let bed = Bed::new(&db).await;
    bed.publish();
    let cookie = bed.sign_in(Role::Operator).await;
    bed.post("/catalogue/static-site", &cookie, "entry=static-site&name=wiki").await;
    for (page, action, body) in [
        ("/tools/wiki?do=restart", "/tools/wiki/restart", ""),
        ("/tools/wiki?do=stop", "/tools/wiki/stop", ""),
        ("/tools/wiki", "/tools/wiki/start", ""),
        ("/tools/wiki/settings", "/tools/wiki/settings", "reach=network&"),
        ("/tools/wiki/remove", "/tools/wiki/remove", "data=keep&"),
    ] {
        finish(&db).await;
        let desired = if action.ends_with("start") && page == "/tools/wiki" { "stopped" } else { "running" };
        sqlx::query("update tools set desired = $1").bind(desired).execute(&db).await.unwrap();
        let body = format!("{body}idempotency_key={}", key(&bed.get(page, &cookie).await.page()));
        let first = bed.post(action, &cookie, &body).await;
        assert_eq!(first.status, StatusCode::SEE_OTHER, "{action}: {}", first.text());
        let second = bed.post(action, &cookie, &body).await;
        assert_eq!((second.status, second.header("location")), (first.status, first.header("location")), "{action}");
    }
    assert_eq!(count(&db, "operations").await, 6);
}

#[sqlx::test(migrations = "../migrations")]
async fn a_key_names_one_request_of_one_person(db: PgPool) {
    let bed = Bed::new(&db).await;
    bed.publish();
    let (cookie, other) = (bed.sign_in(Role::Operator).await, bed.sign_in(Role::Administrator).await);
    let wiki = r#"{"entry": "static-site", "name": "wiki"}"#;
    let install = async |cookie: &str, json: &str| call(&bed, Method::POST, "/tools", cookie, "k-1", json).await;
    let first = install(&cookie, wiki).await;
    assert_eq!(first.status, StatusCode::ACCEPTED, "{}", first.text());
    // The same in other words.
    let second = install(&cookie, r#"{"name": "wiki", "entry": "static-site", "reach": "machine"}"#).await;
    assert_eq!((second.status, second.header("location")), (StatusCode::ACCEPTED, first.header("location")));
    for (method, path, json) in [
        (Method::POST, "/tools", r#"{"entry": "static-site", "name": "blog"}"#),
        (Method::POST, "/tools", r#"{"entry": "static-site", "name": "wiki", "reach": "network"}"#),
        (Method::POST, "/tools/wiki/start", ""),
        (Method::POST, "/tools/wiki/stop", ""),
        (Method::POST, "/tools/wiki/restart", ""),
        (Method::PUT, "/tools/wiki/settings", "{}"),
        (Method::POST, "/tools/wiki/remove", "{}"),
    ] {
        let answer = call(&bed, method, path, &cookie, "k-1", json).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{path} {json}: {}", answer.text());
        assert_eq!(answer.problem().code, "key_reused", "{path} {json}");
    }
    assert_eq!((count(&db, "tools").await, count(&db, "operations").await), (1, 1));
    let answer = install(&other, r#"{"entry": "static-site", "name": "blog"}"#).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED, "another person has keys of their own: {}", answer.text());
    let kept: Vec<Option<Vec<u8>>> =
        sqlx::query_scalar("select request_digest from operations").fetch_all(&db).await.unwrap();
    assert!(kept.iter().all(|digest| digest.as_ref().is_some_and(|digest| digest.len() > 64)), "kept sealed");
}

#[sqlx::test(migrations = "../migrations")]
async fn two_equal_requests_at_once_begin_one_operation(db: PgPool) {
    let bed = Bed::new(&db).await;
    bed.publish();
    let cookie = bed.sign_in(Role::Operator).await;
    let wiki = r#"{"entry": "static-site", "name": "wiki"}"#;
    let ask = || call(&bed, Method::POST, "/tools", &cookie, "k-1", wiki);
    let (one, two, three) = tokio::join!(ask(), ask(), ask());
    for answer in [&two, &three] {
        assert_eq!((answer.status, answer.header("location")), (StatusCode::ACCEPTED, one.header("location")));
    }
    assert_eq!(count(&db, "operations").await, 1);
}
