//! The types of `x-summoner`: everything an entry says beyond its Compose file.
//!
//! The decoder and the JSON Schema both come from these types, so that the schema an editor uses and the reader agree.
//! Maps keep the order of the file, because the file's order is the order on the page.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;

use super::backup::{Backup, Exec};
use super::fields::Field;
use super::generated::Generated;
use super::pattern::TagPattern;
use super::units::{ByteSize, Span};

/// The `x-summoner` part of an entry.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct About {
    /// The version of this format; 1 is the only one.
    pub schema: u32,
    /// The tool's own name, as its makers write it.
    pub name: String,
    /// The shelf it stands on.
    pub category: Category,
    /// What it is in at most sixty characters.
    pub tagline: Text,
    /// What a team gets from it, in two to five sentences; Markdown.
    pub description: Text,
    /// Words that people may search for beside the name.
    #[serde(default)]
    pub keywords: Vec<String>,
    /// The tool's licence as an SPDX expression.
    pub licence: String,
    /// Where to read more.
    #[serde(default)]
    pub links: Links,
    /// What a machine must offer.
    #[serde(default)]
    pub needs: Needs,
    /// Who decides which version runs, by image key; the key is the name of the service that carries the image, and
    /// its variable is `{KEY}_VERSION` (see [`version_variable`](super::version_variable)).
    pub images: IndexMap<String, ImageRule>,
    /// The form, by Compose variable.
    #[serde(default)]
    pub fields: IndexMap<String, Field>,
    /// Secrets that are made for each tool, by Compose variable.
    #[serde(default)]
    pub generated: IndexMap<String, Generated>,
    /// The ports people or programs reach, each with the variable `{NAME}_PORT`.
    #[serde(default)]
    pub expose: Vec<Exposed>,
    /// What "works" means, beyond the containers' own checks.
    #[serde(default)]
    pub health: Vec<HealthCheck>,
    /// How the first person signs in.
    #[serde(default)]
    pub first_login: Option<FirstLogin>,
    /// What is kept and how it comes back.
    #[serde(default)]
    pub backup: Option<Backup>,
    /// How people sign in with the organisation's account.
    #[serde(default)]
    pub sso: Option<SingleSignOn>,
    /// What the tool can tell recipes.
    #[serde(default)]
    pub webhooks: Option<Webhooks>,
}

/// A shelf of the catalogue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Category {
    Code,
    Chat,
    Files,
    Web,
    Data,
    Monitoring,
    Identity,
    Office,
    Media,
    Automation,
    Security,
}

impl Category {
    /// The word used in entries, addresses and the interface's texts.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Code => "code",
            Self::Chat => "chat",
            Self::Files => "files",
            Self::Web => "web",
            Self::Data => "data",
            Self::Monitoring => "monitoring",
            Self::Identity => "identity",
            Self::Office => "office",
            Self::Media => "media",
            Self::Automation => "automation",
            Self::Security => "security",
        }
    }
}

/// A text in both languages.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Text {
    /// English.
    pub en: String,
    /// French; empty where the file has none, which `catalog check` reports.
    #[serde(default)]
    pub fr: String,
}

impl Text {
    /// The text in the language of that code, and in English where the file has no other.
    pub fn in_language(&self, code: &str) -> &str {
        if code.starts_with("fr") && !self.fr.is_empty() { &self.fr } else { &self.en }
    }
}

/// Addresses of the tool's own pages.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Links {
    #[serde(default)]
    pub site: Option<String>,
    #[serde(default)]
    pub docs: Option<String>,
    #[serde(default)]
    pub source: Option<String>,
    /// Release notes; `{version}` stands for the version.
    #[serde(default)]
    pub notes: Option<String>,
}

/// What a machine must offer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Needs {
    /// Least free memory; zero when nothing is known.
    #[serde(default)]
    pub memory: ByteSize,
    /// Least free disk; zero when nothing is known.
    #[serde(default)]
    pub disk: ByteSize,
    /// Platforms the images exist for, such as `linux/amd64`; empty means not known.
    #[serde(default)]
    pub platforms: Vec<String>,
    /// Kernel settings of the machine itself, with the least value of each.
    #[serde(default)]
    pub sysctls: IndexMap<String, u64>,
}

/// Which versions of one image may run, and how one is left for the next.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ImageRule {
    /// Whether this is the tool's own version, the one the picker shows; exactly one image says so.
    #[serde(default)]
    pub tool: bool,
    /// The image key whose tag this one takes; nothing else is said then.
    #[serde(default)]
    pub follows: Option<String>,
    /// Which tags are releases; the others are listed apart and never proposed.
    #[serde(default)]
    pub tags: Option<TagPattern>,
    /// Which tags are pre-releases, offered only where someone asks for them.
    #[serde(default)]
    pub pre_releases: Option<TagPattern>,
    /// How two releases are compared.
    #[serde(default)]
    pub order: Order,
    /// What groups releases in the picker.
    #[serde(default)]
    pub line: Line,
    /// The tag known to be good.
    #[serde(default)]
    pub default: Option<String>,
    /// The tags from oldest to newest, for the order `listed`.
    #[serde(default)]
    pub listed: Vec<String>,
    /// The choices of the group `variant` in `tags`, by its text (`""` where it is absent).
    #[serde(default)]
    pub variants: IndexMap<String, Text>,
    /// Whether an upgrade stays with the variant that runs.
    #[serde(default = "yes")]
    pub keep_variant: bool,
    /// Which jumps are refused, and what is proposed instead.
    #[serde(default)]
    pub path: Vec<PathRule>,
    /// What a new major version means for the data.
    #[serde(default)]
    pub major_change: MajorChange,
    /// Tags that show the pattern at work; `catalog check` tries them.
    #[serde(default)]
    pub examples: TagExamples,
}

fn yes() -> bool {
    true
}

impl ImageRule {
    /// Whether tags that are no releases may run too: only the tool's own, and only where nothing is said about the way
    /// from one version to the next. Such a tag has no version, so nothing that is said could be kept.
    pub fn takes_other_tags(&self) -> bool {
        self.tool && self.path.is_empty() && self.major_change == MajorChange::InPlace
    }

    /// Whether the tag may run.
    pub fn takes(&self, tag: &str) -> bool {
        let matches = |pattern: &Option<TagPattern>| pattern.as_ref().is_some_and(|pattern| pattern.matches(tag));
        self.takes_other_tags() || matches(&self.tags) || matches(&self.pre_releases)
    }
}

/// How two releases are compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Order {
    /// Semantic versions (semver.org).
    #[default]
    Semver,
    /// Number by number, however many there are.
    Numeric,
    /// Dates: year first, then number by number.
    Calendar,
    /// As `listed` says.
    Listed,
}

/// What groups releases in the picker.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Line {
    Major,
    #[default]
    Minor,
    Year,
}

/// What a new major version means for the data.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum MajorChange {
    /// The new version converts the data when it starts.
    #[default]
    InPlace,
    /// The data leaves as a dump of the old version and enters an empty volume of the new one.
    DumpAndRestore,
    /// No way is known; the upgrade is refused.
    Refuse,
}

/// One rule about a jump from one version to another.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PathRule {
    pub rule: PathRuleKind,
    /// The version that the rule is about; needed by `stop-at`.
    #[serde(default)]
    pub version: Option<String>,
    /// The reason, read by people before the upgrade.
    #[serde(default)]
    pub why: Option<Text>,
}

/// What a path rule forbids.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PathRuleKind {
    /// An older version than the one that runs.
    NoDowngrade,
    /// More than one major version further.
    OneMajorAtATime,
    /// More than one minor version further.
    OneMinorAtATime,
    /// Passing the named version without having run it.
    StopAt,
}

/// Tags that show a pattern at work.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TagExamples {
    /// Tags that are releases.
    #[serde(default)]
    pub release: Vec<String>,
    /// Tags that exist and are no releases.
    #[serde(default)]
    pub other: Vec<String>,
}

/// A port that people or programs reach.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Exposed {
    /// Its name; `{NAME}_PORT` is its variable.
    pub name: String,
    /// The service that listens.
    pub service: String,
    /// The port inside the container.
    pub port: u16,
    pub protocol: ExposedProtocol,
    /// Whether this is the tool's address, the one that *Open* leads to.
    #[serde(default)]
    pub primary: bool,
    /// Whether it is closed until somebody asks for it.
    #[serde(default)]
    pub optional: bool,
    /// Where people start, below the address.
    #[serde(default)]
    pub path: Option<String>,
    /// What it is for, where the name does not say it.
    #[serde(default)]
    pub label: Option<Text>,
}

/// What is spoken on an exposed port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ExposedProtocol {
    Http,
    Https,
    Tcp,
    Udp,
}

/// A check from outside a container; exactly one of `http`, `tcp` and `run` says how.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HealthCheck {
    pub service: String,
    /// The path that is asked for.
    #[serde(default)]
    pub http: Option<String>,
    /// Whether a connection is all that is asked for.
    #[serde(default)]
    pub tcp: bool,
    /// A command inside the container; zero means well.
    #[serde(default)]
    pub run: Option<Vec<String>>,
    /// The port inside the container, for `http` and `tcp`.
    #[serde(default)]
    pub port: Option<u16>,
    /// The status that `http` must answer with; any 2xx or 3xx when absent.
    #[serde(default)]
    pub expect: Option<u16>,
    /// A text that the answer to `http` must hold.
    #[serde(default)]
    pub contains: Option<String>,
    /// How long a start may take before a failure counts; a minute when absent.
    #[serde(default)]
    pub grace: Option<Span>,
    /// The pause between two checks; thirty seconds when absent.
    #[serde(default)]
    pub interval: Option<Span>,
    /// How long one check may take; ten seconds when absent.
    #[serde(default)]
    pub timeout: Option<Span>,
}

/// How the first person signs in.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FirstLogin {
    /// The account's name, in which `${…}` stands for a variable of the form.
    #[serde(default)]
    pub user: Option<String>,
    /// The variable, generated or of the form, that holds the password.
    #[serde(default)]
    pub password: Option<String>,
    /// Where the sign-in page is, below the tool's address.
    #[serde(default)]
    pub path: Option<String>,
    /// What to do where no account is made, such as "the first to register becomes administrator".
    #[serde(default)]
    pub note: Option<Text>,
}

/// How people sign in with the organisation's account.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SingleSignOn {
    pub protocol: SignOnProtocol,
    pub client: SignOnClient,
    #[serde(default)]
    pub apply: Apply,
}

/// A sign-on protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SignOnProtocol {
    Oidc,
}

/// What the identity provider must know of the tool; `{url}` stands for its address.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SignOnClient {
    pub redirect: Vec<String>,
    #[serde(default)]
    pub backchannel_logout: Option<String>,
    #[serde(default)]
    pub post_logout: Option<String>,
    #[serde(default)]
    pub scopes: Vec<String>,
}

/// How a setting reaches the tool; an empty one means that nothing is done.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Apply {
    /// A command after the start.
    #[serde(default)]
    pub exec: Option<Exec>,
    /// Compose variables that are filled.
    #[serde(default)]
    pub environment: IndexMap<String, String>,
    /// What a person does by hand, where no other way exists.
    #[serde(default)]
    pub manual: Option<Text>,
}

/// What the tool can tell recipes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Webhooks {
    #[serde(default)]
    pub sends: Option<Sends>,
}

/// The webhooks a tool sends.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Sends {
    /// How a delivery proves its sender, by the name of a signature scheme such as `gitea`.
    pub signature: String,
    #[serde(default)]
    pub events: Vec<String>,
    #[serde(default)]
    pub configure: Apply,
}
