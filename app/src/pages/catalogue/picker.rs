//! The version picker: release lines, variants, versions newest first, other tags.
//!
//! Line, variant and pre-releases stand in the query string; the chosen version is a radio of the form. They are changed
//! by buttons that post the form to its plan, so that nothing typed is lost without JavaScript; with it they only change
//! the query string.

use std::collections::HashMap;

use api::{
    Problem,
    catalog::ImageView,
    versions::{VersionDetails, VersionList, VersionView},
};
use leptos::prelude::*;
use leptos_router::{hooks::use_query_map, params::ParamsMap};

use crate::{
    client,
    components::{
        callout::Callout,
        field::{described_by, error_below, id_of, wrong},
        when::ago,
    },
    format,
    forms::Refused,
    pages::tool::overview::short_digest,
    words::{Tone, say},
};

/// Versions shown before the rest is folded away.
const SHOWN: usize = 8;
/// Other tags shown at once.
const OTHERS: usize = 60;
/// Versions that one call tells about: as many as it may.
const AT_ONCE: usize = 20;

type Known = RwSignal<HashMap<String, Option<VersionDetails>>>;

/// The form that a search for other tags is sent with where there is no JavaScript; the page has one, beside the form
/// that the picker stands in.
pub const SEARCH: &str = "search";

/// The name of the query value that other tags of `image` are searched for.
pub fn search_of(image: &str) -> String {
    format!("search.{image}")
}

/// The versions of one `image` of an `entry`, from what its registry offers; what stands behind each is asked for once
/// it `is_seen`.
pub fn picker(
    entry: String,
    image: ImageView,
    list: Result<VersionList, Problem>,
    refused: RwSignal<Refused>,
    is_seen: RwSignal<bool>,
) -> AnyView {
    let field = format!("versions.{}", image.image);
    let list = match list {
        Ok(list) if !list.lines.is_empty() || !list.others.is_empty() => list,
        Ok(list) => return unreachable(&image, &field, list.stale_reason.unwrap_or_default()),
        Err(problem) => return unreachable(&image, &field, problem.detail),
    };
    let query = use_query_map();
    let wanted = refused.with_untracked(|refused| refused.value(&field, &list.proposed));
    let names = Names::of(&image.image);
    let view = {
        let (list, names, wanted) = (list.clone(), names.clone(), wanted.clone());
        Memo::new(move |_| query.with(|query| Shown::of(&list, &names, query, &wanted)))
    };
    let (known, shows_older): (Known, _) = (RwSignal::default(), RwSignal::new(false));
    let path = format!("/catalog/{}/versions", client::encode(&entry));
    load(format!("{path}/details?image={}&tags=", client::encode(&image.image)), view, is_seen, shows_older, known);
    let source = source(&list);
    let search = query.with_untracked(|query| query.get(&search_of(&image.image))).unwrap_or_default();
    let others = others(&list, &image.image, &path, &wanted, search);
    let label = format!("Version of {}", image.repository);
    let proposed = list.proposed.clone();
    let error = wrong(&field, refused);
    let problem = error_below(&field, error);
    // One closure for what the query string decides.
    let choices = move || {
        let (query, view) = (query.read(), view.read());
        view! {
            <div class="row">{lines(&entry, &list, &names, &query, &view)} {variants(&entry, &list, &image, &names, &query, &view)}</div>
            <div
                class="versions"
                role="radiogroup"
                id=id_of(&field)
                tabindex="-1"
                aria-label=label.clone()
                aria-invalid=move || error.get().map(|_| "true")
                aria-describedby=described_by(&field, false, error)
            >
                {rows(&view, &field, &proposed, known, shows_older)}
            </div>
            {prereleases(&entry, &view, &names, &query)}
        }
        .into_any()
    };
    view! {
        <div class="picker" on:click=follow()>
            {choices}
            {problem}
            {others}
            {source}
        </div>
    }
    .into_any()
}

/// Names of the query values of one image.
#[derive(Clone)]
struct Names {
    line: String,
    variant: String,
    pre: String,
}

impl Names {
    fn of(image: &str) -> Self {
        Self { line: format!("line.{image}"), variant: format!("variant.{image}"), pre: format!("pre.{image}") }
    }
}

/// What the query string leaves of a list.
#[derive(Clone, Debug, PartialEq)]
struct Shown {
    line: String,
    variant: String,
    /// Newest first.
    versions: Vec<VersionView>,
    /// The tag that is chosen.
    chosen: String,
    /// Pre-releases of the line, whether shown or not.
    prereleases: usize,
    shows_prereleases: bool,
}

impl Shown {
    fn of(list: &VersionList, names: &Names, query: &ParamsMap, wanted: &str) -> Self {
        let all = || list.lines.iter().flat_map(|line| line.versions.iter().map(move |version| (line, version)));
        let home = all().find(|(_, version)| version.tag == wanted);
        let variant = query
            .get(&names.variant)
            .unwrap_or_else(|| home.map(|(_, version)| version.variant.clone()).unwrap_or_default());
        let line = query
            .get(&names.line)
            .or_else(|| home.map(|(line, _)| line.name.clone()))
            .or_else(|| list.lines.first().map(|line| line.name.clone()))
            .unwrap_or_default();
        let of_variant: Vec<&VersionView> = all()
            .filter(|(other, version)| other.name == line && version.variant == variant)
            .map(|(_, version)| version)
            .collect();
        let prereleases = of_variant.iter().filter(|version| version.is_prerelease).count();
        // A line that has nothing else shows its pre-releases at once.
        let shows_prereleases = query.get(&names.pre).is_some() || prereleases == of_variant.len();
        let versions: Vec<VersionView> =
            of_variant.into_iter().filter(|version| shows_prereleases || !version.is_prerelease).cloned().collect();
        let is_other = list.takes_others && list.others.iter().any(|tag| tag == wanted);
        let chosen = if is_other || versions.iter().any(|version| version.tag == wanted) {
            wanted.to_owned()
        } else {
            versions.first().map(|version| version.tag.clone()).unwrap_or_default()
        };
        Self { line, variant, versions, chosen, prereleases, shows_prereleases }
    }

    /// Whether the choice is among those that would be folded away, and so invisible.
    fn is_older_chosen(&self) -> bool {
        self.versions.iter().skip(SHOWN).any(|version| version.tag == self.chosen)
    }
}

/// The page of `entry` with `name` set to `value` in the query string, or without it; a form posted there comes back
/// with everything that was typed.
fn with(entry: &str, query: &ParamsMap, name: &str, value: Option<&str>) -> String {
    let mut query = query.clone();
    query.remove(name);
    if let Some(value) = value {
        query.insert(name.to_owned(), value.to_owned());
    }
    format!("/catalogue/{entry}/look{}", query.to_query_string())
}

/// One of several choices that change the query string.
fn segment(label: String, target: String, is_chosen: bool) -> AnyView {
    view! {
        <button type="submit" formaction=target aria-pressed=if is_chosen { "true" } else { "false" }>
            {label}
        </button>
    }
    .into_any()
}

fn segments(name: &'static str, segments: Vec<AnyView>) -> AnyView {
    view! {
        <div class="segmented" role="group" aria-label=name>
            {segments}
        </div>
    }
    .into_any()
}

/// Follows a pressed segment inside the browser: only the query string changes, the form stays as it is.
#[cfg(not(feature = "ssr"))]
fn follow() -> impl Fn(leptos::ev::MouseEvent) + 'static {
    use wasm_bindgen::JsCast;

    let navigate = leptos_router::hooks::use_navigate();
    move |event| {
        let pressed = event.target().and_then(|target| target.dyn_into::<web_sys::Element>().ok());
        let Some(target) = pressed.and_then(|pressed| pressed.get_attribute("formaction")) else { return };
        event.prevent_default();
        let options = leptos_router::NavigateOptions { scroll: false, ..Default::default() };
        navigate(&target.replacen("/look", "", 1), options);
    }
}

#[cfg(feature = "ssr")]
fn follow() -> impl Fn(leptos::ev::MouseEvent) + 'static {
    |_| {}
}

fn lines(entry: &str, list: &VersionList, names: &Names, query: &ParamsMap, view: &Shown) -> AnyView {
    let line = |name: &String| segment(name.clone(), with(entry, query, &names.line, Some(name)), *name == view.line);
    segments("Release line", list.lines.iter().map(|release| line(&release.name)).collect())
}

fn variants(
    entry: &str,
    list: &VersionList,
    image: &ImageView,
    names: &Names,
    query: &ParamsMap,
    view: &Shown,
) -> Option<AnyView> {
    let variant = |variant: &String| {
        let known = image.variants.iter().find(|(suffix, _)| suffix == variant).map(|(_, name)| say(name).to_owned());
        let plain = || if variant.is_empty() { "standard" } else { variant.trim_start_matches('-') }.to_owned();
        let target = with(entry, query, &names.variant, Some(variant));
        segment(known.unwrap_or_else(plain), target, *variant == view.variant)
    };
    (list.variants.len() > 1).then(|| segments("Variant", list.variants.iter().map(variant).collect()))
}

fn rows(view: &Shown, field: &str, proposed: &str, known: Known, shows_older: RwSignal<bool>) -> AnyView {
    let row = |version: &VersionView| row(version, field, proposed, version.tag == view.chosen, known);
    let first = view.versions.iter().take(SHOWN).map(row).collect_view();
    let rest: Vec<AnyView> = view.versions.iter().skip(SHOWN).map(row).collect();
    let count = rest.len();
    let is_open = view.is_older_chosen();
    let nothing =
        view.versions.is_empty().then(|| view! { <p class="hint">"This line has no release of this variant."</p> });
    view! {
        {nothing}
        {first}
        {(count > 0)
            .then(|| {
                view! {
                    <details class="disclose" open=is_open on:toggle=move |_| shows_older.set(true)>
                        <summary>{format!("{count} older")}</summary>
                        {rest}
                    </details>
                }
            })}
    }
    .into_any()
}

fn row(version: &VersionView, field: &str, proposed: &str, is_chosen: bool, known: Known) -> AnyView {
    let tag = version.tag.clone();
    let details = Memo::new({
        let tag = tag.clone();
        move |_| known.with(|known| known.get(&tag).cloned().flatten())
    });
    let is_foreign = move || details.with(|details| details.as_ref().is_some_and(|it| it.runs_here == Some(false)));
    let radio = NodeRef::<leptos::html::Input>::new();
    // A choice that was made already stays one, for the plan to refuse: a closed field would be left out of the form,
    // and another version be planned without a word.
    let is_closed = move || is_foreign() && !radio.get().is_some_and(|radio| radio.checked());
    let note = if version.tag == proposed {
        Some(view! { <span class="chip is-accent">"Proposed"</span> }.into_any())
    } else if version.is_prerelease {
        Some(view! { <span class="chip is-warn">"Pre-release"</span> }.into_any())
    } else {
        None
    };
    view! {
        <label class="version">
            <input class="radio" type="radio" name=field.to_owned() value=tag.clone() checked=is_chosen node_ref=radio disabled=is_closed />
            <span class="version__tag">{tag}</span>
            <span class="version__note">
                {note}
                {move || is_foreign().then(|| view! { <span class="chip">"Not for this machine"</span> })}
                {move || {
                    details
                        .get()
                        .map(|details| {
                            view! {
                                <code class="version__digest" title=details.digest.clone()>
                                    {short_digest(&details.digest)}
                                </code>
                            }
                        })
                }}
            </span>
            <span class="version__age">{move || details.get().and_then(|details| details.created_at).map(ago)}</span>
            <span class="version__size">{move || details.get().and_then(|details| details.size_bytes).map(format::bytes)}</span>
            <span class="version__platforms">{move || details.get().map(|details| platforms(&details.platforms))}</span>
        </label>
    }
    .into_any()
}

/// "amd64 arm64": Linux goes without saying.
fn platforms(platforms: &[String]) -> String {
    platforms.iter().map(|platform| platform.strip_prefix("linux/").unwrap_or(platform)).collect::<Vec<_>>().join(" ")
}

/// The switch for pre-releases; absent where a line has nothing else, because then they are shown anyway.
fn prereleases(entry: &str, view: &Shown, names: &Names, query: &ParamsMap) -> Option<AnyView> {
    let has_releases = view.versions.iter().any(|version| !version.is_prerelease);
    (view.prereleases > 0 && has_releases).then(|| {
        let (target, text) = if view.shows_prereleases {
            (with(entry, query, &names.pre, None), "Hide pre-releases".to_owned())
        } else {
            (
                with(entry, query, &names.pre, Some("1")),
                format!("Show {} pre-release{}", view.prereleases, if view.prereleases == 1 { "" } else { "s" }),
            )
        };
        view! {
            <p>
                <button class="button is-quiet is-small" type="submit" formaction=target>
                    {text}
                </button>
            </p>
        }
        .into_any()
    })
}

fn others(list: &VersionList, image: &str, path: &str, wanted: &str, searched: String) -> Option<AnyView> {
    let (field, wanted, total) = (format!("versions.{image}"), wanted.to_owned(), list.others_total);
    let is_open = !searched.is_empty() || list.others.contains(&wanted);
    // Of very many tags only some are here: each search asks for its own.
    let asks = (total as usize > list.others.len()).then(|| format!("{path}?image={}&search=", client::encode(image)));
    let (search, tags) = (RwSignal::new(searched), RwSignal::new(list.others.clone()));
    let takes_others = list.takes_others;
    let hint = if takes_others {
        "A moving tag can mean another image tomorrow. If you take one, the digest it has today is pinned."
    } else {
        "The registry has these too, and this entry cannot run them: its data would not survive the change."
    };
    (total > 0).then(|| {
        let found = move || {
            let (search, tags) = (search.get().to_lowercase(), tags.get());
            let mut found = tags.iter().filter(|tag| tag.to_lowercase().contains(&search));
            let shown = found
                .by_ref()
                .take(OTHERS)
                .map(|tag| {
                    view! {
                        <label class="version">
                            {takes_others
                                .then(|| {
                                    view! { <input class="radio" type="radio" name=field.clone() value=tag.clone() checked=*tag == wanted /> }
                                })}
                            <span class="version__tag">{tag.clone()}</span>
                        </label>
                    }
                })
                .collect_view();
            let more = found.next().map(|_| view! { <p class="hint">{format!("The first {OTHERS} are shown.")}</p> });
            view! {
                {shown}
                {more}
            }
        };
        view! {
            <details class="disclose" open=is_open>
                <summary>{format!("{total} other tags")}</summary>
                <div class="disclose__body">
                    <p class="hint">{hint}</p>
                    <div class="row is-tight">
                        <input
                            class="input"
                            type="search"
                            form=SEARCH
                            name=search_of(image)
                            value=search.get_untracked()
                            aria-label="Search other tags"
                            placeholder="Search other tags"
                            on:input:target=move |event| {
                                search.set(event.target().value());
                                if let Some(path) = &asks {
                                    look_for(path, search, tags);
                                }
                            }
                        />
                        <button class="button" type="submit" form=SEARCH>
                            "Search"
                        </button>
                    </div>
                    <div class="versions">{found}</div>
                </div>
            </details>
        }
        .into_any()
    })
}

/// Asks for the other tags that hold what is searched for, unless it is another text by then.
fn look_for(path: &str, search: RwSignal<String>, tags: RwSignal<Vec<String>>) {
    let asked = search.get_untracked();
    let answer = client::get::<VersionList>(&format!("{path}{}", client::encode(&asked)));
    leptos::task::spawn(async move {
        if let Ok(list) = answer.await
            && search.try_get_untracked().as_ref() == Some(&asked)
        {
            tags.set(list.others);
        }
    });
}

fn source(list: &VersionList) -> AnyView {
    let quota = list.quota.map(|(left, all)| format!(", {left} of {all} requests left"));
    let stale = list.stale_reason.clone().map(|reason| {
        view! { <Callout tone=Tone::Warn title="The registry could not be asked just now" text=reason /> }
    });
    let read = list.fetched_at.map(|at| {
        let from = format!("Read from {}/{} ", list.registry, list.repository);
        view! { <p class="hint">{from} {ago(at)} {quota}</p> }
    });
    view! {
        {stale}
        {read}
    }
    .into_any()
}

/// Nothing is known of the registry: the known good version is all there is.
fn unreachable(image: &ImageView, field: &str, reason: String) -> AnyView {
    view! {
        <Callout
            tone=Tone::Warn
            title=format!("The versions of {} are not known", image.repository)
            text=format!("{reason} The version this entry was tested with is taken: {}.", image.default).trim().to_owned()
        />
        <input type="hidden" name=field.to_owned() value=image.default.clone() />
    }
    .into_any()
}

/// Asks for age, size and platforms of the versions in sight, [`AT_ONCE`] with each call to `path`; never on the server.
fn load(path: String, view: Memo<Shown>, is_seen: RwSignal<bool>, shows_older: RwSignal<bool>, known: Known) {
    Effect::new(move |_| {
        if !is_seen.get() {
            return;
        }
        let shows_older = shows_older.get();
        let tags: Vec<String> = view.with(|view| {
            let shown = if shows_older || view.is_older_chosen() { view.versions.len() } else { SHOWN };
            let tags = view.versions.iter().take(shown).map(|version| version.tag.clone());
            tags.filter(|tag| known.with_untracked(|known| !known.contains_key(tag))).collect()
        });
        known.update(|known| known.extend(tags.iter().map(|tag| (tag.clone(), None))));
        let asked: Vec<_> =
            tags.chunks(AT_ONCE).map(|tags| format!("{path}{}", client::encode(&tags.join(",")))).collect();
        leptos::task::spawn(async move {
            for path in asked {
                // What is not known stays blank: the choice does not depend on it.
                if let Ok(found) = client::get::<Vec<VersionDetails>>(&path).await {
                    let found = found.into_iter().map(|details| (details.tag.clone(), Some(details)));
                    known.try_update(|known| known.extend(found));
                }
            }
        });
    });
}

#[cfg(test)]
mod tests {
    use api::versions::LineOfReleases;

    use super::*;

    fn list() -> VersionList {
        let version = |version: &str, variant: &str| VersionView {
            tag: format!("{version}{variant}"),
            version: version.into(),
            variant: variant.into(),
            is_prerelease: version.contains("rc"),
        };
        VersionList {
            registry: "docker.io".into(),
            repository: "gitea/gitea".into(),
            fetched_at: None,
            stale_reason: None,
            quota: None,
            lines: vec![
                LineOfReleases { name: "1.28".into(), versions: vec![version("1.28.0-rc1", "")] },
                LineOfReleases {
                    name: "1.27".into(),
                    versions: vec![version("1.27.2", ""), version("1.27.2", "-rootless"), version("1.27.1", "")],
                },
            ],
            variants: vec![String::new(), "-rootless".into()],
            proposed: "1.27.2".into(),
            others: vec!["latest".into()],
            others_total: 1,
            takes_others: true,
        }
    }

    fn shown(query: &[(&str, &str)], wanted: &str) -> Shown {
        let query = query.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Shown::of(&list(), &Names::of("app"), &query, wanted)
    }

    #[test]
    fn the_proposed_version_brings_its_line_and_variant() {
        let shown = shown(&[], "1.27.2");
        assert_eq!((shown.line.as_str(), shown.variant.as_str(), shown.chosen.as_str()), ("1.27", "", "1.27.2"));
        assert_eq!(shown.versions.len(), 2);
    }

    #[test]
    fn another_variant_or_line_chooses_its_newest() {
        assert_eq!(shown(&[("variant.app", "-rootless")], "1.27.2").chosen, "1.27.2-rootless");
        assert_eq!(shown(&[("line.app", "1.28")], "1.27.2").chosen, "1.28.0-rc1");
    }

    #[test]
    fn a_moving_tag_stays_chosen() {
        assert_eq!(shown(&[], "latest").chosen, "latest");
    }
}
