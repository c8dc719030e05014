//! Who may do what, tried on every route that the API describes.

use std::collections::BTreeSet;
use std::time::Duration;

use http::{Method, StatusCode};
use server::auth::Role;
use sqlx::PgPool;

use crate::bed::{Bed, filled, routes};

/// The least role that a route answers; `None` for the way in and the way out, which need no session.
const TABLE: [(&str, &str, Option<Role>); 43] = [
    ("GET", "/activity", Some(Role::Viewer)),
    ("GET", "/catalog", Some(Role::Viewer)),
    ("GET", "/catalog/{entry}", Some(Role::Viewer)),
    ("GET", "/catalog/{entry}/versions", Some(Role::Viewer)),
    ("GET", "/catalog/{entry}/versions/details", Some(Role::Viewer)),
    ("GET", "/engine", Some(Role::Viewer)),
    ("GET", "/frame", Some(Role::Viewer)),
    ("GET", "/live", Some(Role::Viewer)),
    ("POST", "/me/password", Some(Role::Viewer)),
    ("GET", "/operations", Some(Role::Viewer)),
    ("GET", "/operations/{operation}", Some(Role::Viewer)),
    ("POST", "/operations/{operation}/cancel", Some(Role::Operator)),
    ("GET", "/panel", Some(Role::Administrator)),
    ("PUT", "/panel", Some(Role::Administrator)),
    ("POST", "/plans", Some(Role::Operator)),
    ("GET", "/registries", Some(Role::Administrator)),
    ("POST", "/registries", Some(Role::Administrator)),
    ("PUT", "/registries/{registry}", Some(Role::Administrator)),
    ("DELETE", "/registries/{registry}", Some(Role::Administrator)),
    ("POST", "/registries/{registry}/sign-in", Some(Role::Administrator)),
    ("GET", "/session", Some(Role::Viewer)),
    ("POST", "/session", None),
    ("DELETE", "/session", None),
    ("GET", "/sessions", Some(Role::Viewer)),
    ("DELETE", "/sessions/{session}", Some(Role::Viewer)),
    ("GET", "/setup", None),
    ("POST", "/setup", None),
    ("GET", "/tools", Some(Role::Viewer)),
    ("POST", "/tools", Some(Role::Operator)),
    ("GET", "/tools/check", Some(Role::Operator)),
    ("GET", "/tools/{tool}", Some(Role::Viewer)),
    ("GET", "/tools/{tool}/export/compose.yaml", Some(Role::Administrator)),
    ("GET", "/tools/{tool}/export/values.env", Some(Role::Administrator)),
    ("POST", "/tools/{tool}/first-login", Some(Role::Administrator)),
    ("GET", "/tools/{tool}/logs", Some(Role::Operator)),
    ("GET", "/tools/{tool}/logs/download", Some(Role::Operator)),
    ("GET", "/tools/{tool}/logs/live", Some(Role::Operator)),
    ("POST", "/tools/{tool}/remove", Some(Role::Operator)),
    ("POST", "/tools/{tool}/restart", Some(Role::Operator)),
    ("PUT", "/tools/{tool}/settings", Some(Role::Operator)),
    ("POST", "/tools/{tool}/settings/plan", Some(Role::Operator)),
    ("POST", "/tools/{tool}/start", Some(Role::Operator)),
    ("POST", "/tools/{tool}/stop", Some(Role::Operator)),
];

/// Every row of the table, with the whole path.
fn rows() -> impl Iterator<Item = (Method, String, Option<Role>)> {
    TABLE.into_iter().map(|(method, path, least)| (method.parse().unwrap(), format!("{}{path}", api::ROOT), least))
}

#[test]
fn s6_every_described_route_says_who_may_use_it() {
    let named: BTreeSet<(String, String)> = rows().map(|(method, path, _)| (method.to_string(), path)).collect();
    let described: BTreeSet<_> = routes().into_iter().map(|(method, path)| (method.to_string(), path)).collect();
    assert_eq!(named, described);
}

#[sqlx::test(migrations = "../migrations")]
async fn s6_every_route_but_the_way_in_refuses_whoever_is_not_signed_in(db: PgPool) {
    let bed = Bed::new(&db).await;
    let ended = bed.sign_in(Role::Administrator).await;
    bed.clock.advance(Duration::from_hours(13));
    for (method, path, least) in rows() {
        for cookie in ["", "summoner=forged", &ended] {
            let answer = bed.send(&method, &filled(&path), cookie, "{}").await;
            if least.is_none() {
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
async fn s6_each_role_gets_what_the_table_says_and_each_refusal_is_written_down(db: PgPool) {
    let bed = Bed::new(&db).await;
    let mut refused = Vec::new();
    for role in Role::ALL {
        let cookie = bed.sign_in(role).await;
        for (method, path, least) in rows() {
            let Some(least) = least else { continue };
            let path = filled(&path);
            let answer = bed.send(&method, &path, &cookie, "{}").await;
            assert_ne!(answer.status, StatusCode::UNAUTHORIZED, "{role} {method} {path}");
            let is_forbidden = answer.status == StatusCode::FORBIDDEN;
            assert_eq!(is_forbidden, role < least, "{role} {method} {path}: {}", answer.text());
            if is_forbidden {
                assert_eq!(answer.problem().code, "forbidden");
                refused.push((format!("{role}@example.org"), format!("{method} {path}"), "127.0.0.1".to_owned()));
            }
        }
    }
    let noted: Vec<(String, String, String)> = sqlx::query_as(
        "select actor, subject, payload ->> 'address' from events where kind = 'access.denied' order by sequence",
    )
    .fetch_all(&db)
    .await
    .unwrap();
    assert_eq!(noted, refused);
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
