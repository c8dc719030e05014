//! What is shown once an answer is there.

use std::pin::Pin;

use leptos::prelude::*;

type View = Pin<Box<dyn Future<Output = AnyView> + Send>>;

/// Shows what `view` gives once it is there, and anew when an answer it awaits changes; the server waits for it.
///
/// All pages come through one `Suspense` over one type: each further type would cost kilobytes of the first load.
pub fn suspended<F: Future<Output = AnyView> + Send + 'static>(
    view: impl Fn() -> F + Send + Sync + 'static,
) -> AnyView {
    boxed(Box::new(move || Box::pin(view())))
}

fn boxed(view: Box<dyn Fn() -> View + Send + Sync>) -> AnyView {
    view! { <Suspense>{move || Suspend::new(view())}</Suspense> }.into_any()
}
