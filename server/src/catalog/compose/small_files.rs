//! Configs and secrets: small files that are placed in containers.

use super::super::finding::quoted;
use super::super::interpolate::Missing;
use super::super::tree::{Node, Value};
use super::MountedFile;
use super::scalars::{Reader, join};

/// The contents of a file's configs and secrets by name.
#[derive(Default)]
pub(super) struct Files {
    pub configs: Vec<(String, String)>,
    pub secrets: Vec<(String, String)>,
}

/// Where a small file is declared.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Config,
    Secret,
}

impl Place {
    /// The key of the file under which they stand.
    pub fn key(self) -> &'static str {
        match self {
            Self::Config => "configs",
            Self::Secret => "secrets",
        }
    }
}

impl Reader<'_> {
    /// The contents of configs or secrets: inline, or from a variable; files beside this one do not exist here.
    pub(super) fn contents(&mut self, node: &Node, place: Place) -> Vec<(String, String)> {
        let mut contents = Vec::new();
        for (key, value) in self.entries(node, place.key()) {
            let path = join(place.key(), &key.text);
            self.declared_name(key.at, &path, &key.text);
            let mut content = None;
            for (inner, value, below) in
                self.known_entries(value, &path, &["content", "environment", "file", "external"])
            {
                match inner {
                    "content" => content = self.text(value, &below),
                    "environment" => content = self.content_of_variable(value, &below),
                    _ => {
                        let message = format!(
                            "“{inner}” reads from outside this file, which is refused. Write “content” or “environment”."
                        );
                        self.report(value.at, &below, message);
                        content = Some(String::new());
                    }
                }
            }
            if content.is_none() {
                self.report(key.at, &path, "There is no content. Add “content”, or “environment” with a variable.");
            }
            contents.push((key.text.clone(), content.unwrap_or_default()));
        }
        contents
    }

    fn content_of_variable(&mut self, node: &Node, path: &str) -> Option<String> {
        let name = self.line(node, path)?;
        match (self.values.get(&name), self.missing) {
            (Some(value), _) => Some(value.to_owned()),
            (None, Missing::Assume) => Some(String::new()),
            (None, Missing::AsWritten) => {
                self.wrong(node, path, format!("The variable {} has no value. Give it one.", quoted(&name)));
                Some(String::new())
            }
        }
    }

    pub(super) fn mounted_files(
        &mut self,
        node: &Node,
        path: &str,
        known: &[(String, String)],
        place: Place,
    ) -> Vec<MountedFile> {
        let mut files = Vec::new();
        for (item, below) in self.items(node, path) {
            let mut file = MountedFile {
                name: String::new(),
                target: String::new(),
                mode: 0o444,
                uid: None,
                gid: None,
                content: String::new(),
                secret: place == Place::Secret,
            };
            if let Value::Map(_) = &item.value {
                for (key, value, below) in self.known_entries(item, &below, &["source", "target", "uid", "gid", "mode"])
                {
                    match key {
                        "source" => file.name = self.line(value, &below).unwrap_or_default(),
                        "target" => file.target = self.line(value, &below).unwrap_or_default(),
                        "uid" => file.uid = self.parsed(value, &below, "a user's number"),
                        "gid" => file.gid = self.parsed(value, &below, "a group's number"),
                        _ => file.mode = self.file_mode(value, &below).unwrap_or(file.mode),
                    }
                }
            } else {
                file.name = self.line(item, &below).unwrap_or_default();
            }
            let Some((_, content)) = known.iter().find(|(name, _)| *name == file.name) else {
                let message = format!(
                    "{} is not declared. Add it under “{}” at the end of the file.",
                    quoted(&file.name),
                    place.key()
                );
                self.wrong(item, &below, message);
                continue;
            };
            file.content.clone_from(content);
            let written = match (file.target.as_str(), place) {
                ("", Place::Config) => format!("/{}", file.name),
                ("", Place::Secret) => format!("/run/secrets/{}", file.name),
                (target, Place::Secret) if !target.starts_with('/') => format!("/run/secrets/{target}"),
                (target, _) => target.to_owned(),
            };
            let Some(target) = self.container_path(item, &below, &written) else { continue };
            files.push(MountedFile { target, ..file });
        }
        files
    }
}
