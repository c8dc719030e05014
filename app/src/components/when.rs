//! Times. The server writes UTC; after the page is hydrated they become relative.

use jiff::Timestamp;
use leptos::prelude::*;

use crate::{format, live::Live};

/// How long ago `at` was: "21 Nov 18:52 UTC", then "3 min ago".
pub fn ago(at: Timestamp) -> AnyView {
    moment(at, |at, now| match now.as_second() - at.as_second() {
        ..5 => "just now".to_owned(),
        seconds => format!("{} ago", format::rough(seconds)),
    })
}

/// Since when: "since 21 Nov 18:52 UTC", then "for 3 min".
pub fn lasting(at: Timestamp) -> AnyView {
    let now = expect_context::<Live>().now;
    let text = move || match now.get() {
        None => format!("since {}", format::instant(at)),
        Some(now) => format!("for {}", format::rough(now.as_second() - at.as_second())),
    };
    view! {
        <time datetime=api::instant::text(at) title=format::instant(at)>
            {text}
        </time>
    }
    .into_any()
}

fn moment(at: Timestamp, relative: fn(Timestamp, Timestamp) -> String) -> AnyView {
    let now = expect_context::<Live>().now;
    let text = move || now.get().map_or_else(|| format::instant(at), |now| relative(at, now));
    view! {
        <time datetime=api::instant::text(at) title=format::instant(at)>
            {text}
        </time>
    }
    .into_any()
}
