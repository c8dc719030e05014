//! Rows that come and go while the page is open.

use std::sync::Arc;

use leptos::prelude::*;
use uuid::Uuid;

/// One row for each of `ids` that `row` knows. It stays as it is for as long as its id does, so what is inside keeps its focus.
pub fn keyed(ids: Memo<Vec<Uuid>>, row: impl Fn(Uuid) -> Option<AnyView> + Send + Sync + 'static) -> AnyView {
    listed(ids, Arc::new(row))
}

fn listed(ids: Memo<Vec<Uuid>>, row: Arc<dyn Fn(Uuid) -> Option<AnyView> + Send + Sync>) -> AnyView {
    view! { <For each=move || ids.get() key=|id| *id children=move |id| row(id) /> }.into_any()
}
