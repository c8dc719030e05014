//! One entry: its form, the plan beside it, facts below.

use api::{Problem, catalog::EntryDetails, tools::Reach, versions::VersionList};
use leptos::prelude::*;
use leptos_router::{
    hooks::{use_params_map, use_query_map},
    params::ParamsMap,
};

use super::picker::{SEARCH, picker, search_of};
use crate::{
    client,
    components::{
        answers::Answers,
        failure::failure,
        field::Field,
        form::{PostForm, refused},
        panel::Panel,
        reach::{WayIn, WhereItListens},
        review::Review,
        suspended::suspended,
        tile::{TileSize, tile},
        verdict::Verdict,
    },
    format,
    forms::Refused,
    words::say,
};

/// What the page is made of: the entry, and the versions of each of its images.
type Loaded = (EntryDetails, Vec<Result<VersionList, Problem>>);

/// Installs an entry.
#[component]
pub fn Entry() -> impl IntoView {
    let refused = refused();
    let params = use_params_map();
    let id = Memo::new(move |_| params.with(|params| params.get("entry")).unwrap_or_default());
    let query = use_query_map();
    let loaded = Resource::new(move || id.get(), move |id| load(id, query.get_untracked()));
    view! {
        {suspended(move || async move {
            match loaded.await {
                Ok((details, versions)) => install(details, versions, refused),
                Err(problem) => failure(&problem),
            }
        })}
    }
    .into_any()
}

/// The fetcher of a resource keeps its owner while it waits, so the later calls find the context too.
async fn load(entry: String, query: ParamsMap) -> Result<Loaded, Problem> {
    let entry = client::encode(&entry);
    let details = client::page::<EntryDetails>(&format!("/catalog/{entry}")).await?;
    let versions = details.images.iter().map(|image| {
        let search = query.get(&search_of(&image.image)).unwrap_or_default();
        let (image, search) = (client::encode(&image.image), client::encode(&search));
        Box::pin(client::get(&format!("/catalog/{entry}/versions?image={image}&search={search}"))) as _
    });
    let versions = client::all(versions.collect()).await;
    Ok((details, versions))
}

fn install(details: EntryDetails, versions: Vec<Result<VersionList, Problem>>, refused: RwSignal<Refused>) -> AnyView {
    let about = about(&details);
    let EntryDetails { entry, images, fields, exposes, refusal, proposed_name, .. } = details;
    let review = Review::new("/plans".into(), true, refused);
    // Another line or variant chooses another version without a word from the form.
    let query = use_query_map();
    Effect::new(move |before: Option<()>| {
        query.track();
        if before.is_some() {
            review.ask();
        }
    });
    let ways = exposes
        .iter()
        .map(|way| WayIn {
            name: way.name.clone(),
            protocol: way.protocol.clone(),
            port: way.proposed_port.to_string(),
            is_optional: way.is_optional,
        })
        .collect();
    // What stands behind versions that nobody looks at is not asked for: registries count such questions.
    let (own, more): (Vec<_>, Vec<_>) = images.into_iter().zip(versions).partition(|(image, _)| image.is_tool);
    let is_searched = query.with_untracked(|query| {
        more.iter().any(|(image, _)| query.get(&search_of(&image.image)).is_some_and(|text| !text.is_empty()))
    });
    let (is_seen, unfolds) = (RwSignal::new(true), RwSignal::new(is_searched));
    let more_count = more.len();
    let own: Vec<AnyView> =
        own.into_iter().map(|(image, list)| picker(entry.entry.clone(), image, list, refused, is_seen)).collect();
    let more: Vec<AnyView> = more
        .into_iter()
        .map(|(image, list)| {
            view! {
                <h3>{image.repository.clone()}</h3>
                {picker(entry.entry.clone(), image, list, refused, unfolds)}
            }
            .into_any()
        })
        .collect();
    let name = entry.name.clone();
    let action = format!("/catalogue/{}", entry.entry);
    let go = if refusal.is_empty() {
        view! {
            <button class="button is-primary is-big is-wide" type="submit">
                {format!("Install {name}")}
            </button>
            <p class="hint">"If a step fails, everything made so far is taken away again."</p>
        }
        .into_any()
    } else {
        view! { <p>{refusal}</p> }.into_any()
    };
    let show = format!("{action}/plan{}", query.with_untracked(ParamsMap::to_query_string));
    view! {
        <div class="identity">
            {tile(&entry.name, TileSize::Huge)}
            <Verdict
                sentence=format!("Install {}", entry.name)
                lead=format!("{}. All of it is filled in; change what you like.", say(&entry.tagline).trim_end_matches('.'))
            />
        </div>
        <form id=SEARCH hidden method="get" action=action.clone() on:submit=|event| event.prevent_default()></form>
        <div node_ref=review.around on:input=move |_| review.ask() on:change=move |_| review.ask()>
            <PostForm action=action refused=refused class="columns">
                // Enter in a field presses the first button of a form, and that must not be one of the picker's.
                <button class="sr" type="submit" tabindex="-1" aria-hidden="true"></button>
                <input type="hidden" name="entry" value=entry.entry.clone() />
                <div class="stack">
                    <Panel name="version" title="Version">
                        {own}
                        {(more_count > 0)
                            .then(|| {
                                view! {
                                    <details class="disclose" open=is_searched on:toggle=move |_| unfolds.set(true)>
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
                        {move || review.kept()}
                        <Answers fields=fields present=Default::default() is_installed=false refused=refused />
                    </Panel>
                    <Panel name="listens" title="Where it listens">
                        <WhereItListens ways=ways reach=Reach::Machine refused=refused />
                    </Panel>
                    {about}
                </div>
                {review.panel(go, &show)}
            </PostForm>
        </div>
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
