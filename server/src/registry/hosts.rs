//! Which host answers for a registry, and which hosts may be contacted at all.
//!
//! Registry names come from users, so a name must not lead into the network that Summoner stands in: addresses are
//! resolved, filtered and pinned per connection, unless an administrator named the host.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::reference::{DOCKER_HUB, Reference};
use crate::config::Registries;

/// How registries are reached when not directly, over TLS, at a public address.
#[derive(Clone, Debug, Default)]
pub struct RegistryConfig {
    /// The origin asked in a registry's place, for every question; the registry itself is then never asked, unless it is
    /// among the fallbacks.
    pub mirrors: BTreeMap<String, Url>,
    /// Mirrored registries that are asked themselves while their mirror does not answer.
    pub fallbacks: BTreeSet<String>,
    /// Registries on this machine (`127.0.0.0/8`, `::1`, `localhost`, with port) spoken to over plain HTTP.
    pub insecure: BTreeSet<String>,
    /// Hosts whose addresses may be private, as `host` for every port or `host:port` for one.
    ///
    /// Mirrors and registries in `insecure` are allowed without standing here.
    pub private: BTreeSet<String>,
    /// Further hosts to which a registry's credentials may be sent for a token, beside those of its own domain.
    pub token_services: BTreeMap<String, BTreeSet<String>>,
    /// How much is read, and how long it is waited for.
    pub limits: Limits,
}

/// Bounds on every conversation.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Pages read of one list of tags.
    pub pages: usize,
    /// Tags read of one image.
    pub tags: usize,
    /// Bytes read of one page of tags.
    pub page_bytes: usize,
    /// Bytes read of one manifest, index or token; the distribution specification asks for 4 MiB.
    pub manifest_bytes: usize,
    /// Bytes read of one image configuration.
    pub config_bytes: usize,
    /// From asking to the last byte of one answer.
    pub request: Duration,
    /// One question with all its pages, retries and redirects.
    pub question: Duration,
    /// Retries after a failure that may pass.
    pub retries: usize,
    /// The first pause before a retry; each next one is twice as long, with jitter.
    pub pause: Duration,
    /// The longest pause that a registry may ask for (`Retry-After`) before the question is given up.
    pub longest_pause: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            pages: 200,
            tags: 50_000,
            page_bytes: 8 << 20,
            manifest_bytes: 4 << 20,
            config_bytes: 4 << 20,
            request: Duration::from_secs(20),
            question: Duration::from_secs(90),
            retries: 3,
            pause: Duration::from_millis(300),
            longest_pause: Duration::from_secs(10),
        }
    }
}

/// The configuration contradicts what is safe.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{setting} {value:?}: {reason}")]
pub struct InvalidConfig {
    setting: &'static str,
    value: String,
    reason: &'static str,
}

/// Where a registry is asked, and under which name its credentials are stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Endpoint {
    /// The origin, with a trailing slash.
    pub base: Url,
    /// The registry's name, or the mirror's host and port: a mirror never sees the credentials of its registry.
    pub account: String,
}

impl RegistryConfig {
    /// What the settings say, with the limits of [`Limits::default`].
    ///
    /// # Errors
    /// When a name is not a registry's, a mirror is not an origin over HTTPS, or plain HTTP would leave this machine.
    pub fn from_settings(settings: &Registries) -> Result<Self, InvalidConfig> {
        let named = |setting, name: &String| {
            let refuse = |_| InvalidConfig { setting, value: name.clone(), reason: "this is not a registry's name" };
            Reference::registry_named(name).map_err(refuse)
        };
        let mirror = |(name, url): (&String, &Url)| Ok((named("registry mirror", name)?, url.clone()));
        let config = Self {
            mirrors: settings.mirrors.iter().map(mirror).collect::<Result<_, _>>()?,
            fallbacks: settings
                .fallbacks
                .iter()
                .map(|name| named("mirror fallback", name))
                .collect::<Result<_, _>>()?,
            insecure: settings
                .insecure
                .iter()
                .map(|name| named("insecure registry", name))
                .collect::<Result<_, _>>()?,
            private: settings.private.clone(),
            token_services: settings
                .token_services
                .iter()
                .map(|(name, hosts)| named("token service", name).map(|name| (name, hosts.clone())))
                .collect::<Result<_, _>>()?,
            ..Self::default()
        };
        config.check()?;
        Ok(config)
    }

    /// Refuses what would send requests in the clear or credentials in a URL.
    pub(super) fn check(&self) -> Result<(), InvalidConfig> {
        for registry in &self.insecure {
            let host = Url::parse(&format!("http://{registry}/")).ok();
            if !host.is_some_and(|url| is_loopback(&url)) {
                let reason = "plain HTTP is for registries on this machine only";
                return Err(InvalidConfig { setting: "insecure registry", value: registry.clone(), reason });
            }
        }
        for registry in &self.fallbacks {
            if !self.mirrors.contains_key(registry) {
                let reason = "it has no mirror to fall back from";
                return Err(InvalidConfig { setting: "mirror fallback", value: registry.clone(), reason });
            }
        }
        for mirror in self.mirrors.values() {
            let refuse = |reason| {
                // A password in the URL must not reach the message.
                let value = mirror.host_str().unwrap_or_default().to_owned();
                Err(InvalidConfig { setting: "registry mirror", value, reason })
            };
            if !(mirror.scheme() == "https" || mirror.scheme() == "http" && is_loopback(mirror)) {
                return refuse("a mirror is reached over https, or over http on this machine");
            }
            if !mirror.username().is_empty() || mirror.password().is_some() {
                return refuse("credentials belong under Settings → Registries, not into the address");
            }
            if mirror.path() != "/" || mirror.query().is_some() {
                return refuse("a mirror is an origin, without path or query");
            }
        }
        Ok(())
    }

    /// Where `registry` is asked; None when its name makes no address.
    pub(super) fn endpoint(&self, registry: &str) -> Option<Endpoint> {
        match self.mirrors.get(registry) {
            Some(mirror) => Some(Endpoint { base: mirror.clone(), account: authority(mirror)? }),
            None => self.own_endpoint(registry),
        }
    }

    /// Where the login kept under `account` is sent: to the mirror of that name, or to the registry itself.
    pub(super) fn own_endpoint(&self, account: &str) -> Option<Endpoint> {
        if let Some(mirror) = self.mirrors.values().find(|mirror| authority(mirror).as_deref() == Some(account)) {
            return Some(Endpoint { base: mirror.clone(), account: account.to_owned() });
        }
        self.origin(account)
    }

    /// Where `registry` itself is asked, whatever stands in for it.
    pub(super) fn origin(&self, registry: &str) -> Option<Endpoint> {
        let base = if registry == DOCKER_HUB {
            "https://registry-1.docker.io/".to_owned()
        } else if self.insecure.contains(registry) {
            format!("http://{registry}/")
        } else {
            format!("https://{registry}/")
        };
        Some(Endpoint { base: Url::parse(&base).ok()?, account: registry.to_owned() })
    }

    /// Whether an administrator allowed `url`'s host and port to be at a private address.
    pub(super) fn allows_private(&self, url: &Url) -> bool {
        let (Some(host), Some(authority)) = (url.host_str(), authority(url)) else { return false };
        let named = |names: &BTreeSet<String>| names.contains(&authority) || self.private.contains(host);
        named(&self.private)
            || self.insecure.contains(&authority)
            || self.mirrors.values().any(|mirror| mirror.origin() == url.origin())
    }

    /// Whether credentials of the registry at `endpoint` may go to the token service on `host`: its own host, a host
    /// below it or beside it (`auth.docker.io` beside `registry-1.docker.io`), or one an administrator named.
    pub(super) fn trusts_token_service(&self, endpoint: &Endpoint, host: &str) -> bool {
        let own = endpoint.base.host_str().unwrap_or_default();
        let below = |domain: &str| host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.'));
        let named = self.token_services.get(&endpoint.account).is_some_and(|hosts| hosts.contains(host));
        if host == own || named {
            return true;
        }
        if parse_address(own).is_some() || parse_address(host).is_some() {
            return false;
        }
        // A parent of one label, such as `io`, is nobody's domain.
        let parent = own.split_once('.').map(|(_, parent)| parent).filter(|parent| parent.contains('.'));
        below(own) || parent.is_some_and(|parent| host == parent || below(parent))
    }
}

/// `host:port`, the port left out where it is the scheme's own.
fn authority(url: &Url) -> Option<String> {
    let host = url.host_str()?;
    Some(url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}")))
}

/// The address that a URL's host is written as, without brackets.
fn parse_address(host: &str) -> Option<IpAddr> {
    host.trim_start_matches('[').trim_end_matches(']').parse().ok()
}

/// Whether the URL can only lead to this machine.
pub(super) fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    host == "localhost" || parse_address(host).is_some_and(|address| address.is_loopback())
}

/// Why `url` must not be contacted by a client that filters addresses only after resolving names; None when it may.
pub(super) fn refusal(url: &Url, config: &RegistryConfig) -> Option<&'static str> {
    if !url.username().is_empty() || url.password().is_some() {
        return Some("its address carries credentials");
    }
    match url.scheme() {
        "https" => {}
        "http" if is_loopback(url) && config.allows_private(url) => {}
        _ => return Some("it is not reached over https"),
    }
    let address = parse_address(url.host_str().unwrap_or_default());
    let private = address.is_some_and(|address| !is_public(address)) || url.host_str() == Some("localhost");
    (private && !config.allows_private(url)).then_some(PRIVATE)
}

pub(super) const PRIVATE: &str = "its address is private";

/// Whether `address` is one of the public internet: not this machine, a private network, or reserved (RFC 6890).
pub(super) fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    !(address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_multicast()
        || address.is_documentation()
        || matches!(a, 0 | 240..=255)
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        || (a == 198 && matches!(b, 18 | 19)))
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let segments = address.segments();
    let embedded = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        is_public_v4(Ipv4Addr::new(a, b, c, d))
    };
    match segments {
        // Addresses that carry an IPv4 address lead where that one leads: mapped, translated (NAT64), 6to4.
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => embedded(high, low),
        [0x2002, high, low, ..] => embedded(high, low),
        // Only 2000::/3 is handed out for the internet; in it Teredo, benchmarks and documentation are not.
        [0x2001, 0 | 2 | 0xdb8, ..] | [0x3fff, ..] => false,
        [first, ..] => first & 0xe000 == 0x2000,
    }
}

/// Resolves names to public addresses only; the connection is then made to exactly these.
#[derive(Clone, Copy, Debug)]
pub(super) struct PublicOnly;

/// Every address of the name is private.
#[derive(Debug, thiserror::Error)]
#[error("the name leads to a private address")]
pub(super) struct PrivateAddress;

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            // The port is replaced by the URL's.
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            let public: Vec<SocketAddr> = found.iter().copied().filter(|found| is_public(found.ip())).collect();
            if public.is_empty() && !found.is_empty() {
                return Err(PrivateAddress.into());
            }
            Ok(Box::new(public.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    fn set(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    #[test]
    fn s18_only_addresses_of_the_internet_are_public() {
        for private in [
            "127.0.0.1",
            "127.9.9.9",
            "0.0.0.0",
            "10.1.2.3",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.0.1",
            "169.254.169.254",
            "100.64.0.1",
            "198.18.0.1",
            "192.0.0.8",
            "192.0.2.1",
            "203.0.113.9",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::10.0.0.1",
            "64:ff9b::a00:1",
            "2002:7f00:1::",
            "fe80::1",
            "fc00::1",
            "fd12::1",
            "fec0::1",
            "ff02::1",
            "2001:db8::1",
            "2001::1",
            "3fff::1",
        ] {
            assert!(!is_public(private.parse().unwrap()), "{private}");
        }
        for public in ["1.1.1.1", "172.32.0.1", "100.128.0.1", "::ffff:1.1.1.1", "64:ff9b::101:101", "2606:4700::1111"]
        {
            assert!(is_public(public.parse().unwrap()), "{public}");
        }
    }

    #[test]
    fn s18_private_hosts_need_an_administrators_word_for_their_port() {
        let config = RegistryConfig {
            insecure: set(&["127.0.0.1:5000", "localhost:5001"]),
            private: set(&["registry.lan", "10.0.0.5:5000"]),
            mirrors: [("docker.io".to_owned(), url("http://127.0.0.1:5002"))].into(),
            ..RegistryConfig::default()
        };
        for allowed in [
            "http://127.0.0.1:5000/v2/",
            "http://localhost:5001/",
            "http://127.0.0.1:5002/v2/",
            "https://10.0.0.5:5000/",
            "https://registry.lan/",
            "https://registry.lan:8443/",
            "https://ghcr.io/",
            "https://1.1.1.1/",
        ] {
            assert_eq!(refusal(&url(allowed), &config), None, "{allowed}");
        }
        for refused in [
            "http://127.0.0.1:5001/",
            "https://127.0.0.1:5432/",
            "https://localhost/",
            "https://10.0.0.5/",
            "https://10.0.0.6/",
            "http://registry.lan/",
            "http://ghcr.io/",
            "https://[::1]/",
            "https://[::ffff:10.0.0.1]/",
            "https://169.254.169.254/",
            "https://2130706433/",
            "https://0x7f.1/",
            "https://user:pass@ghcr.io/",
            "ftp://ghcr.io/",
            "file:///etc/passwd",
        ] {
            assert!(refusal(&url(refused), &config).is_some(), "{refused}");
        }
    }

    #[tokio::test]
    async fn s18_a_name_that_leads_to_this_machine_is_not_resolved() {
        let Err(error) = PublicOnly.resolve("localhost".parse().unwrap()).await else {
            panic!("localhost was resolved")
        };
        assert!(error.is::<PrivateAddress>(), "{error}");
    }

    #[test]
    fn plain_http_beyond_this_machine_is_refused_at_start() {
        let insecure = |name: &str| RegistryConfig { insecure: set(&[name]), ..RegistryConfig::default() }.check();
        assert_eq!(insecure("127.3.2.1:5000"), Ok(()));
        assert_eq!(insecure("localhost:5000"), Ok(()));
        assert_eq!(insecure("[::1]:5000"), Ok(()));
        for name in
            ["registry.lan", "10.0.0.1:5000", "localhost.evil.example", "127.0.0.1.evil.example", "0.0.0.0:5000", "a b"]
        {
            assert!(insecure(name).is_err(), "{name}");
        }
        let mirror = |text: &str| {
            RegistryConfig { mirrors: [("docker.io".to_owned(), url(text))].into(), ..RegistryConfig::default() }
                .check()
        };
        assert_eq!(mirror("https://mirror.lan"), Ok(()));
        assert_eq!(mirror("http://127.0.0.1:5000"), Ok(()));
        for text in ["http://mirror.lan", "https://mirror.lan/hub", "https://mirror.lan/?a", "ftp://127.0.0.1"] {
            assert!(mirror(text).is_err(), "{text}");
        }
        assert!(!mirror("https://ci:hidden@mirror.lan").unwrap_err().to_string().contains("hidden"));
    }

    #[test]
    fn settings_name_registries_as_images_do() {
        let settings = Registries {
            mirrors: [("index.docker.io".to_owned(), url("http://127.0.0.1:5002"))].into(),
            insecure: set(&["LOCALHOST:5000"]),
            ..Registries::default()
        };
        let config = RegistryConfig::from_settings(&settings).unwrap();
        assert_eq!(config.endpoint("docker.io").unwrap().base, url("http://127.0.0.1:5002"));
        assert_eq!(config.endpoint("localhost:5000").unwrap().base, url("http://localhost:5000"));

        let refused = Registries { insecure: set(&["registry.lan"]), ..Registries::default() };
        let said = RegistryConfig::from_settings(&refused).unwrap_err().to_string();
        assert_eq!(said, "insecure registry \"registry.lan\": plain HTTP is for registries on this machine only");
        let refused = Registries { insecure: set(&["http://localhost:5000"]), ..Registries::default() };
        assert!(RegistryConfig::from_settings(&refused).is_err());
    }

    #[test]
    fn each_registry_has_its_origin() {
        let config = RegistryConfig {
            insecure: set(&["localhost:5000"]),
            mirrors: [("quay.io".to_owned(), url("https://mirror.lan:8443"))].into(),
            ..RegistryConfig::default()
        };
        let cases = [
            ("docker.io", "https://registry-1.docker.io/", "docker.io"),
            ("ghcr.io", "https://ghcr.io/", "ghcr.io"),
            ("localhost:5000", "http://localhost:5000/", "localhost:5000"),
            ("quay.io", "https://mirror.lan:8443/", "mirror.lan:8443"),
        ];
        for (registry, base, account) in cases {
            let expected = Endpoint { base: url(base), account: account.to_owned() };
            assert_eq!(config.endpoint(registry), Some(expected), "{registry}");
        }
    }

    #[test]
    fn s23_credentials_go_to_the_registrys_own_token_service_only() {
        let config = RegistryConfig {
            token_services: [("lscr.io".to_owned(), set(&["ghcr.io"]))].into(),
            ..RegistryConfig::default()
        };
        let trusts =
            |registry: &str, host: &str| config.trusts_token_service(&config.endpoint(registry).unwrap(), host);
        for (registry, host) in [
            ("docker.io", "auth.docker.io"),
            ("ghcr.io", "ghcr.io"),
            ("registry.gitlab.com", "gitlab.com"),
            ("lscr.io", "ghcr.io"),
            ("docker.elastic.co", "docker-auth.elastic.co"),
            ("git.example.org:5050", "git.example.org"),
            ("10.0.0.1:5000", "10.0.0.1"),
        ] {
            assert!(trusts(registry, host), "{registry} → {host}");
        }
        for (registry, host) in [
            ("docker.io", "evil.example"),
            ("docker.io", "docker.io.evil.example"),
            ("docker.io", "evildocker.io"),
            ("ghcr.io", "quay.io"),
            ("ghcr.io", "evil-ghcr.io"),
            ("ghcr.io", "io"),
            ("10.0.0.1", "11.0.0.1"),
            ("10.0.0.1", "x.0.0.1"),
            ("localhost:1", "127.0.0.1"),
        ] {
            assert!(!trusts(registry, host), "{registry} → {host}");
        }
    }
}
