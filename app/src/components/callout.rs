//! A remark that stands out: icon, title, text, actions.

use leptos::prelude::*;

use crate::{components::icon::icon, words::Tone};

/// A callout in the tone of its matter.
#[component]
pub fn Callout(
    /// Its tone.
    tone: Tone,
    /// What it is about.
    #[prop(into)]
    title: String,
    /// What to know.
    #[prop(into, optional)]
    text: String,
    /// Actions.
    #[prop(optional)]
    children: Option<Children>,
) -> impl IntoView {
    let role = if tone == Tone::Bad { "alert" } else { "status" };
    view! {
        <div class="callout" data-tone=tone.as_str() role=role>
            {icon(tone.icon())}
            <div class="callout__body">
                <b>{title}</b>
                {(!text.is_empty()).then(|| view! { <p class="hint">{text}</p> })}
            </div>
            {children.map(|children| view! { <div class="callout__actions">{children()}</div> })}
        </div>
    }
    .into_any()
}
