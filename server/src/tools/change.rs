//! What is done to a tool that is there: start, stop, restart, reconfigure, remove; and stopping an operation.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use api::FieldProblem;
use api::operations::{OperationKind, PlanView};
use api::tools::{DataChoice, Install, Reconfigure, Remove};
use secrecy::SecretString;
use serde::Serialize;
use serde_json::json;
use uuid::Uuid;

use super::definition::Resolved;
use super::install::Planned;
use super::plan::{self, Present};
use super::store::{self, Resource};
use super::{Error, Result, Tools, view};
use crate::auth::{Actor, Right};
use crate::catalog::{Values, fields};
use crate::engine::{Mark, mark_of};
use crate::events::{self, NewEvent};
use crate::operations::{Moment, NewStep};

/// A tool between two operations.
struct Seen {
    tool: store::Tool,
    moment: Moment,
    resolved: Arc<Resolved>,
    /// Its containers that are on the node.
    present: Vec<Present>,
    /// Containers that newer ones took the place of, still there because their removal got stuck.
    stale: Vec<Resource>,
    /// Its containers and networks that somebody else removed: they can be made again.
    lost: Vec<Resource>,
    /// Its volumes that somebody else removed: what was in them cannot.
    lost_data: Vec<Resource>,
    /// Everything that was made for it.
    resources: Vec<Resource>,
}

impl Seen {
    /// Passes while every volume of the tool is there: an empty one in its place would look like the tool's own.
    fn has_its_data(&self) -> Result<()> {
        let Some(lost) = self.lost_data.first() else { return Ok(()) };
        let (volume, tool) = (&lost.name, &self.tool.name);
        Err(Error::NotNow(format!(
            "The volume {volume} is not on this machine any more; somebody else removed it, and what was in it is gone. \
             Summoner makes no empty one in its place. Remove {tool} and install it again to begin anew."
        )))
    }
}

impl Tools {
    /// Begins to start a stopped tool.
    ///
    /// # Errors
    /// [`Error::Forbidden`], [`Error::NotFound`], [`Error::Busy`], [`Error::NotNow`] when the engine is away.
    pub async fn start(&self, actor: &Actor, name: &str, key: Option<&str>) -> Result<Uuid> {
        self.change(actor, name, OperationKind::Start, (key, &()), |seen, marks| {
            plan::start(&seen.resolved, &seen.present, &seen.lost, marks)
        })
        .await
    }

    /// Begins to stop a running tool.
    ///
    /// # Errors
    /// As [`Tools::start`].
    pub async fn stop(&self, actor: &Actor, name: &str, key: Option<&str>) -> Result<Uuid> {
        self.change(actor, name, OperationKind::Stop, (key, &()), |seen, marks| {
            plan::stop(&seen.resolved, &seen.present, marks)
        })
        .await
    }

    /// Begins to stop a tool and start it again.
    ///
    /// # Errors
    /// As [`Tools::start`].
    pub async fn restart(&self, actor: &Actor, name: &str, key: Option<&str>) -> Result<Uuid> {
        self.change(actor, name, OperationKind::Restart, (key, &()), |seen, marks| {
            plan::restart(&seen.resolved, &seen.present, &seen.lost, marks)
        })
        .await
    }

    /// Begins to take a tool away. Deleting data needs its own right and the tool's name, typed.
    ///
    /// # Errors
    /// As [`Tools::start`]; [`Error::Fields`] when the name was not typed.
    pub async fn remove(&self, actor: &Actor, name: &str, request: &Remove, key: Option<&str>) -> Result<Uuid> {
        let deletes_data = request.data == DataChoice::Delete;
        actor.needs(if deletes_data { Right::ToolsRemoveData } else { Right::ToolsOperate })?;
        if deletes_data && request.confirm.trim() != name {
            let message = format!("To delete the data for good, type {name}. “{}” is something else.", request.confirm);
            return Err(Error::Fields(vec![FieldProblem { field: "confirm".into(), message }]));
        }
        self.change(actor, name, OperationKind::Remove, (key, request), |seen, marks| {
            plan::remove(&seen.resolved, &seen.present, &seen.resources, deletes_data, marks)
        })
        .await
    }

    /// Begins to run a tool with changed answers and ports.
    ///
    /// # Errors
    /// As [`Tools::start`]; [`Error::Fields`] for wrong answers and ports, [`Error::Unapproved`] for what they bring in.
    pub async fn reconfigure(
        &self,
        actor: &Actor,
        name: &str,
        request: &Reconfigure,
        key: Option<&str>,
    ) -> Result<Uuid> {
        actor.needs(Right::ToolsOperate)?;
        let kind = OperationKind::Reconfigure;
        let asked = self.keyed(actor, key, kind, name, request)?;
        let begin = async {
            let seen = self.look(name, kind).await?;
            seen.has_its_data()?;
            let new = self.changed(&seen.resolved, request).await?;
            let is_running = seen.tool.desired == "running";
            let marks = || Mark(self.random.id(&self.means.clock));
            let elsewhere = self.means.engine.host();
            let mut steps = plan::reconfigure(&new, &seen.present, &seen.lost, is_running, elsewhere, marks);
            steps.extend(plan::clear_stale(&seen.stale, marks));
            let mut transaction = self.means.db.begin().await?;
            let planned = Planned { tool: &seen.tool, moment: seen.moment, kind, steps };
            // Before the revision, whose number is free only as long as nothing else is under way.
            let operation = self.begin(&mut transaction, actor, planned, asked.as_ref()).await?;
            self.save_revision(&mut transaction, &new).await?;
            transaction.commit().await?;
            Ok(operation)
        };
        self.once(actor, asked.as_ref(), Box::pin(begin)).await
    }

    /// What [`Tools::reconfigure`] would do. Nothing is touched.
    ///
    /// # Errors
    /// As [`Tools::reconfigure`].
    pub async fn plan_reconfigure(&self, actor: &Actor, name: &str, request: &Reconfigure) -> Result<PlanView> {
        actor.needs(Right::ToolsOperate)?;
        let seen = self.look(name, OperationKind::Reconfigure).await?;
        seen.has_its_data()?;
        let new = self.changed(&seen.resolved, request).await?;
        let is_running = seen.tool.desired == "running";
        let elsewhere = self.means.engine.host();
        let none = || Mark(Uuid::nil());
        let mut steps = plan::reconfigure(&new, &seen.present, &seen.lost, is_running, elsewhere, none);
        steps.extend(plan::clear_stale(&seen.stale, none));
        let data = "Its data stays. If a step fails, the containers and settings from before come back.".to_owned();
        // The images are those that run: nothing is pulled.
        Ok(PlanView { steps: view::planned(&steps), images: Vec::new(), data, space: String::new() })
    }

    /// Asks an operation to stop and go back.
    ///
    /// # Errors
    /// [`Error::Forbidden`], [`Error::NotFound`], [`Error::NotNow`] when it has ended or only goes forward by now.
    pub async fn cancel(&self, actor: &Actor, operation_id: Uuid) -> Result<()> {
        actor.needs(Right::ToolsOperate)?;
        let found = self.operations.find(operation_id).await?;
        let operation = found.ok_or_else(|| Error::NotFound { what: "operation", name: operation_id.to_string() })?;
        let mut transaction = self.means.db.begin().await?;
        if !self.operations.cancel(&mut transaction, operation_id).await? {
            return Err(Error::NotNow(
                "The operation cannot be stopped any more: it has ended, or it is past the point where it could go back."
                    .to_owned(),
            ));
        }
        let event = NewEvent {
            tool_id: Some(operation.tool_id),
            operation_id: Some(operation_id),
            ..actor.event("operation.cancelled", operation.tool_name, json!({ "operation": operation.kind }))
        };
        events::append(&mut transaction, &self.means.clock, event).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// Journals what `plan` decides for a tool as it is now; the request is its key, if it has one, and its body.
    async fn change(
        &self,
        actor: &Actor,
        name: &str,
        kind: OperationKind,
        (key, body): (Option<&str>, &impl Serialize),
        plan: impl FnOnce(&Seen, &mut dyn FnMut() -> Mark) -> Vec<NewStep>,
    ) -> Result<Uuid> {
        actor.needs(Right::ToolsOperate)?;
        let asked = self.keyed(actor, key, kind, name, body)?;
        let begin = async {
            let seen = self.look(name, kind).await?;
            if matches!(kind, OperationKind::Start | OperationKind::Restart) {
                seen.has_its_data()?;
            }
            let mut marks = || Mark(self.random.id(&self.means.clock));
            let mut steps = plan(&seen, &mut marks);
            // A removal takes everything anyway.
            if kind != OperationKind::Remove {
                steps.extend(plan::clear_stale(&seen.stale, marks));
            }
            let mut transaction = self.means.db.begin().await?;
            let planned = Planned { tool: &seen.tool, moment: seen.moment, kind, steps };
            let operation = self.begin(&mut transaction, actor, planned, asked.as_ref()).await?;
            transaction.commit().await?;
            Ok(operation)
        };
        self.once(actor, asked.as_ref(), Box::pin(begin)).await
    }

    /// Everything an operation of that kind on a tool is planned from.
    async fn look(&self, name: &str, kind: OperationKind) -> Result<Seen> {
        let tool_id = self.tool(name).await?.tool_id;
        // Taken before all else: what is read after it is true unless another operation is begun meanwhile.
        let moment = self.operations.moment(tool_id, name).await?;
        let tool = self.tool(name).await?;
        if tool.state != "installed" && kind != OperationKind::Remove {
            return Err(Error::NotNow(format!(
                "An operation on {name} could not be brought to its end. Remove {name}; what is left of it is taken away."
            )));
        }
        let resolved = self.means.resolved(tool.tool_id, tool.revision).await?;
        let resources = store::resources(&self.means.db, Some(tool.tool_id)).await?;
        let listing = self.means.engine.list().await?;
        let is_there = |labels: &BTreeMap<String, String>, mark| mark_of(labels) == Some(mark);
        let (mut present, mut stale, mut lost, mut lost_data) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let current: BTreeSet<Mark> = store::current(&resources, tool.tool_id).map(|known| known.mark).collect();
        for resource in &resources {
            let mark = resource.mark;
            if resource.kind == "container" && !current.contains(&mark) {
                stale.push(resource.clone());
                continue;
            }
            if resource.kind == "network" && !listing.networks.iter().any(|known| is_there(&known.labels, mark)) {
                lost.push(resource.clone());
            }
            if resource.kind == "volume" && !listing.volumes.iter().any(|known| is_there(&known.labels, mark)) {
                lost_data.push(resource.clone());
            }
            let Some(service) = resource.service.clone() else { continue };
            match listing.containers.iter().find(|container| container.mark() == Some(mark)) {
                None => lost.push(resource.clone()),
                Some(container) if resolved.compose.service(&service).is_some() => {
                    let config_hash =
                        container.labels.get("com.docker.compose.config-hash").cloned().unwrap_or_default();
                    present.push(Present { service, mark, config_hash });
                }
                Some(_) => {}
            }
        }
        Ok(Seen { tool, moment, resolved, present, stale, lost, lost_data, resources })
    }

    /// The next revision: the old one with what the request changes.
    async fn changed(&self, old: &Resolved, request: &Reconfigure) -> Result<Resolved> {
        let mut definition = old.definition.clone();
        let entry = &old.entry;
        definition.revision = store::newest_revision(&self.means.db, definition.tool_id).await? + 1;
        definition.reach = request.reach.unwrap_or(definition.reach);
        let mut problems = Vec::new();

        // A port that stays is the tool's own: only new ones have to be free.
        let moved: BTreeMap<String, String> = request
            .ports
            .iter()
            .filter(|(name, port)| definition.ports.get(*name).map(ToString::to_string).as_ref() != Some(*port))
            .map(|(name, port)| (name.clone(), port.clone()))
            .collect();
        let asked = Install { ports: moved.clone(), reach: definition.reach, ..Install::default() };
        for (name, port) in self.ports(entry, &asked, &mut problems) {
            if moved.contains_key(&name) {
                definition.ports.insert(name, port);
            }
        }
        let is_optional = |name: &str| entry.about.expose.iter().any(|way| way.optional && way.name == name);
        for (name, port) in &moved {
            if matches!(port.trim(), "none" | "off") || (port.trim().is_empty() && is_optional(name)) {
                definition.ports.remove(name);
            }
        }

        let mut values: Values = definition.answers.clone().into_iter().collect();
        for (name, value) in &request.answers {
            let is_kept_secret = value.is_empty() && entry.about.fields.get(name).is_some_and(fields::Field::is_secret);
            if !is_kept_secret {
                values.set(name.clone(), value.clone());
            }
        }
        let secret_fields = || entry.about.fields.iter().filter(|(_, field)| field.is_secret());
        for (name, _) in secret_fields() {
            if values.get(name).is_none()
                && let Some(secret) = definition.secrets.get(name)
            {
                values.set(name.clone(), secrecy::ExposeSecret::expose_secret(secret));
            }
        }
        match fields::check(&entry.about.fields, &values) {
            Ok(checked) => {
                definition.answers.clear();
                for (name, value) in checked.iter() {
                    if entry.about.fields.get(name).is_some_and(fields::Field::is_secret) {
                        definition.secrets.insert(name.to_owned(), SecretString::from(value.to_owned()));
                    } else {
                        definition.answers.insert(name.to_owned(), value.to_owned());
                    }
                }
            }
            Err(found) => {
                problems.extend(found.into_iter().map(|problem| FieldProblem {
                    field: format!("answers.{}", problem.field),
                    message: problem.message,
                }));
            }
        }
        if !problems.is_empty() {
            return Err(Error::Fields(problems));
        }
        let new = definition.resolve()?;
        new.stays_within()?;
        Ok(new)
    }
}
