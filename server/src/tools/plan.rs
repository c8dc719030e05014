//! What an operation will do, decided before anything is touched: pure functions from what is wanted and what is there
//! to a list of steps.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use super::definition::{NetworkToMake, Resolved, RunningImage};
use super::room::in_words;
use super::steps::{check, clear, create, gate, network, pull, retire, room, start, stop, volume, wait};
use super::store::Resource;
use crate::catalog::compose::{Condition, MountKind, Service};
use crate::engine::Mark;
use crate::operations::NewStep;

/// A container of a tool that is on the node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Present {
    pub service: String,
    pub mark: Mark,
    /// The hash its specification had when it was made.
    pub config_hash: String,
}

/// A list of steps under construction.
struct Draft<M> {
    steps: Vec<NewStep>,
    marks: M,
}

impl<M: FnMut() -> Mark> Draft<M> {
    fn new(marks: M) -> Self {
        Self { steps: Vec::new(), marks }
    }

    fn step(&mut self, kind: &'static str, input: &impl Serialize, title: String, note: String) -> Mark {
        let mark = (self.marks)();
        // Inputs are plain structs of strings, numbers and marks: they always have a JSON form.
        let input = serde_json::to_value(input).unwrap_or(Value::Null);
        self.steps.push(NewStep { kind, input, mark, is_cleanup: false, title, note });
        mark
    }

    fn clear(&mut self, what: clear::What, mark: Mark, name: &str, title: String) {
        let input = clear::Input { what, mark, name: name.to_owned() };
        self.step(clear::KIND, &input, title, String::new());
        if let Some(step) = self.steps.last_mut() {
            step.is_cleanup = true;
        }
    }

    fn wait_for_dependencies(&mut self, resolved: &Resolved, service: &Service, containers: &BTreeMap<String, Mark>) {
        for (name, condition) in &service.depends_on {
            let until = match condition {
                Condition::Started => continue,
                Condition::Healthy => wait::Until::Healthy,
                Condition::CompletedSuccessfully => wait::Until::Completed,
            };
            let (Some(mark), Some(needed)) = (containers.get(name), resolved.compose.service(name)) else { continue };
            let limit_seconds = gate::limit(needed).as_secs();
            let input = wait::Input { service: name.clone(), container: *mark, until, limit_seconds };
            let is_known = self.steps.iter().any(|step| {
                step.kind == wait::KIND && serde_json::to_value(&input).is_ok_and(|input| step.input == input)
            });
            if !is_known {
                let title = match until {
                    wait::Until::Healthy => format!("Wait until {name} is healthy"),
                    wait::Until::Completed => format!("Wait until {name} has ended"),
                };
                self.step(wait::KIND, &input, title, format!("at most {limit_seconds} s"));
            }
        }
    }

    fn gate(&mut self, resolved: &Resolved, containers: BTreeMap<String, Mark>) {
        let checks =
            resolved.entry.about.health.iter().filter_map(|check| match (&check.http, check.tcp, check.port) {
                (Some(path), _, _) => Some(format!("{} answers {path}", check.service)),
                (None, true, Some(port)) => Some(format!("{} accepts connections on port {port}", check.service)),
                _ => None,
            });
        let note = checks.collect::<Vec<_>>().join(", ");
        let input = gate::Input { revision: resolved.definition.revision, containers };
        self.step(gate::KIND, &input, format!("Wait for {} to work", resolved.entry.about.name), note);
    }
}

/// What has to be free for an install: names on the node, and ports.
pub(super) fn wanted(resolved: &Resolved, kept: &[String]) -> check::Input {
    let names = names(resolved);
    check::Input {
        volumes: names.volumes.iter().map(|name| resolved.scoped(name)).filter(|name| !kept.contains(name)).collect(),
        containers: names.containers,
        networks: resolved.networks().iter().map(|network| resolved.scoped(&network.key)).collect(),
        ports: ports(resolved),
        marks: Vec::new(),
    }
}

/// Steps that install a tool. Volumes named in `kept` are on the node already and are taken up; `sizes` are those of
/// its images that are known; `elsewhere` is the engine's machine when it is not this one.
pub(super) fn install(
    resolved: &Resolved,
    kept: &[String],
    sizes: &[room::Download],
    elsewhere: Option<&str>,
    marks: impl FnMut() -> Mark,
) -> Vec<NewStep> {
    let mut draft = Draft::new(marks);
    let revision = resolved.definition.revision;
    let input = wanted(resolved, kept);
    let note = ports_note(&input, elsewhere);
    draft.step(check::KIND, &input, "Check that names and ports are free".into(), note);
    if !sizes.is_empty() {
        let all = sizes.iter().fold(0_u64, |all, download| all.saturating_add(download.size_bytes));
        let note = format!("up to {} to download", in_words(all));
        let input = room::Input { images: sizes.to_vec() };
        draft.step(room::KIND, &input, "Check that the disk has room".into(), note);
    }
    for image in images(resolved) {
        let input = pull::Input { image: image.clone(), revision };
        draft.step(pull::KIND, &input, format!("Pull {}", image.reference), short(&image.digest));
    }
    make_networks(&mut draft, resolved, &resolved.networks());
    for volume in names(resolved).volumes {
        let name = resolved.scoped(&volume);
        let (title, note) = if kept.contains(&name) {
            (format!("Take up the kept volume {name}"), "with all that is in it".to_owned())
        } else {
            (format!("Make the volume {name}"), String::new())
        };
        draft.step(volume::KIND, &volume::Input { revision, volume }, title, note);
    }
    let mut containers = BTreeMap::new();
    for service in resolved.start_order() {
        draft.wait_for_dependencies(resolved, service, &containers);
        let mark = make_and_start(&mut draft, resolved, service);
        containers.insert(service.name.clone(), mark);
    }
    draft.gate(resolved, containers);
    own(&mut draft.steps);
    draft.steps
}

/// Steps that start a stopped tool. Containers and networks that somebody else removed (`lost`) are made again, and with
/// a network the containers that join it.
pub(super) fn start(
    resolved: &Resolved,
    present: &[Present],
    lost: &[Resource],
    marks: impl FnMut() -> Mark,
) -> Vec<NewStep> {
    let mut draft = Draft::new(marks);
    start_mended(&mut draft, resolved, present, lost);
    draft.steps
}

/// Steps that stop a running tool, those that need others first.
pub(super) fn stop(resolved: &Resolved, present: &[Present], marks: impl FnMut() -> Mark) -> Vec<NewStep> {
    let mut draft = Draft::new(marks);
    stop_all(&mut draft, resolved, present, |_| true);
    draft.steps
}

/// Steps that stop a tool and start it again; as [`start()`] for what was lost.
pub(super) fn restart(
    resolved: &Resolved,
    present: &[Present],
    lost: &[Resource],
    marks: impl FnMut() -> Mark,
) -> Vec<NewStep> {
    let mut draft = Draft::new(marks);
    stop_all(&mut draft, resolved, present, |_| true);
    start_mended(&mut draft, resolved, present, lost);
    draft.steps
}

/// Steps that run a tool as `new` says: services whose specification changed are made anew beside their old
/// containers, which are removed only after the new ones have proven themselves. `elsewhere` is the engine's machine
/// when it is not this one.
pub(super) fn reconfigure(
    new: &Resolved,
    present: &[Present],
    lost: &[Resource],
    is_running: bool,
    elsewhere: Option<&str>,
    marks: impl FnMut() -> Mark,
) -> Vec<NewStep> {
    let mut draft = Draft::new(marks);
    let old = |service: &str| present.iter().find(|container| container.service == service);
    let lost_networks = lost_networks(new, lost);
    let is_changed = |service: &str| {
        new.compose.service(service).is_none_or(|wanted| {
            joins(wanted, &lost_networks)
                || old(service).is_none_or(|present| present.config_hash != new.config_hash(wanted))
        })
    };
    let changed: Vec<&Service> = new.start_order().into_iter().filter(|service| is_changed(&service.name)).collect();
    let input = check::Input {
        ports: ports(new),
        marks: present.iter().map(|container| container.mark).collect(),
        ..check::Input::default()
    };
    let note = ports_note(&input, elsewhere);
    draft.step(check::KIND, &input, "Check that ports are free".into(), note);
    if is_running {
        stop_all(&mut draft, new, present, is_changed);
    }
    make_networks(&mut draft, new, &lost_networks);
    for container in present.iter().filter(|container| is_changed(&container.service)) {
        set_aside(&mut draft, new, container);
    }
    let mut containers: BTreeMap<String, Mark> =
        present.iter().map(|container| (container.service.clone(), container.mark)).collect();
    for service in changed {
        if is_running {
            draft.wait_for_dependencies(new, service, &containers);
            containers.insert(service.name.clone(), make_and_start(&mut draft, new, service));
        } else {
            containers.insert(service.name.clone(), make(&mut draft, new, service));
        }
    }
    if is_running {
        draft.gate(new, containers);
    }
    for container in present.iter().filter(|container| is_changed(&container.service)) {
        clear_old(&mut draft, new, container);
    }
    forget(&mut draft, lost);
    own(&mut draft.steps);
    draft.steps
}

/// Steps that take a tool away, with its data or without.
pub(super) fn remove(
    resolved: &Resolved,
    present: &[Present],
    resources: &[Resource],
    deletes_data: bool,
    marks: impl FnMut() -> Mark,
) -> Vec<NewStep> {
    let mut draft = Draft::new(marks);
    stop_all(&mut draft, resolved, present, |_| true);
    let of_kind = |kind: &'static str| resources.iter().filter(move |resource| resource.kind == kind);
    for container in of_kind("container") {
        draft.clear(clear::What::Container, container.mark, &container.name, format!("Remove {}", container.name));
    }
    for network in of_kind("network") {
        draft.clear(clear::What::Network, network.mark, &network.name, format!("Remove the network {}", network.name));
    }
    for volume in of_kind("volume") {
        let (what, title) = if deletes_data {
            (clear::What::Volume, format!("Delete the volume {} with all that is in it", volume.name))
        } else {
            (clear::What::KeptVolume, format!("Keep the volume {}", volume.name))
        };
        draft.clear(what, volume.mark, &volume.name, title);
    }
    for image in of_kind("image") {
        draft.clear(
            clear::What::Image,
            image.mark,
            &image.name,
            format!("Remove the image {}", short_image(&image.name)),
        );
    }
    draft.steps
}

/// What happens to data in an install, in one sentence.
pub(super) fn data_sentence(kept: &[String]) -> String {
    if kept.is_empty() {
        "New, empty volumes are made. If a step fails, everything made so far is taken away again.".to_owned()
    } else {
        format!(
            "The kept data in {} is used again, with the passwords it was made with. If a step fails, it stays as it is.",
            listed(kept.iter().cloned())
        )
    }
}

/// Names of what a tool is made of.
pub(super) struct Names {
    pub containers: Vec<String>,
    /// Volumes by their names in the file.
    pub volumes: Vec<String>,
}

/// What a tool is made of: its containers, and the volumes that its services mount.
pub(super) fn names(resolved: &Resolved) -> Names {
    let services = &resolved.compose.services;
    let mut volumes: Vec<String> = Vec::new();
    for mount in services.iter().flat_map(|service| &service.volumes) {
        if let MountKind::Volume(name) = &mount.kind
            && !volumes.contains(name)
        {
            volumes.push(name.clone());
        }
    }
    Names { containers: services.iter().map(|service| resolved.container_name(&service.name)).collect(), volumes }
}

/// The images of a tool, each once, in the order of its services.
pub(super) fn images(resolved: &Resolved) -> Vec<&RunningImage> {
    let mut images: Vec<&RunningImage> = Vec::new();
    for service in &resolved.compose.services {
        if let Some(image) = resolved.image(&service.name)
            && !images.iter().any(|known| known.pinned() == image.pinned())
        {
            images.push(image);
        }
    }
    images
}

fn ports(resolved: &Resolved) -> Vec<(std::net::IpAddr, u16)> {
    let address = resolved.definition.bind_address();
    let of = |service: &Service| {
        let ports = service.ports.iter();
        ports.filter_map(|port| Some((port.host_ip.unwrap_or(address), port.host_port?))).collect::<Vec<_>>()
    };
    resolved.compose.services.iter().flat_map(of).collect()
}

fn make<M: FnMut() -> Mark>(draft: &mut Draft<M>, resolved: &Resolved, service: &Service) -> Mark {
    let input = create::Input { revision: resolved.definition.revision, service: service.name.clone() };
    let note = resolved.image(&service.name).map(|image| image.reference.clone()).unwrap_or_default();
    draft.step(create::KIND, &input, format!("Make {}", service.name), note)
}

fn make_and_start<M: FnMut() -> Mark>(draft: &mut Draft<M>, resolved: &Resolved, service: &Service) -> Mark {
    let mark = make(draft, resolved, service);
    let input = start::Input { service: service.name.clone(), container: mark };
    draft.step(start::KIND, &input, format!("Start {}", service.name), String::new());
    mark
}

fn start_all<M: FnMut() -> Mark>(draft: &mut Draft<M>, resolved: &Resolved, present: &[Present]) {
    let mut containers: BTreeMap<String, Mark> =
        present.iter().map(|container| (container.service.clone(), container.mark)).collect();
    for service in resolved.start_order() {
        draft.wait_for_dependencies(resolved, service, &containers);
        let Some(mark) = containers.get(&service.name) else {
            containers.insert(service.name.clone(), make_and_start(draft, resolved, service));
            continue;
        };
        let input = start::Input { service: service.name.clone(), container: *mark };
        draft.step(start::KIND, &input, format!("Start {}", service.name), String::new());
    }
    draft.gate(resolved, containers);
}

/// Starts a tool, after what of it somebody else removed was made again.
fn start_mended<M: FnMut() -> Mark>(draft: &mut Draft<M>, resolved: &Resolved, present: &[Present], lost: &[Resource]) {
    let networks = lost_networks(resolved, lost);
    make_networks(draft, resolved, &networks);
    // A container knows its networks by their ids: one that joined a lost network cannot be started again.
    let is_stale = |container: &&Present| {
        resolved.compose.service(&container.service).is_some_and(|service| joins(service, &networks))
    };
    let (stale, whole): (Vec<&Present>, Vec<&Present>) = present.iter().partition(is_stale);
    for container in &stale {
        set_aside(draft, resolved, container);
    }
    start_all(draft, resolved, &whole.into_iter().cloned().collect::<Vec<_>>());
    for container in stale {
        clear_old(draft, resolved, container);
    }
    forget(draft, lost);
}

/// The networks of the tool that are among what was lost.
fn lost_networks(resolved: &Resolved, lost: &[Resource]) -> Vec<NetworkToMake> {
    let is_lost = |network: &NetworkToMake| {
        let name = resolved.scoped(&network.key);
        lost.iter().any(|resource| resource.kind == "network" && resource.name == name)
    };
    resolved.networks().into_iter().filter(is_lost).collect()
}

fn joins(service: &Service, networks: &[NetworkToMake]) -> bool {
    service.networks.iter().any(|attachment| networks.iter().any(|network| network.key == attachment.network))
}

fn make_networks<M: FnMut() -> Mark>(draft: &mut Draft<M>, resolved: &Resolved, networks: &[NetworkToMake]) {
    for network in networks {
        let name = resolved.scoped(&network.key);
        let input = network::Input { revision: resolved.definition.revision, network: network.clone() };
        draft.step(network::KIND, &input, format!("Make the network {name}"), String::new());
    }
}

fn set_aside<M: FnMut() -> Mark>(draft: &mut Draft<M>, resolved: &Resolved, container: &Present) {
    let (service, name) = (container.service.clone(), resolved.container_name(&container.service));
    let aside = format!("{name}-before-{}", resolved.definition.revision);
    let input = retire::Input { service, container: container.mark, name, aside: aside.clone() };
    draft.step(retire::KIND, &input, format!("Set the old {} aside", container.service), aside);
}

fn clear_old<M: FnMut() -> Mark>(draft: &mut Draft<M>, resolved: &Resolved, container: &Present) {
    let name = resolved.container_name(&container.service);
    draft.clear(clear::What::Container, container.mark, &name, format!("Remove the old {}", container.service));
}

/// Steps that take away containers whose removal got stuck after newer ones had taken their place.
pub(super) fn clear_stale(stale: &[Resource], marks: impl FnMut() -> Mark) -> Vec<NewStep> {
    let mut draft = Draft::new(marks);
    for container in stale {
        let title = format!("Remove the old {}", container.service.as_deref().unwrap_or(&container.name));
        draft.clear(clear::What::Container, container.mark, &container.name, title);
    }
    draft.steps
}

/// Strikes what is not on the node any more from the list of what is.
fn forget<M: FnMut() -> Mark>(draft: &mut Draft<M>, lost: &[Resource]) {
    for resource in lost {
        let what = if resource.kind == "network" { clear::What::Network } else { clear::What::Container };
        let title = format!("Forget the lost {} {}", resource.kind, resource.name);
        draft.clear(what, resource.mark, &resource.name, title);
    }
}

fn stop_all<M: FnMut() -> Mark>(
    draft: &mut Draft<M>,
    resolved: &Resolved,
    present: &[Present],
    is_meant: impl Fn(&str) -> bool,
) {
    for service in resolved.start_order().into_iter().rev() {
        let Some(container) = present.iter().find(|container| container.service == service.name) else { continue };
        if is_meant(&service.name) {
            let input = start::Input { service: service.name.clone(), container: container.mark };
            draft.step(stop::KIND, &input, format!("Stop {}", service.name), String::new());
        }
    }
}

/// Tells the check which marks are this operation's own, so that it does not take them for others' after a crash.
fn own(steps: &mut [NewStep]) {
    let own: Vec<Mark> = steps.iter().map(|step| step.mark).collect();
    for step in steps.iter_mut().filter(|step| step.kind == check::KIND) {
        if let Some(Value::Array(marks)) = step.input.get_mut("marks") {
            marks.extend(own.iter().filter_map(|mark| serde_json::to_value(mark).ok()));
        }
    }
}

/// Which ports are looked at, and what cannot be seen of them.
fn ports_note(input: &check::Input, elsewhere: Option<&str>) -> String {
    if input.ports.is_empty() {
        return String::new();
    }
    let ports = format!("port {}", listed(input.ports.iter().map(|(_, port)| port.to_string())));
    match elsewhere {
        Some(host) => format!("{ports}; only among containers, other programs on {host} cannot be seen from here"),
        None => ports,
    }
}

/// The first digits of a digest, enough for a person to compare.
fn short(digest: &str) -> String {
    digest.get(..19).unwrap_or(digest).to_owned()
}

fn short_image(name: &str) -> String {
    name.split_once("@sha256:").map_or_else(
        || name.to_owned(),
        |(repository, digest)| format!("{repository}@{}", digest.get(..12).unwrap_or(digest)),
    )
}

fn listed(items: impl Iterator<Item = String>) -> String {
    items.collect::<Vec<_>>().join(", ")
}
