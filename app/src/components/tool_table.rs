//! Tools as a table; below 720 px every row folds to a card of the same markup.

use api::tools::ToolView;
use leptos::prelude::*;
use uuid::Uuid;

use crate::{
    components::{
        newer::newer,
        status::status,
        tile::{TileSize, tile},
    },
    format,
    kept::kept,
    live::Live,
    words::{self, Tone},
};

/// The tools in the given order, which is kept while the page is open.
pub fn tool_table(tools: Vec<ToolView>) -> AnyView {
    let rows = tools.into_iter().map(|tool| view! { <Row tool=tool /> }).collect_view();
    view! {
        <div class="scroll" role="region" aria-label="Tools" tabindex="0">
            <table class="table is-folding tool-table">
                <thead>
                    <tr>
                        <th scope="col">"Tool"</th>
                        <th scope="col">"State"</th>
                        <th scope="col" class="is-number">
                            "CPU"
                        </th>
                        <th scope="col" class="is-number">
                            "Memory"
                        </th>
                        <th scope="col">"Version"</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
    }
    .into_any()
}

/// How many of the `shown` tools are still there.
pub fn tool_count(shown: &[ToolView]) -> impl Fn() -> AnyView + Send + Sync + use<> {
    let live = expect_context::<Live>();
    let shown: Vec<Uuid> = shown.iter().map(|tool| tool.tool_id).collect();
    move || {
        let count = shown.iter().filter(|tool_id| !live.is_gone(**tool_id)).count();
        view! { <span>{count}</span> }.into_any()
    }
}

/// Says that there are tools beside those that are `shown`.
pub fn newer_tools(shown: &[ToolView]) -> AnyView {
    let live = expect_context::<Live>();
    let shown: Vec<Uuid> = shown.iter().map(|tool| tool.tool_id).collect();
    let count =
        kept(move || live.with_tools(&[], |tools| tools.iter().filter(|tool| !shown.contains(&tool.tool_id)).count()));
    newer(count)
}

#[component]
fn Row(tool: ToolView) -> impl IntoView {
    let live = expect_context::<Live>();
    let tool_id = tool.tool_id;
    let (name, entry_name) = (tool.name.clone(), tool.entry_name.clone());
    let sub = tool.address.as_deref().map_or(entry_name, bare_address);
    let tool = live.tool(tool);
    let state = move || match live.is_gone(tool_id) {
        true => (Tone::Off, "Removed"),
        false => tool.with(words::tool),
    };
    view! {
        <tr class:is-gone=move || live.is_gone(tool_id)>
            <td class="tool-table__name">
                <div class="named">
                    {tile(&name, TileSize::Normal)} <div class="named__text">
                        <a href=format!("/tools/{name}")>{name.clone()}</a>
                        <span class="named__sub">{sub}</span>
                    </div>
                </div>
            </td>
            <td class="tool-table__state">
                {move || {
                    let (tone, word) = state();
                    status(tone, word)
                }}
            </td>
            <td class="tool-table__cpu is-number">
                {move || tool.with(|tool| tool.cpu_millis.map_or_else(|| "–".to_owned(), format::cpu))}
            </td>
            <td class="tool-table__memory is-number">
                {move || tool.with(|tool| tool.memory_bytes.map_or_else(|| "–".to_owned(), format::bytes))}
            </td>
            <td class="tool-table__version">{move || tool.with(|tool| tool.version.clone())}</td>
        </tr>
    }
    .into_any()
}

/// Whether a browser can open the address.
pub fn opened_by_browser(address: &str) -> bool {
    address.starts_with("http://") || address.starts_with("https://")
}

/// An address without its scheme and final slash.
pub fn bare_address(address: &str) -> String {
    address.split_once("://").map_or(address, |(_, rest)| rest).trim_end_matches('/').to_owned()
}
