//! What the end of an operation means to a tool.

use std::sync::Arc;

use api::operations::OperationKind;
use async_trait::async_trait;
use serde_json::{Value, json};
use sqlx::PgConnection;

use super::steps::{self, Means};
use super::store;
use crate::events::{self, NewEvent};
use crate::operations::{Domain, Operation, Step};

/// The tools as the executor sees them.
pub struct ToolDomain {
    /// What steps act with.
    pub means: Arc<Means>,
}

#[async_trait]
impl Domain for ToolDomain {
    fn step(&self, _: &Operation, kind: &str, input: &Value) -> Result<Box<dyn Step>, String> {
        steps::build(&self.means, kind, input)
    }

    async fn committed(&self, transaction: &mut PgConnection, operation: &Operation) -> Result<(), sqlx::Error> {
        let (tool_id, now) = (operation.tool_id, self.means.clock.now());
        match operation.kind {
            OperationKind::Install => store::set_state(transaction, tool_id, "installed", now).await,
            OperationKind::Start | OperationKind::Restart => store::set_desired(transaction, tool_id, "running").await,
            OperationKind::Stop => store::set_desired(transaction, tool_id, "stopped").await,
            OperationKind::Reconfigure => store::use_newest_revision(transaction, tool_id).await,
            OperationKind::Remove => store::set_state(transaction, tool_id, "removing", now).await,
        }
    }

    async fn done(&self, transaction: &mut PgConnection, operation: &Operation) -> Result<(), sqlx::Error> {
        if operation.kind == OperationKind::Remove {
            store::set_state(transaction, operation.tool_id, "removed", self.means.clock.now()).await?;
        }
        let kind = match operation.kind {
            OperationKind::Install => "tool.installed",
            OperationKind::Start => "tool.started",
            OperationKind::Stop => "tool.stopped",
            OperationKind::Restart => "tool.restarted",
            OperationKind::Reconfigure => "tool.reconfigured",
            OperationKind::Remove => "tool.removed",
        };
        self.append(transaction, operation, kind).await
    }

    async fn undone(&self, transaction: &mut PgConnection, operation: &Operation) -> Result<(), sqlx::Error> {
        match operation.kind {
            OperationKind::Install => {
                store::set_state(transaction, operation.tool_id, "removed", self.means.clock.now()).await?;
            }
            OperationKind::Reconfigure => store::forget_newer_revisions(transaction, operation.tool_id).await?,
            OperationKind::Start | OperationKind::Stop | OperationKind::Restart | OperationKind::Remove => {}
        }
        let kind = match operation.kind {
            OperationKind::Install => "tool.install_failed",
            OperationKind::Start => "tool.start_failed",
            OperationKind::Stop => "tool.stop_failed",
            OperationKind::Restart => "tool.restart_failed",
            OperationKind::Reconfigure => "tool.reconfigure_failed",
            OperationKind::Remove => "tool.remove_failed",
        };
        self.append(transaction, operation, kind).await
    }

    async fn stuck(&self, transaction: &mut PgConnection, operation: &Operation) -> Result<(), sqlx::Error> {
        self.append(transaction, operation, "operation.needs_hand").await
    }
}

impl ToolDomain {
    async fn append(
        &self,
        transaction: &mut PgConnection,
        operation: &Operation,
        kind: &'static str,
    ) -> Result<(), sqlx::Error> {
        let event = NewEvent {
            kind,
            actor: operation.actor.clone(),
            actor_id: operation.actor_id,
            subject: operation.tool_name.clone(),
            tool_id: Some(operation.tool_id),
            operation_id: Some(operation.operation_id),
            payload: json!({
                "operation": operation.kind,
                "entry": operation.entry_name,
                "problem": operation.problem,
                "cancelled": operation.cancelled_at.is_some(),
            }),
        };
        events::append(transaction, &self.means.clock, event).await?;
        Ok(())
    }
}
