//! Where the engine listens, and the client for it.

use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use bollard::API_DEFAULT_VERSION;
use http::HeaderValue;

use crate::engine::{Error, Result};

/// Where the engine listens when nothing else is said.
const DEFAULT_SOCKET: &str = "/var/run/docker.sock";

/// Longest wait of the client itself, in seconds: a bound only, every call has its own shorter one.
const CLIENT_TIMEOUT: u64 = 24 * 60 * 60;

/// Where an engine listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Endpoint {
    /// A socket of this machine.
    Unix(PathBuf),
    /// A port, in clear text.
    Tcp(String),
    /// A port, with certificates on both sides: `ca.pem`, `cert.pem` and `key.pem` in the folder.
    Tls(String, PathBuf),
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => path.display().fmt(f),
            Self::Tcp(address) | Self::Tls(address, _) => address.fmt(f),
        }
    }
}

impl Endpoint {
    /// Reads what `DOCKER_HOST` may say; `certificates` is the folder of the TLS files when TLS is wanted.
    ///
    /// # Errors
    /// [`Error::Refused`] for a scheme that is not supported.
    pub(super) fn parse(docker_host: Option<&str>, certificates: Option<PathBuf>) -> Result<Self> {
        let host = docker_host.map(str::trim).filter(|host| !host.is_empty());
        let Some(host) = host else {
            return Ok(Self::Unix(DEFAULT_SOCKET.into()));
        };
        if let Some(path) = host.strip_prefix("unix://") {
            return Ok(Self::Unix(path.into()));
        }
        if host.starts_with('/') {
            return Ok(Self::Unix(host.into()));
        }
        let (scheme, address) = host.split_once("://").unwrap_or(("", host));
        let address = address.trim_end_matches('/').to_owned();
        match (scheme, certificates) {
            ("tcp" | "http", None) => Ok(Self::Tcp(address)),
            ("tcp" | "https", Some(folder)) => Ok(Self::Tls(address, folder)),
            ("https", None) => {
                Err(unusable(host, "it asks for TLS; set DOCKER_CERT_PATH to the folder of the certificates"))
            }
            _ => Err(unusable(host, "only unix://, tcp:// and https:// addresses are supported")),
        }
    }

    /// The other machine that it leads to, by name or address; `None` when it stays on this one.
    pub(super) fn host(&self) -> Option<&str> {
        let (Self::Tcp(address) | Self::Tls(address, _)) = self else { return None };
        let address = address.split('/').next().unwrap_or_default();
        let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let is_here = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
        (!is_here).then_some(host)
    }

    /// A client for this endpoint; makes no connection.
    ///
    /// # Errors
    /// When the socket does not exist, or the certificates cannot be read.
    pub(super) fn client(&self) -> std::result::Result<bollard::Docker, bollard::errors::Error> {
        let client = match self {
            Self::Unix(path) => {
                bollard::Docker::connect_with_unix(&path.to_string_lossy(), CLIENT_TIMEOUT, API_DEFAULT_VERSION)
            }
            Self::Tcp(address) => bollard::Docker::connect_with_http(address, CLIENT_TIMEOUT, API_DEFAULT_VERSION),
            Self::Tls(address, folder) => tls_client(address, folder),
        }?;
        Ok(client.with_request_modifier(with_url_safe_credentials))
    }
}

fn tls_client(address: &str, folder: &Path) -> std::result::Result<bollard::Docker, bollard::errors::Error> {
    // The client takes the process's provider; a second installation is refused and changes nothing.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let file = |name: &str| folder.join(name);
    bollard::Docker::connect_with_ssl(
        address,
        &file("key.pem"),
        &file("cert.pem"),
        &file("ca.pem"),
        CLIENT_TIMEOUT,
        API_DEFAULT_VERSION,
    )
}

/// Rewrites the credentials of a request in the URL-safe alphabet that the engine reads.
///
/// The client encodes them in the standard one (bollard 0.21.1); the engine then drops them without a word as soon as
/// they hold a `+` or `/`, and pulls as nobody. May go when the client encodes them as the Engine API says.
fn with_url_safe_credentials(mut request: bollard::BollardRequest) -> bollard::BollardRequest {
    const HEADER: &str = "X-Registry-Auth";
    let value = request.headers().get(HEADER).and_then(|value| value.to_str().ok());
    let rewritten = value.map(|value| value.replace('+', "-").replace('/', "_"));
    if let Some(Ok(mut value)) = rewritten.map(|value| HeaderValue::from_str(&value)) {
        value.set_sensitive(true);
        request.headers_mut().insert(HEADER, value);
    }
    request
}

fn unusable(host: &str, reason: &str) -> Error {
    Error::Refused { what: format!("connecting to the container engine at {host}"), reason: reason.to_owned() }
}

/// A client that is made when it is first needed, since the socket may appear later than Summoner.
#[derive(Debug)]
pub(super) struct LazyClient {
    pub(super) endpoint: Endpoint,
    client: OnceLock<bollard::Docker>,
}

impl LazyClient {
    pub(super) fn new(endpoint: Endpoint) -> Self {
        Self { endpoint, client: OnceLock::new() }
    }

    /// The client.
    ///
    /// # Errors
    /// Those of [`Endpoint::client`].
    pub(super) fn get(&self) -> std::result::Result<&bollard::Docker, bollard::errors::Error> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        let made = self.endpoint.client()?;
        Ok(self.client.get_or_init(|| made))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(host: Option<&str>, folder: Option<&str>) -> Result<Endpoint> {
        Endpoint::parse(host, folder.map(PathBuf::from))
    }

    #[test]
    fn addresses_are_read_as_docker_host_means_them() {
        let standard = Endpoint::Unix(DEFAULT_SOCKET.into());
        assert_eq!(parse(None, None).unwrap(), standard);
        assert_eq!(parse(Some(" "), None).unwrap(), standard);
        assert_eq!(parse(Some("unix:///run/x.sock"), Some("/c")).unwrap(), Endpoint::Unix("/run/x.sock".into()));
        assert_eq!(parse(Some("/run/x.sock"), None).unwrap(), Endpoint::Unix("/run/x.sock".into()));
        assert_eq!(parse(Some("tcp://10.0.0.1:2375/"), None).unwrap(), Endpoint::Tcp("10.0.0.1:2375".into()));
        let tls = Endpoint::Tls("a:2376".into(), "/c".into());
        assert_eq!(parse(Some("tcp://a:2376"), Some("/c")).unwrap(), tls);
        assert_eq!(parse(Some("https://a:2376"), Some("/c")).unwrap(), tls);
        for wrong in ["ssh://a", "npipe:////./pipe/x", "a:2375", "https://a:2376"] {
            assert!(parse(Some(wrong), None).is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_engine_of_another_machine_is_told_from_one_of_this() {
        let host = |address: &str| parse(Some(address), None).unwrap().host().map(str::to_owned);
        assert_eq!(host("unix:///run/x.sock"), None);
        for here in ["tcp://127.0.0.1:2375", "tcp://localhost:2375", "tcp://[::1]:2375"] {
            assert_eq!(host(here), None, "{here}");
        }
        assert_eq!(host("tcp://10.0.0.7:2375/"), Some("10.0.0.7".to_owned()));
        assert_eq!(host("tcp://[fd00::7]:2375"), Some("fd00::7".to_owned()));
        assert_eq!(host("tcp://docker.example:2375"), Some("docker.example".to_owned()));
    }

    #[test]
    fn credentials_go_out_in_the_url_safe_alphabet() {
        let body = bollard::body_full(bytes::Bytes::new());
        let request = http::Request::builder().header("X-Registry-Auth", "a+b/c=").body(body).unwrap();
        let request = with_url_safe_credentials(request);
        assert_eq!(request.headers()["x-registry-auth"], "a-b_c=");
    }
}
