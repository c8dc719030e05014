//! Lists that can grow come in pages.

use api::Page;
use http::StatusCode;
use server::auth::Role;
use sqlx::PgPool;

use crate::bed::Bed;

/// Every page of `limit` items of a list, by what `field` says of each item.
async fn pages(bed: &Bed, cookie: &str, list: &str, limit: usize, field: &str) -> Vec<Vec<String>> {
    let (mut pages, mut after) = (Vec::new(), String::new());
    loop {
        let answer = bed.get(&format!("/api/v1/{list}?limit={limit}&after={after}"), cookie).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
        let page: Page<serde_json::Value> = serde_json::from_slice(&answer.body).unwrap();
        pages.push(page.items.iter().map(|item| item[field].as_str().unwrap().to_owned()).collect());
        match page.next {
            Some(next) => after = next,
            None => return pages,
        }
    }
}

#[sqlx::test(migrations = "../migrations")]
async fn tools_and_sessions_come_in_pages_without_gap_or_repetition(db: PgPool) {
    let bed = Bed::new(&db).await;
    bed.publish();
    let cookie = bed.sign_in(Role::Operator).await;
    for _ in 0..2 {
        bed.sign_in(Role::Operator).await;
    }
    for name in ["chat", "blog", "wiki"] {
        let answer = bed.post("/catalogue/static-site", &cookie, &format!("entry=static-site&name={name}")).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text());
    }
    assert_eq!(pages(&bed, &cookie, "tools", 2, "name").await, [vec!["blog", "chat"], vec!["wiki"]]);
    assert_eq!(pages(&bed, &cookie, "tools", 3, "name").await, [vec!["blog", "chat", "wiki"]]);
    let sessions = pages(&bed, &cookie, "sessions", 1, "session_id").await;
    let whole = pages(&bed, &cookie, "sessions", 500, "session_id").await;
    assert_eq!((sessions.len(), sessions.concat()), (3, whole.concat()));
    for list in ["tools", "sessions", "operations", "activity"] {
        let answer = bed.get(&format!("/api/v1/{list}?after=nothing"), &cookie).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{list}");
        assert!(answer.problem().field("after").is_some(), "{list}");
    }
}
