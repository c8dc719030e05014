//! A container's specification as the body of `POST /containers/create`.

use std::collections::HashMap;
use std::time::Duration;

use bollard::models;

use crate::engine::{ContainerSpec, HealthCheck, Mount};

/// The body for `spec`, which joins the first of its networks only: engines before API 1.44 refuse more at creation.
///
/// # Errors
/// The reason in words when a value has no meaning to the engine.
pub(super) fn body(spec: &ContainerSpec) -> Result<models::ContainerCreateBody, String> {
    if spec.networks.is_empty() && !spec.ports.is_empty() {
        return Err("it publishes ports and joins no network".to_owned());
    }
    let exposed = spec.expose.iter().map(|(port, protocol)| format!("{port}/{protocol}"));
    let published = spec.ports.iter().map(|port| format!("{}/{}", port.container_port, port.protocol));
    let mut exposed: Vec<_> = exposed.chain(published).collect();
    exposed.sort();
    exposed.dedup();
    Ok(models::ContainerCreateBody {
        image: Some(spec.image.clone()),
        labels: Some(spec.labels.clone().into_iter().collect()),
        cmd: spec.command.clone(),
        entrypoint: spec.entrypoint.clone(),
        env: Some(spec.environment.iter().map(|(name, value)| format!("{name}={value}")).collect()),
        exposed_ports: Some(exposed),
        healthcheck: spec.health_check.as_ref().map(health_check),
        user: spec.user.clone(),
        working_dir: spec.working_dir.clone(),
        hostname: spec.hostname.clone(),
        stop_signal: spec.stop_signal.clone(),
        stop_timeout: spec.stop_grace_period.map(whole_seconds),
        networking_config: spec.networks.first().map(|(name, aliases)| models::NetworkingConfig {
            endpoints_config: Some(HashMap::from([(name.clone(), endpoint(aliases))])),
        }),
        host_config: Some(host_config(spec)?),
        ..Default::default()
    })
}

/// How a container joins a network under `aliases`.
pub(super) fn endpoint(aliases: &[String]) -> models::EndpointSettings {
    models::EndpointSettings { aliases: Some(aliases.to_vec()), ..Default::default() }
}

fn host_config(spec: &ContainerSpec) -> Result<models::HostConfig, String> {
    let mut bindings = models::PortMap::new();
    for port in &spec.ports {
        let key = format!("{}/{}", port.container_port, port.protocol);
        bindings.entry(key).or_default().get_or_insert_default().push(models::PortBinding {
            host_ip: Some(port.host_ip.clone()),
            host_port: Some(port.host_port.to_string()),
        });
    }
    let limit = |name: &str, value: u64| i64::try_from(value).map_err(|_| format!("{name} is too large"));
    Ok(models::HostConfig {
        network_mode: Some(spec.networks.first().map_or_else(|| "none".to_owned(), |(name, _)| name.clone())),
        port_bindings: Some(bindings),
        mounts: Some(spec.mounts.iter().map(mount).collect()),
        restart_policy: Some(restart_policy(&spec.restart)?),
        cap_add: Some(spec.cap_add.clone()),
        cap_drop: Some(spec.cap_drop.clone()),
        security_opt: Some(spec.security_opt.clone()),
        readonly_rootfs: Some(spec.read_only),
        tmpfs: Some(spec.tmpfs.clone().into_iter().collect()),
        shm_size: spec.shm_size_bytes.map(|size| limit("shm_size", size)).transpose()?,
        ulimits: Some(spec.ulimits.iter().map(ulimit).collect()),
        sysctls: Some(spec.sysctls.clone().into_iter().collect()),
        init: spec.init,
        log_config: spec.logging.as_ref().map(|(driver, options)| models::HostConfigLogConfig {
            typ: Some(driver.clone()),
            config: Some(options.clone().into_iter().collect()),
        }),
        extra_hosts: Some(spec.extra_hosts.clone()),
        memory: spec.memory_bytes.map(|bytes| limit("memory", bytes)).transpose()?,
        memory_reservation: spec.memory_reservation_bytes.map(|bytes| limit("mem_reservation", bytes)).transpose()?,
        pids_limit: spec.pids_limit,
        nano_cpus: spec.cpu_millis.map(|millis| limit("cpus", millis.saturating_mul(1_000_000))).transpose()?,
        ..Default::default()
    })
}

fn mount(mount: &Mount) -> models::Mount {
    models::Mount {
        typ: Some(models::MountType::VOLUME),
        source: Some(mount.volume.clone()),
        target: Some(mount.target.clone()),
        read_only: Some(mount.read_only),
        ..Default::default()
    }
}

fn ulimit((name, soft, hard): &(String, i64, i64)) -> models::ResourcesUlimits {
    models::ResourcesUlimits { name: Some(name.clone()), soft: Some(*soft), hard: Some(*hard) }
}

fn restart_policy(words: &str) -> Result<models::RestartPolicy, String> {
    use models::RestartPolicyNameEnum as Name;
    let (name, count) = match words.split_once(':') {
        Some(("on-failure", count)) => {
            (Name::ON_FAILURE, Some(count.parse().map_err(|_| format!("{count:?} is no number of restarts"))?))
        }
        None => match words {
            "" | "no" => (Name::NO, None),
            "always" => (Name::ALWAYS, None),
            "unless-stopped" => (Name::UNLESS_STOPPED, None),
            "on-failure" => (Name::ON_FAILURE, None),
            _ => return Err(format!("{words:?} is no restart policy")),
        },
        Some(_) => return Err(format!("{words:?} is no restart policy")),
    };
    Ok(models::RestartPolicy { name: Some(name), maximum_retry_count: count })
}

fn health_check(check: &HealthCheck) -> models::HealthConfig {
    let nanos = |time: Duration| i64::try_from(time.as_nanos()).unwrap_or(i64::MAX);
    models::HealthConfig {
        test: Some(check.test.clone()),
        interval: check.interval.map(nanos),
        timeout: check.timeout.map(nanos),
        start_period: check.start_period.map(nanos),
        start_interval: check.start_interval.map(nanos),
        retries: check.retries.map(i64::from),
    }
}

/// `time` in whole seconds, rounded up: a grace period is never shortened.
fn whole_seconds(time: Duration) -> i64 {
    let seconds = time.as_secs() + u64::from(time.subsec_nanos() > 0);
    i64::try_from(seconds).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::PublishedPort;

    fn port(host_port: u16, container_port: u16) -> PublishedPort {
        PublishedPort { host_ip: "127.0.0.1".into(), host_port, container_port, protocol: "tcp".into() }
    }

    #[test]
    fn restart_policies_are_those_of_compose() {
        use models::RestartPolicyNameEnum as Name;
        let read = |words| restart_policy(words).map(|policy| (policy.name, policy.maximum_retry_count));
        assert_eq!(read("no"), Ok((Some(Name::NO), None)));
        assert_eq!(read("always"), Ok((Some(Name::ALWAYS), None)));
        assert_eq!(read("unless-stopped"), Ok((Some(Name::UNLESS_STOPPED), None)));
        assert_eq!(read("on-failure"), Ok((Some(Name::ON_FAILURE), None)));
        assert_eq!(read("on-failure:5"), Ok((Some(Name::ON_FAILURE), Some(5))));
        for wrong in ["sometimes", "always:5", "on-failure:x"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn two_host_ports_may_lead_to_one_port_inside() {
        let spec = ContainerSpec {
            ports: vec![port(8080, 80), port(8081, 80)],
            expose: vec![(80, "tcp".into()), (9000, "udp".into())],
            networks: vec![("front".into(), vec!["web".into()]), ("back".into(), vec![])],
            ..Default::default()
        };
        let body = body(&spec).unwrap();
        assert_eq!(body.exposed_ports.unwrap(), ["80/tcp", "9000/udp"]);
        let host = body.host_config.unwrap();
        assert_eq!(host.port_bindings.unwrap()["80/tcp"].as_ref().unwrap().len(), 2);
        assert_eq!(host.network_mode.as_deref(), Some("front"));
        assert_eq!(body.networking_config.unwrap().endpoints_config.unwrap().len(), 1);
    }

    #[test]
    fn a_container_without_networks_is_cut_off_and_publishes_nothing() {
        let alone = body(&ContainerSpec::default()).unwrap();
        assert_eq!(alone.host_config.unwrap().network_mode.as_deref(), Some("none"));
        let contradictory = ContainerSpec { ports: vec![port(8080, 80)], ..Default::default() };
        assert!(body(&contradictory).is_err());
    }

    #[test]
    fn a_grace_period_is_rounded_up() {
        assert_eq!(whole_seconds(Duration::from_millis(1500)), 2);
        assert_eq!(whole_seconds(Duration::from_secs(10)), 10);
    }
}
