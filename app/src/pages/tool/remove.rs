//! Taking a tool away: what is kept, what is lost, and how to come back.

use api::tools::ToolDetails;
use leptos::prelude::*;

use super::{followed, head, name_in_path};
use crate::{
    client,
    components::{
        failure::failure,
        field::Field,
        form::{PostForm, refused},
        icon::small_icon,
        panel::Panel,
        suspended::suspended,
    },
    forms::Refused,
};

/// Keep or delete; deleting asks for the name.
#[component]
pub fn Remove() -> impl IntoView {
    let refused = refused();
    let name = name_in_path();
    let details = client::main_resource::<ToolDetails>(move || format!("/tools/{}", client::encode(&name.get())));
    view! {
        {suspended(move || async move {
            match details.await {
                Ok(details) => page(&details, refused),
                Err(problem) => failure(&problem),
            }
        })}
    }
    .into_any()
}

fn page(details: &ToolDetails, refused: RwSignal<Refused>) -> AnyView {
    let name = details.tool.name.clone();
    let deletes = refused.with_untracked(|refused| refused.value("data", "keep") == "delete");
    let volumes = match details.volumes.len() {
        0 => "It has no volumes, so nothing of it stays.".to_owned(),
        1 => format!("The volume {} stays.", details.volumes[0]),
        count => format!("{count} volumes stay: {}.", details.volumes.join(", ")),
    };
    let lost = match details.volumes.len() {
        0 => "There is no data to delete.".to_owned(),
        _ => format!("Nobody can bring it back: {}.", details.volumes.join(", ")),
    };
    view! {
        {head(followed(details.clone()), "remove", refused)}
        <Panel name="remove" title=format!("Remove {name}")>
            <p>"The program stops, and its address answers nothing. What should happen to the data?"</p>
            <PostForm action=format!("/tools/{name}/remove") refused=refused class="stack">
                <fieldset class="stack is-tight">
                    <legend class="sr">"Data"</legend>
                    <label class="choice">
                        <input class="radio" type="radio" name="data" value="keep" checked=!deletes />
                        <span class="choice__text">
                            <b>"Keep its data"</b>
                            <span class="hint">
                                {format!("{volumes} Installing again under the name {name} finds the data.")}
                            </span>
                        </span>
                    </label>
                    <label class="choice is-risky">
                        <input class="radio" type="radio" name="data" value="delete" checked=deletes />
                        <span class="choice__text">
                            <b>"Delete its data"</b>
                            <span class="hint">{lost}</span>
                        </span>
                    </label>
                </fieldset>
                <Field
                    name="confirm"
                    label=format!("Type {name} to confirm")
                    refused=refused
                    hint="Only asked for when data is deleted."
                />
                <div class="row">
                    <a class="button" href=format!("/tools/{name}")>
                        {format!("Keep {name}")}
                    </a>
                    <button class="button is-danger is-filled" type="submit">
                        {small_icon("x")}
                        {format!("Remove {name}")}
                    </button>
                </div>
            </PostForm>
        </Panel>
    }
    .into_any()
}
