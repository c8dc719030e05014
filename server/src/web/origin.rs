//! From which page a request comes, and what every answer tells the browser to refuse.

use std::net::IpAddr;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum_extra::extract::CookieJar;
use http::uri::Authority;
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};

use super::Panel;
use super::problem::Refusal;

/// Nothing may be loaded by an answer that is no page, and nobody may frame it. Pages bring a policy of their own.
const NOTHING: HeaderValue = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");
/// Two years, which is what the lists that browsers ship with ask for.
const ALWAYS_TLS: HeaderValue = HeaderValue::from_static("max-age=63072000");

/// Where people open the panel.
#[derive(Clone, Debug)]
pub struct Origins {
    /// The configured origin: scheme, host and port.
    pub public: String,
    /// Whether the panel is opened by any address of its machine too: nobody said where, and it answers on all of them.
    pub by_address: bool,
}

impl Origins {
    /// Whether `origin` is the panel's own for a request that names `host`.
    ///
    /// `Host` alone proves nothing: a page of another site whose name leads to this machine sends its own (DNS
    /// rebinding). Beside the configured origin only hosts count that no name server can turn: this machine's loopback,
    /// which has several names, and addresses written out.
    fn are(&self, origin: &str, host: &str) -> bool {
        let is_same_host = origin.split_once("://").is_some_and(|(_, from)| from == host);
        origin == self.public || (is_same_host && (is_loopback(host) || (self.by_address && address(host).is_some())))
    }
}

/// Whether a `Host` names this machine's loopback.
pub fn is_loopback(host: &str) -> bool {
    name(host).is_some_and(|name| name == "localhost") || address(host).is_some_and(|address| address.is_loopback())
}

/// The host of an authority, without its port.
fn name(authority: &str) -> Option<String> {
    let authority: Authority = authority.parse().ok().filter(|_| !authority.contains('@'))?;
    Some(authority.host().trim_matches(['[', ']']).to_owned())
}

fn address(authority: &str) -> Option<IpAddr> {
    name(authority)?.parse().ok()
}

/// Refuses changes that another site's page asks for (SECURITY.md, rule 4).
pub async fn same_origin(State(panel): State<Panel>, request: Request, next: Next) -> Response {
    let is_safe = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    let has_session = panel.session_token(&CookieJar::from_headers(request.headers())).is_some();
    if is_safe || is_ours(request.headers(), &panel.origins, has_session) {
        return next.run(request).await;
    }
    let detail = format!(
        "The request does not say that it comes from Summoner's own pages at {}, so nothing was changed. If you opened \
         Summoner at another address, set SUMMONER_PUBLIC_URL to it; a program has to send an Origin header.",
        panel.origins.public
    );
    Refusal::new(403, "foreign_origin", "Not from here", detail).into_response()
}

/// Browsers say where a request comes from, with `Origin`, with `Sec-Fetch-Site`, or with both, and then both must be
/// right. A program says nothing: without a session it has nothing that another site's page could abuse.
fn is_ours(headers: &HeaderMap, origins: &Origins, has_session: bool) -> bool {
    let text = |name: HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    let site = text(HeaderName::from_static("sec-fetch-site"));
    let origin = text(header::ORIGIN);
    let host = text(header::HOST).unwrap_or_default();
    let is_own_site = site.is_none_or(|site| matches!(site, "same-origin" | "none"));
    let is_own_origin = origin.is_none_or(|origin| origins.are(origin, host));
    is_own_site && is_own_origin && (site.is_some() || origin.is_some() || !has_session)
}

/// Tells the browser what it may do with an answer, whichever it is, and to come back over TLS where people come so
/// (SECURITY.md, rule 7).
pub async fn shield(State(is_https): State<bool>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(NOTHING);
    headers.entry(header::X_CONTENT_TYPE_OPTIONS).or_insert(HeaderValue::from_static("nosniff"));
    headers.entry(header::REFERRER_POLICY).or_insert(HeaderValue::from_static("same-origin"));
    if is_https {
        headers.entry(header::STRICT_TRANSPORT_SECURITY).or_insert(ALWAYS_TLS);
    }
    response
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::body::Body;
    use axum::middleware::from_fn_with_state;
    use tower::ServiceExt as _;

    use super::*;

    fn origins(public: &str, by_address: bool) -> Origins {
        Origins { public: public.to_owned(), by_address }
    }

    fn is_ours_with(given: &[(&'static str, &str)], origins: &Origins, has_session: bool) -> bool {
        let mut headers = HeaderMap::new();
        for (name, value) in given {
            headers.insert(*name, value.parse().unwrap());
        }
        is_ours(&headers, origins, has_session)
    }

    #[tokio::test]
    async fn only_a_panel_behind_tls_asks_for_it_always() {
        for is_https in [true, false] {
            let site = Router::new().layer(from_fn_with_state(is_https, shield));
            let answer = site.oneshot(Request::new(Body::empty())).await.unwrap();
            assert_eq!(answer.headers().contains_key(header::STRICT_TRANSPORT_SECURITY), is_https);
            assert!(answer.headers().contains_key(header::CONTENT_SECURITY_POLICY));
        }
    }

    #[test]
    fn s21_only_our_own_pages_may_change_something() {
        let origins = origins("https://panel.example", false);
        for (given, expected) in [
            (&[("sec-fetch-site", "same-origin")][..], true),
            (&[("sec-fetch-site", "none")], true),
            (&[("sec-fetch-site", "cross-site"), ("origin", "https://panel.example")], false),
            (&[("sec-fetch-site", "same-origin"), ("origin", "https://evil.example")], false),
            (&[("sec-fetch-site", "same-site")], false),
            (&[("sec-fetch-site", "")], false),
            (&[("origin", "https://panel.example")], true),
            (&[("origin", "http://panel.example")], false),
            (&[("origin", "https://evil.example")], false),
            (&[("origin", "null")], false),
            (&[("origin", "")], false),
            (&[], false),
        ] {
            assert_eq!(is_ours_with(given, &origins, true), expected, "{given:?}");
        }
        assert!(is_ours_with(&[], &origins, false), "a program that signs in says nothing of pages");
        assert!(
            !is_ours_with(&[("origin", "https://evil.example")], &origins, false),
            "a page must not sign anyone in"
        );
    }

    #[test]
    fn s32_the_host_header_makes_no_origin_of_a_name() {
        let (named, everywhere) = (origins("https://panel.example", false), origins("http://box:8300", true));
        for (origin, host, by_name, by_address) in [
            ("http://127.0.0.1:8300", "127.0.0.1:8300", true, true),
            ("http://localhost:8300", "localhost:8300", true, true),
            ("http://[::1]:8300", "[::1]:8300", true, true),
            ("http://192.0.2.7:8300", "192.0.2.7:8300", false, true),
            ("http://[2001:db8::7]:8300", "[2001:db8::7]:8300", false, true),
            ("http://192.0.2.7", "192.0.2.7", false, true),
            // A name that was made to lead here, and pages of other ports and machines.
            ("http://evil.example:8300", "evil.example:8300", false, false),
            ("http://localhost.evil.example:8300", "localhost.evil.example:8300", false, false),
            ("http://127.0.0.1.evil.example", "127.0.0.1.evil.example", false, false),
            ("http://localhost:9000", "localhost:8300", false, false),
            ("http://192.0.2.8:8300", "192.0.2.7:8300", false, false),
            ("http://x@127.0.0.1:8300", "x@127.0.0.1:8300", false, false),
            ("http://", "", false, false),
        ] {
            let given = [("origin", origin), ("host", host)];
            assert_eq!(is_ours_with(&given, &named, true), by_name, "{given:?}");
            assert_eq!(is_ours_with(&given, &everywhere, true), by_address, "{given:?}");
        }
    }
}
