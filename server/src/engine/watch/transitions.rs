//! What became of containers between two snapshots.

use std::collections::HashMap;

use uuid::Uuid;

use super::Snapshot;
use crate::engine::{Container, ContainerState, Health, SERVICE_LABEL};

/// How a container is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Condition {
    /// Its state.
    pub state: ContainerState,
    /// What its own health check says.
    pub health: Health,
}

impl Condition {
    /// How `container` is.
    pub fn of(container: &Container) -> Self {
        Self { state: container.state, health: container.health }
    }
}

/// A change of a tool's container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transition {
    /// The container's id.
    pub container_id: String,
    /// Its name.
    pub name: String,
    /// The tool it says it belongs to; its mark tells whether that is true.
    pub tool: Uuid,
    /// Its Compose service, if it names one.
    pub service: Option<String>,
    /// How it was; `None` when it was not there.
    pub from: Option<Condition>,
    /// How it is; `None` when it is gone.
    pub to: Option<Condition>,
}

/// What became of the containers of tools from `old` to `new`: those that are there, newest first, then those gone.
///
/// Containers that name no tool are left out. An engine that went away changes nothing by itself.
pub fn transitions(old: &Snapshot, new: &Snapshot) -> Vec<Transition> {
    fn conditions(snapshot: &Snapshot) -> HashMap<&str, Condition> {
        let containers = snapshot.listing.containers.iter();
        containers.map(|container| (container.id.as_str(), Condition::of(container))).collect()
    }
    let (before, after) = (conditions(old), conditions(new));
    let gone = old.listing.containers.iter().filter(|container| !after.contains_key(container.id.as_str()));
    let all = new.listing.containers.iter().chain(gone);
    let transition = |container: &Container| {
        let (from, to) = (before.get(container.id.as_str()), after.get(container.id.as_str()));
        let tool = container.tool()?;
        (from != to).then(|| Transition {
            container_id: container.id.clone(),
            name: container.name.clone(),
            tool,
            service: container.labels.get(SERVICE_LABEL).cloned(),
            from: from.copied(),
            to: to.copied(),
        })
    };
    all.filter_map(transition).collect()
}
