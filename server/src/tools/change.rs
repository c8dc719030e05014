//! What is done to a tool that is there: start, stop, restart, reconfigure, remove; and stopping an operation.

use std::collections::BTreeMap;

use api::FieldProblem;
use api::operations::OperationKind;
use api::tools::{DataChoice, Install, Reconfigure, Remove};
use secrecy::SecretString;
use serde_json::json;
use uuid::Uuid;

use super::definition::Resolved;
use super::plan::{self, Present};
use super::{Error, Result, Tools, store};
use crate::auth::{Actor, Right};
use crate::catalog::{Values, fields};
use crate::engine::Mark;
use crate::events::{self, NewEvent};
use crate::operations::NewStep;

impl Tools {
    /// Begins to start a stopped tool.
    ///
    /// # Errors
    /// [`Error::Forbidden`], [`Error::NotFound`], [`Error::Busy`], [`Error::NotNow`] when the engine is away.
    pub async fn start(&self, actor: &Actor, name: &str, key: Option<&str>) -> Result<Uuid> {
        self.change(actor, name, OperationKind::Start, key, |resolved, present, marks| {
            plan::start(resolved, present, marks)
        })
        .await
    }

    /// Begins to stop a running tool.
    ///
    /// # Errors
    /// As [`Tools::start`].
    pub async fn stop(&self, actor: &Actor, name: &str, key: Option<&str>) -> Result<Uuid> {
        self.change(actor, name, OperationKind::Stop, key, |resolved, present, marks| {
            plan::stop(resolved, present, marks)
        })
        .await
    }

    /// Begins to stop a tool and start it again.
    ///
    /// # Errors
    /// As [`Tools::start`].
    pub async fn restart(&self, actor: &Actor, name: &str, key: Option<&str>) -> Result<Uuid> {
        self.change(actor, name, OperationKind::Restart, key, |resolved, present, marks| {
            plan::restart(resolved, present, marks)
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
        let tool = self.tool(name).await?;
        let resources = store::resources(&self.means.db, Some(tool.tool_id)).await?;
        self.change(actor, name, OperationKind::Remove, key, |resolved, present, marks| {
            plan::remove(resolved, present, &resources, deletes_data, marks)
        })
        .await
    }

    /// Begins to run a tool with changed answers and ports.
    ///
    /// # Errors
    /// As [`Tools::start`]; [`Error::Fields`] for wrong answers and ports.
    pub async fn reconfigure(
        &self,
        actor: &Actor,
        name: &str,
        request: &Reconfigure,
        key: Option<&str>,
    ) -> Result<Uuid> {
        actor.needs(Right::ToolsOperate)?;
        if let Some(operation) = self.repeated(actor, key).await? {
            return Ok(operation);
        }
        let tool = self.tool(name).await?;
        let old = self.means.resolved(tool.tool_id, tool.revision).await?;
        let present = self.present(&tool, &old).await?;
        let new = self.changed(&old, request).await?;
        let is_running = tool.desired == "running";
        let marks = || Mark(self.random.id(&self.means.clock));
        let steps = plan::reconfigure(&new, &present, is_running, marks);
        let mut transaction = self.means.db.begin().await?;
        self.save_revision(&mut transaction, &new).await?;
        let kind = OperationKind::Reconfigure;
        let operation = self.begin(&mut transaction, actor, &tool, kind, steps, key).await?;
        transaction.commit().await?;
        Ok(operation)
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
            kind: "operation.cancelled",
            actor: actor.name.clone(),
            actor_id: actor.id.map(|id| id.0),
            subject: operation.tool_name,
            tool_id: Some(operation.tool_id),
            operation_id: Some(operation_id),
            payload: json!({ "operation": operation.kind }),
        };
        events::append(&mut transaction, &self.means.clock, event).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// Journals what `plan` decides for an installed tool.
    async fn change(
        &self,
        actor: &Actor,
        name: &str,
        kind: OperationKind,
        key: Option<&str>,
        plan: impl FnOnce(&Resolved, &[Present], &mut dyn FnMut() -> Mark) -> Vec<NewStep>,
    ) -> Result<Uuid> {
        actor.needs(Right::ToolsOperate)?;
        if let Some(operation) = self.repeated(actor, key).await? {
            return Ok(operation);
        }
        let tool = self.tool(name).await?;
        let resolved = self.means.resolved(tool.tool_id, tool.revision).await?;
        let present = self.present(&tool, &resolved).await?;
        let steps = plan(&resolved, &present, &mut || Mark(self.random.id(&self.means.clock)));
        let mut transaction = self.means.db.begin().await?;
        let operation = self.begin(&mut transaction, actor, &tool, kind, steps, key).await?;
        transaction.commit().await?;
        Ok(operation)
    }

    /// The tool's containers that are on the node now.
    async fn present(&self, tool: &store::Tool, resolved: &Resolved) -> Result<Vec<Present>> {
        if tool.state != "installed" {
            return Err(Error::Busy(format!("{} is busy: it is being installed or removed", tool.name)));
        }
        let ours = store::resources(&self.means.db, Some(tool.tool_id)).await?;
        let containers = self.means.engine.list().await?.containers;
        let present = ours.iter().filter_map(|resource| {
            let service = resource.service.clone()?;
            resolved.compose.service(&service)?;
            let container = containers.iter().find(|container| container.mark() == Some(resource.mark))?;
            let config_hash = container.labels.get("com.docker.compose.config-hash").cloned().unwrap_or_default();
            Some(Present { service, mark: resource.mark, config_hash })
        });
        Ok(present.collect())
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
        for (name, port) in &moved {
            if matches!(port.as_str(), "none" | "off") {
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
        Ok(definition.resolve()?)
    }
}
