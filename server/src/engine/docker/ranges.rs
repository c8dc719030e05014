//! Small address ranges for the networks of tools.
//!
//! Left to itself an engine gives every network one of some thirty large ranges, so that it holds thirty tools. A tool
//! needs few addresses: its network takes a part of a range that the engine chose itself. The engine chooses around the
//! machine's own routes, so the parts are as safe as the whole was.

use std::collections::HashMap;

use bollard::models;
use ipnet::Ipv4Net;

/// Names the range that a network's own is a part of, so that the next network finds it.
const RANGE_LABEL: &str = "app.summoner.range";
/// 62 addresses, one of them the gateway's.
const PART: u8 = 26;

/// The range of a network and of what else lives in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Part {
    /// What the network gets.
    pub part: Ipv4Net,
    /// What it is a part of.
    pub whole: Ipv4Net,
}

impl Part {
    /// How the engine is told.
    pub fn ask(self, request: &mut models::NetworkCreateRequest) {
        let config = models::IpamConfig { subnet: Some(self.part.to_string()), ..Default::default() };
        request.ipam = Some(models::Ipam { config: Some(vec![config]), ..Default::default() });
        request.labels.get_or_insert_with(HashMap::new).insert(RANGE_LABEL.to_owned(), self.whole.to_string());
    }
}

/// The free parts of the ranges that networks of ours live in already, lowest first.
pub(super) fn free(networks: &[models::Network]) -> impl Iterator<Item = Part> + use<> {
    let taken: Vec<Ipv4Net> = networks.iter().flat_map(|network| subnets(network.ipam.as_ref())).collect();
    let mut wholes: Vec<Ipv4Net> = networks.iter().filter_map(whole).collect();
    wholes.sort();
    wholes.dedup();
    wholes
        .into_iter()
        .flat_map(parts)
        .filter(move |Part { part, .. }| !taken.iter().any(|taken| overlap(*part, *taken)))
}

/// The parts of the range that the engine chose for a network, lowest first; none where it is small enough as it is.
pub(super) fn parts_of(ipam: Option<&models::Ipam>) -> Vec<Part> {
    let chosen = subnets(ipam);
    // More than one range was asked for by nobody of ours.
    let [whole] = chosen.as_slice() else { return Vec::new() };
    parts(*whole).collect()
}

fn parts(whole: Ipv4Net) -> impl Iterator<Item = Part> {
    let is_large = whole.prefix_len() < PART;
    let parts = is_large.then(|| whole.subnets(PART).ok()).flatten();
    parts.into_iter().flatten().map(move |part| Part { part, whole })
}

/// The range that the label of a network names, if the network really lives in it: anyone can write a label.
fn whole(network: &models::Network) -> Option<Ipv4Net> {
    let whole: Ipv4Net = network.labels.as_ref()?.get(RANGE_LABEL)?.parse().ok()?;
    let is_true = whole.addr().is_private() && subnets(network.ipam.as_ref()).iter().any(|own| whole.contains(own));
    is_true.then_some(whole.trunc())
}

/// The IPv4 ranges of a network.
fn subnets(ipam: Option<&models::Ipam>) -> Vec<Ipv4Net> {
    let configs = ipam.and_then(|ipam| ipam.config.as_deref()).unwrap_or_default();
    configs.iter().filter_map(|config| config.subnet.as_deref()?.parse().ok()).collect()
}

fn overlap(one: Ipv4Net, other: Ipv4Net) -> bool {
    one.contains(&other) || other.contains(&one)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(subnet: &str, range: Option<&str>) -> models::Network {
        let config = models::IpamConfig { subnet: Some(subnet.to_owned()), ..Default::default() };
        models::Network {
            ipam: Some(models::Ipam { config: Some(vec![config]), ..Default::default() }),
            labels: range.map(|range| HashMap::from([(RANGE_LABEL.to_owned(), range.to_owned())])),
            ..Default::default()
        }
    }

    fn first(networks: &[models::Network]) -> Option<String> {
        free(networks).next().map(|part| part.part.to_string())
    }

    #[test]
    fn the_next_part_lies_beside_what_is_taken() {
        let range = Some("172.18.0.0/16");
        assert_eq!(first(&[network("172.18.0.0/26", range)]).unwrap(), "172.18.0.64/26");
        let gap = [network("172.18.0.0/26", range), network("172.18.0.128/26", range)];
        assert_eq!(first(&gap).unwrap(), "172.18.0.64/26");
        let foreign = [network("172.18.0.0/26", range), network("172.18.0.0/17", None)];
        assert_eq!(first(&foreign).unwrap(), "172.18.128.0/26");
    }

    #[test]
    fn a_range_holds_as_many_networks_as_it_has_parts() {
        let mut networks = vec![network("192.168.16.0/26", Some("192.168.16.0/20"))];
        while let Some(part) = free(&networks).next() {
            networks.push(network(&part.part.to_string(), Some(&part.whole.to_string())));
        }
        assert_eq!(networks.len(), 64);
    }

    #[test]
    fn no_range_is_taken_on_the_word_of_a_label() {
        for (subnet, range) in [
            ("172.18.0.0/26", Some("8.0.0.0/8")),
            ("8.8.8.0/26", Some("8.8.0.0/16")),
            ("172.18.0.0/26", Some("172.19.0.0/16")),
            ("172.18.0.0/26", Some("nonsense")),
            ("172.18.0.0/26", Some("172.18.0.0/26")),
            ("172.18.0.0/16", None),
        ] {
            assert_eq!(first(&[network(subnet, range)]), None, "{subnet} {range:?}");
        }
    }

    #[test]
    fn what_the_engine_chose_is_divided_unless_it_is_small() {
        let parts = |subnet: &str| parts_of(network(subnet, None).ipam.as_ref());
        assert_eq!(parts("172.18.0.0/16").len(), 1024);
        assert_eq!(parts("10.1.0.0/24").len(), 4);
        assert!(parts("10.1.0.0/26").is_empty());
        assert!(parts("10.1.0.0/28").is_empty());
        assert!(parts_of(None).is_empty());
    }
}
