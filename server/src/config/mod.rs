//! What the operator of a Summoner decides before it starts: folders, addresses, the database, the engine.
//!
//! Every setting is read from the command line, else from the environment, else from one TOML file, else it has a
//! default that works. The first place that names a setting decides it wholly, lists included. What people decide
//! later, in the pages, lives in the database and not here.
//!
//! Invariants: a [`Config`] is complete and checked; an error names the place the bad value came from; no secret has a
//! command-line flag, because every user of a machine can read the arguments of its processes.

mod file;
mod network;
mod sources;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

pub use reqwest::Url;
use secrecy::SecretString;

pub use network::Network;
pub use sources::Source;

use sources::Sources;

/// The settings every command shares, for the program's own argument struct to flatten.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Args {
    /// The TOML file with further settings [env: SUMMONER_CONFIG]
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The folder that keeps everything: private database, key, lock [env: SUMMONER_DATA_DIR]
    #[arg(long, global = true, value_name = "FOLDER")]
    pub data_dir: Option<PathBuf>,
    /// The address to answer on [env: SUMMONER_LISTEN] [default: 127.0.0.1:8300]
    #[arg(long, global = true, value_name = "ADDRESS:PORT")]
    pub listen: Option<String>,
    /// The address people type into their browser [env: SUMMONER_PUBLIC_URL]
    #[arg(long, global = true, value_name = "URL")]
    pub public_url: Option<String>,
    /// The Docker engine to drive [env: SUMMONER_DOCKER_HOST or DOCKER_HOST]
    #[arg(long, global = true, value_name = "URL")]
    pub docker_host: Option<String>,
    /// What this machine is called in the pages [env: SUMMONER_NODE] [default: its host name]
    #[arg(long, global = true, value_name = "NAME")]
    pub node: Option<String>,
    /// Pull through a mirror, as docker.io=http://127.0.0.1:5000; repeatable [env: SUMMONER_REGISTRY_MIRRORS]
    #[arg(long = "registry-mirror", global = true, value_name = "REGISTRY=URL")]
    pub registry_mirrors: Vec<String>,
    /// A registry that may be spoken to without TLS; repeatable [env: SUMMONER_INSECURE_REGISTRIES]
    #[arg(long = "insecure-registry", global = true, value_name = "REGISTRY")]
    pub insecure_registries: Vec<String>,
    /// A mirrored registry that is asked itself while its mirror is away; repeatable [env: SUMMONER_MIRROR_FALLBACKS]
    #[arg(long = "mirror-fallback", global = true, value_name = "REGISTRY")]
    pub mirror_fallbacks: Vec<String>,
    /// A host in a private network that may be asked as a registry, HOST or HOST:PORT; repeatable
    /// [env: SUMMONER_PRIVATE_REGISTRIES]
    #[arg(long = "private-registry", global = true, value_name = "HOST")]
    pub private_registries: Vec<String>,
    /// A host of another domain that gets a registry's login for a token, as REGISTRY=HOST; repeatable
    /// [env: SUMMONER_TOKEN_SERVICES]
    #[arg(long = "token-service", global = true, value_name = "REGISTRY=HOST")]
    pub token_services: Vec<String>,
    /// A folder with additional catalogue entries [env: SUMMONER_CATALOG_DIR]
    #[arg(long, global = true, value_name = "FOLDER")]
    pub catalog_dir: Option<PathBuf>,
    /// The folder with the browser bundle [env: SUMMONER_SITE_DIR] [default: site, beside the program]
    #[arg(long, global = true, value_name = "FOLDER")]
    pub site_dir: Option<PathBuf>,
    /// The file with the key that seals secrets [env: SUMMONER_KEY_FILE] [default: key, in the data folder]
    #[arg(long, global = true, value_name = "FILE")]
    pub key_file: Option<PathBuf>,
    /// A reverse proxy whose forwarding headers count, as 10.0.0.0/8; repeatable [env: SUMMONER_TRUSTED_PROXIES]
    #[arg(long = "trusted-proxy", global = true, value_name = "NETWORK")]
    pub trusted_proxies: Vec<String>,
    /// How log lines are written: text or json [env: SUMMONER_LOG_FORMAT] [default: text]
    #[arg(long, global = true, value_name = "FORMAT")]
    pub log_format: Option<String>,
}

/// Everything that is decided before the start, complete and checked.
#[derive(Clone, Debug)]
pub struct Config {
    /// The folder that keeps the private database, the key and the lock; absolute.
    /// Default: `/var/lib/summoner` for root, else `$XDG_DATA_HOME/summoner`, else `~/.local/share/summoner`.
    pub data_dir: PathBuf,
    /// The address the server answers on. Default: `127.0.0.1:8300`.
    pub listen: SocketAddr,
    /// The origin people type into their browser, without path. Default: made from [`Config::listen`].
    pub public_url: Url,
    /// Whether people may open the panel by any address of its machine: nobody named [`Config::public_url`], and the
    /// server answers on all of them.
    pub opens_by_address: bool,
    /// The address of a Postgres that others keep, with its password; `None` means the private cluster.
    pub database_url: Option<SecretString>,
    /// The Docker engine's address (`unix://`, `tcp://`, `http://`, `https://`); `None` means the engine client's default.
    pub docker_host: Option<String>,
    /// What this machine is called in the pages. Default: its host name.
    pub node: String,
    /// How registries are reached when not directly and over TLS.
    pub registries: Registries,
    /// A folder with catalogue entries beside the embedded ones; `None` means none.
    pub catalog_dir: Option<PathBuf>,
    /// The folder with the browser bundle. Default: `site`, beside the program.
    pub site_dir: PathBuf,
    /// The file with the 32-byte key that seals secrets. Default: `key`, in [`Config::data_dir`].
    pub key_file: PathBuf,
    /// The peers whose `X-Forwarded-*` headers count; empty means nobody's.
    pub trusted_proxies: Vec<Network>,
    /// What opens `/metrics` to other machines; `None` leaves it to this one.
    pub metrics_token: Option<SecretString>,
    /// How log lines are written. Default: text.
    pub log_format: LogFormat,
}

/// How registries are reached when not directly and over TLS; keys are registry hosts as in image names (`docker.io`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Registries {
    /// The mirror to ask in a registry's place.
    pub mirrors: BTreeMap<String, Url>,
    /// Mirrored registries that are asked themselves while their mirror does not answer.
    pub fallbacks: BTreeSet<String>,
    /// Registries that may be spoken to over plain HTTP.
    pub insecure: BTreeSet<String>,
    /// Hosts that may be at a private address, as `host` for every port or `host:port` for one.
    pub private: BTreeSet<String>,
    /// Further hosts, of another domain, that get a registry's login to give a token for it.
    pub token_services: BTreeMap<String, BTreeSet<String>>,
}

/// How log lines are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// One readable line per event.
    #[default]
    Text,
    /// One JSON object per line, for machines.
    Json,
}

/// Why the settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A value is not one that the setting can have.
    #[error("{origin}: {problem}")]
    Value {
        /// Where the value was written.
        origin: Source,
        /// What is wrong with it and what is expected.
        problem: String,
    },
    /// A file that holds settings or a secret cannot be read.
    #[error("{origin}: the file {path} cannot be read")]
    Unreadable {
        /// What names the file.
        origin: Source,
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The data folder cannot be made or closed to others.
    #[error("the data folder {path} cannot be made or closed to others; choose another with --data-dir")]
    DataDir {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

impl Config {
    /// Reads the settings from the command line, this process's environment and the file either of them names.
    ///
    /// # Errors
    /// [`Error::Value`] for a value that cannot be used, [`Error::Unreadable`] for a file that cannot be read.
    pub fn load(args: &Args) -> Result<Self, Error> {
        Self::read(args, |name| std::env::var_os(name))
    }

    /// Like [`Config::load`], with an environment that is handed in.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn read(args: &Args, environment: impl Fn(&str) -> Option<OsString>) -> Result<Self, Error> {
        let sources = Sources::new(args, &environment)?;
        let data_dir = match sources.path("data-dir", args.data_dir.as_deref(), |file| &file.data_dir)? {
            Some(path) => absolute(path),
            None => default_data_dir(&environment)?,
        };
        let listen = match sources.text("listen", args.listen.as_deref(), |file| &file.listen)? {
            Some(value) => value.parse("an address and port like 127.0.0.1:8300")?,
            None => SocketAddr::from((Ipv4Addr::LOCALHOST, 8300)),
        };
        let node = match sources.text("node", args.node.as_deref(), |file| &file.node)? {
            Some(value) => value.check(is_node_name, "a name of letters, digits, dots, dashes")?,
            None => host_name(),
        };
        let named_url = sources.text("public-url", args.public_url.as_deref(), |file| &file.public_url)?;
        let opens_by_address = named_url.is_none() && listen.ip().is_unspecified();
        let public_url = match named_url {
            Some(value) => value.origin()?,
            None => derived_url(listen, &node),
        };
        Ok(Self {
            listen,
            public_url,
            opens_by_address,
            database_url: sources.secret(
                "database-url",
                &["DATABASE_URL"],
                |file| &file.database_url,
                |file| &file.database_url_file,
            )?,
            metrics_token: sources.secret(
                "metrics-token",
                &[],
                |file| &file.metrics_token,
                |file| &file.metrics_token_file,
            )?,
            docker_host: sources.docker_host(args)?,
            node,
            registries: sources.registries(args)?,
            catalog_dir: sources
                .path("catalog-dir", args.catalog_dir.as_deref(), |file| &file.catalog_dir)?
                .map(absolute),
            site_dir: sources
                .path("site-dir", args.site_dir.as_deref(), |file| &file.site_dir)?
                .map_or_else(default_site_dir, absolute),
            key_file: sources
                .path("key-file", args.key_file.as_deref(), |file| &file.key_file)?
                .map_or_else(|| data_dir.join("key"), absolute),
            trusted_proxies: sources.trusted_proxies(args)?,
            log_format: match sources.text("log-format", args.log_format.as_deref(), |file| &file.log_format)? {
                Some(value) => value.parse("text or json")?,
                None => LogFormat::default(),
            },
            data_dir,
        })
    }

    /// Makes the data folder if it is not there, and closes it to others if it is.
    ///
    /// Root's folder may be entered by others, though not listed: the private database inside runs as another user.
    /// A folder that somebody else owns, or that all share as they share `/tmp`, stays as it is.
    ///
    /// # Errors
    /// [`Error::DataDir`] when the folder cannot be made or closed.
    pub fn make_data_dir(&self) -> Result<(), Error> {
        const STICKY: u32 = 0o1000;
        let user = rustix::process::geteuid();
        let allowed = if user.is_root() { 0o711 } else { 0o700 };
        let make = || {
            std::fs::DirBuilder::new().recursive(true).mode(allowed).create(&self.data_dir)?;
            let about = std::fs::metadata(&self.data_dir)?;
            let is_own = about.uid() == user.as_raw() && about.mode() & STICKY == 0;
            if is_own && about.mode() & 0o777 & !allowed != 0 {
                let closed = std::fs::Permissions::from_mode(about.mode() & allowed);
                std::fs::set_permissions(&self.data_dir, closed)?;
            }
            Ok(())
        };
        make().map_err(|source| Error::DataDir { path: self.data_dir.clone(), source })
    }
}

impl std::str::FromStr for LogFormat {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            _ => Err("unknown format"),
        }
    }
}

/// A path that stays true when the process changes its folder.
fn absolute(path: PathBuf) -> PathBuf {
    std::path::absolute(&path).unwrap_or(path)
}

fn default_data_dir(environment: &dyn Fn(&str) -> Option<OsString>) -> Result<PathBuf, Error> {
    if rustix::process::geteuid().is_root() {
        return Ok(PathBuf::from("/var/lib/summoner"));
    }
    let named = |name: &str| environment(name).map(PathBuf::from).filter(|path| path.is_absolute());
    named("XDG_DATA_HOME")
        .or_else(|| named("HOME").map(|home| home.join(".local/share")))
        .map(|data| data.join("summoner"))
        .ok_or_else(|| Error::Value {
            origin: Source::Default("data-dir"),
            problem: "neither XDG_DATA_HOME nor HOME says where your files are; name a folder with --data-dir".into(),
        })
}

fn default_site_dir() -> PathBuf {
    let program = std::env::current_exe().ok();
    program.as_deref().and_then(Path::parent).unwrap_or(Path::new(".")).join("site")
}

fn host_name() -> String {
    std::fs::read_to_string("/proc/sys/kernel/hostname")
        .map(|name| name.trim().to_owned())
        .ok()
        .filter(|name| is_node_name(name))
        .unwrap_or_else(|| "localhost".to_owned())
}

fn is_node_name(name: &str) -> bool {
    let bytes = name.as_bytes();
    bytes.first().is_some_and(u8::is_ascii_alphanumeric)
        && bytes.len() <= 253
        && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(byte))
}

/// The address a browser on this machine, or in its network when the server answers everywhere, would use.
fn derived_url(listen: SocketAddr, node: &str) -> Url {
    let (ip, port) = (listen.ip(), listen.port());
    let text = if ip.is_loopback() {
        format!("http://localhost:{port}")
    } else if ip.is_unspecified() {
        format!("http://{node}:{port}")
    } else {
        format!("http://{listen}")
    };
    Url::parse(&text).unwrap_or_else(|_| Url::parse("http://localhost").expect("a constant address"))
}

#[cfg(test)]
mod tests;
