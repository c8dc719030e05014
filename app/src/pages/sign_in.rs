//! The door.

use api::session::SetupState;
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use crate::{
    client,
    components::{
        door::Door,
        failure::refusal,
        field::Field,
        form::{PostForm, refused},
        suspended::suspended,
        verdict::Verdict,
    },
};

/// Asks for e-mail and password, and leads back to where the person came from.
#[component]
pub fn SignIn() -> impl IntoView {
    let refused = refused();
    let query = use_query_map();
    let action = query.with_untracked(|query| match query.get("next") {
        Some(next) => client::door(&next),
        None => "/sign-in".to_owned(),
    });
    let state = client::resource::<SetupState>(|| "/setup".to_owned());
    view! {
        <Door>
            <Verdict sentence="Sign in" lead="With your account of this panel. The tools have accounts of their own." />
            {suspended(move || async move {
                state
                    .await
                    .is_ok_and(|state| state.needed)
                    .then(|| {
                        view! {
                            <p class="hint">
                                "This panel has no administrator yet. " <a href="/setup">"Set it up"</a> "."
                            </p>
                        }
                    })
                    .into_any()
            })}
            {move || refused.with(|refused| refused.problem.as_ref().map(refusal))}
            <PostForm action=action refused=refused class="stack">
                <Field name="email" label="E-mail" refused=refused kind="email" autocomplete="username" />
                <Field name="password" label="Password" refused=refused kind="password" autocomplete="current-password" />
                <button class="button is-primary is-big is-wide" type="submit">
                    "Sign in"
                </button>
            </PostForm>
        </Door>
    }
    .into_any()
}
