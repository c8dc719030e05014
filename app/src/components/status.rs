//! A state: icon and word, colour last.

use leptos::prelude::*;

use crate::{components::icon::small_icon, words::Tone};

/// A state without ground.
pub fn status(tone: Tone, word: impl Into<String>) -> AnyView {
    drawn("status", tone, word.into())
}

/// A state on its own tint.
pub fn status_box(tone: Tone, word: impl Into<String>) -> AnyView {
    drawn("status is-box", tone, word.into())
}

fn drawn(class: &'static str, tone: Tone, word: String) -> AnyView {
    view! {
        <span class=class data-tone=tone.as_str()>
            {small_icon(tone.icon())}
            {word}
        </span>
    }
    .into_any()
}
