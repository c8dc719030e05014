//! What needs a person, with its cause and what helps most.

use api::{session::Role, tools::ToolView};
use leptos::prelude::*;
use uuid::Uuid;

use super::verdict::in_need;
use crate::{
    components::{
        icon::small_icon,
        keyed::keyed,
        panel::Panel,
        tile::{TileSize, tile},
        when::lasting,
    },
    kept::kept,
    live::Live,
    words,
};

/// At most this many rows stand in *Needs you*.
const SHOWN: usize = 5;

/// The tools that need a person; nothing while none does. `known` are the tools the page was loaded with.
pub fn needs_you(known: StoredValue<Vec<ToolView>>, role: Role) -> AnyView {
    let live = expect_context::<Live>();
    let all = Memo::new(move |_| {
        let ids = |tools: &[ToolView]| in_need(tools).iter().map(|tool| tool.tool_id).collect::<Vec<_>>();
        known.with_value(|known| live.with_tools(known, ids))
    });
    // Nothing moves under a hand: while pointer or focus is inside, rows stay and further ones are only counted.
    let is_held = RwSignal::new(false);
    let shown = Memo::new(move |before: Option<&Vec<Uuid>>| match before {
        Some(before) if is_held.get() => before.clone(),
        _ => all.with(|all| all.iter().take(SHOWN).copied().collect()),
    });
    let is_any = kept(move || shown.with(|shown| !shown.is_empty()));
    let count = move || view! { <span class="count is-bad">{move || all.with(Vec::len)}</span> };
    let panel = move || {
        view! {
            <div
                on:pointerenter=move |_| is_held.set(true)
                on:pointerleave=move |_| is_held.set(false)
                on:focusin=move |_| is_held.set(true)
                on:focusout=move |_| is_held.set(false)
            >
                <Panel name="needs" title="Needs you" is_flush=true note=count>
                    <ul class="rows">{keyed(shown, move |tool_id| need(known, tool_id, role))}</ul>
                    {move || more(&all.read(), &shown.read())}
                </Panel>
            </div>
        }
    };
    (move || is_any.get().then(panel)).into_any()
}

/// How many there are beside those that are shown.
fn more(all: &[Uuid], shown: &[Uuid]) -> Option<AnyView> {
    match all.iter().filter(|tool_id| !shown.contains(tool_id)).count() {
        0 => None,
        count => Some(
            view! {
                <p class="needs-more">
                    <a href="/tools">{format!("{count} more")}</a>
                </p>
            }
            .into_any(),
        ),
    }
}

fn need(known: StoredValue<Vec<ToolView>>, tool_id: Uuid, role: Role) -> Option<AnyView> {
    let live = expect_context::<Live>();
    let find = |tools: &[ToolView]| tools.iter().find(|tool| tool.tool_id == tool_id).cloned();
    let tool = untrack(|| known.with_value(|known| live.with_tools(known, find)))?;
    let name = tool.name.clone();
    let tool = live.tool(tool);
    let stuck = kept(move || tool.with(|tool| tool.stuck().map(|operation| operation.operation_id)));
    let state = kept(move || {
        tool.with(|tool| match tool.stuck() {
            Some(operation) => ("needs a hand".to_owned(), operation.ended_at),
            None => (format!("is {}", words::condition(tool.condition).1.to_lowercase()), tool.since),
        })
    });
    let sentence = move || {
        let (is, since) = state.get();
        view! {
            {format!(" {is} ")}
            {since.map(lasting)}
        }
    };
    let helps = {
        let name = name.clone();
        move || match stuck.get() {
            Some(operation) => Some(
                view! {
                    <a class="button is-small is-primary" href=format!("/operations/{operation}")>
                        "See what is left"
                    </a>
                }
                .into_any(),
            ),
            None => (role >= Role::Operator).then(|| log_or_restart(&name)),
        }
    };
    let row = view! {
        <li class="need">
            {tile(&name, TileSize::Normal)} <div class="need__what">
                <b>
                    <a href=format!("/tools/{name}")>{name.clone()}</a>
                    {sentence}
                </b>
                <p class="hint">{move || tool.with(|tool| words::why(tool).to_owned())}</p>
            </div>
            <div class="need__actions">{helps}</div>
        </li>
    };
    Some(row.into_any())
}

fn log_or_restart(name: &str) -> AnyView {
    view! {
        <a class="button is-small" href=format!("/tools/{name}/logs")>
            {small_icon("logs")}
            "Read the log"
        </a>
        <a class="button is-small is-primary" href=format!("/tools/{name}?do=restart")>
            {small_icon("again")}
            {format!("Restart {name}")}
        </a>
    }
    .into_any()
}
