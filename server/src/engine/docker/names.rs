//! Names and ids as they go into the path of a request.
//!
//! The client joins paths without encoding them, so whatever is put there is checked against the engine's own patterns
//! first: `../`, `%2e`, `?` and `#` never leave the process.

use crate::engine::{Error, Result};

/// Longest name accepted; the engine itself knows no limit that low, a path does.
const LONGEST: usize = 255;

/// Checks the id or name of a container, network or volume: `[a-zA-Z0-9][a-zA-Z0-9_.-]*`, which hex ids match as well.
///
/// # Errors
/// [`Error::Refused`] when it is anything else.
pub(super) fn name<'a>(kind: &str, name: &'a str) -> Result<&'a str> {
    if name.len() <= LONGEST && is_part(name, b"_.-") {
        return Ok(name);
    }
    Err(Error::Refused {
        what: format!("looking for a {kind}"),
        reason: format!("{name:?} is neither an id nor a name of a {kind}"),
    })
}

/// Checks an image reference: an id, `repository:tag` or `repository@digest`, with a registry in front or without.
///
/// # Errors
/// [`Error::Refused`] when it is anything else.
pub(super) fn image(reference: &str) -> Result<&str> {
    if reference.len() <= 2 * LONGEST && reference.split('/').all(|part| is_part(part, b"_.-:@")) {
        return Ok(reference);
    }
    Err(Error::Refused {
        what: "looking for an image".to_owned(),
        reason: format!("{reference:?} is not an image reference"),
    })
}

/// Checks a repository without tag and digest; a registry's port may stand in its first part.
///
/// # Errors
/// [`Error::Refused`] when it is anything else.
pub(super) fn repository(repository: &str) -> Result<&str> {
    let mut parts = repository.split('/').peekable();
    let mut is_first = true;
    let mut is_repository = repository.len() <= LONGEST;
    while let Some(part) = parts.next() {
        let marks: &[u8] = if is_first && parts.peek().is_some() { b"_.-:" } else { b"_.-" };
        is_repository &= is_part(part, marks);
        is_first = false;
    }
    if is_repository {
        return Ok(repository);
    }
    Err(Error::Refused {
        what: "naming an image".to_owned(),
        reason: format!("{repository:?} is not an image repository"),
    })
}

/// Checks a digest: `sha256:` and 64 lower-case hex digits.
///
/// # Errors
/// [`Error::Refused`] when it is anything else.
pub(super) fn digest(digest: &str) -> Result<&str> {
    let hex = digest.strip_prefix("sha256:").unwrap_or_default();
    if hex.len() == 64 && hex.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
        return Ok(digest);
    }
    Err(Error::Refused {
        what: "naming an image".to_owned(),
        reason: format!("{digest:?} is not a digest (sha256: and 64 hex digits)"),
    })
}

/// Whether `part` starts with a letter or digit and goes on with those and `marks`.
fn is_part(part: &str, marks: &[u8]) -> bool {
    part.bytes().next().is_some_and(|first| first.is_ascii_alphanumeric())
        && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || marks.contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_and_names_pass() {
        for good in ["gitea-db-1", "a", "0f3c", &"a".repeat(64), "x_y.z"] {
            assert!(name("container", good).is_ok(), "{good}");
        }
    }

    #[test]
    fn s12_what_would_leave_its_place_in_the_path_is_refused() {
        for bad in
            ["", "..", ".", "../../info", "a/../b", "a%2fb", "%2e%2e", "a?force=1", "a#b", "a b", "ä", &"a".repeat(256)]
        {
            assert!(matches!(name("container", bad), Err(Error::Refused { .. })), "{bad}");
        }
        for bad in ["", "a/../b", "a//b", "/a", "a/", "a?x", "a%2e", "a#b", "a b", "../a"] {
            assert!(matches!(image(bad), Err(Error::Refused { .. })), "{bad}");
        }
    }

    #[test]
    fn references_repositories_and_digests_pass() {
        let hex = "a".repeat(64);
        for good in [
            "nginx:1.27",
            &format!("sha256:{hex}"),
            &format!("127.0.0.1:5000/library/nginx@sha256:{hex}"),
            "ghcr.io/a/b_c:v1.2.3-x",
        ] {
            assert!(image(good).is_ok(), "{good}");
        }
        for good in ["nginx", "docker.io/library/nginx", "127.0.0.1:5000/library/nginx", "localhost:5000/a"] {
            assert!(repository(good).is_ok(), "{good}");
        }
        for bad in ["nginx:1.27", "a/b:1", "a@b", "https://a/b", ""] {
            assert!(repository(bad).is_err(), "{bad}");
        }
        assert!(digest(&format!("sha256:{hex}")).is_ok());
        for bad in ["sha256:abc", &hex, &format!("sha256:{}", "A".repeat(64)), &format!("sha512:{hex}")] {
            assert!(digest(bad).is_err(), "{bad}");
        }
    }
}
