//! The sentence a page opens with, and what can be done about it.

use leptos::prelude::*;
use leptos_meta::Title;

use crate::components::arrival::heading;

/// The head of a page: its `h1`, a line below it, actions beside it.
#[component]
pub fn Verdict(
    /// The sentence; also the document's title unless `title` is given.
    #[prop(into)]
    sentence: Signal<String>,
    /// The document's title, where the sentence is too long for a tab.
    #[prop(into, optional)]
    title: Option<Signal<String>>,
    /// One line that adds to it.
    #[prop(into, optional)]
    lead: Signal<String>,
    /// Actions.
    #[prop(optional)]
    children: Option<Children>,
) -> impl IntoView {
    let title = title
        .unwrap_or_else(|| Signal::derive(move || sentence.with(|sentence| sentence.trim_end_matches('.').to_owned())));
    view! {
        {tab(title)}
        <div class="head">
            <div class="verdict">
                {heading(sentence, title)}
                {move || {
                    let lead = lead.get();
                    (!lead.is_empty()).then(|| view! { <p class="lead">{lead}</p> })
                }}
            </div>
            {children.map(|children| view! { <div class="head__actions">{children()}</div> })}
        </div>
    }
    .into_any()
}

/// The document's title, which says in a tab how things are.
pub fn tab(title: Signal<String>) -> AnyView {
    // The head is written after the page, whose signals may be gone by then.
    let first = title.get_untracked();
    let text = move || title.try_get().unwrap_or_else(|| first.clone());
    view! { <Title text=text /> }.into_any()
}
