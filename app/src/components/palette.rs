//! Find or do anything: a field over the page, opened with Ctrl K or ⌘ K, worked by keyboard alone.
//!
//! Without JavaScript the way to it leads to `/search`, where the same rows are links.

use api::{catalog::EntryView, session::Role, tools::ToolView};
use leptos::{ev, html, prelude::*};

use crate::{
    components::icon::icon,
    find::{Hit, find},
};

/// What is searched, and by whom: the role, the tools and the entries of the catalogue.
type Known = (Role, Vec<ToolView>, Vec<EntryView>);

/// The way to the palette in the top bar, and the palette itself.
pub fn palette() -> AnyView {
    let dialog = NodeRef::<html::Dialog>::new();
    let field = NodeRef::<html::Input>::new();
    let typed = RwSignal::new(String::new());
    let chosen = RwSignal::new(0_usize);
    // Nothing is listed before it was opened: the server has no list to agree with.
    let known = RwSignal::new(None::<Known>);
    let hits = move || {
        let known = known.read();
        known.as_ref().map(|(role, tools, entries)| find(&typed.read(), *role, tools, entries)).unwrap_or_default()
    };
    let worked = browser::worked(dialog, field, typed, chosen, known, hits);
    let browser::Worked { open, close, key } = worked;
    view! {
        <a class="find" href="/search" title="Find or do anything" on:click=open>
            {icon("search")} <span>"Find or do anything"</span> <kbd>"Ctrl K"</kbd>
        </a>
        <dialog class="dialog palette" node_ref=dialog closedby="any" aria-label="Find or do anything">
            <div class="palette__ask">
                {icon("search")}
                <input
                    node_ref=field
                    type="text"
                    role="combobox"
                    aria-label="Find or do anything"
                    aria-expanded="true"
                    aria-controls="palette-hits"
                    aria-activedescendant=move || format!("hit-{}", chosen.get())
                    autocomplete="off"
                    placeholder="A tool, a page, something to do"
                    on:input:target=move |event| {
                        typed.set(event.target().value());
                        chosen.set(0);
                    }
                    on:keydown=key
                />
                <kbd>"Esc"</kbd>
            </div>
            <div class="palette__hits" id="palette-hits" role="listbox" aria-label="What was found" on:click=close>
                {move || known.read().is_some().then(|| rows(hits(), Some(chosen)))}
            </div>
        </dialog>
    }
    .into_any()
}

/// The rows under their headings; options of the palette where one can be `chosen`, plain links otherwise.
pub fn rows(hits: Vec<Hit>, chosen: Option<RwSignal<usize>>) -> AnyView {
    if hits.is_empty() {
        return view! { <p class="palette__none hint">"Nothing is called so. Try fewer or other words."</p> }
            .into_any();
    }
    let mut group = "";
    let rows = hits
        .into_iter()
        .enumerate()
        .map(|(place, hit)| {
            let heading =
                (hit.group != group).then(|| view! { <p class="palette__group" role="presentation">{hit.group}</p> });
            group = hit.group;
            let is_chosen = move || chosen.map(|chosen| if chosen.get() == place { "true" } else { "false" });
            view! {
                {heading}
                <a
                    class="palette__hit"
                    id=format!("hit-{place}")
                    href=hit.link
                    role=chosen.map(|_| "option")
                    tabindex=chosen.map(|_| "-1")
                    aria-selected=is_chosen
                >
                    {icon(hit.icon)}
                    <span>{hit.label}</span>
                    <span class="palette__note">{hit.note}</span>
                </a>
            }
            .into_any()
        })
        .collect::<Vec<AnyView>>();
    rows.into_any()
}

#[cfg(feature = "ssr")]
mod browser {
    use super::*;

    /// What the palette answers to; nothing before the browser has it.
    pub struct Worked {
        pub open: fn(ev::MouseEvent),
        pub close: fn(ev::MouseEvent),
        pub key: fn(ev::KeyboardEvent),
    }

    /// The hands of a palette that is only drawn.
    pub fn worked(
        _dialog: NodeRef<html::Dialog>,
        _field: NodeRef<html::Input>,
        _typed: RwSignal<String>,
        _chosen: RwSignal<usize>,
        _known: RwSignal<Option<Known>>,
        _hits: impl Fn() -> Vec<Hit>,
    ) -> Worked {
        Worked { open: |_| {}, close: |_| {}, key: |_| {} }
    }
}

#[cfg(not(feature = "ssr"))]
mod browser {
    //! The hands of the palette: keys, the mouse, and what is asked of the server when it opens.

    use leptos_router::hooks::use_navigate;

    use super::*;
    use crate::{client, components::frame::Around};

    /// What the palette answers to: its opener, its rows, the keys in its field.
    pub struct Worked<O, C, K> {
        pub open: O,
        pub close: C,
        pub key: K,
    }

    /// Has the palette open, search and close; Ctrl K and ⌘ K open it from everywhere.
    pub fn worked(
        dialog: NodeRef<html::Dialog>,
        field: NodeRef<html::Input>,
        typed: RwSignal<String>,
        chosen: RwSignal<usize>,
        known: RwSignal<Option<Known>>,
        hits: impl Fn() -> Vec<Hit> + 'static,
    ) -> Worked<impl Fn(ev::MouseEvent), impl Fn(ev::MouseEvent), impl Fn(ev::KeyboardEvent)> {
        let Around(frame) = expect_context::<Around>();
        let show = move || {
            let role = frame.get_untracked().and_then(Result::ok).map_or(Role::Viewer, |frame| frame.me.role);
            let Some(dialog) = dialog.get_untracked().filter(|dialog| !dialog.open()) else { return };
            typed.set(String::new());
            chosen.set(0);
            if let Some(field) = field.get_untracked() {
                field.set_value("");
            }
            // It fails only for a dialog that is open already.
            let _ = dialog.show_modal();
            known.update(|known| {
                known.get_or_insert_with(|| (role, Vec::new(), Vec::new()));
            });
            leptos::task::spawn_local(async move {
                // What cannot be had is not offered; the places are there in any case.
                let tools =
                    client::get::<api::Page<ToolView>>("/tools").await.map(|page| page.items).unwrap_or_default();
                let entries = client::get("/catalog").await.unwrap_or_default();
                known.try_set(Some((role, tools, entries)));
            });
        };
        let hide = move || {
            if let Some(dialog) = dialog.get_untracked() {
                dialog.close();
            }
        };
        let pressed = window_event_listener(ev::keydown, move |event| {
            if (event.ctrl_key() || event.meta_key()) && event.key().eq_ignore_ascii_case("k") {
                event.prevent_default();
                show();
            }
        });
        on_cleanup(move || pressed.remove());
        let navigate = use_navigate();
        let key = move |event: ev::KeyboardEvent| {
            let found = hits();
            let last = found.len().saturating_sub(1);
            let at = chosen.get_untracked().min(last);
            let to = match event.key().as_str() {
                "ArrowDown" => {
                    if at == last {
                        0
                    } else {
                        at + 1
                    }
                }
                "ArrowUp" => {
                    if at == 0 {
                        last
                    } else {
                        at - 1
                    }
                }
                "Enter" => {
                    event.prevent_default();
                    if let Some(hit) = found.get(at) {
                        hide();
                        if event.ctrl_key() || event.meta_key() {
                            // A browser that lets no window open says so itself.
                            let _ = window().open_with_url_and_target(&hit.link, "_blank");
                        } else {
                            navigate(&hit.link, Default::default());
                        }
                    }
                    return;
                }
                _ => return,
            };
            event.prevent_default();
            chosen.set(to);
            if let Some(row) = document().get_element_by_id(&format!("hit-{to}")) {
                row.scroll_into_view_with_bool(false);
            }
        };
        Worked {
            open: move |event: ev::MouseEvent| {
                // A click that asks for a new tab gets one.
                if !(event.ctrl_key() || event.meta_key() || event.shift_key()) {
                    event.prevent_default();
                    show();
                }
            },
            close: move |_| hide(),
            key,
        }
    }
}
