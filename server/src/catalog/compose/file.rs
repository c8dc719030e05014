//! A Compose file as it is written.

use super::super::finding::Finding;
use super::super::interpolate::{Template, Variable};
use super::super::tree::{self, Node, Value};

/// A Compose file as it is written, each value with its place and its variables not filled in.
#[derive(Clone, Debug, PartialEq)]
pub struct ComposeFile {
    text: String,
    root: Node,
}

impl ComposeFile {
    /// Reads a file.
    ///
    /// # Errors
    /// All findings: what is wrong as YAML.
    pub fn parse(text: &str) -> Result<Self, Vec<Finding>> {
        Ok(Self { text: text.to_owned(), root: tree::parse(text)? })
    }

    /// The file's text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The variables the file uses, each once, in the order they are used first.
    pub fn variables(&self) -> Vec<Variable> {
        let mut found = Vec::new();
        collect(&self.root, &mut found);
        found
    }
}

fn collect(node: &Node, found: &mut Vec<Variable>) {
    match &node.value {
        Value::Scalar(scalar) => {
            for variable in Template::parse(&scalar.text).map(|template| template.variables()).unwrap_or_default() {
                match found.iter_mut().find(|known| known.name == variable.name) {
                    Some(known) => {
                        known.required |= variable.required;
                        known.default = known.default.take().or(variable.default);
                    }
                    None => found.push(Variable { line: node.at.line, column: node.at.column, ..variable }),
                }
            }
        }
        Value::List(items) => items.iter().for_each(|item| collect(item, found)),
        Value::Map(entries) => {
            entries.iter().filter(|(key, _)| !key.text.starts_with("x-")).for_each(|(_, node)| collect(node, found));
        }
    }
}
