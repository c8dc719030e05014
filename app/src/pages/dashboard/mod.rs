//! Is everything all right, and if not, since when and why?

mod beside;
mod needs;
mod verdict;

use api::{
    Page,
    activity::EventView,
    engine::{EngineView, Frame},
    session::Role,
    tools::ToolView,
};
use leptos::prelude::*;

use crate::{
    client,
    components::{
        failure::failure,
        frame::Around,
        icon::icon,
        panel::Panel,
        suspended::suspended,
        tile::{TileSize, tile},
        tool_table::{newer_tools, tool_count, tool_table},
        verdict::Verdict,
    },
    kept::kept,
    live::Live,
};

/// The start page.
#[component]
pub fn Dashboard() -> impl IntoView {
    let Around(frame) = expect_context::<Around>();
    let tools = client::main_resource::<Page<ToolView>>(|| "/tools".to_owned());
    let latest = client::resource::<Page<EventView>>(|| "/activity?limit=5".to_owned());
    view! {
        {suspended(move || async move {
            let frame = frame.await.ok();
            match tools.await {
                Err(problem) => failure(&problem),
                Ok(Page { items: tools, .. }) => {
                    let latest = latest.await;
                    page(tools, frame, latest)
                }
            }
        })}
    }
    .into_any()
}

fn page(tools: Vec<ToolView>, frame: Option<Frame>, latest: Result<Page<EventView>, api::Problem>) -> AnyView {
    let live = expect_context::<Live>();
    live.know(&tools);
    let role = frame.as_ref().map_or(Role::Viewer, |frame| frame.me.role);
    let engine = frame.as_ref().map(|frame| frame.engine.clone());
    let running = frame.map(|frame| frame.running).unwrap_or_default();
    let is_empty = tools.is_empty();
    let known = StoredValue::new(tools.clone());
    view! {
        {head(known, engine.clone(), "Dashboard", !is_empty)}
        {needs::needs_you(known, role)}
        {newer_tools(&tools)}
        <div class="columns">
            <div class="stack">
                {if is_empty { first_tool() } else { all_tools(tools) }}
            </div>
            <div class="stack">
                {beside::running_now(running)}
                {engine.map(beside::engine_panel)}
                {beside::latest_panel(latest)}
            </div>
        </div>
    }
    .into_any()
}

/// The verdict on all tools, which changes with them; `known` are those the page was loaded with.
pub fn head(
    known: StoredValue<Vec<ToolView>>,
    engine: Option<EngineView>,
    title: &'static str,
    offers_install: bool,
) -> AnyView {
    let live = expect_context::<Live>();
    let verdict = kept(move || {
        let engine = live.engine.get().or_else(|| engine.clone());
        known.with_value(|known| live.with_tools(known, |tools| verdict::verdict(tools, engine.as_ref())))
    });
    let is_in_need =
        move || known.with_value(|known| live.with_tools(known, |tools| tools.iter().any(ToolView::is_in_need)));
    view! {
        <Verdict
            sentence=Signal::derive(move || verdict.with(|(sentence, _)| sentence.clone()))
            title=Signal::derive(move || if is_in_need() { format!("(!) {title}") } else { title.to_owned() })
            lead=Signal::derive(move || verdict.with(|(_, lead)| lead.clone()))
        >
            {offers_install
                .then(|| {
                    view! {
                        <a class="button" href="/catalogue">
                            {icon("plus")}
                            "Install a tool"
                        </a>
                    }
                })}
        </Verdict>
    }
    .into_any()
}

fn first_tool() -> AnyView {
    view! {
        <div class="empty">
            {tile("Summoner", TileSize::Huge)} <p>"Your tools will stand here, with their state and what they use."</p>
            <a class="button is-primary is-big" href="/catalogue">
                "Open the catalogue"
            </a>
        </div>
    }
    .into_any()
}

fn all_tools(tools: Vec<ToolView>) -> AnyView {
    view! {
        <Panel name="tools" title="Tools" is_flush=true note=tool_count(&tools)>
            {tool_table(tools)}
        </Panel>
    }
    .into_any()
}
