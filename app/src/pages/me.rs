//! The person who asks: sessions, password, and the way out.

use api::session::{Role, SessionView};
use leptos::prelude::*;

use crate::{
    client,
    components::{
        button::ActionButton,
        failure::{failure, refusal},
        field::Field,
        form::{PostForm, refused},
        frame::Around,
        icon::small_icon,
        keys,
        panel::Panel,
        suspended::suspended,
        verdict::Verdict,
        when::ago,
    },
    forms::Refused,
    words,
};

/// Own sessions, own password, and sign-out.
#[component]
pub fn Me() -> impl IntoView {
    let refused = refused();
    let Around(frame) = expect_context::<Around>();
    let sessions = client::main_resource::<api::Page<SessionView>>(|| "/sessions".to_owned());
    view! {
        {suspended(move || async move {
            let me = frame.await.ok().map(|frame| frame.me);
            match sessions.await {
                Err(problem) => failure(&problem),
                Ok(api::Page { items: sessions, .. }) => {
                    // The bar of small screens has no room for it.
                    let settings = me.as_ref().is_some_and(|me| me.role >= Role::Administrator);
                    let lead = me
                        .map(|me| format!("{}, {}, {}.", me.name, me.email, words::role(me.role).to_lowercase()))
                        .unwrap_or_default();
                    let rows = sessions.iter().map(|session| row(session, refused)).collect_view();
                    view! {
                        <Verdict sentence=verdict(sessions.len()) title="You" lead=lead>
                            {settings
                                .then(|| {
                                    view! {
                                        <a class="button me__settings" href="/settings">
                                            {small_icon("sliders")}
                                            "Settings"
                                        </a>
                                    }
                                })}
                            <ActionButton action="/sign-out" label="Sign out" icon="key" refused=refused />
                        </Verdict>
                        {move || refused.with(|refused| refused.problem.as_ref().map(refusal))}
                        <div class="columns">
                            <Panel name="sessions" title="Sessions" is_flush=true>
                                <ul class="rows">{rows}</ul>
                            </Panel>
                            <div class="stack">
                                {password(refused)}
                                <Panel name="keys" title="Keys">{keys::switch()} {keys::list()}</Panel>
                            </div>
                        </div>
                    }
                        .into_any()
                }
            }
        })}
    }
    .into_any()
}

fn password(refused: RwSignal<Refused>) -> AnyView {
    view! {
        <Panel name="password" title="Password">
            <PostForm action="/me/password" refused=refused class="stack is-tight">
                <Field
                    name="old_password"
                    label="Password until now"
                    refused=refused
                    kind="password"
                    autocomplete="current-password"
                    is_required=true
                />
                <Field
                    name="new_password"
                    label="New password"
                    refused=refused
                    kind="password"
                    autocomplete="new-password"
                    hint="At least 10 characters. All your other sessions end."
                    is_required=true
                />
                <div class="row">
                    <button class="button is-primary" type="submit">
                        "Change the password"
                    </button>
                </div>
            </PostForm>
        </Panel>
    }
    .into_any()
}

fn verdict(sessions: usize) -> String {
    match sessions {
        0 => "You are not signed in anywhere.".into(),
        1 => "You are signed in here and nowhere else.".into(),
        count => format!("You are signed in at {} places.", crate::format::count(count)),
    }
}

fn row(session: &SessionView, refused: RwSignal<Refused>) -> AnyView {
    let name = browser(&session.user_agent);
    view! {
        <li class="session">
            <div class="session__what">
                <b>{name.clone()}</b>
                {session.is_this.then(|| view! { <span class="chip is-accent">"This one"</span> })}
                <p class="hint">
                    {format!("{}, last used ", session.address)} {ago(session.seen_at)} ", signed in " {ago(session.created_at)}
                </p>
            </div>
            {(!session.is_this)
                .then(|| {
                    view! {
                        <ActionButton
                            action=format!("/me/sessions/{}/end", session.session_id)
                            label="End it"
                            icon="x"
                            class="is-small"
                            refused=refused
                        />
                    }
                })}
        </li>
    }
    .into_any()
}

/// The part of a browser's own description that people know it by.
fn browser(user_agent: &str) -> String {
    let known = [
        ("Edg/", "Edge"),
        ("OPR/", "Opera"),
        ("Firefox/", "Firefox"),
        ("Chrome/", "Chrome"),
        ("Safari/", "Safari"),
        ("curl/", "curl"),
    ];
    let system = [
        ("Android", "Android"),
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Windows", "Windows"),
        ("Mac OS", "macOS"),
        ("Linux", "Linux"),
    ];
    let find =
        |list: &[(&str, &'static str)]| list.iter().find(|(mark, _)| user_agent.contains(mark)).map(|(_, name)| *name);
    match (find(&known), find(&system)) {
        (Some(browser), Some(system)) => format!("{browser} on {system}"),
        (Some(browser), None) => browser.into(),
        _ if user_agent.is_empty() => "A browser that does not say its name".into(),
        _ => user_agent.chars().take(60).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_verdict_counts_places() {
        assert_eq!(verdict(1), "You are signed in here and nowhere else.");
        assert_eq!(verdict(3), "You are signed in at three places.");
    }

    #[test]
    fn browsers_are_called_as_people_call_them() {
        for (agent, name) in [
            ("Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/150.0", "Firefox on Linux"),
            ("Mozilla/5.0 (Windows NT 10.0) Chrome/156.0 Safari/537.36 Edg/156.0", "Edge on Windows"),
            ("curl/8.5", "curl"),
            ("", "A browser that does not say its name"),
        ] {
            assert_eq!(browser(agent), name);
        }
    }
}
