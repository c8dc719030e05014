//! Buttons that post a small form of their own.

use leptos::prelude::*;

use crate::{
    components::{form::PostForm, icon::small_icon},
    forms::Refused,
};

/// A form of one button: it acts at once and leads on.
#[component]
pub fn ActionButton(
    /// The path the form posts to.
    #[prop(into)]
    action: String,
    /// What it does: verb and thing.
    #[prop(into)]
    label: String,
    /// Its icon.
    icon: &'static str,
    /// Further classes: `is-primary`, `is-danger`, `is-small`.
    #[prop(optional)]
    class: &'static str,
    /// Where a refusal is shown.
    refused: RwSignal<Refused>,
) -> impl IntoView {
    view! {
        <PostForm action=action refused=refused class="action">
            <button class=format!("button {class}") type="submit">
                {small_icon(icon)}
                {label}
            </button>
        </PostForm>
    }
    .into_any()
}
