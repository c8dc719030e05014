//! What happened, newest first.

use ::api::activity::{EventView, Outcome};
use ::api::{Page, Problem};
use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::events::Event;
use crate::tools::ActivityQuery;
use crate::web::Panel;
use crate::web::input::Query;
use crate::web::paging::{not_next, page_size};
use crate::web::problem::Answer;
use crate::web::session::Who;

/// How many events a page holds unless fewer are asked for.
const PAGE: usize = 50;

/// The routes of this area.
pub fn routes() -> OpenApiRouter<Panel> {
    OpenApiRouter::new().routes(routes!(list))
}

/// Which events are wanted.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
struct Wanted {
    /// Only those about the tool of this name.
    tool: Option<String>,
    /// At most so many, 1 to 50.
    limit: Option<String>,
    /// The `next` of the page before.
    after: Option<String>,
}

/// Events, newest first. Viewers see those about tools, administrators all.
#[utoipa::path(
    get, path = "/activity", tag = "activity", params(Wanted),
    responses((status = 200, body = Page<EventView>), (status = 400, body = Problem), (status = 401, body = Problem), (status = 403, body = Problem), (status = 404, body = Problem), (status = 500, body = Problem))
)]
async fn list(
    State(panel): State<Panel>,
    Who(actor): Who,
    Query(wanted): Query<Wanted>,
) -> Answer<Json<Page<EventView>>> {
    let before = match wanted.after.as_deref() {
        None | Some("") => None,
        Some(after) => Some(after.parse::<i64>().map_err(|_| not_next())?),
    };
    let limit = page_size(wanted.limit.as_deref(), PAGE)?;
    let found = panel.tools.activity(&actor, &ActivityQuery { tool: wanted.tool, before, limit }).await?;
    let items = found.events.into_iter().map(view).collect();
    Ok(Json(Page { items, next: found.next.map(|next| next.to_string()) }))
}

/// An event on the wire.
pub fn view(event: Event) -> EventView {
    let entry = event.payload["entry"].as_str().unwrap_or_default().to_owned();
    let (sentence, outcome) = describe(&event.kind, &event.subject, &entry, &event.payload);
    EventView {
        sequence: event.sequence,
        at: event.at,
        sentence,
        outcome,
        actor: event.actor,
        tool: event.tool_id.is_some().then_some(event.subject),
        operation_id: event.operation_id,
        kind: event.kind,
    }
}

/// What happened, as a sentence without its subject, and how it ended.
fn describe(kind: &str, subject: &str, entry: &str, payload: &serde_json::Value) -> (String, Outcome) {
    let problem = payload["problem"].as_str().unwrap_or_default();
    let undone = |what: &str| {
        let why = if problem.is_empty() { String::new() } else { format!(": {problem}") };
        (format!("could not {what} {subject}; everything is as it was{why}"), Outcome::Failed)
    };
    let done = |what: String| (what, Outcome::Done);
    let told = |what: String| (what, Outcome::Info);
    match kind {
        "operation.begun" => {
            let what = match payload["operation"].as_str().unwrap_or_default() {
                "install" => format!("began to install {entry} as {subject}"),
                operation => format!("began to {operation} {subject}"),
            };
            told(what)
        }
        "operation.cancelled" => told(format!("asked the operation on {subject} to go back")),
        "operation.needs_hand" => (format!("{subject} needs a hand: {problem}"), Outcome::Failed),
        "tool.installed" => done(format!("installed {entry} as {subject}")),
        "tool.started" => done(format!("started {subject}")),
        "tool.stopped" => done(format!("stopped {subject}")),
        "tool.restarted" => done(format!("restarted {subject}")),
        "tool.reconfigured" => done(format!("changed the settings of {subject}")),
        "tool.removed" => done(format!("removed {subject}")),
        "tool.install_failed" => undone("install"),
        "tool.start_failed" => undone("start"),
        "tool.stop_failed" => undone("stop"),
        "tool.restart_failed" => undone("restart"),
        "tool.reconfigure_failed" => undone("change the settings of"),
        "tool.remove_failed" => undone("remove"),
        "tool.failed" => (format!("saw {subject} end by itself"), Outcome::Failed),
        "tool.unhealthy" => (format!("saw a health check of {subject} fail"), Outcome::Failed),
        "tool.recovered" => done(format!("saw {subject} recover")),
        "tool.first_login_shown" => told(format!("was shown the first password of {subject}")),
        "volume.lost" => (format!("found the kept volume {subject} gone; somebody else removed it"), Outcome::Failed),
        "access.denied" => (format!("was refused at {subject}"), Outcome::Failed),
        "user.signed_in" => told("signed in".to_owned()),
        "user.password_changed" => told("changed their password".to_owned()),
        "user.signed_out" => told("signed out".to_owned()),
        "user.sign_in_refused" => (format!("could not sign in as {subject}"), Outcome::Failed),
        "setup.link_made" => told("made a set-up link".to_owned()),
        "registry.login_set" => done(format!("saved a login at {subject}")),
        "registry.login_removed" => done(format!("removed the login at {subject}")),
        "site.named" => done(format!("called this panel {subject}")),
        "setup.finished" => done("set Summoner up".to_owned()),
        // A kind of a newer version: its name says more than nothing.
        other => told(format!("{}: {subject}", other.replace(['.', '_'], " "))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_failed_install_says_why_and_that_nothing_is_left() {
        let (sentence, outcome) =
            describe("tool.install_failed", "wiki", "WeKan", &json!({ "problem": "port 80 is taken" }));
        assert_eq!(sentence, "could not install wiki; everything is as it was: port 80 is taken");
        assert_eq!(outcome, Outcome::Failed);
    }
}
