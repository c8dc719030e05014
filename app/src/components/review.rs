//! What a form would do, in words beside it, before it is confirmed.

use api::operations::PlanView;
use leptos::{html, prelude::*};

use crate::{
    components::{failure::refusal, panel::Panel, steps::steps},
    format,
    forms::Refused,
    pages::tool::overview::short_digest,
};

/// The plan of a form, kept true to it while it is filled in.
#[derive(Clone, Copy)]
pub struct Review {
    /// The element around the form.
    pub around: NodeRef<html::Div>,
    refused: RwSignal<Refused>,
    beside: RwSignal<Beside>,
    #[cfg(not(feature = "ssr"))]
    hand: Hand,
}

/// What only a browser needs: it asks.
#[cfg(not(feature = "ssr"))]
#[derive(Clone, Copy)]
struct Hand {
    /// Counts the questions, so that a late answer is known.
    asked: StoredValue<u32>,
    /// Where the plan is asked for, below the API's root.
    plan: StoredValue<String>,
    /// Whether the form is an install, whose name and ports may be taken.
    is_install: bool,
}

/// What is known of the plan.
#[derive(Clone, Debug, Default, PartialEq)]
struct Beside {
    plan: Option<PlanView>,
    kept_volumes: Vec<String>,
    is_asking: bool,
}

impl Review {
    /// The plan that `POST plan` gives for the form's body. One that the form was answered with stands there at once.
    pub fn new(plan: String, is_install: bool, refused: RwSignal<Refused>) -> Self {
        let shown = refused.with_untracked(|refused| refused.answer.clone());
        let shown = shown.and_then(|answer| serde_json::from_str(&answer.to_string()).ok());
        #[cfg(feature = "ssr")]
        drop((plan, is_install));
        let review = Self {
            around: NodeRef::new(),
            refused,
            beside: RwSignal::new(Beside { plan: shown, ..Beside::default() }),
            #[cfg(not(feature = "ssr"))]
            hand: Hand { asked: StoredValue::new(0), plan: StoredValue::new(plan), is_install },
        };
        #[cfg(not(feature = "ssr"))]
        Effect::new(move |_| {
            // After a refused form the page shows its problem first; the plan comes with the next change.
            if review.around.get().is_some() && refused.with_untracked(|refused| refused.problem.is_none()) {
                review.ask_now(review.next());
            }
        });
        review
    }

    /// Kept data of the name in the form, which the tool would run on.
    pub fn kept(self) -> Option<AnyView> {
        let volumes = self.beside.with(|beside| beside.kept_volumes.join(", "));
        (!volumes.is_empty()).then(|| {
            view! { <p class="hint">{format!("Kept data of this name is there, and the tool will run on it: {volumes}.")}</p> }
                .into_any()
        })
    }

    /// The plan in a panel, with `go` below it. `show` is where a browser without JavaScript posts the form to see it.
    pub fn panel(self, go: AnyView, show: &str) -> AnyView {
        let show = show.replace('&', "&amp;").replace('"', "&quot;");
        let show = format!("<button class=\"button is-wide\" formaction=\"{show}\">Show the plan</button>");
        view! {
            <aside class="review">
                <Panel name="plan" title="What will happen">
                    <div class="review__plan" role="region" aria-label="The plan" tabindex="0">
                        {move || plan(&self.beside.read())}
                    </div>
                    {move || self.refused.with(|refused| refused.problem.as_ref().map(refusal))}
                    // As text: a browser that runs scripts parses no elements in here, so there would be none to hydrate.
                    <noscript inner_html=show></noscript>
                    {go}
                </Panel>
            </aside>
        }
        .into_any()
    }

    /// Asks for the plan when typing rests.
    #[cfg(feature = "ssr")]
    pub fn ask(self) {}

    /// Asks for the plan when typing rests.
    #[cfg(not(feature = "ssr"))]
    pub fn ask(self) {
        /// Typing rests when nothing came for this long.
        const REST: std::time::Duration = std::time::Duration::from_millis(400);
        let number = self.next();
        set_timeout(
            move || {
                if self.hand.asked.try_get_value() == Some(number) {
                    self.ask_now(number);
                }
            },
            REST,
        );
    }

    #[cfg(not(feature = "ssr"))]
    fn next(self) -> u32 {
        self.hand.asked.update_value(|number| *number += 1);
        self.hand.asked.get_value()
    }

    #[cfg(not(feature = "ssr"))]
    fn ask_now(self, number: u32) {
        use wasm_bindgen::JsCast;

        use crate::{
            client::{self, Method},
            components::form::body_of,
        };

        let form = self.around.get_untracked().and_then(|around| around.query_selector("form").ok().flatten());
        let Some((body, _)) = form.and_then(|form| form.dyn_into().ok()).and_then(|form| body_of(&form)) else {
            return;
        };
        self.beside.update(|beside| beside.is_asking = true);
        let path = self.hand.plan.get_value();
        leptos::task::spawn_local(async move {
            let check = if self.hand.is_install {
                client::get(&format!("/tools/check?{}", asked_openly(&body))).await.ok()
            } else {
                None
            };
            let kept_volumes = check.map(|check: api::tools::Check| check.kept_volumes).unwrap_or_default();
            let (problem, plan) = match client::send::<PlanView>(Method::Post, &path, body, String::new()).await {
                Ok(plan) => (None, Some(plan)),
                Err(problem) => (Some(problem), None),
            };
            // Another answer is under way, or the page is gone.
            if self.hand.asked.try_get_value() == Some(number) {
                self.refused.update(|refused| refused.problem = problem);
                self.beside.set(Beside { plan, kept_volumes, is_asking: false });
            }
        });
    }
}

/// The part of a form's body that an address may carry: addresses are kept in logs and histories, so no answer of the
/// person's is among it.
#[cfg(not(feature = "ssr"))]
fn asked_openly(body: &str) -> String {
    let is_open = |pair: &&str| {
        let name = pair.split('=').next().unwrap_or_default();
        matches!(name, "entry" | "name" | "reach") || name.starts_with("ports.")
    };
    body.split('&').filter(is_open).collect::<Vec<_>>().join("&")
}

fn plan(beside: &Beside) -> AnyView {
    let Some(plan) = &beside.plan else {
        let text = if beside.is_asking { "Working out the plan…" } else { "The plan follows what you fill in." };
        return view! { <p class="hint">{text}</p> }.into_any();
    };
    let images: Vec<AnyView> = plan
        .images
        .iter()
        .map(|image| {
            let size = match (image.is_present, image.size_bytes) {
                (true, _) => "here already".to_owned(),
                (false, Some(size)) => format::bytes(size),
                (false, None) => "size not known".to_owned(),
            };
            view! {
                <dt>{image.reference.clone()}</dt>
                <dd>
                    {size} " " <code title=image.digest.clone()>{short_digest(&image.digest)}</code>
                </dd>
            }
            .into_any()
        })
        .collect();
    view! {
        {steps(&plan.steps)}
        <hr />
        {(!images.is_empty()).then(|| view! { <dl class="facts is-stacked">{images}</dl> })}
        {[&plan.space, &plan.data]
            .into_iter()
            .filter(|sentence| !sentence.is_empty())
            .map(|sentence| view! { <p class="hint">{sentence.clone()}</p> }.into_any())
            .collect::<Vec<_>>()}
    }
    .into_any()
}
