//! What became of an action, at the edge of the page for a few seconds.

use leptos::prelude::*;
use leptos_router::hooks::{use_location, use_query_map};

use crate::{
    components::{arrival::Arrival, frame::Around, icon::small_icon},
    live::Live,
    words::{self, Tone},
};

/// What the query string says was done (`?done=`), and operations of this person that ended while they look elsewhere.
pub fn toasts() -> AnyView {
    let (live, arrival) = (expect_context::<Live>(), expect_context::<Arrival>());
    let Around(frame) = expect_context::<Around>();
    let query = use_query_map();
    let path = use_location().pathname;
    let done = Memo::new(move |_| query.with(|query| query.get("done")).and_then(|done| words::was_done(&done)));
    let ended = RwSignal::new(None::<(Tone, String, String)>);
    Effect::new(move |_| {
        let Some(operation) = live.ended.get() else { return };
        let me = frame.get_untracked().and_then(Result::ok).map(|frame| frame.me.email);
        let link = format!("/operations/{}", operation.operation_id);
        // Whoever watches it sees it anyway; what others do stands in the activity.
        if me.as_ref() == Some(&operation.actor) && path.get_untracked() != link {
            let sentence = crate::pages::operation::verdict(&operation).0;
            arrival.say(sentence.clone());
            ended.set(Some((words::operation(&operation).0, sentence, link)));
        }
    });
    Effect::new(move |_| {
        if let Some(sentence) = done.get() {
            arrival.say(sentence.to_owned());
        }
    });
    let outdated = move || {
        let text = "This panel was updated.".to_owned();
        live.is_outdated.get().then(|| toast(Tone::Work, text, Some((path.get(), "Load this page anew"))))
    };
    view! {
        <div class="toasts">
            {outdated}
            {move || done.get().map(|sentence| toast(Tone::Ok, sentence.to_owned(), None))}
            {move || ended.get().map(|(tone, sentence, link)| toast(tone, sentence, Some((link, "Look at it"))))}
        </div>
    }
    .into_any()
}

fn toast(tone: Tone, sentence: String, link: Option<(String, &'static str)>) -> AnyView {
    // A whole document: the way inside the browser would keep the program that is there.
    let rel = (tone == Tone::Work).then_some("external");
    let link = link.map(|(link, label)| view! { <a href=link rel=rel>{label}</a> });
    view! {
        <p class="toast" data-tone=tone.as_str()>
            {small_icon(tone.icon())} <span>{sentence}</span> {link}
        </p>
    }
    .into_any()
}
