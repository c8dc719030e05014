//! Keys that lead somewhere, for people who leave the mouse alone. No single key changes anything.

use leptos::{html, prelude::*};

/// What the keys do, as text: nothing in it is ever worked.
const LIST: &str = "<dt><kbd>?</kbd></dt><dd>This list</dd>\
    <dt><kbd>Ctrl K</kbd></dt><dd>Find or do anything</dd>\
    <dt><kbd>/</kbd></dt><dd>Search on this page</dd>\
    <dt><kbd>g</kbd> then <kbd>d</kbd> <kbd>t</kbd> <kbd>c</kbd> <kbd>a</kbd> <kbd>s</kbd></dt>\
    <dd>Dashboard, tools, catalogue, activity, settings</dd>\
    <dt><kbd>j</kbd> <kbd>k</kbd></dt><dd>Next row of a list, the one before</dd>\
    <dt><kbd>Enter</kbd></dt><dd>Open it</dd>\
    <dt><kbd>l</kbd></dt><dd>Logs of the tool on this page</dd>\
    <dt><kbd>Esc</kbd></dt><dd>Close what lies over the page</dd>";

/// The list of keys.
pub fn list() -> AnyView {
    view! { <dl class="facts is-plain" inner_html=LIST></dl> }.into_any()
}

/// The dialog that `?` opens. With it, the keys work.
pub fn keys() -> AnyView {
    let dialog = NodeRef::<html::Dialog>::new();
    #[cfg(not(feature = "ssr"))]
    browser::listen(dialog);
    view! {
        <dialog class="dialog" node_ref=dialog closedby="any" aria-labelledby="keys-title">
            <h2 id="keys-title">"Keys"</h2>
            {list()}
            <div class="dialog__foot">
                <form method="dialog">
                    <button class="button">"Close"</button>
                </form>
            </div>
        </dialog>
    }
    .into_any()
}

/// Turns the keys off, for people whose own keys they are; kept in a cookie, as the theme is.
pub fn switch() -> AnyView {
    // Nobody knows before the browser has it.
    let is_on = RwSignal::new(true);
    Effect::new(move |_| is_on.set(browser::are_on()));
    view! {
        <label class="row is-tight">
            <input
                class="check"
                type="checkbox"
                role="switch"
                prop:checked=move || is_on.get()
                on:change:target=move |event| browser::turn(event.target().checked())
            />
            "Single keys lead somewhere"
        </label>
    }
    .into_any()
}

#[cfg(feature = "ssr")]
mod browser {
    /// Whether single keys lead somewhere.
    pub fn are_on() -> bool {
        true
    }

    /// Keeps whether they do.
    pub fn turn(_is_on: bool) {}
}

#[cfg(not(feature = "ssr"))]
mod browser {
    use std::cell::Cell;

    use leptos::{ev, html, prelude::*};
    use wasm_bindgen::JsCast;
    use web_sys::HtmlElement;

    /// The second key of two comes within so many milliseconds.
    const TOGETHER: f64 = 1500.0;
    /// Here keys are letters, or belong to what lies over the page.
    const TAKEN: &str = "input:not([type=radio], [type=checkbox]), select, textarea, [contenteditable]";

    /// Whether single keys lead somewhere.
    pub fn are_on() -> bool {
        let cookies = js_sys::Reflect::get(&document(), &"cookie".into()).ok().and_then(|cookies| cookies.as_string());
        !cookies.unwrap_or_default().split("; ").any(|cookie| cookie == "keys=off")
    }

    /// Keeps whether they do, in a cookie.
    pub fn turn(is_on: bool) {
        let cookie = if is_on {
            "keys=; path=/; max-age=0; samesite=lax"
        } else {
            "keys=off; path=/; max-age=31536000; samesite=lax"
        };
        // It cannot fail for such a literal.
        let _ = js_sys::Reflect::set(&document(), &"cookie".into(), &cookie.into());
    }

    /// Listens as long as the page stands.
    pub fn listen(dialog: NodeRef<html::Dialog>) {
        let led = Cell::new(f64::NEG_INFINITY);
        let pressed = window_event_listener(ev::keydown, move |event| {
            let has_modifier = event.ctrl_key() || event.meta_key() || event.alt_key();
            if has_modifier || event.default_prevented() || is_taken(&event) || !are_on() {
                return;
            }
            let is_second = event.time_stamp() - led.replace(f64::NEG_INFINITY) < TOGETHER;
            let did = match event.key().as_str() {
                key if is_second => go(key),
                "g" => {
                    led.set(event.time_stamp());
                    true
                }
                "?" => dialog.get_untracked().is_some_and(|dialog| dialog.show_modal().is_ok()),
                "/" => search(),
                "j" => step(true),
                "k" => step(false),
                "l" => click("main .tabs a[href$='/logs']"),
                _ => false,
            };
            if did {
                event.prevent_default();
            }
        });
        on_cleanup(move || pressed.remove());
    }

    fn is_taken(event: &ev::KeyboardEvent) -> bool {
        let target = event.target().and_then(|target| target.dyn_into::<web_sys::Element>().ok());
        let in_field = target.is_some_and(|target| target.closest(TAKEN).ok().flatten().is_some());
        in_field || found("dialog[open]").is_some()
    }

    fn found(selector: &str) -> Option<HtmlElement> {
        document().query_selector(selector).ok().flatten()?.dyn_into().ok()
    }

    fn click(selector: &str) -> bool {
        found(selector).map(|element| element.click()).is_some()
    }

    /// To one of the places that the person is shown.
    fn go(key: &str) -> bool {
        let path = match key {
            "d" => "/",
            "t" => "/tools",
            "c" => "/catalogue",
            "a" => "/activity",
            "s" => "/settings",
            _ => return false,
        };
        click(&format!(".nav a[href='{path}']"))
    }

    /// To the page's own search, or to the palette where it has none in sight.
    fn search() -> bool {
        match found("main [type=search]").filter(|field| field.offset_parent().is_some()) {
            Some(field) => field.focus().is_ok(),
            None => click(".find"),
        }
    }

    /// To the link of the next row of the page's lists, or of the one before.
    fn step(is_down: bool) -> bool {
        let Ok(rows) = document().query_selector_all("main tbody tr, main li") else { return false };
        let here = document().active_element();
        let rows = (0..rows.length()).filter_map(|place| rows.get(place)?.dyn_into::<HtmlElement>().ok());
        let (mut before, mut after, mut is_passed) = (None, None, false);
        let links = rows.filter_map(|row| {
            let link = row.query_selector("a[href]").ok().flatten()?.dyn_into::<HtmlElement>().ok()?;
            link.offset_parent().is_some().then_some((row, link))
        });
        let mut first = None;
        for (row, link) in links {
            first.get_or_insert_with(|| link.clone());
            if !is_passed && row.contains(here.as_deref()) {
                is_passed = true;
            } else if is_passed {
                after.get_or_insert(link);
            } else {
                before = Some(link);
            }
        }
        let to = match (is_passed, is_down) {
            (true, true) => after,
            (true, false) => before,
            (false, _) => first,
        };
        to.is_some_and(|link| link.focus().is_ok())
    }
}
