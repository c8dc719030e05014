//! Questions of a catalogue entry, drawn from their kinds.

use std::collections::BTreeMap;

use api::catalog::{FieldKind, FieldView};
use leptos::prelude::*;

use crate::{
    components::field::{Field, described_by, error_below, hint_below, id_of, wrong},
    forms::Refused,
    words::say,
};

/// All questions in order; those with good answers are folded away. `present` holds answers given before, where a
/// sealed one is absent and stays as it is when left empty.
#[component]
pub fn Answers(
    /// The questions.
    fields: Vec<FieldView>,
    /// Answers given before.
    present: BTreeMap<String, String>,
    /// Whether the tool is installed already.
    is_installed: bool,
    /// What is known of the last try.
    refused: RwSignal<Refused>,
) -> impl IntoView {
    let (advanced, plain): (Vec<_>, Vec<_>) = fields.into_iter().partition(|field| field.is_advanced);
    let count = advanced.len();
    let draw = |fields: Vec<FieldView>| {
        fields.into_iter().map(|field| answer(field, &present, is_installed, refused)).collect_view()
    };
    // Errors in folded questions would be invisible.
    let has_error = {
        let names: Vec<String> = advanced.iter().map(|field| format!("answers.{}", field.name)).collect();
        move || {
            refused.with(|refused| {
                refused.problem.as_ref().is_some_and(|problem| names.iter().any(|name| problem.field(name).is_some()))
            })
        }
    };
    view! {
        {draw(plain)}
        {(count > 0)
            .then(|| {
                view! {
                    <details class="disclose" open=has_error>
                        <summary>
                            {if count == 1 {
                                "One more setting, optional".to_owned()
                            } else {
                                format!("{} more settings, all optional", crate::format::sentence(&crate::format::count(count)))
                            }}
                        </summary>
                        <div class="disclose__body">{draw(advanced)}</div>
                    </details>
                }
            })}
    }
    .into_any()
}

fn answer(
    field: FieldView,
    present: &BTreeMap<String, String>,
    is_installed: bool,
    refused: RwSignal<Refused>,
) -> AnyView {
    let name = format!("answers.{}", field.name);
    let label = say(&field.label).to_owned();
    let hint = field.hint.as_ref().map(|hint| say(hint).to_owned()).unwrap_or_default();
    let value = present.get(&field.name).cloned().unwrap_or_else(|| field.default.clone());
    let value = refused.with_untracked(|refused| refused.value(&name, &value));
    match field.kind {
        FieldKind::Boolean => boolean(name, label, hint, value == "true", refused),
        FieldKind::Choice => choice(name, label, hint, &value, &field.options, refused),
        FieldKind::Password => {
            let hint =
                if is_installed { "It is set and sealed. Leave this empty to keep it.".to_owned() } else { hint };
            view! {
                <input type="hidden" name="sealed" value=name.clone() />
                <Field name=name label=label refused=refused kind="password" autocomplete="new-password" hint=hint />
            }
            .into_any()
        }
        kind => {
            let (kind, inputmode) = match kind {
                FieldKind::Email => ("email", None),
                FieldKind::Url => ("url", None),
                FieldKind::Number => ("text", Some("numeric")),
                _ => ("text", None),
            };
            view! { <Field name=name label=label refused=refused value=value kind=kind inputmode=inputmode hint=hint /> }.into_any()
        }
    }
}

/// Yes and no as two radios, so that "no" is sent too.
fn boolean(name: String, label: String, hint: String, is_on: bool, refused: RwSignal<Refused>) -> AnyView {
    let option = |value: &'static str, word: &'static str, is_checked: bool| {
        view! {
            <label>
                <input type="radio" name=name.clone() value=value checked=is_checked />
                {word}
            </label>
        }
    };
    let error = wrong(&name, refused);
    let described_by = described_by(&name, !hint.is_empty(), error);
    view! {
        <fieldset
            class="field"
            role="radiogroup"
            id=id_of(&name)
            tabindex="-1"
            class:is-invalid=move || error.get().is_some()
            aria-invalid=move || error.get().map(|_| "true")
            aria-describedby=described_by
        >
            <legend class="label">{label}</legend>
            <div>
                <div class="segmented">{option("true", "Yes", is_on)} {option("false", "No", !is_on)}</div>
            </div>
            {error_below(&name, error)}
            {hint_below(&name, hint)}
        </fieldset>
    }
    .into_any()
}

fn choice(
    name: String,
    label: String,
    hint: String,
    value: &str,
    options: &[(String, api::catalog::Text)],
    refused: RwSignal<Refused>,
) -> AnyView {
    let id = id_of(&name);
    let options = options
        .iter()
        .map(|(option, text)| {
            view! {
                <option value=option.clone() selected=option == value>
                    {say(text).to_owned()}
                </option>
            }
        })
        .collect_view();
    let error = wrong(&name, refused);
    let described_by = described_by(&name, !hint.is_empty(), error);
    view! {
        <div class="field" class:is-invalid=move || error.get().is_some()>
            <label for=id.clone()>{label}</label>
            <select
                class="input"
                id=id
                name=name.clone()
                aria-invalid=move || error.get().map(|_| "true")
                aria-describedby=described_by
            >
                {options}
            </select>
            {error_below(&name, error)}
            {hint_below(&name, hint)}
        </div>
    }
    .into_any()
}
