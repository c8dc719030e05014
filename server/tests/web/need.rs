//! A tool that waits for a person is seen wherever tools are.

use std::time::Duration;

use http::StatusCode;
use server::auth::Role;
use sqlx::PgPool;
use uuid::Uuid;

use crate::bed::Bed;

/// Begins to install the static site as `name`.
async fn install(bed: &Bed, cookie: &str, name: &str) -> Uuid {
    bed.clock.advance(Duration::from_secs(60));
    let answer = bed.post("/catalogue/static-site", cookie, &format!("entry=static-site&name={name}")).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text());
    answer.header("location").strip_prefix("/operations/").unwrap().parse().unwrap()
}

async fn end(db: &PgPool, operation_id: Uuid, state: &str) {
    let ended = "update operations set state = $2, problem = 'the network is in use', ended_at = now()
                 where operation_id = $1";
    sqlx::query(ended).bind(operation_id).bind(state).execute(db).await.unwrap();
}

async fn needs(bed: &Bed, cookie: &str) -> (u64, serde_json::Value) {
    let read = async |path: &str| -> serde_json::Value {
        serde_json::from_slice(&bed.get(&format!("/api/v1{path}"), cookie).await.body).unwrap()
    };
    let (frame, tool) = (read("/frame").await, read("/tools/wiki").await);
    let listed = read("/tools").await;
    let listed = listed["items"].as_array().unwrap().iter().find(|listed| listed["name"] == "wiki").unwrap();
    assert_eq!(listed, &tool["tool"], "the list and the tool say the same");
    (frame["tools_in_need"].as_u64().unwrap(), tool)
}

#[sqlx::test(migrations = "../migrations")]
async fn an_operation_that_needs_a_hand_is_counted_and_shown_with_its_link(db: PgPool) {
    let bed = Bed::new(&db).await;
    bed.publish();
    let cookie = bed.sign_in(Role::Administrator).await;
    let blog = install(&bed, &cookie, "blog").await;
    let wiki = install(&bed, &cookie, "wiki").await;
    let (count, tool) = needs(&bed, &cookie).await;
    assert_eq!((count, &tool["tool"]["condition"]), (0, &"starting".into()), "it is being installed");

    end(&db, wiki, "needs_hand").await;
    let (count, tool) = needs(&bed, &cookie).await;
    assert_eq!((count, &tool["tool"]["condition"]), (1, &"failed".into()), "it does not start for ever");
    assert_eq!(tool["tool"]["operation"]["operation_id"], wiki.to_string());
    assert!(tool["actions"].as_array().unwrap().contains(&"remove".into()), "it is not busy: {tool}");
    let (dashboard, tools, page) =
        (bed.get("/", &cookie).await, bed.get("/tools", &cookie).await, bed.get("/tools/wiki", &cookie).await);
    for (name, page) in [("the dashboard", dashboard.page()), ("the tool's page", page.page())] {
        assert!(page.contains(&format!("href=\"/operations/{wiki}\"")), "{name} leads to the operation");
        assert!(page.contains("needs a hand") && page.contains("the network is in use"), "{name} says why");
    }
    assert!(dashboard.text().contains("Needs you"));
    assert!(tools.page().contains("Needs a hand"));

    // Another try that changed nothing leaves it as it is.
    bed.clock.advance(Duration::from_secs(60));
    let answer = bed.post("/tools/wiki/remove", &cookie, "data=keep").await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text());
    let removal = answer.header("location").strip_prefix("/operations/").unwrap().parse().unwrap();
    let (_, tool) = needs(&bed, &cookie).await;
    assert_eq!(tool["tool"]["operation"]["kind"], "remove", "what is under way goes first");
    end(&db, removal, "undone").await;
    let (count, tool) = needs(&bed, &cookie).await;
    assert_eq!((count, &tool["tool"]["operation"]["kind"]), (1, &"install".into()));

    end(&db, blog, "done").await;
    sqlx::query("update tools set state = 'installed'").execute(&db).await.unwrap();
    end(&db, wiki, "done").await;
    assert_eq!(needs(&bed, &cookie).await.1["tool"]["operation"], serde_json::Value::Null);
}
