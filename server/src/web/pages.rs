//! The pages: renders them whole, and answers their forms when they arrive without JavaScript.
//!
//! A page never reads a domain: it calls the API in-process, in the name of the person who asks, through the router it
//! is given. That router answers under full paths (`/api/v1/…`) and must not compress, because its answers are read here.

use std::{collections::BTreeMap, sync::Arc};

use api::Problem;
use app::{
    client::{AssetNames, Backend, Call, Theme, door},
    forms::{self, Refused},
};
use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{DefaultBodyLimit, Query, Request},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header, request::Parts},
    response::{IntoResponse, Redirect, Response},
};
use leptos::{nonce::use_nonce, prelude::provide_context, reactive::owner::use_context};
use leptos_axum::{ResponseOptions, render_app_async_with_context};
use tower::ServiceExt;

use super::LARGEST_BODY;
use super::input::read_form;
use super::problem::Refusal;

/// The name and value of every field, as they came.
type Fields = Vec<(String, String)>;

/// An answer of the API in-process is at most this large.
const MOST_ANSWER: usize = 16 * 1024 * 1024;

/// What the pages need of the server.
#[derive(Clone)]
pub struct Site {
    /// The uncompressed router of the API, answering under full paths.
    pub api: Router,
    /// Where the browser finds its files.
    pub assets: AssetNames,
    /// Makes an idempotency key.
    pub key: Arc<dyn Fn() -> String + Send + Sync>,
}

/// A path that is no page's.
const NO_PAGE: &str = "/-";

/// Every page and every form action. It answers whatever no other route does, so unknown paths get a page of their own.
pub fn pages(site: Site) -> Router {
    // It fails only when it was set before, as a second router in one process does.
    let _ = any_spawner::Executor::init_tokio();
    let answer = move |request: Request| {
        let site = site.clone();
        async move { answer(site, request).await }
    };
    Router::new().fallback(answer).layer(DefaultBodyLimit::max(LARGEST_BODY))
}

async fn answer(site: Site, request: Request) -> Response {
    match *request.method() {
        Method::GET | Method::HEAD => render(site, request, None).await,
        Method::POST if request.uri().path() == "/theme" => theme(site, request).await,
        Method::POST => match forms::find(request.uri().path()) {
            Some(form) => post(site, form, request).await,
            None => {
                let Refusal { problem, .. } = Refusal::not_found("No form of Summoner is sent to this address.");
                wrong(site, &request.into_parts().0, problem).await
            }
        },
        _ => {
            let detail = "Pages are read with GET, and their forms are sent with POST.";
            let problem = Problem::new(405, "method_not_allowed", "Wrong method", detail);
            let mut response = wrong(site, &request.into_parts().0, problem).await;
            response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD, POST"));
            response
        }
    }
}

/// Keeps the theme a person chose in a cookie and leads back to the page they are on (`?next=`).
async fn theme(site: Site, request: Request) -> Response {
    let query = Query::<BTreeMap<String, String>>::try_from_uri(request.uri()).map(|Query(query)| query);
    let next = query.unwrap_or_default().remove("next").filter(|path| forms::is_own_path(path));
    let (parts, body) = request.into_parts();
    let fields = match read_form(Request::from_parts(parts.clone(), body), &()).await {
        Ok(fields) => fields,
        Err(Refusal { problem, .. }) => return wrong(site, &parts, problem).await,
    };
    let chosen = fields.iter().find(|(name, _)| name == "theme").map(|(_, value)| value.as_str());
    let cookie = match Theme::of_cookie(chosen).attribute() {
        Some(theme) => format!("theme={theme}; Path=/; Max-Age=31536000; SameSite=Lax"),
        None => "theme=; Path=/; Max-Age=0; SameSite=Lax".to_owned(),
    };
    ([(header::SET_COOKIE, cookie)], Redirect::to(next.as_deref().unwrap_or("/"))).into_response()
}

/// Renders the page the request asks for; `refused` is what a form left behind.
async fn render(site: Site, request: Request, refused: Option<Refused>) -> Response {
    let status = refused.as_ref().and_then(|refused| refused.problem.as_ref()).map(|problem| problem.status);
    let is_posted = refused.is_some();
    let context = move || {
        let Some((parts, options)) = use_context::<Parts>().zip(use_context::<ResponseOptions>()) else { return };
        set_headers(&options);
        if let Some(refused) = refused.clone() {
            provide_context(refused);
        }
        provide_context(Backend { is_posted, ..backend(&site, &parts, options) });
    };
    let mut response = render_app_async_with_context(context, app::shell)(request).await;
    // What the form got is the page's status, unless the page itself could not be had.
    if let Some(status) = status.and_then(|status| StatusCode::from_u16(status).ok())
        && response.status() == StatusCode::OK
    {
        *response.status_mut() = status;
    }
    response
}

fn set_headers(options: &ResponseOptions) {
    let nonce = use_nonce().map(|nonce| nonce.to_string()).unwrap_or_default();
    let policy = format!(
        "default-src 'none'; script-src 'nonce-{nonce}' 'strict-dynamic' 'wasm-unsafe-eval'; style-src 'self' 'nonce-{nonce}'; \
         connect-src 'self'; img-src 'self' data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    );
    // A nonce is base64, so it is always a header value.
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        options.insert_header(header::CONTENT_SECURITY_POLICY, policy);
    }
    options.insert_header(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
}

fn backend(site: &Site, parts: &Parts, options: ResponseOptions) -> Backend {
    let (api, headers) = (site.api.clone(), passed_on(&parts.headers));
    let extensions = parts.extensions.clone();
    let redirected = options.clone();
    Backend {
        call: Arc::new(move |asked| {
            let (api, headers, extensions) = (api.clone(), headers.clone(), extensions.clone());
            Box::pin(async move {
                let (status, _, body) = call(api, asked, headers, extensions).await;
                (status.as_u16(), body)
            })
        }),
        status: Arc::new(move |status| {
            options.set_status(StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY));
        }),
        redirect: Arc::new(move |path| {
            if let Ok(path) = HeaderValue::from_str(path) {
                redirected.insert_header(header::LOCATION, path);
                redirected.set_status(StatusCode::SEE_OTHER);
            }
        }),
        key: site.key.clone(),
        path: parts.uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str).to_owned(),
        is_posted: false,
        assets: site.assets.clone(),
        theme: Theme::of_cookie(cookie(&parts.headers, "theme").as_deref()),
    }
}

/// Sends a form to its API call, then on; a refused one gives its page again with what was typed.
async fn post(site: Site, form: forms::Found, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let fields = match read_form(Request::from_parts(parts.clone(), body), &()).await {
        Ok(fields) => fields,
        Err(Refusal { problem, .. }) => return again(site, &parts, &form, refused(problem)).await,
    };
    // A form marks its own secret fields, so that they are never put back; the API knows nothing of the mark.
    let (sealed, fields): (Fields, Fields) = fields.into_iter().partition(|(name, _)| name == "sealed");
    let sealed: Vec<String> = sealed.into_iter().map(|(_, name)| name).collect();
    let (mut keys, fields): (Fields, Fields) = fields.into_iter().partition(|(name, _)| name == forms::KEY_FIELD);
    if form.then == forms::Then::Look {
        return again(site, &parts, &form, kept(fields, &sealed)).await;
    }
    let (path, key) = (format!("{}{}", api::ROOT, form.api), keys.pop().map(|(_, key)| key).unwrap_or_default());
    let asked = Call { method: form.method, path, body: body_of(&fields), key };
    let headers = passed_on(&parts.headers);
    let (status, answered, body) = call(site.api.clone(), asked, headers, parts.extensions.clone()).await;
    let query =
        Query::<BTreeMap<String, String>>::try_from_uri(&parts.uri).map(|Query(query)| query).unwrap_or_default();
    let mut response = match app::client::read::<serde_json::Value>((status.as_u16(), body)) {
        Ok(answer) => match forms::after(&form, &answer, query.get("next").map(String::as_str)) {
            Some(to) => Redirect::to(&to).into_response(),
            None => again(site, &parts, &form, Refused { answer: Some(answer), ..kept(fields, &sealed) }).await,
        },
        Err(problem) if problem.status == 401 && form.page != "/sign-in" => {
            Redirect::to(&door(&form.page)).into_response()
        }
        Err(problem) => {
            let values = kept(fields, &sealed).values;
            again(site, &parts, &form, Refused { values, ..refused(problem) }).await
        }
    };
    for cookie in answered.get_all(header::SET_COOKIE) {
        response.headers_mut().append(header::SET_COOKIE, cookie.clone());
    }
    response
}

/// What was typed, without what is secret.
fn kept(fields: Fields, sealed: &[String]) -> Refused {
    let values = fields.into_iter().filter(|(name, _)| !forms::is_secret(name, sealed)).collect();
    Refused { values, ..Refused::default() }
}

/// What is left where nothing was typed that could be put back.
fn refused(problem: Problem) -> Refused {
    Refused { problem: Some(problem), ..Refused::default() }
}

/// The form's page, rendered with what it left behind.
async fn again(site: Site, parts: &Parts, form: &forms::Found, refused: Refused) -> Response {
    let query = parts.uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    // A path filled in with parts of a path is one.
    let page = format!("{}{query}", form.page).parse().unwrap_or_default();
    render(site, reading(parts, page), Some(refused)).await
}

/// A page of its own for a request that no form of ours makes. It stays plain HTML, as the program knows no such page.
async fn wrong(site: Site, parts: &Parts, problem: Problem) -> Response {
    let assets = AssetNames { js: String::new(), ..site.assets };
    render(Site { assets, ..site }, reading(parts, Uri::from_static(NO_PAGE)), Some(refused(problem))).await
}

/// The request for `page` that the same browser would make.
fn reading(parts: &Parts, page: Uri) -> Request {
    let mut request = Request::new(Body::empty());
    *request.headers_mut() = parts.headers.clone();
    request.headers_mut().remove(header::CONTENT_LENGTH);
    *request.extensions_mut() = parts.extensions.clone();
    *request.uri_mut() = page;
    request
}

fn body_of(fields: &[(String, String)]) -> String {
    let encode = app::client::encode;
    fields.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect::<Vec<_>>().join("&")
}

/// Headers of the page request that the API needs to know who asks.
///
/// Where the request comes from was judged before it got here: around the whole site, and not once more in-process.
fn passed_on(headers: &HeaderMap) -> HeaderMap {
    [header::COOKIE, header::USER_AGENT]
        .into_iter()
        .filter_map(|name| headers.get(&name).map(|value| (name, value.clone())))
        .collect()
}

/// One call of the API in-process. The extensions of the page request go along: they hold the peer's address.
async fn call(
    api: Router,
    asked: Call,
    headers: HeaderMap,
    extensions: http::Extensions,
) -> (StatusCode, HeaderMap, String) {
    let mut request = Request::new(Body::from(asked.body));
    *request.headers_mut() = headers;
    *request.extensions_mut() = extensions;
    *request.method_mut() = match asked.method {
        app::client::Method::Get => Method::GET,
        app::client::Method::Post => Method::POST,
        app::client::Method::Put => Method::PUT,
        app::client::Method::Delete => Method::DELETE,
    };
    if asked.method != app::client::Method::Get {
        let form = HeaderValue::from_static("application/x-www-form-urlencoded");
        request.headers_mut().insert(header::CONTENT_TYPE, form);
    }
    if !asked.key.is_empty() {
        // What cannot be a header is refused like every other key of a wrong form.
        let key = HeaderValue::from_str(&asked.key).unwrap_or(HeaderValue::from_static(""));
        request.headers_mut().insert(HeaderName::from_static("idempotency-key"), key);
    }
    match asked.path.parse() {
        Ok(uri) => *request.uri_mut() = uri,
        Err(_) => return (StatusCode::NOT_FOUND, HeaderMap::new(), String::new()),
    }
    let Ok(response) = api.oneshot(request).await;
    let (parts, body) = response.into_parts();
    match to_bytes(body, MOST_ANSWER).await {
        Ok(body) => (parts.status, parts.headers, String::from_utf8_lossy(&body).into_owned()),
        Err(error) => {
            tracing::error!(%error, path = asked.path, "the answer of an in-process call could not be read");
            (StatusCode::BAD_GATEWAY, HeaderMap::new(), String::new())
        }
    }
}

fn cookie(headers: &HeaderMap, name: &str) -> Option<String> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    cookies.flat_map(|cookies| cookies.split(';')).find_map(|cookie| {
        let (key, value) = cookie.trim().split_once('=')?;
        (key == name).then(|| value.to_owned())
    })
}
