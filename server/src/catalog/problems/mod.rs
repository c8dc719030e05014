//! What keeps an entry from being a supported one: the rules of the catalogue, one file for each part of an entry.
//!
//! Reading an entry says whether it can be understood; this says whether it is good.

mod forms;
mod images;
mod keeping;
mod running;

use super::about::Text;
use super::compose::Compose;
use super::entry::{Choice, Entry, Origin, Publication};
use super::finding::Finding;
use super::interpolate::{Template, Values};
use super::{Catalog, about::FirstLogin, fields};

/// The longest tagline, in characters; cards are made for it.
const LONGEST_TAGLINE: usize = 60;

/// How far an entry can be trusted to do what it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grade {
    /// Written for this catalogue, complete and checked.
    Supported,
    /// Somebody's own, or incomplete; [`Entry::problems`] says why.
    Community,
}

/// All problems of all entries, entry by entry.
pub fn check_all(catalog: &Catalog) -> Vec<(&Entry, Finding)> {
    catalog.iter().flat_map(|entry| entry.problems().into_iter().map(move |finding| (entry, finding))).collect()
}

impl Entry {
    /// Everything that keeps the entry from being supported, in the file's order; empty for a good entry.
    pub fn problems(&self) -> Vec<Finding> {
        let mut check = Check { entry: self, compose: None, findings: Vec::new() };
        check.compose = match self.settle(&self.sample()) {
            Ok(compose) => Some(compose),
            Err(findings) => {
                check.findings = findings;
                None
            }
        };
        check.texts();
        check.images();
        check.forms();
        check.running();
        check.keeping();
        check.findings.sort();
        check.findings.dedup();
        check.findings
    }

    /// How far the entry can be trusted.
    pub fn grade(&self) -> Grade {
        if self.origin == Origin::BuiltIn && self.problems().is_empty() { Grade::Supported } else { Grade::Community }
    }

    /// Choices with which any entry can be tried: every default, a right answer for every field that has none, and
    /// every exposed port published on a port of its own.
    pub(super) fn sample(&self) -> Choice {
        let mut answers = Values::new();
        for (variable, field) in &self.about.fields {
            let answer = field.default.clone().or_else(|| field.required.then(|| fields::sample(field)));
            if let Some(answer) = answer {
                answers.set(variable, answer);
            }
        }
        let ports = self.about.expose.iter().zip(SAMPLE_PORTS..);
        Choice {
            tool: "sample".to_owned(),
            url: "https://sample.example.org".to_owned(),
            host: "sample.example.org".to_owned(),
            time_zone: "Europe/Paris".to_owned(),
            publish: ports.map(|(exposed, port)| (exposed.name.clone(), Publication { address: None, port })).collect(),
            answers,
            secrets: self
                .about
                .generated
                .keys()
                .map(|variable| (variable.as_str(), "Sample5ecret5ample5ecret"))
                .collect(),
            ..Choice::default()
        }
    }
}

/// The first of the ports that a sample publishes, high enough to be no default of a tool.
const SAMPLE_PORTS: u16 = 61_000;

/// One pass over one entry.
struct Check<'entry> {
    entry: &'entry Entry,
    /// The model with sample values; absent where they do not resolve.
    compose: Option<Compose>,
    findings: Vec<Finding>,
}

impl Check<'_> {
    /// Reports something below `x-summoner`.
    fn about(&mut self, path: &str, message: impl Into<String>) {
        let path = if path.is_empty() { "x-summoner".to_owned() } else { format!("x-summoner.{path}") };
        self.report(&path, message);
    }

    fn report(&mut self, path: &str, message: impl Into<String>) {
        self.findings.push(Finding::new(self.entry.place(path), path, message));
    }

    /// A service that is named must be in the file.
    fn service(&mut self, path: &str, name: &str) -> bool {
        let known = self.entry.compose.services().contains(&name);
        if !known {
            let message = format!("There is no service “{name}” in the file. Name one of “services”.");
            self.about(&format!("{path}.service"), message);
        }
        known
    }

    /// A text in which variables stand must be a template whose variables the entry knows.
    fn template(&mut self, path: &str, text: &str) {
        match Template::parse(text) {
            Err(message) => self.about(path, message),
            Ok(template) => {
                for variable in template.variables() {
                    if !self.knows(&variable.name) {
                        self.about(path, unknown_variable(&variable.name));
                    }
                }
            }
        }
    }

    /// Whether somebody gives the variable its value.
    fn knows(&self, variable: &str) -> bool {
        let about = &self.entry.about;
        let applied = |apply: &super::about::Apply| apply.environment.contains_key(variable);
        about.fields.contains_key(variable)
            || about.generated.contains_key(variable)
            || self.entry.values(&Choice::default()).get(variable).is_some()
            || about.sso.as_ref().is_some_and(|sso| applied(&sso.apply))
            || about
                .webhooks
                .as_ref()
                .and_then(|webhooks| webhooks.sends.as_ref())
                .is_some_and(|s| applied(&s.configure))
    }

    fn texts(&mut self) {
        let entry = self.entry;
        let about = &entry.about;
        if about.schema != 1 {
            self.about("schema", format!("The format {} is not known. Write 1.", about.schema));
        }
        self.text("tagline", &about.tagline);
        for (language, text) in [("en", &about.tagline.en), ("fr", &about.tagline.fr)] {
            let count = text.chars().count();
            if count > LONGEST_TAGLINE {
                let message = format!("The tagline has {count} characters. Write at most {LONGEST_TAGLINE}.");
                self.about(&format!("tagline.{language}"), message);
            }
        }
        self.text("description", &about.description);
        for (key, field) in &about.fields {
            self.text(&format!("fields.{key}.label"), &field.label);
            self.optional_text(&format!("fields.{key}.hint"), field.hint.as_ref());
            for (option, text) in &field.options {
                self.text(&format!("fields.{key}.options.{option}"), text);
            }
        }
        for (key, rule) in &about.images {
            for (variant, text) in &rule.variants {
                self.text(&format!("images.{key}.variants.{variant}"), text);
            }
            for (index, rule) in rule.path.iter().enumerate() {
                self.optional_text(&format!("images.{key}.path[{index}].why"), rule.why.as_ref());
            }
        }
        for (key, rule) in &about.generated {
            self.optional_text(&format!("generated.{key}.label"), rule.label.as_ref());
        }
        for (index, exposed) in about.expose.iter().enumerate() {
            self.optional_text(&format!("expose[{index}].label"), exposed.label.as_ref());
        }
        self.optional_text("first_login.note", about.first_login.as_ref().and_then(|login| login.note.as_ref()));
        self.optional_text("backup.none", about.backup.as_ref().and_then(|backup| backup.none.as_ref()));
        self.optional_text("sso.apply.manual", about.sso.as_ref().and_then(|sso| sso.apply.manual.as_ref()));
        let sends = about.webhooks.as_ref().and_then(|webhooks| webhooks.sends.as_ref());
        self.optional_text("webhooks.sends.configure.manual", sends.and_then(|sends| sends.configure.manual.as_ref()));
    }

    fn optional_text(&mut self, path: &str, text: Option<&Text>) {
        if let Some(text) = text {
            self.text(path, text);
        }
    }

    fn text(&mut self, path: &str, text: &Text) {
        for (language, written) in [("en", &text.en), ("fr", &text.fr)] {
            if written.trim().is_empty() {
                self.about(path, format!("The text is missing in “{language}”. Add it; people read both languages."));
            }
        }
    }

    fn first_login(&mut self, login: &FirstLogin) {
        if let Some(user) = &login.user {
            self.template("first_login.user", user);
        }
        if let Some(password) = login.password.as_deref().filter(|password| !self.knows(password)) {
            let message = format!(
                "No field and no secret is called “{password}”. Name a variable of the form or of “generated”."
            );
            self.about("first_login.password", message);
        }
        if login.user.is_none() && login.note.is_none() {
            self.about("first_login", "Nobody learns how to sign in. Add “user” and “password”, or a “note”.");
        }
    }
}

fn unknown_variable(name: &str) -> String {
    format!(
        "Nobody gives “{name}” a value. Add it to “fields” or “generated”, or use one that Summoner fills: {{KEY}}_VERSION, \
         {{NAME}}_PORT, SUMMONER_TOOL, SUMMONER_URL, SUMMONER_HOST, SUMMONER_TZ."
    )
}
