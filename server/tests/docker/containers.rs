//! Networks, volumes and containers.

use std::net::{IpAddr, TcpListener};
use std::time::Duration;

use futures_util::TryStreamExt;
use server::engine::docker::Docker;
use server::engine::{
    ContainerSpec, ContainerState, Engine, Error, FileSpec, Health, LogQuery, Mount, NetworkSpec, PublishedPort, Space,
    VolumeSpec,
};

use crate::bed::{Bed, free_port, health_check, is_healthy, on_docker};

fn network(bed: &Bed, name: &str) -> NetworkSpec {
    NetworkSpec { name: bed.name(name), labels: bed.labels(), internal: false }
}

fn volume(bed: &Bed, name: &str) -> VolumeSpec {
    VolumeSpec { name: bed.name(name), labels: bed.labels() }
}

fn port(host_port: u16) -> PublishedPort {
    PublishedPort { host_ip: "127.0.0.1".into(), host_port, container_port: 8080, protocol: "tcp".into() }
}

fn file(path: &str, content: &str, mode: u32) -> FileSpec {
    FileSpec { path: path.to_owned(), content: content.to_owned().into(), mode, owner: (0, 0) }
}

async fn log_of(bed: &Bed, id: &str) -> Vec<String> {
    let lines = bed.engine.logs(id, &LogQuery::default()).await.unwrap();
    lines.map_ok(|line| line.text).try_collect().await.unwrap()
}

#[tokio::test]
async fn the_engine_says_who_it_is() {
    on_docker(async |bed| {
        let info = bed.engine.info().await.unwrap();
        assert!(info.platform.starts_with("linux/"), "{info:?}");
        assert!(info.cpus > 0 && info.memory_bytes > 0 && !info.version.is_empty(), "{info:?}");
    })
    .await;
}

#[tokio::test]
async fn the_free_space_of_an_engine_on_this_machine_is_told() {
    on_docker(async |bed| {
        let Space::Free { bytes, folder } = bed.engine.space().await.unwrap() else { panic!("its folder is here") };
        assert!(bytes > 0 && folder.starts_with('/'), "{bytes} in {folder}");
    })
    .await;
    let far = Docker::connect_with(Some("tcp://127.0.0.1:1"), None).unwrap();
    assert!(matches!(far.space().await.unwrap(), Space::Unknown { .. }), "another machine's disk is not looked at");
}

/// What a start that mends a tool rests on: a network of the same name is another network.
#[tokio::test]
async fn a_container_whose_network_was_made_again_has_to_be_made_again() {
    on_docker(async |bed| {
        let engine = &bed.engine;
        let lost = engine.create_network(&network(bed, "lost")).await.unwrap();
        let networks = vec![(bed.name("lost"), Vec::new())];
        let spec = ContainerSpec { networks, ..bed.container("member", "sleep 1000") };
        let id = engine.create_container(&spec).await.unwrap();
        engine.start_container(&id).await.unwrap();
        engine.stop_container(&id).await.unwrap();
        engine.remove_network(&lost).await.unwrap();
        engine.create_network(&network(bed, "lost")).await.unwrap();
        assert!(engine.start_container(&id).await.is_err(), "it knows the network by its id");
        engine.remove_container(&id).await.unwrap();
        let id = engine.create_container(&spec).await.unwrap();
        engine.start_container(&id).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_container_lives_from_creation_to_removal() {
    on_docker(async |bed| {
        let engine = &bed.engine;
        let front = engine.create_network(&network(bed, "front")).await.unwrap();
        let back = engine.create_network(&network(bed, "back")).await.unwrap();
        engine.create_volume(&volume(bed, "data")).await.unwrap();
        let host_port = free_port();
        let spec = ContainerSpec {
            mounts: vec![Mount { volume: bed.name("data"), target: "/data".into(), read_only: false }],
            networks: vec![(bed.name("front"), vec!["web".into()]), (bed.name("back"), vec!["inner".into()])],
            ports: vec![port(host_port)],
            expose: vec![(9000, "tcp".into())],
            environment: vec![("GREETING".into(), "hello = world".into())],
            health_check: Some(health_check("wget -q -O /dev/null http://127.0.0.1:8080/index.html")),
            files: vec![file("/www/index.html", "laid in", 0o444)],
            ..bed.container("web", "echo $GREETING; exec httpd -f -p 8080 -h /www")
        };
        let id = engine.create_container(&spec).await.unwrap();
        assert_eq!(engine.inspect(&id).await.unwrap().container.state, ContainerState::Created);

        engine.start_container(&id).await.unwrap();
        engine.start_container(&id).await.unwrap();
        bed.until(&id, is_healthy).await;

        let listing = engine.list().await.unwrap();
        let seen = listing.containers.iter().find(|container| container.id == id).unwrap();
        assert_eq!(seen.name, bed.name("web"));
        assert_eq!((seen.state, seen.health), (ContainerState::Running, Health::Healthy), "{}", seen.status);
        assert_eq!(seen.labels["app.summoner.test"], bed.run);
        assert_eq!(seen.ports, [port(host_port)]);
        assert_eq!(seen.volumes, [bed.name("data")]);
        assert_eq!(seen.networks.len(), 2);
        assert!(seen.networks.values().all(|address| address.parse::<IpAddr>().is_ok()), "{:?}", seen.networks);
        // The engine's own part adds the name of the range that the network lives in.
        let made = listing.networks.iter().find(|network| network.id == front).unwrap();
        assert!(bed.labels().iter().all(|(name, value)| made.labels.get(name) == Some(value)), "{:?}", made.labels);
        assert!(listing.volumes.iter().any(|volume| volume.name == bed.name("data") && volume.created_at.is_some()));
        assert_eq!(log_of(bed, &id).await, ["hello = world"]);
        let page = page_at(host_port).await;
        assert!(page.ends_with("laid in"), "{page}");

        engine.stop_container(&id).await.unwrap();
        engine.stop_container(&id).await.unwrap();
        let stopped = engine.inspect(&id).await.unwrap();
        assert_eq!((stopped.container.state, stopped.exit_code), (ContainerState::Exited, 137));
        assert!(stopped.started_at.is_some());

        engine.rename_container(&id, &bed.name("kept")).await.unwrap();
        assert_eq!(engine.inspect(&bed.name("kept")).await.unwrap().container.id, id);
        engine.start_container(&id).await.unwrap();
        engine.remove_container(&id).await.unwrap();
        engine.remove_network(&front).await.unwrap();
        engine.remove_network(&back).await.unwrap();
        engine.remove_volume(&bed.name("data")).await.unwrap();
    })
    .await;
}

/// What an HTTP server at a port of this machine answers, read by hand: the engine's tests need no client for it.
async fn page_at(port: u16) -> String {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut stream = tokio::net::TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    stream.write_all(b"GET /index.html HTTP/1.0\r\n\r\n").await.unwrap();
    let mut page = String::new();
    stream.read_to_string(&mut page).await.unwrap();
    page
}

#[tokio::test]
async fn what_is_gone_is_not_found() {
    on_docker(async |bed| {
        let (engine, gone) = (&bed.engine, bed.name("gone"));
        let is_missing = |answer: Result<(), Error>, kind: &str| {
            assert!(
                matches!(&answer, Err(Error::NotFound { what }) if *what == format!("{kind} {gone}")),
                "{answer:?}"
            );
        };
        is_missing(engine.start_container(&gone).await, "container");
        is_missing(engine.stop_container(&gone).await, "container");
        is_missing(engine.remove_container(&gone).await, "container");
        is_missing(
            engine.rename_container(&gone, "summoner-x").await.map_err(|error| match error {
                Error::NotFound { .. } => Error::NotFound { what: format!("container {gone}") },
                other => other,
            }),
            "container",
        );
        is_missing(engine.inspect(&gone).await.map(drop), "container");
        is_missing(engine.logs(&gone, &LogQuery::default()).await.map(drop), "container");
        is_missing(engine.usage(&gone).await.map(drop), "container");
        is_missing(engine.remove_network(&gone).await, "network");
        is_missing(engine.remove_volume(&gone).await, "volume");
        let image = format!("{gone}:1");
        assert!(engine.image(&image).await.unwrap().is_none());
        assert!(matches!(engine.remove_image(&image).await, Err(Error::NotFound { .. })));
        let spec = ContainerSpec { image: image.clone(), ..bed.container("a", "true") };
        let answer = engine.create_container(&spec).await;
        assert!(matches!(&answer, Err(Error::NotFound { what }) if *what == format!("image {image}")), "{answer:?}");
    })
    .await;
}

#[tokio::test]
async fn names_are_taken_once() {
    on_docker(async |bed| {
        let engine = &bed.engine;
        engine.create_container(&bed.container("a", "true")).await.unwrap();
        let other = engine.create_container(&bed.container("b", "true")).await.unwrap();
        let again = engine.create_container(&bed.container("a", "true")).await;
        assert!(matches!(again, Err(Error::Conflict { .. })), "{again:?}");
        let renamed = engine.rename_container(&other, &bed.name("a")).await;
        assert!(matches!(renamed, Err(Error::Conflict { .. })), "{renamed:?}");
        engine.create_network(&network(bed, "n")).await.unwrap();
        let again = engine.create_network(&network(bed, "n")).await;
        assert!(matches!(again, Err(Error::Conflict { .. })), "{again:?}");
        engine.create_volume(&volume(bed, "v")).await.unwrap();
        let again = engine.create_volume(&volume(bed, "v")).await;
        assert!(matches!(again, Err(Error::Conflict { .. })), "{again:?}");
    })
    .await;
}

#[tokio::test]
async fn what_is_in_use_stays() {
    on_docker(async |bed| {
        let engine = &bed.engine;
        let network = engine.create_network(&network(bed, "n")).await.unwrap();
        engine.create_volume(&volume(bed, "v")).await.unwrap();
        let spec = ContainerSpec {
            mounts: vec![Mount { volume: bed.name("v"), target: "/v".into(), read_only: false }],
            networks: vec![(bed.name("n"), vec![])],
            ..bed.container("a", "sleep 1000")
        };
        let id = bed.start(&spec).await;
        let answers = [
            engine.remove_network(&network).await,
            engine.remove_volume(&bed.name("v")).await,
            engine.remove_image(&bed.image).await,
        ];
        for answer in answers {
            assert!(matches!(answer, Err(Error::Conflict { .. })), "{answer:?}");
        }
        engine.remove_container(&id).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_taken_port_is_named() {
    on_docker(async |bed| {
        let engine = &bed.engine;
        engine.create_network(&network(bed, "n")).await.unwrap();
        let spec = |name: &str, host_port| ContainerSpec {
            networks: vec![(bed.name("n"), vec![])],
            ports: vec![port(host_port)],
            ..bed.container(name, "sleep 1000")
        };
        let host_port = free_port();
        bed.start(&spec("first", host_port)).await;
        let second = engine.create_container(&spec("second", host_port)).await.unwrap();
        let answer = engine.start_container(&second).await;
        assert!(matches!(answer, Err(Error::PortTaken { port }) if port == host_port), "{answer:?}");

        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let host_port = listener.local_addr().unwrap().port();
        let third = engine.create_container(&spec("third", host_port)).await.unwrap();
        let answer = engine.start_container(&third).await;
        assert!(matches!(answer, Err(Error::PortTaken { port }) if port == host_port), "{answer:?}");
    })
    .await;
}

#[tokio::test]
async fn a_check_that_fails_is_told_with_its_words() {
    on_docker(async |bed| {
        let spec = ContainerSpec {
            health_check: Some(health_check("echo the door is shut; exit 1")),
            ..bed.container("a", "sleep 1000")
        };
        let id = bed.start(&spec).await;
        let seen = bed.until(&id, |seen| seen.container.health == Health::Unhealthy).await;
        assert!(seen.last_check.as_deref().is_some_and(|words| words.contains("the door is shut")), "{seen:?}");
    })
    .await;
}

#[tokio::test]
async fn ends_are_told_with_their_causes() {
    on_docker(async |bed| {
        let id = bed.start(&bed.container("exits", "exit 3")).await;
        let seen = bed.until(&id, |seen| seen.container.state == ContainerState::Exited).await;
        assert_eq!((seen.exit_code, seen.restart_count), (3, 0));

        let again = ContainerSpec { restart: "on-failure:2".into(), ..bed.container("again", "exit 4") };
        let id = bed.start(&again).await;
        let is_over = |seen: &server::engine::Inspection| {
            seen.container.state == ContainerState::Exited && seen.restart_count == 2
        };
        assert_eq!(bed.until(&id, is_over).await.exit_code, 4);

        let hungry = ContainerSpec {
            memory_bytes: Some(16 << 20),
            ..bed.container("hungry", "x=a; while true; do x=$x$x; done")
        };
        let id = bed.start(&hungry).await;
        let seen = bed.until(&id, |seen| seen.container.state == ContainerState::Exited).await;
        assert!(seen.out_of_memory, "{seen:?}");

        let absent = ContainerSpec { command: Some(vec!["/absent".into()]), ..bed.container("absent", "") };
        let id = bed.engine.create_container(&absent).await.unwrap();
        let answer = bed.engine.start_container(&id).await;
        assert!(matches!(&answer, Err(Error::Refused { reason, .. }) if reason.contains("/absent")), "{answer:?}");
    })
    .await;
}

#[tokio::test]
async fn files_are_laid_where_they_are_wanted_and_nothing_else_changes() {
    on_docker(async |bed| {
        bed.engine.create_volume(&volume(bed, "v")).await.unwrap();
        let look = "stat -c '%a %u %n' /tmp /tmp/new /tmp/new/deep/a.conf /data/sub/b.conf; cat /tmp/new/deep/a.conf";
        let spec = ContainerSpec {
            mounts: vec![Mount { volume: bed.name("v"), target: "/data".into(), read_only: false }],
            files: vec![
                FileSpec { owner: (33, 34), ..file("/tmp/new/deep/a.conf", "a = 1\n", 0o440) },
                file("/data/sub/b.conf", "", 0o600),
            ],
            ..bed.container("a", look)
        };
        let id = bed.start(&spec).await;
        bed.until(&id, |seen| seen.container.state == ContainerState::Exited).await;
        let expected =
            ["1777 0 /tmp", "755 0 /tmp/new", "440 33 /tmp/new/deep/a.conf", "600 0 /data/sub/b.conf", "a = 1"];
        assert_eq!(log_of(bed, &id).await, expected);
    })
    .await;
}

#[tokio::test]
async fn a_read_only_container_takes_files_in_its_volumes() {
    on_docker(async |bed| {
        bed.engine.create_volume(&volume(bed, "v")).await.unwrap();
        let spec = ContainerSpec {
            mounts: vec![Mount { volume: bed.name("v"), target: "/data".into(), read_only: false }],
            files: vec![file("/data/b.conf", "b = 2", 0o444)],
            read_only: true,
            ..bed.container("a", "cat /data/b.conf; touch /x || echo cannot")
        };
        let id = bed.start(&spec).await;
        bed.until(&id, |seen| seen.container.state == ContainerState::Exited).await;
        let log = log_of(bed, &id).await;
        assert!(
            log.iter().any(|line| line.contains("b = 2")) && log.iter().any(|line| line.ends_with("cannot")),
            "{log:?}"
        );

        let spec = ContainerSpec { files: vec![file("/etc/c.conf", "", 0o444)], name: bed.name("b"), ..spec };
        let answer = bed.engine.create_container(&spec).await;
        assert!(matches!(&answer, Err(Error::Refused { reason, .. }) if reason.contains("/etc/c.conf")), "{answer:?}");
    })
    .await;
}

#[tokio::test]
async fn a_container_that_cannot_be_finished_is_not_left() {
    on_docker(async |bed| {
        // The folder of this file is a program.
        let spec = ContainerSpec { files: vec![file("/bin/busybox/x", "", 0o444)], ..bed.container("a", "true") };
        let answer = bed.engine.create_container(&spec).await;
        assert!(matches!(answer, Err(Error::Refused { .. })), "{answer:?}");
        let answer = bed.engine.inspect(&bed.name("a")).await;
        assert!(matches!(answer, Err(Error::NotFound { .. })), "{answer:?}");
    })
    .await;
}

#[tokio::test]
async fn a_network_that_is_missing_is_named() {
    on_docker(async |bed| {
        let absent = bed.name("absent");
        let spec = ContainerSpec { networks: vec![(absent.clone(), vec![])], ..bed.container("a", "true") };
        // Newer engines look for the network when the container is created already.
        let answer = match bed.engine.create_container(&spec).await {
            Ok(id) => bed.engine.start_container(&id).await,
            Err(error) => Err(error),
        };
        assert!(matches!(&answer, Err(Error::NotFound { what }) if *what == format!("network {absent}")), "{answer:?}");
    })
    .await;
}

#[tokio::test]
async fn limits_and_hardening_reach_the_kernel() {
    on_docker(async |bed| {
        let spec = ContainerSpec {
            user: Some("1000:1000".into()),
            cap_drop: vec!["ALL".into()],
            security_opt: vec!["no-new-privileges:true".into()],
            tmpfs: [("/scratch".to_owned(), "size=1m".to_owned())].into(),
            memory_bytes: Some(64 << 20),
            memory_reservation_bytes: Some(32 << 20),
            pids_limit: Some(99),
            ulimits: vec![("nofile".into(), 123, 456)],
            sysctls: [("net.ipv4.ip_unprivileged_port_start".to_owned(), "77".to_owned())].into(),
            hostname: Some("inside".into()),
            extra_hosts: vec!["friend:10.9.8.7".into()],
            working_dir: Some("/scratch".into()),
            shm_size_bytes: Some(8 << 20),
            init: Some(true),
            logging: Some(("json-file".into(), [("max-size".to_owned(), "1m".to_owned())].into())),
            ..bed.container(
                "a",
                "busybox id -u; busybox grep -E 'CapBnd|NoNewPrivs' /proc/self/status; busybox pwd; busybox hostname; \
                 ulimit -n; cat /proc/sys/net/ipv4/ip_unprivileged_port_start; busybox grep friend /etc/hosts; \
                 busybox grep ' /scratch ' /proc/mounts; \
                 cat /sys/fs/cgroup/pids.max /sys/fs/cgroup/pids/pids.max 2>&1; \
                 cat /sys/fs/cgroup/memory.low /sys/fs/cgroup/memory/memory.soft_limit_in_bytes 2>&1",
            )
        };
        let id = bed.start(&spec).await;
        bed.until(&id, |seen| seen.container.state == ContainerState::Exited).await;
        let log = log_of(bed, &id).await.join("\n");
        for expected in [
            "1000\n",
            "CapBnd:\t0000000000000000",
            "NoNewPrivs:\t1",
            "/scratch\n",
            "inside\n",
            "123\n",
            "77\n",
            "10.9.8.7\tfriend",
            "size=1024k",
            "99\n",
            "33554432",
        ] {
            assert!(log.contains(expected), "{expected:?} in {log}");
        }
    })
    .await;
}

#[tokio::test]
async fn commands_run_inside_without_a_shell_and_tell_how_they_ended() {
    on_docker(async |bed| {
        let spec = ContainerSpec {
            user: Some("1000:1000".into()),
            environment: vec![("WORD".into(), "inside".into())],
            ..bed.container("a", "sleep 1000")
        };
        let id = bed.start(&spec).await;
        let run = async |command: &[&str], limit: Duration| {
            let command: Vec<_> = command.iter().map(|word| (*word).to_owned()).collect();
            bed.engine.exec(&id, &command, limit).await
        };
        let long = Duration::from_secs(20);
        let ended = run(&["echo", "$WORD; exit 1"], long).await.unwrap();
        assert_eq!((ended.exit_code, ended.output.trim()), (0, "$WORD; exit 1"));
        let ended = run(&["sh", "-c", "echo $WORD $(id -u); echo no >&2; exit 3"], long).await.unwrap();
        // The two come by ways of their own, and so in any order.
        let mut lines: Vec<_> = ended.output.lines().collect();
        lines.sort_unstable();
        assert_eq!((ended.exit_code, lines), (3, vec!["inside 1000", "no"]));
        let much = run(&["sh", "-c", "yes | head -c 100000"], long).await.unwrap();
        assert_eq!((much.exit_code, much.output.len()), (0, 4096));
        let absent = run(&["/absent"], long).await;
        assert!(absent.as_ref().map_or(true, |ended| ended.exit_code != 0), "{absent:?}");
        let late = run(&["sleep", "1000"], Duration::from_secs(1)).await;
        assert!(matches!(&late, Err(Error::Refused { reason, .. }) if reason.contains("longer than 1 s")), "{late:?}");
        bed.engine.stop_container(&id).await.unwrap();
        let stopped = run(&["true"], long).await;
        assert!(matches!(stopped, Err(Error::Conflict { .. })), "{stopped:?}");
    })
    .await;
}

#[tokio::test]
async fn usage_is_measured_while_it_runs() {
    on_docker(async |bed| {
        let spec = ContainerSpec { memory_bytes: Some(64 << 20), ..bed.container("busy", "while true; do :; done") };
        let id = bed.start(&spec).await;
        let usage = bed.engine.usage(&id).await.unwrap();
        assert!(usage.cpu_millis > 50, "a busy loop used {usage:?}");
        assert!(usage.memory_bytes > 0, "{usage:?}");
        assert_eq!(usage.memory_limit_bytes, 64 << 20);
        bed.engine.stop_container(&id).await.unwrap();
        let answer = bed.engine.usage(&id).await;
        assert!(matches!(answer, Err(Error::Conflict { .. })), "{answer:?}");
    })
    .await;
}

#[tokio::test]
async fn changes_are_told_as_they_happen() {
    on_docker(async |bed| {
        let mut changes = bed.engine.changes(None).await.unwrap();
        let spec = ContainerSpec { health_check: Some(health_check("true")), ..bed.container("a", "sleep 1000") };
        let id = bed.start(&spec).await;
        bed.until(&id, is_healthy).await;
        bed.engine.remove_container(&id).await.unwrap();
        let mut actions = Vec::new();
        let read = async {
            while let Some(change) = changes.try_next().await.unwrap() {
                if change.id == id {
                    assert_eq!(change.kind, "container");
                    let is_last = change.action == "destroy";
                    actions.push(change.action);
                    if is_last {
                        break;
                    }
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(30), read).await.expect("the last change");
        for expected in ["create", "start", "health_status: healthy", "die", "destroy"] {
            assert!(actions.iter().any(|action| action == expected), "{expected} in {actions:?}");
        }
        assert!(!actions.iter().any(|action| action.starts_with("exec_")), "{actions:?}");
    })
    .await;
}
