//! Light, dark, or as the system is: a form of three buttons that keeps the choice in a cookie.

use leptos::{ev::SubmitEvent, prelude::*};
use leptos_router::hooks::use_location;

use crate::{client::encode, components::icon::icon};

/// The button in the top bar and its menu; both work without JavaScript.
pub fn theme_menu() -> AnyView {
    let theme = RwSignal::new(present());
    let location = use_location();
    let action = move || {
        let (path, search) = (location.pathname.get(), location.search.get());
        let query = if search.is_empty() { String::new() } else { format!("?{search}") };
        format!("/theme?next={}", encode(&format!("{path}{query}")))
    };
    let options: Vec<AnyView> = [("system", "As the system is"), ("light", "Light"), ("dark", "Dark")]
        .into_iter()
        .map(|(value, label)| {
            view! {
                <button
                    class="menu__row"
                    type="submit"
                    name="theme"
                    value=value
                    aria-pressed=move || if theme.get() == value { "true" } else { "false" }
                >
                    {label}
                </button>
            }
            .into_any()
        })
        .collect();
    view! {
        <button class="button is-quiet is-icon" type="button" popovertarget="theme-menu" aria-label="Theme" title="Theme">
            {icon("theme")}
        </button>
        <form class="menu" id="theme-menu" popover="auto" method="post" action=action on:submit=move |event| choose(&event, theme)>
            {options}
        </form>
    }
    .into_any()
}

/// The theme the page was rendered in.
#[cfg(feature = "ssr")]
fn present() -> String {
    use_context::<crate::client::Backend>().and_then(|backend| backend.theme.attribute()).unwrap_or("system").to_owned()
}

/// The theme the page was rendered in.
#[cfg(not(feature = "ssr"))]
fn present() -> String {
    let root = document().document_element();
    root.and_then(|root| root.get_attribute("data-theme")).unwrap_or_else(|| "system".to_owned())
}

#[cfg(feature = "ssr")]
fn choose(_event: &SubmitEvent, _theme: RwSignal<String>) {}

/// The same cookie as the server sets, and no page load.
#[cfg(not(feature = "ssr"))]
fn choose(event: &SubmitEvent, theme: RwSignal<String>) {
    use wasm_bindgen::JsCast;

    let chosen = event.submitter().and_then(|button| button.get_attribute("value"));
    let (Some(chosen), Some(root)) = (chosen, document().document_element()) else { return };
    event.prevent_default();
    // None of these can fail for such literals.
    let (cookie, _) = if chosen == "system" {
        ("theme=; path=/; max-age=0; samesite=lax".to_owned(), root.remove_attribute("data-theme"))
    } else {
        let cookie = format!("theme={chosen}; path=/; max-age=31536000; samesite=lax");
        (cookie, root.set_attribute("data-theme", &chosen))
    };
    let _ = js_sys::Reflect::set(&document(), &"cookie".into(), &cookie.into());
    if let Some(menu) = event.target().and_then(|menu| menu.dyn_into::<web_sys::HtmlElement>().ok()) {
        let _ = menu.hide_popover();
    }
    theme.set(chosen);
}
