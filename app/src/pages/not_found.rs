//! The page behind a path that leads nowhere.

use leptos::prelude::*;

use crate::components::{icon::mark, verdict::Verdict};

/// Nothing is here, and where to go instead.
#[component]
pub fn NotFound() -> impl IntoView {
    #[cfg(feature = "ssr")]
    if let Some(backend) = use_context::<crate::client::Backend>() {
        (backend.status)(404);
    }
    view! {
        <main class="page is-lone" id="content">
            <a class="brand" href="/">
                {mark()}
                <span class="brand__name">"Summoner"</span>
            </a>
            <Verdict
                sentence="There is no page here."
                title="Not found"
                lead="The address may be mistyped, or what it named was never here."
            />
            <p>
                <a class="button is-primary" href="/">
                    "Go to the dashboard"
                </a>
            </p>
        </main>
    }
    .into_any()
}
