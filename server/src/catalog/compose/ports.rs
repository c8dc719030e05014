//! Published ports in both their forms.

use std::net::IpAddr;

use super::super::finding::quoted;
use super::super::tree::{Node, Value};
use super::scalars::Reader;
use super::{Port, Transport};

/// The most ports that one range may stand for.
const WIDEST_RANGE: u16 = 100;

impl Reader<'_> {
    pub(super) fn ports(&mut self, node: &Node, path: &str) -> Vec<Port> {
        let mut ports = Vec::new();
        for (item, below) in self.items(node, path) {
            match &item.value {
                Value::Map(_) => ports.extend(self.long_port(item, &below)),
                _ => {
                    let Some(text) = self.line(item, &below) else { continue };
                    let parsed = short_port(&text);
                    ports.extend(self.kept(item, &below, parsed).unwrap_or_default());
                }
            }
        }
        ports
    }

    fn long_port(&mut self, node: &Node, path: &str) -> Vec<Port> {
        let known = ["target", "published", "host_ip", "protocol", "mode", "name", "app_protocol"];
        let mut port = Port { host_ip: None, host_port: None, container_port: 0, protocol: Transport::Tcp };
        for (key, value, below) in self.known_entries(node, path, &known) {
            match key {
                "target" => port.container_port = self.parsed(value, &below, "a port").unwrap_or_default(),
                "published" if value.is_null() => {}
                "published" => {
                    // An empty text leaves the choice to the engine, as Compose does.
                    let text = self.text(value, &below).unwrap_or_default();
                    if !text.is_empty() {
                        let parsed = one_port(&text);
                        port.host_port = self.kept(value, &below, parsed);
                    }
                }
                "host_ip" => port.host_ip = self.parsed(value, &below, "an address such as 127.0.0.1"),
                "protocol" => {
                    let text = self.text(value, &below).unwrap_or_default();
                    let parsed = transport(&text);
                    port.protocol = self.kept(value, &below, parsed).unwrap_or_default();
                }
                // The way of publishing only differs on a swarm, and the other two are remarks for readers.
                _ => {
                    self.text(value, &below);
                }
            }
        }
        if port.container_port == 0 {
            self.report(node.at, path, "The port of the container is missing. Add “target” with a number from 1 on.");
            return Vec::new();
        }
        vec![port]
    }

    /// Ports open to other services: numbers with an optional `/tcp` or `/udp`.
    pub(super) fn expose(&mut self, node: &Node, path: &str) -> Vec<(u16, Transport)> {
        let mut ports = Vec::new();
        for (item, below) in self.items(node, path) {
            let Some(text) = self.line(item, &below) else { continue };
            let parsed = split_transport(&text).and_then(|(port, transport)| Ok((one_port(port)?, transport)));
            ports.extend(self.kept(item, &below, parsed));
        }
        ports
    }
}

/// `[address:][machine's port:]container's port[/protocol]`, in which both ports may be ranges of the same length.
fn short_port(text: &str) -> Result<Vec<Port>, String> {
    let (rest, protocol) = split_transport(text)?;
    let (left, container) = rest.rsplit_once(':').map_or((None, rest), |(left, container)| (Some(left), container));
    let (address, published) = match left {
        None => (None, None),
        Some(left) => match left.rsplit_once(':') {
            Some((address, published)) => (Some(address), Some(published)),
            None => (None, Some(left)),
        },
    };
    let host_ip = address.map(|address| address.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>());
    let host_ip = host_ip.transpose().map_err(|_| {
        format!("{} does not start with an address. Write one such as 127.0.0.1:8080:80.", quoted(text))
    })?;
    let inside = range(container)?;
    let outside = published.filter(|published| !published.is_empty()).map(range).transpose()?;
    let same_length = outside.as_ref().is_none_or(|outside| outside.len() == inside.len());
    if !same_length {
        return Err(format!("The two ranges in {} are not equally long. Make them so.", quoted(text)));
    }
    let port = |(index, container_port)| Port {
        host_ip,
        host_port: outside.as_ref().map(|outside| outside.start + index),
        container_port,
        protocol,
    };
    Ok((0..).zip(inside.clone()).map(port).collect())
}

fn split_transport(text: &str) -> Result<(&str, Transport), String> {
    match text.split_once('/') {
        Some((port, protocol)) => Ok((port, transport(protocol)?)),
        None => Ok((text, Transport::Tcp)),
    }
}

fn transport(text: &str) -> Result<Transport, String> {
    match text {
        "tcp" => Ok(Transport::Tcp),
        "udp" => Ok(Transport::Udp),
        _ => Err(format!("{} is not a protocol of ports. Write tcp or udp.", quoted(text))),
    }
}

fn range(text: &str) -> Result<std::ops::Range<u16>, String> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (first, last) = (one_port(first)?, one_port(last)?);
    if last < first || last - first >= WIDEST_RANGE || last == u16::MAX {
        return Err(format!(
            "{} is not a range of ports. Write the lower one first, at most {WIDEST_RANGE} ports, up to 65534.",
            quoted(text)
        ));
    }
    Ok(first..last + 1)
}

fn one_port(text: &str) -> Result<u16, String> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let port = text.parse().ok().filter(|port| digits && *port > 0);
    port.ok_or_else(|| format!("{} is not a port. Write a number from 1 to 65535.", quoted(text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn port(host_ip: Option<&str>, host_port: Option<u16>, container_port: u16, protocol: Transport) -> Port {
        Port { host_ip: host_ip.map(|ip| ip.parse().unwrap()), host_port, container_port, protocol }
    }

    #[test]
    fn short_forms_are_read_as_compose_reads_them() {
        use Transport::{Tcp, Udp};
        for (text, expected) in [
            ("80", vec![port(None, None, 80, Tcp)]),
            ("8080:80", vec![port(None, Some(8080), 80, Tcp)]),
            ("127.0.0.1:8080:80", vec![port(Some("127.0.0.1"), Some(8080), 80, Tcp)]),
            ("127.0.0.1::80", vec![port(Some("127.0.0.1"), None, 80, Tcp)]),
            ("[::1]:8080:80/udp", vec![port(Some("::1"), Some(8080), 80, Udp)]),
            ("8000-8001:90-91", vec![port(None, Some(8000), 90, Tcp), port(None, Some(8001), 91, Tcp)]),
        ] {
            assert_eq!(short_port(text), Ok(expected), "{text}");
        }
        for text in ["", "a", "0:80", "80:70000", "80:+1", "1-3:1-2", "5-1", "x:1:2", "80/sctp", "1-65535", "8080:"] {
            assert!(short_port(text).is_err(), "{text}");
        }
    }
}
