//! What is shown instead of something that could not be had.

use api::Problem;
use leptos::{ev::MouseEvent, prelude::*};

use crate::components::{callout::Callout, verdict::Verdict};
use crate::words::Tone;

/// A whole page that failed: what happened, what to do, a reference.
pub fn failure(problem: &Problem) -> AnyView {
    view! {
        <Verdict sentence=problem.title.clone() lead=problem.detail.clone() />
        {reference(problem)}
        <p>
            <a href="/">"Go to the dashboard"</a>
        </p>
    }
    .into_any()
}

/// One block that failed; the rest of the page stands.
pub fn blocked(problem: &Problem) -> AnyView {
    view! {
        <Callout tone=Tone::Warn title=problem.title.clone() text=problem.detail.clone() />
        {reference(problem)}
    }
    .into_any()
}

/// What was wrong with a form, above its fields; what concerns a field stands at the field.
pub fn refusal(problem: &Problem) -> AnyView {
    let fields = problem
        .fields
        .iter()
        .map(|problem| {
            let id = crate::components::field::id_of(&problem.field);
            view! {
                <li>
                    <a href=format!("#{id}")>{problem.message.clone()}</a>
                </li>
            }
        })
        .collect_view();
    // The detail of one wrong answer is that answer's own sentence.
    let detail = (problem.fields.len() != 1).then(|| view! { <p class="hint">{problem.detail.clone()}</p> });
    view! {
        <div class="refusal" role="alert" tabindex="-1">
            <b>{problem.title.clone()}</b>
            {detail}
            <ul on:click=lead>{fields}</ul>
            {reference(problem)}
        </div>
    }
    .into_any()
}

#[cfg(feature = "ssr")]
fn lead(_: MouseEvent) {}

/// Leads to the field a link of the list names: the way inside the browser would only scroll to it.
#[cfg(not(feature = "ssr"))]
fn lead(event: MouseEvent) {
    use wasm_bindgen::JsCast;

    let link = event.target().and_then(|target| target.dyn_into::<web_sys::Element>().ok());
    let id = link.and_then(|link| link.get_attribute("href")).unwrap_or_default();
    let field = document().get_element_by_id(id.trim_start_matches('#'));
    if let Some(field) = field.and_then(|field| field.dyn_into::<web_sys::HtmlElement>().ok()) {
        event.prevent_default();
        // None of these fails for an element that is in the document.
        if let Ok(Some(folded)) = field.closest("details") {
            let _ = folded.set_attribute("open", "");
        }
        let _ = field.focus();
    }
}

fn reference(problem: &Problem) -> Option<impl IntoView + use<>> {
    problem.reference.clone().map(|reference| {
        view! {
            <p class="hint">
                "Reference " <code class="reference">{reference}</code>
            </p>
        }
    })
}
