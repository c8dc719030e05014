//! The engine's answers as our own types.
//!
//! Fields that older engines leave out are optional in the API's models; what is missing here becomes empty.

use std::collections::{BTreeMap, HashMap};

use bollard::models;
use jiff::Timestamp;

use crate::engine::{Change, Container, ContainerState, Health, Image, Network, PublishedPort, Usage, Volume};

/// A container of a listing.
///
/// Ports and volumes are sorted, since the engine gives them in any order and two listings of one state must be equal.
pub(super) fn container(summary: models::ContainerSummary) -> Container {
    let status = summary.status.unwrap_or_default();
    let mut ports: Vec<_> = summary.ports.unwrap_or_default().into_iter().filter_map(port).collect();
    ports.sort_by(|a, b| {
        (a.container_port, &a.protocol, &a.host_ip, a.host_port).cmp(&(
            b.container_port,
            &b.protocol,
            &b.host_ip,
            b.host_port,
        ))
    });
    let mounts = summary.mounts.unwrap_or_default().into_iter();
    let mut volumes: Vec<_> =
        mounts.filter(|mount| mount.typ.as_deref() == Some("volume")).filter_map(|mount| mount.name).collect();
    volumes.sort();
    let networks = summary.network_settings.and_then(|settings| settings.networks).unwrap_or_default();
    Container {
        id: summary.id.unwrap_or_default(),
        name: own_name(&summary.names.unwrap_or_default()),
        image: summary.image.unwrap_or_default(),
        image_id: summary.image_id.unwrap_or_default(),
        labels: sorted(summary.labels),
        state: state(summary.state),
        health: health(&status),
        created_at: summary.created.and_then(|at| Timestamp::from_second(at).ok()).unwrap_or_default(),
        status,
        ports,
        volumes,
        networks: networks
            .into_iter()
            .map(|(name, endpoint)| (name, endpoint.ip_address.unwrap_or_default()))
            .collect(),
    }
}

/// The container's own name among `names`: links add names with a second slash, `/other/alias`.
fn own_name(names: &[String]) -> String {
    let own = |name: &&String| !name.trim_start_matches('/').contains('/');
    names.iter().find(own).map(|name| name.trim_start_matches('/').to_owned()).unwrap_or_default()
}

fn port(port: models::PortSummary) -> Option<PublishedPort> {
    Some(PublishedPort {
        host_ip: port.ip.unwrap_or_default(),
        host_port: port.public_port?,
        container_port: port.private_port,
        protocol: port.typ.map(|protocol| protocol.to_string()).unwrap_or_default(),
    })
}

fn state(state: Option<models::ContainerSummaryStateEnum>) -> ContainerState {
    use models::ContainerSummaryStateEnum as Said;
    match state {
        Some(Said::CREATED) => ContainerState::Created,
        // Newer engines tell a container that is being stopped apart; it still runs.
        Some(Said::RUNNING | Said::STOPPING) => ContainerState::Running,
        Some(Said::PAUSED) => ContainerState::Paused,
        Some(Said::RESTARTING) => ContainerState::Restarting,
        Some(Said::REMOVING) => ContainerState::Removing,
        Some(Said::EXITED) => ContainerState::Exited,
        Some(Said::DEAD | Said::EMPTY) | None => ContainerState::Dead,
    }
}

/// The health in a status sentence, where alone a listing of engines before API 1.52 tells it.
pub(super) fn health(status: &str) -> Health {
    if status.contains("(healthy)") {
        Health::Healthy
    } else if status.contains("(unhealthy)") {
        Health::Unhealthy
    } else if status.contains("(health: starting)") {
        Health::Starting
    } else {
        Health::None
    }
}

/// A network of a listing.
pub(super) fn network(network: models::Network) -> Network {
    Network {
        id: network.id.unwrap_or_default(),
        name: network.name.unwrap_or_default(),
        labels: sorted(network.labels),
    }
}

/// A volume of a listing.
pub(super) fn volume(volume: models::Volume) -> Volume {
    Volume {
        name: volume.name,
        labels: sorted(Some(volume.labels)),
        created_at: volume.created_at.and_then(|at| at.parse().ok()),
    }
}

/// An image that was inspected.
pub(super) fn image(image: models::ImageInspect) -> Image {
    let parts = [image.os, image.architecture, image.variant];
    let parts: Vec<_> = parts.into_iter().flatten().filter(|part| !part.is_empty()).collect();
    Image {
        id: image.id.unwrap_or_default(),
        repo_digests: image.repo_digests.unwrap_or_default(),
        tags: image.repo_tags.unwrap_or_default(),
        size_bytes: image.size.and_then(|size| u64::try_from(size).ok()).unwrap_or_default(),
        platform: parts.join("/"),
        volumes: image.config.and_then(|config| config.volumes).unwrap_or_default(),
    }
}

/// A change, unless it is one of those that change nothing.
///
/// Each health check is an `exec` and tells of itself three times; listing anew for each would never end.
pub(super) fn change(event: models::EventMessage) -> Option<Change> {
    let action = event.action.unwrap_or_default();
    if action.starts_with("exec_") || matches!(action.as_str(), "top" | "resize" | "archive-path" | "attach" | "detach")
    {
        return None;
    }
    let at = match (event.time_nano, event.time) {
        (Some(nanos), _) => Timestamp::from_nanosecond(i128::from(nanos)).ok(),
        (None, Some(seconds)) => Timestamp::from_second(seconds).ok(),
        (None, None) => None,
    };
    Some(Change {
        at: at.unwrap_or_default(),
        kind: event.typ.map(|kind| kind.to_string()).unwrap_or_default(),
        action,
        id: event.actor.and_then(|actor| actor.id).unwrap_or_default(),
    })
}

/// The platform that images must be built for, from Go's names for system and processor.
///
/// `machine` is the kernel's word, which alone tells 32-bit ARM variants apart.
pub(super) fn platform(os: &str, arch: &str, machine: &str) -> String {
    match (arch, machine) {
        ("arm", machine) if machine.starts_with("armv6") => format!("{os}/arm/v6"),
        ("arm", _) => format!("{os}/arm/v7"),
        _ => format!("{os}/{arch}"),
    }
}

/// What a container uses, from two samples; `None` when it was not running.
///
/// The rate is the container's share of the machine's processor time between the samples, as `docker stats` counts it.
/// Memory leaves out the page cache that can be dropped: `total_inactive_file` under cgroup v1, `inactive_file` under v2.
pub(super) fn usage(stats: &models::ContainerStatsResponse) -> Option<Usage> {
    let memory = stats.memory_stats.as_ref()?;
    let used = memory.usage?;
    let counters = memory.stats.as_ref();
    let cache = counters
        .and_then(|counters| counters.get("total_inactive_file").or_else(|| counters.get("inactive_file")))
        .copied()
        .filter(|cache| *cache < used)
        .unwrap_or_default();
    Some(Usage {
        cpu_millis: cpu_millis(stats).unwrap_or_default(),
        memory_bytes: used - cache,
        memory_limit_bytes: memory.limit.unwrap_or_default(),
    })
}

fn cpu_millis(stats: &models::ContainerStatsResponse) -> Option<u64> {
    let (now, before) = (stats.cpu_stats.as_ref()?, stats.precpu_stats.as_ref()?);
    let total = |cpu: &models::ContainerCpuStats| cpu.cpu_usage.as_ref().and_then(|usage| usage.total_usage);
    let of_container = u128::from(total(now)?.checked_sub(total(before)?)?);
    let of_machine = u128::from(now.system_cpu_usage?.checked_sub(before.system_cpu_usage?)?);
    let listed = now.cpu_usage.as_ref().and_then(|usage| usage.percpu_usage.as_ref()).map(Vec::len);
    let cpus = match now.online_cpus {
        Some(cpus) if cpus > 0 => u128::from(cpus),
        _ => listed.map_or(1, |cpus| cpus.max(1) as u128),
    };
    u64::try_from((of_container * cpus * 1000).checked_div(of_machine)?).ok()
}

fn sorted(labels: Option<HashMap<String, String>>) -> BTreeMap<String, String> {
    labels.unwrap_or_default().into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn health_is_read_from_the_status_sentence() {
        assert_eq!(health("Up 3 hours (healthy)"), Health::Healthy);
        assert_eq!(health("Up 3 hours (unhealthy)"), Health::Unhealthy);
        assert_eq!(health("Up 2 seconds (health: starting)"), Health::Starting);
        assert_eq!(health("Exited (0) 4 minutes ago"), Health::None);
    }

    #[test]
    fn a_linked_container_keeps_its_own_name() {
        assert_eq!(own_name(&["/web/db".to_owned(), "/db".to_owned()]), "db");
    }

    #[test]
    fn arm_variants_are_told_apart() {
        assert_eq!(platform("linux", "amd64", "x86_64"), "linux/amd64");
        assert_eq!(platform("linux", "arm64", "aarch64"), "linux/arm64");
        assert_eq!(platform("linux", "arm", "armv6l"), "linux/arm/v6");
        assert_eq!(platform("linux", "arm", "armv7l"), "linux/arm/v7");
    }

    fn stats(text: &str) -> models::ContainerStatsResponse {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn usage_is_read_under_both_generations_of_control_groups() {
        let old = stats(
            r#"{"cpu_stats":{"cpu_usage":{"total_usage":3000,"percpu_usage":[1,2]},"system_cpu_usage":20000},
                "precpu_stats":{"cpu_usage":{"total_usage":2000},"system_cpu_usage":18000},
                "memory_stats":{"usage":1000,"max_usage":1200,"limit":5000,
                                "stats":{"cache":600,"total_inactive_file":400,"inactive_file":1}}}"#,
        );
        assert_eq!(usage(&old), Some(Usage { cpu_millis: 1000, memory_bytes: 600, memory_limit_bytes: 5000 }));
        let new = stats(
            r#"{"cpu_stats":{"cpu_usage":{"total_usage":3000},"system_cpu_usage":20000,"online_cpus":4},
                "precpu_stats":{"cpu_usage":{"total_usage":2000},"system_cpu_usage":18000},
                "memory_stats":{"usage":1000,"limit":5000,"stats":{"file":600,"inactive_file":300}}}"#,
        );
        assert_eq!(usage(&new), Some(Usage { cpu_millis: 2000, memory_bytes: 700, memory_limit_bytes: 5000 }));
    }

    #[test]
    fn a_first_sample_without_a_predecessor_gives_no_rate() {
        let first = stats(
            r#"{"cpu_stats":{"cpu_usage":{"total_usage":3000},"system_cpu_usage":20000,"online_cpus":4},
                "precpu_stats":{"cpu_usage":{"total_usage":0}},"memory_stats":{"usage":10,"limit":20}}"#,
        );
        assert_eq!(usage(&first).map(|usage| usage.cpu_millis), Some(0));
        assert_eq!(usage(&stats(r#"{"memory_stats":{}}"#)), None);
    }

    #[test]
    fn the_signs_of_a_health_check_are_no_change() {
        let event = |action: &str| models::EventMessage { action: Some(action.to_owned()), ..Default::default() };
        assert!(change(event("exec_start: /bin/sh -c true")).is_none());
        assert_eq!(change(event("health_status: healthy")).unwrap().action, "health_status: healthy");
    }
}
