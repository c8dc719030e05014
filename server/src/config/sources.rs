//! Where a setting is looked for, in order, and how its origin is remembered for errors.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use reqwest::Url;
use secrecy::SecretString;
use toml::Spanned;

use super::file::{self, File};
use super::{Args, Error, Network, Registries};

/// The place a setting's value was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A command-line flag, with its dashes.
    Flag(String),
    /// An environment variable.
    Variable(String),
    /// A line of the settings file.
    Line(PathBuf, usize),
    /// No place: the default of the named setting.
    Default(&'static str),
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(name) | Self::Variable(name) => f.write_str(name),
            Self::Line(path, line) => write!(f, "{}:{line}", path.display()),
            Self::Default(name) => write!(f, "{name}"),
        }
    }
}

/// A value with the place it was written.
#[derive(Debug)]
pub(super) struct Value {
    pub text: String,
    pub origin: Source,
}

impl Value {
    /// The value as its type, or an error that says what was `expected`.
    pub fn parse<T: FromStr>(self, expected: &str) -> Result<T, Error> {
        self.text.parse().map_err(|_| self.refused(expected))
    }

    /// The value itself if `holds`, or an error that says what was `expected`.
    pub fn check(self, holds: impl Fn(&str) -> bool, expected: &str) -> Result<String, Error> {
        if holds(&self.text) { Ok(self.text) } else { Err(self.refused(expected)) }
    }

    /// The value as an address of a web server, without path, query or credentials.
    pub fn origin(self) -> Result<Url, Error> {
        let expected = "an address like https://panel.example.org, without path";
        let url = Url::parse(&self.text).map_err(|_| self.refused(expected))?;
        let bare = url.path() == "/"
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none();
        if bare && matches!(url.scheme(), "http" | "https") { Ok(url) } else { Err(self.refused(expected)) }
    }

    fn refused(&self, expected: &str) -> Error {
        Error::Value { origin: self.origin.clone(), problem: format!("\"{}\" is not {expected}", self.text) }
    }
}

type Field = for<'file> fn(&'file File) -> &'file Option<Spanned<String>>;

/// The three places, in the order they are asked.
pub(super) struct Sources<'a> {
    environment: &'a dyn Fn(&str) -> Option<OsString>,
    path: PathBuf,
    text: String,
    file: File,
}

impl<'a> Sources<'a> {
    /// Reads the file that the command line or the environment names, if either does.
    pub fn new(args: &Args, environment: &'a dyn Fn(&str) -> Option<OsString>) -> Result<Self, Error> {
        let mut sources = Self { environment, path: PathBuf::new(), text: String::new(), file: File::default() };
        let (path, origin) = match (&args.config, sources.variable("SUMMONER_CONFIG")?) {
            (Some(path), _) => (path.clone(), Source::Flag("--config".to_owned())),
            (None, Some(value)) => (PathBuf::from(value.text), value.origin),
            (None, None) => return Ok(sources),
        };
        sources.text = std::fs::read_to_string(&path).map_err(|source| Error::Unreadable {
            origin,
            path: path.clone(),
            source,
        })?;
        sources.path = path;
        sources.file = toml::from_str(&sources.text).map_err(|error| Error::Value {
            origin: sources.line(error.span().map_or(0, |span| span.start)),
            problem: error.message().to_owned(),
        })?;
        Ok(sources)
    }

    /// A setting called `name` (in dashes), from its flag, its variable or its key of the file.
    pub fn text(&self, name: &str, flag: Option<&str>, field: Field) -> Result<Option<Value>, Error> {
        if let Some(text) = flag {
            return Ok(Some(Value { text: text.to_owned(), origin: Source::Flag(format!("--{name}")) }));
        }
        if let Some(value) = self.variable(&variable_name(name))? {
            return Ok(Some(value));
        }
        Ok(field(&self.file).as_ref().map(|written| self.written(written)))
    }

    /// A setting that is a path; one in the file is relative to the file's folder.
    pub fn path(&self, name: &str, flag: Option<&Path>, field: Field) -> Result<Option<PathBuf>, Error> {
        if let Some(path) = flag {
            return Ok(Some(path.to_owned()));
        }
        if let Some(path) = (self.environment)(&variable_name(name)).filter(|path| !path.is_empty()) {
            return Ok(Some(PathBuf::from(path)));
        }
        Ok(field(&self.file).as_ref().map(|written| self.beside_file(written.get_ref())))
    }

    /// A setting that is a secret: its variable, the file its `_FILE` variable names, or either key of the file.
    pub fn secret(
        &self,
        name: &str,
        aliases: &[&str],
        field: Field,
        file_field: Field,
    ) -> Result<Option<SecretString>, Error> {
        let own = variable_name(name);
        for variable in std::iter::once(own.as_str()).chain(aliases.iter().copied()) {
            if let Some(value) = self.variable(variable)? {
                return Ok(Some(value.text.into()));
            }
            if let Some(value) = self.variable(&format!("{variable}_FILE"))? {
                return read_secret(PathBuf::from(value.text), value.origin).map(Some);
            }
        }
        if let Some(written) = field(&self.file) {
            return Ok(Some(written.get_ref().as_str().into()));
        }
        match file_field(&self.file) {
            Some(written) => {
                let origin = self.line(written.span().start);
                read_secret(self.beside_file(written.get_ref()), origin).map(Some)
            }
            None => Ok(None),
        }
    }

    /// The engine's address, with the scheme checked.
    pub fn docker_host(&self, args: &Args) -> Result<Option<String>, Error> {
        let own = self.text("docker-host", args.docker_host.as_deref(), |file| &file.docker_host)?;
        let value = match own {
            Some(value) => Some(value),
            None => self.variable("DOCKER_HOST")?,
        };
        let known = |text: &str| {
            ["unix:///", "tcp://", "http://", "https://"]
                .iter()
                .any(|scheme| text.strip_prefix(scheme).is_some_and(|rest| !rest.is_empty()))
        };
        value
            .map(|value| value.check(known, "an engine's address like unix:///var/run/docker.sock or tcp://host:2376"))
            .transpose()
    }

    /// Mirrors and registries without TLS.
    pub fn registries(&self, args: &Args) -> Result<Registries, Error> {
        let mut registries = Registries::default();
        if let Some(values) = self.list("registry-mirror", "SUMMONER_REGISTRY_MIRRORS", &args.registry_mirrors)? {
            for value in values {
                let expected = "a registry and its mirror, like docker.io=http://127.0.0.1:5000";
                let (registry, mirror) = value.text.split_once('=').ok_or_else(|| value.refused(expected))?;
                let registry = Value { text: registry.to_owned(), origin: value.origin.clone() };
                let mirror = Value { text: mirror.to_owned(), origin: value.origin.clone() };
                registries.mirrors.insert(registry.check(is_registry, REGISTRY)?, mirror.origin()?);
            }
        } else {
            for (registry, settings) in &self.file.registries {
                if let Some(mirror) = &settings.mirror {
                    let name = Value { text: registry.clone(), origin: self.line(mirror.span().start) };
                    registries.mirrors.insert(name.check(is_registry, REGISTRY)?, self.written(mirror).origin()?);
                }
            }
        }
        registries.fallbacks =
            self.named("mirror-fallback", "SUMMONER_MIRROR_FALLBACKS", &args.mirror_fallbacks, |settings| {
                settings.fallback
            })?;
        registries.insecure =
            self.named("insecure-registry", "SUMMONER_INSECURE_REGISTRIES", &args.insecure_registries, |settings| {
                settings.insecure
            })?;
        registries.private =
            self.named("private-registry", "SUMMONER_PRIVATE_REGISTRIES", &args.private_registries, |settings| {
                settings.private
            })?;
        registries.token_services = self.token_services(args)?;
        Ok(registries)
    }

    /// Registries that a list names, or the tables of the file that say so.
    fn named(
        &self,
        flag: &str,
        variable: &str,
        given: &[String],
        is_meant: impl Fn(&file::Registry) -> bool,
    ) -> Result<BTreeSet<String>, Error> {
        match self.list(flag, variable, given)? {
            Some(values) => values.into_iter().map(|value| value.check(is_registry, REGISTRY)).collect(),
            None => Ok(self
                .file
                .registries
                .iter()
                .filter(|(_, settings)| is_meant(settings))
                .map(|(name, _)| name.clone())
                .collect()),
        }
    }

    /// The hosts that get a registry's login for a token.
    fn token_services(&self, args: &Args) -> Result<BTreeMap<String, BTreeSet<String>>, Error> {
        let mut services: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        if let Some(values) = self.list("token-service", "SUMMONER_TOKEN_SERVICES", &args.token_services)? {
            for value in values {
                let expected = "a registry and a host, like registry.example=auth.example.org";
                let (registry, host) = value.text.split_once('=').ok_or_else(|| value.refused(expected))?;
                let part = |text: &str| Value { text: text.to_owned(), origin: value.origin.clone() };
                let registry = part(registry).check(is_registry, REGISTRY)?;
                services.entry(registry).or_default().insert(part(host).check(is_host, HOST)?);
            }
            return Ok(services);
        }
        for (registry, settings) in &self.file.registries {
            for host in &settings.token_services {
                let host = self.written(host).check(is_host, HOST)?;
                services.entry(registry.clone()).or_default().insert(host);
            }
        }
        Ok(services)
    }

    /// The peers whose forwarding headers count.
    pub fn trusted_proxies(&self, args: &Args) -> Result<Vec<Network>, Error> {
        let values = match self.list("trusted-proxy", "SUMMONER_TRUSTED_PROXIES", &args.trusted_proxies)? {
            Some(values) => values,
            None => self.file.trusted_proxies.iter().map(|written| self.written(written)).collect(),
        };
        values.into_iter().map(|value| value.parse("a network like 10.0.0.0/8 or an address")).collect()
    }

    /// A repeatable flag, or the comma-separated variable; `None` when neither is given.
    fn list(&self, flag: &str, variable: &str, given: &[String]) -> Result<Option<Vec<Value>>, Error> {
        if !given.is_empty() {
            let origin = Source::Flag(format!("--{flag}"));
            return Ok(Some(given.iter().map(|text| Value { text: text.clone(), origin: origin.clone() }).collect()));
        }
        Ok(self.variable(variable)?.map(|value| {
            let parts = value.text.split(',').map(str::trim).filter(|part| !part.is_empty());
            parts.map(|part| Value { text: part.to_owned(), origin: value.origin.clone() }).collect()
        }))
    }

    /// A variable's value; an empty one counts as absent, because Compose files pass unset ones on as empty.
    fn variable(&self, name: &str) -> Result<Option<Value>, Error> {
        let origin = Source::Variable(name.to_owned());
        match (self.environment)(name).filter(|value| !value.is_empty()) {
            None => Ok(None),
            Some(value) => match value.into_string() {
                Ok(text) => Ok(Some(Value { text, origin })),
                Err(_) => Err(Error::Value { origin, problem: "the value is not UTF-8 text".to_owned() }),
            },
        }
    }

    fn written(&self, written: &Spanned<String>) -> Value {
        Value { text: written.get_ref().clone(), origin: self.line(written.span().start) }
    }

    fn line(&self, offset: usize) -> Source {
        let before = self.text.as_bytes().iter().take(offset);
        Source::Line(self.path.clone(), 1 + before.filter(|byte| **byte == b'\n').count())
    }

    fn beside_file(&self, path: &str) -> PathBuf {
        self.path.parent().unwrap_or(Path::new("")).join(path)
    }
}

const REGISTRY: &str = "a registry's host, like docker.io or localhost:5000";

const HOST: &str = "a host without port, like auth.example.org";

fn is_host(text: &str) -> bool {
    is_registry(text) && !text.contains(':')
}

fn is_registry(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphanumeric())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-:".contains(&byte))
}

fn variable_name(setting: &str) -> String {
    format!("SUMMONER_{}", setting.replace('-', "_").to_ascii_uppercase())
}

/// The content of a secret's file without the line end that editors add.
fn read_secret(path: PathBuf, origin: Source) -> Result<SecretString, Error> {
    match std::fs::read_to_string(&path) {
        Ok(text) => Ok(text.trim_end_matches(['\r', '\n']).into()),
        Err(source) => Err(Error::Unreadable { origin, path, source }),
    }
}
