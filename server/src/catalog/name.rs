//! The names that tools are given.

use std::fmt;

use super::finding::quoted;

/// The name of a tool, which is its Compose project name and part of the names of its containers and volumes.
///
/// From 2 to 40 characters: lower-case letters `a` to `z` and digits, with single dashes inside, a letter first.
/// It cannot start with `-`, so it is never read as an option.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ToolName(String);

impl ToolName {
    /// Reads a name.
    ///
    /// # Errors
    /// A sentence that quotes the input and says what a right name is, and gives one where the input suggests it.
    pub fn parse(input: &str) -> Result<Self, String> {
        const LONGEST: usize = 40;
        let shown = quoted(input);
        let count = input.chars().count();
        if input.trim().is_empty() {
            return Err("A tool needs a name. Write one such as team-wiki.".to_owned());
        }
        if count > LONGEST {
            return Err(format!("{shown} has {count} characters. Write a name of at most {LONGEST}."));
        }
        let instead = suggestion(input).map_or_else(|| "team-wiki".to_owned(), |name| quoted_plain(&name));
        if input.chars().any(char::is_control) {
            return Err(format!("{shown} holds an invisible control character. Write a name such as {instead}."));
        }
        if let Some(odd) = input.chars().find(|c| c.is_alphanumeric() && !c.is_ascii()) {
            return Err(format!(
                "{shown} holds “{odd}”, which is not one of the letters a to z and may be mistaken for one. Write a \
                 name such as {instead}."
            ));
        }
        if input.contains(|c: char| c.is_ascii_uppercase()) {
            return Err(format!("{shown} has upper-case letters, which addresses do not tell apart. Write {instead}."));
        }
        if input.contains(char::is_whitespace) {
            return Err(format!("{shown} holds a space. Write dashes in its place, such as {instead}."));
        }
        if let Some(odd) = input.chars().find(|c| !c.is_ascii_alphanumeric() && *c != '-') {
            return Err(format!(
                "{shown} holds “{odd}”, which a name cannot. Write letters, digits and dashes, such as {instead}."
            ));
        }
        if !input.starts_with(|c: char| c.is_ascii_lowercase()) {
            return Err(format!("{shown} does not start with a letter. Write a name such as {instead}."));
        }
        if count < 2 {
            return Err(format!("{shown} is too short. Write a name of at least two characters, such as team-wiki."));
        }
        if input.ends_with('-') || input.contains("--") {
            return Err(format!("{shown} has a dash at its end or two in a row. Write {instead}."));
        }
        Ok(Self(input.to_owned()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ToolName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

/// The nearest right name: lower case, dashes for everything else; nothing where too little remains.
fn suggestion(input: &str) -> Option<String> {
    let spread: String =
        input.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' }).collect();
    let joined = spread.split('-').filter(|part| !part.is_empty()).collect::<Vec<_>>().join("-");
    let name = joined.trim_start_matches(|c: char| !c.is_ascii_lowercase()).to_owned();
    (name.len() >= 2).then_some(name)
}

fn quoted_plain(name: &str) -> String {
    format!("“{name}”")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn right_names_are_taken_as_they_are() {
        for name in ["ab", "gitea", "team-wiki", "n8n", "a1-b2-c3", "a".repeat(40).as_str()] {
            assert_eq!(ToolName::parse(name).unwrap().as_str(), name);
        }
    }

    #[test]
    fn wrong_names_are_refused_with_a_right_one() {
        for (input, part) in [
            ("", "needs a name"),
            ("  ", "needs a name"),
            ("a", "too short"),
            ("Gitea", "Write “gitea”"),
            ("team wiki", "such as “team-wiki”"),
            ("gіtea", "may be mistaken"), // a Cyrillic і
            ("-rf", "does not start with a letter"),
            ("9lives", "such as “lives”"),
            ("wiki-", "Write “wiki”"),
            ("a--b", "Write “a-b”"),
            ("wiki_1", "holds “_”"),
            ("$(id)", "holds “$”"),
            ("a;rm", "holds “;”"),
            ("../x", "holds “.”"),
            ("a\nb", "control character"),
            ("a\u{202e}b", "holds"),
            (&"x".repeat(300), "has 300 characters"),
        ] {
            let message = ToolName::parse(input).unwrap_err();
            assert!(message.contains(part), "{input:?}: {message}");
            assert!(!message.contains('\n'), "{input:?}: {message}");
        }
    }

    proptest! {
        #[test]
        fn a_name_that_passes_is_safe_everywhere(input in r"[a-z0-9\-A-Z_.$ é]{0,45}") {
            if let Ok(name) = ToolName::parse(&input) {
                let name = name.as_str();
                prop_assert!((2..=40).contains(&name.len()));
                prop_assert!(name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'));
                prop_assert!(name.as_bytes()[0].is_ascii_lowercase());
            }
        }
    }
}
