//! What is mounted into containers: volumes, memory, small files, and paths of the machine.

use super::super::finding::quoted;
use super::super::tree::{Node, Value};
use super::scalars::Reader;
use super::{ApprovalKind, Mount, MountKind};

impl Reader<'_> {
    pub(super) fn mounts(&mut self, node: &Node, path: &str) -> Vec<Mount> {
        let mut mounts = Vec::new();
        for (item, below) in self.items(node, path) {
            mounts.extend(match &item.value {
                Value::Map(_) => self.long_mount(item, &below),
                _ => self.short_mount(item, &below),
            });
        }
        mounts
    }

    /// `target`, `source:target` or `source:target:options`.
    fn short_mount(&mut self, node: &Node, path: &str) -> Option<Mount> {
        let text = self.line(node, path)?;
        let parts: Vec<_> = text.split(':').collect();
        let (source, target, options) = match parts[..] {
            [target] => (None, target, ""),
            [source, target] => (Some(source), target, ""),
            [source, target, options] => (Some(source), target, options),
            _ => {
                let message = format!("{} is not a mount. Write volume:/path or volume:/path:ro.", quoted(&text));
                self.wrong(node, path, message);
                return None;
            }
        };
        let mut read_only = false;
        for option in options.split(',').filter(|option| !option.is_empty()) {
            match option {
                "ro" => read_only = true,
                "rw" => read_only = false,
                _ => {
                    let message = format!("The mount option {} is not supported. Write ro or rw.", quoted(option));
                    self.wrong(node, path, message);
                }
            }
        }
        let target = self.container_path(node, path, target)?;
        let kind = match source {
            None => self.unnamed_volume(path, &target),
            Some(source) if is_machine_path(source) => self.machine_path(node, path, source, read_only)?,
            Some(source) => MountKind::Volume(source.to_owned()),
        };
        Some(Mount { kind, target, read_only })
    }

    fn long_mount(&mut self, node: &Node, path: &str) -> Option<Mount> {
        let (mut kind, mut source, mut target, mut read_only) = (String::new(), None, None, false);
        let (mut size, mut mode) = (None, None);
        for (key, value, below) in self.known_entries(node, path, &["type", "source", "target", "read_only", "tmpfs"]) {
            match key {
                "type" => kind = self.line(value, &below)?,
                "source" => source = self.line(value, &below),
                "target" => {
                    let written = self.line(value, &below)?;
                    target = self.container_path(value, &below, &written);
                }
                "read_only" => read_only = self.truth(value, &below).unwrap_or_default(),
                _ => {
                    for (key, value, below) in self.known_entries(value, &below, &["size", "mode"]) {
                        match key {
                            "size" => size = self.size(value, &below),
                            _ => mode = self.file_mode(value, &below),
                        }
                    }
                }
            }
        }
        let Some(target) = target else {
            self.report(node.at, path, "The mount has no path in the container. Add “target”.");
            return None;
        };
        let kind = match (kind.as_str(), source) {
            ("volume", None) => self.unnamed_volume(path, &target),
            ("volume", Some(source)) => MountKind::Volume(source),
            ("bind", Some(source)) => self.machine_path(node, path, &source, read_only)?,
            ("tmpfs", _) => MountKind::Tmpfs { size, mode },
            ("bind", None) => {
                self.report(node.at, path, "The mount has no path of the machine. Add “source”.");
                return None;
            }
            (other, _) => {
                let message =
                    format!("A mount of the type {} is not supported. Write volume, tmpfs or bind.", quoted(other));
                self.report(node.at, path, message);
                return None;
            }
        };
        Some(Mount { kind, target, read_only })
    }

    /// `tmpfs`: one path or a list, each with options after a colon (`/run:size=64m,mode=1777`).
    pub(super) fn tmpfs(&mut self, node: &Node, path: &str) -> Vec<Mount> {
        let mut mounts = Vec::new();
        for text in self.text_or_texts(node, path) {
            let (target, options) = text.split_once(':').unwrap_or((&text, ""));
            let Some(target) = self.container_path(node, path, target) else { continue };
            let (mut size, mut mode, mut read_only) = (None, None, false);
            for option in options.split(',').filter(|option| !option.is_empty()) {
                match option.split_once('=').unwrap_or((option, "")) {
                    ("size", written) => {
                        let parsed = written.parse();
                        size = self.kept(node, path, parsed);
                    }
                    ("mode", written) => {
                        let parsed = octal(written);
                        mode = self.kept(node, path, parsed);
                    }
                    ("ro", _) => read_only = true,
                    // What the engine does with memory anyway.
                    ("rw" | "noexec" | "nosuid" | "nodev", _) => {}
                    (other, _) => {
                        let message =
                            format!("The option {} of memory is not supported. Write size or mode.", quoted(other));
                        self.wrong(node, path, message);
                    }
                }
            }
            mounts.push(Mount { kind: MountKind::Tmpfs { size, mode }, target, read_only });
        }
        mounts
    }

    pub(super) fn file_mode(&mut self, node: &Node, path: &str) -> Option<u32> {
        let text = self.text(node, path)?;
        // Without the zero, YAML means a decimal number, which nobody means who writes a file mode.
        let parsed = if text.starts_with('0') { octal(&text) } else { Err(not_a_mode(&text)) };
        self.kept(node, path, parsed)
    }

    fn unnamed_volume(&mut self, path: &str, target: &str) -> MountKind {
        let message = format!(
            "What is in {} is lost whenever its container is made anew, because the volume has no name.",
            quoted(target)
        );
        self.approve(ApprovalKind::Fleeting, path, message);
        MountKind::Anonymous
    }

    fn machine_path(&mut self, node: &Node, path: &str, source: &str, read_only: bool) -> Option<MountKind> {
        if !source.starts_with('/') || source.split('/').any(|part| part == "..") {
            let message = format!(
                "{} is a path beside the file, and there is no folder beside it here. Use a named volume, or “configs” \
                 with inline content.",
                quoted(source)
            );
            self.wrong(node, path, message);
            return None;
        }
        let source = normal(source);
        let manner = if read_only { "read" } else { "read and change" };
        if reaches_socket(&source) {
            let message =
                format!("It may drive the engine through {}, which is every right on the machine.", quoted(&source));
            self.approve(ApprovalKind::Socket, path, message);
        } else {
            self.approve(ApprovalKind::HostPath, path, format!("It may {manner} {} of the machine.", quoted(&source)));
        }
        Some(MountKind::Bind(source))
    }
}

/// Whether the source of a short mount names a path and not a volume.
fn is_machine_path(source: &str) -> bool {
    source.starts_with(['/', '.', '~']) || source.contains('/')
}

/// The path without doubled or trailing slashes and dots.
fn normal(path: &str) -> String {
    let parts: Vec<_> = path.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    format!("/{}", parts.join("/"))
}

/// Whether the engine's socket is at the path or below it.
fn reaches_socket(path: &str) -> bool {
    let below = |folder: &str| {
        ["/var/run/docker.sock", "/run/docker.sock", "/run/containerd/containerd.sock"]
            .iter()
            .any(|socket| *socket == folder || folder == "/" || socket.starts_with(&format!("{folder}/")))
    };
    below(path) || path.ends_with(".sock")
}

fn octal(text: &str) -> Result<u32, String> {
    let digits = text.trim_start_matches("0o");
    u32::from_str_radix(digits, 8).ok().filter(|mode| *mode <= 0o7777).ok_or_else(|| not_a_mode(text))
}

fn not_a_mode(text: &str) -> String {
    format!("{} is not a file mode. Write octal digits after a zero, such as 0440.", quoted(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_to_the_socket_is_seen() {
        for path in ["/var/run/docker.sock", "//run//./docker.sock/", "/", "/var", "/run", "/var/run/", "/opt/x.sock"] {
            assert!(reaches_socket(&normal(path)), "{path}");
        }
        for path in ["/srv", "/var/lib", "/runs", "/var/running"] {
            assert!(!reaches_socket(&normal(path)), "{path}");
        }
    }
}
