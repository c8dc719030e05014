//! Who may do what, tried on every route that the API describes.

use http::{Method, StatusCode};
use server::auth::Role;
use sqlx::PgPool;

use crate::bed::{Bed, filled, routes};

/// What answers without a session: the way in, and the way out.
const PUBLIC: [(&str, &str); 4] =
    [("GET", "/api/v1/setup"), ("POST", "/api/v1/setup"), ("POST", "/api/v1/session"), ("DELETE", "/api/v1/session")];

/// What everybody does to their own sessions and nothing else.
const OWN: [&str; 3] = ["/api/v1/session", "/api/v1/sessions/{session}", "/api/v1/me/password"];

fn is_public(method: &Method, path: &str) -> bool {
    PUBLIC.contains(&(method.as_str(), path))
}

#[sqlx::test(migrations = "../migrations")]
async fn s6_every_route_but_the_way_in_refuses_whoever_is_not_signed_in(db: PgPool) {
    let bed = Bed::new(&db).await;
    for (method, path) in routes() {
        for cookie in ["", "summoner=forged"] {
            let answer = bed.send(&method, &filled(&path), cookie, "{}").await;
            if is_public(&method, &path) {
                let refused = answer.status == StatusCode::UNAUTHORIZED && answer.problem().code == "signed_out";
                assert!(!refused, "{method} {path}");
            } else {
                assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{method} {path}");
                assert_eq!(answer.problem().code, "signed_out", "{method} {path}");
            }
        }
    }
}

#[sqlx::test(migrations = "../migrations")]
async fn s6_a_viewer_changes_nothing_and_each_attempt_is_written_down(db: PgPool) {
    let bed = Bed::new(&db).await;
    let viewer = bed.sign_in(Role::Viewer).await;
    let mut tried = 0;
    for (method, path) in routes() {
        if method == Method::GET || is_public(&method, &path) || OWN.contains(&path.as_str()) {
            continue;
        }
        let answer = bed.send(&method, &filled(&path), &viewer, "{}").await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{method} {path}: {}", answer.text());
        assert_eq!(answer.problem().code, "forbidden");
        tried += 1;
    }
    for path in ["/tools/check", "/tools/wiki/logs", "/tools/wiki/export/values.env", "/registries"] {
        let answer = bed.get(&format!("/api/v1{path}"), &viewer).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{path}: {}", answer.text());
        tried += 1;
    }
    assert!(tried > 10, "{tried}");
    let noted: Vec<(String, String)> =
        sqlx::query_as("select actor, subject from events where kind = 'access.denied' order by sequence")
            .fetch_all(&db)
            .await
            .unwrap();
    assert_eq!(noted.len(), tried);
    assert_eq!(noted.last().unwrap(), &("viewer@example.org".to_owned(), "GET /api/v1/registries".to_owned()));
}

#[sqlx::test(migrations = "../migrations")]
async fn what_is_about_no_tool_is_told_to_auditors_only(db: PgPool) {
    let bed = Bed::new(&db).await;
    let (viewer, administrator) = (bed.sign_in(Role::Viewer).await, bed.sign_in(Role::Administrator).await);
    let items = async |cookie: &str| {
        let answer = bed.get("/api/v1/activity", cookie).await;
        let page: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
        page["items"].as_array().unwrap().len()
    };
    assert_eq!(items(&viewer).await, 0);
    assert!(items(&administrator).await >= 2, "both sign-ins");
}
