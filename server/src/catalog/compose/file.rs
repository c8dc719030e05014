//! A Compose file as it is written, and the way from it to the model.

use super::super::decode::unknown_key;
use super::super::finding::{Finding, Mark, quoted};
use super::super::interpolate::{Missing, STAND_IN, Values, Variable};
use super::super::tree::{self, Key, Node, Value};
use super::scalars::{Reader, join};
use super::services::mounted_volumes;
use super::small_files::{Files, Place};
use super::variables::{Filler, add, collect, named, named_by_environment, text_of};
use super::{Approval, Compose, Network, Service};

/// A Compose file as it is written, each value with its place and its variables not filled in.
#[derive(Clone, Debug, PartialEq)]
pub struct ComposeFile {
    text: String,
    root: Node,
    /// Those that the file needs whatever the values are.
    approvals: Vec<Approval>,
}

impl ComposeFile {
    /// Reads a file; variables without a value are met with a stand-in, and nothing is said of what they would be.
    ///
    /// # Errors
    /// All findings, in the file's order: what is wrong as YAML, else what is not in the Compose subset.
    pub fn parse(text: &str) -> Result<Self, Vec<Finding>> {
        let (file, findings) = Self::examine(text)?;
        if findings.is_empty() { Ok(file) } else { Err(findings) }
    }

    /// Reads a file that is right as YAML, with all that is not in the Compose subset.
    pub(in super::super) fn examine(text: &str) -> Result<(Self, Vec<Finding>), Vec<Finding>> {
        let mut file = Self { text: text.to_owned(), root: tree::parse(text)?, approvals: Vec::new() };
        match file.read(&Values::new(), Missing::Assume) {
            Ok(compose) => {
                file.approvals = compose.approvals;
                Ok((file, Vec::new()))
            }
            Err(findings) => Ok((file, findings)),
        }
    }

    /// The file's text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What an administrator must allow before the file may run, whatever its variables are; values may bring in more,
    /// which stand in [`Compose::approvals`].
    pub fn approvals(&self) -> &[Approval] {
        &self.approvals
    }

    /// The variables the file uses, each once, in the order they are used first: those in texts, and those named
    /// without a value under `environment`, by a config or by a secret.
    pub fn variables(&self) -> Vec<Variable> {
        let mut found = Vec::new();
        collect(&self.root, &mut found);
        for (_, service) in self.entries_of("services") {
            named_by_environment(service, &mut found);
        }
        for (_, file) in ["configs", "secrets"].into_iter().flat_map(|key| self.entries_of(key)) {
            if let Some((at, name)) = file.get("environment").and_then(text_of) {
                add(&mut found, named(name, true, at));
            }
        }
        found
    }

    fn entries_of(&self, key: &str) -> &[(Key, Node)] {
        match self.root.get(key).map(|node| &node.value) {
            Some(Value::Map(entries)) => entries,
            _ => &[],
        }
    }

    /// The names of the services, in the file's order.
    pub fn services(&self) -> Vec<&str> {
        self.entries_of("services").iter().map(|(key, _)| key.text.as_str()).collect()
    }

    /// The image of a service as it is written, variables and all.
    pub fn image_of(&self, service: &str) -> Option<&str> {
        match &self.root.get("services")?.get(service)?.get("image")?.value {
            Value::Scalar(scalar) => Some(&scalar.text),
            _ => None,
        }
    }

    /// The model with the variables filled in; a variable that is not set is empty, as in Compose.
    ///
    /// # Errors
    /// All findings: required variables without a value, and what does not fit once the values are known.
    pub fn resolve(&self, values: &Values) -> Result<Compose, Vec<Finding>> {
        self.read(values, Missing::AsWritten)
    }

    /// The tree, for those who read the part under `x-summoner`.
    pub(in super::super) fn root(&self) -> &Node {
        &self.root
    }

    fn read(&self, values: &Values, missing: Missing) -> Result<Compose, Vec<Finding>> {
        let mut filler = Filler::new(values, missing);
        let root = filler.fill(&self.root, "");
        let mut reader = Reader::new(values, missing);
        reader.findings = filler.findings;
        let compose = reader.compose(&root);
        if reader.findings.is_empty() {
            return Ok(Compose { approvals: reader.approvals, ..compose });
        }
        reader.findings.sort();
        reader.findings.dedup();
        Err(reader.findings)
    }
}

impl Reader<'_> {
    fn compose(&mut self, root: &Node) -> Compose {
        let mut compose = Compose::default();
        let mut files = Files::default();
        let mut services = None;
        for (key, node) in self.entries(root, "") {
            match key.text.as_str() {
                "services" => services = Some(node),
                "networks" => compose.networks = self.networks(node),
                "volumes" => compose.volumes = self.volumes(node),
                "configs" => files.configs = self.contents(node, Place::Config),
                "secrets" => files.secrets = self.contents(node, Place::Secret),
                // The specification's own remarks: `version` means nothing any more, and Summoner names the project.
                "version" | "name" => {}
                extension if extension.starts_with("x-") => {}
                "include" => {
                    let message =
                        "“include” reads other files, and there are none here. Write their services into this one.";
                    self.report(key.at, "include", message);
                }
                other => {
                    let message = unknown_key(other, &["services", "networks", "volumes", "configs", "secrets"]);
                    self.report(key.at, other, message);
                }
            }
        }
        let Some(services) = services else {
            self.report(root.at, "", "The file has no services. Add “services” with at least one.");
            return compose;
        };
        for (key, node) in self.entries(services, "services") {
            let service = self.service(key, node, &files);
            compose.services.push(service);
        }
        if compose.services.is_empty() {
            self.report(services.at, "services", "There is no service here. Add at least one.");
        }
        self.check_names(&mut compose, services);
        compose
    }

    /// Everything that is named is declared; the network `default` is declared by being used.
    fn check_names(&mut self, compose: &mut Compose, services: &Node) {
        let is_default = |service: &Service| service.networks.iter().any(|joined| joined.network == "default");
        if compose.services.iter().any(is_default) && !compose.networks.iter().any(|known| known.name == "default") {
            compose.networks.push(Network { name: "default".to_owned(), ..Network::default() });
        }
        for service in &compose.services {
            let path = join("services", &service.name);
            let Some(node) = services.get(&service.name) else { continue };
            let at = |key: &str| node.get(key).map_or(node.at, |node| node.at);
            for name in mounted_volumes(service).filter(|name| compose.volumes.iter().all(|known| known.name != **name))
            {
                let message = format!(
                    "The volume {} is not declared. Add it under “volumes” at the end of the file.",
                    quoted(name)
                );
                self.missing_name(at("volumes"), &join(&path, "volumes"), name, message);
            }
            for joined in service
                .networks
                .iter()
                .filter(|joined| compose.networks.iter().all(|known| known.name != joined.network))
            {
                let message = format!(
                    "The network {} is not declared. Add it under “networks” at the end of the file.",
                    quoted(&joined.network)
                );
                self.missing_name(at("networks"), &join(&path, "networks"), &joined.network, message);
            }
            for (name, _) in service.depends_on.iter().filter(|(name, _)| compose.service(name).is_none()) {
                let message = format!("There is no service {} to depend on. Name one of this file.", quoted(name));
                self.missing_name(at("depends_on"), &join(&path, "depends_on"), name, message);
            }
            let shared = service.network_mode.as_deref().and_then(|mode| mode.strip_prefix("service:"));
            if let Some(name) = shared.filter(|name| compose.service(name).is_none()) {
                let message =
                    format!("There is no service {} to share a network with. Name one of this file.", quoted(name));
                self.missing_name(at("network_mode"), &join(&path, "network_mode"), name, message);
            }
        }
        if let Err(message) = compose.start_order() {
            self.report(services.at, "services", message);
        }
    }

    /// A name may come from a variable whose value is not known yet; then nothing is said.
    fn missing_name(&mut self, at: Mark, path: &str, name: &str, message: String) {
        if self.missing == Missing::AsWritten || name != STAND_IN {
            self.report(at, path, message);
        }
    }
}
