//! Values that were chosen to be more than a name, and texts that were chosen to be more than a text.

use http::{Method, StatusCode};
use server::auth::Role;
use server::engine::Engine as _;
use sqlx::PgPool;

use crate::bed::{Bed, ORIGIN};

/// What a shell, an option parser or a path would take for more than a name.
const PAYLOADS: [&str; 12] = [
    "$(touch /tmp/owned)",
    "`id`",
    "wiki;id",
    "wiki|id",
    "wiki&&id",
    "wiki\nid",
    "--privileged",
    "-v",
    "../../containers/json",
    "wiki/../../info",
    "wi ki",
    "${IFS}id",
];

fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02x}")).collect()
}

#[sqlx::test(migrations = "../migrations")]
async fn s3_no_name_is_more_than_a_name_from_its_making_to_its_end(db: PgPool) {
    let bed = Bed::new(&db).await;
    let cookie = bed.sign_in(Role::Administrator).await;
    let (get, post, put, delete) = (Method::GET, Method::POST, Method::PUT, Method::DELETE);
    for payload in PAYLOADS {
        let name = encoded(payload);
        let install = serde_json::json!({ "entry": "static-site", "name": payload }).to_string();
        let entry = serde_json::json!({ "entry": payload, "name": "wiki" }).to_string();
        let login = serde_json::json!({ "registry": payload, "username": "ada", "password": "secret" }).to_string();
        for (method, path, body) in [
            (&post, "/tools".to_owned(), &*install),
            (&post, "/plans".to_owned(), &install),
            (&post, "/tools".to_owned(), &entry),
            (&get, format!("/tools/{name}"), ""),
            (&put, format!("/tools/{name}/settings"), "{}"),
            (&post, format!("/tools/{name}/settings/plan"), "{}"),
            (&post, format!("/tools/{name}/start"), "{}"),
            (&post, format!("/tools/{name}/stop"), "{}"),
            (&post, format!("/tools/{name}/restart"), "{}"),
            (&get, format!("/tools/{name}/logs"), ""),
            (&get, format!("/tools/{name}/export/compose.yaml"), ""),
            (&post, format!("/tools/{name}/first-login"), "{}"),
            (&post, format!("/tools/{name}/remove"), "{}"),
            (&get, format!("/catalog/{name}"), ""),
            (&get, format!("/catalog/{name}/versions"), ""),
            (&post, "/registries".to_owned(), &login),
            (&put, format!("/registries/{name}"), r#"{"username":"ada","password":"secret"}"#),
            (&post, format!("/registries/{name}/sign-in"), "{}"),
            (&delete, format!("/registries/{name}"), ""),
        ] {
            let answer = bed.send(method, &format!("{}{path}", api::ROOT), &cookie, body).await;
            let is_refused = answer.status.is_client_error() && answer.status != StatusCode::FORBIDDEN;
            assert!(is_refused, "{method} {path} {body}: {} {}", answer.status, answer.text());
        }
    }
    assert_eq!(bed.engine.writes(), Vec::<String>::new());
    let kept: i64 =
        sqlx::query_scalar("select (select count(*) from tools) + (select count(*) from registry_credentials)")
            .fetch_one(&db)
            .await
            .unwrap();
    assert_eq!(kept, 0);
}

#[sqlx::test(migrations = "../migrations")]
async fn s10_logs_are_read_with_the_right_and_of_a_tools_own_services_only(db: PgPool) {
    let bed = Bed::with_tool(&db, &["a line"]).await;
    let (viewer, operator) = (bed.sign_in(Role::Viewer).await, bed.sign_in(Role::Operator).await);
    let container = bed.engine.list().await.unwrap().containers.remove(0).id;
    bed.engine.forget_calls();
    for kind in ["logs", "logs/live", "logs/download"] {
        for id in ["wiki", "wiki-app-1", container.as_str()] {
            let answer = bed.get(&format!("/api/v1/tools/{id}/{kind}?service=app"), &viewer).await;
            assert_eq!(answer.problem().code, "forbidden", "{kind} of {id}");
            if id != "wiki" {
                let answer = bed.get(&format!("/api/v1/tools/{id}/{kind}?service=app"), &operator).await;
                assert_eq!(answer.problem().code, "not_found", "{kind} of {id}");
            }
        }
        for service in ["../app", "..%2f..%2finfo", "app%3ffollow=1", "wiki-app-1", "app%23", "app%0a"] {
            let answer = bed.get(&format!("/api/v1/tools/wiki/{kind}?service={service}"), &operator).await;
            assert_eq!(answer.problem().code, "not_found", "{kind} of {service}");
        }
    }
    let asked: Vec<_> = bed.engine.calls().into_iter().filter(|call| call.method == "logs").collect();
    assert_eq!(asked, [], "the engine was asked");
}

#[sqlx::test(migrations = "../migrations")]
async fn s16_no_secret_travels_in_an_address(db: PgPool) {
    let bed = Bed::new(&db).await;
    let page = bed.get("/sign-in", "").await.text();
    let form = page.split("<form").find(|form| form.contains("name=\"password\"")).expect("a form that asks for it");
    assert!(form.split('>').next().unwrap().contains("method=\"post\""), "{form}");
    // The address of the link holds its token once, and is left at once.
    let opened = bed.get("/setup/a-token-of-nobody", "").await;
    assert_eq!(opened.status, StatusCode::SEE_OTHER);
    assert!(!opened.header("location").contains("token"), "{}", opened.header("location"));
    assert_eq!(opened.header("referrer-policy"), "no-referrer");
    // What stands in the query opens nothing, and what was refused is noted without it.
    let cookie = bed.sign_in(Role::Viewer).await;
    let token = cookie.trim_start_matches("summoner=");
    for path in [format!("/api/v1/session?summoner={token}"), format!("/api/v1/live?token={token}")] {
        assert_eq!(bed.get(&path, "").await.status, StatusCode::UNAUTHORIZED, "{path}");
    }
    let refused = bed.get("/api/v1/tools/wiki/export/values.env?password=hidden", &cookie).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    let noted: Vec<String> =
        sqlx::query_scalar("select subject || payload::text from events").fetch_all(&db).await.unwrap();
    assert!(noted.iter().any(|text| text.contains("/api/v1/tools/wiki/export/values.env")), "{noted:?}");
    assert!(!noted.iter().any(|text| text.contains("hidden") || text.contains(token)), "{noted:?}");
}

#[sqlx::test(migrations = "../migrations")]
async fn s20_what_others_wrote_is_text_in_every_page(db: PgPool) {
    const SCRIPT: &str = "<script>alert(1)</script>";
    let lines =
        ["</script><script>alert(1)</script>", "\u{1b}[31mred\u{1b}]8;;javascript:alert(1)\u{7}", "\"><img src=x>"];
    let bed = Bed::with_tool(&db, &lines).await;
    let cookie = bed.sign_in(Role::Administrator).await;
    let name = serde_json::json!({ "site_name": SCRIPT }).to_string();
    let named = bed.send(&Method::PUT, "/api/v1/panel", &cookie, &name).await;
    assert!(matches!(named.status.as_u16(), 204 | 422), "{}", named.text());
    let query = encoded(SCRIPT);
    for path in [
        "/".to_owned(),
        "/tools/wiki/logs?service=app".to_owned(),
        format!("/tools/wiki/logs?service=app&search={query}"),
        format!("/catalogue/static-site?tag={query}"),
        format!("/catalogue?q={query}"),
        format!("/search?q={query}"),
        format!("/tools/{query}"),
        format!("/sign-in?next={query}"),
        "/activity".to_owned(),
    ] {
        let page = bed.get(&path, &cookie).await;
        assert!(page.status.is_success() || page.status == StatusCode::NOT_FOUND, "{path}: {}", page.status);
        let text = page.text();
        assert!(!text.contains(SCRIPT) && !text.contains("<img src=x>"), "{path}: {text}");
        let has_inline =
            text.split("<script").skip(1).any(|script| !script.split('>').next().unwrap().contains("nonce="));
        assert!(!has_inline, "{path} has a script without the page's nonce");
    }
    let logs = bed.get("/tools/wiki/logs?service=app", &cookie).await.text();
    assert!(logs.contains("&lt;script&gt;alert(1)"), "the line is shown as it was written: {logs}");
}

#[sqlx::test(migrations = "../migrations")]
async fn s30_no_choice_leads_to_another_site(db: PgPool) {
    let bed = Bed::new(&db).await;
    for next in [
        "//evil.example",
        "%2f%2fevil.example",
        "/%5cevil.example",
        "%5c%5cevil.example",
        "https:evil.example",
        "https%3a%2f%2fevil.example",
        "/%09/evil.example",
        "%0d%0a//evil.example",
        "javascript:alert(1)",
    ] {
        let body = http::Request::post(format!("/theme?next={next}"))
            .header("origin", ORIGIN)
            .header("content-type", "application/x-www-form-urlencoded")
            .body("theme=dark".into());
        let answer = bed.ask(body.unwrap()).await;
        assert_eq!((answer.status, answer.header("location")), (StatusCode::SEE_OTHER, "/"), "{next}");
    }
}
