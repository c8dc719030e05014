//! Which tags are releases, in which order, and which one to propose. Pure: no waiting, no asking.
//!
//! Tags are not semantic versions (`17-alpine`, `2026.10.1`, `RELEASE.2025-09-07T16-13-09Z`), so each tool says by a
//! [`TagRule`] which of its tags are releases and how they are ordered. Whatever the rule does not match is listed as
//! "other" and never proposed.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet, HashSet};

use regex::Regex;

/// How a tool's tags are to be read.
#[derive(Clone, Debug)]
pub struct TagRule {
    /// Matches a release tag from end to end; the groups `version` and `variant` take its parts out.
    ///
    /// Without a group `version` the whole tag is the version; without `variant` there is one variant, `""`.
    pub pattern: Regex,
    /// Tells pre-releases: a tag matching `pattern` that this finds too, or a tag that this matches from end to end.
    pub prerelease: Option<Regex>,
    /// How versions compare.
    pub order: Order,
    /// How releases are grouped.
    pub line: LineRule,
    /// The variants on offer, as the pattern's group gives them; empty offers every variant that is found.
    pub variants: Vec<String>,
    /// The known-good tag: its variant and its number of components decide what may be proposed.
    pub default: String,
}

/// How two versions of one tool compare.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Order {
    /// Numbers joined by dots, then an optional pre-release after a dash (semver.org, paragraph 11).
    Semver,
    /// Every number counts, whether dots, dashes or underscores join them (`12.1-0`).
    Numeric,
    /// A date, as numbers joined by anything a date is written with (`RELEASE.2025-09-07T16-13-09Z`).
    Calendar,
    /// Only these tags, from oldest to newest.
    Listed(Vec<String>),
}

/// What the releases of one line share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineRule {
    /// The first component.
    Major,
    /// The first two components.
    Minor,
    /// The year, which is the first component of a calendar version.
    Year,
}

/// What a version picker shows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Picker {
    /// Release lines, the one with the newest version first.
    pub lines: Vec<Line>,
    /// The variants that have a version, in the rule's order, else by name.
    pub variants: Vec<String>,
    /// Moving tags and whatever the rule does not match, by name.
    pub others: Vec<String>,
    /// The tag to start with: the newest release like the default, or the default itself when there is none.
    pub proposed: String,
}

/// Releases that belong together, such as all of 1.27.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// What they share, as the newest of them writes it (`1.27`, `2025`).
    pub name: String,
    /// Newest first; variants of one version stand together.
    pub versions: Vec<Version>,
}

/// A tag that names one version for good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// The whole tag, as it is pulled.
    pub tag: String,
    /// The version without what stands around it (`1.27.2` of `v1.27.2-rootless`).
    pub version: String,
    /// What the pattern's group found (`-rootless`); empty for the plain one.
    pub variant: String,
    /// Alpha, beta, release candidate and the like: shown only on request, never proposed.
    pub prerelease: bool,
}

/// Sorts `tags` into lines of versions and the rest, and proposes one.
///
/// The answer depends only on the set of tags, not on their order.
/// A tag counts as moving when it has fewer components than the default and another tag of its variant continues it:
/// `17` beside `17.11`.
pub fn classify<'a>(tags: impl IntoIterator<Item = &'a str>, rule: &TagRule) -> Picker {
    let tags: BTreeSet<&str> = tags.into_iter().collect();
    let (mut ranked, mut others) = (Vec::new(), Vec::new());
    for tag in tags {
        match Ranked::read(tag, rule) {
            Some(version) => ranked.push(version),
            None => others.push(tag.to_owned()),
        }
    }
    let default = Ranked::read(&rule.default, rule);
    let moving = moving_tags(&ranked, default.as_ref());
    ranked.retain(|ranked| !moving.contains(ranked.version.tag.as_str()));
    others.extend(moving);
    others.sort_unstable();
    ranked.sort_unstable_by(|a, b| b.position().cmp(&a.position()));

    let proposed = default
        .as_ref()
        .and_then(|default| ranked.iter().find(|ranked| !ranked.version.prerelease && ranked.is_like(default)));
    let proposed = proposed.map_or_else(|| rule.default.clone(), |ranked| ranked.version.tag.clone());
    let variants = present_variants(&ranked, &rule.variants);
    Picker { lines: group(ranked), variants, others, proposed }
}

impl TagRule {
    /// Reads one tag; None when it is not one of this rule's releases.
    pub fn read(&self, tag: &str) -> Option<Version> {
        Ranked::read(tag, self).map(|ranked| ranked.version)
    }

    /// Whether `a` is older or newer than `b`; None when they do not compare: another variant, another number of
    /// components, or not a release at all.
    pub fn compare(&self, a: &str, b: &str) -> Option<Ordering> {
        let (a, b) = (Ranked::read(a, self)?, Ranked::read(b, self)?);
        a.is_like(&b).then(|| a.key.cmp(&b.key))
    }
}

/// A version with what it is sorted by.
struct Ranked {
    key: Key,
    line: String,
    version: Version,
}

/// The fields stand in the order in which they compare.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    /// The place in a listed order, counted from its oldest; zero in every other order.
    place: usize,
    numbers: Vec<u64>,
    stage: Stage,
}

/// A release is newer than its pre-releases.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    Prerelease(Vec<Identifier>),
    Release,
}

/// Numbers sort before words, as in semantic versions.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Identifier {
    Number(u64),
    Word(String),
}

impl Ranked {
    fn read(tag: &str, rule: &TagRule) -> Option<Self> {
        let (captures, is_release) = match (whole(&rule.pattern, tag), &rule.prerelease) {
            (Some(captures), Some(prerelease)) => (captures, !prerelease.is_match(tag)),
            (Some(captures), None) => (captures, true),
            (None, Some(prerelease)) => (whole(prerelease, tag)?, false),
            (None, None) => return None,
        };
        let variant = captures.name("variant").map_or("", |group| group.as_str());
        if !rule.variants.is_empty() && !rule.variants.iter().any(|offered| offered == variant) {
            return None;
        }
        let version = captures.name("version").map_or(tag, |group| group.as_str());
        let (key, line) = rank(tag, version, rule)?;
        let prerelease = !is_release || key.stage != Stage::Release;
        Some(Self {
            key,
            line,
            version: Version {
                tag: tag.to_owned(),
                version: trim_prefix(version).to_owned(),
                variant: variant.to_owned(),
                prerelease,
            },
        })
    }

    /// Whether the two compare: same variant, same number of components.
    fn is_like(&self, other: &Self) -> bool {
        self.version.variant == other.version.variant && self.key.numbers.len() == other.key.numbers.len()
    }

    /// A total order for lists: by version, then the plain variant last so that it comes first when reversed.
    fn position(&self) -> (&Key, std::cmp::Reverse<&str>, std::cmp::Reverse<&str>) {
        (&self.key, std::cmp::Reverse(&self.version.variant), std::cmp::Reverse(&self.version.tag))
    }
}

/// The captures of a match that covers the whole tag: a pattern without anchors must not find a release inside one.
fn whole<'t>(pattern: &Regex, tag: &'t str) -> Option<regex::Captures<'t>> {
    pattern.captures(tag).filter(|captures| captures.get(0).is_some_and(|whole| whole.as_str().len() == tag.len()))
}

/// A version's key and the name of its line; None when it has no number, or one that is no version (a hash).
fn rank(tag: &str, version: &str, rule: &TagRule) -> Option<(Key, String)> {
    if let Order::Listed(oldest_first) = &rule.order {
        let place = oldest_first.iter().position(|listed| listed == tag)?;
        let read = read_numbers(trim_prefix(version), &rule.order);
        let line = read.map_or_else(|| version.to_owned(), |read| line_name(&read.texts, rule.line));
        // Listed tags all compare, so that their components do not take part.
        return Some((Key { place, numbers: Vec::new(), stage: Stage::Release }, line));
    }
    let read = read_numbers(trim_prefix(version), &rule.order)?;
    let line = line_name(&read.texts, rule.line);
    Some((Key { place: 0, numbers: read.numbers, stage: read_stage(read.rest)? }, line))
}

/// What stands before the first digit is a word around the version (`v`, `version-v`, `RELEASE.`).
fn trim_prefix(version: &str) -> &str {
    version.find(|c: char| c.is_ascii_digit()).map_or(version, |start| &version[start..])
}

struct Numbers<'v> {
    numbers: Vec<u64>,
    texts: Vec<&'v str>,
    rest: &'v str,
}

fn read_numbers<'v>(version: &'v str, order: &Order) -> Option<Numbers<'v>> {
    let joins = |c: char| match order {
        Order::Semver => c == '.',
        Order::Numeric | Order::Listed(_) => matches!(c, '.' | '-' | '_'),
        Order::Calendar => matches!(c, '.' | '-' | '_' | 'T' | 't'),
    };
    let (mut numbers, mut texts, mut rest) = (Vec::new(), Vec::new(), version);
    loop {
        let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let (digits, after) = rest.split_at(end);
        numbers.push(digits.parse().ok()?);
        texts.push(digits);
        rest = after;
        match rest.strip_prefix(joins) {
            Some(next) if next.starts_with(|c: char| c.is_ascii_digit()) => rest = next,
            _ => break,
        }
    }
    if *order == Order::Calendar && matches!(rest, "Z" | "z") {
        rest = "";
    }
    Some(Numbers { numbers, texts, rest })
}

/// What follows the numbers is a pre-release: `-rc.1`, `beta3`; None when a number in it is out of bounds.
fn read_stage(mut rest: &str) -> Option<Stage> {
    let mut identifiers = Vec::new();
    while let Some(first) = rest.chars().next() {
        let is_digit = first.is_ascii_digit();
        let end = if first.is_ascii_alphanumeric() {
            let same_kind = |c: char| c.is_ascii_alphanumeric() && c.is_ascii_digit() == is_digit;
            rest.find(|c| !same_kind(c)).unwrap_or(rest.len())
        } else {
            rest = &rest[first.len_utf8()..];
            continue;
        };
        let (text, after) = rest.split_at(end);
        identifiers.push(if is_digit {
            Identifier::Number(text.parse().ok()?)
        } else {
            Identifier::Word(text.to_ascii_lowercase())
        });
        rest = after;
    }
    Some(if identifiers.is_empty() { Stage::Release } else { Stage::Prerelease(identifiers) })
}

fn line_name(texts: &[&str], line: LineRule) -> String {
    let components = match line {
        LineRule::Major | LineRule::Year => 1,
        LineRule::Minor => 2,
    };
    texts[..components.min(texts.len())].join(".")
}

/// The tags that a newer version will take over: fewer components than the default, and continued by another tag.
fn moving_tags(ranked: &[Ranked], default: Option<&Ranked>) -> BTreeSet<String> {
    // Without a default that fits its own rule, the longest form is the one of a release.
    let longest = || ranked.iter().map(|ranked| ranked.key.numbers.len()).max().unwrap_or(0);
    let full = default.map_or_else(longest, |default| default.key.numbers.len());
    let continued: HashSet<(&str, &[u64])> = ranked
        .iter()
        .flat_map(|ranked| {
            let (numbers, variant) = (ranked.key.numbers.as_slice(), ranked.version.variant.as_str());
            (1..numbers.len().min(full)).map(move |length| (variant, &numbers[..length]))
        })
        .collect();
    ranked
        .iter()
        .filter(|ranked| ranked.key.numbers.len() < full)
        .filter(|ranked| continued.contains(&(ranked.version.variant.as_str(), ranked.key.numbers.as_slice())))
        .map(|ranked| ranked.version.tag.clone())
        .collect()
}

fn present_variants(ranked: &[Ranked], offered: &[String]) -> Vec<String> {
    let present: BTreeSet<&str> = ranked.iter().map(|ranked| ranked.version.variant.as_str()).collect();
    if offered.is_empty() {
        return present.into_iter().map(str::to_owned).collect();
    }
    offered.iter().filter(|offered| present.contains(offered.as_str())).cloned().collect()
}

/// Groups versions that come newest first; a line stands where its newest version stood.
fn group(newest_first: Vec<Ranked>) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    let mut index_of = BTreeMap::new();
    for Ranked { line, version, .. } in newest_first {
        // `5` and `05` are one line.
        let same: Vec<String> = line.split('.').map(|text| text.trim_start_matches('0').to_owned()).collect();
        let index = *index_of.entry(same).or_insert_with(|| {
            lines.push(Line { name: line, versions: Vec::new() });
            lines.len() - 1
        });
        lines[index].versions.push(version);
    }
    lines
}

#[cfg(test)]
mod tests;
