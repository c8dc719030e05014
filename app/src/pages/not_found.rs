//! The page behind a path that leads nowhere, and behind a request that no page answers.

use api::Problem;
use leptos::prelude::*;

use crate::components::{icon::mark, verdict::Verdict};

/// Nothing is here, and where to go instead.
#[component]
pub fn NotFound() -> impl IntoView {
    let detail = "The address may be mistyped, or what it named was never here.";
    let problem = Problem::new(404, "not_found", "There is no page here.", detail);
    #[cfg(feature = "ssr")]
    let problem = settled(problem);
    view! {
        <main class="page is-lone" id="content">
            <a class="brand" href="/">
                {mark()}
                <span class="brand__name">"Summoner"</span>
            </a>
            <Verdict
                title=if problem.status == 404 { "Not found" } else { "" }
                sentence=problem.title
                lead=problem.detail
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

/// What is wrong, which is the status of the page: `nothing` unless the request itself could not be taken.
#[cfg(feature = "ssr")]
fn settled(nothing: Problem) -> Problem {
    let refused = use_context::<crate::forms::Refused>().and_then(|refused| refused.problem);
    let problem = refused.unwrap_or(nothing);
    if let Some(backend) = use_context::<crate::client::Backend>() {
        (backend.status)(problem.status);
    }
    problem
}
