//! What the command palette finds: pages, tools and what can be done with them, catalogue entries.

use api::{
    catalog::EntryView,
    session::Role,
    tools::{Condition, ToolView},
};

use crate::{routes::PLACES, words::say};

/// Rows shown of one group.
const SHOWN: usize = 6;

/// The rank of what fits but for one letter.
const NEAR: u8 = 4;

/// One row of the palette.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hit {
    /// The heading it stands under.
    pub group: &'static str,
    /// Its icon.
    pub icon: &'static str,
    /// What it is called.
    pub label: String,
    /// What choosing it does, where that is more than opening a page.
    pub note: &'static str,
    /// Where it leads.
    pub link: String,
}

/// What `search` finds, best first within each group; every word of it has to be found.
pub fn find(search: &str, role: Role, tools: &[ToolView], entries: &[EntryView]) -> Vec<Hit> {
    let is_idle = search.trim().is_empty();
    let mut hits: Vec<(u8, Hit)> = Vec::new();
    for (group, mut found) in [
        ("Go to", places(role, tools)),
        ("Do", if role >= Role::Operator { acts(role, tools) } else { Vec::new() }),
        ("Catalogue", catalogue(role, entries)),
    ] {
        let mut ranked: Vec<(u8, Hit)> = found
            .drain(..)
            .filter_map(|(icon, label, words, note, link)| {
                // Before anything is typed, only places stand here: a list of everything helps nobody.
                let rank = if is_idle { u8::from(group != "Go to") * 9 } else { rank(search, &label, &words)? };
                Some((rank, Hit { group, icon, label, note, link }))
            })
            .filter(|(rank, _)| *rank < 9)
            .collect();
        ranked.sort_by_key(|(rank, _)| *rank);
        hits.extend(ranked.into_iter().take(if is_idle { 12 } else { SHOWN }));
    }
    // What is only near stands for what was meant when nothing else does.
    let is_exact = hits.iter().any(|(rank, _)| *rank < NEAR);
    hits.into_iter().filter(|(rank, _)| is_idle || !is_exact || *rank < NEAR).map(|(_, hit)| hit).collect()
}

/// Icon, label, further words it is found by, note, link.
type Row = (&'static str, String, String, &'static str, String);

fn places(role: Role, tools: &[ToolView]) -> Vec<Row> {
    let mut rows: Vec<Row> = PLACES
        .iter()
        .filter(|place| place.role <= role)
        .map(|place| (place.icon, place.label.to_owned(), String::new(), "", place.path.to_owned()))
        .collect();
    rows.push(("user", "You".to_owned(), "me sessions password sign out account".to_owned(), "", "/me".to_owned()));
    if role >= Role::Administrator {
        let words = "docker hub login password private".to_owned();
        rows.push(("key", "Registries".to_owned(), words, "", "/settings/registries".to_owned()));
    }
    for tool in tools {
        let link = format!("/tools/{}", tool.name);
        rows.push(("box", tool.name.clone(), tool.entry_name.clone(), "", link.clone()));
        if role >= Role::Operator {
            rows.push(("logs", format!("{}, logs", tool.name), String::new(), "", format!("{link}/logs")));
            rows.push(("sliders", format!("{}, settings", tool.name), String::new(), "", format!("{link}/settings")));
        }
    }
    rows
}

fn acts(role: Role, tools: &[ToolView]) -> Vec<Row> {
    let mut rows = Vec::new();
    for tool in tools {
        let mut row = |icon, verb: &str, note, path: &str| {
            let link = format!("/tools/{}{path}", tool.name);
            rows.push((icon, format!("{verb} {}", tool.name), tool.entry_name.clone(), note, link));
        };
        if tool.condition == Condition::Stopped {
            row("play", "Start", "asks once", "?do=start");
        } else {
            row("again", "Restart", "asks once", "?do=restart");
            row("stop", "Stop", "asks once", "?do=stop");
        }
        row("sliders", "Change", "shows the plan first", "/settings");
        row("x", "Remove", "says what is kept first", "/remove");
    }
    if role >= Role::Administrator {
        let link = "/settings/registries".to_owned();
        rows.push(("plus", "Add a login at a registry".to_owned(), "private".to_owned(), "", link));
    }
    rows
}

fn catalogue(role: Role, entries: &[EntryView]) -> Vec<Row> {
    let may_install = role >= Role::Operator;
    let row = |entry: &EntryView| {
        let words = format!("{} {}", entry.keywords.join(" "), say(&entry.tagline));
        let link = format!("/catalogue/{}", entry.entry);
        let label = if may_install { format!("Install {}", entry.name) } else { entry.name.clone() };
        ("shelf", label, words, if may_install { "shows the plan first" } else { "" }, link)
    };
    entries.iter().map(row).collect()
}

/// How well `search` fits, 0 best; `None` where a word of it is not found at all.
fn rank(search: &str, label: &str, more: &str) -> Option<u8> {
    let (label, more) = (label.to_lowercase(), more.to_lowercase());
    let words = |text: &'_ str| -> Vec<String> {
        text.split(|letter: char| !letter.is_alphanumeric())
            .filter(|word| !word.is_empty())
            .map(str::to_owned)
            .collect()
    };
    let (own, more) = (words(&label), words(&more));
    let initials: String = own.iter().filter_map(|word| word.chars().next()).collect();
    let mut worst = 0;
    for typed in words(&search.to_lowercase()) {
        let rank = match () {
            () if own.iter().any(|word| word.starts_with(&typed)) => 0,
            () if typed.chars().count() > 1 && initials.starts_with(&typed) => 1,
            () if label.contains(&typed) => 2,
            () if more.iter().any(|word| word.starts_with(&typed)) => 3,
            () if own.iter().any(|word| is_near(&typed, word)) => NEAR,
            () => return None,
        };
        worst = worst.max(rank);
    }
    Some(worst)
}

/// Whether `typed` is how `word` begins but for one letter: wrong, missing, too many, or two that changed places.
fn is_near(typed: &str, word: &str) -> bool {
    let (typed, word): (Vec<char>, Vec<char>) = (typed.chars().collect(), word.chars().collect());
    // Three letters with one wrong fit nearly everything.
    if typed.len() < 4 {
        return false;
    }
    let same = typed.iter().zip(&word).take_while(|(one, other)| one == other).count();
    let (typed, word) = (&typed[same..], &word[same..]);
    let after = |letters: &[char], count: usize| letters.get(count..).unwrap_or_default().to_vec();
    word.starts_with(&after(typed, 1))
        || after(word, 1).starts_with(&after(typed, 1))
        || after(word, 1).starts_with(typed)
        || (typed.len() > 1
            && word.len() > 1
            && (typed[0], typed[1]) == (word[1], word[0])
            && after(word, 2).starts_with(&after(typed, 2)))
}

#[cfg(test)]
mod tests {
    use api::catalog::{Grade, Text};

    use super::*;

    fn tool(name: &str, condition: Condition) -> ToolView {
        ToolView {
            tool_id: uuid::Uuid::nil(),
            name: name.into(),
            entry: "nextcloud".into(),
            entry_name: "Nextcloud".into(),
            condition,
            since: None,
            reason: String::new(),
            version: "1".into(),
            address: None,
            cpu_millis: None,
            memory_bytes: None,
            operation: None,
        }
    }

    fn entry(name: &str) -> EntryView {
        EntryView {
            entry: name.to_lowercase(),
            name: name.into(),
            category: "code".into(),
            tagline: Text { en: "Boards".into(), fr: "Tableaux".into() },
            keywords: vec!["trello".into()],
            version: "1".into(),
            memory_bytes: None,
            grade: Grade::Supported,
            installed: Vec::new(),
        }
    }

    fn labels(search: &str, role: Role) -> Vec<String> {
        let tools = [tool("team-files", Condition::Healthy), tool("wiki", Condition::Stopped)];
        find(search, role, &tools, &[entry("WeKan")]).into_iter().map(|hit| hit.label).collect()
    }

    #[test]
    fn every_word_has_to_be_found() {
        assert_eq!(labels("restart files", Role::Operator), ["Restart team-files"]);
        assert_eq!(labels("start wiki", Role::Operator), ["Start wiki"]);
        assert_eq!(labels("restart nothing", Role::Operator), Vec::<String>::new());
    }

    #[test]
    fn initials_keywords_and_one_wrong_letter_are_enough() {
        assert_eq!(labels("tf", Role::Viewer), ["team-files"]);
        assert_eq!(labels("trello", Role::Viewer), ["WeKan"]);
        for typo in ["wekna", "wekam", "wekkan", "wkan"] {
            assert_eq!(labels(typo, Role::Viewer), ["WeKan"], "{typo}");
        }
        assert_eq!(labels("wxyz", Role::Viewer), Vec::<String>::new());
    }

    #[test]
    fn what_is_only_near_gives_way_to_what_is_meant() {
        let tools = [tool("blog", Condition::Healthy), tool("wiki", Condition::Healthy)];
        let found = find("blog", Role::Administrator, &tools, &[]);
        assert!(found.iter().all(|hit| hit.label.contains("blog")), "{found:?}");
    }

    #[test]
    fn nobody_is_offered_what_the_server_would_refuse() {
        assert!(labels("stop", Role::Viewer).is_empty());
        assert!(labels("registries", Role::Operator).is_empty());
        assert!(labels("registries", Role::Administrator).contains(&"Registries".to_owned()));
    }

    #[test]
    fn before_anything_is_typed_only_places_stand_there() {
        let hits = find("", Role::Administrator, &[], &[entry("WeKan")]);
        assert!(hits.iter().all(|hit| hit.group == "Go to"), "{hits:?}");
    }
}
