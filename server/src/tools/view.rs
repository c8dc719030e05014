//! Tools and operations as the API shows them.

use api::engine::{EngineState, EngineView};
use api::operations::{
    FirstLogin, LayerView, LineView, OperationDetails, OperationKind, OperationState, OperationView, StepState,
    StepView,
};
use api::tools::{Condition, PortView, ServiceView, ToolDetails, ToolView};
use secrecy::ExposeSecret as _;
use serde_json::json;
use uuid::Uuid;

use super::definition::Resolved;
use super::observe::Observed;
use super::store::{self, Resource, ServiceRow, Tool};
use super::{Error, Result, Tools};
use crate::auth::{Actor, Right};
use crate::catalog::about::ExposedProtocol;
use crate::engine::watch::Reachability;
use crate::events::{self, NewEvent};
use crate::health;
use crate::operations::{JournaledStep, ListQuery, NewStep, Operation, Progress, Standing};

/// The most lines of an operation that are shown.
const SHOWN_LINES: i64 = 200;

impl Tools {
    /// All tools: those in need first, then by name.
    ///
    /// # Errors
    /// [`Error::Forbidden`].
    pub async fn list(&self, actor: &Actor) -> Result<Vec<ToolView>> {
        actor.needs(Right::ToolsView)?;
        let tools = store::tools(&self.means.db, None).await?;
        let resources = store::resources(&self.means.db, None).await?;
        let query = ListQuery { standing: Standing::Open, limit: 1000, ..ListQuery::default() };
        let open = self.operations.list(&query).await?;
        let mut services = store::all_services(&self.means.db).await?;
        let mut seals = store::seals(&self.means.db).await?;
        let mut views = Vec::new();
        for tool in &tools {
            let resolved = match seals.remove(&tool.tool_id).filter(|key| key.revision == tool.revision) {
                Some(key) => self.means.resolved_by(key).await?,
                // It got another revision between two queries.
                None => self.means.resolved(tool.tool_id, tool.revision).await?,
            };
            let services = services.remove(&tool.tool_id).unwrap_or_default();
            let operation = open.iter().find(|(operation, _)| operation.tool_id == tool.tool_id);
            views.push(self.tool_view(tool, &resolved, &services, &resources, operation));
        }
        views.sort_by_key(|tool| (tool_rank(tool), tool.name.clone()));
        Ok(views)
    }

    /// Everything about one tool.
    ///
    /// # Errors
    /// [`Error::Forbidden`], [`Error::NotFound`].
    pub async fn find(&self, actor: &Actor, name: &str) -> Result<ToolDetails> {
        actor.needs(Right::ToolsView)?;
        let tool = self.tool(name).await?;
        let resources = store::resources(&self.means.db, Some(tool.tool_id)).await?;
        let standing = Standing::Open;
        let query = ListQuery { tool_id: Some(tool.tool_id), standing, limit: 1, ..ListQuery::default() };
        let operation = self.operations.list(&query).await?.pop();
        let is_busy = operation.as_ref().is_some_and(|(operation, _)| !operation.state.has_ended());
        let resolved = self.means.resolved(tool.tool_id, tool.revision).await?;
        let services = store::services(&self.means.db, tool.tool_id, tool.revision).await?;
        let host_ip = resolved.definition.bind_address().to_string();
        let ports = resolved.entry.about.expose.iter().filter_map(|exposed| {
            Some(PortView {
                name: exposed.name.clone(),
                protocol: protocol(exposed.protocol).to_owned(),
                host_ip: host_ip.clone(),
                host_port: *resolved.definition.ports.get(&exposed.name)?,
            })
        });
        let first_login = resolved.entry.about.first_login.as_ref();
        Ok(ToolDetails {
            node: tool.node.clone(),
            created_at: tool.created_at,
            services: self.service_views(&tool, &services, &resources),
            ports: ports.collect(),
            answers: resolved.definition.answers.clone(),
            volumes: resources.iter().filter(|known| known.kind == "volume").map(|known| known.name.clone()).collect(),
            has_first_login: tool.first_login_shown_at.is_none()
                && first_login.is_some_and(|login| login.password.is_some()),
            actions: actions(actor, &tool, is_busy),
            tool: self.tool_view(&tool, &resolved, &services, &resources, operation.as_ref()),
        })
    }

    /// The first account of a tool, whose password is shown once and never again.
    ///
    /// # Errors
    /// [`Error::Forbidden`], [`Error::NotFound`], [`Error::NotNow`] when it was shown before or there is none.
    pub async fn first_login(&self, actor: &Actor, name: &str) -> Result<FirstLogin> {
        actor.needs(Right::SecretsReveal)?;
        let tool = self.tool(name).await?;
        let resolved = self.means.resolved(tool.tool_id, tool.revision).await?;
        let none = || Error::NotNow(format!("{} makes no first account; follow its own set-up page.", tool.entry_name));
        let login = resolved.entry.about.first_login.as_ref().ok_or_else(none)?;
        let variable = login.password.as_deref().ok_or_else(none)?;
        let secret = resolved.definition.secrets.get(variable).ok_or_else(none)?;
        let mut transaction = self.means.db.begin().await?;
        if !store::show_first_login(&mut *transaction, tool.tool_id, self.means.clock.now()).await? {
            return Err(Error::NotNow(
                "The first password was already shown and is not shown again. Reset it inside the tool.".to_owned(),
            ));
        }
        let shown = actor.event("tool.first_login_shown", &tool.name, json!({}));
        let event = NewEvent { tool_id: Some(tool.tool_id), ..shown };
        events::append(&mut transaction, &self.means.clock, event).await?;
        transaction.commit().await?;
        Ok(FirstLogin {
            user: login.user.clone().unwrap_or_default(),
            password: Some(secret.expose_secret().to_owned()),
        })
    }

    /// Operations, newest first: those before `before`, of one tool or of all, wherever they stand or not.
    ///
    /// # Errors
    /// [`Error::Forbidden`].
    pub async fn operations(&self, actor: &Actor, query: &ListQuery) -> Result<Vec<OperationView>> {
        actor.needs(Right::ToolsView)?;
        let found = self.operations.list(query).await?;
        Ok(found.iter().map(|(operation, progress)| operation_view(operation, progress)).collect())
    }

    /// One operation with its steps and lines.
    ///
    /// # Errors
    /// [`Error::Forbidden`], [`Error::NotFound`].
    pub async fn operation(&self, actor: &Actor, operation_id: Uuid) -> Result<OperationDetails> {
        actor.needs(Right::ToolsView)?;
        let query = ListQuery { operation_id: Some(operation_id), limit: 1, ..ListQuery::default() };
        let Some((operation, progress)) = self.operations.list(&query).await?.pop() else {
            return Err(Error::NotFound { what: "operation", name: operation_id.to_string() });
        };
        let steps = self.operations.steps(operation_id).await?;
        let lines = self.operations.lines(operation_id, SHOWN_LINES).await?;
        let tool = store::tools(&self.means.db, Some(&operation.tool_name)).await?.pop();
        let tool = tool.filter(|tool| tool.tool_id == operation.tool_id);
        let (mut address, mut first_login) = (None, None);
        if let Some(tool) = tool.filter(|_| operation.state == OperationState::Done) {
            let resolved = self.means.resolved(tool.tool_id, tool.revision).await?;
            address = resolved.definition.url(&resolved.entry);
            first_login = resolved
                .entry
                .about
                .first_login
                .as_ref()
                .filter(|login| login.password.is_some() && tool.first_login_shown_at.is_none())
                .map(|login| FirstLogin { user: login.user.clone().unwrap_or_default(), password: None });
        }
        // A log may hold anything, so it has a right of its own.
        let may_read = actor.needs(Right::LogsView).is_ok();
        Ok(OperationDetails {
            failing_log: if may_read { operation.failing_log.clone() } else { Vec::new() },
            operation: operation_view(&operation, &progress),
            steps: steps.iter().map(step_view).collect(),
            lines: lines
                .into_iter()
                .map(|(at, position, text)| LineView { at, position: count(position), text })
                .collect(),
            address,
            first_login,
        })
    }

    /// The engine of the node, from memory.
    ///
    /// # Errors
    /// [`Error::Forbidden`].
    pub async fn engine(&self, actor: &Actor) -> Result<EngineView> {
        actor.needs(Right::ToolsView)?;
        let snapshot = self.world.now();
        let resources = store::resources(&self.means.db, None).await?;
        let is_ours = |mark| resources.iter().any(|known| known.mark == mark);
        let ours = snapshot.listing.containers.iter().filter(|container| container.mark().is_some_and(is_ours)).count();
        let foreign = snapshot.listing.containers.len() - ours;
        let mut view = EngineView {
            node: snapshot.node.to_string(),
            state: EngineState::Unknown,
            since: None,
            reason: String::new(),
            version: String::new(),
            platform: String::new(),
            cpus: 0,
            memory_bytes: 0,
            tool_containers: u32::try_from(ours).unwrap_or(u32::MAX),
            foreign_containers: u32::try_from(foreign).unwrap_or(u32::MAX),
        };
        match &snapshot.engine {
            Reachability::Unknown => {}
            Reachability::Up { info, since } => {
                view.state = EngineState::Up;
                view.since = Some(*since);
                view.version.clone_from(&info.version);
                view.platform.clone_from(&info.platform);
                view.cpus = info.cpus;
                view.memory_bytes = info.memory_bytes;
            }
            Reachability::Down { since, reason } => {
                view.state = EngineState::Down;
                view.since = Some(*since);
                view.reason.clone_from(reason);
            }
        }
        Ok(view)
    }

    fn tool_view(
        &self,
        tool: &Tool,
        resolved: &Resolved,
        services: &[ServiceRow],
        resources: &[Resource],
        operation: Option<&(Operation, Progress)>,
    ) -> ToolView {
        let snapshot = self.world.now();
        let observed = Observed::new(&snapshot);
        let condition = observed.tool(tool, resources);
        let (mut cpu, mut memory) = (None, None);
        for known in store::current(resources, tool.tool_id) {
            let container = observed.container(known.mark);
            if let Some(usage) = container.and_then(|container| snapshot.usage(&container.id)) {
                *cpu.get_or_insert(0) += usage.usage.cpu_millis;
                *memory.get_or_insert(0) += usage.usage.memory_bytes;
            }
        }
        let faulty = services.iter().find_map(|service| {
            let of_service = |known: &&Resource| {
                known.tool_id == tool.tool_id && known.service.as_deref() == Some(service.service.as_str())
            };
            let condition = observed.service(tool, resources.iter().find(of_service).map(|known| known.mark));
            match condition {
                Condition::Failed => Some(format!("{} has ended", service.service)),
                Condition::Unhealthy => Some(format!("{} fails its health check", service.service)),
                _ => None,
            }
        });
        let own_image = resolved.entry.tool_image().and_then(|key| resolved.definition.images.get(key));
        ToolView {
            tool_id: tool.tool_id,
            name: tool.name.clone(),
            entry: tool.entry.clone(),
            entry_name: tool.entry_name.clone(),
            condition: shown(condition, tool, operation.map(|(operation, _)| operation)),
            since: match snapshot.engine {
                // What it was before is written down; that it is unknown counts from the engine's silence.
                Reachability::Down { since, .. } if condition == Condition::Unknown => Some(since),
                _ => tool.condition_at,
            },
            reason: match condition {
                Condition::Unknown => "Docker does not answer".to_owned(),
                _ if operation.is_some_and(|(operation, _)| !operation.state.has_ended()) => String::new(),
                _ => faulty.unwrap_or_default(),
            },
            version: own_image.map(|image| image.tag.clone()).unwrap_or_default(),
            address: resolved.definition.url(&resolved.entry),
            cpu_millis: cpu,
            memory_bytes: memory,
            operation: operation.map(|(operation, progress)| operation_view(operation, progress)),
        }
    }

    fn service_views(&self, tool: &Tool, services: &[ServiceRow], resources: &[Resource]) -> Vec<ServiceView> {
        let snapshot = self.world.now();
        let observed = Observed::new(&snapshot);
        let views = services.iter().map(|row| {
            let known = resources.iter().find(|known| known.service.as_deref() == Some(row.service.as_str()));
            let mark = known.map(|known| known.mark);
            let container = mark.and_then(|mark| observed.container(mark));
            let usage = container.and_then(|container| snapshot.usage(&container.id));
            ServiceView {
                condition: observed.service(tool, mark),
                service: row.service.clone(),
                image: row.image.clone(),
                digest: row.digest.clone(),
                status: container.map(|container| container.status.clone()).unwrap_or_default(),
                cpu_millis: usage.map(|measured| measured.usage.cpu_millis),
                memory_bytes: usage.map(|measured| measured.usage.memory_bytes),
            }
        });
        views.collect()
    }
}

/// How a tool is, given how its containers are: while it is made they say little, what is stopped on request has not
/// failed, and what could be neither made nor taken away again is not coming up.
fn shown(condition: Condition, tool: &Tool, operation: Option<&Operation>) -> Condition {
    let underway = operation.filter(|operation| !operation.state.has_ended()).map(|operation| operation.kind);
    match (underway, condition) {
        // An operation that ended between two queries is not in sight, and is told in a moment.
        (Some(OperationKind::Install), _) => Condition::Starting,
        (None, _) if tool.state == "installing" && operation.is_none() => Condition::Starting,
        (None, _) if tool.state == "installing" => Condition::Failed,
        (Some(OperationKind::Stop | OperationKind::Remove), Condition::Failed | Condition::Unhealthy) => {
            Condition::Stopped
        }
        (Some(_), Condition::Failed | Condition::Unhealthy) => Condition::Starting,
        _ => condition,
    }
}

/// Where a tool stands in a list: those in need first.
fn tool_rank(tool: &ToolView) -> u8 {
    match tool.condition {
        // Only a person can go on with it.
        _ if tool.stuck().is_some() => 0,
        Condition::Failed | Condition::Unhealthy | Condition::Unknown => u8::MAX - health::badness(tool.condition),
        Condition::Healthy | Condition::Running | Condition::Starting | Condition::Stopped => u8::MAX,
    }
}

/// What the actor may do with a tool now.
fn actions(actor: &Actor, tool: &Tool, is_busy: bool) -> Vec<String> {
    let is_running = tool.desired == "running";
    let is_ready = tool.state == "installed" && !is_busy;
    let offered = [
        ("start", Right::ToolsOperate, is_ready && !is_running),
        ("stop", Right::ToolsOperate, is_ready && is_running),
        ("restart", Right::ToolsOperate, is_ready && is_running),
        ("reconfigure", Right::ToolsOperate, is_ready),
        ("remove", Right::ToolsOperate, !is_busy),
        ("logs", Right::LogsView, true),
        ("export", Right::SecretsReveal, tool.state == "installed"),
    ];
    let may = offered.into_iter().filter(|(_, right, is_possible)| *is_possible && actor.needs(*right).is_ok());
    may.map(|(action, ..)| action.to_owned()).collect()
}

/// An operation as lists show it.
fn operation_view(operation: &Operation, progress: &Progress) -> OperationView {
    OperationView {
        operation_id: operation.operation_id,
        kind: operation.kind,
        state: operation.state,
        tool: operation.tool_name.clone(),
        entry_name: operation.entry_name.clone(),
        actor: operation.actor.clone(),
        created_at: operation.created_at,
        ended_at: operation.ended_at,
        steps_done: u32::try_from(progress.done).unwrap_or_default(),
        steps: u32::try_from(progress.all).unwrap_or_default(),
        step: progress.title.clone(),
        problem: operation.problem.clone(),
        is_cancelled: operation.cancelled_at.is_some(),
    }
}

fn step_view(step: &JournaledStep) -> StepView {
    StepView {
        position: count(step.position),
        title: step.title.clone(),
        note: step.note.clone(),
        // What had failed is undone like the rest, yet people look for the step that failed.
        state: if step.state == StepState::Undone && !step.problem.is_empty() { StepState::Failed } else { step.state },
        started_at: step.started_at,
        ended_at: step.ended_at,
        problem: step.problem.clone(),
        layers: step
            .layers
            .iter()
            .map(|layer| LayerView {
                layer: layer.layer.clone(),
                status: layer.status.clone(),
                done_bytes: layer.done_bytes,
                total_bytes: layer.total_bytes,
            })
            .collect(),
    }
}

/// Steps of a plan that nobody has begun.
pub(super) fn planned(steps: &[NewStep]) -> Vec<StepView> {
    let view = |(position, step): (u32, &NewStep)| StepView {
        position,
        title: step.title.clone(),
        note: step.note.clone(),
        state: StepState::Waiting,
        started_at: None,
        ended_at: None,
        problem: String::new(),
        layers: Vec::new(),
    };
    (0..).zip(steps).map(view).collect()
}

/// The word for a protocol on the wire.
pub fn protocol(protocol: ExposedProtocol) -> &'static str {
    match protocol {
        ExposedProtocol::Http => "http",
        ExposedProtocol::Https => "https",
        ExposedProtocol::Tcp => "tcp",
        ExposedProtocol::Udp => "udp",
    }
}

/// A position on the wire; positions are never negative.
fn count(position: i32) -> u32 {
    u32::try_from(position).unwrap_or_default()
}
