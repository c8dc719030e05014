//! The first password of a tool, shown once.

use api::{operations::FirstLogin, tools::ToolDetails};
use leptos::prelude::*;

use super::name_in_path;
use crate::{
    client,
    components::{
        failure::{failure, refusal},
        form::{PostForm, refused},
        icon::small_icon,
        suspended::suspended,
        verdict::Verdict,
    },
    forms::Refused,
};

/// Asks, and shows the answer. Nothing of it is kept: leaving the page forgets it.
#[component]
pub fn FirstLoginPage() -> impl IntoView {
    let refused = refused();
    let name = name_in_path();
    // Nothing of it is shown: a page about a tool that is not there says so.
    let details = client::main_resource::<ToolDetails>(move || format!("/tools/{}", client::encode(&name.get())));
    view! {
        {suspended(move || async move {
            match details.await {
                Ok(details) => page(details.tool.name, refused),
                Err(problem) => failure(&problem),
            }
        })}
    }
    .into_any()
}

fn page(name: String, refused: RwSignal<Refused>) -> AnyView {
    let tool = name.clone();
    view! {
        <Verdict
            sentence=format!("First sign-in to {name}")
            lead="The password was generated and sealed. It is shown once and the showing is recorded; change it after signing in."
        />
        {move || refused.with(|refused| refused.problem.as_ref().map(refusal))}
        {move || first_login(tool.clone(), refused)}
        <p>
            <a href=format!("/tools/{name}")>{format!("Back to {name}")}</a>
        </p>
    }
    .into_any()
}

/// The button, and after it the account.
pub fn first_login(name: String, refused: RwSignal<Refused>) -> AnyView {
    let shown = refused
        .with(|refused| refused.answer.clone())
        .and_then(|answer| serde_json::from_str::<FirstLogin>(&answer.to_string()).ok());
    match shown {
        Some(login) => view! {
            <dl class="facts is-plain first-login">
                <dt>"User"</dt>
                <dd>
                    <code>{login.user}</code>
                </dd>
                <dt>"Password"</dt>
                <dd>
                    <code>{login.password.unwrap_or_else(|| "was shown already".to_owned())}</code>
                </dd>
            </dl>
        }
        .into_any(),
        None => view! {
            <PostForm action=format!("/tools/{name}/first-login") refused=refused class="action">
                <button class="button" type="submit">
                    {small_icon("key")}
                    "Show the first password"
                </button>
            </PostForm>
        }
        .into_any(),
    }
}
