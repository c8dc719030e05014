//! One entry of the catalogue, and the choices with which it becomes a tool.

use std::net::IpAddr;

use indexmap::IndexMap;

use super::about::{About, Exposed};
use super::compose::file::ComposeFile;
use super::interpolate::Values;

/// One entry: its Compose file, and what it says of itself under `x-summoner`.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The name of its folder, which is its address in the catalogue.
    pub id: String,
    pub origin: Origin,
    pub about: About,
    pub compose: ComposeFile,
    /// The icon as SVG, where the folder has one.
    pub icon: Option<String>,
}

/// Who wrote an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// It came with this program.
    BuiltIn,
    /// It came from the folder of own entries.
    Own,
}

/// All that is chosen when an entry becomes a tool.
#[derive(Clone, Debug, Default)]
pub struct Choice {
    /// The tool's name, `SUMMONER_TOOL`.
    pub tool: String,
    /// Where people reach it, `SUMMONER_URL`.
    pub url: String,
    /// The host of that address, `SUMMONER_HOST`.
    pub host: String,
    /// The time zone, `SUMMONER_TZ`.
    pub time_zone: String,
    /// The versions by image key; an image key without one takes its default, unpinned.
    pub images: IndexMap<String, ChosenImage>,
    /// The published ports by the name under `expose`; a name that is absent is not published.
    pub publish: IndexMap<String, Publication>,
    /// Checked answers of the form, by variable; see [`fields::check`](super::fields::check).
    pub answers: Values,
    /// Generated secrets, by variable.
    pub secrets: Values,
}

/// The version that was chosen for an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChosenImage {
    pub tag: String,
    /// The digest the tag resolved to, `sha256:…`; the image is pulled by it where there is one.
    pub digest: Option<String>,
}

/// Where an exposed port is published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Publication {
    /// The machine's address; every address when absent.
    pub address: Option<IpAddr>,
    pub port: u16,
}

impl Entry {
    /// The image key that is the tool's own version.
    pub fn tool_image(&self) -> Option<&str> {
        self.about.images.iter().find(|(_, rule)| rule.tool).map(|(key, _)| key.as_str())
    }

    /// The image key whose tag another takes: itself, unless it follows one.
    pub fn leading_image<'entry>(&'entry self, key: &'entry str) -> &'entry str {
        self.about.images.get(key).and_then(|rule| rule.follows.as_deref()).unwrap_or(key)
    }

    /// The exposed port that is the tool's address: the one marked `primary`, else the first over HTTP.
    pub fn primary(&self) -> Option<&Exposed> {
        use super::about::ExposedProtocol::{Http, Https};
        let mut exposed = self.about.expose.iter();
        exposed
            .find(|exposed| exposed.primary)
            .or_else(|| self.about.expose.iter().find(|exposed| matches!(exposed.protocol, Http | Https)))
    }
}

/// The variable that carries the tag of an image key: `APP_VERSION` for `app`.
pub fn version_variable(image_key: &str) -> String {
    variable(image_key, "VERSION")
}

/// The variable that carries the published port of an exposed name: `WEB_PORT` for `web`.
pub fn port_variable(exposed: &str) -> String {
    variable(exposed, "PORT")
}

fn variable(name: &str, suffix: &str) -> String {
    let upper: String =
        name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' }).collect();
    format!("{upper}_{suffix}")
}
