//! The form of an entry: typed fields, and the check of what people write in them.
//!
//! Answers arrive as texts, from a page, the API or the command line alike; a checked answer is in one canonical form.
//! A message quotes the input and gives a right one; a password is never quoted.

use std::fmt::Write as _;

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;

use super::about::Text;
use super::finding::quoted;
use super::interpolate::Values;
use super::units::ByteSize;

/// The longest answer where a field does not say another, in characters.
const LONGEST: usize = 255;

/// The least length of a password where a field does not say another.
const SHORTEST_PASSWORD: usize = 8;

/// One field of the form; its key is the Compose variable it fills.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Field {
    #[serde(rename = "type")]
    pub kind: FieldKind,
    pub label: Text,
    /// One sentence below the label.
    #[serde(default)]
    pub hint: Option<Text>,
    /// Whether the tool cannot start without it.
    #[serde(default)]
    pub required: bool,
    /// What stands there before a person writes.
    #[serde(default)]
    pub default: Option<String>,
    /// Where the default comes from: `actor.email`, `actor.name`, `tool.url`, `tool.name` or `tool.host`.
    #[serde(default)]
    pub from: Option<FieldSource>,
    /// Whether it is folded away.
    #[serde(default)]
    pub advanced: bool,
    /// Whether what is written is a secret, sealed and never shown again; a password always is.
    #[serde(default)]
    pub secret: bool,
    /// The choices of a `choice` by their value, in order.
    #[serde(default)]
    pub options: IndexMap<String, Text>,
    /// The least `number`.
    #[serde(default)]
    pub min: Option<i64>,
    /// The greatest `number`.
    #[serde(default)]
    pub max: Option<i64>,
    /// The shortest text, in characters.
    #[serde(default)]
    pub min_length: Option<usize>,
    /// The longest text, in characters; 255 when absent.
    #[serde(default)]
    pub max_length: Option<usize>,
}

impl Field {
    /// Whether its answer is sealed and never shown again.
    pub fn is_secret(&self) -> bool {
        self.secret || self.kind == FieldKind::Password
    }
}

/// What a field takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FieldKind {
    /// One line.
    Text,
    /// An e-mail address.
    Email,
    /// An `http` or `https` address.
    Url,
    /// A host name, such as `mail.example.org`.
    Domain,
    /// A secret that a person chooses.
    Password,
    /// A whole number between `min` and `max`.
    Number,
    /// A number of bytes, such as `512M`; kept in its shortest form.
    Size,
    /// `true` or `false`.
    Boolean,
    /// One of `options`.
    Choice,
    /// A time zone of the IANA database, such as `Europe/Paris`.
    #[serde(alias = "timezone")]
    TimeZone,
    /// A language tag, such as `en` or `fr-CA`.
    Language,
}

/// Where a default comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum FieldSource {
    /// The e-mail address of the person who installs.
    #[serde(rename = "actor.email")]
    ActorEmail,
    /// The name of the person who installs.
    #[serde(rename = "actor.name")]
    ActorName,
    /// Where people reach the tool.
    #[serde(rename = "tool.url")]
    ToolUrl,
    /// The tool's name.
    #[serde(rename = "tool.name")]
    ToolName,
    /// The host that the tool is reached at.
    #[serde(rename = "tool.host")]
    ToolHost,
}

/// Why one answer is not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldProblem {
    /// The variable of the field.
    pub field: String,
    /// A sentence that quotes the input and gives a right one.
    pub message: String,
}

/// Checks what was written in a form, and fills in defaults; all problems are given, in the form's order.
///
/// A field that is not required, has no default and was left empty gets no value at all.
///
/// # Errors
/// One problem for each field that is wrong and each answer that no field asked for.
pub fn check(fields: &IndexMap<String, Field>, answers: &Values) -> Result<Values, Vec<FieldProblem>> {
    let mut problems = Vec::new();
    let mut checked = Values::new();
    for (variable, field) in fields {
        let written = answers.get(variable).filter(|answer| !answer.trim().is_empty());
        let Some(answer) = written.or(field.default.as_deref()) else {
            if field.required {
                problems.push(problem(variable, format!("{} is needed. {}", field.label.en, example(field))));
            }
            continue;
        };
        match canonical(field, answer) {
            Ok(value) => checked.set(variable, value),
            Err(message) => problems.push(problem(variable, message)),
        }
    }
    for (variable, _) in answers.iter() {
        if !fields.contains_key(variable) {
            let message = format!("{} is not a field of this form. Leave it out.", quoted(variable));
            problems.push(problem(variable, message));
        }
    }
    if problems.is_empty() { Ok(checked) } else { Err(problems) }
}

fn problem(field: &str, message: String) -> FieldProblem {
    FieldProblem { field: field.to_owned(), message }
}

/// The answer in its canonical form.
pub(super) fn canonical(field: &Field, answer: &str) -> Result<String, String> {
    let secret = field.is_secret();
    let answer = if secret { answer } else { answer.trim() };
    let shown = if secret { "This".to_owned() } else { quoted(answer) };
    if answer.contains(['\n', '\r']) {
        return Err(format!("{shown} has more than one line. Write it on one."));
    }
    if answer.chars().any(is_hidden) {
        return Err(format!("{shown} holds an invisible control character. Write it again without."));
    }
    check_length(field, answer, &shown)?;
    let wrong = |what: &str| Err(format!("{shown} is not {what}. {}", example(field)));
    match field.kind {
        FieldKind::Text | FieldKind::Password => Ok(answer.to_owned()),
        FieldKind::Email if is_email(answer) => Ok(answer.to_owned()),
        FieldKind::Email => wrong("an e-mail address"),
        FieldKind::Url if is_url(answer) => Ok(answer.to_owned()),
        FieldKind::Url => wrong("a web address"),
        FieldKind::Domain if is_domain(answer) => Ok(answer.to_ascii_lowercase()),
        FieldKind::Domain => wrong("a host name"),
        FieldKind::Number => number(field, answer, &shown),
        FieldKind::Size => answer.parse::<ByteSize>().map(|size| size.to_string()),
        FieldKind::Boolean => match answer.to_ascii_lowercase().as_str() {
            "true" | "on" | "yes" | "1" => Ok("true".to_owned()),
            "false" | "off" | "no" | "0" => Ok("false".to_owned()),
            _ => wrong("yes or no"),
        },
        FieldKind::Choice if field.options.contains_key(answer) => Ok(answer.to_owned()),
        FieldKind::Choice => wrong("one of the choices"),
        FieldKind::TimeZone if jiff::tz::TimeZone::get(answer).is_ok() => Ok(answer.to_owned()),
        FieldKind::TimeZone => wrong("a time zone"),
        FieldKind::Language if is_language(answer) => Ok(answer.to_owned()),
        FieldKind::Language => wrong("a language"),
    }
}

/// Control characters, and the private-use ones that stand for secrets while an export is written.
fn is_hidden(character: char) -> bool {
    character.is_control() || ('\u{e000}'..='\u{f8ff}').contains(&character)
}

fn check_length(field: &Field, answer: &str, shown: &str) -> Result<(), String> {
    let count = answer.chars().count();
    let longest = field.max_length.unwrap_or(LONGEST);
    let usual = if field.kind == FieldKind::Password { SHORTEST_PASSWORD } else { 0 };
    let shortest = field.min_length.unwrap_or(usual);
    if count > longest {
        return Err(format!("{shown} has {count} characters. Write at most {longest}."));
    }
    if count < shortest {
        return Err(format!("{shown} has {count} characters. Write at least {shortest}."));
    }
    Ok(())
}

fn number(field: &Field, answer: &str, shown: &str) -> Result<String, String> {
    let number: i64 = answer.parse().map_err(|_| format!("{shown} is not a whole number. {}", example(field)))?;
    let (min, max) = (field.min.unwrap_or(i64::MIN), field.max.unwrap_or(i64::MAX));
    if (min..=max).contains(&number) {
        return Ok(number.to_string());
    }
    let direction = if number < min { format!("less than {min}") } else { format!("more than {max}") };
    Err(format!("{shown} is {direction}. {}", example(field)))
}

/// A sentence with a right answer.
fn example(field: &Field) -> String {
    match field.kind {
        FieldKind::Text => "Write a line of text.".to_owned(),
        FieldKind::Email => "Write one such as ana@example.org.".to_owned(),
        FieldKind::Url => "Write one such as https://example.org.".to_owned(),
        FieldKind::Domain => "Write one such as mail.example.org.".to_owned(),
        FieldKind::Password => {
            format!("Write at least {} characters.", field.min_length.unwrap_or(SHORTEST_PASSWORD))
        }
        FieldKind::Number => match (field.min, field.max) {
            (Some(min), Some(max)) => format!("Write a whole number from {min} to {max}."),
            (Some(min), None) => format!("Write a whole number from {min} on."),
            (None, Some(max)) => format!("Write a whole number up to {max}."),
            (None, None) => "Write a whole number such as 10.".to_owned(),
        },
        FieldKind::Size => "Write a number and a unit, such as 512M or 10 GB.".to_owned(),
        FieldKind::Boolean => "Write true or false.".to_owned(),
        FieldKind::Choice => {
            let mut sentence = "Choose one of ".to_owned();
            for (index, option) in field.options.keys().enumerate() {
                let _ = write!(sentence, "{}{option}", if index == 0 { "" } else { ", " });
            }
            sentence + "."
        }
        FieldKind::TimeZone => "Write one such as Europe/Paris.".to_owned(),
        FieldKind::Language => "Write one such as en or fr-CA.".to_owned(),
    }
}

/// A right answer, for those who try an entry before anybody answered.
pub(super) fn sample(field: &Field) -> String {
    match field.kind {
        FieldKind::Text => "Sample".to_owned(),
        FieldKind::Email => "ana@example.org".to_owned(),
        FieldKind::Url => "https://example.org".to_owned(),
        FieldKind::Domain => "mail.example.org".to_owned(),
        FieldKind::Password => "x".repeat(field.min_length.unwrap_or(SHORTEST_PASSWORD)),
        FieldKind::Number => field.min.or(field.max).unwrap_or(1).to_string(),
        FieldKind::Size => "512M".to_owned(),
        FieldKind::Boolean => "true".to_owned(),
        FieldKind::Choice => field.options.keys().next().cloned().unwrap_or_default(),
        FieldKind::TimeZone => "Europe/Paris".to_owned(),
        FieldKind::Language => "en".to_owned(),
    }
}

/// The shape that browsers accept in an e-mail field (HTML standard, "valid e-mail address").
fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else { return false };
    let local_part = |c: char| c.is_ascii_alphanumeric() || ".!#$%&'*+/=?^_`{|}~-".contains(c);
    !local.is_empty() && local.len() <= 64 && local.chars().all(local_part) && is_domain(domain)
}

fn is_url(text: &str) -> bool {
    reqwest::Url::parse(text).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
        && !text.contains(char::is_whitespace)
}

fn is_domain(text: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    text.len() <= 253 && text.split('.').all(label)
}

fn is_language(text: &str) -> bool {
    let mut parts = text.split(['-', '_']);
    let first = parts.next().unwrap_or_default();
    (2..=3).contains(&first.len())
        && first.chars().all(|c| c.is_ascii_lowercase())
        && parts.all(|part| (2..=8).contains(&part.len()) && part.chars().all(|c| c.is_ascii_alphanumeric()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn field(kind: FieldKind) -> Field {
        Field {
            kind,
            label: Text { en: "Title".to_owned(), fr: "Titre".to_owned() },
            hint: None,
            required: false,
            default: None,
            from: None,
            advanced: false,
            secret: false,
            options: [("open", "Open"), ("closed", "Closed")]
                .map(|(key, en)| (key.to_owned(), Text { en: en.to_owned(), fr: String::new() }))
                .into_iter()
                .collect(),
            min: Some(1),
            max: Some(100),
            min_length: None,
            max_length: None,
        }
    }

    #[test]
    fn right_answers_come_out_in_one_form() {
        use FieldKind::*;
        for (kind, answer, expected) in [
            (Text, " a title ", "a title"),
            (Text, "${SECRET} $$", "${SECRET} $$"),
            (Email, "ana@example.org", "ana@example.org"),
            (Url, "https://example.org/x?y=1", "https://example.org/x?y=1"),
            (Domain, "Mail.Example.org", "mail.example.org"),
            (Password, " with spaces ", " with spaces "),
            (Number, "042", "42"),
            (Size, "10 GB", "10G"),
            (Boolean, "on", "true"),
            (Boolean, "No", "false"),
            (Choice, "closed", "closed"),
            (TimeZone, "Europe/Paris", "Europe/Paris"),
            (Language, "fr-CA", "fr-CA"),
        ] {
            assert_eq!(canonical(&field(kind), answer).as_deref(), Ok(expected), "{kind:?} {answer}");
        }
    }

    #[test]
    fn wrong_answers_are_quoted_and_a_right_one_is_given() {
        use FieldKind::*;
        let long = "x".repeat(300);
        for (kind, answer, message) in [
            (Email, "admin", "“admin” is not an e-mail address. Write one such as ana@example.org."),
            (Email, "a b@c.org", "“a b@c.org” is not an e-mail address. Write one such as ana@example.org."),
            (Email, "<a@c.org>", "“<a@c.org>” is not an e-mail address. Write one such as ana@example.org."),
            (
                Url,
                "javascript:alert(1)",
                "“javascript:alert(1)” is not a web address. Write one such as https://example.org.",
            ),
            (Domain, "-x.org", "“-x.org” is not a host name. Write one such as mail.example.org."),
            (Number, "ten", "“ten” is not a whole number. Write a whole number from 1 to 100."),
            (Number, "101", "“101” is more than 100. Write a whole number from 1 to 100."),
            (Number, "0", "“0” is less than 1. Write a whole number from 1 to 100."),
            (Size, "2 terabytes", "“2 terabytes” is not a size. Write a number and a unit, such as 512M or 10 GB."),
            (Boolean, "maybe", "“maybe” is not yes or no. Write true or false."),
            (Choice, "ajar", "“ajar” is not one of the choices. Choose one of open, closed."),
            (TimeZone, "Paris", "“Paris” is not a time zone. Write one such as Europe/Paris."),
            (Language, "French", "“French” is not a language. Write one such as en or fr-CA."),
            (Text, "a\nb", "“a\\nb” has more than one line. Write it on one."),
            (Text, "a\u{7}b", "“a\\u{7}b” holds an invisible control character. Write it again without."),
            (Text, &long, "“xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…” has 300 characters. Write at most 255."),
            (Password, "secret", "This has 6 characters. Write at least 8."),
        ] {
            assert_eq!(canonical(&field(kind), answer).unwrap_err(), message, "{kind:?} {answer}");
        }
    }

    #[test]
    fn a_form_gives_all_its_problems_and_fills_defaults() {
        let fields: IndexMap<String, Field> = [
            ("NEEDED", Field { required: true, ..field(FieldKind::Email) }),
            ("WRONG", field(FieldKind::Number)),
            ("PRESET", Field { default: Some("open".to_owned()), required: true, ..field(FieldKind::Choice) }),
            ("LEFT", field(FieldKind::Text)),
        ]
        .into_iter()
        .map(|(name, field)| (name.to_owned(), field))
        .collect();
        let answers = [("WRONG", "x"), ("OTHER", "y"), ("NEEDED", " ")].into_iter().collect();
        let problems = check(&fields, &answers).unwrap_err();
        let named: Vec<_> = problems.iter().map(|problem| problem.field.as_str()).collect();
        assert_eq!(named, ["NEEDED", "WRONG", "OTHER"]);
        assert_eq!(problems[0].message, "Title is needed. Write one such as ana@example.org.");

        let answers = [("NEEDED", "ana@example.org")].into_iter().collect();
        let checked = check(&fields, &answers).unwrap();
        let expected = [("NEEDED", "ana@example.org"), ("PRESET", "open")].into_iter().collect();
        assert_eq!(checked, expected);
    }

    proptest! {
        #[test]
        fn an_answer_that_passes_is_one_visible_line(answer in r"(?s).{0,300}") {
            for kind in [FieldKind::Text, FieldKind::Email, FieldKind::Url, FieldKind::Domain, FieldKind::Size] {
                if let Ok(value) = canonical(&field(kind), &answer) {
                    prop_assert!(!value.chars().any(is_hidden));
                    prop_assert_eq!(canonical(&field(kind), &value), Ok(value));
                }
            }
        }
    }
}
