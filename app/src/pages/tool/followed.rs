//! A tool's pages stay true while they are open.

use std::time::Duration;

use api::tools::ToolDetails;
use leptos::prelude::*;

use crate::{client, live::Live};

/// The stream tells of the tool, not of all that belongs to it, so that is asked for; this often at most.
const ASK_EVERY: Duration = Duration::from_secs(1);

/// Whether the tool's details may be asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Asking {
    /// At once.
    Ready,
    /// Later: they were asked for just now.
    Resting,
    /// As soon as the rest is over, because something moved meanwhile.
    Wanted,
}

/// The tool and all that belongs to it, as it is now, until the calling component goes.
pub fn followed(details: ToolDetails) -> RwSignal<ToolDetails> {
    let tool = expect_context::<Live>().tool(details.tool.clone());
    let details = RwSignal::new(details);
    let asking = StoredValue::new(Asking::Ready);
    Effect::new(move |before: Option<()>| {
        let now = tool.get();
        if before.is_some() || details.with_untracked(|details| details.tool != now) {
            details.update(|details| details.tool = now);
            ask(details, asking);
        }
    });
    details
}

fn ask(details: RwSignal<ToolDetails>, asking: StoredValue<Asking>) {
    if asking.get_value() != Asking::Ready {
        asking.set_value(Asking::Wanted);
        return;
    }
    asking.set_value(Asking::Resting);
    let name = details.with_untracked(|details| details.tool.name.clone());
    let answer = client::get::<ToolDetails>(&format!("/tools/{}", client::encode(&name)));
    leptos::task::spawn(async move {
        // A failed try changes nothing: the page keeps what it knows, and says itself when the tool is gone.
        if let Ok(answer) = answer.await {
            // What the stream told meanwhile is newer than the answer.
            details.try_update(|details| {
                let tool = details.tool.clone();
                *details = ToolDetails { tool, ..answer };
            });
        }
        set_timeout(
            move || {
                let before = asking.try_get_value();
                asking.try_set_value(Asking::Ready);
                if before == Some(Asking::Wanted) {
                    ask(details, asking);
                }
            },
            ASK_EVERY,
        );
    });
}
