//! Forms that post without JavaScript, and send the same body to the API with it.

use leptos::{ev::SubmitEvent, prelude::*};

use crate::forms::{self, Refused};

/// What the server says about the form this page answers; the same on both sides. Call it once, at the head of a page.
pub fn refused() -> RwSignal<Refused> {
    RwSignal::new(SharedValue::new(|| use_context::<Refused>().unwrap_or_default()).into_inner())
}

/// What makes a form that is sent twice begin one operation. The browser keeps the value that the server wrote: what
/// stands in the page already is not written again when the program takes it over.
fn key() -> AnyView {
    view! { <input type="hidden" name=forms::KEY_FIELD value=new_key() autocomplete="off" /> }.into_any()
}

#[cfg(feature = "ssr")]
fn new_key() -> String {
    (expect_context::<crate::client::Backend>().key)()
}

/// On a page reached inside the browser there is no server to ask.
#[cfg(not(feature = "ssr"))]
fn new_key() -> String {
    let part = || format!("{:08x}", (js_sys::Math::random() * f64::from(u32::MAX)) as u32);
    format!("{}-{}-{:x}", part(), part(), js_sys::Date::now() as u64)
}

/// A form of [`crate::forms::FORMS`].
#[component]
pub fn PostForm(
    /// The path it posts to, with its query.
    #[prop(into)]
    action: String,
    /// Where a refusal is put.
    refused: RwSignal<Refused>,
    /// Its class.
    #[prop(optional)]
    class: &'static str,
    /// Its fields.
    children: Children,
) -> impl IntoView {
    let submit = enhanced(&action, refused);
    let found = forms::find(action.split('?').next().unwrap_or_default());
    let begins = found.is_some_and(|found| found.then == forms::Then::Operation);
    view! {
        <form method="post" action=action class=class on:submit=submit novalidate>
            {begins.then(key)} {children()}
        </form>
    }
    .into_any()
}

#[cfg(feature = "ssr")]
fn enhanced(_action: &str, _refused: RwSignal<Refused>) -> impl Fn(SubmitEvent) + use<> {
    |_| {}
}

#[cfg(not(feature = "ssr"))]
fn enhanced(action: &str, refused: RwSignal<Refused>) -> impl Fn(SubmitEvent) + use<> {
    use leptos::task::spawn_local;

    use crate::client;

    let navigate = leptos_router::hooks::use_navigate();
    let path = action.split('?').next().unwrap_or_default().to_owned();
    let next = leptos_router::hooks::use_query_map();
    let is_busy = StoredValue::new(false);
    move |event| {
        let (Some(form), Some(found)) = (form_of(&event), forms::find(&path)) else { return };
        event.prevent_default();
        if is_busy.get_value() {
            return;
        }
        let Some((body, key)) = body_of(&form) else { return };
        let (navigate, next) = (navigate.clone(), next.with_untracked(|query| query.get("next")));
        is_busy.set_value(true);
        // The form keeps its width and says that it works; styles do the rest.
        let _ = form.set_attribute("aria-busy", "true");
        spawn_local(async move {
            let answer = client::send::<serde_json::Value>(found.method, &found.api, body, key).await;
            let _ = form.remove_attribute("aria-busy");
            is_busy.try_set_value(false);
            match answer {
                Err(problem) => {
                    refused.try_update(|refused| refused.problem = Some(problem));
                    request_animation_frame(to_refusal);
                }
                Ok(answer) => match (found.then, forms::after(&found, &answer, next.as_deref())) {
                    (forms::Then::Operation, Some(to)) => navigate(&to, Default::default()),
                    // A whole document: who is signed in may have changed, or the page is the one that is shown.
                    (_, Some(to)) => {
                        let _ = window().location().assign(&to);
                    }
                    (_, None) => {
                        refused.try_set(forms::Refused { answer: Some(answer), ..Default::default() });
                    }
                },
            }
        });
    }
}

#[cfg(not(feature = "ssr"))]
fn form_of(event: &SubmitEvent) -> Option<web_sys::HtmlFormElement> {
    use wasm_bindgen::JsCast;
    event.target()?.dyn_into().ok()
}

/// Whoever sent the form hears what was wrong with it, and goes on from there.
#[cfg(not(feature = "ssr"))]
fn to_refusal() {
    use wasm_bindgen::JsCast;

    let refusal = document().query_selector(".refusal").ok().flatten();
    if let Some(refusal) = refusal.and_then(|refusal| refusal.dyn_into::<web_sys::HtmlElement>().ok()) {
        // It fails only for an element that is gone.
        let _ = refusal.focus();
    }
}

/// The body the browser would post, and the key of the form, which is empty where it has none.
#[cfg(not(feature = "ssr"))]
pub fn body_of(form: &web_sys::HtmlFormElement) -> Option<(String, String)> {
    let data = web_sys::FormData::new_with_form(form).ok()?;
    let parameters = web_sys::UrlSearchParams::new_with_str_sequence_sequence(&data).ok()?;
    parameters.delete("sealed");
    let key = parameters.get(forms::KEY_FIELD).unwrap_or_default();
    parameters.delete(forms::KEY_FIELD);
    Some((String::from(parameters.to_string()), key))
}
