//! A container of the pretended node.

use jiff::Timestamp;

use super::script::Script;
use crate::engine::{Container, ContainerSpec, ContainerState, Health, Image, Inspection, LogLine, Usage};

/// A container on the pretended node.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) id: String,
    pub(super) spec: ContainerSpec,
    pub(super) image: Image,
    pub(super) script: Script,
    pub(super) state: ContainerState,
    pub(super) health: Health,
    pub(super) created_at: Timestamp,
    pub(super) started_at: Option<Timestamp>,
    pub(super) exit_code: i64,
    pub(super) out_of_memory: bool,
    pub(super) restart_count: i64,
    pub(super) logs: Vec<LogLine>,
    pub(super) usage: Usage,
    /// Counts starts, so that what was scheduled for an earlier run leaves a later one alone.
    pub(super) run: u64,
    pub(super) number: u64,
}

impl Kept {
    pub(super) fn is_running(&self) -> bool {
        matches!(self.state, ContainerState::Running | ContainerState::Paused | ContainerState::Restarting)
    }

    pub(super) fn shown(&self) -> Container {
        let is_running = self.is_running();
        let address = if is_running { self.address() } else { String::new() };
        let mut volumes: Vec<_> = self.spec.mounts.iter().map(|mount| mount.volume.clone()).collect();
        volumes.sort();
        Container {
            id: self.id.clone(),
            name: self.spec.name.clone(),
            image: self.spec.image.clone(),
            image_id: self.image.id.clone(),
            labels: self.spec.labels.clone(),
            state: self.state,
            health: self.health,
            created_at: self.created_at,
            status: self.status(),
            ports: if is_running { self.spec.ports.clone() } else { Vec::new() },
            volumes,
            networks: self.spec.networks.iter().map(|(name, _)| (name.clone(), address.clone())).collect(),
        }
    }

    fn address(&self) -> String {
        let made_up = || format!("172.30.{}.{}", self.number / 250, self.number % 250 + 2);
        self.script.address.clone().unwrap_or_else(made_up)
    }

    fn status(&self) -> String {
        match (self.state, self.health) {
            (ContainerState::Running, Health::None) => "Up".to_owned(),
            (ContainerState::Running, Health::Starting) => "Up (health: starting)".to_owned(),
            (ContainerState::Running, Health::Healthy) => "Up (healthy)".to_owned(),
            (ContainerState::Running, Health::Unhealthy) => "Up (unhealthy)".to_owned(),
            (ContainerState::Exited, _) => format!("Exited ({})", self.exit_code),
            (ContainerState::Restarting, _) => format!("Restarting ({})", self.exit_code),
            (state, _) => format!("{state:?}"),
        }
    }

    pub(super) fn inspected(&self) -> Inspection {
        let last_check = match self.health {
            Health::Healthy => Some("ok".to_owned()),
            Health::Unhealthy if self.script.last_check.is_empty() => Some("the check failed".to_owned()),
            Health::Unhealthy => Some(self.said(&self.script.last_check)),
            Health::None | Health::Starting => None,
        };
        Inspection {
            container: self.shown(),
            exit_code: self.exit_code,
            out_of_memory: self.out_of_memory,
            started_at: self.started_at,
            restart_count: self.restart_count,
            last_check,
            error: String::new(),
        }
    }

    /// What a program says that prints its environment: `${NAME}` is the variable's value.
    pub(super) fn said(&self, text: &str) -> String {
        let variables = self.spec.environment.iter();
        variables.fold(text.to_owned(), |said, (name, value)| said.replace(&format!("${{{name}}}"), value))
    }

    /// Whether its restart policy starts it again after it ended with `code`.
    pub(super) fn is_started_again(&self, code: i64) -> bool {
        match self.spec.restart.split(':').next().unwrap_or_default() {
            "always" | "unless-stopped" => true,
            "on-failure" => code != 0,
            _ => false,
        }
    }
}
