//! What a registry asks for before it answers (RFC 9110, section 11.6.1; distribution specification, token scheme).

use reqwest::header::{HeaderMap, WWW_AUTHENTICATE};

/// How a registry wants to be convinced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Challenge {
    /// Name and password with every request.
    Basic,
    /// A token, fetched from `realm` for `service`.
    Bearer { realm: String, service: Option<String> },
}

/// The first challenge that we can answer, bearer before basic; None when there is none.
pub(super) fn read(headers: &HeaderMap) -> Option<Challenge> {
    let texts = headers.get_all(WWW_AUTHENTICATE).iter().filter_map(|value| value.to_str().ok());
    let challenges: Vec<Challenge> = texts.flat_map(challenges).collect();
    let bearer = challenges.iter().find(|challenge| matches!(challenge, Challenge::Bearer { .. }));
    bearer.or_else(|| challenges.first()).cloned()
}

/// Every challenge of one header line that we know.
fn challenges(text: &str) -> Vec<Challenge> {
    let mut found: Vec<(String, Vec<(String, String)>)> = Vec::new();
    for part in split_outside_quotes(text) {
        // A part is `name=value`, or starts a challenge: `Scheme` or `Scheme name=value`.
        let (word, rest) = part.split_at(part.find([' ', '=']).unwrap_or(part.len()));
        let parameter = if rest.trim_start().starts_with('=') {
            part
        } else {
            found.push((word.to_ascii_lowercase(), Vec::new()));
            rest.trim_start()
        };
        if let (Some((name, value)), Some((_, parameters))) = (parameter.split_once('='), found.last_mut()) {
            parameters.push((name.trim().to_ascii_lowercase(), unquote(value.trim())));
        }
    }
    found.into_iter().filter_map(|(scheme, parameters)| known(&scheme, &parameters)).collect()
}

fn known(scheme: &str, parameters: &[(String, String)]) -> Option<Challenge> {
    let parameter = |name: &str| parameters.iter().find(|(found, _)| found == name).map(|(_, value)| value.clone());
    match scheme {
        "basic" => Some(Challenge::Basic),
        "bearer" => Some(Challenge::Bearer { realm: parameter("realm")?, service: parameter("service") }),
        _ => None,
    }
}

/// The comma-separated parts, where a comma inside quotes separates nothing (scopes have them).
fn split_outside_quotes(text: &str) -> Vec<&str> {
    let (mut parts, mut start, mut quoted, mut escaped) = (Vec::new(), 0, false, false);
    for (index, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            ',' if !quoted => {
                parts.push(text[start..index].trim());
                start = index + 1;
            }
            _ => {}
        }
    }
    parts.push(text[start..].trim());
    parts.retain(|part| !part.is_empty());
    parts
}

fn unquote(value: &str) -> String {
    let Some(inner) = value.strip_prefix('"') else { return value.to_owned() };
    let (mut text, mut escaped) = (String::with_capacity(inner.len()), false);
    for c in inner.chars() {
        match c {
            '\\' if !escaped => escaped = true,
            '"' if !escaped => break,
            _ => {
                text.push(c);
                escaped = false;
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use reqwest::header::HeaderValue;

    use super::*;

    fn read_lines(lines: &[&str]) -> Option<Challenge> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(WWW_AUTHENTICATE, HeaderValue::from_str(line).unwrap());
        }
        read(&headers)
    }

    fn bearer(realm: &str, service: Option<&str>) -> Option<Challenge> {
        Some(Challenge::Bearer { realm: realm.to_owned(), service: service.map(str::to_owned) })
    }

    #[test]
    fn challenges_of_real_registries_are_understood() {
        let hub = r#"Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:a/b:pull,push",error="invalid_token""#;
        assert_eq!(read_lines(&[hub]), bearer("https://auth.docker.io/token", Some("registry.docker.io")));
        assert_eq!(read_lines(&["bearer realm=https://a.example/t"]), bearer("https://a.example/t", None));
        assert_eq!(
            read_lines(&[r#"Bearer realm = "https://a.example/t" , service = x"#]),
            bearer("https://a.example/t", Some("x"))
        );
        assert_eq!(read_lines(&[r#"Basic realm="Sonatype Nexus, \"Manager\"""#]), Some(Challenge::Basic));
        assert_eq!(read_lines(&["BASIC"]), Some(Challenge::Basic));
        assert_eq!(
            read_lines(&[r#"Negotiate, Basic realm="x", Bearer realm="https://a.example/t",service="s""#]),
            bearer("https://a.example/t", Some("s"))
        );
        assert_eq!(
            read_lines(&["Basic realm=x", r#"Bearer realm="https://a.example""#]),
            bearer("https://a.example", None)
        );
    }

    #[test]
    fn other_challenges_are_none() {
        for line in
            ["", "Negotiate", r#"Digest realm="x", nonce="y""#, "Bearer", r#"Bearer service="s""#, ",,,", "=", "\""]
        {
            assert_eq!(read_lines(&[line]), None, "{line}");
        }
        assert_eq!(read_lines(&[]), None);
    }

    proptest! {
        #[test]
        fn no_header_breaks_the_reading(line in "[ -~]{0,80}") {
            let _ = read_lines(&[&line]);
        }

        #[test]
        fn every_realm_comes_back(realm in "[ -~]{0,40}") {
            let quoted = realm.replace('\\', "\\\\").replace('"', "\\\"");
            prop_assert_eq!(read_lines(&[&format!("Bearer scope=\"a,b\", realm=\"{quoted}\"")]), bearer(&realm, None));
        }
    }
}
