//! Who is at the other end of the connection, and from which page a request comes.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Instant;

use axum::extract::{ConnectInfo, FromRequestParts, MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use http::{HeaderMap, Method, header};

use super::Panel;
use super::problem::Refusal;
use crate::auth;
use ::api::Problem;

/// The address of the browser, as far as trusted proxies tell.
#[derive(Clone, Copy, Debug)]
pub struct Address(pub IpAddr);

/// Writes the browser's [`Address`] into the request, and counts the answer.
///
/// `X-Forwarded-For` is read from the right, and only as far as trusted proxies wrote it: the first address that is
/// none of theirs is the browser's. From anybody else the header means nothing.
pub async fn know_peer(State(panel): State<Panel>, mut request: Request, next: Next) -> Response {
    let connected = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip());
    let mut address = connected.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
    let is_trusted = |address: IpAddr| panel.trusted_proxies.iter().any(|network| network.contains(address));
    let told = request.headers().get_all("x-forwarded-for").iter().filter_map(|value| value.to_str().ok());
    let told: Vec<IpAddr> =
        told.flat_map(|value| value.split(',')).filter_map(|part| part.trim().parse().ok()).collect();
    for before in told.into_iter().rev() {
        if !is_trusted(address) {
            break;
        }
        address = before;
    }
    request.extensions_mut().insert(Address(address));
    let (route, method, begun) = (route(&request), request.method().as_str().to_owned(), Instant::now());
    let response = next.run(request).await;
    let labels = [("route", route), ("method", method), ("status", response.status().as_str().to_owned())];
    metrics::counter!("summoner_http_requests_total", &labels).increment(1);
    metrics::histogram!("summoner_http_request_duration_seconds", &labels).record(begun.elapsed().as_secs_f64());
    response
}

/// The template of the route that answers, such as `/api/v1/tools/{tool}`: addresses themselves are without number.
fn route(request: &Request) -> String {
    match request.extensions().get::<MatchedPath>() {
        Some(matched) if matched.as_str().starts_with("/pkg") => "/pkg".to_owned(),
        Some(matched) => matched.as_str().to_owned(),
        None => "page".to_owned(),
    }
}

/// Refuses changes that another site's page asks for (SECURITY.md, rule 4).
///
/// Browsers say where a request comes from (`Sec-Fetch-Site`, `Origin`); a program that is no browser sends neither and
/// carries no cookie that it was not given, so it passes.
pub async fn same_origin(State(panel): State<Panel>, request: Request, next: Next) -> Response {
    if matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS)
        || is_ours(request.headers(), &panel.origin)
    {
        return next.run(request).await;
    }
    let detail = "The request came from a page of another site, so nothing was changed. Use Summoner's own pages.";
    Refusal(Problem::new(403, "foreign_origin", "Not from here", detail)).into_response()
}

fn is_ours(headers: &HeaderMap, origin: &str) -> bool {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(site) = text("sec-fetch-site") {
        return matches!(site, "same-origin" | "none");
    }
    match text(header::ORIGIN.as_str()) {
        None => true,
        Some(from) => {
            // The host that the browser used is as good as the configured one: a panel on loopback has two names.
            let host = text(header::HOST.as_str()).unwrap_or_default();
            let is_same_host = from.split_once("://").is_some_and(|(_, from)| !host.is_empty() && from == host);
            from == origin || is_same_host
        }
    }
}

/// The browser at the other end, for the audit and the list of sessions.
pub struct Peer(pub auth::Peer);

impl<S: Send + Sync> FromRequestParts<S> for Peer {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        let address = parts.extensions.get::<Address>().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |address| address.0);
        let user_agent = parts.headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok());
        Ok(Self(auth::Peer { address, user_agent: user_agent.unwrap_or_default().to_owned() }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s21_only_our_own_pages_may_change_something() {
        let cases = [
            (vec![("sec-fetch-site", "same-origin")], true),
            (vec![("sec-fetch-site", "none")], true),
            (vec![("sec-fetch-site", "cross-site"), ("origin", "https://panel.example")], false),
            (vec![("sec-fetch-site", "same-site")], false),
            (vec![("origin", "https://panel.example")], true),
            (vec![("origin", "https://evil.example")], false),
            (vec![("origin", "null")], false),
            (vec![("origin", "http://127.0.0.1:8300"), ("host", "127.0.0.1:8300")], true),
            (vec![("origin", "http://evil.example"), ("host", "127.0.0.1:8300")], false),
            (vec![], true),
        ];
        for (given, expected) in cases {
            let mut headers = HeaderMap::new();
            for (name, value) in &given {
                headers.insert(*name, value.parse().unwrap());
            }
            assert_eq!(is_ours(&headers, "https://panel.example"), expected, "{given:?}");
        }
    }
}
