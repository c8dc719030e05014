//! Reads a request: a body of JSON, or a form as browsers send it without JavaScript, into the same type; query and path.
//!
//! No text with the character NUL gets further: Postgres cannot keep one, and nothing that is named holds one.

use axum::Form;
use axum::body::Bytes;
use axum::extract::rejection::PathRejection;
use axum::extract::{FromRequest, FromRequestParts, Request};
use http::header;
use http::request::Parts;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use utoipa::IntoParams;

use super::problem::Refusal;

/// A request body. In a form `ports.web=8080` is the entry `web` of the map `ports`.
pub struct Input<T>(pub T);

/// The parts of the path that a route names. Where they cannot be what they should be, there is nothing.
pub struct Path<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Path<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let nothing = || Refusal::not_found("There is nothing of that name.");
        if parts.uri.path().contains("%00") {
            return Err(nothing());
        }
        let read = axum::extract::Path::<T>::from_request_parts(parts, state).await;
        read.map(|axum::extract::Path(read)| Self(read)).map_err(|error| match error {
            // A route without its own parameters is a mistake of ours, everything else names what cannot be.
            PathRejection::MissingPathParams(error) => Refusal::internal(&error),
            _ => nothing(),
        })
    }
}

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
            "application/x-www-form-urlencoded" => nest(read_form(request, state).await?),
            _ => {
                let detail = "Send JSON (application/json) or a form (application/x-www-form-urlencoded).";
                return Err(Refusal::unreadable(415, detail));
            }
        };
        if !value.is_object() {
            return Err(Refusal::unreadable(400, "The body has to be a JSON object."));
        }
        refuse_nul(&value)?;
        serde_json::from_value(value)
            .map(Self)
            .map_err(|error| Refusal::unreadable(400, format!("The body has not the form it should have: {error}.")))
    }
}

/// The pairs of a form, in their order.
///
/// # Errors
/// When the body is no form, too large, or breaks off.
pub async fn read_form<S: Send + Sync>(request: Request, state: &S) -> Result<Vec<(String, String)>, Refusal> {
    let form = Form::<Vec<(String, String)>>::from_request(request, state).await;
    form.map(|Form(pairs)| pairs).map_err(|error| match error.status().as_u16() {
        413 => too_large(error),
        415 => Refusal::unreadable(415, "A form is sent as application/x-www-form-urlencoded."),
        _ => Refusal::unreadable(400, "The form could not be read."),
    })
}

/// The query of a list. A name that the API's document does not tell is refused: a choice that is misspelt must not
/// look like none.
pub struct Query<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned + IntoParams> FromRequestParts<S> for Query<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refusal> {
        let text = parts.uri.query().unwrap_or_default();
        let known = T::into_params(|| None);
        let given: Map<String, Value> = query(text)?;
        let is_known = |name: &str| known.iter().any(|known| known.name == name);
        match given.iter().find(|(name, value)| !is_known(name) || !value.is_string()) {
            Some((name, _)) => Err(Refusal::choice(name, format!("This list knows no choice named `{name}`."))),
            None => query(text).map(Self),
        }
    }
}

/// The query of a list that offers no choice.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct NoChoice {}

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
    let value = nest(pairs);
    refuse_nul(&value)?;
    serde_json::from_value(value).map_err(|error| wrong(error.to_string()))
}

fn refuse_nul(value: &Value) -> Result<(), Refusal> {
    let refuse = |text: &str| match text.contains('\0') {
        true => Err(Refusal::unreadable(400, "A text holds the character NUL, which cannot be kept. Leave it out.")),
        false => Ok(()),
    };
    match value {
        Value::String(text) => refuse(text),
        Value::Array(values) => values.iter().try_for_each(refuse_nul),
        Value::Object(members) => members.iter().try_for_each(|(name, value)| {
            refuse(name)?;
            refuse_nul(value)
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) => Ok(()),
    }
}

fn too_large(_: impl Sized) -> Refusal {
    Refusal::unreadable(413, "The body is larger than 256 KiB, which no request needs, or it broke off.")
}

/// Turns pairs of a form into an object; the last of equal names counts.
fn nest(pairs: Vec<(String, String)>) -> Value {
    let mut object = Map::new();
    for (name, value) in pairs {
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
        let pairs =
            [("name", "wiki"), ("ports.web", "8080"), ("answers.A.B", "x"), ("name.first", "lost: name is a text")];
        let pairs = pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        assert_eq!(nest(pairs), json!({ "name": "wiki", "ports": { "web": "8080" }, "answers": { "A.B": "x" } }));
    }
}
