//! Questions of a catalogue entry, drawn from their kinds.

use std::collections::BTreeMap;

use api::catalog::{FieldKind, FieldView};
use leptos::prelude::*;

use crate::{
    components::field::{Field, error_line, id_of},
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
    view! {
        <fieldset class="field">
            <legend class="label">{label}</legend>
            <div>
                <div class="segmented">{option("true", "Yes", is_on)} {option("false", "No", !is_on)}</div>
            </div>
            {error(&name, refused)}
            {(!hint.is_empty()).then(|| view! { <p class="hint">{hint}</p> })}
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
    view! {
        <div class="field">
            <label for=id.clone()>{label}</label>
            <select class="input" id=id name=name.clone()>
                {options}
            </select>
            {error(&name, refused)}
            {(!hint.is_empty()).then(|| view! { <p class="hint">{hint}</p> })}
        </div>
    }
    .into_any()
}

/// What is wrong with the field `name`, if anything.
pub fn error(name: &str, refused: RwSignal<Refused>) -> impl Fn() -> Option<AnyView> + use<> {
    let name = name.to_owned();
    move || {
        let error = refused
            .with(|refused| refused.problem.as_ref().and_then(|problem| problem.field(&name)).map(str::to_owned))?;
        Some(error_line(format!("{}-error", id_of(&name)), error).into_any())
    }
}
