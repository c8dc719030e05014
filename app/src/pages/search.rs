//! The palette as a page: what it finds, as links.

use api::{catalog::EntryView, session::Role, tools::ToolView};
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use crate::{
    client,
    components::{frame::Around, icon::icon, palette::rows, suspended::suspended, verdict::Verdict},
    find::find,
};

/// Finds what `?q=` says.
#[component]
pub fn Search() -> impl IntoView {
    let query = use_query_map();
    let search = Memo::new(move |_| query.with(|query| query.get("q")).unwrap_or_default());
    let Around(frame) = expect_context::<Around>();
    let tools = client::resource::<api::Page<ToolView>>(|| "/tools".to_owned());
    let entries = client::resource::<Vec<EntryView>>(|| "/catalog".to_owned());
    view! {
        <Verdict sentence="Find or do anything" title="Find" lead="A tool, a page, something to do." />
        <form method="get" action="/search" role="search">
            <label class="search">
                {icon("search")} <span class="sr">"Find or do anything"</span>
                <input type="search" name="q" value=search.get_untracked() autocomplete="off" />
            </label>
        </form>
        {suspended(move || async move {
            let role = frame.await.map_or(Role::Viewer, |frame| frame.me.role);
            // What cannot be had is not offered; the places are there in any case.
            let (tools, entries) = (tools.await.map(|page| page.items).unwrap_or_default(), entries.await.unwrap_or_default());
            view! { <div class="panel palette__page">{move || rows(find(&search.read(), role, &tools, &entries), None)}</div> }
                .into_any()
        })}
    }
    .into_any()
}
