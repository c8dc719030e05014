//! What the panel is called, and what it is made of.

use api::{engine::EngineState, engine::EngineView, panel::PanelView};
use leptos::prelude::*;

use super::head;
use crate::{
    client,
    components::{
        failure::failure,
        field::Field,
        form::{PostForm, refused},
        frame::Around,
        panel::Panel,
        suspended::suspended,
    },
    format,
    forms::Refused,
};

/// Name, versions, licence.
#[component]
pub fn PanelSettings() -> impl IntoView {
    let refused = refused();
    let Around(frame) = expect_context::<Around>();
    let panel = client::main_resource::<PanelView>(|| "/panel".to_owned());
    view! {
        {suspended(move || async move {
            let engine = frame.await.ok().map(|frame| frame.engine);
            match panel.await {
                Ok(panel) => page(panel, engine, refused),
                Err(problem) => failure(&problem),
            }
        })}
    }
    .into_any()
}

fn page(panel: PanelView, engine: Option<EngineView>, refused: RwSignal<Refused>) -> AnyView {
    let sentence = format!("This is Summoner {}, called {}.", panel.version, panel.site_name);
    let lead = "What people read at the top of every page, and what the panel is made of.";
    let mut facts = vec![("Version", panel.build), ("Database", format!("PostgreSQL {}", panel.database))];
    if let Some(engine) = engine {
        facts.push(("Engine", engine_in_words(&engine)));
        facts
            .push(("Machine", format!("{} processors, {} of memory", engine.cpus, format::bytes(engine.memory_bytes))));
    }
    facts.push(("Licence", panel.licence));
    let facts: Vec<AnyView> = facts
        .into_iter()
        .map(|(term, fact)| {
            view! {
                <dt>{term}</dt>
                <dd>{fact}</dd>
            }
            .into_any()
        })
        .collect();
    view! {
        {head(sentence, "Settings", lead.to_owned(), "/settings", refused)}
        <div class="columns">
            <Panel name="site" title="Name">
                <PostForm action="/settings" refused=refused class="stack is-tight">
                    <Field name="site_name" label="Site name" refused=refused value=panel.site_name />
                    <div class="row">
                        <button class="button is-primary" type="submit">
                            "Save the name"
                        </button>
                    </div>
                </PostForm>
            </Panel>
            <Panel name="about" title="About">
                <dl class="facts">{facts}</dl>
            </Panel>
        </div>
    }
    .into_any()
}

fn engine_in_words(engine: &EngineView) -> String {
    let state = match engine.state {
        EngineState::Up => "answers",
        EngineState::Down => "does not answer",
        EngineState::Unknown => "was not asked yet",
    };
    if engine.version.is_empty() {
        format!("Docker on {}, {state}", engine.node)
    } else {
        format!("Docker {} on {}, {}, {state}", engine.version, engine.node, engine.platform)
    }
}
