//! Questions of a form: label above, input, hint, error.

use leptos::prelude::*;

use crate::{components::icon::small_icon, forms::Refused};

/// The id of the input of a field: `answers.SITE_NAME` becomes `field-answers-SITE_NAME`.
pub fn id_of(field: &str) -> String {
    format!("field-{}", field.replace('.', "-"))
}

/// One line of text.
#[component]
pub fn Field(
    /// The field's name in the request.
    #[prop(into)]
    name: String,
    /// Its label.
    #[prop(into)]
    label: String,
    /// What is known of the last try.
    refused: RwSignal<Refused>,
    /// What stands in it at first.
    #[prop(into, optional)]
    value: String,
    /// The type of the input.
    #[prop(default = "text")]
    kind: &'static str,
    /// What browsers may fill in.
    #[prop(default = "off")]
    autocomplete: &'static str,
    /// A hint below it.
    #[prop(into, optional)]
    hint: String,
    /// Whether it has to be answered.
    #[prop(optional)]
    is_required: bool,
    /// The keyboard to offer.
    #[prop(default = None)]
    inputmode: Option<&'static str>,
) -> impl IntoView {
    let id = id_of(&name);
    let (hint_id, error_id) = (format!("{id}-hint"), format!("{id}-error"));
    let has_hint = !hint.is_empty();
    // Read once: later refusals change the message, never what the person typed.
    let typed =
        refused.with_untracked(|refused| if kind == "password" { String::new() } else { refused.value(&name, &value) });
    let error = {
        let name = name.clone();
        Memo::new(move |_| {
            refused.with(|refused| refused.problem.as_ref().and_then(|problem| problem.field(&name)).map(str::to_owned))
        })
    };
    let described_by = {
        let (hint_id, error_id) = (hint_id.clone(), error_id.clone());
        move || match (has_hint, error.get().is_some()) {
            (false, false) => None,
            (true, false) => Some(hint_id.clone()),
            (false, true) => Some(error_id.clone()),
            (true, true) => Some(format!("{error_id} {hint_id}")),
        }
    };
    view! {
        <div class="field" class:is-invalid=move || error.get().is_some()>
            <label for=id.clone()>{label}</label>
            <input
                class="input"
                id=id
                name=name
                type=kind
                value=typed
                autocomplete=autocomplete
                inputmode=inputmode
                required=is_required
                aria-invalid=move || error.get().map(|_| "true")
                aria-describedby=described_by
            />
            {move || error.get().map(|error| error_line(error_id.clone(), error))}
            {has_hint.then(|| view! { <p class="hint" id=hint_id>{hint}</p> })}
        </div>
    }
    .into_any()
}

/// What is wrong with a field.
pub fn error_line(id: String, error: String) -> AnyView {
    view! {
        <p class="field__error" id=id>
            {small_icon("tri")} <span>{error}</span>
        </p>
    }
    .into_any()
}
