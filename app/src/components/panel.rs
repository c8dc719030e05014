//! The only box; never nested in another.

use leptos::prelude::*;

/// A titled section. `name` is unique on the page and ties the section to its title.
#[component]
pub fn Panel(
    /// Unique on the page.
    name: &'static str,
    /// Its title.
    #[prop(into)]
    title: String,
    /// A short remark at the end of the title's line.
    #[prop(optional, into)]
    note: Option<ViewFn>,
    /// Whether the body brings its own spacing (tables, rows).
    #[prop(optional)]
    is_flush: bool,
    /// The body.
    children: Children,
) -> impl IntoView {
    let children = children();
    let body =
        if is_flush { children.into_any() } else { view! { <div class="panel__body">{children}</div> }.into_any() };
    view! {
        <section class="panel" aria-labelledby=name>
            <header class="panel__head">
                <h2 id=name>{title}</h2>
                {note.map(|note| view! { <div class="panel__note">{move || note.run()}</div> })}
            </header>
            {body}
        </section>
    }
    .into_any()
}
