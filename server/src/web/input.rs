//! Reads a request body: JSON, or a form as browsers send it without JavaScript, into the same type.

use axum::Form;
use axum::body::Bytes;
use axum::extract::rejection::PathRejection;
use axum::extract::{FromRequest, FromRequestParts, Request};
use http::header;
use http::request::Parts;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::problem::Refusal;

/// A request body. In a form `ports.web=8080` is the entry `web` of the map `ports`, and the field `idempotency_key`
/// is left out, since it travels as a header otherwise.
pub struct Input<T>(pub T);

/// The hidden field of forms that carries the idempotency key.
pub const KEY_FIELD: &str = "idempotency_key";

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Input<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refusal> {
        let kind =
            request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        let value = match kind.as_str() {
            "application/json" => {
                let body = Bytes::from_request(request, state).await.map_err(too_large)?;
                serde_json::from_slice(&body).map_err(|error| {
                    Refusal::unreadable(400, format!("The body is not the JSON it should be: {error}."))
                })?
            }
            "application/x-www-form-urlencoded" => {
                let form = Form::<Vec<(String, String)>>::from_request(request, state).await;
                let Form(pairs) = form.map_err(|error| match error.status().as_u16() {
                    413 => too_large(error),
                    _ => Refusal::unreadable(400, "The form could not be read."),
                })?;
                nest(pairs)
            }
            _ => {
                let detail = "Send JSON (application/json) or a form (application/x-www-form-urlencoded).";
                return Err(Refusal::unreadable(415, detail));
            }
        };
        if !value.is_object() {
            return Err(Refusal::unreadable(400, "The body has to be a JSON object."));
        }
        serde_json::from_value(value)
            .map(Self)
            .map_err(|error| Refusal::unreadable(400, format!("The body has not the form it should have: {error}.")))
    }
}

/// A part of the path, as [`axum::extract::Path`] reads it; what is not as it should be is refused as a problem.
pub struct Path<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Path<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let found = axum::extract::Path::<T>::from_request_parts(parts, state).await;
        found.map(|axum::extract::Path(value)| Self(value)).map_err(|error| match error {
            // A route without its own parameters is a mistake of ours, everything else one of whoever asks.
            PathRejection::MissingPathParams(error) => Refusal::internal(&error),
            other => {
                let said = other.body_text();
                let said = said.strip_prefix("Invalid URL: ").unwrap_or(&said);
                Refusal::unreadable(400, format!("The address has not the form it should have: {said}."))
            }
        })
    }
}

/// Reads a query string with the same rule for dots as a form.
///
/// # Errors
/// When it has not the form it should have.
pub fn query<T: DeserializeOwned>(text: &str) -> Result<T, Refusal> {
    let uri = format!("/?{text}");
    let wrong =
        |reason: String| Refusal::unreadable(400, format!("The address has not the form it should have: {reason}."));
    let uri: http::Uri = uri.parse().map_err(|error: http::uri::InvalidUri| wrong(error.to_string()))?;
    let pairs = axum::extract::Query::<Vec<(String, String)>>::try_from_uri(&uri);
    let axum::extract::Query(pairs) = pairs.map_err(|error| wrong(error.body_text()))?;
    serde_json::from_value(nest(pairs)).map_err(|error| wrong(error.to_string()))
}

fn too_large(_: impl Sized) -> Refusal {
    Refusal::unreadable(413, "The body is larger than 256 KiB, which no request needs, or it broke off.")
}

/// Turns pairs of a form into an object; the last of equal names counts.
fn nest(pairs: Vec<(String, String)>) -> Value {
    let mut object = Map::new();
    for (name, value) in pairs.into_iter().filter(|(name, _)| name != KEY_FIELD) {
        match name.split_once('.') {
            None => {
                object.insert(name, Value::String(value));
            }
            Some((map, key)) => {
                if let Value::Object(inner) = object.entry(map).or_insert_with(|| Value::Object(Map::new())) {
                    inner.insert(key.to_owned(), Value::String(value));
                }
            }
        }
    }
    Value::Object(object)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn dots_in_a_form_are_maps() {
        let pairs = [
            ("name", "wiki"),
            ("ports.web", "8080"),
            ("answers.A.B", "x"),
            ("idempotency_key", "k"),
            ("name.first", "lost: name is a text"),
        ];
        let pairs = pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        assert_eq!(nest(pairs), json!({ "name": "wiki", "ports": { "web": "8080" }, "answers": { "A.B": "x" } }));
    }
}
