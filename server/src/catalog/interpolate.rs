//! Interpolation: the variables inside a scalar, as the Compose specification writes them.
//!
//! `$V ${V} ${V-x} ${V:-x} ${V?x} ${V:?x} ${V+x} ${V:+x} $$`, nested in each other's second part.
//! A template is parsed once and filled as often as needed; what a variable holds is copied as it is and never read
//! again, so that a value with `${…}` in it stays a value (the opposite would let an answer read other secrets).

use std::collections::BTreeMap;
use std::fmt;

use super::finding::quoted;

/// The deepest nesting of `${A:-${B:-…}}`.
const DEEPEST: usize = 8;

/// The longest result of one template, in bytes.
pub(super) const LONGEST_RESULT: usize = 64 << 10;

/// What stands in for a value that is not known yet: it reads as a number, a name and a size alike.
pub(super) const STAND_IN: &str = "1";

/// What variables stand for: name to value. May hold secrets, so [`fmt::Debug`] shows names only.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Values(BTreeMap<String, String>);

impl Values {
    /// No variable at all.
    pub fn new() -> Self {
        Self::default()
    }

    /// The value of a variable.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Gives a variable a value, in place of the one it had.
    pub fn set(&mut self, name: impl Into<String>, value: impl Into<String>) {
        self.0.insert(name.into(), value.into());
    }

    /// Forgets a variable.
    pub fn remove(&mut self, name: &str) {
        self.0.remove(name);
    }

    /// Variables and values, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

impl fmt::Debug for Values {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_set().entries(self.0.keys()).finish()
    }
}

impl<N: Into<String>, V: Into<String>> FromIterator<(N, V)> for Values {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(pairs: I) -> Self {
        Self(pairs.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }
}

impl<N: Into<String>, V: Into<String>> Extend<(N, V)> for Values {
    fn extend<I: IntoIterator<Item = (N, V)>>(&mut self, pairs: I) {
        self.0.extend(pairs.into_iter().map(|(name, value)| (name.into(), value.into())));
    }
}

/// A variable that a file uses, so that an imported file gets its form by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variable {
    pub name: String,
    /// The text that stands in when it is not set, as written, with the variables inside it.
    pub default: Option<String>,
    /// Whether the file refuses to do without it (`?`).
    pub required: bool,
    /// Where it is used first: line and column, from 1.
    pub line: usize,
    pub column: usize,
}

/// A scalar with its variables found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template(Vec<Piece>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    Variable { name: String, otherwise: Otherwise },
}

/// What a variable does beside giving its value.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Otherwise {
    Nothing,
    /// `-`: stands in when there is no value.
    Default(When, Template),
    /// `?`: refuses when there is no value.
    Refuse(When, Template),
    /// `+`: stands in when there is a value.
    Replace(When, Template),
}

/// What counts as no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum When {
    Unset,
    /// With the colon.
    UnsetOrEmpty,
}

/// How variables without a value are met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Missing {
    /// As Compose does: empty, or refused where the file says so.
    AsWritten,
    /// A stand-in, to read a file's shape before its values are known.
    Assume,
}

/// A filled template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Filled {
    pub text: String,
    /// Whether a stand-in took part, so that the text says nothing about what it will be.
    pub assumed: bool,
}

impl Template {
    /// Finds the variables in a text.
    ///
    /// # Errors
    /// A sentence about the first `$` that is neither a variable nor doubled.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut reader = Reader { rest: text };
        let template = reader.template(0)?;
        debug_assert!(reader.rest.is_empty(), "a template at the top ends only where its text ends");
        Ok(template)
    }

    /// The text with each variable replaced.
    ///
    /// # Errors
    /// A sentence: a variable that the file requires has no value, or the result passes 64 KiB.
    pub fn fill(&self, values: &Values) -> Result<String, String> {
        self.fill_with(values, Missing::AsWritten).map(|filled| filled.text)
    }

    pub(super) fn fill_with(&self, values: &Values, missing: Missing) -> Result<Filled, String> {
        let mut filled = Filled { text: String::new(), assumed: false };
        self.fill_into(values, missing, &mut filled)?;
        Ok(filled)
    }

    fn fill_into(&self, values: &Values, missing: Missing, filled: &mut Filled) -> Result<(), String> {
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => filled.text.push_str(text),
                Piece::Variable { name, otherwise } => fill_variable(name, otherwise, values, missing, filled)?,
            }
            if filled.text.len() > LONGEST_RESULT {
                return Err("With its variables filled in, this text passes 64 KiB. Shorten the values.".to_owned());
            }
        }
        Ok(())
    }

    /// The variables in the order they are used, inner ones after the one that holds them.
    pub fn variables(&self) -> Vec<Variable> {
        let mut found = Vec::new();
        self.collect(&mut found);
        found
    }

    fn collect(&self, found: &mut Vec<Variable>) {
        for piece in &self.0 {
            let Piece::Variable { name, otherwise } = piece else { continue };
            let (default, required) = match otherwise {
                Otherwise::Default(_, template) => (Some(template.to_string()), false),
                Otherwise::Refuse(..) => (None, true),
                Otherwise::Nothing | Otherwise::Replace(..) => (None, false),
            };
            found.push(Variable { name: name.clone(), default, required, line: 0, column: 0 });
            match otherwise {
                Otherwise::Default(_, inner) | Otherwise::Refuse(_, inner) | Otherwise::Replace(_, inner) => {
                    inner.collect(found);
                }
                Otherwise::Nothing => {}
            }
        }
    }
}

fn fill_variable(
    name: &str,
    otherwise: &Otherwise,
    values: &Values,
    missing: Missing,
    filled: &mut Filled,
) -> Result<(), String> {
    let value = values.get(name);
    let counts = |when: &When| value.filter(|value| *when == When::Unset || !value.is_empty());
    match otherwise {
        Otherwise::Nothing => match (value, missing) {
            (Some(value), _) => filled.text.push_str(value),
            (None, Missing::AsWritten) => {}
            (None, Missing::Assume) => assume(filled),
        },
        Otherwise::Default(when, inner) => match counts(when) {
            Some(value) => filled.text.push_str(value),
            None => inner.fill_into(values, missing, filled)?,
        },
        Otherwise::Refuse(when, inner) => match (counts(when), missing) {
            (Some(value), _) => filled.text.push_str(value),
            (None, Missing::Assume) => assume(filled),
            (None, Missing::AsWritten) => {
                let reason = inner.fill_with(values, Missing::AsWritten)?.text;
                let reason =
                    if reason.is_empty() { String::new() } else { format!(" The file says {}.", quoted(&reason)) };
                return Err(format!(
                    "The variable {name} has no value, and the file needs one.{reason} Give it a value."
                ));
            }
        },
        Otherwise::Replace(when, inner) => {
            if counts(when).is_some() {
                inner.fill_into(values, missing, filled)?;
            }
        }
    }
    Ok(())
}

fn assume(filled: &mut Filled) {
    filled.text.push_str(STAND_IN);
    filled.assumed = true;
}

/// The template as it would be written.
impl fmt::Display for Template {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => out.write_str(&text.replace('$', "$$"))?,
                Piece::Variable { name, otherwise } => match otherwise {
                    Otherwise::Nothing => write!(out, "${{{name}}}")?,
                    Otherwise::Default(when, inner) => write!(out, "${{{name}{}-{inner}}}", when.colon())?,
                    Otherwise::Refuse(when, inner) => write!(out, "${{{name}{}?{inner}}}", when.colon())?,
                    Otherwise::Replace(when, inner) => write!(out, "${{{name}{}+{inner}}}", when.colon())?,
                },
            }
        }
        Ok(())
    }
}

impl When {
    fn colon(self) -> &'static str {
        match self {
            Self::Unset => "",
            Self::UnsetOrEmpty => ":",
        }
    }
}

struct Reader<'text> {
    rest: &'text str,
}

impl Reader<'_> {
    /// Reads up to the end of the text, or inside braces (`depth` above 0) up to the brace that closes them.
    fn template(&mut self, depth: usize) -> Result<Template, String> {
        let mut pieces = Vec::new();
        let mut text = String::new();
        while let Some(next) = self.rest.chars().next() {
            if next == '}' && depth > 0 {
                break;
            }
            if next != '$' {
                self.rest = &self.rest[next.len_utf8()..];
                text.push(next);
                continue;
            }
            if let Some(rest) = self.rest.strip_prefix("$$") {
                self.rest = rest;
                text.push('$');
                continue;
            }
            let piece = self.variable(depth)?;
            if !text.is_empty() {
                pieces.push(Piece::Text(std::mem::take(&mut text)));
            }
            pieces.push(piece);
        }
        if !text.is_empty() {
            pieces.push(Piece::Text(text));
        }
        Ok(Template(pieces))
    }

    /// Reads `$V` or `${V…}`, the `$` included.
    fn variable(&mut self, depth: usize) -> Result<Piece, String> {
        let start = self.rest;
        let after = &start[1..];
        let Some(braced) = after.strip_prefix('{') else {
            self.rest = after;
            let name = self.name().ok_or_else(|| lone_dollar(start))?;
            return Ok(Piece::Variable { name, otherwise: Otherwise::Nothing });
        };
        self.rest = braced;
        let name = self.name().ok_or_else(|| {
            format!("{} names no variable. Write a name such as ${{PORT}}, or $$ for a dollar sign.", quoted(start))
        })?;
        let otherwise = self.otherwise(start, depth)?;
        let closed = self.rest.strip_prefix('}');
        self.rest = closed.ok_or_else(|| format!("{} is not closed. Add the brace }} that ends it.", quoted(start)))?;
        Ok(Piece::Variable { name, otherwise })
    }

    fn otherwise(&mut self, start: &str, depth: usize) -> Result<Otherwise, String> {
        let (when, sign) = match self.rest.strip_prefix(':') {
            Some(rest) => (When::UnsetOrEmpty, rest),
            None => (When::Unset, self.rest),
        };
        let make = match sign.chars().next() {
            Some('-') => Otherwise::Default,
            Some('?') => Otherwise::Refuse,
            Some('+') => Otherwise::Replace,
            Some('}') | None if when == When::Unset => return Ok(Otherwise::Nothing),
            _ => {
                return Err(format!(
                    "{} is not a form of a variable. After the name stand -, :-, ?, :?, + or :+, or the closing brace.",
                    quoted(start)
                ));
            }
        };
        if depth >= DEEPEST {
            return Err(format!("Variables are nested more than {DEEPEST} deep here. Use fewer levels."));
        }
        self.rest = &sign[1..];
        Ok(make(when, self.template(depth + 1)?))
    }

    fn name(&mut self) -> Option<String> {
        let is_part = |c: char| c == '_' || c.is_ascii_alphanumeric();
        let end = self.rest.find(|c: char| !is_part(c)).unwrap_or(self.rest.len());
        let (name, rest) = self.rest.split_at(end);
        if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
            return None;
        }
        self.rest = rest;
        Some(name.to_owned())
    }
}

fn lone_dollar(start: &str) -> String {
    format!("The $ in {} starts no variable. Write $$ for a dollar sign.", quoted(start))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn values() -> Values {
        [("SET", "value"), ("EMPTY", ""), ("SLY", "${SET}$$")].into_iter().collect()
    }

    #[test]
    fn every_form_of_the_specification_is_filled() {
        for (template, expected) in [
            ("plain", "plain"),
            ("$SET", "value"),
            ("$SET.", "value."),
            ("a${SET}b", "avalueb"),
            ("${UNSET}", ""),
            ("${UNSET-x}", "x"),
            ("${EMPTY-x}", ""),
            ("${UNSET:-x}", "x"),
            ("${EMPTY:-x}", "x"),
            ("${SET:-x}", "value"),
            ("${SET?x}", "value"),
            ("${EMPTY?x}", ""),
            ("${SET:?x}", "value"),
            ("${SET+x}", "x"),
            ("${EMPTY+x}", "x"),
            ("${EMPTY:+x}", ""),
            ("${UNSET+x}", ""),
            ("${SET:+<${SET}>}", "<value>"),
            ("$$", "$"),
            ("$$SET", "$SET"),
            ("$$$SET", "$value"),
            ("${UNSET:-$$x}", "$x"),
            ("${UNSET:-${ALSO:-deep}}", "deep"),
            ("${UNSET:-{}}", "{}"),
            ("${UNSET:-a b:c?d}", "a b:c?d"),
            ("$SLY", "${SET}$$"),
            ("${UNSET:-${SLY}}", "${SET}$$"),
            ("${UNSET:-}", ""),
            ("é${SET}ü", "évalueü"),
            ("}", "}"),
        ] {
            assert_eq!(Template::parse(template).unwrap().fill(&values()).as_deref(), Ok(expected), "{template}");
        }
    }

    #[test]
    fn a_required_variable_without_a_value_is_refused_with_the_files_reason() {
        let fill = |text: &str| Template::parse(text).unwrap().fill(&values()).unwrap_err();
        assert_eq!(
            fill("${UNSET?say ${SET}}"),
            "The variable UNSET has no value, and the file needs one. The file says “say value”. Give it a value."
        );
        assert_eq!(fill("${EMPTY:?}"), "The variable EMPTY has no value, and the file needs one. Give it a value.");
    }

    #[test]
    fn what_is_no_variable_is_refused() {
        for (text, part) in [
            ("$", "Write $$"),
            ("100$ a", "Write $$"),
            ("$1", "Write $$"),
            ("${}", "names no variable"),
            ("${1A}", "names no variable"),
            ("${A", "not closed"),
            ("${A:-x", "not closed"),
            ("${A:-${B}", "not closed"),
            ("${A:x}", "not a form"),
            ("${A:}", "not a form"),
            ("${A!x}", "not a form"),
            ("${A b}", "not a form"),
        ] {
            let message = Template::parse(text).unwrap_err();
            assert!(message.contains(part), "{text}: {message}");
        }
    }

    #[test]
    fn depth_and_size_are_bounded() {
        let nested = "${A:-".repeat(5_000) + &"}".repeat(5_000);
        assert!(Template::parse(&nested).unwrap_err().contains("nested more than 8"));
        let long: Values = [("A", "x".repeat(1 << 10))].into_iter().collect();
        let many = Template::parse(&"$A".repeat(1_000)).unwrap();
        assert!(many.fill(&long).unwrap_err().contains("64 KiB"));
    }

    #[test]
    fn variables_are_reported_with_default_and_need() {
        let found = Template::parse("${A:-${B:-1}}$C${D:?why}${E:+x}").unwrap().variables();
        let found: Vec<_> = found.iter().map(|v| (v.name.as_str(), v.default.as_deref(), v.required)).collect();
        let expected = [
            ("A", Some("${B:-1}"), false),
            ("B", Some("1"), false),
            ("C", None, false),
            ("D", None, true),
            ("E", None, false),
        ];
        assert_eq!(found, expected);
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in r"[\$\{\}:?+\-A-C1 é]{0,60}") {
            if let Ok(template) = Template::parse(&text) {
                let _ = template.fill(&values());
                prop_assert_eq!(Template::parse(&template.to_string()), Ok(template));
            }
        }

        #[test]
        fn a_text_without_a_dollar_stays_as_it_is(text in r"[^\$]{0,80}") {
            prop_assert_eq!(Template::parse(&text).unwrap().fill(&values()), Ok(text));
        }

        #[test]
        fn doubled_dollars_give_the_text_back(text in r"\PC{0,80}") {
            prop_assert_eq!(Template::parse(&text.replace('$', "$$")).unwrap().fill(&values()), Ok(text));
        }

        #[test]
        fn a_value_is_never_read_again(value in r"\PC{0,80}") {
            let values: Values = [("A", value.as_str()), ("B", "secret")].into_iter().collect();
            prop_assert_eq!(Template::parse("${A}").unwrap().fill(&values), Ok(value.clone()));
            prop_assert_eq!(Template::parse("${C:-$A}").unwrap().fill(&values), Ok(value));
        }
    }
}
