//! What the services of a tool wrote.

use api::tools::{LogLineView, LogView, ToolDetails};
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use super::{followed, head, name_in_path};
use crate::{
    client,
    components::{
        failure::{blocked, failure},
        form::refused,
        icon::small_icon,
        panel::Panel,
        suspended::suspended,
    },
    format,
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

#[component]
fn Lines(tool: String, log: LogView, asked: Asked, services: Vec<String>) -> impl IntoView {
    let LogView { service, lines: shown } = log;
    let asked = Asked { service: service.clone(), ..asked };
    // All of it that holds what is searched for, not only the lines in sight.
    let download = format!("{}/tools/{tool}/logs/download?{}", api::ROOT, of(&asked));
    let count = shown.len();
    let newer = RwSignal::new(Vec::<LogLineView>::new());
    #[cfg(not(feature = "ssr"))]
    follow::follow(&tool, &asked, shown.last(), newer);
    let note = move || match newer.with(Vec::len) {
        0 => format!("{count} lines"),
        new => format!("{count} lines, {new} new"),
    };
    let file = format!("{tool}-{service}.log");
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
            {(count == 0)
                .then(|| {
                    let sentence = if asked.search.is_empty() {
                        "It wrote nothing yet.".to_owned()
                    } else {
                        format!("No line holds “{}”.", asked.search)
                    };
                    view! { <p class="hint">{sentence}</p> }
                })}
            <pre class="log log-view" role="log" aria-live="off" tabindex="0" aria-label=format!("Log of {service}, times in UTC")>
                {shown.iter().map(line).collect_view()}
                {move || newer.with(|lines| lines.iter().map(line).collect_view())}
            </pre>
        </Panel>
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

fn line(line: &LogLineView) -> AnyView {
    view! {
        <span class="log__line">
            <span class="log__time">{line.at.map(format::time_of_day)}</span>
            {line.text.clone()}
        </span>
    }
    .into_any()
}

#[cfg(not(feature = "ssr"))]
mod follow {
    //! New lines, as long as the page stands.

    use wasm_bindgen::{JsCast, closure::Closure};
    use web_sys::{EventSource, MessageEvent};

    use super::*;

    /// Older lines of the live part go when there are more.
    const MOST: usize = 2000;

    /// Follows the log from its `last` line on and puts new lines into `newer`.
    pub fn follow(tool: &str, asked: &Asked, last: Option<&LogLineView>, newer: RwSignal<Vec<LogLineView>>) {
        let after = last.and_then(|last| last.at).map(|at| format!("&after={}", client::encode(&at.to_string())));
        let path = format!("{}/tools/{}/logs/live", api::ROOT, client::encode(tool));
        let url = format!("{path}?{}{}", of(asked), after.unwrap_or_default());
        Effect::new(move |_| {
            let Ok(source) = EventSource::new(&url) else { return };
            let heard = Closure::<dyn FnMut(MessageEvent)>::new(move |message: MessageEvent| {
                let data = message.data().as_string().unwrap_or_default();
                let Ok(line) = serde_json::from_str::<LogLineView>(&data) else { return };
                let is_at_end = at_end();
                newer.try_update(|lines| {
                    lines.push(line);
                    let excess = lines.len().saturating_sub(MOST);
                    lines.drain(..excess);
                });
                // Who scrolled up is reading; the page holds still.
                if is_at_end {
                    request_animation_frame(scroll_to_end);
                }
            });
            source.set_onmessage(Some(heard.as_ref().unchecked_ref()));
            let held = send_wrapper::SendWrapper::new((source, heard));
            on_cleanup(move || held.0.close());
            request_animation_frame(scroll_to_end);
        });
    }

    fn view() -> Option<web_sys::Element> {
        document().query_selector(".log-view").ok().flatten()
    }

    fn at_end() -> bool {
        view().is_some_and(|view| view.scroll_top() + view.client_height() >= view.scroll_height() - 24)
    }

    fn scroll_to_end() {
        if let Some(view) = view() {
            view.set_scroll_top(view.scroll_height());
        }
    }
}
