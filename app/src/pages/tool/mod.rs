//! One tool: its head and tabs, which its pages share.

pub mod first_login;
#[cfg(not(feature = "ssr"))]
mod follow;
mod followed;
pub mod logs;
pub mod overview;
pub mod remove;
pub mod settings;

use api::{
    operations::{OperationState, OperationView},
    tools::{Condition, ToolDetails, ToolView},
};
use leptos::prelude::*;
use leptos_router::hooks::{use_location, use_params_map, use_query_map};

pub use self::followed::followed;

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
        verdict::tab,
        when::lasting,
    },
    format::{count, sentence},
    forms::Refused,
    kept::{Kept, kept},
    live::Live,
    words::{self, Tone},
};

/// The name in the path.
pub fn name_in_path() -> Memo<String> {
    let params = use_params_map();
    Memo::new(move |_| params.with(|params| params.get("tool")).unwrap_or_default())
}

/// The head of a tool's pages: what it is, how it is, what can be done, its tabs.
pub fn head(details: RwSignal<ToolDetails>, page: &'static str, refused: RwSignal<Refused>) -> AnyView {
    let live = expect_context::<Live>();
    let ToolView { tool_id, name, address, .. } = details.with_untracked(|details| details.tool.clone());
    let is_gone = kept(move || live.is_gone(tool_id));
    let actions = kept(move || match is_gone.get() {
        true => Vec::new(),
        false => details.with(|details| details.actions.clone()),
    });
    // Not all of the tool: what it uses changes every few seconds, and a link drawn anew loses the focus.
    let under_way = kept(move || match is_gone.get() {
        true => None,
        false => details.with(|details| details.tool.operation.clone()),
    });
    let reason = kept(move || details.with(|details| (details.tool.condition, details.tool.reason.clone())));
    let title = {
        let name = name.clone();
        Signal::derive(move || {
            let sign = details.with(|details| (!is_gone.get()).then(|| sign(&details.tool)));
            let page = if page.is_empty() { String::new() } else { format!(", {page}") };
            format!("{}{name}{page}", sign.unwrap_or_default())
        })
    };
    let gone_name = name.clone();
    let opens = address.clone().filter(|address| opened_by_browser(address));
    view! {
        {tab(title)}
        <div class="head">
            <div class="identity">
                {tile(&name, TileSize::Huge)} <div class="verdict">
                    {heading(name.clone().into(), title)}
                    <div class="tool-head__state">
                        {state(details, is_gone)}
                        {address.as_deref().map(shown)}
                    </div>
                </div>
            </div>
            <div class="head__actions">
                {buttons(name.clone(), actions, refused)}
                {opens
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
        {question(details, actions, refused)}
        {tabs(name, actions, page)}
        {move || refused.with(|refused| refused.problem.as_ref().map(refusal))}
        {move || under_way.with(|operation| operation.as_ref().and_then(busy))}
        {move || match is_gone.get() {
            true => Some(removed(&gone_name)),
            false => reason.with(|(condition, reason)| unwell(*condition, reason)),
        }}
    }
    .into_any()
}

/// What stands before the document's title, to be seen from another tab.
fn sign(tool: &ToolView) -> String {
    match &tool.operation {
        Some(operation) if !operation.state.has_ended() => format!("{}/{} ", operation.steps_done, operation.steps),
        _ if tool.is_in_need() => "(!) ".to_owned(),
        _ => String::new(),
    }
}

/// Why it is as it is; nothing when all is well.
fn unwell(condition: Condition, reason: &str) -> Option<AnyView> {
    let (tone, _) = words::condition(condition);
    (!reason.is_empty()).then(|| view! { <Callout tone=tone title=reason.to_owned() /> }.into_any())
}

fn removed(name: &str) -> AnyView {
    view! {
        <Callout tone=Tone::Off title=format!("{name} was removed") text="What stands here is from before.">
            <a class="button is-small" href="/tools">
                "All tools"
            </a>
        </Callout>
    }
    .into_any()
}

/// How it is, and since when.
fn state(details: RwSignal<ToolDetails>, is_gone: Kept<bool>) -> AnyView {
    let state = kept(move || details.with(|details| (details.tool.condition, details.tool.since)));
    let state = move || {
        let (condition, since) = state.get();
        let (tone, word) = if is_gone.get() { (Tone::Off, "Removed") } else { words::condition(condition) };
        let since = since.filter(|_| !is_gone.get());
        view! {
            <span class="row is-tight">
                {status_box(tone, word)} <span class="hint">{since.map(lasting)}</span>
            </span>
        }
    };
    state.into_any()
}

/// The address, as a link where a browser can follow it.
fn shown(address: &str) -> AnyView {
    let bare = bare_address(address);
    match opened_by_browser(address) {
        true => view! { <a href=address.to_owned()>{bare}</a> }.into_any(),
        false => view! { <span>{bare}</span> }.into_any(),
    }
}

/// What can be done with it now.
fn buttons(name: String, actions: Kept<Vec<String>>, refused: RwSignal<Refused>) -> AnyView {
    let buttons = move || {
        let actions = actions.get();
        let may = |action: &str| actions.iter().any(|allowed| allowed == action);
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
        view! {
            {start}
            {asks("restart", "Restart", "again")}
            {asks("stop", "Stop", "stop")}
        }
    };
    buttons.into_any()
}

/// The question of `?do=`, which a button of the head or the palette asks.
fn question(details: RwSignal<ToolDetails>, actions: Kept<Vec<String>>, refused: RwSignal<Refused>) -> AnyView {
    let (name, services) = details.with_untracked(|details| (details.tool.name.clone(), details.services.len()));
    let (query, path) = (use_query_map(), use_location().pathname);
    let question = move || {
        let asked = query.read().get("do").filter(|asked| actions.with(|actions| actions.contains(asked)))?;
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
    };
    question.into_any()
}

/// What is under way with the tool, and that other actions wait for it; or what needs a hand.
fn busy(operation: &OperationView) -> Option<AnyView> {
    let is_stuck = operation.state == OperationState::NeedsHand;
    if operation.state.has_ended() && !is_stuck {
        return None;
    }
    let (tone, word) = words::operation(operation);
    let text = if is_stuck {
        operation.problem.clone()
    } else if operation.step.is_empty() {
        format!("{} of {} steps are done.", operation.steps_done, operation.steps)
    } else {
        format!("Step {} of {}: {}.", operation.steps_done + 1, operation.steps, operation.step)
    };
    let tool = &operation.tool;
    let (title, word) = match is_stuck {
        true => (format!("{tool} needs a hand"), "See what is left"),
        false => (format!("{word} {tool}"), "Watch it"),
    };
    let link = format!("/operations/{}", operation.operation_id);
    let callout = view! {
        <Callout tone=tone title=title text=text>
            <a class="button is-small" href=link>
                {word}
            </a>
        </Callout>
    };
    Some(callout.into_any())
}

fn tabs(name: String, actions: Kept<Vec<String>>, page: &'static str) -> AnyView {
    const TABS: [(&str, &str, Option<&str>); 4] = [
        ("", "Overview", None),
        ("logs", "Logs", Some("logs")),
        ("settings", "Settings", Some("reconfigure")),
        ("remove", "Remove", Some("remove")),
    ];
    let label = name.clone();
    let links = move || {
        let actions = actions.get();
        TABS.into_iter()
            .filter(|(_, _, right)| right.is_none_or(|right| actions.iter().any(|allowed| allowed == right)))
            .map(|(path, label, _)| {
                let link = if path.is_empty() { format!("/tools/{name}") } else { format!("/tools/{name}/{path}") };
                view! {
                    <a href=link aria-current=(path == page).then_some("page")>
                        {label}
                    </a>
                }
            })
            .collect_view()
    };
    view! {
        <nav class="tabs" aria-label=label>
            {links}
        </nav>
    }
    .into_any()
}
