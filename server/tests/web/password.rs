//! People change their own passwords.

use std::time::Duration;

use http::{Method, StatusCode};
use server::auth::Role;
use sqlx::PgPool;

use crate::bed::{Answer, Bed, PASSWORD};

const NEW: &str = "a new and longer one";

async fn change(bed: &Bed, cookie: &str, old: &str, new: &str) -> Answer {
    let body = serde_json::json!({ "old_password": old, "new_password": new }).to_string();
    bed.send(&Method::POST, "/api/v1/me/password", cookie, &body).await
}

async fn is_signed_in(bed: &Bed, cookie: &str) -> bool {
    bed.get("/api/v1/session", cookie).await.status == StatusCode::OK
}

#[sqlx::test(migrations = "../migrations")]
async fn s17_a_new_password_ends_every_other_session(db: PgPool) {
    let bed = Bed::new(&db).await;
    let (here, elsewhere) = (bed.sign_in(Role::Viewer).await, bed.sign_in(Role::Viewer).await);
    let somebody = bed.sign_in(Role::Operator).await;
    let answer = change(&bed, &here, PASSWORD, NEW).await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT, "{}", answer.text());
    assert!(is_signed_in(&bed, &here).await, "the session that asked goes on");
    assert!(!is_signed_in(&bed, &elsewhere).await, "the other one has ended");
    assert!(is_signed_in(&bed, &somebody).await, "another person's has not");
    assert!(bed.sign_in_with(Role::Viewer, PASSWORD).await.is_err(), "the old password is none any more");
    assert!(bed.sign_in_with(Role::Viewer, NEW).await.is_ok());
    let payload: serde_json::Value =
        sqlx::query_scalar("select payload from events where kind = 'user.password_changed'")
            .fetch_one(&db)
            .await
            .unwrap();
    assert_eq!(payload["sessions_ended"], 1);
    assert!(!payload.to_string().contains(NEW));
}

#[sqlx::test(migrations = "../migrations")]
async fn a_wrong_old_password_or_a_weak_new_one_changes_nothing(db: PgPool) {
    let bed = Bed::new(&db).await;
    let cookie = bed.sign_in(Role::Viewer).await;
    for (old, new, field) in [
        ("not the password", NEW, "old_password"),
        ("", NEW, "old_password"),
        (PASSWORD, "short", "new_password"),
        (PASSWORD, PASSWORD, "new_password"),
        (PASSWORD, "viewer@example.org", "new_password"),
    ] {
        let answer = change(&bed, &cookie, old, new).await;
        let problem = answer.problem();
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(problem.field(field).is_some(), "{problem:?}");
    }
    assert!(is_signed_in(&bed, &cookie).await);
    bed.sign_in(Role::Viewer).await;
}

#[sqlx::test(migrations = "../migrations")]
async fn guessing_at_the_old_password_is_paused_like_guessing_at_the_door(db: PgPool) {
    let bed = Bed::new(&db).await;
    let cookie = bed.sign_in(Role::Viewer).await;
    let mut guesses = 0;
    let paused = loop {
        let answer = change(&bed, &cookie, "a wrong guess", NEW).await;
        if answer.status == StatusCode::TOO_MANY_REQUESTS {
            break answer;
        }
        guesses += 1;
        assert!(guesses < 20, "it is never paused");
    };
    assert_eq!((guesses, &*paused.problem().code), (5, "sign_in_paused"));
    assert_eq!(
        change(&bed, &cookie, PASSWORD, NEW).await.status,
        StatusCode::TOO_MANY_REQUESTS,
        "the right one waits too"
    );
    bed.clock.advance(Duration::from_secs(61));
    assert_eq!(change(&bed, &cookie, PASSWORD, NEW).await.status, StatusCode::NO_CONTENT);
}
