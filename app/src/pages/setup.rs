//! First run: the first administrator and the site's name.

use api::session::SetupState;
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use crate::{
    client,
    components::{
        door::Door,
        failure::{failure, refusal},
        field::Field,
        form::{PostForm, refused},
        suspended::suspended,
        verdict::Verdict,
    },
    forms::Refused,
    words,
};

/// The form, or why there is none.
#[component]
pub fn Setup() -> impl IntoView {
    let refused = refused();
    let link = use_query_map();
    let state = client::resource::<SetupState>(|| "/setup".to_owned());
    view! {
        <Door>
            {suspended(move || async move {
                match state.await {
                    Ok(SetupState { needed: true, open: true }) => form(refused).into_any(),
                    Ok(SetupState { needed: true, open: false }) => {
                        closed(link.with_untracked(|query| words::dead_link(query.get_str("link"))))
                    }
                    Ok(SetupState { needed: false, .. }) => used().into_any(),
                    Err(problem) => failure(&problem),
                }
            })}
        </Door>
    }
    .into_any()
}

fn form(refused: RwSignal<Refused>) -> AnyView {
    view! {
        <Verdict
            sentence="Make the first administrator"
            lead="The link that brought you here works once. Nothing else is open before you are done."
        />
        {move || refused.with(|refused| refused.problem.as_ref().map(refusal))}
        <PostForm action="/setup" refused=refused class="stack">
            <Field name="site_name" label="Site name" refused=refused hint="What this panel is called, such as the team's name." />
            <Field name="name" label="Your name" refused=refused autocomplete="name" />
            <Field name="email" label="E-mail" refused=refused kind="email" autocomplete="username" />
            <Field
                name="password"
                label="Password"
                refused=refused
                kind="password"
                autocomplete="new-password"
                hint="10 characters or more; a sentence is best."
            />
            <button class="button is-primary is-big is-wide" type="submit">
                "Create and go on"
            </button>
        </PostForm>
    }
    .into_any()
}

fn closed((sentence, lead): (&'static str, &'static str)) -> AnyView {
    view! {
        <Verdict sentence lead />
        <pre class="log">"summoner setup-link"</pre>
    }
    .into_any()
}

fn used() -> AnyView {
    view! {
        <Verdict
            sentence="This panel is set up already"
            lead="It has an administrator, so set-up links lead nowhere any more. If that was not one of you, stop Summoner and read its log."
        />
        <a class="button is-primary is-big is-wide" href="/sign-in">
            "Go to sign-in"
        </a>
    }
    .into_any()
}
