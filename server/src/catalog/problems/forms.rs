//! Rules about variables: the form, generated secrets, and what the file uses.

use super::super::fields::{Field, FieldKind, canonical};
use super::super::generated::{Generated, GeneratedKind};
use super::super::interpolate::Template;
use super::super::tree::{Node, Value};
use super::{Check, unknown_variable};

impl Check<'_> {
    pub(super) fn forms(&mut self) {
        let entry = self.entry;
        let used = self.used_variables();
        for (variable, field) in &entry.about.fields {
            let path = format!("fields.{variable}");
            self.variable_name(&path, variable, &used);
            self.field(&path, field);
        }
        for (variable, rule) in &entry.about.generated {
            let path = format!("generated.{variable}");
            self.variable_name(&path, variable, &used);
            self.hash_of(&path, rule);
            if entry.about.fields.contains_key(variable) {
                self.about(&path, "It is a field as well. Keep one of them.");
            }
        }
        for variable in entry.compose.variables() {
            let found = match entry.about.fields.get(&variable.name) {
                Some(field) if variable.required && !field.required && field.default.is_none() => {
                    format!(
                        "The file needs “{}”, and its field may stay empty. Mark the field required.",
                        variable.name
                    )
                }
                None if !self.knows(&variable.name) => unknown_variable(&variable.name),
                _ => continue,
            };
            let at = super::super::finding::Mark { line: variable.line, column: variable.column };
            self.findings.push(super::Finding::new(at, "", found));
        }
        self.plain_secrets();
        if let Some(login) = &entry.about.first_login {
            self.first_login(login);
        }
    }

    /// A hash is one of a password that is generated too, and no other secret is a hash.
    fn hash_of(&mut self, path: &str, rule: &Generated) {
        let is_of = |of: &String| {
            let rule = self.entry.about.generated.get(of);
            rule.is_some_and(|rule| rule.kind != GeneratedKind::Argon2)
        };
        match (rule.kind, &rule.of) {
            (GeneratedKind::Argon2, of) if !of.as_ref().is_some_and(is_of) => {
                self.about(path, "It is not said which password it is the hash of. Name a generated one in “of”.");
            }
            (GeneratedKind::Argon2, _) | (_, None) => {}
            (_, Some(_)) => self.about(path, "Only the kind “argon2” is the hash “of” another. Leave “of” out."),
        }
    }

    /// The variables of the Compose file and of the texts under `x-summoner`.
    fn used_variables(&self) -> Vec<String> {
        let mut used: Vec<String> = self.entry.compose.variables().into_iter().map(|variable| variable.name).collect();
        let about = &self.entry.about;
        let mut texts: Vec<&str> = Vec::new();
        if let Some(backup) = &about.backup {
            texts.extend(
                backup.dumps.iter().flat_map(|dump| [&dump.user, &dump.database]).flatten().map(String::as_str),
            );
            used.extend(backup.dumps.iter().filter_map(|dump| dump.password.clone()));
            let execs = [&backup.before, &backup.after, &backup.after_restore].into_iter().flatten();
            texts.extend(execs.flat_map(|exec| &exec.run).map(String::as_str));
        }
        if let Some(login) = &about.first_login {
            texts.extend(login.user.as_deref());
            used.extend(login.password.clone());
        }
        let sends = about.webhooks.as_ref().and_then(|webhooks| webhooks.sends.as_ref());
        let applies = about.sso.iter().map(|sso| &sso.apply).chain(sends.map(|sends| &sends.configure));
        texts.extend(applies.flat_map(|apply| &apply.exec).flat_map(|exec| &exec.run).map(String::as_str));
        for text in texts {
            used.extend(Template::parse(text).into_iter().flat_map(|template| template.variables()).map(|v| v.name));
        }
        used
    }

    fn variable_name(&mut self, path: &str, variable: &str, used: &[String]) {
        let part = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
        if !variable.starts_with(|c: char| c.is_ascii_uppercase()) || !variable.chars().all(part) {
            self.about(
                path,
                format!("“{variable}” is no name for a variable. Write upper-case letters, digits and _."),
            );
        } else if variable.starts_with("SUMMONER_") {
            self.about(path, "Names that start with SUMMONER_ are Summoner's own. Choose another.");
        } else if !used.iter().any(|name| name == variable) {
            self.about(path, format!("Nothing uses “{variable}”. Use it in the file, or take it out."));
        }
    }

    fn field(&mut self, path: &str, field: &Field) {
        if (field.kind == FieldKind::Choice) == field.options.is_empty() {
            self.about(path, "“options” belong to the type “choice”, and to no other. Add or remove them.");
        }
        if let (Some(min), Some(max)) = (field.min, field.max)
            && min > max
        {
            self.about(path, format!("No number is from {min} to {max}. Exchange “min” and “max”."));
        }
        if field.default.is_some() && field.is_secret() {
            self.about(path, "A secret with a default is known to everybody. Leave the default out, or generate it.");
        } else if let Some(Err(message)) = field.default.as_deref().map(|default| canonical(field, default)) {
            self.about(&format!("{path}.default"), message);
        }
    }

    /// Passwords and keys of services come from variables, so that no two tools share one.
    fn plain_secrets(&mut self) {
        let Some(Node { value: Value::Map(services), .. }) = self.entry.compose.root().get("services") else { return };
        for (service, node) in services {
            let Some(environment) = node.get("environment") else { continue };
            let found: Vec<(&str, &str, &Node)> = match &environment.value {
                Value::Map(entries) => entries
                    .iter()
                    .filter_map(|(key, node)| match &node.value {
                        Value::Scalar(scalar) => Some((key.text.as_str(), scalar.text.as_str(), node)),
                        _ => None,
                    })
                    .collect(),
                Value::List(items) => items
                    .iter()
                    .filter_map(|node| match &node.value {
                        Value::Scalar(scalar) => scalar.text.split_once('=').map(|(name, value)| (name, value, node)),
                        _ => None,
                    })
                    .collect(),
                Value::Scalar(_) => continue,
            };
            for (name, value, node) in found {
                if is_secret_name(name) && !self.is_safe(value) {
                    let path = format!("services.{}.environment.{name}", service.text);
                    let message = format!(
                        "“{name}” is a secret, and stands in the file for everybody to read. Take it from a variable of “generated” or a field."
                    );
                    self.findings.push(super::Finding::new(node.at, &path, message));
                }
            }
        }
    }

    /// Whether the value of a secret's variable is none in plain: empty, a switch, a number, a path, or from the form.
    fn is_safe(&self, value: &str) -> bool {
        let switches = ["", "true", "false", "yes", "no", "on", "off", "null", "~"];
        if switches.contains(&value.to_ascii_lowercase().as_str())
            || value.starts_with('/')
            || value.parse::<f64>().is_ok()
        {
            return true;
        }
        let Ok(template) = Template::parse(value) else { return true };
        let about = &self.entry.about;
        template
            .variables()
            .iter()
            .any(|variable| about.generated.contains_key(&variable.name) || about.fields.contains_key(&variable.name))
            || template.variables().iter().any(|variable| variable.name.starts_with("SUMMONER_"))
    }
}

/// Whether a name says that its value is a secret: one of its words does, and it names neither a file nor a size.
fn is_secret_name(name: &str) -> bool {
    const SECRETS: [&str; 7] = ["PASSWORD", "PASSWD", "PASS", "SECRET", "TOKEN", "KEY", "APIKEY"];
    const HARMLESS: [&str; 14] = [
        "FILE",
        "PATH",
        "URL",
        "URI",
        "NAME",
        "ID",
        "TTL",
        "EXPIRY",
        "LIFETIME",
        "LENGTH",
        "TYPE",
        "ALGORITHM",
        "POLICY",
        "PREFIX",
    ];
    let upper = name.to_ascii_uppercase();
    let words: Vec<&str> = upper.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let last = words.last().copied().unwrap_or_default();
    !HARMLESS.contains(&last) && words.iter().any(|word| SECRETS.contains(word) || word.ends_with("PASSWORD"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_secrets_are_recognised() {
        for name in
            ["POSTGRES_PASSWORD", "gitea__database__PASSWD", "API_KEY", "SECRET_KEY_BASE", "JWT_TOKEN", "PGPASSWORD"]
        {
            assert!(is_secret_name(name), "{name}");
        }
        for name in ["POSTGRES_PASSWORD_FILE", "KEYCLOAK_URL", "TOKEN_TTL", "MONKEY", "COMPASS", "PASSWORD_MIN_LENGTH"]
        {
            assert!(!is_secret_name(name), "{name}");
        }
    }
}
