//! What can be installed.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A text in the languages of the panel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Text {
    /// English.
    pub en: String,
    /// French.
    pub fr: String,
}

/// An entry as the shelf shows it. `GET /catalog`, by name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EntryView {
    /// Its id, the name of its folder: `gitea`.
    pub entry: String,
    /// Its name: "Gitea".
    pub name: String,
    /// Its purpose: `code`, `files`, `web`…
    pub category: String,
    /// What it is for, in one line.
    pub tagline: Text,
    /// Words people look for.
    pub keywords: Vec<String>,
    /// The known good version.
    pub version: String,
    /// Memory it asks for.
    #[serde(default)]
    pub memory_bytes: Option<u64>,
    /// How good the entry is.
    pub grade: Grade,
    /// Names of the installed tools made from it.
    pub installed: Vec<String>,
}

/// How much of what Summoner promises holds for an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Grade {
    /// Comes with Summoner: pinned, with health check and backup rules.
    Supported,
    /// Brought by the team; what is missing is listed.
    Community,
}

/// Everything about an entry. `GET /catalog/{entry}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EntryDetails {
    /// What the shelf shows.
    pub entry: EntryView,
    /// What a team gets, two to five sentences.
    pub description: Text,
    /// SPDX id of the tool's licence.
    pub licence: String,
    /// Links by name: `site`, `docs`, `source`.
    pub links: BTreeMap<String, String>,
    /// The images whose version can be chosen; the tool's own first.
    pub images: Vec<ImageView>,
    /// The questions, in order.
    pub fields: Vec<FieldView>,
    /// Where people reach it.
    pub exposes: Vec<ExposeView>,
    /// What is checked to call it healthy, in words.
    pub health: Vec<String>,
    /// How it is backed up, in one sentence.
    pub backup: String,
    /// Rules of upgrades, in words.
    pub path_rules: Vec<Text>,
    /// Why it cannot be installed; empty when it can.
    pub refusal: String,
    /// A free name, proposed.
    pub proposed_name: String,
}

/// An image of an entry.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ImageView {
    /// Its key, the service it is chosen for: `app`.
    pub image: String,
    /// Its repository as people write it: `gitea/gitea`.
    pub repository: String,
    /// Whether it is the tool's own version.
    pub is_tool: bool,
    /// The known good tag.
    pub default: String,
    /// Tag suffix to its name; `""` is the plain one.
    pub variants: Vec<(String, Text)>,
}

/// What kind of answer a field takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum FieldKind {
    /// One line of text.
    Text,
    /// An e-mail address.
    Email,
    /// An http or https address.
    Url,
    /// A secret the person chooses.
    Password,
    /// A whole number.
    Number,
    /// A size such as `10 GB`.
    Size,
    /// Yes or no; `true` or `false`.
    Boolean,
    /// One of several options.
    Choice,
    /// An IANA time zone.
    Timezone,
}

/// A question of an entry.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FieldView {
    /// The variable it fills, and the field's name in requests.
    pub name: String,
    /// The kind of answer.
    pub kind: FieldKind,
    /// Its label.
    pub label: Text,
    /// A hint below it.
    #[serde(default)]
    pub hint: Option<Text>,
    /// What stands in it at first.
    pub default: String,
    /// Whether it has to be answered.
    pub is_required: bool,
    /// Whether it is folded away.
    pub is_advanced: bool,
    /// Options of a choice, in order: value and name.
    pub options: Vec<(String, Text)>,
}

/// A way into a tool.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ExposeView {
    /// Its name: `web`, `ssh`.
    pub name: String,
    /// `http`, `tcp` or `udp`.
    pub protocol: String,
    /// Whether *Open* leads there.
    pub is_primary: bool,
    /// Whether it can be left out.
    pub is_optional: bool,
    /// A free port, proposed.
    pub proposed_port: u16,
}
