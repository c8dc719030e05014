//! What does the team need?

use api::catalog::{EntryView, Grade};
use leptos::prelude::*;
use leptos_router::{
    NavigateOptions,
    hooks::{use_navigate, use_query_map},
};

use crate::{
    client,
    components::{
        failure::failure,
        icon::icon,
        icon::small_icon,
        suspended::suspended,
        tile::{TileSize, tile},
        verdict::Verdict,
    },
    format,
    words::{category, say},
};

/// The shelf. Search and purpose stand in the query string; with JavaScript the search filters while typing.
#[component]
pub fn Catalogue() -> impl IntoView {
    let query = use_query_map();
    let search = Memo::new(move |_| query.with(|query| query.get("q")).unwrap_or_default());
    let purpose = Memo::new(move |_| query.with(|query| query.get("purpose")).unwrap_or_default());
    let entries = client::main_resource::<Vec<EntryView>>(|| "/catalog".to_owned());
    view! {
        {suspended(move || async move {
            match entries.await {
                Ok(entries) => {
                    let lead = format!("{} tools, with the versions their registries have today.", entries.len());
                    let pills = pills(&entries, purpose, search);
                    view! {
                        <Verdict sentence="What does the team need?" title="Catalogue" lead=lead />
                        <div class="stack is-tight">{search_form(search, purpose)} {pills}</div>
                        {move || shelves(&entries, &search.get(), &purpose.get())}
                    }
                        .into_any()
                }
                Err(problem) => failure(&problem),
            }
        })}
    }
    .into_any()
}

/// The page that shows what `search` and `purpose` leave.
fn link(search: &str, purpose: &str) -> String {
    let parts: Vec<String> = [("q", search), ("purpose", purpose)]
        .into_iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| format!("{name}={}", client::encode(value)))
        .collect();
    if parts.is_empty() { "/catalogue".to_owned() } else { format!("/catalogue?{}", parts.join("&")) }
}

fn search_form(search: Memo<String>, purpose: Memo<String>) -> AnyView {
    let navigate = use_navigate();
    // What is typed stands in the address at once, so that back, reload and a sent link find it.
    let typed = move |search: String| {
        let options = NavigateOptions { replace: true, scroll: false, ..Default::default() };
        navigate(&link(&search, &purpose.get_untracked()), options);
    };
    view! {
        <form method="get" action="/catalogue" role="search">
            <label class="search">
                {icon("search")} <span class="sr">"Search the catalogue"</span>
                <input
                    type="search"
                    name="q"
                    value=search.get_untracked()
                    placeholder="Files, chat, a wiki, or a name"
                    autocomplete="off"
                    on:input:target=move |event| typed(event.target().value())
                />
            </label>
            {move || {
                let purpose = purpose.get();
                (!purpose.is_empty()).then(|| view! { <input type="hidden" name="purpose" value=purpose /> })
            }}
        </form>
    }
    .into_any()
}

fn pills(entries: &[EntryView], purpose: Memo<String>, search: Memo<String>) -> AnyView {
    let mut purposes: Vec<String> = Vec::new();
    for entry in entries {
        let name = category(&entry.category).to_owned();
        if !purposes.contains(&name) {
            purposes.push(name);
        }
    }
    purposes.sort();
    let pill = move |label: String, value: String| {
        let own = value.clone();
        let link = move || link(&search.get(), &value);
        view! {
            <a class="pill" href=link aria-current=move || (purpose.get() == own).then_some("true")>
                {label}
            </a>
        }
    };
    let pills = purposes.into_iter().map(|name| pill(name.clone(), name)).collect_view();
    view! {
        <div class="pills" role="group" aria-label="Purpose">
            {pill("Everything".to_owned(), String::new())}
            {pills}
        </div>
    }
    .into_any()
}

fn shelves(entries: &[EntryView], search: &str, purpose: &str) -> AnyView {
    let found: Vec<&EntryView> = entries
        .iter()
        .filter(|entry| matches(entry, search) && (purpose.is_empty() || category(&entry.category) == purpose))
        .collect();
    if found.is_empty() {
        return view! {
            <div class="empty">
                <p>{if entries.is_empty() {
                    "The catalogue is empty.".to_owned()
                } else {
                    match (search, purpose) {
                        (search, "") => format!("Nothing matches “{search}”."),
                        ("", purpose) => format!("Nothing is for “{purpose}”."),
                        (search, purpose) => format!("Nothing for “{purpose}” matches “{search}”."),
                    }
                }}</p>
                <a class="button" href="/catalogue" rel="external">
                    "Show everything"
                </a>
            </div>
        }
        .into_any();
    }
    let mut shelves: Vec<(&str, Vec<&EntryView>)> = Vec::new();
    for entry in found {
        let name = category(&entry.category);
        match shelves.iter_mut().find(|(shelf, _)| *shelf == name) {
            Some((_, entries)) => entries.push(entry),
            None => shelves.push((name, vec![entry])),
        }
    }
    shelves
        .into_iter()
        .map(|(name, entries)| {
            view! {
                <section class="shelf">
                    <h2 class="shelf__title">{name.to_owned()}</h2>
                    <ul class="shelf__entries">{entries.into_iter().map(card).collect_view()}</ul>
                </section>
            }
        })
        .collect_view()
        .into_any()
}

fn card(entry: &EntryView) -> AnyView {
    let installed = (!entry.installed.is_empty()).then(|| {
        view! {
            <span class="chip is-ok" title=entry.installed.join(", ")>
                "Installed"
            </span>
        }
    });
    let grade = match entry.grade {
        Grade::Supported => {
            view! { <span class="chip is-outlined">{small_icon("proof")} "Supported"</span> }.into_any()
        }
        Grade::Community => view! { <span class="chip is-outlined">"Community"</span> }.into_any(),
    };
    view! {
        <li class="entry-card">
            <a class="entry-card__link" href=format!("/catalogue/{}", entry.entry)>
                {tile(&entry.name, TileSize::Large)} <span class="entry-card__text">
                    <span class="entry-card__head">
                        <b class="entry-card__name">{entry.name.clone()}</b>
                        {installed}
                    </span>
                    <span class="entry-card__line">{say(&entry.tagline).to_owned()}</span>
                    <span class="entry-card__foot">
                        <span>{entry.version.clone()}</span>
                        <span>{entry.memory_bytes.map(format::bytes)}</span>
                        {grade}
                    </span>
                </span>
            </a>
        </li>
    }
    .into_any()
}

/// Whether every word of the search is found in the name, the line, the purpose or the keywords.
fn matches(entry: &EntryView, search: &str) -> bool {
    let text = format!(
        "{} {} {} {} {}",
        entry.name,
        entry.tagline.en,
        entry.tagline.fr,
        category(&entry.category),
        entry.keywords.join(" ")
    )
    .to_lowercase();
    search.to_lowercase().split_whitespace().all(|word| text.contains(word))
}

#[cfg(test)]
mod tests {
    use api::catalog::Text;

    use super::*;

    #[test]
    fn a_search_looks_at_names_lines_purposes_and_keywords() {
        let entry = EntryView {
            entry: "gitea".into(),
            name: "Gitea".into(),
            category: "code".into(),
            tagline: Text { en: "Git hosting".into(), fr: "Dépôts Git".into() },
            keywords: vec!["like GitHub".into()],
            version: "1".into(),
            memory_bytes: None,
            grade: Grade::Supported,
            installed: Vec::new(),
        };
        for search in ["", "git", "GITHUB", "dépôts", "build", "hosting gitea"] {
            assert!(matches(&entry, search), "{search}");
        }
        assert!(!matches(&entry, "gitea wiki"));
    }
}
