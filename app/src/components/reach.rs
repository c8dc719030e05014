//! Where a tool listens: who reaches it, and on which port.

use api::tools::Reach;
use leptos::prelude::*;

use crate::{
    components::field::{Field, described_by, error_below, id_of, wrong},
    forms::Refused,
};

/// A way in with the port that stands in its field.
pub struct WayIn {
    /// Its name: `web`.
    pub name: String,
    /// `http`, `tcp` or `udp`.
    pub protocol: String,
    /// The port; empty where it is left out.
    pub port: String,
    /// Whether it can be left out.
    pub is_optional: bool,
}

/// Who reaches the tool, and a port for every way in.
#[component]
pub fn WhereItListens(
    /// Its ways in.
    ways: Vec<WayIn>,
    /// What is chosen at first.
    reach: Reach,
    /// What is known of the last try.
    refused: RwSignal<Refused>,
) -> impl IntoView {
    let preset = if reach == Reach::Network { "network" } else { "machine" };
    let chosen = refused.with_untracked(|refused| refused.value("reach", preset));
    let error = wrong("reach", refused);
    let option = |value: &'static str, title: &'static str, meaning: &'static str| {
        view! {
            <label class="choice">
                <input class="radio" type="radio" name="reach" value=value checked=chosen == value />
                <span class="choice__text">
                    <b>{title}</b>
                    <span class="hint">{meaning}</span>
                </span>
            </label>
        }
    };
    let ports = ways
        .into_iter()
        .map(|way| {
            let label = format!("Port for {} ({})", way.name, way.protocol);
            view! {
                <Field
                    name=format!("ports.{}", way.name)
                    label=label
                    refused=refused
                    value=way.port
                    hint=if way.is_optional { "Optional: empty, this way in is left out." } else { "" }
                    inputmode=Some("numeric")
                />
            }
        })
        .collect_view();
    view! {
        <fieldset
            class="stack is-tight"
            role="radiogroup"
            id=id_of("reach")
            tabindex="-1"
            aria-invalid=move || error.get().map(|_| "true")
            aria-describedby=described_by("reach", false, error)
        >
            <legend class="sr">"Who reaches it"</legend>
            {option("machine", "Only this machine", "It listens on 127.0.0.1. Put a reverse proxy before it, or use it from here.")}
            {option(
                "network",
                "Everybody who reaches this machine",
                "It listens on 0.0.0.0, so anyone on the network can open it. The tool's own sign-in is the only lock.",
            )}
            {error_below("reach", error)}
        </fieldset>
        <div class="pair">{ports}</div>
    }
    .into_any()
}
