//! One entry: its form, the plan beside it, facts below.

use api::{Problem, catalog::EntryDetails, operations::PlanView, tools::Reach, versions::VersionList};
use leptos::prelude::*;
use leptos_router::hooks::{use_params_map, use_query_map};

use super::picker::Picker;
use crate::{
    client,
    components::{
        answers::Answers,
        failure::{failure, refusal},
        field::Field,
        form::{PostForm, idempotency_key, refused},
        panel::Panel,
        reach::{WayIn, WhereItListens},
        steps::steps,
        tile::{TileSize, tile},
        verdict::Verdict,
    },
    format,
    forms::Refused,
    pages::tool::overview::short_digest,
    words::say,
};

/// What the page is made of: the entry, and the versions of each of its images.
type Loaded = (EntryDetails, Vec<Result<VersionList, Problem>>);

/// Installs an entry.
#[component]
pub fn Entry() -> impl IntoView {
    let refused = refused();
    let key = StoredValue::new(idempotency_key());
    let params = use_params_map();
    let id = Memo::new(move |_| params.with(|params| params.get("entry")).unwrap_or_default());
    let loaded = Resource::new(move || id.get(), load);
    view! {
        <Suspense>
            {move || Suspend::new(async move {
                match loaded.await {
                    Ok((details, versions)) => {
                        view! { <Install details=details versions=versions key=key.get_value() refused=refused /> }.into_any()
                    }
                    Err(problem) => failure(&problem),
                }
            })}
        </Suspense>
    }
    .into_any()
}

/// The fetcher of a resource keeps its owner while it waits, so the second call finds the context too.
async fn load(entry: String) -> Result<Loaded, Problem> {
    let entry = client::encode(&entry);
    let details = client::page::<EntryDetails>(&format!("/catalog/{entry}")).await?;
    let mut versions = Vec::new();
    for image in &details.images {
        versions.push(client::get(&format!("/catalog/{entry}/versions?image={}", client::encode(&image.image))).await);
    }
    Ok((details, versions))
}

/// What is shown beside the form.
#[derive(Clone, Debug, Default, PartialEq)]
struct Beside {
    plan: Option<PlanView>,
    kept_volumes: Vec<String>,
    is_asking: bool,
}

#[component]
fn Install(
    details: EntryDetails,
    versions: Vec<Result<VersionList, Problem>>,
    key: String,
    refused: RwSignal<Refused>,
) -> impl IntoView {
    let EntryDetails { entry, images, fields, exposes, proposed_name, .. } = details.clone();
    let beside = RwSignal::new(Beside::default());
    let form = NodeRef::<leptos::html::Div>::new();
    let ask = planning(form, refused, beside);
    // Another line or variant chooses another version without a word from the form.
    let query = use_query_map();
    Effect::new(move |before: Option<()>| {
        query.track();
        if before.is_some() {
            ask.run(());
        }
    });
    let ways = exposes
        .iter()
        .map(|way| WayIn {
            name: way.name.clone(),
            protocol: way.protocol.clone(),
            port: way.proposed_port.to_string(),
        })
        .collect();
    let (own, more): (Vec<_>, Vec<_>) = images.into_iter().zip(versions).partition(|(image, _)| image.is_tool);
    let picker = {
        let entry = entry.entry.clone();
        move |(image, list)| view! { <Picker entry=entry.clone() image=image list=list refused=refused /> }
    };
    let more_count = more.len();
    let own = own.into_iter().map(picker.clone()).collect_view();
    let more = more
        .into_iter()
        .map(|(image, list)| {
            let title = image.repository.clone();
            view! {
                <h3>{title}</h3>
                {picker((image, list))}
            }
        })
        .collect_view();
    let name = entry.name.clone();
    view! {
        <div class="identity">
            {tile(&entry.name, TileSize::Huge)}
            <Verdict
                sentence=format!("Install {}", entry.name)
                lead=format!("{}. All of it is filled in; change what you like.", say(&entry.tagline).trim_end_matches('.'))
            />
        </div>
        <div node_ref=form on:input=move |_| ask.run(()) on:change=move |_| ask.run(())>
            <PostForm action=format!("/catalogue/{}", entry.entry) refused=refused class="columns">
                <input type="hidden" name="entry" value=entry.entry.clone() />
                <input type="hidden" name="idempotency_key" value=key />
                <div class="stack">
                    <Panel name="version" title="Version">
                        {own}
                        {(more_count > 0)
                            .then(|| {
                                view! {
                                    <details class="disclose">
                                        <summary>"Versions of what it needs"</summary>
                                        <div class="disclose__body">{more}</div>
                                    </details>
                                }
                            })}
                    </Panel>
                    <Panel name="questions" title="A few questions" note=|| "Passwords and keys are generated and sealed">
                        <Field
                            name="name"
                            label="Name"
                            refused=refused
                            value=proposed_name
                            hint="2 to 40 of a-z, 0-9 and single dashes, a letter first. Its containers carry this name."
                        />
                        {move || kept(&beside.read().kept_volumes)}
                        <Answers fields=fields present=Default::default() is_installed=false refused=refused />
                    </Panel>
                    <Panel name="listens" title="Where it listens">
                        <WhereItListens ways=ways reach=Reach::Machine refused=refused />
                    </Panel>
                    {about(&details)}
                </div>
                <aside class="review">
                    <Panel name="plan" title="What will happen">
                        <div class="review__plan" role="region" aria-label="The plan" tabindex="0">
                            {move || plan(&beside.read())}
                        </div>
                        {move || refused.with(|refused| refused.problem.as_ref().map(refusal))}
                        <button class="button is-primary is-big is-wide" type="submit">
                            {format!("Install {name}")}
                        </button>
                        <p class="hint">"If a step fails, everything made so far is taken away again."</p>
                    </Panel>
                </aside>
            </PostForm>
        </div>
    }
    .into_any()
}

fn kept(volumes: &[String]) -> Option<AnyView> {
    (!volumes.is_empty()).then(|| {
        view! { <p class="hint">{format!("Kept data of this name is there, and the tool will run on it: {}.", volumes.join(", "))}</p> }
            .into_any()
    })
}

fn plan(beside: &Beside) -> AnyView {
    let Some(plan) = &beside.plan else {
        let text = if beside.is_asking { "Working out the plan…" } else { "The plan follows what you fill in." };
        return view! {
            <p class="hint">{text}</p>
            <noscript inner_html="<p class=\"hint\">Without JavaScript the plan is not shown here. The same steps stand on the next page, where you can stop and go back.</p>"></noscript>
        }
        .into_any();
    };
    let images = plan
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
        })
        .collect_view();
    view! {
        {steps(&plan.steps)}
        <hr />
        <dl class="facts is-stacked">{images}</dl>
        <p class="hint">{plan.data.clone()}</p>
    }
    .into_any()
}

fn about(details: &EntryDetails) -> AnyView {
    let fact = |term: &'static str, fact: String| {
        (!fact.is_empty()).then(|| {
            view! {
                <dt>{term}</dt>
                <dd>{fact}</dd>
            }
        })
    };
    let links = details
        .links
        .iter()
        .map(|(name, link)| {
            view! {
                <a href=link.clone() rel="noopener noreferrer" target="_blank">
                    {format::sentence(name)}
                </a>
            }
        })
        .collect_view();
    let rules = details.path_rules.iter().map(|rule| say(rule).to_owned()).collect::<Vec<_>>().join("; ");
    view! {
        <section class="panel" aria-labelledby="about">
            <header class="panel__head">
                <h2 id="about">"About this entry"</h2>
            </header>
            <div class="panel__body">
                <p>{say(&details.description).to_owned()}</p>
                <dl class="facts is-plain">
                    {fact("Licence", details.licence.clone())}
                    {fact("Needs", details.entry.memory_bytes.map(|bytes| format!("{} of memory", format::bytes(bytes))).unwrap_or_default())}
                    {fact("Health", details.health.join("; "))} {fact("Snapshots", details.backup.clone())} {fact("Upgrades", rules)}
                </dl>
                <p class="row">{links}</p>
            </div>
        </section>
    }
    .into_any()
}

/// Keeps the plan true to the form: asked for once the page stands, and again when typing rests.
#[cfg(feature = "ssr")]
fn planning(_form: NodeRef<leptos::html::Div>, _refused: RwSignal<Refused>, _beside: RwSignal<Beside>) -> Callback<()> {
    Callback::new(|()| {})
}

#[cfg(not(feature = "ssr"))]
fn planning(form: NodeRef<leptos::html::Div>, refused: RwSignal<Refused>, beside: RwSignal<Beside>) -> Callback<()> {
    use std::time::Duration;

    use api::tools::Check;
    use wasm_bindgen::JsCast;

    use crate::{client::Method, components::form::body_of};

    /// Typing rests when nothing came for this long.
    const REST: Duration = Duration::from_millis(400);

    let asked = StoredValue::new(0_u32);
    let ask = move |number: u32| {
        let form = form.get_untracked().and_then(|around| around.query_selector("form").ok().flatten());
        let Some(body) = form.and_then(|form| form.dyn_into().ok()).and_then(|form| body_of(&form)) else { return };
        beside.update(|beside| beside.is_asking = true);
        leptos::task::spawn_local(async move {
            let check = client::get::<Check>(&format!("/tools/check?{body}")).await;
            let plan = client::send::<PlanView>(Method::Post, "/plans", body).await;
            // Another answer is under way, or the page is gone.
            if asked.try_get_value() != Some(number) {
                return;
            }
            let (problem, plan) = match plan {
                Ok(plan) => (None, Some(plan)),
                Err(problem) => (Some(problem), None),
            };
            refused.update(|refused| refused.problem = problem);
            let kept_volumes = check.map(|check| check.kept_volumes).unwrap_or_default();
            beside.set(Beside { plan, kept_volumes, is_asking: false });
        });
    };
    let next = move || {
        asked.update_value(|number| *number += 1);
        asked.get_value()
    };
    Effect::new(move |_| {
        // After a refused form the page shows its problem first; the plan comes with the next change.
        if form.get().is_some() && refused.with_untracked(|refused| refused.problem.is_none()) {
            ask(next());
        }
    });
    Callback::new(move |()| {
        let number = next();
        set_timeout(
            move || {
                if asked.try_get_value() == Some(number) {
                    ask(number);
                }
            },
            REST,
        );
    })
}
