//! What people see: the pages and components of Summoner.
//!
//! The crate is compiled twice: natively into the server (feature `ssr`), which renders every page whole, and to wasm
//! (feature `hydrate`), which takes the rendered page over. It talks to nothing but the API, through [`client`].

#![recursion_limit = "256"]

pub mod client;
pub mod components;
pub mod find;
pub mod format;
pub mod forms;
pub mod kept;
pub mod live;
pub mod pages;
pub mod routes;
pub mod words;

use leptos::prelude::*;
use leptos_meta::{Title, provide_meta_context};

/// The document around the pages; only the server renders it.
#[cfg(feature = "ssr")]
pub fn shell() -> AnyView {
    use leptos::nonce::use_nonce;

    let backend = expect_context::<client::Backend>();
    let client::AssetNames { js, wasm, css, icons } = backend.assets;
    let program = (!js.is_empty()).then(|| {
        // The program draws the page of the address it finds, which after a post has to be the page's own.
        let own = match backend.is_posted {
            true => format!("history.replaceState(null,'',{:?});", backend.path.replace('<', "%3C")),
            false => String::new(),
        };
        let load = format!(
            "{own}import init,{{hydrate}} from '{js}';const go=()=>init({{module_or_path:'{wasm}'}}).then(()=>hydrate());\
             'requestIdleCallback' in window?requestIdleCallback(go,{{timeout:500}}):go()"
        );
        view! {
            <link rel="modulepreload" href=js />
            <link rel="preload" href=wasm r#as="fetch" r#type="application/wasm" crossorigin="" />
            <script type="module" nonce=use_nonce()>
                {load}
            </script>
        }
    });
    view! {
        <!DOCTYPE html>
        <html lang="en" data-theme=backend.theme.attribute()>
            <head>
                <meta charset="utf-8" />
                <meta name="viewport" content="width=device-width, initial-scale=1" />
                <link rel="icon" href="/favicon.svg" type="image/svg+xml" />
                <link rel="stylesheet" href=css />
                {program}
                <leptos_meta::MetaTags />
            </head>
            <body data-icons=icons>
                <App />
            </body>
        </html>
    }
    .into_any()
}

/// The pages, wherever they run.
#[component]
pub fn App() -> impl IntoView {
    provide_meta_context();
    provide_context(components::icon::Sprite::found());
    provide_context(live::Live::new());
    let arrival = components::arrival::Arrival::new();
    provide_context(arrival);
    #[cfg(not(feature = "ssr"))]
    Effect::new(|| {
        // Tests wait for this: from here on, the page answers clicks itself. The attribute cannot be refused.
        if let Some(body) = document().body() {
            let _ = body.set_attribute("data-hydrated", "");
        }
    });
    view! {
        <Title formatter=|text: String| if text.is_empty() { "Summoner".to_owned() } else { format!("{text} · Summoner") } />
        <a class="skip" href="#content">
            "Skip to content"
        </a>
        <routes::Pages />
        {arrival.region()}
    }
    .into_any()
}

/// Takes the rendered page over; the one entry of the browser bundle.
#[cfg(feature = "hydrate")]
#[wasm_bindgen::prelude::wasm_bindgen]
pub fn hydrate() {
    console_error_panic_hook::set_once();
    leptos::mount::hydrate_body(App);
}
