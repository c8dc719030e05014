//! One tool: its head and tabs, which its pages share.

pub mod first_login;
#[cfg(not(feature = "ssr"))]
mod follow;
pub mod logs;
pub mod overview;
pub mod remove;
pub mod settings;

use api::tools::{ToolDetails, ToolView};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::{use_location, use_params_map, use_query_map};

use crate::{
    components::{
        arrival::heading,
        button::ActionButton,
        callout::Callout,
        dialog::dialog,
        failure::refusal,
        icon::small_icon,
        status::status_box,
        tile::{TileSize, tile},
        tool_table::{bare_address, opened_by_browser},
        when::lasting,
    },
    format::{count, sentence},
    forms::Refused,
    words,
};

/// The name in the path.
pub fn name_in_path() -> Memo<String> {
    let params = use_params_map();
    Memo::new(move |_| params.with(|params| params.get("tool")).unwrap_or_default())
}

/// The head of a tool's pages: what it is, how it is, what can be done, its tabs.
pub fn head(details: &ToolDetails, tool: RwSignal<ToolView>, page: &str, refused: RwSignal<Refused>) -> AnyView {
    let name = details.tool.name.clone();
    let address = details.tool.address.clone();
    let shown = address.clone().map(|address| {
        let bare = bare_address(&address);
        match opened_by_browser(&address) {
            true => view! { <a href=address>{bare}</a> }.into_any(),
            false => view! { <span>{bare}</span> }.into_any(),
        }
    });
    let may = |action: &str| details.actions.iter().any(|allowed| allowed == action);
    // What people notice is asked about first; starting again is not.
    let start = may("start").then(|| {
        view! { <ActionButton action=format!("/tools/{name}/start") label="Start" icon="play" refused=refused /> }
    });
    let asks = |verb: &'static str, label: &'static str, icon: &'static str| {
        may(verb).then(|| {
            view! {
                <a class="button" href=format!("?do={verb}")>
                    {small_icon(icon)}
                    {label}
                </a>
            }
            .into_any()
        })
    };
    let question = question(details, refused);
    let state = move || {
        let tool = tool.get();
        let (tone, word) = words::condition(tool.condition);
        view! {
            <span class="row is-tight">
                {status_box(tone, word)} <span class="hint">{tool.since.map(lasting)}</span>
            </span>
        }
    };
    let title = format!("{name}{}", if page.is_empty() { String::new() } else { format!(", {page}") });
    view! {
        <Title text=title.clone() />
        <div class="head">
            <div class="identity">
                {tile(&name, TileSize::Huge)} <div class="verdict">
                    {heading(name.clone(), title)}
                    <div class="tool-head__state">
                        {state}
                        {shown}
                    </div>
                </div>
            </div>
            <div class="head__actions">
                {start} {asks("restart", "Restart", "again")} {asks("stop", "Stop", "stop")}
                {address
                    .filter(|address| opened_by_browser(address))
                    .map(|address| {
                        view! {
                            <a class="button is-primary" href=address target="_blank" rel="noopener">
                                {small_icon("open")}
                                "Open"
                            </a>
                        }
                    })}
            </div>
        </div>
        {question}
        {tabs(details, page)}
        {move || refused.with(|refused| refused.problem.as_ref().map(refusal))}
        {move || tool.with(busy)}
        {move || tool.with(|tool| (!tool.reason.is_empty()).then(|| {
            let (tone, _) = words::condition(tool.condition);
            view! { <Callout tone=tone title=tool.reason.clone() /> }
        }))}
    }
    .into_any()
}

/// The question of `?do=`, which a button of the head or the palette asks.
fn question(details: &ToolDetails, refused: RwSignal<Refused>) -> impl Fn() -> Option<AnyView> + Send + Sync + 'static {
    let (name, actions, services) = (details.tool.name.clone(), details.actions.clone(), details.services.len());
    let (query, path) = (use_query_map(), use_location().pathname);
    move || {
        let asked = query.read().get("do").filter(|asked| actions.contains(asked))?;
        let (verb, icon, stay, text) = match asked.as_str() {
            "start" => ("Start", "play", "Leave it stopped", "It runs again with the data and settings it had."),
            "restart" => (
                "Restart",
                "again",
                "Leave it running",
                "People are cut off until it is healthy again. Its data stays.",
            ),
            "stop" => (
                "Stop",
                "stop",
                "Leave it running",
                "Its address answers nothing until somebody starts it. Its data stays.",
            ),
            _ => return None,
        };
        let what =
            if services == 1 { "One service".to_owned() } else { format!("{} services", sentence(&count(services))) };
        let is_harsh = asked == "stop";
        let act = view! {
            <ActionButton
                action=format!("/tools/{name}/{asked}")
                label=format!("{verb} {name}")
                icon=icon
                class=if is_harsh { "is-danger is-filled" } else { "is-primary" }
                refused=refused
            />
        };
        let text = format!("{what}. {text}");
        Some(dialog(format!("{verb} {name}?"), text, stay.to_owned(), path.get_untracked(), act.into_any()))
    }
}

/// What is under way with the tool, and that other actions wait for it; or what needs a hand.
fn busy(tool: &ToolView) -> Option<impl IntoView + use<>> {
    let operation = words::open(tool)?.clone();
    let (tone, word) = words::operation(&operation);
    let (title, link) = match tool.stuck() {
        Some(_) => (format!("{} needs a hand", tool.name), "See what is left"),
        None => (format!("{word} {}", tool.name), "Watch it"),
    };
    let text = if tool.stuck().is_some() {
        operation.problem.clone()
    } else if operation.step.is_empty() {
        format!("{} of {} steps are done.", operation.steps_done, operation.steps)
    } else {
        format!("Step {} of {}: {}.", operation.steps_done + 1, operation.steps, operation.step)
    };
    Some(view! {
        <Callout tone=tone title=title text=text>
            <a class="button is-small" href=format!("/operations/{}", operation.operation_id)>
                {link}
            </a>
        </Callout>
    })
}

fn tabs(details: &ToolDetails, page: &str) -> AnyView {
    let name = details.tool.name.clone();
    let tabs = [
        ("", "Overview", None),
        ("logs", "Logs", Some("logs")),
        ("settings", "Settings", Some("reconfigure")),
        ("remove", "Remove", Some("remove")),
    ];
    let links = tabs
        .into_iter()
        .filter(|(_, _, right)| right.is_none_or(|right| details.actions.iter().any(|allowed| allowed == right)))
        .map(|(path, label, _)| {
            let link = if path.is_empty() { format!("/tools/{name}") } else { format!("/tools/{name}/{path}") };
            view! {
                <a href=link aria-current=(path == page).then_some("page")>
                    {label}
                </a>
            }
        })
        .collect_view();
    view! {
        <nav class="tabs" aria-label=name>
            {links}
        </nav>
    }
    .into_any()
}
