//! What the engine's refusals mean.
//!
//! The Engine API answers with a status and a sentence; some causes that a user can act on are told by the sentence only.
//! The sentences matched here are those of Docker Engine 20.10 to 29 and of the registries it passes on.

use std::io;

use bollard::errors::Error as Cause;

use super::Endpoint;
use crate::engine::Error;

/// A call in words: "creating" and "container gitea-db-1".
#[derive(Clone, Debug)]
pub(super) struct Attempt {
    verb: &'static str,
    subject: String,
}

impl Attempt {
    pub(super) fn new(verb: &'static str, subject: impl Into<String>) -> Self {
        Self { verb, subject: subject.into() }
    }

    /// "creating container gitea-db-1".
    pub(super) fn what(&self) -> String {
        format!("{} {}", self.verb, self.subject)
    }

    /// The refusal of this attempt in the engine's own words.
    pub(super) fn refused(&self, reason: impl Into<String>) -> Error {
        Error::Refused { what: self.what(), reason: reason.into() }
    }

    /// What `cause` means for this attempt.
    pub(super) fn failed(&self, cause: &Cause, endpoint: &Endpoint) -> Error {
        match cause {
            Cause::DockerResponseServerError { status_code, message } => self.answered(*status_code, message),
            Cause::DockerStreamError { error } => self.answered(500, error),
            _ => match unreachable_reason(cause, endpoint) {
                Some(reason) => Error::Unreachable { reason },
                None => self.refused(format!("the engine's answer could not be read: {cause}")),
            },
        }
    }

    /// What an answer with `status` and `message` means for this attempt.
    fn answered(&self, status: u16, message: &str) -> Error {
        let message = message.trim();
        if message.contains("no space left on device") {
            return Error::NoSpace { what: self.what() };
        }
        if let Some(port) = taken_port(message) {
            return Error::PortTaken { port };
        }
        // Docker 20.10 calls it a 404. Newer ones: "all predefined address pools have been fully subnetted".
        if message.contains("address pool") {
            return self.refused(
                "the engine has no address range left for another network; remove networks that nothing uses \
                 (docker network prune), or give it more ranges (default-address-pools in /etc/docker/daemon.json)",
            );
        }
        match status {
            404 => Error::NotFound { what: missing(message).unwrap_or_else(|| self.subject.clone()) },
            // A network that containers still use is refused with 403.
            409 => Error::Conflict { what: self.what(), reason: message.to_owned() },
            403 if message.contains("active endpoints") => {
                Error::Conflict { what: self.what(), reason: message.to_owned() }
            }
            _ => self.refused(message),
        }
    }
}

/// What a failed pull of `image` for `platform` means; `None` when the sentence tells nothing particular.
pub(super) fn pull_failure(cause: &Cause, image: &str, platform: &str) -> Option<Error> {
    let message = match cause {
        Cause::DockerResponseServerError { message, .. } => message,
        Cause::DockerStreamError { error } => error,
        _ => return None,
    };
    let message = message.to_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| message.contains(word));
    let image = image.to_owned();
    if says(&["no matching manifest", "does not match the specified platform", "no match for platform"]) {
        return Some(Error::WrongPlatform { image, platform: platform.to_owned() });
    }
    // Registries hide what they do not show: "repository does not exist or may require 'docker login': denied".
    // The engine's own "permission denied" on its disk is none of theirs.
    let is_own = says(&["permission denied"]);
    if says(&["unauthorized", "no basic auth credentials", "authentication required"]) || (says(&["denied"]) && !is_own)
    {
        return Some(Error::CredentialsNeeded { image });
    }
    if says(&["manifest unknown", "name unknown", "manifest for ", "not found", "repository name not known"]) {
        return Some(Error::ImageNotFound { image });
    }
    None
}

/// The thing that a 404 names, where it is not the one that was asked for: "network x" when a container is started.
fn missing(message: &str) -> Option<String> {
    if let Some((_, image)) = message.split_once("No such image: ") {
        return Some(format!("image {image}"));
    }
    let (_, rest) = message.split_once("network ")?;
    let name = rest.strip_suffix(" not found")?;
    (!name.contains(' ')).then(|| format!("network {name}"))
}

/// The host port that `message` says is in use, if that is what it says.
fn taken_port(message: &str) -> Option<u16> {
    if !message.contains("port is already allocated") && !message.contains("address already in use") {
        return None;
    }
    let markers = [
        "Bind for ",
        "listen tcp4 ",
        "listen tcp6 ",
        "listen tcp ",
        "listen udp4 ",
        "listen udp6 ",
        "listen udp ",
        "bind host port for ",
        "bind host port ",
        "bind port ",
    ];
    markers.iter().find_map(|marker| {
        let (_, rest) = message.split_once(marker)?;
        port_of(rest.split_whitespace().next()?)
    })
}

/// The port of `0.0.0.0:80`, `[::]:80`, `:::80` or `0.0.0.0:80:172.17.0.2:80/tcp`.
fn port_of(address: &str) -> Option<u16> {
    let after_host = if address.starts_with('[') {
        address.split_once("]:")?.1
    } else if let Some(rest) = address.strip_prefix(":::") {
        rest
    } else {
        address.split_once(':')?.1
    };
    let digits = after_host.split(|c: char| !c.is_ascii_digit()).next()?;
    digits.parse().ok()
}

/// Why the engine could not be reached, when `cause` says that it could not.
fn unreachable_reason(cause: &Cause, endpoint: &Endpoint) -> Option<String> {
    match cause {
        Cause::SocketNotFoundError(_) => return Some(advice(io::ErrorKind::NotFound, endpoint)),
        Cause::RequestTimeoutError => return Some(format!("{endpoint} did not answer in time")),
        Cause::HyperLegacyError { .. } | Cause::HyperResponseError { .. } | Cause::IOError { .. } => {}
        _ => return None,
    }
    let mut source: Option<&(dyn std::error::Error + 'static)> = Some(cause);
    while let Some(error) = source {
        if let Some(io) = error.downcast_ref::<io::Error>() {
            if let Some(tls) = tls_error(io) {
                return Some(tls_advice(tls, endpoint));
            }
            return Some(match io.kind() {
                kind @ (io::ErrorKind::NotFound
                | io::ErrorKind::ConnectionRefused
                | io::ErrorKind::PermissionDenied) => advice(kind, endpoint),
                _ => format!("the connection to {endpoint} was lost ({io})"),
            });
        }
        source = error.source();
    }
    let mut innermost: &dyn std::error::Error = cause;
    while let Some(error) = innermost.source() {
        innermost = error;
    }
    Some(format!("the connection to {endpoint} was lost ({innermost})"))
}

/// The refusal of a certificate inside `error`, however often it was wrapped.
fn tls_error(error: &io::Error) -> Option<&rustls::Error> {
    let inner = error.get_ref()?;
    inner.downcast_ref::<rustls::Error>().or_else(|| tls_error(inner.downcast_ref::<io::Error>()?))
}

/// What to do when `endpoint` and we do not trust each other.
fn tls_advice(error: &rustls::Error, endpoint: &Endpoint) -> String {
    use rustls::{AlertDescription as Alert, CertificateError, Error};
    match error {
        Error::InvalidCertificate(CertificateError::UnknownIssuer | CertificateError::BadSignature) => format!(
            "the ca.pem in the folder DOCKER_CERT_PATH does not know who signed the certificate of {endpoint}; put the \
             authority of that engine there"
        ),
        Error::InvalidCertificate(problem) => {
            format!("the certificate of {endpoint} does not hold ({problem}); give the engine another")
        }
        Error::AlertReceived(
            Alert::CertificateRequired
            | Alert::BadCertificate
            | Alert::UnknownCA
            | Alert::CertificateExpired
            | Alert::CertificateRevoked
            | Alert::CertificateUnknown
            | Alert::AccessDenied
            | Alert::DecryptError,
        ) => format!(
            "{endpoint} does not accept our certificate ({error}); put a cert.pem and key.pem that its authority signed \
             into the folder DOCKER_CERT_PATH"
        ),
        _ => format!("no TLS connection to {endpoint} came about ({error})"),
    }
}

/// What to do when connecting to `endpoint` failed with `kind`.
fn advice(kind: io::ErrorKind, endpoint: &Endpoint) -> String {
    match kind {
        io::ErrorKind::NotFound => {
            format!("there is no socket at {endpoint}; start Docker, or set docker_host to where it listens")
        }
        io::ErrorKind::PermissionDenied => {
            format!("no permission to use {endpoint}; add the user that runs Summoner to the group \"docker\"")
        }
        _ => format!("nothing answers at {endpoint}; start Docker, or set docker_host to where it listens"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(status: u16, message: &str) -> Error {
        Attempt::new("starting", "container web").answered(status, message)
    }

    #[test]
    fn a_taken_port_is_read_from_every_engine_s_sentence() {
        let sentences = [
            (
                "driver failed programming external connectivity on endpoint web (0f): Bind for 0.0.0.0:8080 failed: \
                 port is already allocated",
                8080,
            ),
            (
                "driver failed programming external connectivity on endpoint web (0f): Error starting userland proxy: \
                 listen tcp4 127.0.0.1:18081: bind: address already in use",
                18081,
            ),
            ("Error starting userland proxy: listen tcp6 [::]:80: bind: address already in use", 80),
            ("Bind for :::443 failed: port is already allocated", 443),
            ("failed to bind host port for 0.0.0.0:53:172.17.0.2:53/udp: address already in use", 53),
            ("failed to bind host port 0.0.0.0:81/tcp: address already in use", 81),
            ("failed to bind host port [::]:82/tcp: address already in use", 82),
        ];
        for (sentence, expected) in sentences {
            match answered(500, sentence) {
                Error::PortTaken { port } => assert_eq!(port, expected, "{sentence}"),
                other => panic!("{sentence}: {other:?}"),
            }
        }
    }

    #[test]
    fn an_engine_without_addresses_says_so_and_what_to_do() {
        let sentences = [
            (
                404,
                "could not find an available, non-overlapping IPv4 address pool among the defaults to assign to the \
                 network",
            ),
            (400, "all predefined address pools have been fully subnetted"),
        ];
        for (status, sentence) in sentences {
            match answered(status, sentence) {
                Error::Refused { reason, .. } => assert!(reason.contains("docker network prune"), "{reason}"),
                other => panic!("{sentence}: {other:?}"),
            }
        }
    }

    #[test]
    fn refusals_are_told_apart() {
        assert!(matches!(answered(404, "No such container: web"), Error::NotFound { what } if what == "container web"));
        assert!(matches!(answered(404, "network shop not found"), Error::NotFound { what } if what == "network shop"));
        assert!(matches!(answered(404, "No such image: a:1"), Error::NotFound { what } if what == "image a:1"));
        assert!(
            matches!(answered(409, "name in use"), Error::Conflict { what, .. } if what == "starting container web")
        );
        assert!(matches!(
            answered(403, "error while removing network: network a id b has active endpoints"),
            Error::Conflict { .. }
        ));
        assert!(matches!(answered(500, "write /x: no space left on device"), Error::NoSpace { .. }));
        assert!(matches!(answered(400, "invalid mount"), Error::Refused { reason, .. } if reason == "invalid mount"));
    }

    #[test]
    fn failed_pulls_are_told_apart() {
        let failure = |error: &str| {
            pull_failure(&Cause::DockerStreamError { error: error.to_owned() }, "a@sha256:b", "linux/amd64")
        };
        assert!(matches!(failure("manifest unknown: manifest unknown"), Some(Error::ImageNotFound { .. })));
        assert!(matches!(
            failure("manifest for a@sha256:b not found: manifest unknown"),
            Some(Error::ImageNotFound { .. })
        ));
        assert!(matches!(
            failure("Head \"http://127.0.0.1:5/v2/a/manifests/b\": no basic auth credentials"),
            Some(Error::CredentialsNeeded { .. })
        ));
        assert!(matches!(
            failure("pull access denied for a, repository does not exist or may require 'docker login': denied"),
            Some(Error::CredentialsNeeded { .. })
        ));
        assert!(matches!(
            failure("no matching manifest for linux/amd64 in the manifest list entries"),
            Some(Error::WrongPlatform { .. })
        ));
        assert!(failure("dial tcp 10.0.0.1:443: i/o timeout").is_none());
    }
}
