//! Who is at the other end of the connection.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Instant;

use axum::extract::{ConnectInfo, FromRequestParts, MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::request::Parts;
use http::{Extensions, HeaderMap, header};

use super::Panel;
use crate::auth;
use crate::config::Network;

/// The address of the browser, as far as trusted proxies tell.
#[derive(Clone, Copy, Debug)]
pub struct Address(pub IpAddr);

/// Writes the browser's [`Address`] into the request, and counts the answer.
pub async fn know_peer(State(panel): State<Panel>, mut request: Request, next: Next) -> Response {
    let connected = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip());
    let connected = connected.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
    let address = browser(connected, request.headers(), &panel.trusted_proxies);
    request.extensions_mut().insert(Address(address));
    let (route, method, begun) = (route(&request), request.method().as_str().to_owned(), Instant::now());
    let response = next.run(request).await;
    let labels = [("route", route), ("method", method), ("status", response.status().as_str().to_owned())];
    metrics::counter!("summoner_http_requests_total", &labels).increment(1);
    metrics::histogram!("summoner_http_request_duration_seconds", &labels).record(begun.elapsed().as_secs_f64());
    response
}

/// The browser's address, once it was written into the request.
pub fn address(extensions: &Extensions) -> Option<IpAddr> {
    extensions.get::<Address>().map(|address| address.0)
}

/// The browser's address, for a request that came from `connected`.
///
/// `X-Forwarded-For` is read from the right, and only as far as trusted proxies wrote it: the first address that is
/// none of theirs is the browser's. From anybody else the header means nothing. What is no address ends the reading:
/// left of it stands what nobody vouches for.
fn browser(connected: IpAddr, headers: &HeaderMap, trusted: &[Network]) -> IpAddr {
    let told = headers.get_all("x-forwarded-for").iter().map(|value| value.to_str().unwrap_or_default());
    let told: Vec<&str> = told.flat_map(|value| value.split(',')).collect();
    let mut address = connected;
    for before in told.into_iter().rev() {
        if !trusted.iter().any(|network| network.contains(address)) {
            break;
        }
        let Some(before) = forwarded(before.trim()) else { break };
        address = before;
    }
    address
}

/// An address as proxies write it: plain, in brackets, and with a port or without.
fn forwarded(text: &str) -> Option<IpAddr> {
    let bracketed = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    bracketed.parse().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|address| address.ip()))
}

/// The template of the route that answers, such as `/api/v1/tools/{tool}`: addresses themselves are without number.
fn route(request: &Request) -> String {
    match request.extensions().get::<MatchedPath>() {
        Some(matched) if matched.as_str().starts_with("/pkg") => "/pkg".to_owned(),
        Some(matched) => matched.as_str().to_owned(),
        None => "page".to_owned(),
    }
}

/// The browser at the other end, for the audit and the list of sessions.
pub struct Peer(pub auth::Peer);

impl<S: Send + Sync> FromRequestParts<S> for Peer {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        let address = address(&parts.extensions).unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
        let user_agent = parts.headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok());
        Ok(Self(auth::Peer { address, user_agent: user_agent.unwrap_or_default().to_owned() }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(connected: &str, told: &[&str]) -> String {
        let trusted: [Network; 2] = ["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()];
        let mut headers = HeaderMap::new();
        for value in told {
            headers.append("x-forwarded-for", value.parse().unwrap());
        }
        browser(connected.parse().unwrap(), &headers, &trusted).to_string()
    }

    #[test]
    fn s32_only_trusted_proxies_say_where_a_browser_is() {
        for (connected, told, expected) in [
            ("192.0.2.7", &["198.51.100.1"][..], "192.0.2.7"),
            ("10.0.0.1", &["198.51.100.1"], "198.51.100.1"),
            ("::ffff:10.0.0.1", &["198.51.100.1"], "198.51.100.1"),
            ("10.0.0.1", &["198.51.100.1, 10.0.0.2"], "198.51.100.1"),
            ("10.0.0.1", &["198.51.100.1", "10.0.0.2"], "198.51.100.1"),
            // What the browser itself wrote stands to the left of what the proxy wrote.
            ("10.0.0.1", &["203.0.113.9, 198.51.100.1"], "198.51.100.1"),
            ("10.0.0.1", &["203.0.113.9, 198.51.100.1:5678"], "198.51.100.1"),
            ("10.0.0.1", &["203.0.113.9, [2001:db8::7]:5678"], "2001:db8::7"),
            ("10.0.0.1", &["203.0.113.9, [2001:db8::7]"], "2001:db8::7"),
            ("10.0.0.1", &["203.0.113.9, unknown"], "10.0.0.1"),
            ("10.0.0.1", &["203.0.113.9, unknown, 10.0.0.2"], "10.0.0.2"),
            ("10.0.0.1", &["203.0.113.9,"], "10.0.0.1"),
            ("10.0.0.1", &[], "10.0.0.1"),
        ] {
            assert_eq!(seen(connected, told), expected, "{connected} {told:?}");
        }
    }
}
