//! Answers that stay open end with their session, and nobody has more of them than their part.

use std::time::Duration;

use axum::body::{Body, BodyDataStream};
use futures_util::StreamExt as _;
use http::{Method, Request, StatusCode, header};
use server::auth::{Actor, Role, UserId};
use sqlx::PgPool;
use uuid::Uuid;

use crate::bed::{Bed, PASSWORD};

const ROUTES: [&str; 2] = ["/api/v1/live", "/api/v1/tools/wiki/logs/live?service=app"];

async fn open(bed: &Bed, path: &str, cookie: &str) -> (StatusCode, BodyDataStream) {
    let response = bed.open(Request::get(path).header(header::COOKIE, cookie).body(Body::empty()).unwrap()).await;
    (response.status(), response.into_body().into_data_stream())
}

/// Both kinds of streams, open and each with something read.
async fn streams(bed: &Bed, cookie: &str) -> Vec<BodyDataStream> {
    let mut streams = Vec::new();
    for path in ROUTES {
        let (status, mut stream) = open(bed, path, cookie).await;
        assert_eq!(status, StatusCode::OK, "{path}");
        stream.next().await.unwrap().unwrap();
        streams.push(stream);
    }
    streams
}

/// Reads to the end, which has to come within a second.
async fn see_them_end(streams: Vec<BodyDataStream>, why: &str) {
    for stream in streams {
        let end = tokio::time::timeout(Duration::from_secs(1), stream.for_each(async |_| ())).await;
        assert!(end.is_ok(), "{why}: a stream goes on");
    }
}

#[sqlx::test(migrations = "../migrations")]
async fn s17_open_streams_end_with_their_session(db: PgPool) {
    let bed = Bed::with_tool(&db, &["a line"]).await;
    let _listening = bed.listen();
    let command_line = Actor::command_line();
    let id: Uuid =
        sqlx::query_scalar("select user_id from users where role = 'operator'").fetch_one(&db).await.unwrap();
    let email = "operator@example.org";
    for way in ["sign-out", "revocation", "own password", "password reset", "role"] {
        let cookie = bed.sign_in(Role::Operator).await;
        let elsewhere = bed.sign_in(Role::Administrator).await;
        let (mut theirs, open) = (streams(&bed, &elsewhere).await, streams(&bed, &cookie).await);
        match way {
            "sign-out" => drop(bed.send(&Method::DELETE, "/api/v1/session", &cookie, "{}").await),
            "revocation" => {
                let other = bed.sign_in(Role::Operator).await;
                let listed = bed.get("/api/v1/sessions", &other).await;
                let listed: serde_json::Value = serde_json::from_slice(&listed.body).unwrap();
                let listed = listed["items"].as_array().unwrap().iter().find(|session| session["is_this"] == false);
                let path = format!("/api/v1/sessions/{}", listed.unwrap()["session_id"].as_str().unwrap());
                assert_eq!(bed.send(&Method::DELETE, &path, &other, "{}").await.status, StatusCode::NO_CONTENT);
            }
            "own password" => {
                let other = bed.sign_in(Role::Operator).await;
                let body = serde_json::json!({ "old_password": PASSWORD, "new_password": "another one for now" });
                let answer = bed.send(&Method::POST, "/api/v1/me/password", &other, &body.to_string()).await;
                assert_eq!(answer.status, StatusCode::NO_CONTENT, "{}", answer.text());
            }
            "password reset" => bed.auth.reset_password(&command_line, email, &PASSWORD.into()).await.unwrap(),
            _ => bed.auth.change_role(&command_line, UserId(id), Role::Viewer).await.unwrap(),
        }
        see_them_end(open, way).await;
        if way == "own password" {
            bed.auth.reset_password(&command_line, email, &PASSWORD.into()).await.unwrap();
        }
        // Streams of somebody else go on.
        let quiet = theirs.pop().unwrap().for_each(async |_| ());
        assert!(tokio::time::timeout(Duration::from_millis(50), quiet).await.is_err(), "{way}: another's stream ended");
        // Sessions that were only left would be found by the next round.
        bed.clock.advance(Duration::from_hours(13));
    }
}

#[sqlx::test(migrations = "../migrations")]
async fn s28_nobody_has_more_streams_than_their_part(db: PgPool) {
    let bed = Bed::with_tool(&db, &["a line"]).await;
    let operator = bed.sign_in(Role::Operator).await;
    let mut streams = Vec::new();
    let refused = loop {
        // Another session is no way around it.
        let cookie = if streams.len() % 10 == 9 { bed.sign_in(Role::Operator).await } else { operator.clone() };
        let path = ["/api/v1/live", "/api/v1/tools/wiki/logs/live?service=app"][streams.len() % 2];
        let (status, stream) = open(&bed, path, &cookie).await;
        if status != StatusCode::OK {
            break status;
        }
        streams.push(stream);
        assert!(streams.len() < 200, "there is no limit");
    };
    assert_eq!(refused, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(bed.hub.streams.count(), streams.len());
    for path in [ROUTES[0], ROUTES[1], "/api/v1/tools/wiki/logs/download?service=app"] {
        let answer = bed.get(path, &operator).await;
        assert_eq!(answer.problem().code, "too_many_streams", "{path}");
        assert!(!answer.header("retry-after").is_empty(), "{path}");
    }
    let administrator = bed.sign_in(Role::Administrator).await;
    assert_eq!(open(&bed, ROUTES[1], &administrator).await.0, StatusCode::OK, "others have their own part");
    drop(streams);
    while bed.hub.streams.count() > 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(open(&bed, ROUTES[0], &operator).await.0, StatusCode::OK, "places are given back");
}

#[sqlx::test(migrations = "../migrations")]
async fn a_download_ends_by_itself_and_gives_its_place_back(db: PgPool) {
    let bed = Bed::with_tool(&db, &["a line"]).await;
    let operator = bed.sign_in(Role::Operator).await;
    let answer = bed.get("/api/v1/tools/wiki/logs/download?service=app", &operator).await;
    assert_eq!((answer.status, answer.text().ends_with("a line\n")), (StatusCode::OK, true), "{}", answer.text());
    while bed.hub.streams.count() > 0 {
        tokio::task::yield_now().await;
    }
}
