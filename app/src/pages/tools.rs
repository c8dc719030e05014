//! The list of tools.

use api::{Page, tools::ToolView};
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use crate::{
    client,
    components::{
        failure::failure,
        frame::Around,
        icon::icon,
        panel::Panel,
        suspended::suspended,
        tool_table::{newer_tools, tool_count, tool_table},
    },
    live::Live,
    pages::dashboard::head,
};

/// All tools, or those that match the search of the query string.
#[component]
pub fn Tools() -> impl IntoView {
    let query = use_query_map();
    let search = Memo::new(move |_| query.with(|query| query.get("q")).unwrap_or_default());
    let live = expect_context::<Live>();
    let Around(frame) = expect_context::<Around>();
    let tools = client::main_resource::<Page<ToolView>>(|| "/tools".to_owned());
    view! {
        {suspended(move || async move {
            let engine = frame.await.ok().map(|frame| frame.engine);
            match tools.await {
                Ok(Page { items: tools, .. }) => {
                    live.know(&tools);
                    let is_empty = tools.is_empty();
                    view! {
                        {head(StoredValue::new(tools.clone()), engine, "Tools", true)}
                        {newer_tools(&tools)}
                        {(!is_empty).then(|| search_form(search))}
                        {move || found(&tools, &search.get())}
                    }
                        .into_any()
                }
                Err(problem) => failure(&problem),
            }
        })}
    }
    .into_any()
}

fn search_form(search: Memo<String>) -> AnyView {
    view! {
        <form method="get" action="/tools" role="search">
            <label class="search">
                {icon("search")} <span class="sr">"Search tools"</span>
                <input type="search" name="q" value=search.get_untracked() placeholder="A name, an address or a version" />
            </label>
        </form>
    }
    .into_any()
}

fn found(tools: &[ToolView], search: &str) -> AnyView {
    let found: Vec<ToolView> = tools.iter().filter(|tool| matches(tool, search)).cloned().collect();
    match (tools.len(), found.len()) {
        (0, _) => view! {
            <div class="empty">
                <p>"Your tools will stand here."</p>
                <a class="button is-primary" href="/catalogue">
                    "Open the catalogue"
                </a>
            </div>
        }
        .into_any(),
        (_, 0) => view! {
            <div class="empty">
                <p>{format!("No tool matches “{search}”.")}</p>
                <a class="button" href="/tools">
                    "Clear the search"
                </a>
            </div>
        }
        .into_any(),
        _ => view! {
            <Panel name="tools" title="Tools" is_flush=true note=tool_count(&found)>
                {tool_table(found)}
            </Panel>
        }
        .into_any(),
    }
}

fn matches(tool: &ToolView, search: &str) -> bool {
    let search = search.trim().to_lowercase();
    [&tool.name, &tool.entry_name, &tool.version, tool.address.as_ref().unwrap_or(&tool.name)]
        .iter()
        .any(|text| text.to_lowercase().contains(&search))
}
