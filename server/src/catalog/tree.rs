//! A YAML file as a tree in which each node knows its place.
//!
//! Files are read as hostile ones: size, depth, and the nodes and bytes that the tree has once its aliases are
//! expanded are bounded before anything is copied, so that an alias bomb ends in a sentence and flat memory.

use std::collections::HashMap;

use granit_parser::{Event, Parser, ScalarStyle, ScanError, Span, Tag};

use super::finding::{Finding, Mark, quoted};

/// The largest file, in bytes.
const LARGEST_FILE: usize = 256 << 10;
/// The deepest nesting of maps and lists.
const DEEPEST: usize = 32;
/// The most keys of one map.
const MOST_KEYS: usize = 1_000;
/// The most nodes of a tree, expanded.
const MOST_NODES: usize = 20_000;
/// The most bytes of text in a tree, expanded.
const MOST_TEXT: usize = 1 << 20;
/// The private-use characters that stand around a secret's name while an export is written.
const MARKS: [char; 2] = ['\u{e000}', '\u{e001}'];
/// The most findings before the rest of a file is not worth reading.
pub(super) const MOST_FINDINGS: usize = 100;

/// A value with its place.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Node {
    pub at: Mark,
    pub value: Value,
}

/// What stands at a place.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Scalar(Scalar),
    List(Vec<Node>),
    Map(Vec<(Key, Node)>),
}

/// A text and how it was written.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Scalar {
    pub text: String,
    /// Whether it stood without quotes, so that it may mean null, a number or a truth value.
    pub plain: bool,
    /// Whether a stand-in for a variable without a value took part.
    pub assumed: bool,
}

/// The key of a map's entry.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Key {
    pub at: Mark,
    pub text: String,
}

impl Node {
    /// Whether nothing is written here: an absent value, `~` or `null`.
    pub fn is_null(&self) -> bool {
        matches!(&self.value, Value::Scalar(scalar) if scalar.is_null())
    }

    /// What is written here, for a sentence.
    pub fn describe(&self) -> String {
        match &self.value {
            Value::Scalar(scalar) if scalar.is_null() => "nothing".to_owned(),
            Value::Scalar(scalar) => quoted(&scalar.text),
            Value::List(_) => "a list".to_owned(),
            Value::Map(_) => "a map".to_owned(),
        }
    }

    /// The value under a key of a map.
    pub fn get(&self, key: &str) -> Option<&Node> {
        match &self.value {
            Value::Map(entries) => entries.iter().find(|(name, _)| name.text == key).map(|(_, node)| node),
            _ => None,
        }
    }

    fn weight(&self) -> Weight {
        match &self.value {
            Value::Scalar(scalar) => Weight { nodes: 1, text: scalar.text.len(), depth: 0 },
            Value::List(items) => items.iter().fold(Weight::COLLECTION, |sum, item| sum.holding(item.weight())),
            Value::Map(entries) => entries.iter().fold(Weight::COLLECTION, |sum, (key, node)| {
                let sum = sum.holding(node.weight());
                Weight { text: sum.text + key.text.len(), ..sum }
            }),
        }
    }
}

impl Scalar {
    /// Whether it means null in YAML's core schema.
    pub fn is_null(&self) -> bool {
        self.plain && matches!(self.text.as_str(), "" | "~" | "null" | "Null" | "NULL")
    }
}

/// What a tree costs.
#[derive(Clone, Copy, Default)]
struct Weight {
    nodes: usize,
    text: usize,
    /// How many collections stand inside each other.
    depth: usize,
}

impl Weight {
    const COLLECTION: Self = Self { nodes: 1, text: 0, depth: 1 };

    fn holding(self, inner: Self) -> Self {
        Self { nodes: self.nodes + inner.nodes, text: self.text + inner.text, depth: self.depth.max(inner.depth + 1) }
    }
}

/// Reads a file with one YAML document.
///
/// # Errors
/// Everything that is wrong with it as YAML, in the file's order: syntax, budgets, doubled keys, unknown tags.
pub(super) fn parse(text: &str) -> Result<Node, Vec<Finding>> {
    if text.len() > LARGEST_FILE {
        let message = format!(
            "The file has {} KiB, and at most {} are read. Move large content out of it.",
            text.len() >> 10,
            LARGEST_FILE >> 10
        );
        return Err(vec![Finding::of_file(message)]);
    }
    let mut builder = Builder::default();
    let options = granit_parser::options! { emit_comments: false, disallow_directives: true };
    for event in Parser::new_from_str_with_options(text, options) {
        let stop = match event {
            Ok((event, span)) => builder.take(event, span),
            Err(error) => Err(syntax_error(&error, text)),
        };
        if let Err(finding) = stop {
            builder.findings.push(finding);
            break;
        }
        if builder.findings.len() >= MOST_FINDINGS {
            break;
        }
    }
    match builder.root {
        _ if !builder.findings.is_empty() => Err(builder.findings),
        Some(root) => Ok(root),
        None => Err(vec![Finding::of_file("The file is empty. Write at least one service under “services”.")]),
    }
}

/// What the scanner said, with its most common cause in words.
fn syntax_error(error: &ScanError, text: &str) -> Finding {
    let at = mark(*error.marker());
    let line = text.lines().nth(at.line.saturating_sub(1)).unwrap_or_default();
    let blank = line.len() - line.trim_start().len();
    if let Some(tab) = line[..blank].find('\t') {
        let at = Mark { line: at.line, column: tab + 1 };
        return Finding::new(at, "", "The line is indented with a tab, which YAML forbids. Indent it with spaces.");
    }
    let message = format!("This is not YAML: {}. Check the indentation, quotes and brackets here.", error.info());
    Finding::new(at, "", message)
}

fn mark(marker: granit_parser::Marker) -> Mark {
    Mark { line: marker.line(), column: marker.col() + 1 }
}

/// A list or map that is not closed yet.
struct Open {
    at: Mark,
    anchor: usize,
    what: Opened,
}

enum Opened {
    List(Vec<Node>),
    Map { entries: Vec<(Key, Node)>, merged: Vec<Node>, key: Option<Key> },
}

#[derive(Default)]
struct Builder {
    open: Vec<Open>,
    anchors: HashMap<usize, Node>,
    spent: Weight,
    root: Option<Node>,
    findings: Vec<Finding>,
}

impl Builder {
    /// Takes one event; an error ends the reading.
    fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), Finding> {
        let at = mark(span.start);
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let forced = self.check_tag(at, tag.as_deref());
                if text.contains(MARKS) {
                    let message =
                        "The text holds a character (U+E000 or U+E001) that marks secrets in exports. Leave it out.";
                    self.findings.push(Finding::new(at, "", message));
                }
                let plain = style == ScalarStyle::Plain && !forced;
                let scalar = Scalar { text: text.into_owned(), plain, assumed: false };
                self.close(Node { at, value: Value::Scalar(scalar) }, anchor)
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.check_tag(at, tag.as_deref());
                self.descend(Open { at, anchor, what: Opened::List(Vec::new()) })
            }
            Event::MappingStart(_, anchor, tag) => {
                self.check_tag(at, tag.as_deref());
                let what = Opened::Map { entries: Vec::new(), merged: Vec::new(), key: None };
                self.descend(Open { at, anchor, what })
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let Some(Open { at, anchor, what }) = self.open.pop() else { return Ok(()) };
                let value = match what {
                    Opened::List(items) => Value::List(items),
                    Opened::Map { entries, merged, .. } => Value::Map(self.merge(entries, merged)),
                };
                self.close_counted(Node { at, value }, anchor)
            }
            Event::Alias(target) => self.expand(target, at),
            Event::DocumentStart(..) if self.root.is_some() => {
                Err(Finding::new(at, "", "A second document starts here, and a file holds one. Keep one of them."))
            }
            _ => Ok(()),
        }
    }

    /// Whether the tag says that the scalar is a text; tags beyond YAML's own are reported.
    fn check_tag(&mut self, at: Mark, tag: Option<&Tag>) -> bool {
        let Some(tag) = tag else { return false };
        if !tag.is_yaml_core_schema() && tag.original() != "!" {
            let message = format!("The tag {} is not supported. Leave it out.", quoted(&tag.original()));
            self.findings.push(Finding::new(at, "", message));
        }
        tag.core_suffix() == Some("str")
    }

    fn descend(&mut self, open: Open) -> Result<(), Finding> {
        self.spend(open.at, Weight::COLLECTION)?;
        self.open.push(open);
        Ok(())
    }

    /// Counts a node before it is kept.
    fn spend(&mut self, at: Mark, weight: Weight) -> Result<(), Finding> {
        if self.open.len() + weight.depth > DEEPEST {
            let message = format!("Lists and maps are nested more than {DEEPEST} deep here. Use fewer levels.");
            return Err(Finding::new(at, "", message));
        }
        self.spent = self.spent.holding(weight);
        if self.spent.nodes > MOST_NODES || self.spent.text > MOST_TEXT {
            let message = format!(
                "With its aliases expanded, the file passes {MOST_NODES} values or {} KiB of text. Use fewer aliases, \
                 or shorten it.",
                MOST_TEXT >> 10
            );
            return Err(Finding::new(at, "", message));
        }
        Ok(())
    }

    fn close(&mut self, node: Node, anchor: usize) -> Result<(), Finding> {
        self.spend(node.at, node.weight())?;
        self.close_counted(node, anchor)
    }

    /// Places a whole node where it belongs.
    fn close_counted(&mut self, node: Node, anchor: usize) -> Result<(), Finding> {
        if anchor > 0 {
            // The anchor keeps a copy of its own, which is paid for like an alias.
            self.spend(node.at, node.weight())?;
            self.anchors.insert(anchor, node.clone());
        }
        let Some(open) = self.open.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        match &mut open.what {
            Opened::List(items) => items.push(node),
            Opened::Map { entries, merged, key } => match key.take() {
                None => *key = Some(as_key(node)?),
                Some(_) if entries.len() >= MOST_KEYS => {
                    let message = format!("A map has more than {MOST_KEYS} keys here. Use fewer.");
                    return Err(Finding::new(node.at, "", message));
                }
                Some(key) if key.text == "<<" => merged.push(node),
                Some(key) => match entries.iter().find(|(known, _)| known.text == key.text) {
                    None => entries.push((key, node)),
                    Some((known, _)) => {
                        let message = format!(
                            "The key {} stands here a second time; the first is at line {}, column {}. Keep one of them.",
                            quoted(&key.text),
                            known.at.line,
                            known.at.column
                        );
                        self.findings.push(Finding::new(key.at, "", message));
                    }
                },
            },
        }
        Ok(())
    }

    /// Puts a copy of an anchored node here, paid for before it is made.
    fn expand(&mut self, target: usize, at: Mark) -> Result<(), Finding> {
        let Some(known) = self.anchors.get(&target) else {
            let message = "The alias stands inside the value it names, which would never end. Write the value out.";
            return Err(Finding::new(at, "", message));
        };
        let weight = known.weight();
        self.spend(at, weight)?;
        let Some(copy) = self.anchors.get(&target).cloned() else { return Ok(()) };
        self.close_counted(Node { at, ..copy }, 0)
    }

    /// Adds what `<<` brings: keys that the map does not have itself, the first map's before the next one's
    /// (yaml.org/type/merge.html).
    fn merge(&mut self, mut entries: Vec<(Key, Node)>, merged: Vec<Node>) -> Vec<(Key, Node)> {
        let mut sources = Vec::new();
        for node in merged {
            match node.value {
                Value::List(items) => sources.extend(items),
                _ => sources.push(node),
            }
        }
        for source in sources {
            let Value::Map(brought) = source.value else {
                let message = "“<<” merges maps, and this is none. Write an alias of a map, or a list of them.";
                self.findings.push(Finding::new(source.at, "", message));
                continue;
            };
            for (key, node) in brought {
                if !entries.iter().any(|(known, _)| known.text == key.text) {
                    entries.push((key, node));
                }
            }
        }
        entries
    }
}

fn as_key(node: Node) -> Result<Key, Finding> {
    match node.value {
        Value::Scalar(scalar) => Ok(Key { at: node.at, text: scalar.text }),
        _ => Err(Finding::new(node.at, "", "A list or a map stands in the place of a key. Write a name there.")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> (usize, usize, String) {
        let finding = parse(text).unwrap_err().remove(0);
        (finding.line, finding.column, finding.message)
    }

    fn text(node: &Node) -> &str {
        let Value::Scalar(scalar) = &node.value else { panic!("{node:?} is no scalar") };
        &scalar.text
    }

    #[test]
    fn every_node_knows_its_place() {
        let tree = parse("a: 1\nb:\n  - x\n  - {c: 'é', d: e}\n").unwrap();
        let Value::List(items) = &tree.get("b").unwrap().value else { panic!() };
        assert_eq!(items[0].at, Mark { line: 3, column: 5 });
        assert_eq!(items[1].get("d").unwrap().at, Mark { line: 4, column: 17 });
    }

    #[test]
    fn wrong_yaml_is_refused_at_its_place() {
        for (file, line, column, part) in [
            ("a:\n\tb: 1\n", 2, 1, "indented with a tab"),
            ("a: 1\nb: 2\na: 3\n", 3, 1, "the first is at line 1, column 1"),
            ("a: {x: 1, x: 2}\n", 1, 11, "second time"),
            ("a: [1, 2\n", 1, 4, "not YAML"),
            ("a: !secret x\n", 1, 12, "The tag “!secret”"),
            ("a: b\u{e000}c\n", 1, 4, "U+E000"),
            ("a: \"b\\uE001\"\n", 1, 4, "U+E000"),
            ("a: 1\n---\nb: 1\n", 2, 1, "second document"),
            ("a: *b\n", 1, 4, "not YAML"),
            ("a: &a [*a]\n", 1, 8, "never end"),
            ("? [a]\n: b\n", 1, 3, "in the place of a key"),
            ("a: 1\n<<: 2\n", 2, 5, "merges maps"),
            ("%YAML 1.2\n---\na: 1\n", 1, 1, "not YAML"),
        ] {
            let (at_line, at_column, message) = refused(file);
            assert!(message.contains(part), "{file:?}: {message}");
            assert_eq!((at_line, at_column), (line, column), "{file:?}: {message}");
        }
        assert!(refused("").2.contains("empty"));
        assert!(refused(&format!("a: {}", "x".repeat(300 << 10))).2.contains("300 KiB"));
    }

    #[test]
    fn all_doubled_keys_are_found() {
        assert_eq!(parse("a: 1\na: 2\nb: {c: 1, c: 2}\n").unwrap_err().len(), 2);
    }

    #[test]
    fn deep_nesting_is_refused() {
        for file in ["[".repeat(100_000), "a: ".repeat(3) + &"{a: ".repeat(200), "- ".repeat(50_000)] {
            assert!(!parse(&file).unwrap_err().is_empty());
        }
        assert!(refused(&("[".repeat(40) + &"]".repeat(40))).2.contains("more than 32 deep"));
        let chain =
            format!("a: &a {}x{}\nb: &b {}*a{}\n", "[".repeat(20), "]".repeat(20), "[".repeat(20), "]".repeat(20));
        assert_eq!(refused(&chain).0, 2);
        let keys: String = (0..1_100).map(|key| format!("k{key}:\n")).collect();
        assert!(refused(&keys).2.contains("more than 1000 keys"));
    }

    #[test]
    fn aliases_and_merge_keys_are_expanded() {
        let tree = parse("x: &x {a: 1, b: 2}\ny: {<<: *x, b: 3}\nz: {<<: [{a: 9}, *x]}\nw: *x\n").unwrap();
        assert_eq!(text(tree.get("y").unwrap().get("a").unwrap()), "1");
        assert_eq!(text(tree.get("y").unwrap().get("b").unwrap()), "3");
        assert_eq!(text(tree.get("z").unwrap().get("a").unwrap()), "9");
        assert_eq!(text(tree.get("z").unwrap().get("b").unwrap()), "2");
        assert_eq!(tree.get("w").unwrap().at, Mark { line: 4, column: 4 });
    }

    #[test]
    fn s28_an_alias_bomb_is_refused_before_it_expands() {
        let mut bomb = "a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]\n".to_owned();
        for level in 1..30 {
            let before = format!("*a{}, ", level - 1).repeat(9);
            bomb.push_str(&format!("a{level}: &a{level} [{}]\n", before.trim_end_matches(", ")));
        }
        let (line, _, message) = refused(&bomb);
        assert!(message.contains("aliases expanded"), "{message}");
        assert!(line <= 6, "it was refused only at line {line}");

        let text = format!("a: &a {}\nb: [{}]\n", "x".repeat(100 << 10), "*a,".repeat(10_000));
        assert!(refused(&text).2.contains("aliases expanded"));
    }
}
