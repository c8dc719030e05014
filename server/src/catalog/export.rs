//! A tool as a plain Compose file and its environment file, which run without Summoner.
//!
//! The file is written from the model that runs, so it says exactly what runs: versions pinned to their digests, ports
//! as they are published, answers as text. Only secrets stay variables, and their values stand in the environment file.
//! The entry's own text is not copied: it asks for variables that only Summoner fills, and its comments would speak of
//! choices that were made long ago. Inline `configs` need Docker Compose 2.23.1 or newer.

use super::compose::render::render;
use super::entry::{Choice, Entry};
use super::finding::Finding;
use super::interpolate::Values;

/// Stand around a variable's name while the file is written; answers cannot hold them, see
/// [`check`](super::fields::check).
pub(super) const OPEN: char = '\u{e000}';
pub(super) const CLOSE: char = '\u{e001}';

/// A tool as two files.
#[derive(Clone, PartialEq, Eq)]
pub struct Export {
    /// `compose.yaml`, without any secret.
    pub compose: String,
    /// The environment file, which holds the secrets.
    pub environment: String,
}

/// Shows the Compose file only.
impl std::fmt::Debug for Export {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Export").field("compose", &self.compose).finish_non_exhaustive()
    }
}

impl Entry {
    /// The tool as a plain Compose file and its environment file.
    ///
    /// # Errors
    /// All findings that the values bring up; see [`Entry::settle`].
    pub fn export(&self, choice: &Choice) -> Result<Export, Vec<Finding>> {
        let values = self.values(choice);
        let mut marked = values.clone();
        let mut secrets = Values::new();
        let of_form = self.about.fields.iter().filter(|(_, field)| field.is_secret()).map(|(variable, _)| variable);
        for variable in self.about.generated.keys().chain(of_form) {
            // An empty secret stays empty, because a file may ask whether it is.
            if let Some(value) = values.get(variable).filter(|value| !value.is_empty()) {
                secrets.set(variable, value);
                marked.set(variable, format!("{OPEN}{variable}{CLOSE}"));
            }
        }
        let real = self.settle(choice)?;
        let mut written = self.settle_with(choice, &marked)?;
        for (service, real) in written.services.iter_mut().zip(&real.services) {
            for (file, real) in service.files.iter_mut().zip(&real.files) {
                if file.secret && only_variable(&file.content).is_none() {
                    // Compose takes secrets from variables only, so one that is put together gets a variable of its own.
                    let variable = format!("{}_SECRET", file.name.to_ascii_uppercase().replace(['-', '.'], "_"));
                    secrets.set(&variable, &real.content);
                    file.content = format!("{OPEN}{variable}{CLOSE}");
                }
            }
        }
        let header = format!(
            "# {} as it runs, written by Summoner. Start it with: docker compose --env-file values.env up -d\n",
            self.about.name
        );
        let compose = header + &render(&choice.tool, &written);
        let environment =
            secrets.iter().map(|(name, value)| format!("{name}={}\n", quote_environment(value))).collect();
        Ok(Export { compose, environment })
    }
}

/// The variable of a text that is nothing but one.
pub(super) fn only_variable(text: &str) -> Option<&str> {
    text.strip_prefix(OPEN)?.strip_suffix(CLOSE).filter(|name| !name.contains(OPEN))
}

/// A value as Docker Compose's environment files write it (compose-go, `dotenv/parser.go`).
///
/// In single quotes everything stands for itself, but nothing can stand for a single quote or a backslash at the end;
/// in double quotes backslashes escape, and `$` must be escaped because variables are filled in there.
pub(super) fn quote_environment(value: &str) -> String {
    let literal = !value.contains(['\'', '\\', '\n', '\r']);
    if literal {
        return format!("'{value}'");
    }
    let mut quoted = String::with_capacity(value.len() + 8);
    quoted.push('"');
    for letter in value.chars() {
        match letter {
            '\\' | '"' | '$' => quoted.extend(['\\', letter]),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    quoted
}
