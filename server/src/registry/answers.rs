//! Reads what registries answer. Pure: bytes and headers in, values or a [`Fault`] out; nothing here is trusted.

use std::time::Duration;

use jiff::Timestamp;
use oci_spec::image::{Descriptor, ImageConfiguration, ImageIndex, ImageManifest};
use reqwest::Url;
use reqwest::header::{CONTENT_TYPE, HeaderMap, LINK, RETRY_AFTER};
use serde::Deserialize;

use super::reference::is_tag;
use super::{Build, Config, Digest, Fault, Platform, Quota};

/// The manifest kinds that we read, indexes first, so that a registry holding both gives the index.
pub(super) const MANIFEST_TYPES: &str = "application/vnd.oci.image.index.v1+json, \
     application/vnd.docker.distribution.manifest.list.v2+json, application/vnd.oci.image.manifest.v1+json, \
     application/vnd.docker.distribution.manifest.v2+json";

const INDEX_TYPES: [&str; 2] =
    ["application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json"];
const IMAGE_TYPES: [&str; 2] =
    ["application/vnd.oci.image.manifest.v1+json", "application/vnd.docker.distribution.manifest.v2+json"];
const CONFIG_TYPES: [&str; 2] =
    ["application/vnd.oci.image.config.v1+json", "application/vnd.docker.container.image.v1+json"];

/// More platforms than any image has.
const MOST_BUILDS: usize = 500;

/// What a manifest's bytes say.
#[derive(Debug)]
pub(super) enum Described {
    Index(Vec<Build>),
    Image(Layers),
}

/// One platform's manifest.
#[derive(Debug)]
pub(super) struct Layers {
    /// Where the configuration is.
    pub config: Digest,
    /// Compressed size of all layers in bytes.
    pub size_bytes: u64,
}

/// A token and how long it serves.
pub(super) struct Token {
    pub text: String,
    pub lifetime: Duration,
}

/// The names on one page of tags; what is no tag by the specification is left out.
pub(super) fn tag_page(body: &[u8]) -> Result<Vec<String>, Fault> {
    #[derive(Deserialize)]
    struct Page {
        // Registries say null for a repository without tags.
        tags: Option<Vec<String>>,
    }
    let page: Page = json(body)?;
    let mut names = page.tags.unwrap_or_default();
    names.retain(|name| is_tag(name));
    Ok(names)
}

/// The next page (RFC 8288, relation `next`), which must be on the same origin as this one.
pub(super) fn next_page(headers: &HeaderMap, page: &Url) -> Result<Option<Url>, Fault> {
    let links = headers.get_all(LINK).iter().filter_map(|value| value.to_str().ok());
    let next = links.flat_map(|links| links.split(',')).find_map(|link| {
        let (target, parameters) = link.trim().strip_prefix('<')?.split_once('>')?;
        let is_next = |parameter: &str| {
            let (name, value) = parameter.split_once('=').unwrap_or_default();
            name.trim().eq_ignore_ascii_case("rel") && value.trim().trim_matches('"').eq_ignore_ascii_case("next")
        };
        parameters.split(';').any(is_next).then_some(target)
    });
    let Some(target) = next else { return Ok(None) };
    let url = page.join(target).map_err(|_| Fault::Link)?;
    let own = url.origin() == page.origin() && url.username().is_empty() && url.password().is_none();
    if own { Ok(Some(url)) } else { Err(Fault::Link) }
}

/// Reads an index or a manifest by its content type, or by what it says of itself where the header is missing.
pub(super) fn manifest(headers: &HeaderMap, body: &[u8]) -> Result<Described, Fault> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Kind {
        media_type: Option<String>,
    }
    let kind = match content_type(headers) {
        Some(kind) => kind,
        None => json::<Kind>(body)?.media_type.unwrap_or_default(),
    };
    if INDEX_TYPES.contains(&kind.as_str()) {
        let index: ImageIndex = json(body)?;
        return index
            .manifests()
            .iter()
            .take(MOST_BUILDS)
            .filter_map(index_entry)
            .collect::<Result<_, _>>()
            .map(Described::Index);
    }
    if !IMAGE_TYPES.contains(&kind.as_str()) {
        return Err(wrong_type(&kind, body));
    }
    let image: ImageManifest = json(body)?;
    let config_type = image.config().media_type().to_string();
    if !CONFIG_TYPES.contains(&config_type.as_str()) {
        // A chart or another artifact in the same registry.
        return Err(Fault::ContentType(shorten(&config_type)));
    }
    let size_bytes = image.layers().iter().fold(0_u64, |sum, layer| sum.saturating_add(layer.size()));
    Ok(Described::Image(Layers { config: digest_of(image.config())?, size_bytes }))
}

/// One line of an index; None for what is no image, such as attestations.
fn index_entry(entry: &Descriptor) -> Option<Result<Build, Fault>> {
    let platform = entry.platform().as_ref()?;
    let platform = Platform {
        os: shorten(&platform.os().to_string()),
        architecture: shorten(&platform.architecture().to_string()),
        variant: shorten(platform.variant().as_deref().unwrap_or_default()),
    };
    if platform.os == "unknown" || platform.architecture == "unknown" {
        return None;
    }
    Some(digest_of(entry).map(|digest| Build { platform, digest, size_bytes: None }))
}

fn digest_of(descriptor: &Descriptor) -> Result<Digest, Fault> {
    descriptor.digest().to_string().parse().map_err(|_| Fault::Malformed)
}

/// Reads an image configuration.
pub(super) fn config(body: &[u8], size_bytes: u64) -> Result<Config, Fault> {
    let read: ImageConfiguration = json(body)?;
    let labels = read.config().as_ref().and_then(|config| config.labels().clone()).unwrap_or_default();
    Ok(Config {
        platform: Platform {
            os: shorten(&read.os().to_string()),
            architecture: shorten(&read.architecture().to_string()),
            variant: shorten(read.variant().as_deref().unwrap_or_default()),
        },
        // A date that cannot be read is as good as none: it is shown, never decided upon.
        created_at: read.created().as_deref().and_then(|created| created.parse().ok()),
        labels: labels.into_iter().collect(),
        size_bytes,
    })
}

/// Reads a token service's answer (distribution specification, token authentication).
pub(super) fn token(body: &[u8]) -> Result<Token, Fault> {
    #[derive(Deserialize)]
    struct Answer {
        token: Option<String>,
        access_token: Option<String>,
        expires_in: Option<u64>,
    }
    let answer: Answer = json(body)?;
    let text = answer.token.or(answer.access_token).filter(|token| !token.is_empty()).ok_or(Fault::Malformed)?;
    // The specification's value when the service does not say; an hour is the longest that we trust one.
    let lifetime = Duration::from_secs(answer.expires_in.unwrap_or(60).min(3600));
    Ok(Token { text, lifetime })
}

/// What is left of the allowance: `ratelimit-limit: 100;w=21600` and its sibling.
pub(super) fn quota(headers: &HeaderMap, now: Timestamp) -> Option<Quota> {
    let read = |name: &str| {
        let text = headers.get(name)?.to_str().ok()?;
        let (count, rest) = text.split_once(';').unwrap_or((text, ""));
        let window = rest.split(';').find_map(|part| part.trim().strip_prefix("w=")?.parse().ok());
        Some((count.trim().parse::<u32>().ok()?, window))
    };
    let (limit, window) = read("ratelimit-limit").or_else(|| read("x-ratelimit-limit"))?;
    let (remaining, _) = read("ratelimit-remaining").or_else(|| read("x-ratelimit-remaining"))?;
    Some(Quota { limit, remaining, window: Duration::from_secs(window.unwrap_or(0)), said_at: now })
}

/// How long to wait before asking again (RFC 9110, section 10.2.3): seconds, or a date seen from `now`.
pub(super) fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse::<u32>() {
        return Some(Duration::from_secs(seconds.into()));
    }
    let at = jiff::fmt::rfc2822::parse(text).ok()?.timestamp();
    Some(Duration::try_from(at.duration_since(now)).unwrap_or(Duration::ZERO))
}

/// Whether the answer is a page for people.
pub(super) fn is_web_page(headers: &HeaderMap) -> bool {
    content_type(headers).is_some_and(|kind| matches!(kind.as_str(), "text/html" | "application/xhtml+xml"))
}

/// Refuses what is plainly not JSON before it is read; registries are lax about the exact type.
pub(super) fn expect_json(headers: &HeaderMap, body: &[u8]) -> Result<(), Fault> {
    match content_type(headers).as_deref() {
        None | Some("application/json" | "text/plain" | "application/octet-stream") => Ok(()),
        Some(kind) if kind.ends_with("+json") => Ok(()),
        Some(kind) => Err(wrong_type(kind, body)),
    }
}

fn wrong_type(kind: &str, body: &[u8]) -> Fault {
    let looks_like_page = body.trim_ascii_start().starts_with(b"<");
    if kind == "text/html" || looks_like_page { Fault::WebPage } else { Fault::ContentType(shorten(kind)) }
}

/// The content type without its parameters, in lower case.
fn content_type(headers: &HeaderMap) -> Option<String> {
    let text = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    Some(text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase())
}

fn json<T: serde::de::DeserializeOwned>(body: &[u8]) -> Result<T, Fault> {
    serde_json::from_slice(body)
        .map_err(|_| if body.trim_ascii_start().starts_with(b"<") { Fault::WebPage } else { Fault::Malformed })
}

/// Words of a stranger that are shown are kept short.
fn shorten(text: &str) -> String {
    text.chars().take(80).collect()
}

#[cfg(test)]
mod tests {
    use reqwest::header::{HeaderName, HeaderValue};

    use super::*;

    const SUM: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    fn headers(lines: &[(&'static str, &str)]) -> HeaderMap {
        lines
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap()))
            .collect()
    }

    #[test]
    fn a_page_of_tags_keeps_only_tags() {
        let body = br#"{"name":"a","tags":["1.0","<script>","../x","latest",""]}"#;
        assert_eq!(tag_page(body), Ok(vec!["1.0".to_owned(), "latest".to_owned()]));
        assert_eq!(tag_page(br#"{"name":"a","tags":null}"#), Ok(Vec::new()));
        assert_eq!(tag_page(br#"{"name":"a","tags":["1."#), Err(Fault::Malformed));
        assert_eq!(tag_page(br#"{"tags":{"a":1}}"#), Err(Fault::Malformed));
        assert_eq!(tag_page(b" <!doctype html>"), Err(Fault::WebPage));
    }

    #[test]
    fn the_next_page_stays_on_its_origin() {
        let page = Url::parse("https://r.example/v2/a/tags/list?n=100").unwrap();
        let next = |link: &str| next_page(&headers(&[("link", link)]), &page).map(|url| url.map(String::from));
        let second = Ok(Some("https://r.example/v2/a/tags/list?n=100&last=z".to_owned()));
        assert_eq!(next(r#"</v2/a/tags/list?n=100&last=z>; rel="next""#), second);
        assert_eq!(next("<https://r.example:443/v2/a/tags/list?n=100&last=z>;rel=next"), second);
        assert_eq!(next("</first>; rel=first, <?n=100&last=z>; title=x; REL=\"next\""), second);
        assert_eq!(next("</first>; rel=\"prev\""), Ok(None));
        assert_eq!(next("nonsense"), Ok(None));
        for elsewhere in [
            "https://evil.example/",
            "//evil.example/",
            "http://r.example/",
            "https://r.example:8443/",
            "https://u@r.example/",
            "file:///x",
            "https://[",
        ] {
            assert_eq!(next(&format!("<{elsewhere}>; rel=next")), Err(Fault::Link), "{elsewhere}");
        }
        assert_eq!(next_page(&HeaderMap::new(), &page), Ok(None));
    }

    #[test]
    fn an_index_lists_platforms_without_attestations() {
        let body = format!(
            r#"{{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[
            {{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"{SUM}","size":1,"platform":{{"os":"linux","architecture":"arm","variant":"v7"}}}},
            {{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"{SUM}","size":1,"platform":{{"os":"windows","architecture":"amd64","os.version":"10.0.1"}}}},
            {{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"{SUM}","size":1,"platform":{{"os":"unknown","architecture":"unknown"}}}}]}}"#
        );
        for kind in [&[("content-type", "application/vnd.oci.image.index.v1+json; charset=utf-8")][..], &[]] {
            let Ok(Described::Index(builds)) = manifest(&headers(kind), body.as_bytes()) else { panic!("{kind:?}") };
            let platforms: Vec<String> = builds.iter().map(|build| build.platform.to_string()).collect();
            assert_eq!(platforms, ["linux/arm/v7", "windows/amd64"]);
        }
    }

    #[test]
    fn what_is_no_image_is_refused_by_its_type() {
        let chart = format!(
            r#"{{"schemaVersion":2,"config":{{"mediaType":"application/vnd.cncf.helm.config.v1+json","digest":"{SUM}","size":2}},"layers":[]}}"#
        );
        let image = [("content-type", IMAGE_TYPES[0])];
        let refused = |kind: &str| Fault::ContentType(kind.to_owned());
        assert_eq!(
            manifest(&headers(&image), chart.as_bytes()).unwrap_err(),
            refused("application/vnd.cncf.helm.config.v1+json")
        );
        let old = "application/vnd.docker.distribution.manifest.v1+prettyjws";
        assert_eq!(manifest(&headers(&[("content-type", old)]), b"{}").unwrap_err(), refused(old));
        assert_eq!(manifest(&headers(&[("content-type", "text/html")]), b"<p>").unwrap_err(), Fault::WebPage);
        assert_eq!(manifest(&HeaderMap::new(), b"{}").unwrap_err(), refused(""));
        let evil = r#"{"schemaVersion":2,"manifests":[{"mediaType":"x","digest":"sha256:../../x","size":1,"platform":{"os":"linux","architecture":"amd64"}}]}"#;
        assert_eq!(
            manifest(&headers(&[("content-type", INDEX_TYPES[0])]), evil.as_bytes()).unwrap_err(),
            Fault::Malformed
        );
    }

    #[test]
    fn allowances_and_waits_are_read() {
        let now: Timestamp = "2026-10-21T07:28:00Z".parse().unwrap();
        let quota = |headers: &HeaderMap| quota(headers, now);
        let hub = headers(&[("ratelimit-limit", "100;w=21600"), ("ratelimit-remaining", "76;w=21600")]);
        assert_eq!(
            quota(&hub),
            Some(Quota { limit: 100, remaining: 76, window: Duration::from_secs(21_600), said_at: now })
        );
        let plain = headers(&[("x-ratelimit-limit", "180"), ("x-ratelimit-remaining", "0")]);
        assert_eq!(quota(&plain), Some(Quota { limit: 180, remaining: 0, window: Duration::ZERO, said_at: now }));
        assert_eq!(quota(&headers(&[("ratelimit-limit", "100")])), None);
        assert_eq!(quota(&headers(&[("ratelimit-limit", "-1"), ("ratelimit-remaining", "x")])), None);

        let wait = |text: &str| retry_after(&headers(&[("retry-after", text)]), now);
        assert_eq!(wait("120"), Some(Duration::from_secs(120)));
        assert_eq!(wait("Wed, 21 Oct 2026 07:28:30 GMT"), Some(Duration::from_secs(30)));
        assert_eq!(wait("Wed, 21 Oct 2020 07:28:30 GMT"), Some(Duration::ZERO));
        assert_eq!(wait("soon"), None);
    }

    #[test]
    fn tokens_come_under_two_names_and_for_an_hour_at_most() {
        let read = |body: &str| token(body.as_bytes()).map(|token| (token.text, token.lifetime.as_secs()));
        assert_eq!(read(r#"{"token":"a","expires_in":300}"#), Ok(("a".into(), 300)));
        assert_eq!(read(r#"{"access_token":"b"}"#), Ok(("b".into(), 60)));
        assert_eq!(read(r#"{"token":"a","expires_in":99999999}"#), Ok(("a".into(), 3600)));
        assert_eq!(read(r#"{"token":""}"#), Err(Fault::Malformed));
    }

    #[test]
    fn a_configuration_gives_its_date_and_labels() {
        let body = br#"{"architecture":"amd64","os":"linux","created":"2026-08-01T10:00:00.5Z","config":{"Labels":{"org.opencontainers.image.version":"1.2"}},"rootfs":{"type":"layers","diff_ids":[]},"history":[]}"#;
        let read = config(body, 7).unwrap();
        assert_eq!(read.created_at, Some("2026-08-01T10:00:00.5Z".parse().unwrap()));
        assert_eq!(read.labels["org.opencontainers.image.version"], "1.2");
        assert_eq!((read.size_bytes, read.platform.to_string().as_str()), (7, "linux/amd64"));
        let bare =
            br#"{"architecture":"amd64","os":"linux","created":"yesterday","rootfs":{"type":"layers","diff_ids":[]}}"#;
        assert_eq!(config(bare, 0).unwrap().created_at, None);
        assert_eq!(config(b"[]", 0).unwrap_err(), Fault::Malformed);
    }
}
