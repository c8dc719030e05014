//! What stands beside the tools: work under way, the engine, what happened last.

use api::{
    Page,
    activity::EventView,
    engine::{EngineState, EngineView},
    operations::OperationView,
};
use leptos::prelude::*;
use uuid::Uuid;

use crate::{
    components::{failure::blocked, keyed::keyed, panel::Panel, status::status_box, steps::meter, when::ago},
    format,
    kept::{Kept, kept},
    live::Live,
    pages::activity::sentence,
    words::{self, Tone},
};

/// How many facts stand in *Latest*.
const LATEST: usize = 5;

/// Operations under way; nothing while none is. `known` are those the page was loaded with.
pub fn running_now(known: Vec<OperationView>) -> AnyView {
    let live = expect_context::<Live>();
    let running = kept(move || live.running(&known));
    let ids = Memo::new(move |_| {
        running.with(|running| running.iter().map(|operation| operation.operation_id).collect::<Vec<_>>())
    });
    let is_any = kept(move || ids.with(|ids| !ids.is_empty()));
    let panel = move || {
        view! {
            <Panel name="running" title="Running now" is_flush=true>
                <ul class="rows">{keyed(ids, move |id| under_way(running, id))}</ul>
            </Panel>
        }
    };
    (move || is_any.get().then(panel)).into_any()
}

fn under_way(running: Kept<Vec<OperationView>>, id: Uuid) -> Option<AnyView> {
    let found = running.get_untracked().into_iter().find(|operation| operation.operation_id == id)?;
    let operation = expect_context::<Live>().operation(found);
    let percent =
        move || operation.with(|operation| u64::from(operation.steps_done) * 100 / u64::from(operation.steps.max(1)));
    let row = view! {
        <li class="under-way">
            <b>
                {move || operation.with(|operation| format!("{} {}", words::operation(operation).1, operation.tool))}
            </b>
            <p class="hint">{move || operation.with(|operation| operation.step.clone())}</p>
            {move || meter(percent(), "Steps done")}
            <a href=format!("/operations/{id}")>"Watch it"</a>
        </li>
    };
    Some(row.into_any())
}

/// The engine: whether it answers, and what it is.
pub fn engine_panel(engine: EngineView) -> AnyView {
    let live = expect_context::<Live>();
    let title = engine.node.clone();
    let known = engine.clone();
    let now = kept(move || live.engine.get().unwrap_or_else(|| known.clone()));
    let state = move || match now.with(|engine| engine.state) {
        EngineState::Up => status_box(Tone::Ok, "Answers"),
        EngineState::Down => status_box(Tone::Bad, "No answer"),
        EngineState::Unknown => status_box(Tone::Unknown, "Not asked yet"),
    };
    let containers = move || {
        now.with(|engine| format!("{} of tools, {} of others", engine.tool_containers, engine.foreign_containers))
    };
    view! {
        <Panel name="engine" title=title note=state>
            <dl class="facts">
                <dt>"Docker"</dt>
                <dd>{if engine.version.is_empty() { "unknown".to_owned() } else { engine.version }}</dd>
                <dt>"Machine"</dt>
                <dd>
                    {format!(
                        "{}, {} {}, {}",
                        engine.platform,
                        engine.cpus,
                        if engine.cpus == 1 { "core" } else { "cores" },
                        format::bytes(engine.memory_bytes),
                    )}
                </dd>
                <dt>"Containers"</dt>
                <dd>{containers}</dd>
            </dl>
        </Panel>
    }
    .into_any()
}

/// The last facts, those that arrive meanwhile among them.
pub fn latest_panel(latest: Result<Page<EventView>, api::Problem>) -> AnyView {
    let body = match latest {
        Err(problem) => blocked(&problem),
        Ok(page) => feed(page.items),
    };
    view! {
        <Panel name="latest" title="Latest" note=|| view! { <a href="/activity">"All activity"</a> }>
            {body}
        </Panel>
    }
    .into_any()
}

fn feed(known: Vec<EventView>) -> AnyView {
    let events = expect_context::<Live>().events;
    let newest = known.first().map_or(0, |event| event.sequence);
    let latest = kept(move || {
        events.with(|events| {
            let newer = events.iter().filter(|event| event.sequence > newest);
            newer.chain(&known).take(LATEST).cloned().collect::<Vec<_>>()
        })
    });
    let feed = move || {
        let latest = latest.get();
        if latest.is_empty() {
            return view! { <p class="hint">"Nothing happened yet."</p> }.into_any();
        }
        let items = latest
            .iter()
            .map(|event| view! { <li class="feed__item">{ago(event.at)} <p>{sentence(event)}</p></li> })
            .collect_view();
        view! { <ul class="feed">{items}</ul> }.into_any()
    };
    feed.into_any()
}
