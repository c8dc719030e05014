//! What stands around every page: places, connection, person, and strips that say when the engine or the panel is away.

use api::{engine::EngineState, engine::EngineView, engine::Frame as FrameView, session::Role};
use leptos::prelude::*;
use leptos_router::{components::Outlet, hooks::use_location};

use crate::{
    client,
    components::{
        icon::{icon, mark, small_icon},
        keys::keys,
        palette::palette,
        suspended::suspended,
        theme::theme_menu,
        toast::toasts,
        when::ago,
    },
    format,
    kept::kept,
    live::{Connection, Live},
    routes::{PLACES, here},
    words,
};

/// The frame's answer, asked once and kept while the person walks from page to page.
#[derive(Clone, Copy)]
pub struct Around(pub client::Loaded<FrameView>);

impl Around {
    /// Whether the person who asks may do what `role` may; false while nobody knows.
    pub fn may(self, role: Role) -> bool {
        self.0.get().and_then(Result::ok).is_some_and(|frame| frame.me.role >= role)
    }
}

/// The frame and the page inside it.
#[component]
pub fn Frame() -> impl IntoView {
    let frame = client::main_resource::<FrameView>(|| "/frame".to_owned());
    provide_context(Around(frame));
    let live = expect_context::<Live>();
    #[cfg(not(feature = "ssr"))]
    {
        let is_open = StoredValue::new(false);
        Effect::new(move |_| {
            if let Some(Ok(frame)) = frame.get()
                && !is_open.get_value()
            {
                is_open.set_value(true);
                crate::live::open(live, frame.sequence, frame.build);
            }
        });
    }
    let is_stale = move || matches!(live.connection.get(), Connection::Silent(_) | Connection::SignedOut);
    view! {
        <div class="app" class:is-stale=is_stale>
            <aside class="side">
                <a class="brand" href="/">
                    {mark()}
                    {suspended(move || async move { site_name(frame.await.ok()).into_any() })}
                </a>
                <nav class="nav" aria-label="Main">
                    {suspended(move || async move { places(frame.await.ok()).into_any() })}
                </nav>
                <div class="side__foot">
                    {connection()} {suspended(move || async move { person(frame.await.ok()).into_any() })}
                </div>
            </aside>
            <div class="main">
                <header class="top">
                    <Crumbs />
                    <div class="top__end">
                        {palette()}
                        {suspended(move || async move { running(frame.await.ok()).into_any() })}
                        {theme_menu()}
                    </div>
                </header>
                {connection_strip()}
                {suspended(move || async move {
                    frame.await.ok().map(|frame| view! { <EngineStrip engine=frame.engine /> }).into_any()
                })}
                <main class="page" id="content">
                    <Outlet />
                </main>
            </div>
        </div>
        {toasts()}
        {keys()}
        <nav class="bar" aria-label="Main, small screens">
            {PLACES[..4].iter().map(|place| link(place, None)).collect_view()}
            <a href="/me" aria-current=current("/me")>
                {icon("user")}
                <span>"You"</span>
            </a>
        </nav>
    }
    .into_any()
}

fn site_name(frame: Option<FrameView>) -> impl IntoView {
    view! { <span class="brand__name">{frame.map_or_else(|| "Summoner".to_owned(), |frame| frame.site_name)}</span> }
}

fn current(path: &'static str) -> impl Fn() -> Option<&'static str> + Clone {
    let location = use_location();
    move || {
        let here = location.pathname.get();
        let is_here = PLACES.iter().find(|place| place.path == path).map_or(here == path, |place| place.holds(&here));
        is_here.then_some("page")
    }
}

fn link(place: &crate::routes::Place, count: Option<AnyView>) -> AnyView {
    view! {
        <a href=place.path title=place.label aria-current=current(place.path)>
            {icon(place.icon)}
            <span>{place.label}</span>
            {count}
        </a>
    }
    .into_any()
}

fn places(frame: Option<FrameView>) -> impl IntoView {
    let role = frame.as_ref().map_or(Role::Viewer, |frame| frame.me.role);
    let known = frame.map_or((0, 0), |frame| (frame.tools as usize, frame.tools_in_need as usize));
    PLACES
        .into_iter()
        .filter(|place| place.role <= role)
        .map(|place| link(&place, (place.path == "/tools").then(|| tool_count(known))))
        .collect_view()
}

/// How many tools there are, or how many of them need a person.
fn tool_count(known: (usize, usize)) -> AnyView {
    let live = expect_context::<Live>();
    let counts = kept(move || live.counts().unwrap_or(known));
    let count = move || match counts.get() {
        (0, _) => None,
        (tools, 0) => Some(view! { <span class="count">{tools}</span> }.into_any()),
        (_, need) => Some(
            view! {
                <span class="count is-bad" aria-label=format!("{need} need you")>
                    {need}
                </span>
            }
            .into_any(),
        ),
    };
    count.into_any()
}

fn connection() -> AnyView {
    let live = expect_context::<Live>();
    let state = move || match live.connection.get() {
        Connection::Idle => ("off", "Not live: reload to see changes"),
        Connection::Connected => ("ok", "Connected"),
        Connection::Reconnecting | Connection::Silent(_) => ("work", "Reconnecting"),
        Connection::SignedOut => ("work", "Signed out"),
    };
    view! {
        <p class="connection" data-tone=move || state().0>
            {move || state().1}
        </p>
    }
    .into_any()
}

fn person(frame: Option<FrameView>) -> Option<impl IntoView> {
    frame.map(|frame| {
        view! {
            <a class="person" href="/me">
                <span class="avatar" aria-hidden="true">{initials(&frame.me.name)}</span>
                <span class="person__text">
                    <span>{frame.me.name}</span>
                    <span class="person__role">{words::role(frame.me.role)}</span>
                </span>
            </a>
        }
    })
}

/// The first letters of the first and the last word of a name.
pub fn initials(name: &str) -> String {
    let words: Vec<&str> = name.split_whitespace().collect();
    let first = words.first().and_then(|word| word.chars().next());
    let last = words.get(1..).and_then(<[&str]>::last).and_then(|word| word.chars().next());
    first.into_iter().chain(last).flat_map(char::to_uppercase).collect()
}

fn running(frame: Option<FrameView>) -> Option<AnyView> {
    let known = frame?.running;
    let live = expect_context::<Live>();
    let running = kept(move || live.running(&known));
    // The link stays for as long as it leads to the same place, and keeps its focus.
    let first = kept(move || running.with(|running| running.first().map(|operation| operation.operation_id)));
    let text = move || {
        running.with(|running| {
            let (tone, word) = words::operation(running.first()?);
            let more = match running.len() {
                1 => String::new(),
                count => format!(", {} more", count - 1),
            };
            Some(view! {
                {small_icon(tone.icon())}
                <span>{format!("{word} {}{more}", running[0].tool)}</span>
            })
        })
    };
    let link = move || {
        first.get().map(|id| {
            view! {
                <a class="running" href=format!("/operations/{id}")>
                    {text}
                </a>
            }
        })
    };
    Some(link.into_any())
}

/// The way up from a page: "Tools › wiki".
#[component]
fn Crumbs() -> impl IntoView {
    let location = use_location();
    let crumbs = move || {
        let here = location.pathname.get();
        let place = PLACES.iter().find(|place| place.holds(&here));
        let rest: Vec<&str> = here.split('/').filter(|part| !part.is_empty()).skip(1).collect();
        match (place, rest.first()) {
            (Some(place), Some(thing)) => view! {
                <a href=place.path>{place.label}</a>
                {small_icon("right")}
                <span aria-current="page">{if place.path == "/settings" { format::sentence(thing) } else { (*thing).to_owned() }}</span>
            }
            .into_any(),
            (Some(place), None) => view! { <span aria-current="page">{place.label}</span> }.into_any(),
            (None, _) => {
                let (path, label) = match here.split('/').nth(1) {
                    Some("operations") => ("/activity", "Activity"),
                    Some("me") => ("/me", "You"),
                    Some("search") => ("/search", "Find"),
                    _ => ("/", "Dashboard"),
                };
                view! {
                    <a href=path aria-current=(path == here).then_some("page")>
                        {label}
                    </a>
                }
                .into_any()
            }
        }
    };
    view! {
        <nav class="crumbs" aria-label="You are here">
            {crumbs}
        </nav>
    }
    .into_any()
}

/// Says on top of every page that the engine does not answer, and from when what is shown is.
#[component]
fn EngineStrip(engine: EngineView) -> impl IntoView {
    let live = expect_context::<Live>();
    let engine = kept(move || live.engine.get().unwrap_or_else(|| engine.clone()));
    move || {
        let engine = engine.get();
        (engine.state == EngineState::Down).then(|| {
            let since = engine.since.map(format::time_of_day);
            let sentence = match &since {
                Some(since) => format!(" has not answered since {since} UTC. States below are from then."),
                None => " does not answer. States below may be old.".to_owned(),
            };
            notice(
                view! {
                    "Docker on " <b>{engine.node.clone()}</b> {sentence}
                    {(!engine.reason.is_empty())
                        .then(|| view! { <span class="notice__why">{engine.reason.clone()}</span> })}
                    {engine.since.map(|since| view! { <span class="notice__age">{ago(since)}</span> })}
                }
                .into_any(),
            )
        })
    }
}

/// Says on top of every page that it hears nothing any more, and what can be done about it.
fn connection_strip() -> AnyView {
    let live = expect_context::<Live>();
    let here = here();
    let shown = move || match live.connection.get() {
        Connection::Idle | Connection::Connected | Connection::Reconnecting => None,
        Connection::Silent(since) => {
            let since = format::time_of_day(since);
            Some(notice(format!("Not connected since {since} UTC. Values are from then.").into_any()))
        }
        Connection::SignedOut => Some(notice(
            view! {
                "You are signed out, so nothing below changes any more. "
                <a href=client::door(&here()) rel="external">"Sign in again"</a>
            }
            .into_any(),
        )),
    };
    shown.into_any()
}

fn notice(text: AnyView) -> AnyView {
    view! {
        <div class="notice" role="status">
            {icon("tri")} <p>{text}</p>
        </div>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn initials_are_of_the_first_and_the_last_name() {
        for (name, expected) in [("Léa Martin", "LM"), ("ada", "A"), ("Jean de la Tour", "JT"), ("", "")] {
            assert_eq!(initials(name), expected);
        }
    }
}
