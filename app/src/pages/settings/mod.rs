//! What administrators decide about the panel itself.

pub mod panel;
pub mod registries;

use leptos::prelude::*;

use crate::{
    components::{failure::refusal, verdict::Verdict},
    forms::Refused,
};

/// The head of a page of the settings: its answer, and the way to the other pages.
fn head(sentence: String, title: &'static str, lead: String, path: &str, refused: RwSignal<Refused>) -> AnyView {
    let links: Vec<AnyView> = [("/settings", "This panel"), ("/settings/registries", "Registries")]
        .into_iter()
        .map(|(link, label)| {
            view! {
                <a href=link aria-current=(link == path).then_some("page")>
                    {label}
                </a>
            }
            .into_any()
        })
        .collect();
    view! {
        <Verdict sentence=sentence title=title lead=lead />
        <nav class="tabs" aria-label="Settings">
            {links}
        </nav>
        {move || refused.with(|refused| refused.problem.as_ref().map(refusal))}
    }
    .into_any()
}
