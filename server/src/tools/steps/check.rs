//! Looks whether names and ports are free before anything is made.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::Means;
use crate::engine::{ContainerState, Listing, Mark};
use crate::operations::{Step, StepContext, StepError};

pub(in crate::tools) const KIND: &str = "check";

/// What is about to be made. Things that carry one of `marks` are this operation's own, from before a crash.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(in crate::tools) struct Input {
    pub containers: Vec<String>,
    pub networks: Vec<String>,
    pub volumes: Vec<String>,
    /// Host address and port.
    pub ports: Vec<(IpAddr, u16)>,
    /// Marks of this operation, and of what of the tool may stand in the way because it gives way.
    pub marks: Vec<Mark>,
}

pub(in crate::tools) struct Check {
    pub means: Arc<Means>,
    pub input: Input,
}

#[async_trait]
impl Step for Check {
    async fn apply(&self, _: &StepContext) -> Result<(), StepError> {
        let listing = self.means.engine.list().await?;
        if let Some(problem) = taken(&listing, self.means.engine.host(), &self.input) {
            return Err(StepError::new(problem));
        }
        Ok(())
    }

    async fn undo(&self, _: &StepContext) -> Result<(), StepError> {
        Ok(())
    }
}

/// What stands in the way, in a sentence; `None` when all is free. `elsewhere` is the engine's machine when it is not
/// this one.
pub(in crate::tools) fn taken(listing: &Listing, elsewhere: Option<&str>, input: &Input) -> Option<String> {
    let is_own = |mark: Option<Mark>| mark.is_some_and(|mark| input.marks.contains(&mark));
    for container in listing.containers.iter().filter(|container| !is_own(container.mark())) {
        if input.containers.contains(&container.name) {
            return Some(format!(
                "a container named {} exists that Summoner did not make; choose another name, or remove that container",
                container.name
            ));
        }
    }
    for network in &listing.networks {
        if input.networks.contains(&network.name) && !is_own(crate::engine::mark_of(&network.labels)) {
            return Some(format!(
                "a network named {} exists that Summoner did not make; choose another name, or remove that network",
                network.name
            ));
        }
    }
    for volume in &listing.volumes {
        if input.volumes.contains(&volume.name) && !is_own(crate::engine::mark_of(&volume.labels)) {
            return Some(format!(
                "a volume named {} exists that Summoner did not make; choose another name, or remove that volume",
                volume.name
            ));
        }
    }
    input.ports.iter().find_map(|(address, port)| port_taken(listing, elsewhere, &input.marks, *address, *port))
}

/// Who has the port, in a sentence; `None` when it is free.
///
/// Containers are known from the listing, other programs by trying to listen. The latter would say nothing of an engine
/// `elsewhere`, on another machine: there, starting the container finds out.
pub(in crate::tools) fn port_taken(
    listing: &Listing,
    elsewhere: Option<&str>,
    own: &[Mark],
    address: IpAddr,
    port: u16,
) -> Option<String> {
    let holder = listing.containers.iter().find(|container| {
        container.state == ContainerState::Running
            && container
                .ports
                .iter()
                .any(|published| published.host_port == port && overlaps(&published.host_ip, address))
    });
    if let Some(holder) = holder {
        let is_own = holder.mark().is_some_and(|mark| own.contains(&mark));
        return (!is_own)
            .then(|| format!("port {port} is taken by the container {}; choose another port", holder.name));
    }
    if elsewhere.is_some() {
        return None;
    }
    match std::net::TcpListener::bind(SocketAddr::new(address, port)) {
        Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => {
            Some(format!("port {port} is taken by another program on this machine; choose another port"))
        }
        Ok(_) | Err(_) => None,
    }
}

fn overlaps(published: &str, wanted: IpAddr) -> bool {
    published
        .parse::<IpAddr>()
        .map_or(true, |published| published == wanted || published.is_unspecified() || wanted.is_unspecified())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_of_this_machine_say_nothing_of_an_engine_on_another_one() {
        let held = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = held.local_addr().unwrap();
        let taken = |elsewhere| port_taken(&Listing::default(), elsewhere, &[], address.ip(), address.port());
        assert!(taken(None).unwrap().contains("another program"));
        assert_eq!(taken(Some("10.0.0.7")), None);
    }
}
