//! Rules about what is kept and how people and other programs get in: backup, sign-on, webhooks.

use super::super::about::Apply;
use super::super::backup::{Backup, Dump, DumpEngine, Exec, Proof};
use super::Check;

impl Check<'_> {
    pub(super) fn keeping(&mut self) {
        let about = &self.entry.about;
        match &about.backup {
            None => self.about(
                "",
                "It is not said how its data is kept. Add “backup”, or backup: { none: … } with the reason.",
            ),
            Some(backup) => self.backup(backup),
        }
        if let Some(sso) = &about.sso {
            if sso.client.redirect.is_empty() {
                self.about(
                    "sso.client.redirect",
                    "The identity provider needs an address to return to. Add at least one.",
                );
            }
            self.apply("sso.apply", &sso.apply);
        }
        if let Some(sends) = about.webhooks.as_ref().and_then(|webhooks| webhooks.sends.as_ref()) {
            self.apply("webhooks.sends.configure", &sends.configure);
        }
    }

    fn backup(&mut self, backup: &Backup) {
        let says_how = !backup.dumps.is_empty() || !backup.volumes.is_empty();
        if backup.none.is_some() == says_how {
            self.about(
                "backup",
                "Either something is kept, or “none” says why not. Write “dumps” and “volumes”, or “none”.",
            );
        }
        for (index, dump) in backup.dumps.iter().enumerate() {
            self.dump(&format!("backup.dumps[{index}]"), dump);
        }
        let declared = self.declared_volumes();
        for volume in backup.volumes.keys().filter(|volume| !declared.contains(volume)) {
            let message = format!("There is no volume “{volume}” in the file. Name one of “volumes”.");
            self.about(&format!("backup.volumes.{volume}"), message);
        }
        let execs = [("before", &backup.before), ("after", &backup.after), ("after_restore", &backup.after_restore)];
        for (key, execs) in execs {
            for (index, exec) in execs.iter().enumerate() {
                self.exec(&format!("backup.{key}[{index}]"), exec);
            }
        }
        for (index, proof) in backup.proof.iter().enumerate() {
            self.proof(&format!("backup.proof[{index}]"), proof, backup);
        }
    }

    fn declared_volumes(&self) -> Vec<String> {
        match self.entry.compose.root().get("volumes").map(|node| &node.value) {
            Some(super::super::tree::Value::Map(entries)) => entries.iter().map(|(key, _)| key.text.clone()).collect(),
            _ => Vec::new(),
        }
    }

    fn dump(&mut self, path: &str, dump: &Dump) {
        self.service(path, &dump.service);
        if (dump.engine == DumpEngine::Sqlite) != dump.file.is_some() {
            self.about(path, "“file” belongs to “sqlite”, and to no other engine. Add or remove it.");
        }
        for (key, text) in [("user", &dump.user), ("database", &dump.database)] {
            if let Some(text) = text {
                self.template(&format!("{path}.{key}"), text);
            }
        }
        if let Some(password) = dump.password.as_deref().filter(|password| !self.knows(password)) {
            let message = format!("No variable is called “{password}”. Name one of “generated” or of the form.");
            self.about(&format!("{path}.password"), message);
        }
    }

    fn exec(&mut self, path: &str, exec: &Exec) {
        self.service(path, &exec.service);
        if exec.run.is_empty() {
            self.about(&format!("{path}.run"), "There is nothing to run. Write the program and its arguments.");
        }
        for argument in &exec.run {
            self.template(&format!("{path}.run"), argument);
        }
    }

    fn proof(&mut self, path: &str, proof: &Proof, backup: &Backup) {
        self.service(path, &proof.service);
        let ways = [proof.http.is_some(), proof.sql.is_some(), proof.run.is_some()];
        if ways.into_iter().filter(|way| *way).count() != 1 {
            self.about(path, "It must be said what to see, in one way. Write one of “http”, “sql” and “run”.");
        }
        if proof.http.is_some() && proof.port.is_none() {
            self.about(path, "The port is missing. Add “port” with the container's own.");
        }
        if proof.sql.is_some() && !backup.dumps.iter().any(|dump| dump.service == proof.service) {
            self.about(path, "A query is asked of a dump, and this service has none. Add it under “dumps”.");
        }
    }

    /// How a setting reaches the tool; the variables of the sign-on itself are filled by whoever applies it, so only
    /// the form of the command is checked.
    fn apply(&mut self, path: &str, apply: &Apply) {
        if let Some(exec) = &apply.exec {
            self.service(&format!("{path}.exec"), &exec.service);
            if exec.run.is_empty() {
                self.about(
                    &format!("{path}.exec.run"),
                    "There is nothing to run. Write the program and its arguments.",
                );
            }
        }
    }
}
