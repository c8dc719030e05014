//! What the services of a tool wrote.

use api::tools::{LogView, ToolDetails};
use leptos::{html, prelude::*};
use leptos_router::hooks::use_query_map;

use super::{followed, head, name_in_path};
use crate::{
    client,
    components::{
        failure::{blocked, failure},
        form::refused,
        icon::small_icon,
        log::log_line,
        panel::Panel,
        suspended::suspended,
    },
    forms::Refused,
};

/// How many lines are shown at first.
const TAIL: &str = "500";

/// What the query string asks for.
#[derive(Clone, Debug, Default, PartialEq)]
struct Asked {
    service: String,
    tail: String,
    search: String,
}

/// Lines of one service, newest at the bottom; with JavaScript, new ones follow.
#[component]
pub fn Logs() -> impl IntoView {
    let refused = refused();
    let name = name_in_path();
    let query = use_query_map();
    let asked = Memo::new(move |_| {
        query.with(|query| Asked {
            service: query.get("service").unwrap_or_default(),
            tail: query.get("tail").unwrap_or_else(|| TAIL.into()),
            search: query.get("search").unwrap_or_default(),
        })
    });
    let details = client::main_resource::<ToolDetails>(move || format!("/tools/{}", client::encode(&name.get())));
    let log = client::resource::<LogView>(move || {
        format!("/tools/{}/logs?{}", client::encode(&name.get()), of(&asked.get()))
    });
    view! {
        {suspended(move || async move {
            match details.await {
                Ok(details) => {
                    let log = log.await;
                    page(&details, log, asked.get_untracked(), refused)
                }
                Err(problem) => failure(&problem),
            }
        })}
    }
    .into_any()
}

/// The query of the log for what is asked; an empty service lets the server choose the first.
fn of(asked: &Asked) -> String {
    let Asked { service, tail, search } = asked;
    format!("service={}&tail={}&search={}", client::encode(service), client::encode(tail), client::encode(search))
}

fn page(
    details: &ToolDetails,
    log: Result<LogView, api::Problem>,
    asked: Asked,
    refused: RwSignal<Refused>,
) -> AnyView {
    let services = details.services.iter().map(|service| service.service.clone()).collect();
    let body = match log {
        Ok(log) => view! { <Lines tool=details.tool.name.clone() log=log asked=asked services=services /> }.into_any(),
        Err(problem) => blocked(&problem),
    };
    view! {
        {head(followed(details.clone()), "logs", refused)}
        {body}
    }
    .into_any()
}

/// New lines: what the page says about them. Signals are set in the browser only.
#[derive(Clone, Copy)]
pub struct Following {
    /// The box with the lines; its last element takes the new ones.
    pub view: NodeRef<html::Div>,
    /// Whether new lines are shown as they come.
    pub is_on: RwSignal<bool>,
    /// How many came since the page was drawn.
    pub heard: RwSignal<usize>,
    /// How many of them wait to be shown.
    pub waiting: RwSignal<usize>,
    /// How many of them are not shown any more.
    pub dropped: RwSignal<usize>,
    /// In how many seconds it is tried again; 0 while nothing is wrong.
    pub again: RwSignal<usize>,
}

#[component]
fn Lines(tool: String, log: LogView, asked: Asked, services: Vec<String>) -> impl IntoView {
    let LogView { service, lines: shown } = log;
    let asked = Asked { service: service.clone(), ..asked };
    // All of it that holds what is searched for, not only the lines in sight.
    let download = format!("{}/tools/{tool}/logs/download?{}", api::ROOT, of(&asked));
    let count = shown.len();
    let following = Following {
        view: NodeRef::new(),
        is_on: RwSignal::new(true),
        heard: RwSignal::new(0),
        waiting: RwSignal::new(0),
        dropped: RwSignal::new(0),
        again: RwSignal::new(0),
    };
    #[cfg(not(feature = "ssr"))]
    super::follow::follow(
        following,
        format!("{}/tools/{}/logs/live?{}", api::ROOT, client::encode(&tool), of(&asked)),
        shown.last().and_then(|last| last.at),
    );
    let note = move || match following.heard.get() {
        0 => format!("{count} lines"),
        new => format!("{count} lines, {new} new"),
    };
    let file = format!("{tool}-{service}.log");
    let is_empty = move || count == 0 && following.heard.get() == 0;
    let nothing = match asked.search.as_str() {
        "" => "It wrote nothing yet.".to_owned(),
        search => format!("No line holds “{search}”."),
    };
    view! {
        {tools(&tool, &service, &asked, services)}
        <Panel
            name="log"
            title=service.clone()
            note=move || {
                view! {
                    <span class="row is-tight">
                        <span>{note}</span>
                        <a href=download.clone() download=file.clone()>
                            "Download"
                        </a>
                    </span>
                }
            }
        >
            {switches(following)}
            {move || is_empty().then(|| view! { <p class="hint">{nothing.clone()}</p> })}
            <div class="log-box">
                <div
                    class="log log-view"
                    role="log"
                    aria-live="off"
                    tabindex="0"
                    aria-label=format!("Log of {service}, times in UTC")
                    node_ref=following.view
                >
                    {shown.iter().map(|line| log_line(line.at, &line.text)).collect_view()}
                    {move || dropped(following.dropped.get())}
                    <div></div>
                </div>
                {beneath(following)}
            </div>
        </Panel>
    }
    .into_any()
}

/// Whether new lines are shown at once, which only a browser with JavaScript can do, and whether long ones are broken.
fn switches(following: Following) -> AnyView {
    let is_on = following.is_on;
    view! {
        <div class="log-switches">
            <label class="log-follow">
                <input
                    class="check"
                    type="checkbox"
                    role="switch"
                    prop:checked=move || is_on.get()
                    on:change:target=move |event| is_on.set(event.target().checked())
                />
                "Follow"
            </label>
            <label>
                <input class="check log-wrap" type="checkbox" role="switch" checked />
                "Wrap"
            </label>
            <noscript inner_html="<span>Without JavaScript, new lines are seen by loading the page again.</span>"></noscript>
        </div>
    }
    .into_any()
}

/// Stands where lines of the live part were left out.
fn dropped(count: usize) -> Option<AnyView> {
    (count > 0).then(|| {
        view! { <span class="log__line is-dim">{format!("{count} lines are not shown here; the download has them all.")}</span> }
            .into_any()
    })
}

/// What lies over the end of the lines: that following broke off, and the way to lines that wait.
fn beneath(following: Following) -> AnyView {
    let Following { is_on, waiting, again, .. } = following;
    let stopped = move || {
        let seconds = again.get();
        (seconds > 0).then(|| format!("Following stopped. It is tried again in {seconds} s."))
    };
    let jump = move || {
        let count = waiting.get();
        (count > 0 && !is_on.get()).then(|| {
            view! {
                <button class="button is-small" type="button" on:click=move |_| is_on.set(true)>
                    {if count == 1 { "1 new line".to_owned() } else { format!("{count} new lines") }}
                </button>
            }
        })
    };
    view! {
        <div class="log-box__foot">
            <p class="log-box__stopped" role="status">
                {stopped}
            </p>
            {jump}
        </div>
    }
    .into_any()
}

fn tools(tool: &str, service: &str, asked: &Asked, services: Vec<String>) -> AnyView {
    let options = services
        .into_iter()
        .map(|name| {
            let is_chosen = name == service;
            let value = name.clone();
            view! {
                <option value=value selected=is_chosen>
                    {name}
                </option>
            }
        })
        .collect_view();
    let tails = ["100", "500", "2000"]
        .map(|tail| {
            view! {
                <option value=tail selected=asked.tail == tail>
                    {tail}
                </option>
            }
        })
        .collect_view();
    view! {
        <form method="get" action=format!("/tools/{tool}/logs") class="log-tools">
            <div class="field">
                <label for="field-service">"Service"</label>
                <select class="input" id="field-service" name="service">
                    {options}
                </select>
            </div>
            <div class="field">
                <label for="field-tail">"Lines"</label>
                <select class="input" id="field-tail" name="tail">
                    {tails}
                </select>
            </div>
            <div class="field is-wide">
                <label for="field-search">"Search"</label>
                <input class="input" id="field-search" type="search" name="search" value=asked.search.clone() />
            </div>
            <button class="button" type="submit">
                {small_icon("search")}
                "Show"
            </button>
        </form>
    }
    .into_any()
}
