//! The model as a Compose file again.
//!
//! Long forms throughout, and every text in double quotes with JSON's escapes, which YAML shares: nothing is left to
//! the reader's guess of what a plain word means. A `$` is doubled, and a marked variable becomes `${NAME}`.

use std::fmt::Write as _;

use super::super::export::{CLOSE, OPEN, only_variable};
use super::super::units::write_duration;
use super::{
    Compose, Condition, ContainerCheck, Logging, Mount, MountKind, MountedFile, Network, Port, Restart, Service, Volume,
};

/// Writes the model; its project is called `project`.
pub(in super::super) fn render(project: &str, compose: &Compose) -> String {
    let services = compose.services.iter().map(|service| (service.name.clone(), of_service(service))).collect();
    let mut root = vec![("name".to_owned(), text(project)), ("services".to_owned(), Yaml::Map(services))];
    let networks = compose.networks.iter().map(|network| (network.name.clone(), of_network(network)));
    put_map(&mut root, "networks", networks.collect());
    let volumes = compose.volumes.iter().map(|volume| (volume.name.clone(), of_volume(volume)));
    put_map(&mut root, "volumes", volumes.collect());
    put_map(&mut root, "configs", of_files(compose, |file| !file.secret, "content"));
    put_map(&mut root, "secrets", of_files(compose, |file| file.secret, "environment"));
    let mut out = String::new();
    write(&Yaml::Map(root), 0, &mut out);
    out
}

type Entries = Vec<(String, Yaml)>;

enum Yaml {
    Text(String),
    /// Written as it is: a number or a truth value.
    Plain(String),
    List(Vec<Yaml>),
    Map(Entries),
}

fn text(text: impl Into<String>) -> Yaml {
    Yaml::Text(text.into())
}

fn plain(value: impl ToString) -> Yaml {
    Yaml::Plain(value.to_string())
}

fn texts(list: &[String]) -> Yaml {
    Yaml::List(list.iter().map(text).collect())
}

fn pairs(pairs: &[(String, String)]) -> Entries {
    pairs.iter().map(|(name, value)| (name.clone(), text(value))).collect()
}

fn put(map: &mut Entries, key: &str, value: Option<Yaml>) {
    map.extend(value.map(|value| (key.to_owned(), value)));
}

fn put_map(map: &mut Entries, key: &str, entries: Entries) {
    put(map, key, (!entries.is_empty()).then_some(Yaml::Map(entries)));
}

fn put_list(map: &mut Entries, key: &str, items: Vec<Yaml>) {
    put(map, key, (!items.is_empty()).then_some(Yaml::List(items)));
}

fn of_service(service: &Service) -> Yaml {
    let mut map = vec![("image".to_owned(), text(&service.image))];
    put(&mut map, "entrypoint", service.entrypoint.as_deref().map(texts));
    put(&mut map, "command", service.command.as_deref().map(texts));
    put_map(&mut map, "environment", pairs(&service.environment));
    put_map(&mut map, "depends_on", service.depends_on.iter().map(of_dependency).collect());
    put_list(&mut map, "ports", service.ports.iter().map(of_port).collect());
    let expose = service.expose.iter().map(|(port, transport)| text(format!("{port}/{}", transport.as_str())));
    put_list(&mut map, "expose", expose.collect());
    put_list(&mut map, "volumes", service.volumes.iter().map(of_mount).collect());
    let mounted = |secret: bool| service.files.iter().filter(move |file| file.secret == secret).map(of_file).collect();
    put_list(&mut map, "configs", mounted(false));
    put_list(&mut map, "secrets", mounted(true));
    let networks = service.networks.iter().map(|joined| {
        let mut inner = Vec::new();
        put_list(&mut inner, "aliases", joined.aliases.iter().map(text).collect());
        (joined.network.clone(), Yaml::Map(inner))
    });
    put_map(&mut map, "networks", networks.collect());
    put(&mut map, "network_mode", service.network_mode.as_ref().map(text));
    put(&mut map, "healthcheck", service.healthcheck.as_ref().map(of_check));
    put(&mut map, "restart", of_restart(service.restart));
    for (key, value) in [
        ("user", &service.user),
        ("working_dir", &service.working_dir),
        ("hostname", &service.hostname),
        ("stop_signal", &service.stop_signal),
    ] {
        put(&mut map, key, value.as_ref().map(text));
    }
    put_map(&mut map, "labels", pairs(&service.labels));
    for (key, list) in [
        ("cap_add", &service.cap_add),
        ("cap_drop", &service.cap_drop),
        ("security_opt", &service.security_opt),
        ("devices", &service.devices),
    ] {
        put_list(&mut map, key, list.iter().map(text).collect());
    }
    put(&mut map, "read_only", service.read_only.then(|| plain(true)));
    put(&mut map, "privileged", service.privileged.then(|| plain(true)));
    put(&mut map, "init", service.init.map(plain));
    for (key, size) in
        [("shm_size", service.shm_size), ("mem_limit", service.mem_limit), ("mem_reservation", service.mem_reservation)]
    {
        put(&mut map, key, size.map(|size| plain(size.bytes())));
    }
    put(&mut map, "cpus", service.cpus.map(plain));
    put(&mut map, "pids_limit", service.pids_limit.map(plain));
    let limits = service.ulimits.iter().map(|limit| {
        let both = vec![("soft".to_owned(), plain(limit.soft)), ("hard".to_owned(), plain(limit.hard))];
        (limit.name.clone(), Yaml::Map(both))
    });
    put_map(&mut map, "ulimits", limits.collect());
    put_map(&mut map, "sysctls", pairs(&service.sysctls));
    put(&mut map, "stop_grace_period", service.stop_grace_period.map(|period| text(write_duration(period))));
    put(&mut map, "logging", service.logging.as_ref().map(of_logging));
    put_map(&mut map, "extra_hosts", pairs(&service.extra_hosts));
    Yaml::Map(map)
}

fn of_dependency((name, condition): &(String, Condition)) -> (String, Yaml) {
    let condition = match condition {
        Condition::Started => "service_started",
        Condition::Healthy => "service_healthy",
        Condition::CompletedSuccessfully => "service_completed_successfully",
    };
    (name.clone(), Yaml::Map(vec![("condition".to_owned(), text(condition))]))
}

fn of_port(port: &Port) -> Yaml {
    let mut map = vec![("target".to_owned(), plain(port.container_port))];
    put(&mut map, "published", port.host_port.map(|port| text(port.to_string())));
    put(&mut map, "host_ip", port.host_ip.map(|address| text(address.to_string())));
    put(&mut map, "protocol", Some(text(port.protocol.as_str())));
    Yaml::Map(map)
}

fn of_mount(mount: &Mount) -> Yaml {
    let (kind, source) = match &mount.kind {
        MountKind::Volume(name) => ("volume", Some(name)),
        MountKind::Anonymous => ("volume", None),
        MountKind::Bind(path) => ("bind", Some(path)),
        MountKind::Tmpfs { .. } => ("tmpfs", None),
    };
    let mut map = vec![("type".to_owned(), text(kind))];
    put(&mut map, "source", source.map(text));
    put(&mut map, "target", Some(text(&mount.target)));
    put(&mut map, "read_only", mount.read_only.then(|| plain(true)));
    if let MountKind::Tmpfs { size, mode } = mount.kind {
        let mut memory = Vec::new();
        put(&mut memory, "size", size.map(|size| plain(size.bytes())));
        put(&mut memory, "mode", mode.map(octal));
        put_map(&mut map, "tmpfs", memory);
    }
    Yaml::Map(map)
}

/// In YAML 1.2's form, which Compose's reader takes as well as the older one.
fn octal(mode: u32) -> Yaml {
    Yaml::Plain(format!("0o{mode:o}"))
}

fn of_file(file: &MountedFile) -> Yaml {
    let mut map = vec![("source".to_owned(), text(&file.name)), ("target".to_owned(), text(&file.target))];
    put(&mut map, "uid", file.uid.map(|uid| text(uid.to_string())));
    put(&mut map, "gid", file.gid.map(|gid| text(gid.to_string())));
    put(&mut map, "mode", Some(octal(file.mode)));
    Yaml::Map(map)
}

/// The declarations of the files that services mount, each once.
fn of_files(compose: &Compose, wanted: fn(&MountedFile) -> bool, key: &str) -> Entries {
    let mut declared: Entries = Vec::new();
    for file in compose.services.iter().flat_map(|service| &service.files).filter(|file| wanted(file)) {
        if !declared.iter().any(|(name, _)| *name == file.name) {
            // A variable is named here and not filled in, so it stands without its marks.
            let named = if key == "environment" { only_variable(&file.content) } else { None };
            let content = Yaml::Map(vec![(key.to_owned(), text(named.unwrap_or(&file.content)))]);
            declared.push((file.name.clone(), content));
        }
    }
    declared
}

fn of_check(check: &ContainerCheck) -> Yaml {
    let mut map = Vec::new();
    put_list(&mut map, "test", check.test.iter().map(text).collect());
    for (key, duration) in [
        ("interval", check.interval),
        ("timeout", check.timeout),
        ("start_period", check.start_period),
        ("start_interval", check.start_interval),
    ] {
        put(&mut map, key, duration.map(|duration| text(write_duration(duration))));
    }
    put(&mut map, "retries", check.retries.map(plain));
    Yaml::Map(map)
}

fn of_restart(restart: Restart) -> Option<Yaml> {
    match restart {
        Restart::No => None,
        Restart::Always => Some(text("always")),
        Restart::UnlessStopped => Some(text("unless-stopped")),
        Restart::OnFailure(None) => Some(text("on-failure")),
        Restart::OnFailure(Some(most)) => Some(text(format!("on-failure:{most}"))),
    }
}

fn of_logging(logging: &Logging) -> Yaml {
    let mut map = Vec::new();
    put(&mut map, "driver", logging.driver.as_ref().map(text));
    put_map(&mut map, "options", pairs(&logging.options));
    Yaml::Map(map)
}

fn of_network(network: &Network) -> Yaml {
    let mut map = Vec::new();
    put(&mut map, "driver", network.driver.as_ref().map(text));
    put(&mut map, "internal", network.internal.then(|| plain(true)));
    put_external(&mut map, network.external.as_ref());
    put_map(&mut map, "labels", pairs(&network.labels));
    Yaml::Map(map)
}

fn of_volume(volume: &Volume) -> Yaml {
    let mut map = Vec::new();
    put(&mut map, "driver", volume.driver.as_ref().map(text));
    put_external(&mut map, volume.external.as_ref());
    put_map(&mut map, "labels", pairs(&volume.labels));
    Yaml::Map(map)
}

fn put_external(map: &mut Entries, name: Option<&String>) {
    put(map, "external", name.map(|_| plain(true)));
    put(map, "name", name.map(text));
}

fn write(yaml: &Yaml, depth: usize, out: &mut String) {
    let indent = "  ".repeat(depth);
    match yaml {
        Yaml::Text(text) => out.push_str(&quoted(text, Dollar::Doubled)),
        Yaml::Plain(value) => out.push_str(value),
        Yaml::List(items) if items.is_empty() => out.push_str("[]"),
        Yaml::Map(entries) if entries.is_empty() => out.push_str("{}"),
        Yaml::List(items) => {
            for item in items {
                let _ = write!(out, "{indent}-");
                write_value(item, depth, out);
            }
        }
        Yaml::Map(entries) => {
            for (key, value) in entries {
                let _ = write!(out, "{indent}{}:", key_of(key));
                write_value(value, depth, out);
            }
        }
    }
}

fn write_value(value: &Yaml, depth: usize, out: &mut String) {
    let is_block = match value {
        Yaml::List(items) => !items.is_empty(),
        Yaml::Map(entries) => !entries.is_empty(),
        Yaml::Text(_) | Yaml::Plain(_) => false,
    };
    out.push(if is_block { '\n' } else { ' ' });
    write(value, depth + 1, out);
    if !is_block {
        out.push('\n');
    }
}

/// A key, plain where it can be nothing else.
fn key_of(key: &str) -> String {
    let simple = key.starts_with(|c: char| c.is_ascii_alphabetic())
        && key.chars().all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c))
        && !["true", "false", "yes", "no", "on", "off", "null", "y", "n"].contains(&key.to_ascii_lowercase().as_str());
    if simple { key.to_owned() } else { quoted(key, Dollar::Kept) }
}

/// What becomes of a dollar sign: variables are filled in in values, and not in keys.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Dollar {
    Doubled,
    Kept,
}

fn quoted(text: &str, dollar: Dollar) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for letter in text.chars() {
        match letter {
            '"' | '\\' => out.extend(['\\', letter]),
            '\n' => out.push_str("\\n"),
            '$' if dollar == Dollar::Doubled => out.push_str("$$"),
            OPEN => out.push_str("${"),
            CLOSE => out.push('}'),
            // What YAML does not take as it is, and what some readers take for a line break.
            letter if letter.is_control() || "\u{feff}\u{2028}\u{2029}".contains(letter) => {
                let _ = write!(out, "\\u{:04X}", u32::from(letter));
            }
            other => out.push(other),
        }
    }
    out.push('"');
    out
}
