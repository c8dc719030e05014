//! The plain pieces of a Compose file: texts, numbers, lists and pairs, each with a finding where it does not fit.

use std::str::FromStr;
use std::time::Duration;

use super::super::decode::unknown_key;
use super::super::finding::{Finding, Mark, quoted};
use super::super::interpolate::{Missing, Values};
use super::super::tree::{Key, MOST_FINDINGS, Node, Scalar, Value};
use super::super::units::{ByteSize, parse_duration};
use super::{Approval, ApprovalKind};

/// Reads a tree whose variables are filled in, and gathers what it has to say of it.
pub(super) struct Reader<'values> {
    pub values: &'values Values,
    pub missing: Missing,
    pub findings: Vec<Finding>,
    pub approvals: Vec<Approval>,
}

impl<'values> Reader<'values> {
    /// A reader that fills these values in.
    pub fn new(values: &'values Values, missing: Missing) -> Self {
        Self { values, missing, findings: Vec::new(), approvals: Vec::new() }
    }

    /// Adds a finding at a place.
    pub fn report(&mut self, at: Mark, path: &str, message: impl Into<String>) {
        // A file with this many faults has one cause, and the rest would only fill memory.
        if self.findings.len() < MOST_FINDINGS {
            self.findings.push(Finding::new(at, path, message));
        }
    }

    /// Reports a value, unless a stand-in took part in it: its real value is not known yet.
    pub fn wrong(&mut self, node: &Node, path: &str, message: impl Into<String>) {
        if !matches!(&node.value, Value::Scalar(scalar) if scalar.assumed) {
            self.report(node.at, path, message);
        }
    }

    /// Adds the finding that something else was expected here.
    pub fn expected(&mut self, node: &Node, path: &str, what: &str) {
        self.wrong(node, path, format!("Here stands {}, but {what} is expected. Write one.", node.describe()));
    }

    /// Adds something that an administrator has to allow.
    pub fn approve(&mut self, kind: ApprovalKind, path: &str, message: impl Into<String>) {
        self.approvals.push(Approval { kind, path: path.to_owned(), message: message.into() });
    }

    /// The entries of a map; nothing written is an empty map.
    pub fn entries<'tree>(&mut self, node: &'tree Node, path: &str) -> &'tree [(Key, Node)] {
        match &node.value {
            Value::Map(entries) => entries,
            _ if node.is_null() => &[],
            _ => {
                self.expected(node, path, "a map of keys and values");
                &[]
            }
        }
    }

    /// The entries of a map whose keys are all of `known`; others are reported, extension keys (`x-…`) passed over.
    pub fn known_entries<'tree>(
        &mut self,
        node: &'tree Node,
        path: &str,
        known: &[&str],
    ) -> Vec<(&'tree str, &'tree Node, String)> {
        let mut kept = Vec::new();
        for (key, value) in self.entries(node, path) {
            let below = join(path, &key.text);
            if known.contains(&key.text.as_str()) {
                kept.push((key.text.as_str(), value, below));
            } else if !key.text.starts_with("x-") {
                self.report(key.at, &below, unknown_key(&key.text, known));
            }
        }
        kept
    }

    /// The scalar of a node; a finding and `None` when it is no scalar.
    pub fn scalar<'tree>(&mut self, node: &'tree Node, path: &str, what: &str) -> Option<&'tree Scalar> {
        match &node.value {
            Value::Scalar(scalar) if !scalar.is_null() => Some(scalar),
            _ => {
                self.expected(node, path, what);
                None
            }
        }
    }

    /// A text without NUL, which neither arguments nor environments can carry.
    pub fn text(&mut self, node: &Node, path: &str) -> Option<String> {
        let text = self.scalar(node, path, "a text")?.text.clone();
        if text.contains('\0') {
            self.wrong(node, path, "The text holds a NUL character, which no program can be given. Leave it out.");
            return None;
        }
        Some(text)
    }

    /// A text that is a name or path: one line, not empty.
    pub fn line(&mut self, node: &Node, path: &str) -> Option<String> {
        let text = self.text(node, path)?;
        if text.trim().is_empty() || text.chars().any(char::is_control) {
            self.wrong(node, path, format!("{} is not one line of text. Write it on one.", quoted(&text)));
            return None;
        }
        Some(text)
    }

    /// The node as a `T`; a finding and `None` when it cannot be read as one.
    pub fn parsed<T: FromStr>(&mut self, node: &Node, path: &str, what: &str) -> Option<T> {
        let text = &self.scalar(node, path, what)?.text;
        let parsed = text.trim().parse().ok();
        if parsed.is_none() {
            self.wrong(node, path, format!("{} is not {what}. Write one.", quoted(text)));
        }
        parsed
    }

    /// The node as yes or no; a finding and `None` otherwise.
    pub fn truth(&mut self, node: &Node, path: &str) -> Option<bool> {
        match self.scalar(node, path, "true or false")?.text.as_str() {
            "true" => Some(true),
            "false" => Some(false),
            other => {
                self.wrong(node, path, format!("{} is neither true nor false. Write one of them.", quoted(other)));
                None
            }
        }
    }

    /// The node as a number of bytes; a finding and `None` otherwise.
    pub fn size(&mut self, node: &Node, path: &str) -> Option<ByteSize> {
        let parsed = self.scalar(node, path, "a size")?.text.parse();
        self.kept(node, path, parsed)
    }

    /// The node as a duration; a finding and `None` otherwise.
    pub fn duration(&mut self, node: &Node, path: &str) -> Option<Duration> {
        let parsed = parse_duration(&self.scalar(node, path, "a duration")?.text);
        self.kept(node, path, parsed)
    }

    /// The value, or a finding with the sentence that came in its place.
    pub fn kept<T>(&mut self, node: &Node, path: &str, parsed: Result<T, String>) -> Option<T> {
        parsed.map_err(|message| self.wrong(node, path, message)).ok()
    }

    /// The items of a list, each with its path; a finding when it is no list.
    pub fn items<'tree>(&mut self, node: &'tree Node, path: &str) -> Vec<(&'tree Node, String)> {
        match &node.value {
            Value::List(items) => {
                items.iter().enumerate().map(|(index, item)| (item, format!("{path}[{index}]"))).collect()
            }
            _ if node.is_null() => Vec::new(),
            _ => {
                self.expected(node, path, "a list");
                Vec::new()
            }
        }
    }

    /// A list of texts.
    pub fn texts(&mut self, node: &Node, path: &str) -> Vec<String> {
        self.items(node, path).into_iter().filter_map(|(item, path)| self.text(item, &path)).collect()
    }

    /// A list of texts, or one text in its place.
    pub fn text_or_texts(&mut self, node: &Node, path: &str) -> Vec<String> {
        match &node.value {
            Value::Scalar(scalar) if !scalar.is_null() => self.text(node, path).into_iter().collect(),
            _ => self.texts(node, path),
        }
    }

    /// Names and values, as a map or as a list of `name=value`; a later one replaces an earlier one, as in Compose.
    /// A name without a value has none.
    pub fn pairs(&mut self, node: &Node, path: &str) -> Vec<(String, Option<String>)> {
        let mut pairs: Vec<(String, Option<String>)> = Vec::new();
        let mut put = |name: String, value| match pairs.iter_mut().find(|(known, _)| *known == name) {
            Some(known) => known.1 = value,
            None => pairs.push((name, value)),
        };
        match &node.value {
            Value::List(_) => {
                for (item, below) in self.items(node, path) {
                    let Some(text) = self.text(item, &below) else { continue };
                    let (name, value) = match text.split_once('=') {
                        Some((name, value)) => (name, Some(value.to_owned())),
                        None => (text.as_str(), None),
                    };
                    if self.is_name(item, name, &below) {
                        put(name.to_owned(), value);
                    }
                }
            }
            _ => {
                for (key, value) in self.entries(node, path) {
                    let below = join(path, &key.text);
                    let written = if value.is_null() { None } else { self.text(value, &below) };
                    if self.is_name(value, &key.text, &below) {
                        put(key.text.clone(), written);
                    }
                }
            }
        }
        pairs
    }

    fn is_name(&mut self, node: &Node, name: &str, path: &str) -> bool {
        let right = !name.is_empty() && !name.contains('=') && !name.chars().any(|c| c.is_control() || c == ' ');
        if !right {
            self.report(node.at, path, format!("{} is not a name. Write it without spaces and =.", quoted(name)));
        }
        right
    }

    /// Names and values; a name without a value has an empty one.
    pub fn filled_pairs(&mut self, node: &Node, path: &str) -> Vec<(String, String)> {
        self.pairs(node, path).into_iter().map(|(name, value)| (name, value.unwrap_or_default())).collect()
    }

    /// An absolute path inside a container.
    pub fn container_path(&mut self, node: &Node, path: &str, written: &str) -> Option<String> {
        let right = written.starts_with('/')
            && !written.chars().any(char::is_control)
            && !written.split('/').any(|part| part == "..");
        if right {
            return Some(written.to_owned());
        }
        let message =
            format!("{} is not a path in the container. Write one that starts with /, without “..”.", quoted(written));
        self.wrong(node, path, message);
        None
    }
}

pub(super) fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

/// Splits a command into words as a shell does, with quotes and backslashes and nothing else.
///
/// # Errors
/// A sentence: a quote is not closed, or the text ends in a backslash.
pub(super) fn split_words(text: &str) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut letters = text.chars();
    let unclosed = || format!("The quotes in {} are not closed. Close them, or write a list of words.", quoted(text));
    while let Some(letter) = letters.next() {
        match letter {
            ' ' | '\t' | '\n' | '\r' => words.extend(word.take()),
            '\'' => {
                let word = word.get_or_insert_default();
                loop {
                    match letters.next().ok_or_else(unclosed)? {
                        '\'' => break,
                        inner => word.push(inner),
                    }
                }
            }
            '"' => {
                let word = word.get_or_insert_default();
                loop {
                    match letters.next().ok_or_else(unclosed)? {
                        '"' => break,
                        '\\' => match letters.next().ok_or_else(unclosed)? {
                            escaped @ ('"' | '\\' | '$' | '`') => word.push(escaped),
                            other => word.extend(['\\', other]),
                        },
                        inner => word.push(inner),
                    }
                }
            }
            '\\' => word.get_or_insert_default().push(letters.next().ok_or_else(unclosed)?),
            other => word.get_or_insert_default().push(other),
        }
    }
    words.extend(word);
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_split_as_a_shell_does() {
        for (text, words) in [
            ("a b  c", vec!["a", "b", "c"]),
            ("", vec![]),
            ("sh -c 'echo \"$A\" b'", vec!["sh", "-c", "echo \"$A\" b"]),
            (r#"a "b \"c\" \n" d\ e"#, vec!["a", "b \"c\" \\n", "d e"]),
            ("a '' b", vec!["a", "", "b"]),
            ("--x='y z'", vec!["--x=y z"]),
        ] {
            assert_eq!(split_words(text).unwrap(), words, "{text}");
        }
        for text in ["'a", "\"a", "a\\", "\"a\\"] {
            assert!(split_words(text).unwrap_err().contains("not closed"), "{text}");
        }
    }
}
