//! Logins at registries: which are kept, whether they work, and how to keep another.

use api::registries::LoginView;
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use super::head;
use crate::{
    client,
    components::{
        button::ActionButton,
        dialog::dialog,
        failure::failure,
        field::Field,
        form::{PostForm, refused},
        panel::Panel,
        suspended::suspended,
        when::ago,
    },
    format,
    forms::Refused,
};

const PATH: &str = "/settings/registries";

/// The logins, and the form that keeps one.
#[component]
pub fn Registries() -> impl IntoView {
    let refused = refused();
    let logins = client::main_resource::<Vec<LoginView>>(|| "/registries".to_owned());
    view! {
        {suspended(move || async move {
            match logins.await {
                Ok(logins) => page(logins, refused),
                Err(problem) => failure(&problem),
            }
        })}
    }
    .into_any()
}

fn page(logins: Vec<LoginView>, refused: RwSignal<Refused>) -> AnyView {
    let query = use_query_map();
    let rows: Vec<AnyView> = logins.iter().map(|login| row(login, refused)).collect();
    let names: Vec<String> = logins.iter().map(|login| login.registry.clone()).collect();
    let asked = move || {
        let registry = query.read().get("remove").filter(|registry| names.contains(registry))?;
        let act = view! {
            <ActionButton
                action=format!("{PATH}/{}/remove", client::encode(&registry))
                label="Remove the login"
                icon="x"
                class="is-danger is-filled"
                refused=refused
            />
        };
        Some(dialog(
            format!("Remove the login at {registry}?"),
            "Private images of this registry can no longer be listed or pulled. Tools that run keep running."
                .to_owned(),
            "Keep it".to_owned(),
            PATH.to_owned(),
            act.into_any(),
        ))
    };
    let lead = "Passwords are sealed, sent to their own registry only, and never shown again.".to_owned();
    view! {
        {head(verdict(logins.len()), "Registries", lead, PATH, refused)}
        {asked}
        <div class="columns">
            {if rows.is_empty() {
                view! {
                    <div class="empty">
                        <p>"Logins will stand here. Public images need none; private ones do, and Docker Hub allows more requests with one."</p>
                        <a class="button" href="#field-registry">
                            "Add a first login"
                        </a>
                    </div>
                }
                    .into_any()
            } else {
                view! {
                    <Panel name="logins" title="Logins" is_flush=true>
                        <ul class="rows">{rows}</ul>
                    </Panel>
                }
                    .into_any()
            }}
            <Panel name="add" title="Add a login">
                <PostForm action=PATH refused=refused class="stack is-tight">
                    <Field
                        name="registry"
                        label="Registry"
                        refused=refused
                        hint="Its host, as in image names: docker.io, ghcr.io, registry.example.org:5000. A login that is there is replaced."
                    />
                    <Field name="username" label="User" refused=refused />
                    <Field
                        name="password"
                        label="Password or access token"
                        refused=refused
                        kind="password"
                        autocomplete="new-password"
                        hint="A token that may only read is best."
                    />
                    <div class="row">
                        <button class="button is-primary" type="submit">
                            "Save the login"
                        </button>
                    </div>
                </PostForm>
            </Panel>
        </div>
    }
    .into_any()
}

fn verdict(logins: usize) -> String {
    match logins {
        0 => "No registry has a login.".to_owned(),
        1 => "One registry has a login.".to_owned(),
        count => format!("{} registries have a login.", format::sentence(&format::count(count))),
    }
}

fn row(login: &LoginView, refused: RwSignal<Refused>) -> AnyView {
    let answered = match login.answered_at {
        Some(at) => view! { ", last answered " {ago(at)} }.into_any(),
        None => ", not asked yet".into_any(),
    };
    let quota = login.quota.map(|(left, all)| format!(", {left} of {all} requests left then"));
    view! {
        <li class="login">
            <div class="login__what">
                <b>{login.registry.clone()}</b>
                <p class="hint">{format!("as {}, saved ", login.username)} {ago(login.updated_at)} {answered} {quota}</p>
            </div>
            <div class="row is-tight">
                <ActionButton
                    action=format!("{PATH}/{}/sign-in", client::encode(&login.registry))
                    label="Try it"
                    icon="key"
                    class="is-small"
                    refused=refused
                />
                <a class="button is-small" href=format!("?remove={}", client::encode(&login.registry))>
                    "Remove it"
                </a>
            </div>
        </li>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_verdict_counts_registries() {
        assert_eq!(verdict(0), "No registry has a login.");
        assert_eq!(verdict(1), "One registry has a login.");
        assert_eq!(verdict(3), "Three registries have a login.");
    }
}
