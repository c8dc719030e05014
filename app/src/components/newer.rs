//! What is new and waits, so that the page holds still.

use leptos::prelude::*;

use crate::{kept::Kept, routes::here};

/// A pill "3 new, show them" that draws the page anew; nothing while `count` gives none.
pub fn newer(count: Kept<usize>) -> AnyView {
    let here = here();
    let pill = move || match count.get() {
        0 => None,
        count => Some(view! {
            <a class="button is-small" href=here() rel="external">
                {format!("{count} new, show {}", if count == 1 { "it" } else { "them" })}
            </a>
        }),
    };
    // The region stands from the start, because one that comes later is not heard.
    view! {
        <p class="newer" role="status">
            {pill}
        </p>
    }
    .into_any()
}
