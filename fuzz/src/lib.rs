//! What is tried with bytes of any kind: one function for each reader. Each panics when a promise does not hold.

use std::collections::BTreeMap;

use axum::body::Body;
use axum::extract::{FromRequest as _, Request};
use futures_util::FutureExt as _;
use indexmap::IndexMap;
use regex::Regex;
use server::catalog::{Choice, ComposeFile, Entry, Finding, Origin, Publication, TagPattern, Template, Values, fields};
use server::registry::{LineRule, Order, Reference, TagRule, classify};
use server::web::input::{Input, query};

/// An entry is read, judged, settled and exported, or refused at a place that it has.
pub fn entry(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let entry = match Entry::parse("fuzz", Origin::Own, text, None) {
        Ok(entry) => entry,
        Err(findings) => return assert_placed(text, &findings),
    };
    assert_placed(text, &entry.problems());
    let about = &entry.about;
    let choice = Choice {
        tool: "fuzz".to_owned(),
        url: "https://fuzz.example.org".to_owned(),
        host: "fuzz.example.org".to_owned(),
        time_zone: "Europe/Paris".to_owned(),
        publish: (61_000..)
            .zip(&about.expose)
            .map(|(port, exposed)| (exposed.name.clone(), Publication { address: None, port }))
            .collect(),
        answers: about.fields.keys().map(|variable| (variable.as_str(), "it's ${A} \\ #1")).collect(),
        secrets: about.generated.keys().map(|variable| (variable.as_str(), "5ecret")).collect(),
        ..Choice::default()
    };
    match (entry.settle(&choice), entry.export(&choice)) {
        (Ok(settled), Ok(export)) => {
            let again = ComposeFile::parse(&export.compose);
            let again = again.unwrap_or_else(|found| panic!("{found:?} in the export\n{}", export.compose));
            let services = again.services();
            assert!(settled.services.iter().map(|service| service.name.as_str()).eq(services), "{}", export.compose);
        }
        (Err(findings), _) | (_, Err(findings)) => assert_placed(text, &findings),
    }
}

fn assert_placed(text: &str, findings: &[Finding]) {
    let lines = text.split('\n').count() + 1;
    for finding in findings {
        assert!(finding.line <= lines && !finding.message.is_empty(), "{finding:?}");
    }
}

/// A template reads back as it prints, stays within its bounds, and never reads a value.
pub fn interpolation(data: &[u8]) {
    const LARGEST: usize = 64 << 10;
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(template) = Template::parse(text) else { return };
    assert_eq!(Template::parse(&template.to_string()).as_ref(), Ok(&template));
    let mut values = Values::new();
    for variable in template.variables() {
        values.set(variable.name, "\u{1}");
    }
    let plain = template.fill(&values);
    if let Ok(filled) = &plain {
        assert!(filled.len() <= LARGEST, "{} bytes", filled.len());
    }
    // A value that looks like a template changes nothing but itself.
    let sly: Values = values.iter().map(|(name, _)| (name, "${A:?}$$")).collect();
    if let (Ok(plain), Ok(filled)) = (plain, template.fill(&sly))
        && !text.contains('\u{1}')
    {
        assert_eq!(filled, plain.replace('\u{1}', "${A:?}$$"));
    }
    // Without any value only what the file demands can be missing.
    if let Err(reason) = template.fill(&Values::new()) {
        assert!(reason.contains("needs one") || reason.contains("64 KiB"), "{reason}");
    }
}

/// An image name means one thing, short or whole.
pub fn reference(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(registry) = Reference::registry_named(text) {
        assert_eq!(Reference::registry_named(&registry).as_ref(), Ok(&registry));
    }
    let Ok(reference) = text.parse::<Reference>() else { return };
    for written in [format!("{reference}"), format!("{reference:#}")] {
        assert_eq!(written.parse().as_ref(), Ok(&reference), "{text:?} as {written:?}");
    }
    assert!(!reference.registry().is_empty() && !reference.repository().is_empty());
    assert_eq!(reference.image().tag(), None);
    if let Some(tag) = reference.tag() {
        assert_eq!(reference.with_tag(tag).unwrap_or_else(|error| panic!("{error}")).tag(), Some(tag));
    }
}

/// The first line is a pattern or the number of one, the others are tags: each has one place, whatever their order, and
/// versions compare as numbers do.
pub fn tags(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (head, rest) = text.split_once('\n').unwrap_or((text, ""));
    let tags: Vec<&str> = rest.lines().filter(|tag| !tag.is_empty()).take(200).collect();
    let Some(rule) = rule(head, &tags) else { return };
    let picker = classify(tags.iter().copied(), &rule);
    assert_eq!(classify(tags.iter().rev().copied(), &rule), picker, "the order of the list plays no part");

    let listed = picker.lines.iter().flat_map(|line| &line.versions).map(|version| version.tag.as_str());
    let mut placed: Vec<&str> = listed.chain(picker.others.iter().map(String::as_str)).collect();
    let mut expected = tags.clone();
    placed.sort_unstable();
    expected.sort_unstable();
    expected.dedup();
    assert_eq!(placed, expected, "each tag once");
    let versions = || picker.lines.iter().flat_map(|line| &line.versions);
    if let Some(proposed) = versions().find(|version| version.tag == picker.proposed) {
        assert!(!proposed.prerelease || proposed.tag == rule.default, "{proposed:?}");
    } else {
        assert_eq!(picker.proposed, rule.default);
    }

    let few = &tags[..tags.len().min(8)];
    for a in few {
        for b in few {
            let order = rule.compare(a, b);
            assert_eq!(order, rule.compare(b, a).map(std::cmp::Ordering::reverse), "{a} and {b}");
            for c in few {
                if order == rule.compare(b, c) && order.is_some() {
                    assert_eq!(rule.compare(a, c), order, "{a}, {b}, {c}");
                }
            }
        }
    }
}

/// Rules as entries write them; a pattern of its own goes with the order that its first letter after `^` chooses.
fn rule(head: &str, tags: &[&str]) -> Option<TagRule> {
    let known = [
        (r"^(?<version>\d+\.\d+\.\d+)(?<variant>-alpine)?$", Order::Semver, LineRule::Minor),
        (r"^(?<version>\d+(\.\d+)*)(?<variant>-\w+)?$", Order::Numeric, LineRule::Major),
        (r"^RELEASE\.(?<version>\S+)$", Order::Calendar, LineRule::Year),
        (r"^v?(?<version>\d+\.\d+\.\d+(-rc\.?\d+)?)$", Order::Semver, LineRule::Major),
        (r"^\S+$", Order::Listed(tags.iter().take(20).map(|tag| (*tag).to_owned()).collect()), LineRule::Minor),
        (r"^\S+$", Order::Semver, LineRule::Minor),
        (r"^\S+$", Order::Numeric, LineRule::Year),
    ];
    let (pattern, order, line) = match head.parse::<usize>() {
        Ok(number) => known.get(number)?.clone(),
        Err(_) => (head, Order::Numeric, LineRule::Minor),
    };
    let pattern = TagPattern::new(pattern).ok()?;
    let default = tags.iter().find(|tag| pattern.matches(tag)).copied().unwrap_or("1.0.0");
    Some(TagRule {
        pattern: pattern.regex().clone(),
        prerelease: Regex::new(r"-(rc|beta)").ok(),
        order,
        line,
        variants: Vec::new(),
        default: default.to_owned(),
    })
}

/// A form or a body of any kind is read or refused, and what a form's check accepts it accepts again.
pub fn form(data: &[u8]) {
    let (kind, body) = data.split_first().unwrap_or((&0, &[]));
    let kind = ["application/json", "application/x-www-form-urlencoded", "text/plain"][usize::from(kind % 3)];
    let request = Request::builder().method("POST").header("content-type", kind).body(Body::from(body.to_vec()));
    let Ok(request) = request else { return };
    let read = Input::<BTreeMap<String, serde_json::Value>>::from_request(request, &()).now_or_never();
    match read {
        Some(Ok(Input(read))) => assert_ne!(kind, "text/plain", "{read:?}"),
        Some(Err(refusal)) => assert!([400, 413, 415].contains(&refusal.problem.status), "{refusal:?}"),
        None => panic!("a body that is there already was waited for"),
    }
    let Ok(text) = std::str::from_utf8(body) else { return };
    if let Err(refusal) = query::<BTreeMap<String, serde_json::Value>>(text) {
        assert_eq!(refusal.problem.status, 400);
    }
    let form = form_fields();
    let answers: Values = text.split('&').filter_map(|pair| pair.split_once('=')).collect();
    match fields::check(&form, &answers) {
        Ok(checked) => {
            assert!(checked.iter().all(|(_, value)| !value.contains(['\n', '\r', '\0'])), "one visible line each");
            assert_eq!(fields::check(&form, &checked), Ok(checked));
        }
        Err(problems) => assert!(problems.iter().all(|problem| !problem.message.is_empty())),
    }
}

/// One field of each kind.
fn form_fields() -> IndexMap<String, fields::Field> {
    let field = |kind: &str| {
        let options =
            if kind == "choice" { r#","options":{"open":{"en":"Open"},"closed":{"en":"Closed"}}"# } else { "" };
        format!(r#"{{"type":"{kind}","label":{{"en":"Label"}}{options}}}"#)
    };
    let kinds =
        ["text", "email", "url", "domain", "password", "number", "size", "boolean", "choice", "time-zone", "language"];
    let fields: Vec<String> = kinds.iter().map(|kind| format!(r#""{kind}":{}"#, field(kind))).collect();
    serde_json::from_str(&format!("{{{}}}", fields.join(","))).unwrap_or_else(|error| panic!("{error}"))
}
