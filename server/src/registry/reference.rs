//! Image names, read and normalised once.
//!
//! The grammar is that of distribution/reference (`reference/regexp.go`), the one the engine uses, so that a name
//! means the same image here and there.

use std::fmt;
use std::str::FromStr;

use sha2::Digest as _;

/// The registry a name without a host means.
pub const DOCKER_HUB: &str = "docker.io";

/// Hosts under which Docker Hub answers as well; all are written [`DOCKER_HUB`] once read.
const DOCKER_HUB_ALIASES: [&str; 3] = ["index.docker.io", "registry-1.docker.io", "registry.hub.docker.com"];

/// The longest name (host and repository) that registries accept.
const LONGEST_NAME: usize = 255;

/// Names an image: registry, repository, and what of it (tag, digest, both or neither).
///
/// `Display` gives the short name as people write it (`nginx:1.30.4`); the alternate form `{:#}` gives the whole
/// (`docker.io/library/nginx:1.30.4`). Both read back as the same reference.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Reference {
    registry: String,
    repository: String,
    tag: Option<String>,
    digest: Option<Digest>,
}

/// The text is not an image name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("reading the image name {text:?}: {reason}")]
pub struct InvalidReference {
    text: String,
    reason: &'static str,
}

/// A content address: `sha256:` and 64, or `sha512:` and 128, lower-case hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest(String);

/// The text is not a digest that we can check.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a digest is sha256: and 64, or sha512: and 128, lower-case hexadecimal digits")]
pub struct InvalidDigest;

impl Reference {
    /// The one name of a registry, whatever alias or case was written: a host, with a port if it needs one.
    ///
    /// # Errors
    /// When `text` is not a registry's name.
    pub fn registry_named(text: &str) -> Result<String, InvalidReference> {
        // A namespace and a name, so that Docker Hub's own short forms play no part.
        match format!("{text}/a/b").parse::<Self>() {
            Ok(reference) if reference.repository == "a/b" => Ok(reference.registry),
            _ => Err(InvalidReference::of(text, "a registry is a host, with a port if it needs one, and no path")),
        }
    }

    /// The host that answers for the image, with its port where one was given; `docker.io` for Docker Hub.
    pub fn registry(&self) -> &str {
        &self.registry
    }

    /// The path inside the registry; on Docker Hub always with its namespace (`library/nginx`).
    pub fn repository(&self) -> &str {
        &self.repository
    }

    /// The tag, if the name had one.
    pub fn tag(&self) -> Option<&str> {
        self.tag.as_deref()
    }

    /// The digest, if the name had one.
    pub fn digest(&self) -> Option<&Digest> {
        self.digest.as_ref()
    }

    /// What a registry is asked for: the digest, else the tag, else `latest` as the engine does.
    pub fn selector(&self) -> &str {
        match (&self.digest, &self.tag) {
            (Some(digest), _) => digest.as_str(),
            (None, Some(tag)) => tag,
            (None, None) => "latest",
        }
    }

    /// The same image under another tag, without a digest.
    ///
    /// # Errors
    /// When `tag` is not a tag.
    pub fn with_tag(&self, tag: &str) -> Result<Self, InvalidReference> {
        if !is_tag(tag) {
            return Err(InvalidReference::of(tag, TAG_RULE));
        }
        Ok(Self { tag: Some(tag.to_owned()), digest: None, ..self.clone() })
    }

    /// The same image, and tag if any, pinned to `digest`.
    pub fn with_digest(&self, digest: Digest) -> Self {
        Self { digest: Some(digest), ..self.clone() }
    }

    /// The image without tag and digest: what all its versions share.
    pub fn image(&self) -> Self {
        Self { tag: None, digest: None, ..self.clone() }
    }
}

impl FromStr for Reference {
    type Err = InvalidReference;

    fn from_str(text: &str) -> Result<Self, InvalidReference> {
        let refuse = |reason| InvalidReference::of(text, reason);
        let (rest, digest) = match text.split_once('@') {
            Some((rest, digest)) => (rest, Some(digest.parse().map_err(|InvalidDigest| refuse(DIGEST_RULE))?)),
            None => (text, None),
        };
        // A colon after the last slash starts a tag; one before it is a port.
        let path_start = rest.rfind('/').map_or(0, |slash| slash + 1);
        let (name, tag) = match rest[path_start..].split_once(':') {
            Some((last, tag)) => (&rest[..path_start + last.len()], Some(tag)),
            None => (rest, None),
        };
        if tag.is_some_and(|tag| !is_tag(tag)) {
            return Err(refuse(TAG_RULE));
        }
        if name.is_empty() {
            return Err(refuse("it is empty"));
        }
        let (registry, path) = split_host(name);
        let registry = registry.to_ascii_lowercase();
        if !is_host(&registry) {
            return Err(refuse("its registry is not a host name with an optional port"));
        }
        // Capitals make a host of a bare word; in lower case, as hosts are written, it would be a name on Docker Hub.
        if split_host(&format!("{registry}/{path}")).0 != registry && registry != DOCKER_HUB {
            return Err(refuse(
                "its first part has capitals; a registry has a dot or a port, and other names have none",
            ));
        }
        if !path.split('/').all(is_path_component) {
            return Err(refuse(
                "its path has lower-case letters and digits, joined by single dots, one or two underscores, or dashes",
            ));
        }
        let registry = if DOCKER_HUB_ALIASES.contains(&registry.as_str()) { DOCKER_HUB.to_owned() } else { registry };
        let repository =
            if registry == DOCKER_HUB && !path.contains('/') { format!("library/{path}") } else { path.to_owned() };
        if registry.len() + 1 + repository.len() > LONGEST_NAME {
            return Err(refuse("it is longer than 255 characters"));
        }
        Ok(Self { registry, repository, tag: tag.map(str::to_owned), digest })
    }
}

const TAG_RULE: &str = "a tag has up to 128 letters, digits, underscores, dots and dashes, and starts with none of the \
                        last two";
const DIGEST_RULE: &str = "a digest is sha256: and 64, or sha512: and 128, lower-case hexadecimal digits";

/// The part before the first slash is a host when it could not be a namespace of Docker Hub.
fn split_host(name: &str) -> (&str, &str) {
    match name.split_once('/') {
        Some((host, path))
            if host.contains(['.', ':']) || host == "localhost" || host.chars().any(|c| c.is_ascii_uppercase()) =>
        {
            (host, path)
        }
        _ => (DOCKER_HUB, name),
    }
}

fn is_host(host: &str) -> bool {
    let (name, port) = match host.strip_prefix('[') {
        Some(rest) => match rest.split_once(']') {
            Some((address, port)) if address.parse::<std::net::Ipv6Addr>().is_ok() => {
                return port.is_empty() || port.strip_prefix(':').is_some_and(is_port);
            }
            _ => return false,
        },
        None => match host.split_once(':') {
            Some((name, port)) => (name, Some(port)),
            None => (host, None),
        },
    };
    port.is_none_or(is_port) && name.split('.').all(is_host_label)
}

fn is_port(port: &str) -> bool {
    port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok_and(|port| port > 0)
}

fn is_host_label(label: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric();
    !label.is_empty()
        && label.len() <= 63
        && label.bytes().all(|byte| plain(byte) || byte == b'-')
        && label.bytes().next().is_some_and(plain)
        && label.bytes().last().is_some_and(plain)
}

fn is_path_component(component: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let ends_plain = component.bytes().next().is_some_and(plain) && component.bytes().last().is_some_and(plain);
    ends_plain
        && component
            .split(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
            .all(|separator| matches!(separator, "" | "." | "_" | "__") || separator.bytes().all(|byte| byte == b'-'))
}

/// Whether `text` is a tag: `[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}`.
pub(crate) fn is_tag(text: &str) -> bool {
    let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    text.len() <= 128
        && text.bytes().next().is_some_and(word)
        && text.bytes().all(|byte| word(byte) || matches!(byte, b'.' | b'-'))
}

impl InvalidReference {
    fn of(text: &str, reason: &'static str) -> Self {
        // A hostile name must not fill a log line.
        Self { text: text.chars().take(120).collect(), reason }
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let short = !f.alternate() && self.registry == DOCKER_HUB;
        let short_path = self.repository.strip_prefix("library/").filter(|path| !path.contains('/'));
        match (short, short_path) {
            (true, Some(path)) => f.write_str(path)?,
            // A first component such as `a.b` would read back as a host.
            (true, None) if split_host(&self.repository).0 == DOCKER_HUB => f.write_str(&self.repository)?,
            _ => write!(f, "{}/{}", self.registry, self.repository)?,
        }
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(f, "@{digest}")?;
        }
        Ok(())
    }
}

impl Digest {
    /// The SHA-256 digest of `content`.
    pub fn of(content: &[u8]) -> Self {
        Self(format!("sha256:{}", hex::encode(sha2::Sha256::digest(content))))
    }

    /// The digest as registries write it, algorithm first.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The digest of `content` under the same algorithm as this one.
    pub fn same_algorithm_of(&self, content: &[u8]) -> Self {
        if self.0.starts_with("sha512:") {
            Self(format!("sha512:{}", hex::encode(sha2::Sha512::digest(content))))
        } else {
            Self::of(content)
        }
    }
}

impl FromStr for Digest {
    type Err = InvalidDigest;

    fn from_str(text: &str) -> Result<Self, InvalidDigest> {
        let hex = match text.split_once(':') {
            Some(("sha256", hex)) if hex.len() == 64 => hex,
            Some(("sha512", hex)) if hex.len() == 128 => hex,
            _ => return Err(InvalidDigest),
        };
        let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if hex.bytes().all(is_hex) { Ok(Self(text.to_owned())) } else { Err(InvalidDigest) }
    }
}

impl serde::Serialize for Digest {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> serde::Deserialize<'de> for Digest {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SUM: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn names_are_normalised_once() {
        let pinned = format!("nginx:1.30.4@{SUM}");
        let cases: &[(&str, &str, &str, Option<&str>, &str)] = &[
            ("nginx", "docker.io", "library/nginx", None, "nginx"),
            ("nginx:1.30.4-alpine", "docker.io", "library/nginx", Some("1.30.4-alpine"), "nginx:1.30.4-alpine"),
            ("library/nginx", "docker.io", "library/nginx", None, "nginx"),
            ("docker.io/nginx", "docker.io", "library/nginx", None, "nginx"),
            ("index.docker.io/library/nginx:1", "docker.io", "library/nginx", Some("1"), "nginx:1"),
            ("registry-1.docker.io/gitea/gitea", "docker.io", "gitea/gitea", None, "gitea/gitea"),
            ("Docker.IO/nginx", "docker.io", "library/nginx", None, "nginx"),
            ("gitea/gitea:1.27.2", "docker.io", "gitea/gitea", Some("1.27.2"), "gitea/gitea:1.27.2"),
            ("ghcr.io/wekan/wekan:v10.99", "ghcr.io", "wekan/wekan", Some("v10.99"), "ghcr.io/wekan/wekan:v10.99"),
            ("localhost/a", "localhost", "a", None, "localhost/a"),
            ("localhost:5000/a:5000", "localhost:5000", "a", Some("5000"), "localhost:5000/a:5000"),
            ("127.0.0.1:5000/demo/web", "127.0.0.1:5000", "demo/web", None, "127.0.0.1:5000/demo/web"),
            ("[::1]:5000/a/b:x", "[::1]:5000", "a/b", Some("x"), "[::1]:5000/a/b:x"),
            ("a__b/c-d--e.f_g", "docker.io", "a__b/c-d--e.f_g", None, "a__b/c-d--e.f_g"),
            ("docker.io/a.b/c", "docker.io", "a.b/c", None, "docker.io/a.b/c"),
            // Legal, if odd: a host needs a path, to the engine as well.
            ("ghcr.io", "docker.io", "library/ghcr.io", None, "ghcr.io"),
            ("quay.io/a/b/c/d", "quay.io", "a/b/c/d", None, "quay.io/a/b/c/d"),
            (&pinned, "docker.io", "library/nginx", Some("1.30.4"), &pinned),
        ];
        for (text, registry, repository, tag, short) in cases {
            let reference: Reference = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(
                (reference.registry(), reference.repository(), reference.tag(), reference.to_string().as_str()),
                (*registry, *repository, *tag, *short),
                "{text}"
            );
            assert!(format!("{reference:#}").starts_with(&format!("{registry}/{repository}")), "{text}");
            assert_eq!(short.parse::<Reference>().as_ref(), Ok(&reference), "short form of {text}");
            assert_eq!(format!("{reference:#}").parse::<Reference>(), Ok(reference), "full form of {text}");
        }
    }

    #[test]
    fn what_is_not_an_image_name_is_refused() {
        let long = format!("ghcr.io/{}", "a".repeat(250));
        let long_tag = format!("nginx:{}", "a".repeat(129));
        let upper_digest = format!("nginx@{}", SUM.to_uppercase());
        for text in [
            "",
            ":",
            "@",
            "/",
            "nginx:",
            "nginx@",
            "nginx:-x",
            "nginx:.x",
            "Nginx",
            "a//b",
            "/a",
            "a/",
            "a/b/",
            "ghcr.io/",
            "-a",
            "a-",
            "a..b",
            "a___b",
            "a._b",
            "../x",
            "a/../b",
            "nginx:a/b",
            "nginx:a:b",
            "nginx@sha256:abc",
            "nginx@md5:d41d8cd98f00b204e9800998ecf8427e",
            "http://ghcr.io/a",
            "https://ghcr.io/a/b",
            "ghcr.io:99999/a",
            "ghcr.io:0/a",
            "ghcr.io:/a",
            "ghcr.io:+1/a",
            "-x.io/a",
            "x-.io/a",
            "a..io/b",
            "[::1/a",
            "[zz]:1/a",
            "u@h.io/a",
            "h.io/a?x=1",
            "h.io/a#x",
            "h.io/a%2f",
            "nginx\n",
            " nginx",
            "nginx ",
            "ng\0inx",
            "é",
            "$(id)",
            "a;b",
            "a\u{202e}b",
            long.as_str(),
            long_tag.as_str(),
            upper_digest.as_str(),
        ] {
            assert!(text.parse::<Reference>().is_err(), "{text:?} was taken for an image name");
        }
    }

    #[test]
    fn s29_a_refused_name_is_quoted_without_its_control_characters() {
        let refused = "nginx\r\nX-Evil: 1".parse::<Reference>().unwrap_err();
        assert!(!refused.to_string().contains(['\r', '\n']));
    }

    #[test]
    fn a_registry_has_one_name() {
        for (text, name) in [
            ("docker.io", "docker.io"),
            ("index.docker.io", "docker.io"),
            ("GHCR.io", "ghcr.io"),
            ("localhost", "localhost"),
            ("127.0.0.1:5000", "127.0.0.1:5000"),
        ] {
            assert_eq!(Reference::registry_named(text).as_deref(), Ok(name), "{text}");
        }
        for text in
            ["", "ghcr", "https://ghcr.io", "ghcr.io/", "ghcr.io/wekan", "a b", "ghcr.io\n", "-x.io", "u@ghcr.io"]
        {
            assert!(Reference::registry_named(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn the_digest_is_asked_for_before_the_tag() {
        let reference: Reference = format!("nginx:1@{SUM}").parse().unwrap();
        assert_eq!(reference.selector(), SUM);
        assert_eq!(reference.with_tag("2").unwrap().selector(), "2");
        assert_eq!(reference.image().selector(), "latest");
        assert!(reference.with_tag("../2").is_err());
    }

    #[test]
    fn a_digest_is_the_hash_of_the_content() {
        assert_eq!(Digest::of(b"").as_str(), SUM);
        let long: Digest = format!("sha512:{}", "0".repeat(128)).parse().unwrap();
        assert!(long.same_algorithm_of(b"").as_str().starts_with("sha512:cf83e1357eefb8bd"));
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused_and_what_is_read_reads_back(text in "\\PC{0,60}|[a-z./:@_-]{0,40}|[a-z]{1,8}(\\.[a-z]{2})?(:[0-9]{1,5})?/[a-z-]{1,9}(:[a-z0-9.]{1,5})?") {
            if let Ok(reference) = text.parse::<Reference>() {
                prop_assert_eq!(reference.to_string().parse::<Reference>(), Ok(reference.clone()));
                prop_assert_eq!(format!("{reference:#}").parse::<Reference>(), Ok(reference));
            }
        }
    }
}
