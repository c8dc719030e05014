//! The services of a Compose file, key by key.

use super::super::finding::{instead, quoted};
use super::super::tree::{Key, Node, Value};
use super::privileges::capability;
use super::scalars::{Reader, join, split_words};
use super::small_files::{Files, Place};
use super::{ApprovalKind, Attachment, MountKind, Service};

/// Every key of a service that is kept with its standard meaning.
const KNOWN: [&str; 40] = [
    "image",
    "command",
    "entrypoint",
    "environment",
    "ports",
    "expose",
    "volumes",
    "networks",
    "network_mode",
    "depends_on",
    "healthcheck",
    "restart",
    "user",
    "working_dir",
    "hostname",
    "labels",
    "cap_add",
    "cap_drop",
    "security_opt",
    "read_only",
    "privileged",
    "devices",
    "tmpfs",
    "shm_size",
    "ulimits",
    "sysctls",
    "stop_grace_period",
    "stop_signal",
    "init",
    "logging",
    "extra_hosts",
    "mem_limit",
    "mem_reservation",
    "cpus",
    "pids_limit",
    "deploy",
    "configs",
    "secrets",
    "annotations",
    "attach",
];

impl Reader<'_> {
    /// One service; `files` are the contents of the file's configs and secrets.
    pub(super) fn service(&mut self, name: &Key, node: &Node, files: &Files) -> Service {
        let path = join("services", &name.text);
        let mut service = Service { name: name.text.clone(), ..Service::default() };
        if !is_service_name(&name.text) {
            let message = format!(
                "{} is not a name for a service. Write at most 40 lower-case letters, digits, dashes and underscores, \
                 a letter or digit first.",
                quoted(&name.text)
            );
            self.report(name.at, &path, message);
        }
        let mut joins = None;
        for (key, value) in self.entries(node, &path) {
            let below = join(&path, &key.text);
            if key.text == "networks" {
                joins = Some(self.attachments(value, &below));
            } else {
                self.service_key(&mut service, key, value, &below, files);
            }
        }
        if service.image.is_empty() && node.get("image").is_none() && node.get("build").is_none() {
            self.report(name.at, &path, "The service has no image. Add “image” with a name and a tag.");
        }
        if service.network_mode.is_none() {
            let usual = || vec![Attachment { network: "default".to_owned(), aliases: Vec::new() }];
            service.networks = joins.filter(|joins| !joins.is_empty()).unwrap_or_else(usual);
        } else if joins.is_some() {
            self.report(name.at, &path, "“networks” and “network_mode” exclude each other. Keep one of them.");
        }
        service
    }

    fn service_key(&mut self, service: &mut Service, key: &Key, value: &Node, path: &str, files: &Files) {
        match key.text.as_str() {
            "image" => service.image = self.image(value, path).unwrap_or_default(),
            "command" => service.command = self.command(value, path),
            "entrypoint" => service.entrypoint = self.command(value, path),
            "environment" => service.environment = self.environment(value, path),
            "ports" => service.ports = self.ports(value, path),
            "expose" => service.expose = self.expose(value, path),
            "volumes" => service.volumes.extend(self.mounts(value, path)),
            "tmpfs" => service.volumes.extend(self.tmpfs(value, path)),
            "network_mode" => service.network_mode = self.network_mode(value, path),
            "depends_on" => service.depends_on = self.depends_on(value, path),
            "healthcheck" => service.healthcheck = Some(self.healthcheck(value, path)),
            "restart" => service.restart = self.restart(value, path),
            "user" => service.user = self.line(value, path),
            "working_dir" => {
                let written = self.line(value, path);
                service.working_dir = written.and_then(|written| self.container_path(value, path, &written));
            }
            "hostname" => service.hostname = self.line(value, path),
            "labels" => service.labels = self.labels(value, path),
            "cap_add" => service.cap_add = self.added_capabilities(value, path),
            "cap_drop" => service.cap_drop = self.texts(value, path).iter().map(|name| capability(name)).collect(),
            "security_opt" => service.security_opt = self.security_options(value, path),
            "read_only" => service.read_only = self.truth(value, path).unwrap_or_default(),
            "privileged" => {
                service.privileged = self.truth(value, path).unwrap_or_default();
                if service.privileged {
                    self.approve(ApprovalKind::Privileged, path, "It runs with every right on the machine.");
                }
            }
            "devices" => service.devices = self.devices(value, path),
            "shm_size" => service.shm_size = self.size(value, path),
            "ulimits" => service.ulimits = self.ulimits(value, path),
            "sysctls" => service.sysctls = self.filled_pairs(value, path),
            "stop_grace_period" => service.stop_grace_period = self.duration(value, path),
            "stop_signal" => service.stop_signal = self.line(value, path),
            "init" => service.init = self.truth(value, path),
            "logging" => service.logging = Some(self.logging(value, path)),
            "extra_hosts" => service.extra_hosts = self.extra_hosts(value, path),
            "mem_limit" => service.mem_limit = self.size(value, path),
            "mem_reservation" => service.mem_reservation = self.size(value, path),
            "cpus" => service.cpus = self.processors(value, path),
            "pids_limit" => service.pids_limit = self.parsed(value, path, "a whole number"),
            "deploy" => self.deploy(service, value, path),
            "configs" => service.files.extend(self.mounted_files(value, path, &files.configs, Place::Config)),
            "secrets" => service.files.extend(self.mounted_files(value, path, &files.secrets, Place::Secret)),
            // Remarks for other programs, and for the log of `docker compose up`.
            "annotations" | "attach" => {}
            extension if extension.starts_with("x-") => {}
            other => {
                let message = refusal(other);
                self.report(key.at, path, message);
            }
        }
    }

    fn image(&mut self, node: &Node, path: &str) -> Option<String> {
        let text = self.line(node, path)?;
        let right = text.starts_with(|c: char| c.is_ascii_alphanumeric())
            && text.chars().all(|c| c.is_ascii_alphanumeric() || "._/:@-".contains(c));
        if right {
            return Some(text);
        }
        let message = format!("{} is not the name of an image. Write one such as gitea/gitea:1.27.2.", quoted(&text));
        self.wrong(node, path, message);
        None
    }

    fn command(&mut self, node: &Node, path: &str) -> Option<Vec<String>> {
        match &node.value {
            _ if node.is_null() => None,
            Value::Scalar(_) => {
                let text = self.text(node, path)?;
                let words = split_words(&text);
                self.kept(node, path, words)
            }
            _ => Some(self.texts(node, path)),
        }
    }

    /// A name without a value takes it from the values at hand, and is left out where there is none, as in Compose.
    fn environment(&mut self, node: &Node, path: &str) -> Vec<(String, String)> {
        let pairs = self.pairs(node, path);
        let values = self.values;
        let filled = |(name, value): (String, Option<String>)| {
            let value = value.or_else(|| values.get(&name).map(str::to_owned))?;
            Some((name, value))
        };
        pairs.into_iter().filter_map(filled).collect()
    }

    /// Labels that tell engines and panels whose a container is are refused: a file must not pretend to be another's.
    pub(super) fn labels(&mut self, node: &Node, path: &str) -> Vec<(String, String)> {
        let labels = self.filled_pairs(node, path);
        for (name, _) in &labels {
            if ["com.docker.compose.", "com.docker.swarm.", "app.summoner."].iter().any(|own| name.starts_with(own)) {
                let message = format!("The label {} is set by Summoner itself. Leave it out.", quoted(name));
                self.report(node.at, path, message);
            }
        }
        labels
    }

    fn attachments(&mut self, node: &Node, path: &str) -> Vec<Attachment> {
        if let Value::List(_) = &node.value {
            let names = self.texts(node, path);
            return names.into_iter().map(|network| Attachment { network, aliases: Vec::new() }).collect();
        }
        let mut attachments = Vec::new();
        for (key, value) in self.entries(node, path) {
            let below = join(path, &key.text);
            let mut attachment = Attachment { network: key.text.clone(), aliases: Vec::new() };
            for (_, value, below) in self.known_entries(value, &below, &["aliases"]) {
                attachment.aliases = self.texts(value, &below);
            }
            attachments.push(attachment);
        }
        attachments
    }
}

/// Whether a service may be called so: it becomes part of a container's name and a host name.
fn is_service_name(name: &str) -> bool {
    let part = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    name.len() <= 40 && name.starts_with(part) && name.chars().all(|c| part(c) || c == '-' || c == '_')
}

/// Why a key of a service is refused, and what to do in its place.
fn refusal(key: &str) -> String {
    let reason = match key {
        "build" => "builds an image, which is not done yet. Write the “image” of a registry",
        "env_file" => "reads a file beside this one, and there is none here. Write the variables under “environment”",
        "extends" => "takes from another file, and there is none here. Write the keys out",
        "profiles" => {
            "starts services only sometimes, which is not supported. Leave out the services that are not needed"
        }
        "develop" => "is for building, which is not done here. Leave it out",
        "container_name" => "names the container, which Summoner does itself. Leave it out",
        "links" => "is replaced by networks: services reach each other by name. Leave it out",
        "pid" | "ipc" | "uts" | "userns_mode" | "cgroup" => {
            "shares the machine's own namespaces, which is refused. Leave it out"
        }
        _ => {
            return format!("The key {} of a service is not supported. {}", quoted(key), instead(key, &KNOWN));
        }
    };
    format!("“{key}” {reason}.")
}

/// The names of volumes that services mount, with the place of each in the model.
pub(super) fn mounted_volumes(service: &Service) -> impl Iterator<Item = &str> {
    service.volumes.iter().filter_map(|mount| match &mount.kind {
        MountKind::Volume(name) => Some(name.as_str()),
        _ => None,
    })
}
