//! What reaches past a container, each with the approval that it needs.

use super::super::finding::quoted;
use super::super::tree::Node;
use super::ApprovalKind;
use super::scalars::Reader;

/// The capabilities that the engine gives by itself, and two that only lock memory and set priorities; others ask.
const HARMLESS_CAPABILITIES: [&str; 16] = [
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "IPC_LOCK",
    "KILL",
    "MKNOD",
    "NET_BIND_SERVICE",
    "NET_RAW",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_CHROOT",
    "SYS_NICE",
];

impl Reader<'_> {
    pub(super) fn network_mode(&mut self, node: &Node, path: &str) -> Option<String> {
        let mode = self.line(node, path)?;
        match mode.as_str() {
            "none" => {}
            "host" => self.approve(ApprovalKind::HostNetwork, path, "It shares the machine's own network."),
            shared if shared.starts_with("service:") || shared.starts_with("container:") => {
                let message = format!("It shares the network of {}.", quoted(shared));
                self.approve(ApprovalKind::HostNetwork, path, message);
            }
            "bridge" | "default" => return None,
            other => {
                let message = format!("The network mode {} is not known. Write none, or leave it out.", quoted(other));
                self.wrong(node, path, message);
                return None;
            }
        }
        Some(mode)
    }

    pub(super) fn added_capabilities(&mut self, node: &Node, path: &str) -> Vec<String> {
        let names: Vec<_> = self.texts(node, path).iter().map(|name| capability(name)).collect();
        for (index, name) in names.iter().enumerate() {
            if !HARMLESS_CAPABILITIES.contains(&name.as_str()) {
                let message = format!("It has the capability {}, which reaches past its container.", quoted(name));
                self.approve(ApprovalKind::Capability, &format!("{path}[{index}]"), message);
            }
        }
        names
    }

    pub(super) fn security_options(&mut self, node: &Node, path: &str) -> Vec<String> {
        let options = self.texts(node, path);
        for (index, option) in options.iter().enumerate() {
            if !option.starts_with("no-new-privileges") || option.ends_with("false") {
                let message = format!("It runs with {} in place of the engine's confinement.", quoted(option));
                self.approve(ApprovalKind::Unconfined, &format!("{path}[{index}]"), message);
            }
        }
        options
    }

    pub(super) fn devices(&mut self, node: &Node, path: &str) -> Vec<String> {
        let devices = self.texts(node, path);
        for (index, device) in devices.iter().enumerate() {
            let message = format!("It uses the device {} of the machine.", quoted(device));
            self.approve(ApprovalKind::Device, &format!("{path}[{index}]"), message);
        }
        devices
    }
}

pub(super) fn capability(name: &str) -> String {
    let upper = name.to_ascii_uppercase();
    upper.strip_prefix("CAP_").unwrap_or(&upper).to_owned()
}
