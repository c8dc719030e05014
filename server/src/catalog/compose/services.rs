//! The services of a Compose file, key by key.

use super::super::finding::quoted;
use super::super::tree::{Key, Node, Value};
use super::scalars::{Reader, join, split_words};
use super::{
    ApprovalKind, Attachment, Condition, ContainerCheck, Logging, MountKind, MountedFile, Restart, Service, Ulimit,
};

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

/// The capabilities that the engine gives by itself, and two that only lock memory and set priorities; others ask.
const HARMLESS_CAPABILITIES: [&str; 16] = [
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "IPC_LOCK",
    "KILL",
    "MKNOD",
    "NET_BIND_SERVICE",
    "NET_RAW",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_CHROOT",
    "SYS_NICE",
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

    fn network_mode(&mut self, node: &Node, path: &str) -> Option<String> {
        let mode = self.line(node, path)?;
        match mode.as_str() {
            "none" => {}
            "host" => self.approve(ApprovalKind::HostNetwork, path, "It shares the machine's own network."),
            shared if shared.starts_with("service:") => {}
            foreign if foreign.starts_with("container:") => {
                let message = format!("It shares the network of {}.", quoted(foreign));
                self.approve(ApprovalKind::HostNetwork, path, message);
            }
            "bridge" | "default" => return None,
            other => {
                let message = format!("The network mode {} is not known. Write none, or leave it out.", quoted(other));
                self.wrong(node, path, message);
                return None;
            }
        }
        Some(mode)
    }

    fn depends_on(&mut self, node: &Node, path: &str) -> Vec<(String, Condition)> {
        if let Value::List(_) = &node.value {
            return self.texts(node, path).into_iter().map(|name| (name, Condition::Started)).collect();
        }
        let mut found = Vec::new();
        for (key, value) in self.entries(node, path) {
            let below = join(path, &key.text);
            let mut condition = Condition::Started;
            for (key, value, below) in self.known_entries(value, &below, &["condition", "required", "restart"]) {
                if key != "condition" {
                    // Written out, the usual is fine; the other is a promise that is not kept here.
                    let usual = key == "required";
                    if self.truth(value, &below).is_some_and(|written| written != usual) {
                        self.report(value.at, &below, format!("“{key}” is only supported as {usual}. Leave it out."));
                    }
                    continue;
                }
                condition = match self.text(value, &below).unwrap_or_default().as_str() {
                    "service_started" => Condition::Started,
                    "service_healthy" => Condition::Healthy,
                    "service_completed_successfully" => Condition::CompletedSuccessfully,
                    other => {
                        let message = format!(
                            "The condition {} is not known. Write service_started, service_healthy or \
                             service_completed_successfully.",
                            quoted(other)
                        );
                        self.wrong(value, &below, message);
                        Condition::Started
                    }
                };
            }
            found.push((key.text.clone(), condition));
        }
        found
    }

    fn healthcheck(&mut self, node: &Node, path: &str) -> ContainerCheck {
        let known = ["test", "interval", "timeout", "start_period", "start_interval", "retries", "disable"];
        let mut check = ContainerCheck::default();
        for (key, value, below) in self.known_entries(node, path, &known) {
            match key {
                "test" => check.test = self.check_test(value, &below),
                "interval" => check.interval = self.duration(value, &below),
                "timeout" => check.timeout = self.duration(value, &below),
                "start_period" => check.start_period = self.duration(value, &below),
                "start_interval" => check.start_interval = self.duration(value, &below),
                "retries" => check.retries = self.parsed(value, &below, "a whole number"),
                _ => {
                    if self.truth(value, &below) == Some(true) {
                        check.test = vec!["NONE".to_owned()];
                    }
                }
            }
        }
        check
    }

    fn check_test(&mut self, node: &Node, path: &str) -> Vec<String> {
        if let Value::Scalar(_) = &node.value {
            return self.text(node, path).map(|text| vec!["CMD-SHELL".to_owned(), text]).unwrap_or_default();
        }
        let test = self.texts(node, path);
        let right = match test.first().map(String::as_str) {
            Some("NONE") => test.len() == 1,
            Some("CMD") => test.len() > 1,
            Some("CMD-SHELL") => test.len() == 2,
            _ => false,
        };
        if !right {
            self.report(
                node.at,
                path,
                "The test starts with CMD and its words, or CMD-SHELL and one text. Write it so.",
            );
        }
        test
    }

    fn restart(&mut self, node: &Node, path: &str) -> Restart {
        let text = self.text(node, path).unwrap_or_default();
        match text.split_once(':').unwrap_or((&text, "")) {
            ("no" | "false", "") => Restart::No,
            ("always", "") => Restart::Always,
            ("unless-stopped", "") => Restart::UnlessStopped,
            ("on-failure", "") => Restart::OnFailure(None),
            ("on-failure", most) if most.parse::<u32>().is_ok() => Restart::OnFailure(most.parse().ok()),
            _ => {
                let message = format!(
                    "{} is not a restart policy. Write no, always, on-failure or unless-stopped.",
                    quoted(&text)
                );
                self.wrong(node, path, message);
                Restart::No
            }
        }
    }

    fn added_capabilities(&mut self, node: &Node, path: &str) -> Vec<String> {
        let names: Vec<_> = self.texts(node, path).iter().map(|name| capability(name)).collect();
        for (index, name) in names.iter().enumerate() {
            if !HARMLESS_CAPABILITIES.contains(&name.as_str()) {
                let message = format!("It has the capability {}, which reaches past its container.", quoted(name));
                self.approve(ApprovalKind::Capability, &format!("{path}[{index}]"), message);
            }
        }
        names
    }

    fn security_options(&mut self, node: &Node, path: &str) -> Vec<String> {
        let options = self.texts(node, path);
        for (index, option) in options.iter().enumerate() {
            if !option.starts_with("no-new-privileges") || option.ends_with("false") {
                let message = format!("It runs with {} in place of the engine's confinement.", quoted(option));
                self.approve(ApprovalKind::Unconfined, &format!("{path}[{index}]"), message);
            }
        }
        options
    }

    fn devices(&mut self, node: &Node, path: &str) -> Vec<String> {
        let devices = self.texts(node, path);
        for (index, device) in devices.iter().enumerate() {
            let message = format!("It uses the device {} of the machine.", quoted(device));
            self.approve(ApprovalKind::Device, &format!("{path}[{index}]"), message);
        }
        devices
    }

    fn ulimits(&mut self, node: &Node, path: &str) -> Vec<Ulimit> {
        let mut limits = Vec::new();
        for (key, value) in self.entries(node, path) {
            let below = join(path, &key.text);
            let (mut soft, mut hard) = (None, None);
            if let Value::Map(_) = &value.value {
                for (key, value, below) in self.known_entries(value, &below, &["soft", "hard"]) {
                    let limit = self.parsed(value, &below, "a whole number");
                    *if key == "soft" { &mut soft } else { &mut hard } = limit;
                }
            } else {
                soft = self.parsed(value, &below, "a whole number");
                hard = soft;
            }
            match (soft.or(hard), hard.or(soft)) {
                (Some(soft), Some(hard)) => limits.push(Ulimit { name: key.text.clone(), soft, hard }),
                _ => self.wrong(value, &below, "The limit has no number. Write one, or “soft” and “hard”."),
            }
        }
        limits
    }

    fn logging(&mut self, node: &Node, path: &str) -> Logging {
        let mut logging = Logging { driver: None, options: Vec::new() };
        for (key, value, below) in self.known_entries(node, path, &["driver", "options"]) {
            match key {
                "driver" => logging.driver = self.line(value, &below),
                _ => logging.options = self.filled_pairs(value, &below),
            }
        }
        logging
    }

    fn extra_hosts(&mut self, node: &Node, path: &str) -> Vec<(String, String)> {
        let Value::List(_) = &node.value else { return self.filled_pairs(node, path) };
        let mut hosts = Vec::new();
        for (item, below) in self.items(node, path) {
            let Some(text) = self.line(item, &below) else { continue };
            match text.split_once('=').or_else(|| text.split_once(':')) {
                Some((host, address)) if !host.is_empty() && !address.is_empty() => {
                    let address = address.trim_start_matches('[').trim_end_matches(']');
                    hosts.push((host.to_owned(), address.to_owned()));
                }
                _ => self.wrong(item, &below, format!("{} is not a host. Write name=address.", quoted(&text))),
            }
        }
        hosts
    }

    fn processors(&mut self, node: &Node, path: &str) -> Option<f64> {
        let number: f64 = self.parsed(node, path, "a number of processors such as 0.5")?;
        if number.is_finite() && number > 0.0 {
            return Some(number);
        }
        self.wrong(node, path, "The number of processors must be more than zero. Write one such as 0.5.");
        None
    }

    fn deploy(&mut self, service: &mut Service, node: &Node, path: &str) {
        for (_, resources, path) in self.known_entries(node, path, &["resources"]) {
            for (key, value, path) in self.known_entries(resources, &path, &["limits", "reservations"]) {
                let known: &[&str] = if key == "limits" { &["cpus", "memory", "pids"] } else { &["memory"] };
                for (inner, value, path) in self.known_entries(value, &path, known) {
                    match (key, inner) {
                        ("limits", "cpus") => service.cpus = self.processors(value, &path),
                        ("limits", "pids") => service.pids_limit = self.parsed(value, &path, "a whole number"),
                        ("limits", _) => service.mem_limit = self.size(value, &path),
                        _ => service.mem_reservation = self.size(value, &path),
                    }
                }
            }
        }
    }

    fn mounted_files(&mut self, node: &Node, path: &str, known: &[(String, String)], place: Place) -> Vec<MountedFile> {
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
    pub fn key(self) -> &'static str {
        match self {
            Self::Config => "configs",
            Self::Secret => "secrets",
        }
    }
}

/// Whether a service may be called so: it becomes part of a container's name and a host name.
fn is_service_name(name: &str) -> bool {
    let part = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    name.len() <= 40 && name.starts_with(part) && name.chars().all(|c| part(c) || c == '-' || c == '_')
}

fn capability(name: &str) -> String {
    let upper = name.to_ascii_uppercase();
    upper.strip_prefix("CAP_").unwrap_or(&upper).to_owned()
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
            return format!(
                "The key {} of a service is not supported. Leave it out, or write one of {}.",
                quoted(key),
                KNOWN.join(", ")
            );
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
