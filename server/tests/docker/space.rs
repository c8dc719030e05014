//! A disk that is full in the middle of a pull.

use std::process::{Command, Stdio};

use bollard::query_parameters as query;
use server::engine::Engine as _;
use server::engine::docker::Docker;
use sqlx::PgPool;

use crate::bed::{Process, on_docker};
use crate::crash::panel::Panel;
use crate::crash::{address_of, until};
use crate::outage::PrivateEngine;

/// The disk has this much room, in bytes; an empty engine takes a part of one megabyte.
const ROOM: usize = 24 << 20;

/// Runs a program to its good end.
fn run(program: &str, arguments: &[&str]) {
    let status = Command::new(program).args(arguments).stdin(Stdio::null()).status();
    assert!(status.is_ok_and(|status| status.success()), "{program} {}", arguments.join(" "));
}

#[sqlx::test(migrations = "../migrations")]
async fn an_install_on_a_full_disk_leaves_nothing_and_says_what_to_do(db: PgPool) {
    on_docker(async |bed| {
        let private = PrivateEngine::new();
        // The panel looks for room before it pulls, and would refuse a small disk that it can see.
        let process = private.start_on_small_disk(ROOM);
        let engine = Docker::connect(Some(&private.address())).unwrap();
        until("the engine with a small disk answers", async || engine.info().await.is_ok()).await;

        let mut panel =
            Panel::with(bed, &address_of(&db), &[format!("--docker-host={}", private.address())], ROOM).await;
        // That engine lives in a network of its own, so the registry needs an ear there, at the same address.
        let net = format!("--net=/proc/{}/ns/net", process.id());
        run("nsenter", &[&net, "busybox", "ip", "link", "set", "lo", "up"]);
        let registry = ["docker-registry", "serve", panel.registry.config.to_str().unwrap()];
        let _ear =
            Process::start("nsenter", &[&[net.as_str()], &registry[..]].concat(), &private.folder.join("ear.log"));
        let _panel = panel.start();
        panel.ready().await;
        panel.set_up().await;

        let operation = panel.install("fine").await;
        let path = format!("/operations/{operation}");
        let seen = async || panel.read(&path).await["operation"].take();
        until("the install ends, one way or the other", async || seen().await["ended_at"].is_string()).await;
        let ended = seen().await;
        assert_eq!(ended["state"], "undone", "{ended:#}\n{}\n{}", panel.log(), private.log());
        let problem = ended["problem"].as_str().unwrap();
        assert!(problem.contains("there is no space left on the disk; remove unused images"), "{ended:#}");

        let listing = engine.list().await.unwrap();
        assert!(listing.containers.is_empty() && listing.volumes.is_empty(), "{listing:#?}");
        assert!(listing.networks.iter().all(|network| !network.name.starts_with(&panel.tool)), "{listing:#?}");
        let raw = bollard::Docker::connect_with_host(&private.address()).unwrap();
        let images = raw.list_images(Some(query::ListImagesOptions { all: true, ..Default::default() })).await.unwrap();
        assert!(images.is_empty(), "{images:#?}");
        let present: i64 =
            sqlx::query_scalar("select count(*) from resources where state = 'present'").fetch_one(&db).await.unwrap();
        assert_eq!(present, 0);
        // What was loaded half is given back: there is room for the next attempt.
        let disk = format!("/proc/{}/root{}", process.id(), private.folder.join("data").display());
        let used = || {
            let stat = rustix::fs::statvfs(&disk).unwrap();
            (stat.f_blocks - stat.f_bfree) * stat.f_frsize
        };
        until("the room is free again", async || used() < (ROOM / 2) as u64).await;
    })
    .await;
}
