//! A Compose file as it is written, and the way from it to the model.

use super::super::decode::unknown_key;
use super::super::finding::{Finding, Mark, quoted};
use super::super::interpolate::{Missing, STAND_IN, Template, Values, Variable};
use super::super::tree::{self, Key, Node, Scalar, Value};
use super::scalars::{Reader, join};
use super::services::{Files, Place, mounted_volumes};
use super::{Approval, ApprovalKind, Compose, Network, Service, Volume};

/// The most text of one file once its variables are filled in, in bytes.
const LONGEST_FILLED: usize = 1 << 20;

/// A Compose file as it is written, each value with its place and its variables not filled in.
#[derive(Clone, Debug, PartialEq)]
pub struct ComposeFile {
    text: String,
    root: Node,
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
            Ok((_, approvals)) => {
                file.approvals = approvals;
                Ok((file, Vec::new()))
            }
            Err(findings) => Ok((file, findings)),
        }
    }

    /// The file's text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What an administrator must allow before the file may run, by kind and place.
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
        self.read(values, Missing::AsWritten).map(|(compose, _)| compose)
    }

    /// The approvals that the file needs with these values, which may differ from [`ComposeFile::approvals`] where a
    /// value decides what is mounted.
    ///
    /// # Errors
    /// As [`ComposeFile::resolve`].
    pub fn approvals_with(&self, values: &Values) -> Result<Vec<Approval>, Vec<Finding>> {
        self.read(values, Missing::AsWritten).map(|(_, approvals)| approvals)
    }

    /// The tree, for those who read the part under `x-summoner`.
    pub(in super::super) fn root(&self) -> &Node {
        &self.root
    }

    fn read(&self, values: &Values, missing: Missing) -> Result<(Compose, Vec<Approval>), Vec<Finding>> {
        let mut filler = Filler { values, missing, spent: 0, findings: Vec::new() };
        let root = filler.fill(&self.root, "");
        let mut reader = Reader::new(values, missing);
        reader.findings = filler.findings;
        let compose = reader.compose(&root);
        if reader.findings.is_empty() {
            return Ok((compose, reader.approvals));
        }
        reader.findings.sort();
        reader.findings.dedup();
        Err(reader.findings)
    }
}

/// Gathers the variables of a part of the file; extensions (`x-…`) are for others and have none.
fn collect(node: &Node, found: &mut Vec<Variable>) {
    match &node.value {
        Value::Scalar(scalar) => {
            for variable in Template::parse(&scalar.text).map(|template| template.variables()).unwrap_or_default() {
                add(found, Variable { line: node.at.line, column: node.at.column, ..variable });
            }
        }
        Value::List(items) => items.iter().for_each(|item| collect(item, found)),
        Value::Map(entries) => {
            entries.iter().filter(|(key, _)| !key.text.starts_with("x-")).for_each(|(_, node)| collect(node, found));
        }
    }
}

fn named_by_environment(service: &Node, found: &mut Vec<Variable>) {
    match service.get("environment").map(|node| &node.value) {
        Some(Value::Map(entries)) => {
            for (key, _) in entries.iter().filter(|(_, value)| value.is_null()) {
                add(found, named(&key.text, false, key.at));
            }
        }
        Some(Value::List(items)) => {
            for (at, name) in items.iter().filter_map(text_of).filter(|(_, text)| !text.contains('=')) {
                add(found, named(name, false, at));
            }
        }
        _ => {}
    }
}

fn text_of(node: &Node) -> Option<(Mark, &str)> {
    match &node.value {
        Value::Scalar(scalar) => Some((node.at, &scalar.text)),
        _ => None,
    }
}

fn named(name: &str, required: bool, at: Mark) -> Variable {
    Variable { name: name.to_owned(), default: None, required, line: at.line, column: at.column }
}

fn add(found: &mut Vec<Variable>, variable: Variable) {
    match found.iter_mut().find(|known| known.name == variable.name) {
        Some(known) => {
            known.required |= variable.required;
            known.default = known.default.take().or(variable.default);
        }
        None => found.push(variable),
    }
}

/// Fills in the variables of a whole tree.
struct Filler<'values> {
    values: &'values Values,
    missing: Missing,
    spent: usize,
    findings: Vec<Finding>,
}

impl Filler<'_> {
    fn fill(&mut self, node: &Node, path: &str) -> Node {
        let value = match &node.value {
            Value::Scalar(scalar) => Value::Scalar(self.fill_scalar(scalar, node.at, path)),
            Value::List(items) => {
                let filled = items.iter().enumerate().map(|(index, item)| self.fill(item, &format!("{path}[{index}]")));
                Value::List(filled.collect())
            }
            Value::Map(entries) => Value::Map(
                entries
                    .iter()
                    .filter(|(key, _)| !key.text.starts_with("x-"))
                    .map(|(key, node)| (key.clone(), self.fill(node, &join(path, &key.text))))
                    .collect(),
            ),
        };
        Node { at: node.at, value }
    }

    fn fill_scalar(&mut self, scalar: &Scalar, at: Mark, path: &str) -> Scalar {
        if !scalar.text.contains('$') {
            return scalar.clone();
        }
        let filled = Template::parse(&scalar.text).and_then(|template| template.fill_with(self.values, self.missing));
        match filled {
            Ok(filled) if self.spent + filled.text.len() <= LONGEST_FILLED => {
                self.spent += filled.text.len();
                // What was filled in is a text, even where it reads “null”.
                Scalar { text: filled.text, plain: false, assumed: filled.assumed }
            }
            Ok(_) => {
                if self.spent <= LONGEST_FILLED {
                    let message = "With its variables filled in, the file passes 1 MiB. Shorten the values.";
                    self.findings.push(Finding::new(at, path, message));
                }
                self.spent = LONGEST_FILLED + 1;
                Scalar { text: STAND_IN.to_owned(), plain: false, assumed: true }
            }
            Err(message) => {
                self.findings.push(Finding::new(at, path, message));
                Scalar { text: STAND_IN.to_owned(), plain: false, assumed: true }
            }
        }
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

    fn networks(&mut self, node: &Node) -> Vec<Network> {
        let mut networks = Vec::new();
        for (key, value) in self.entries(node, "networks") {
            let path = join("networks", &key.text);
            self.declared_name(key.at, &path, &key.text);
            let mut network = Network { name: key.text.clone(), ..Network::default() };
            let mut outside = Outside::default();
            for (key, value, below) in
                self.known_entries(value, &path, &["driver", "internal", "external", "name", "labels"])
            {
                match key {
                    "driver" => network.driver = self.line(value, &below),
                    "internal" => network.internal = self.truth(value, &below).unwrap_or_default(),
                    "labels" => network.labels = self.labels(value, &below),
                    _ => self.outside(&mut outside, key, value, &below),
                }
            }
            network.external = self.external(outside, &network.name, &path, value);
            networks.push(network);
        }
        networks
    }

    fn volumes(&mut self, node: &Node) -> Vec<Volume> {
        let mut volumes = Vec::new();
        for (key, value) in self.entries(node, "volumes") {
            let path = join("volumes", &key.text);
            self.declared_name(key.at, &path, &key.text);
            let mut volume = Volume { name: key.text.clone(), ..Volume::default() };
            let mut outside = Outside::default();
            for (key, value, below) in self.known_entries(value, &path, &["driver", "external", "name", "labels"]) {
                match key {
                    "driver" => volume.driver = self.line(value, &below),
                    "labels" => volume.labels = self.labels(value, &below),
                    _ => self.outside(&mut outside, key, value, &below),
                }
            }
            volume.external = self.external(outside, &volume.name, &path, value);
            if let Some(driver) = volume.driver.as_deref().filter(|driver| *driver != "local") {
                let message = format!("Its data is kept by the engine's plugin {}.", quoted(driver));
                self.approve(ApprovalKind::External, &path, message);
            }
            volumes.push(volume);
        }
        volumes
    }

    fn declared_name(&mut self, at: Mark, path: &str, name: &str) {
        let part = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        let right = name.len() <= 64 && name.starts_with(|c: char| c.is_ascii_alphanumeric()) && name.chars().all(part);
        if !right {
            let message =
                format!("{} is not a name here. Write at most 64 letters, digits, dots and dashes.", quoted(name));
            self.report(at, path, message);
        }
    }

    fn outside(&mut self, outside: &mut Outside, key: &str, value: &Node, path: &str) {
        match (key, &value.value) {
            ("name", _) => outside.name = self.line(value, path),
            // The old form: the name below `external`.
            (_, Value::Map(_)) => {
                outside.external = true;
                for (_, value, below) in self.known_entries(value, path, &["name"]) {
                    outside.name = self.line(value, &below);
                }
            }
            _ => outside.external = self.truth(value, path).unwrap_or_default(),
        }
    }

    fn external(&mut self, outside: Outside, name: &str, path: &str, node: &Node) -> Option<String> {
        match outside {
            Outside { external: false, name: None } => None,
            Outside { external: false, name: Some(_) } => {
                let message =
                    "Summoner names networks and volumes itself, so that two tools never share one. Leave “name” out.";
                self.report(node.at, &join(path, "name"), message);
                None
            }
            Outside { external: true, name: given } => {
                let given = given.unwrap_or_else(|| name.to_owned());
                let message = format!("It uses {}, which belongs to something else.", quoted(&given));
                self.approve(ApprovalKind::External, path, message);
                Some(given)
            }
        }
    }

    /// The contents of configs or secrets: inline, or from a variable; files beside this one do not exist here.
    fn contents(&mut self, node: &Node, place: Place) -> Vec<(String, String)> {
        let mut contents = Vec::new();
        for (key, value) in self.entries(node, place.key()) {
            let path = join(place.key(), &key.text);
            self.declared_name(key.at, &path, &key.text);
            let mut content = None;
            for (inner, value, below) in
                self.known_entries(value, &path, &["content", "environment", "file", "external"])
            {
                match inner {
                    "content" => content = self.text(value, &below),
                    "environment" => content = self.from_variable(value, &below),
                    _ => {
                        let message = format!(
                            "“{inner}” reads from outside this file, which is refused. Write “content” or “environment”."
                        );
                        self.report(value.at, &below, message);
                        content = Some(String::new());
                    }
                }
            }
            if content.is_none() {
                self.report(key.at, &path, "There is no content. Add “content”, or “environment” with a variable.");
            }
            contents.push((key.text.clone(), content.unwrap_or_default()));
        }
        contents
    }

    fn from_variable(&mut self, node: &Node, path: &str) -> Option<String> {
        let name = self.line(node, path)?;
        match (self.values.get(&name), self.missing) {
            (Some(value), _) => Some(value.to_owned()),
            (None, Missing::Assume) => Some(String::new()),
            (None, Missing::AsWritten) => {
                self.wrong(node, path, format!("The variable {} has no value. Give it one.", quoted(&name)));
                Some(String::new())
            }
        }
    }
}

/// Whether something belongs to something else, and under which name.
#[derive(Default)]
struct Outside {
    external: bool,
    name: Option<String>,
}
