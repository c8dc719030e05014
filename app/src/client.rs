//! Calls to the API: `fetch` in the browser, in-process on the server.
//!
//! Both halves offer the same functions, and every answer is data: a page matches on `Result<T, Problem>`.
//! None of them is an `async fn`: the context is read when the call is made, because it is gone after the first await.

use std::{future::IntoFuture, marker::PhantomData, pin::Pin, task::Poll};

use api::Problem;
use leptos::prelude::*;
use serde::de::DeserializeOwned;

/// How a call is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Reads.
    Get,
    /// Starts something.
    Post,
    /// Replaces something.
    Put,
    /// Takes something away.
    Delete,
}

impl Method {
    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Delete => "DELETE",
        }
    }
}

/// One call of the API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// How.
    pub method: Method,
    /// The whole path with its query, such as `/api/v1/tools?q=git`.
    pub path: String,
    /// An `application/x-www-form-urlencoded` body; empty when there is none.
    pub body: String,
    /// The key by which the call is known when it is made again; empty when it has none.
    pub key: String,
}

/// Reads `path` (below [`api::ROOT`]); never touches the status of the page.
pub fn get<T: DeserializeOwned + 'static>(path: &str) -> impl Future<Output = Result<T, Problem>> + Send + use<T> {
    let answer = half::call(read_of(path));
    async move { read(answer.await) }
}

/// What all of them give, in their order; they are under way at once.
pub async fn all<T>(mut asked: Vec<Pin<Box<dyn Future<Output = T> + Send>>>) -> Vec<T> {
    let mut answers: Vec<Option<T>> = asked.iter().map(|_| None).collect();
    std::future::poll_fn(|cx| {
        for (answer, asked) in answers.iter_mut().zip(&mut asked) {
            if answer.is_none()
                && let Poll::Ready(given) = asked.as_mut().poll(cx)
            {
                *answer = Some(given);
            }
        }
        if answers.iter().all(Option::is_some) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    answers.into_iter().flatten().collect()
}

/// Reads the page's main resource: what goes wrong with it is the status of the page, and a person who is not signed
/// in is sent to the door and back.
pub fn page<T: DeserializeOwned + 'static>(path: &str) -> impl Future<Output = Result<T, Problem>> + Send + use<T> {
    settled(get(path))
}

/// Has what goes wrong with `answer` become the status of the page.
fn settled<T>(
    answer: impl Future<Output = Result<T, Problem>> + Send,
) -> impl Future<Output = Result<T, Problem>> + Send {
    let settle = half::settle();
    async move {
        let answer = answer.await;
        if let Err(problem) = &answer {
            settle(problem);
        }
        answer
    }
}

/// An answer that a page is made of: asked for where the page is rendered, kept for the browser, and asked for anew
/// when its path changes. Awaiting it gives the value.
///
/// It is kept as text: one type of resource for all answers keeps the program that browsers load small.
pub struct Loaded<T> {
    text: Resource<Text>,
    value: PhantomData<fn() -> T>,
}

/// The JSON of an answer.
type Text = Result<String, Problem>;
type TextToCome = Pin<Box<dyn Future<Output = Text> + Send>>;

impl<T> Copy for Loaded<T> {}

impl<T> Clone for Loaded<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: DeserializeOwned> Loaded<T> {
    /// The value, if it is there; followed when it changes.
    pub fn get(self) -> Option<Result<T, Problem>> {
        self.text.get().map(value)
    }

    /// The value, if it is there.
    pub fn get_untracked(self) -> Option<Result<T, Problem>> {
        self.text.get_untracked().map(value)
    }
}

impl<T: DeserializeOwned + 'static> IntoFuture for Loaded<T> {
    type Output = Result<T, Problem>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        let text = self.text.into_future();
        Box::pin(async move { value(text.await) })
    }
}

/// Reads `path` (below [`api::ROOT`]) for the page; never touches its status.
pub fn resource<T: DeserializeOwned + 'static>(path: impl Fn() -> String + Send + Sync + 'static) -> Loaded<T> {
    load(Box::new(path), |path| Box::pin(text(half::call(read_of(path)))))
}

/// Reads the page's main resource, as [`page`] does.
pub fn main_resource<T: DeserializeOwned + 'static>(path: impl Fn() -> String + Send + Sync + 'static) -> Loaded<T> {
    load(Box::new(path), |path| Box::pin(settled(text(half::call(read_of(path))))))
}

fn load<T>(path: Box<dyn Fn() -> String + Send + Sync>, ask: fn(&str) -> TextToCome) -> Loaded<T> {
    Loaded { text: Resource::new(path, move |path| ask(&path)), value: PhantomData }
}

fn read_of(path: &str) -> Call {
    Call { method: Method::Get, path: format!("{}{path}", api::ROOT), body: String::new(), key: String::new() }
}

async fn text(answer: impl Future<Output = (u16, String)> + Send) -> Text {
    accepted(answer.await)
}

fn value<T: DeserializeOwned>(text: Text) -> Result<T, Problem> {
    text.and_then(|text| parse(&text))
}

/// Sends a form body to `path` (below [`api::ROOT`]), with the form's key unless that is empty.
pub fn send<T: DeserializeOwned + 'static>(
    method: Method,
    path: &str,
    body: String,
    key: String,
) -> impl Future<Output = Result<T, Problem>> + Send + use<T> {
    let answer = half::call(Call { method, path: format!("{}{path}", api::ROOT), body, key });
    async move { read(answer.await) }
}

/// Where somebody who is not signed in goes, to come back to `path` afterwards.
pub fn door(path: &str) -> String {
    if path == "/" { "/sign-in".into() } else { format!("/sign-in?next={}", encode(path)) }
}

/// `text` as it stands in a query or form body.
pub fn encode(text: &str) -> String {
    text.bytes().fold(String::with_capacity(text.len()), |mut encoded, byte| {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' | b'/' => encoded.push(byte.into()),
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
        encoded
    })
}

/// Turns an answer into its type, or into the problem it reports.
pub fn read<T: DeserializeOwned>(answer: (u16, String)) -> Result<T, Problem> {
    value(accepted(answer))
}

fn parse<T: DeserializeOwned>(body: &str) -> Result<T, Problem> {
    serde_json::from_str(body).map_err(|error| {
        Problem::new(502, "unreadable_answer", "The answer could not be read", format!(
            "The panel and this page are of different builds, or the answer is broken ({error}). Load the page again."
        ))
    })
}

/// The JSON of an answer, or the problem it reports.
fn accepted((status, body): (u16, String)) -> Text {
    if (200..300).contains(&status) {
        // 204 carries nothing: it reads as `()`, `Option` or any JSON value.
        return Ok(if body.is_empty() { "null".to_owned() } else { body });
    }
    Err(serde_json::from_str(&body).unwrap_or_else(|_| {
        let detail = if status == 0 {
            "The panel did not answer. Check the connection and try again."
        } else {
            "Load the page again; if it stays, read the server's log."
        };
        Problem::new(status, "no_answer", if status == 0 { "No answer" } else { "The request failed" }, detail)
    }))
}

#[cfg(feature = "ssr")]
pub use half::{AssetNames, Backend, Theme};

#[cfg(feature = "ssr")]
mod half {
    use std::{pin::Pin, sync::Arc};

    use api::Problem;
    use leptos::prelude::*;

    use super::Call;

    /// What an in-process call gives: status and body.
    pub type Answer = Pin<Box<dyn Future<Output = (u16, String)> + Send>>;

    /// What the server gives a page request: the way to the API and the ways to shape the response.
    #[derive(Clone)]
    pub struct Backend {
        /// Calls the API in the name of the person whose page request this is.
        pub call: Arc<dyn Fn(Call) -> Answer + Send + Sync>,
        /// Sets the status of the page.
        pub status: Arc<dyn Fn(u16) + Send + Sync>,
        /// Answers 303 to the given path instead of the page.
        pub redirect: Arc<dyn Fn(&str) + Send + Sync>,
        /// A new idempotency key.
        pub key: Arc<dyn Fn() -> String + Send + Sync>,
        /// The path and query the page was asked for.
        pub path: String,
        /// Whether the page answers a form that was posted to another path.
        pub is_posted: bool,
        /// Where the browser finds its files.
        pub assets: AssetNames,
        /// The theme the person chose.
        pub theme: Theme,
    }

    /// Paths of the files a page asks for; their names carry a hash of their content.
    #[derive(Clone, Debug, Default)]
    pub struct AssetNames {
        /// The glue that loads the program; empty when there is none, and pages stay plain HTML.
        pub js: String,
        /// The program.
        pub wasm: String,
        /// The style sheet.
        pub css: String,
        /// The icon sprite.
        pub icons: String,
    }

    /// Light, dark, or as the system is.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub enum Theme {
        /// As the system is.
        #[default]
        System,
        /// Always light.
        Light,
        /// Always dark.
        Dark,
    }

    impl Theme {
        /// Reads the cookie `theme`.
        pub fn of_cookie(value: Option<&str>) -> Self {
            match value {
                Some("light") => Self::Light,
                Some("dark") => Self::Dark,
                _ => Self::System,
            }
        }

        /// The value of `data-theme` on the root element.
        pub fn attribute(self) -> Option<&'static str> {
            match self {
                Self::System => None,
                Self::Light => Some("light"),
                Self::Dark => Some("dark"),
            }
        }
    }

    /// The answer of the server this code runs in.
    pub fn call(call: Call) -> Answer {
        (expect_context::<Backend>().call)(call)
    }

    /// What is done about a problem that a page met: its status, or the door.
    pub fn settle() -> impl Fn(&Problem) + Send {
        let backend = expect_context::<Backend>();
        move |problem| match (problem.status, problem.code.as_str()) {
            (_, "setup_needed") => (backend.redirect)("/setup"),
            (401, _) => (backend.redirect)(&super::door(&backend.path)),
            // A problem without a status of its own is a failure of this server.
            (status, _) => (backend.status)(if status < 400 { 502 } else { status }),
        }
    }
}

#[cfg(not(feature = "ssr"))]
mod half {
    use api::Problem;
    use send_wrapper::SendWrapper;
    use wasm_bindgen::{JsCast, JsValue};
    use wasm_bindgen_futures::JsFuture;
    use web_sys::{RequestInit, Response};

    use super::{Call, Method};

    /// The answer of the server that this page came from.
    pub fn call(call: Call) -> impl Future<Output = (u16, String)> + Send {
        SendWrapper::new(async move { fetch(call).await.unwrap_or((0, String::new())) })
    }

    async fn fetch(call: Call) -> Result<(u16, String), JsValue> {
        let init = RequestInit::new();
        init.set_method(call.method.as_str());
        let headers = web_sys::Headers::new()?;
        headers.set("accept", "application/json")?;
        if call.method != Method::Get {
            headers.set("content-type", "application/x-www-form-urlencoded")?;
            init.set_body(&call.body.into());
        }
        if !call.key.is_empty() {
            headers.set("idempotency-key", &call.key)?;
        }
        init.set_headers(&headers);
        let window = web_sys::window().ok_or(JsValue::NULL)?;
        let response: Response = JsFuture::from(window.fetch_with_str_and_init(&call.path, &init)).await?.dyn_into()?;
        let body = JsFuture::from(response.text()?).await?;
        Ok((response.status(), body.as_string().unwrap_or_default()))
    }

    /// What is done about a problem that a page met: its status, or the door.
    pub fn settle() -> impl Fn(&Problem) + Send {
        |problem| {
            if problem.status != 401 && problem.code != "setup_needed" {
                return;
            }
            if let Some(location) = web_sys::window().map(|window| window.location()) {
                let here = location.pathname().unwrap_or_default() + &location.search().unwrap_or_default();
                // A whole document, so that nothing of the ended session stays in memory. It fails only while the page is unloading.
                let _ = location.assign(&super::door(&here));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_door_leads_back_to_the_page_with_its_query() {
        assert_eq!(door("/"), "/sign-in");
        assert_eq!(door("/tools?q=a b&s=1"), "/sign-in?next=/tools%3Fq%3Da%20b%26s%3D1");
    }

    #[test]
    fn an_answer_without_a_problem_body_still_becomes_a_problem() {
        let problem = read::<u32>((500, "oops".into())).expect_err("500 is no answer");
        assert_eq!((problem.status, problem.code.as_str()), (500, "no_answer"));
        assert_eq!(read::<()>((204, String::new())), Ok(()));
    }
}
