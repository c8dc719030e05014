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
    let has_hint = !hint.is_empty();
    // Read once: later refusals change the message, never what the person typed.
    let typed =
        refused.with_untracked(|refused| if kind == "password" { String::new() } else { refused.value(&name, &value) });
    let error = wrong(&name, refused);
    let described_by = described_by(&name, has_hint, error);
    let (below, hint) = (error_below(&name, error), hint_below(&name, hint));
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
            {below}
            {hint}
        </div>
    }
    .into_any()
}

/// What is wrong with the field `name`, if anything.
pub fn wrong(name: &str, refused: RwSignal<Refused>) -> Memo<Option<String>> {
    let name = name.to_owned();
    Memo::new(move |_| {
        refused.with(|refused| refused.problem.as_ref().and_then(|problem| problem.field(&name)).map(str::to_owned))
    })
}

/// The ids of what describes the field `name`: what is wrong with it, and its hint.
pub fn described_by(
    name: &str,
    has_hint: bool,
    wrong: Memo<Option<String>>,
) -> impl Fn() -> Option<String> + Send + use<> {
    let id = id_of(name);
    move || match (wrong.with(Option::is_some), has_hint) {
        (false, false) => None,
        (false, true) => Some(format!("{id}-hint")),
        (true, false) => Some(format!("{id}-error")),
        (true, true) => Some(format!("{id}-error {id}-hint")),
    }
}

/// What is wrong, said below the field `name`.
pub fn error_below(name: &str, wrong: Memo<Option<String>>) -> impl Fn() -> Option<AnyView> + Send + use<> {
    let id = format!("{}-error", id_of(name));
    move || {
        let error = wrong.get()?;
        Some(
            view! {
                <p class="field__error" id=id.clone()>
                    {small_icon("tri")}
                    <span>{error}</span>
                </p>
            }
            .into_any(),
        )
    }
}

/// The hint below the field `name`, if it has one.
pub fn hint_below(name: &str, hint: String) -> Option<AnyView> {
    let id = format!("{}-hint", id_of(name));
    (!hint.is_empty()).then(|| view! { <p class="hint" id=id>{hint}</p> }.into_any())
}
