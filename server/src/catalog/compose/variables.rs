//! The variables of a whole file: finding them, and filling them in.

use super::super::finding::{Finding, Mark};
use super::super::interpolate::{Missing, STAND_IN, Template, Values, Variable};
use super::super::tree::{Node, Scalar, Value};
use super::scalars::join;

/// The most text of one file once its variables are filled in, in bytes.
const LONGEST_FILLED: usize = 1 << 20;

/// Gathers the variables of a part of the file; extensions (`x-…`) are for others and have none.
pub(super) fn collect(node: &Node, found: &mut Vec<Variable>) {
    match &node.value {
        Value::Scalar(scalar) => {
            for variable in Template::parse(&scalar.text).map(|template| template.variables()).unwrap_or_default() {
                add(found, Variable { line: node.at.line, column: node.at.column, ..variable });
            }
        }
        Value::List(items) => items.iter().for_each(|item| collect(item, found)),
        Value::Map(entries) => {
            entries.iter().filter(|(key, _)| !key.text.starts_with("x-")).for_each(|(_, node)| collect(node, found));
        }
    }
}

pub(super) fn named_by_environment(service: &Node, found: &mut Vec<Variable>) {
    match service.get("environment").map(|node| &node.value) {
        Some(Value::Map(entries)) => {
            for (key, _) in entries.iter().filter(|(_, value)| value.is_null()) {
                add(found, named(&key.text, false, key.at));
            }
        }
        Some(Value::List(items)) => {
            for (at, name) in items.iter().filter_map(text_of).filter(|(_, text)| !text.contains('=')) {
                add(found, named(name, false, at));
            }
        }
        _ => {}
    }
}

pub(super) fn text_of(node: &Node) -> Option<(Mark, &str)> {
    match &node.value {
        Value::Scalar(scalar) => Some((node.at, &scalar.text)),
        _ => None,
    }
}

pub(super) fn named(name: &str, required: bool, at: Mark) -> Variable {
    Variable { name: name.to_owned(), default: None, required, line: at.line, column: at.column }
}

pub(super) fn add(found: &mut Vec<Variable>, variable: Variable) {
    match found.iter_mut().find(|known| known.name == variable.name) {
        Some(known) => {
            known.required |= variable.required;
            known.default = known.default.take().or(variable.default);
        }
        None => found.push(variable),
    }
}

/// Fills in the variables of a whole tree.
pub(super) struct Filler<'values> {
    values: &'values Values,
    missing: Missing,
    spent: usize,
    pub findings: Vec<Finding>,
}

impl<'values> Filler<'values> {
    /// A filler with these values.
    pub fn new(values: &'values Values, missing: Missing) -> Self {
        Self { values, missing, spent: 0, findings: Vec::new() }
    }

    /// The node with its variables filled in.
    pub fn fill(&mut self, node: &Node, path: &str) -> Node {
        let value = match &node.value {
            Value::Scalar(scalar) => Value::Scalar(self.fill_scalar(scalar, node.at, path)),
            Value::List(items) => {
                let filled = items.iter().enumerate().map(|(index, item)| self.fill(item, &format!("{path}[{index}]")));
                Value::List(filled.collect())
            }
            Value::Map(entries) => Value::Map(
                entries
                    .iter()
                    .filter(|(key, _)| !key.text.starts_with("x-"))
                    .map(|(key, node)| (key.clone(), self.fill(node, &join(path, &key.text))))
                    .collect(),
            ),
        };
        Node { at: node.at, value }
    }

    fn fill_scalar(&mut self, scalar: &Scalar, at: Mark, path: &str) -> Scalar {
        if !scalar.text.contains('$') || self.spent > LONGEST_FILLED {
            return scalar.clone();
        }
        let filled = Template::parse(&scalar.text).and_then(|template| template.fill_with(self.values, self.missing));
        match filled {
            Ok(filled) if self.spent + filled.text.len() <= LONGEST_FILLED => {
                self.spent += filled.text.len();
                // What was filled in is a text, even where it reads “null”.
                Scalar { text: filled.text, plain: false, assumed: filled.assumed }
            }
            Ok(_) => {
                if self.spent <= LONGEST_FILLED {
                    let message = "With its variables filled in, the file passes 1 MiB. Shorten the values.";
                    self.findings.push(Finding::new(at, path, message));
                }
                self.spent = LONGEST_FILLED + 1;
                Scalar { text: STAND_IN.to_owned(), plain: false, assumed: true }
            }
            Err(message) => {
                self.findings.push(Finding::new(at, path, message));
                Scalar { text: STAND_IN.to_owned(), plain: false, assumed: true }
            }
        }
    }
}
