//! What a reader of entries and Compose files has to say about them, with the place it says it of.

use std::fmt;

/// One thing that is wrong with a file: where, and a sentence that says what, why and what to do.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// The line, from 1; 0 when the whole file is meant.
    pub line: usize,
    /// The column, from 1, counted in characters; 0 when the whole file is meant.
    pub column: usize,
    /// The place in the file's own words, such as `services.app.ports[0]`; empty for the whole file.
    pub path: String,
    /// What is wrong, why, and what to do, in whole sentences.
    pub message: String,
}

impl Finding {
    pub(super) fn new(at: Mark, path: &str, message: impl Into<String>) -> Self {
        Self { line: at.line, column: at.column, path: path.to_owned(), message: message.into() }
    }

    /// A finding about the file as a whole.
    pub(super) fn of_file(message: impl Into<String>) -> Self {
        Self::new(Mark::default(), "", message)
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line > 0 {
            write!(out, "line {}, column {}: ", self.line, self.column)?;
        }
        if !self.path.is_empty() {
            write!(out, "{}: ", self.path)?;
        }
        out.write_str(&self.message)
    }
}

/// A place in a file: line and column from 1, or zeros for the whole file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Mark {
    pub line: usize,
    pub column: usize,
}

/// Input as it is quoted in a sentence: in quotation marks, at most forty characters, control characters made visible.
pub(super) fn quoted(input: &str) -> String {
    const LONGEST: usize = 40;
    let mut shown: String = input.chars().take(LONGEST).flat_map(visible).collect();
    if input.chars().count() > LONGEST {
        shown.push('…');
    }
    format!("“{shown}”")
}

fn visible(character: char) -> Vec<char> {
    if character.is_control() { character.escape_default().collect() } else { vec![character] }
}
