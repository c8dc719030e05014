//! The shape of the settings file.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

/// The settings file as written; a name that is not here is refused.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct File {
    pub data_dir: Option<Spanned<String>>,
    pub listen: Option<Spanned<String>>,
    pub public_url: Option<Spanned<String>>,
    pub database_url: Option<Spanned<String>>,
    pub database_url_file: Option<Spanned<String>>,
    pub metrics_token: Option<Spanned<String>>,
    pub metrics_token_file: Option<Spanned<String>>,
    pub docker_host: Option<Spanned<String>>,
    pub node: Option<Spanned<String>>,
    pub catalog_dir: Option<Spanned<String>>,
    pub site_dir: Option<Spanned<String>>,
    pub key_file: Option<Spanned<String>>,
    pub trusted_proxies: Vec<Spanned<String>>,
    pub log_format: Option<Spanned<String>>,
    pub registries: BTreeMap<String, Registry>,
}

/// `[registries."docker.io"]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Registry {
    pub mirror: Option<Spanned<String>>,
    #[serde(default)]
    pub fallback: bool,
    #[serde(default)]
    pub insecure: bool,
    #[serde(default)]
    pub private: bool,
    #[serde(default)]
    pub token_services: Vec<Spanned<String>>,
}
