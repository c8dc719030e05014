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

/// What may be written in place of a word that is not known: the one word it is close to, else all where they are few.
pub(super) fn instead(word: &str, known: &[&str]) -> String {
    const FEW: usize = 12;
    let near = known.iter().map(|known| (distance(word, known), known)).filter(|(steps, _)| *steps <= 2).min();
    match near {
        Some((_, known)) => format!("Write “{known}”, or leave it out."),
        None if known.len() <= FEW => format!("Leave it out, or write one of {}.", known.join(", ")),
        None => "Leave it out.".to_owned(),
    }
}

/// How many letters differ between two words (Levenshtein); a word that is much longer is far.
fn distance(one: &str, other: &str) -> usize {
    if one.len().abs_diff(other.len()) > 2 {
        return usize::MAX;
    }
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (index, letter) in one.bytes().enumerate() {
        let mut corner = row[0];
        row[0] = index + 1;
        for (column, other) in other.bytes().enumerate() {
            let changed = corner + usize::from(letter != other);
            corner = row[column + 1];
            row[column + 1] = changed.min(corner + 1).min(row[column] + 1);
        }
    }
    row[other.len()]
}

fn visible(character: char) -> Vec<char> {
    if character.is_control() { character.escape_default().collect() } else { vec![character] }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_answered_with_the_word_that_was_meant() {
        let known = ["image", "command", "ports"];
        for (word, expected) in [
            ("comand", "Write “command”, or leave it out."),
            ("imgae", "Write “image”, or leave it out."),
            ("port", "Write “ports”, or leave it out."),
            ("volumes", "Leave it out, or write one of image, command, ports."),
            ("é", "Leave it out, or write one of image, command, ports."),
        ] {
            assert_eq!(instead(word, &known), expected, "{word}");
        }
        assert_eq!(instead("volumes", &["xxxxxxxxx"; 20]), "Leave it out.");
    }

    #[test]
    fn what_is_quoted_stays_short_and_on_one_line() {
        assert_eq!(quoted("a\nb"), "“a\\nb”");
        assert_eq!(quoted(&"x".repeat(300)).chars().count(), 43);
    }
}
