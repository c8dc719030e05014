//! From a request to a journaled install: versions to digests, answers to a definition, definition to a plan.

use std::collections::BTreeMap;

use api::FieldProblem;
use api::operations::{OperationKind, PlanView, PlannedImage};
use api::tools::{Check, Install, Reach};
use secrecy::SecretString;
use serde_json::json;
use sqlx::PgConnection;
use uuid::Uuid;

use super::definition::{Definition, Resolved};
use super::repeat::Keyed;
use super::steps::check::{self, port_taken, taken};
use super::{Error, Result, Tools, open_secrets, plan, seal_secrets, store, view};
use crate::auth::{Actor, Right};
use crate::catalog::about::Exposed;
use crate::catalog::compose::Service;
use crate::catalog::fields::FieldSource;
use crate::catalog::{Entry, ToolName, Values, fields, generated};
use crate::engine::Mark;
use crate::events::{self, NewEvent};
use crate::operations::{Moment, NewOperation, NewStep};

/// The first port proposed where the entry's own is taken.
const FIRST_PORT: u16 = 20_000;

/// An install that could be begun.
struct Prepared {
    resolved: Resolved,
    kept: Vec<String>,
    entry_name: String,
}

/// A removed tool whose data was kept, as it was last.
struct Keeper {
    tool_id: Uuid,
    revision: store::Revision,
}

/// An operation that is about to be journaled.
pub(super) struct Planned<'tool> {
    pub tool: &'tool store::Tool,
    /// When what it was planned from was looked at.
    pub moment: Moment,
    pub kind: OperationKind,
    pub steps: Vec<NewStep>,
}

/// What is proposed to somebody who opens an entry.
#[derive(Clone, Debug)]
pub struct Proposals {
    /// A name no tool has.
    pub name: String,
    /// Free ports, by the name under `expose`.
    pub ports: BTreeMap<String, u16>,
}

impl Tools {
    /// A free name and free ports for a tool made from `entry`.
    ///
    /// # Errors
    /// [`Error::Forbidden`].
    pub async fn proposals(&self, actor: &Actor, entry: &Entry) -> Result<Proposals> {
        actor.needs(Right::ToolsView)?;
        let taken = store::tools(&self.means.db, None).await?;
        let is_free = |name: &String| !taken.iter().any(|tool| tool.name == *name);
        let others = (2..1000).map(|number| format!("{}-{number}", entry.id));
        let name = std::iter::once(entry.id.clone()).chain(others).find(is_free).unwrap_or_default();
        let mut ports = BTreeMap::new();
        for exposed in &entry.about.expose {
            let port = self.free_port(exposed, Reach::Machine, &ports);
            ports.insert(exposed.name.clone(), port);
        }
        Ok(Proposals { name, ports })
    }

    /// Says whether a name and ports are free, as far as the memory of the engine and a try to listen tell.
    ///
    /// # Errors
    /// [`Error::Forbidden`], [`Error::NotFound`] for the entry.
    pub async fn check(&self, actor: &Actor, request: &Install) -> Result<Check> {
        actor.needs(Right::ToolsInstall)?;
        let entry = self.entry(&request.entry)?;
        let mut problems = Vec::new();
        let mut kept_volumes = Vec::new();
        match self.free_name(&request.name).await? {
            Ok(name) => kept_volumes = self.kept_volumes(name.as_str()).await?,
            Err(problem) => problems.push(problem),
        }
        self.ports(entry, request, &mut problems);
        Ok(Check { fields: problems, kept_volumes })
    }

    /// What an install would do. Nothing is touched.
    ///
    /// # Errors
    /// [`Error::Forbidden`], [`Error::NotFound`], [`Error::Fields`], [`Error::Unapproved`], [`Error::NoSpace`], and what
    /// keeps a version from being resolved.
    pub async fn plan_install(&self, actor: &Actor, request: &Install) -> Result<PlanView> {
        actor.needs(Right::ToolsInstall)?;
        let Prepared { resolved, kept, .. } = self.prepare(actor, request).await?;
        let sizes = self.sizes(&resolved).await;
        let is_present = self.present_images(&resolved).await?;
        let space = self.room(&sizes, &is_present).await?;
        let steps = plan::install(&resolved, &kept, &sizes, self.means.engine.host(), || Mark(Uuid::nil()));
        let image = |service: &Service| {
            let image = resolved.image(&service.name)?;
            let pinned = image.pinned();
            Some(PlannedImage {
                service: service.name.clone(),
                reference: image.reference.clone(),
                digest: image.digest.clone(),
                size_bytes: sizes.iter().find(|download| download.image == pinned).map(|download| download.size_bytes),
                is_present: is_present.get(&pinned) == Some(&true),
            })
        };
        let images = resolved.compose.services.iter().filter_map(image).collect();
        Ok(PlanView { steps: view::planned(&steps), images, data: plan::data_sentence(&kept), space })
    }

    /// Begins an install and gives its operation. The same `key` of the same person gives the same operation again.
    ///
    /// # Errors
    /// As [`Tools::plan_install`]; a name that somebody else took in the meantime is [`Error::Fields`].
    pub async fn install(&self, actor: &Actor, request: &Install, key: Option<&str>) -> Result<Uuid> {
        actor.needs(Right::ToolsInstall)?;
        let asked = self.keyed(actor, key, OperationKind::Install, &request.name, request)?;
        self.once(actor, asked.as_ref(), Box::pin(self.install_anew(actor, request, asked.as_ref()))).await
    }

    async fn install_anew(&self, actor: &Actor, request: &Install, asked: Option<&Keyed>) -> Result<Uuid> {
        let Prepared { resolved, kept, entry_name } = self.prepare(actor, request).await?;
        let sizes = self.sizes(&resolved).await;
        self.room(&sizes, &self.present_images(&resolved).await?).await?;
        let steps = plan::install(&resolved, &kept, &sizes, self.means.engine.host(), || {
            Mark(self.random.id(&self.means.clock))
        });
        let definition = &resolved.definition;
        let mut transaction = self.means.db.begin().await?;
        let tool = store::Tool {
            tool_id: definition.tool_id,
            node: self.means.node.clone(),
            name: definition.name.clone(),
            entry: definition.entry.clone(),
            entry_name: entry_name.clone(),
            state: "installing".into(),
            desired: "running".into(),
            revision: definition.revision,
            condition: None,
            condition_at: None,
            first_login_shown_at: None,
            created_at: self.means.clock.now(),
        };
        store::insert_tool(&mut transaction, &tool).await.map_err(|error| match &error {
            sqlx::Error::Database(cause) if cause.constraint() == Some("tools_by_name") => {
                Error::Fields(vec![name_taken(&tool.name)])
            }
            _ => error.into(),
        })?;
        self.save_revision(&mut transaction, &resolved).await?;
        let planned = Planned { tool: &tool, moment: Moment::default(), kind: OperationKind::Install, steps };
        let operation = self.begin(&mut transaction, actor, planned, asked).await?;
        transaction.commit().await?;
        Ok(operation)
    }

    /// Journals an operation with its event.
    pub(super) async fn begin(
        &self,
        transaction: &mut PgConnection,
        actor: &Actor,
        planned: Planned<'_>,
        asked: Option<&Keyed>,
    ) -> Result<Uuid> {
        let Planned { tool, moment, kind, steps } = planned;
        let operation = NewOperation {
            kind,
            tool_id: tool.tool_id,
            tool_name: tool.name.clone(),
            entry_name: tool.entry_name.clone(),
            actor: actor.label().to_owned(),
            actor_id: actor.id.map(|id| id.0),
            request: asked.map(|asked| asked.key.clone()),
            steps,
        };
        let operation_id = self.operations.begin(transaction, moment, operation).await?;
        let payload = json!({ "operation": kind, "entry": tool.entry_name });
        let event = NewEvent {
            tool_id: Some(tool.tool_id),
            operation_id: Some(operation_id),
            ..actor.event("operation.begun", &tool.name, payload)
        };
        events::append(transaction, &self.means.clock, event).await?;
        Ok(operation_id)
    }

    /// Writes a revision with its secrets sealed.
    pub(super) async fn save_revision(&self, transaction: &mut PgConnection, resolved: &Resolved) -> Result<()> {
        let definition = &resolved.definition;
        let revision = store::Revision {
            revision: definition.revision,
            compose: definition.compose.clone(),
            answers: definition.answers.clone(),
            secrets: seal_secrets(&self.means.vault, definition.tool_id, definition.revision, &definition.secrets)?,
            images: definition.images.clone(),
            ports: definition.ports.clone(),
            reach: definition.reach,
        };
        let services = resolved.start_order().into_iter().map(|service| {
            let image = resolved.image(&service.name);
            store::ServiceRow {
                service: service.name.clone(),
                image: image.map_or_else(|| service.image.clone(), |image| image.reference.clone()),
                digest: image.map(|image| image.digest.clone()).unwrap_or_default(),
            }
        });
        let services: Vec<_> = services.collect();
        let now = self.means.clock.now();
        store::insert_revision(transaction, definition.tool_id, &revision, &services, now).await?;
        Ok(())
    }

    pub(super) fn entry(&self, id: &str) -> Result<&Entry> {
        self.catalog.get(id).ok_or_else(|| Error::NotFound { what: "catalogue entry", name: id.to_owned() })
    }

    /// Everything an install needs to know, decided and checked.
    async fn prepare(&self, actor: &Actor, request: &Install) -> Result<Prepared> {
        let entry = self.entry(&request.entry)?;
        let mut problems = Vec::new();
        let name = match self.free_name(&request.name).await? {
            Ok(name) => name.as_str().to_owned(),
            Err(problem) => {
                problems.push(problem);
                String::new()
            }
        };
        let ports = self.ports(entry, request, &mut problems);
        let (answers, chosen_secrets) = {
            let known = self.known(entry, actor, &name, &ports);
            answers(entry, &known, &request.answers, &mut problems)
        };
        let kept = if name.is_empty() { Vec::new() } else { self.kept_volumes(&name).await? };
        let keeper = self.keeper(entry, &kept, &mut problems).await?;
        let versions = versions(entry, &request.versions, keeper.as_ref(), &mut problems);
        let images = self.images(entry, &versions, &mut problems).await?;
        if !problems.is_empty() {
            return Err(Error::Fields(problems));
        }
        let mut secrets = self.secrets(entry, keeper.as_ref())?;
        secrets.extend(chosen_secrets);
        let definition = Definition {
            tool_id: self.random.id(&self.means.clock),
            name: name.clone(),
            entry: entry.id.clone(),
            revision: 1,
            compose: entry.compose.text().to_owned(),
            answers,
            secrets,
            images,
            ports,
            reach: request.reach,
            host: self.means.host.clone(),
        };
        let entry_name = entry.about.name.clone();
        let resolved = definition.resolve()?;
        resolved.stays_within()?;
        // Ports were looked at one by one, each with its own field.
        let wanted = check::Input { ports: Vec::new(), ..plan::wanted(&resolved, &kept) };
        if let Some(problem) = taken(&self.world.now().listing, self.means.engine.host(), &wanted) {
            return Err(Error::Fields(vec![FieldProblem { field: "name".into(), message: problem }]));
        }
        Ok(Prepared { resolved, kept, entry_name })
    }

    /// What is known of a field without asking: of the person, and of the tool that is about to be.
    fn known<'known>(
        &'known self,
        entry: &'known Entry,
        actor: &'known Actor,
        name: &'known str,
        ports: &'known BTreeMap<String, u16>,
    ) -> impl Fn(FieldSource) -> String + 'known {
        move |source| match source {
            FieldSource::ActorEmail => actor.email.clone(),
            FieldSource::ActorName => actor.name.clone(),
            FieldSource::ToolName => name.to_owned(),
            FieldSource::ToolHost => self.means.host.clone(),
            FieldSource::ToolUrl => {
                let port = entry.primary().and_then(|primary| ports.get(&primary.name));
                port.map(|port| format!("http://{}:{port}", self.means.host)).unwrap_or_default()
            }
        }
    }

    /// The name, if its form is right and no tool has it.
    async fn free_name(&self, name: &str) -> Result<Result<ToolName, FieldProblem>> {
        let name = match ToolName::parse(name) {
            Ok(name) => name,
            Err(message) => return Ok(Err(FieldProblem { field: "name".into(), message })),
        };
        let taken = store::tools(&self.means.db, Some(name.as_str())).await?;
        Ok(if taken.is_empty() { Ok(name) } else { Err(name_taken(name.as_str())) })
    }

    /// Volumes that a removed tool of this name left behind.
    async fn kept_volumes(&self, name: &str) -> Result<Vec<String>> {
        // A tool's name has no underscore, so the prefix is that of this name and of no other.
        Ok(store::kept_volumes(&self.means.db, &self.means.node, &format!("{name}_")).await?)
    }

    /// What the kept data of a name was made by; a problem where that is another entry.
    async fn keeper(&self, entry: &Entry, kept: &[String], problems: &mut Vec<FieldProblem>) -> Result<Option<Keeper>> {
        let Some(volume) = kept.first() else { return Ok(None) };
        let Some((tool_id, kept_entry, revision)) = store::keeper(&self.means.db, &self.means.node, kept).await? else {
            return Ok(None);
        };
        if kept_entry != entry.id {
            let message = format!(
                "the volume {volume} holds the kept data of {kept_entry}; choose another name, or install {kept_entry} \
                 again"
            );
            problems.push(FieldProblem { field: "name".into(), message });
            return Ok(None);
        }
        let revision = store::revision(&self.means.db, tool_id, revision).await?;
        Ok(revision.map(|revision| Keeper { tool_id, revision }))
    }

    /// The secrets that kept data was made with, and fresh ones for the rest.
    fn secrets(&self, entry: &Entry, keeper: Option<&Keeper>) -> Result<BTreeMap<String, SecretString>> {
        let mut secrets = BTreeMap::new();
        if let Some(Keeper { tool_id, revision }) = keeper {
            let old = open_secrets(&self.means.vault, *tool_id, revision.revision, &revision.secrets);
            secrets = old.map_err(|error| Error::Internal {
                doing: "opening the secrets of the kept data",
                source: error.into(),
            })?;
        }
        generated::complete(&entry.about.generated, &mut secrets, &self.random);
        Ok(secrets)
    }

    /// The ports that are published: those asked for, checked, and free ones for the rest.
    pub(super) fn ports(
        &self,
        entry: &Entry,
        request: &Install,
        problems: &mut Vec<FieldProblem>,
    ) -> BTreeMap<String, u16> {
        let mut ports = BTreeMap::new();
        for exposed in &entry.about.expose {
            let asked = request.ports.get(&exposed.name).map(|port| port.trim()).filter(|port| !port.is_empty());
            let field = format!("ports.{}", exposed.name);
            let port = match asked {
                Some("none" | "off") if exposed.optional => continue,
                Some(asked) => match self.asked_port(asked, request.reach) {
                    Ok(port) if ports.values().any(|known| *known == port) => {
                        Err(format!("port {port} is asked for twice; choose another port"))
                    }
                    checked => checked,
                },
                None if exposed.optional => continue,
                None => Ok(self.free_port(exposed, request.reach, &ports)),
            };
            match port {
                Ok(port) => {
                    ports.insert(exposed.name.clone(), port);
                }
                Err(message) => problems.push(FieldProblem { field, message }),
            }
        }
        ports
    }

    fn asked_port(&self, asked: &str, reach: Reach) -> Result<u16, String> {
        let port = asked.parse::<u16>().ok().filter(|port| *port > 0);
        let port =
            port.ok_or_else(|| format!("“{asked}” is not a port. Write a number from 1 to 65535, such as 8080."))?;
        match port_taken(&self.world.now().listing, self.means.engine.host(), &[], address(reach), port) {
            Some(problem) => Err(problem),
            None => Ok(port),
        }
    }

    /// A free port: the entry's own where it can be had without privileges, else the next from [`FIRST_PORT`] on.
    pub(super) fn free_port(&self, exposed: &Exposed, reach: Reach, chosen: &BTreeMap<String, u16>) -> u16 {
        let snapshot = self.world.now();
        let own = if exposed.port < 1024 { exposed.port.saturating_add(8000) } else { exposed.port };
        let is_free = |port: &u16| {
            !chosen.values().any(|known| known == port)
                && port_taken(&snapshot.listing, self.means.engine.host(), &[], address(reach), *port).is_none()
        };
        std::iter::once(own).chain(FIRST_PORT..u16::MAX).find(is_free).unwrap_or(own)
    }
}

/// The versions asked for, and where none is asked for those that made the kept data. No other version takes that up:
/// what lies between the two is an upgrade, with rules and a way back of its own.
fn versions(
    entry: &Entry,
    asked: &BTreeMap<String, String>,
    keeper: Option<&Keeper>,
    problems: &mut Vec<FieldProblem>,
) -> BTreeMap<String, String> {
    let mut versions = asked.clone();
    let made_by = keeper.into_iter().flat_map(|keeper| &keeper.revision.images);
    for (key, image) in made_by.filter(|(key, _)| entry.about.images.contains_key(*key)) {
        let tag = versions.entry(key.clone()).or_default();
        if tag.trim().is_empty() {
            tag.clone_from(&image.tag);
        } else if tag.trim() != image.tag {
            let message = format!("This data was made by {}. Choose that version; upgrades come later.", image.tag);
            problems.push(FieldProblem { field: format!("versions.{key}"), message });
        }
    }
    versions
}

/// The answers of the form split into plain ones and secrets.
fn answers(
    entry: &Entry,
    known: &dyn Fn(FieldSource) -> String,
    given: &BTreeMap<String, String>,
    problems: &mut Vec<FieldProblem>,
) -> (BTreeMap<String, String>, BTreeMap<String, SecretString>) {
    let mut values: Values = given.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
    for (name, field) in &entry.about.fields {
        let is_missing = values.get(name).is_none_or(str::is_empty);
        if is_missing && let Some(source) = field.from {
            values.set(name.clone(), known(source));
        }
    }
    let checked =
        match fields::check(&entry.about.fields, &values) {
            Ok(checked) => checked,
            Err(found) => {
                problems.extend(found.into_iter().map(|problem| FieldProblem {
                    field: format!("answers.{}", problem.field),
                    message: problem.message,
                }));
                return (BTreeMap::new(), BTreeMap::new());
            }
        };
    let (mut plain, mut secret) = (BTreeMap::new(), BTreeMap::new());
    for (name, value) in checked.iter() {
        if entry.about.fields.get(name).is_some_and(fields::Field::is_secret) {
            secret.insert(name.to_owned(), SecretString::from(value.to_owned()));
        } else {
            plain.insert(name.to_owned(), value.to_owned());
        }
    }
    (plain, secret)
}

pub(super) fn address(reach: Reach) -> std::net::IpAddr {
    match reach {
        Reach::Machine => std::net::Ipv4Addr::LOCALHOST.into(),
        Reach::Network => std::net::Ipv4Addr::UNSPECIFIED.into(),
    }
}

fn name_taken(name: &str) -> FieldProblem {
    FieldProblem { field: "name".into(), message: format!("A tool named {name} exists already. Choose another name.") }
}
