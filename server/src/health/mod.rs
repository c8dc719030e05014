//! Whether a tool works: what its containers say, and what an answer over the network says.
//!
//! It decides conditions from what the watcher has in memory (pure) and asks a service once ([`probe`]); it never
//! starts or stops anything.

pub mod probe;

use api::tools::Condition;

use crate::engine::{Container, ContainerState, Health};

/// The condition of one service, from its container as last listed.
///
/// `is_wanted` tells whether the tool is meant to run; `is_reachable` whether the engine answers.
pub fn of_service(container: Option<&Container>, is_wanted: bool, is_reachable: bool) -> Condition {
    let Some(container) = container else {
        return match (is_reachable, is_wanted) {
            (false, _) => Condition::Unknown,
            (true, true) => Condition::Failed,
            (true, false) => Condition::Stopped,
        };
    };
    if !is_reachable {
        return Condition::Unknown;
    }
    match (container.state, container.health) {
        (ContainerState::Running, Health::Healthy) => Condition::Healthy,
        (ContainerState::Running, Health::Starting) => Condition::Starting,
        (ContainerState::Running, Health::Unhealthy) => Condition::Unhealthy,
        (ContainerState::Running, Health::None) => Condition::Running,
        (ContainerState::Restarting, _) => Condition::Unhealthy,
        (ContainerState::Paused, _) => Condition::Stopped,
        (ContainerState::Created | ContainerState::Exited | ContainerState::Removing, _) if !is_wanted => {
            Condition::Stopped
        }
        // One that was started once and ended well may be a job of the tool, yet nothing in the listing says so.
        (ContainerState::Created, _) => Condition::Starting,
        (ContainerState::Exited | ContainerState::Removing | ContainerState::Dead, _) => Condition::Failed,
    }
}

/// The condition of a tool: that of the service which is worst off.
pub fn of_tool(services: impl IntoIterator<Item = Condition>) -> Condition {
    services.into_iter().max_by_key(|condition| badness(*condition)).unwrap_or(Condition::Unknown)
}

/// How bad a condition is, for sorting: the worst has the highest number.
pub fn badness(condition: Condition) -> u8 {
    match condition {
        Condition::Healthy => 0,
        Condition::Running => 1,
        Condition::Stopped => 2,
        Condition::Starting => 3,
        Condition::Unknown => 4,
        Condition::Unhealthy => 5,
        Condition::Failed => 6,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn container(state: ContainerState, health: Health) -> Container {
        Container {
            id: "c".into(),
            name: "wiki-app-1".into(),
            image: "wiki".into(),
            image_id: "sha256:0".into(),
            labels: BTreeMap::new(),
            state,
            health,
            created_at: jiff::Timestamp::UNIX_EPOCH,
            status: String::new(),
            ports: Vec::new(),
            volumes: Vec::new(),
            networks: BTreeMap::new(),
        }
    }

    #[test]
    fn only_a_check_that_passed_is_healthy() {
        let cases = [
            (ContainerState::Running, Health::Healthy, true, Condition::Healthy),
            (ContainerState::Running, Health::None, true, Condition::Running),
            (ContainerState::Running, Health::Starting, true, Condition::Starting),
            (ContainerState::Running, Health::Unhealthy, true, Condition::Unhealthy),
            (ContainerState::Restarting, Health::None, true, Condition::Unhealthy),
            (ContainerState::Exited, Health::None, true, Condition::Failed),
            (ContainerState::Exited, Health::None, false, Condition::Stopped),
            (ContainerState::Dead, Health::None, false, Condition::Failed),
        ];
        for (state, health, is_wanted, expected) in cases {
            assert_eq!(of_service(Some(&container(state, health)), is_wanted, true), expected, "{state:?} {health:?}");
        }
    }

    #[test]
    fn nothing_is_known_while_the_engine_is_away() {
        let running = container(ContainerState::Running, Health::Healthy);
        assert_eq!(of_service(Some(&running), true, false), Condition::Unknown);
        assert_eq!(of_service(None, true, false), Condition::Unknown);
        assert_eq!(of_service(None, true, true), Condition::Failed);
    }

    #[test]
    fn a_tool_is_as_well_as_its_worst_service() {
        assert_eq!(of_tool([Condition::Healthy, Condition::Running]), Condition::Running);
        assert_eq!(of_tool([Condition::Healthy, Condition::Failed, Condition::Starting]), Condition::Failed);
        assert_eq!(of_tool([]), Condition::Unknown);
    }
}
