//! Icons of the sprite `public/icons.svg`.

use leptos::prelude::*;

/// Where the sprite is; its file name carries a hash.
#[derive(Clone, Debug)]
pub struct Sprite(String);

impl Sprite {
    /// Asks the server's context, or the document it rendered.
    pub fn found() -> Self {
        #[cfg(feature = "ssr")]
        let path = use_context::<crate::client::Backend>().map(|backend| backend.assets.icons);
        #[cfg(not(feature = "ssr"))]
        let path = document().body().and_then(|body| body.get_attribute("data-icons"));
        Self(path.unwrap_or_default())
    }
}

/// A decorative icon; what it means stands beside it in words.
pub fn icon(name: &str) -> AnyView {
    drawn(name, "icon")
}

/// The same at 16 px.
pub fn small_icon(name: &str) -> AnyView {
    drawn(name, "icon is-small")
}

fn drawn(name: &str, class: &'static str) -> AnyView {
    let Sprite(sprite) = expect_context::<Sprite>();
    let class = if name == "arc" { format!("{class} is-turning") } else { class.to_owned() };
    view! {
        <svg class=class aria-hidden="true">
            <use href=format!("{sprite}#{name}")></use>
        </svg>
    }
    .into_any()
}

/// The mark: broken circles with a dot where the line stops.
pub fn mark() -> AnyView {
    view! {
        <svg class="mark" viewBox="0 0 28 28" aria-hidden="true">
            <rect class="mark__seal" width="28" height="28" rx="8" />
            <g class="mark__line">
                <path d="M14 5.8a8.2 8.2 0 1 1-7.1 4.1" />
                <path d="M14 10a4 4 0 1 1-3.5 2" />
            </g>
            <circle class="mark__dot" cx="7.8" cy="7.9" r="1.5" />
            <circle class="mark__dot" cx="14" cy="14" r="1.3" />
        </svg>
    }
    .into_any()
}
