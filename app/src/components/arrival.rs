//! What a person who walks inside the browser would otherwise not hear: that another page is there.

use leptos::{html, prelude::*};

/// The page that was shown last, and the one polite region of the document.
#[derive(Clone, Copy)]
pub struct Arrival {
    #[cfg(not(feature = "ssr"))]
    path: StoredValue<String>,
    said: RwSignal<String>,
}

impl Arrival {
    /// Nothing was shown yet.
    pub fn new() -> Self {
        Self {
            #[cfg(not(feature = "ssr"))]
            path: StoredValue::default(),
            said: RwSignal::default(),
        }
    }

    /// Has `text` read out when the reader pauses.
    pub fn say(self, text: String) {
        self.said.set(text);
    }

    /// The region itself; it stands in every document from the start, because a region that comes later is not heard.
    pub fn region(self) -> AnyView {
        view! {
            <p class="sr" role="status">
                {move || self.said.get()}
            </p>
        }
        .into_any()
    }
}

impl Default for Arrival {
    fn default() -> Self {
        Self::new()
    }
}

/// Frames of the browser that a page may take to stand in the document after it was drawn.
#[cfg(not(feature = "ssr"))]
const FRAMES: u32 = 120;

/// Greets a page once it stands in the document: before that, nothing of it takes the focus.
#[cfg(not(feature = "ssr"))]
fn arrive(arrival: Arrival, h1: web_sys::HtmlHeadingElement, path: Memo<String>, title: String, frames: u32) {
    if !h1.is_connected() {
        if frames > 0 {
            request_animation_frame(move || arrive(arrival, h1, path, title, frames - 1));
        }
        return;
    }
    // Gone with its page, if another one came meanwhile.
    let (Some(here), Some(before)) = (path.try_get_untracked(), arrival.path.try_get_value()) else { return };
    // The same page drawn anew takes the focus from nobody.
    if here == before {
        return;
    }
    arrival.path.set_value(here);
    if !before.is_empty() {
        // It fails only for an element that is gone.
        let _ = h1.focus();
        arrival.say(title);
    }
}

/// The one `h1` of a page. On every page after the first it takes the focus, and `title` is read out; a sentence that
/// changes while one reads is read out too.
pub fn heading(sentence: Signal<String>, title: Signal<String>) -> AnyView {
    let h1 = NodeRef::<html::H1>::new();
    #[cfg(feature = "ssr")]
    let _ = title;
    #[cfg(not(feature = "ssr"))]
    {
        let arrival = expect_context::<Arrival>();
        let path = leptos_router::hooks::use_location().pathname;
        Effect::new(move |_| {
            if let Some(h1) = h1.get() {
                arrive(arrival, h1, path, title.get_untracked(), FRAMES);
            }
        });
        Effect::new(move |before: Option<String>| {
            let now = sentence.get();
            if before.is_some_and(|before| before != now) {
                arrival.say(now.clone());
            }
            now
        });
    }
    view! {
        <h1 node_ref=h1 tabindex="-1">
            {move || sentence.get()}
        </h1>
    }
    .into_any()
}
