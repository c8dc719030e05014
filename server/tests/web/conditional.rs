//! What a browser has already is not sent again.

use axum::body::Body;
use http::{Request, StatusCode, header};
use server::auth::{Actor, NewUser, Role};
use sqlx::PgPool;

use crate::bed::{Answer, Bed, PASSWORD};

async fn asked(bed: &Bed, path: &str, cookie: &str, known: &str, encoding: &str) -> Answer {
    let request = Request::get(path)
        .header(header::COOKIE, cookie)
        .header(header::IF_NONE_MATCH, known)
        .header(header::ACCEPT_ENCODING, encoding);
    bed.ask(request.body(Body::empty()).unwrap()).await
}

#[sqlx::test(migrations = "../migrations")]
async fn a_list_that_has_not_changed_is_not_sent_again(db: PgPool) {
    let bed = Bed::new(&db).await;
    let cookie = bed.sign_in(Role::Administrator).await;
    for path in ["tools", "catalog", "operations", "activity", "registries", "sessions", "engine"] {
        let path = format!("/api/v1/{path}");
        let first = bed.get(&path, &cookie).await;
        let tag = first.header("etag").to_owned();
        assert!(first.status == StatusCode::OK && tag.starts_with('"') && tag.len() > 20, "{path} {tag}");
        assert_eq!(first.header("cache-control"), "private, no-cache");
        let second = asked(&bed, &path, &cookie, &tag, "identity").await;
        assert_eq!((second.status, second.body.len(), second.header("etag")), (StatusCode::NOT_MODIFIED, 0, &*tag));
        let other = asked(&bed, &path, &cookie, "\"0123\"", "identity").await;
        assert_eq!((other.status, &other.body), (StatusCode::OK, &first.body), "{path}");
    }
}

#[sqlx::test(migrations = "../migrations")]
async fn a_change_changes_the_tag(db: PgPool) {
    let bed = Bed::new(&db).await;
    let cookie = bed.sign_in(Role::Administrator).await;
    let before = bed.get("/api/v1/activity", &cookie).await;
    let new =
        NewUser { email: "eve@example.org".into(), name: "Eve".into(), role: Role::Viewer, password: PASSWORD.into() };
    bed.auth.add_user(&Actor::command_line(), new).await.unwrap();
    let after = asked(&bed, "/api/v1/activity", &cookie, before.header("etag"), "identity").await;
    assert_eq!(after.status, StatusCode::OK);
    assert_ne!(after.header("etag"), before.header("etag"));
}

#[sqlx::test(migrations = "../migrations")]
async fn a_compressed_answer_has_a_weak_tag_that_is_known_again(db: PgPool) {
    let bed = Bed::new(&db).await;
    let cookie = bed.sign_in(Role::Viewer).await;
    let first = asked(&bed, "/api/v1/catalog", &cookie, "", "br").await;
    assert_eq!((first.header("content-encoding"), &first.header("etag")[..3]), ("br", "W/\""));
    let second = asked(&bed, "/api/v1/catalog", &cookie, first.header("etag"), "br").await;
    assert_eq!((second.status, second.body.len()), (StatusCode::NOT_MODIFIED, 0));
}

#[sqlx::test(migrations = "../migrations")]
async fn refusals_pages_and_what_must_not_be_stored_have_no_tag(db: PgPool) {
    let bed = Bed::new(&db).await;
    let cookie = bed.sign_in(Role::Viewer).await;
    for (path, cookie) in [("/api/v1/tools", ""), ("/api/v1/tools/wiki", &*cookie), ("/sign-in", "")] {
        assert_eq!(bed.get(path, cookie).await.header("etag"), "", "{path}");
    }
}
