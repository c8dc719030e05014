//! Answers that need not be sent again: `ETag` and `If-None-Match` (RFC 9110, sections 8.8.3 and 13.1.2).

use axum::body::{Body, HttpBody as _, to_bytes};
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};

use sha2::{Digest as _, Sha256};

use super::problem::Refusal;

/// Tags every JSON answer to a GET with the digest of its content, and answers 304 where the browser has it already.
///
/// Streams and answers that must not be stored are left alone. The tag costs a hash of what is in memory anyway; what
/// it saves is the way to the browser and, there, reading the list again.
pub async fn tag(request: Request, next: Next) -> Response {
    let is_get = request.method() == Method::GET;
    let known: Vec<HeaderValue> = request.headers().get_all(header::IF_NONE_MATCH).iter().cloned().collect();
    let response = next.run(request).await;
    if !is_get || response.status() != StatusCode::OK || !is_taggable(response.headers()) {
        return response;
    }
    // Only a body that is whole already: a stream has no length, and would have to be waited for.
    let Some(length) = response.body().size_hint().exact().and_then(|length| usize::try_from(length).ok()) else {
        return response;
    };
    let (mut parts, body) = response.into_parts();
    let body = match to_bytes(body, length).await {
        Ok(body) => body,
        Err(error) => return Refusal::internal(&error).into_response(),
    };
    let tag = hex::encode(&Sha256::digest(&body)[..16]);
    let is_known = known.iter().filter_map(|value| value.to_str().ok()).any(|value| names(value, &tag));
    // Hexadecimal in quotes is always a header value.
    if let Ok(tag) = HeaderValue::from_str(&format!("\"{tag}\"")) {
        parts.headers.insert(header::ETAG, tag);
    }
    parts.headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("private, no-cache"));
    if is_known {
        parts.status = StatusCode::NOT_MODIFIED;
        parts.headers.remove(header::CONTENT_TYPE);
        parts.headers.remove(header::CONTENT_LENGTH);
        return Response::from_parts(parts, Body::empty());
    }
    Response::from_parts(parts, Body::from(body))
}

/// Weakens the tag of an answer that was compressed: its bytes are not those that were tagged.
pub async fn weaken(mut response: Response) -> Response {
    let headers = response.headers_mut();
    let strong = headers.get(header::ETAG).and_then(|tag| tag.to_str().ok()).filter(|tag| tag.starts_with('"'));
    if headers.contains_key(header::CONTENT_ENCODING)
        && let Some(Ok(weak)) = strong.map(|tag| HeaderValue::from_str(&format!("W/{tag}")))
    {
        headers.insert(header::ETAG, weak);
    }
    response
}

fn is_taggable(headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    text(header::CONTENT_TYPE).starts_with("application/json")
        && !text(header::CACHE_CONTROL).contains("no-store")
        && !headers.contains_key(header::ETAG)
}

/// Whether a value of `If-None-Match` names the tag, by the weak comparison that the field is defined with.
fn names(value: &str, tag: &str) -> bool {
    let is_it = |part: &str| part == "*" || part.strip_prefix("W/").unwrap_or(part).trim_matches('"') == tag;
    value.split(',').map(str::trim).any(is_it)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_found_among_others_weak_or_strong() {
        for (value, expected) in [
            (r#""abc""#, true),
            (r#"W/"abc""#, true),
            (r#""x", W/"abc""#, true),
            ("*", true),
            (r#""abcd""#, false),
            (r#""""#, false),
            ("", false),
        ] {
            assert_eq!(names(value, "abc"), expected, "{value}");
        }
    }
}
