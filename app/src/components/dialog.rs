//! Questions before something that people notice.

use leptos::{html, prelude::*};
use leptos_router::{NavigateOptions, hooks::use_navigate};

/// A question on top of the page. It stands open in the document, so that without JavaScript it is a plain form; in the
/// browser it keeps the focus, Escape closes it, and the focus goes back to where it came from.
///
/// `stay` names what closing it keeps, `back` is the page without the question, `act` the form that goes on.
pub fn dialog(title: String, text: String, stay: String, back: String, act: AnyView) -> AnyView {
    let dialog = NodeRef::<html::Dialog>::new();
    Effect::new(move |_| {
        if let Some(dialog) = dialog.get() {
            // An open dialog cannot become modal; neither call fails for one that is in the document.
            let _ = dialog.remove_attribute("open");
            let _ = dialog.show_modal();
        }
    });
    let navigate = use_navigate();
    let closed = move |_| {
        let options = NavigateOptions { replace: true, scroll: false, ..Default::default() };
        navigate(&back, options);
    };
    view! {
        <dialog class="dialog" node_ref=dialog open closedby="any" aria-labelledby="dialog-title" on:close=closed>
            <h2 id="dialog-title">{title}</h2>
            <p>{text}</p>
            <div class="dialog__foot">
                <form method="dialog">
                    <button class="button">{stay}</button>
                </form>
                {act}
            </div>
        </dialog>
    }
    .into_any()
}
