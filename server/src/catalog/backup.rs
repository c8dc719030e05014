//! The `backup` part of `x-summoner`: what is kept of a tool, and how it comes back.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;

use super::about::Text;
use super::units::Span;

/// What is kept and how it comes back.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Backup {
    /// Why there is nothing to keep; nothing else is said then. Written `backup: { none: { en: …, fr: … } }`.
    #[serde(default)]
    pub none: Option<Text>,
    /// Databases that are dumped with their own tools.
    #[serde(default)]
    pub dumps: Vec<Dump>,
    /// The volumes that are copied, by their Compose name.
    #[serde(default)]
    pub volumes: IndexMap<String, VolumeBackup>,
    #[serde(default)]
    pub consistency: Consistency,
    /// Commands before the snapshot, in order.
    #[serde(default)]
    pub before: Vec<Exec>,
    /// Commands after the snapshot, whether it was made or not.
    #[serde(default)]
    pub after: Vec<Exec>,
    /// Commands after a restore, before the tool opens.
    #[serde(default)]
    pub after_restore: Vec<Exec>,
    /// What a restore test must see before it counts.
    #[serde(default)]
    pub proof: Vec<Proof>,
}

/// How dumps and files fit together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Consistency {
    /// Dumps first, then files, while the tool runs.
    #[default]
    Hot,
    /// Stop, copy, start.
    Cold,
    /// The containers stand still while files are copied.
    Pause,
}

/// One database that is dumped.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Dump {
    pub service: String,
    pub engine: DumpEngine,
    /// The database account; `${…}` stands for a variable.
    #[serde(default)]
    pub user: Option<String>,
    /// The variable that holds the account's password, where the engine asks for one.
    #[serde(default)]
    pub password: Option<String>,
    /// The database; all of them when absent. `${…}` stands for a variable.
    #[serde(default)]
    pub database: Option<String>,
    /// The file inside the container, for `sqlite`.
    #[serde(default)]
    pub file: Option<String>,
}

/// The tool that dumps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum DumpEngine {
    Postgres,
    Mariadb,
    Mysql,
    Mongodb,
    Redis,
    Sqlite,
}

/// How one volume is copied.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VolumeBackup {
    /// Patterns of what stays out, below the volume.
    #[serde(default)]
    pub exclude: Vec<String>,
}

/// A command inside a service's container, as an argument vector; no shell reads it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Exec {
    pub service: String,
    /// The container's account; the image's own when absent.
    #[serde(default)]
    pub user: Option<String>,
    /// The arguments; `${…}` stands for a variable.
    pub run: Vec<String>,
    /// The time limit; ten minutes when absent.
    #[serde(default)]
    pub timeout: Option<Span>,
}

/// What a restore test must see; exactly one of `http`, `sql` and `run` says how.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Proof {
    pub service: String,
    /// The path that is asked for.
    #[serde(default)]
    pub http: Option<String>,
    /// The port inside the container, for `http`.
    #[serde(default)]
    pub port: Option<u16>,
    /// The status that `http` must answer with; any 2xx or 3xx when absent.
    #[serde(default)]
    pub expect: Option<u16>,
    /// A query that gives one number, asked of the dump of the same service.
    #[serde(default)]
    pub sql: Option<String>,
    /// The least number that `sql` must give.
    #[serde(default)]
    pub at_least: Option<i64>,
    /// A command inside the container; zero means proven.
    #[serde(default)]
    pub run: Option<Vec<String>>,
    /// The container's account for `run`.
    #[serde(default)]
    pub user: Option<String>,
}
