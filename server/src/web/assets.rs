//! The files a browser asks for: the program, the style sheet, the icons, under names that carry a hash of their content.
//!
//! The build leaves them in one folder with a `manifest.json` that maps plain names to hashed ones
//! (`app.js` → `app.85071c….js`), read once at start.

use std::{collections::BTreeMap, io, path::Path};

use app::client::AssetNames;
use axum::{
    Router,
    http::{HeaderValue, header},
    response::Response,
};
use sha2::{Digest as _, Sha256};
use tower_http::{services::ServeDir, services::ServeFile};

/// A year: a file whose name carries its hash never changes.
const FOR_EVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");

/// Reads the manifest of the folder `site`.
///
/// # Errors
/// When there is no `manifest.json`, or it is not a JSON object of strings.
pub fn names(site: &Path) -> io::Result<AssetNames> {
    let manifest: BTreeMap<String, String> = serde_json::from_slice(&std::fs::read(site.join("manifest.json"))?)?;
    let path = |name: &str| manifest.get(name).map(|hashed| format!("/pkg/{hashed}")).unwrap_or_default();
    Ok(AssetNames { js: path("app.js"), wasm: path("app.wasm"), css: path("app.css"), icons: path("icons.svg") })
}

/// Names what a page is made of: eight hexadecimal digits, other ones for other files.
pub fn build(names: &AssetNames) -> String {
    let digest = Sha256::digest([names.js.as_str(), &names.wasm, &names.css, &names.icons].join("\n"));
    hex::encode(&digest[..4])
}

/// Serves `site` below `/pkg/`, as the build compressed it, and the favicon.
pub fn assets(site: &Path) -> Router {
    let files = ServeDir::new(site).precompressed_br().precompressed_gzip();
    let pkg = Router::new().fallback_service(files).layer(axum::middleware::map_response(cache));
    Router::new().nest("/pkg", pkg).route_service("/favicon.svg", ServeFile::new(site.join("favicon.svg")))
}

/// Only what was found is kept: an unknown name must not be a 404 for a year.
async fn cache(mut response: Response) -> Response {
    if response.status().is_success() {
        response.headers_mut().insert(header::CACHE_CONTROL, FOR_EVER);
    }
    response
}

#[cfg(test)]
mod tests {
    use axum::{body::Body, http::Request, http::StatusCode};
    use tower::ServiceExt;

    use super::*;

    #[tokio::test]
    async fn only_files_that_exist_are_cached_for_ever() {
        let site = std::env::temp_dir().join(format!("summoner-assets-{}", std::process::id()));
        std::fs::create_dir_all(&site).expect("a folder");
        std::fs::write(site.join("app.1.css"), "body {}").expect("a file");
        std::fs::write(site.join("manifest.json"), r#"{"app.css":"app.1.css"}"#).expect("a manifest");
        let names = names(&site).expect("names");
        assert_eq!((names.css.as_str(), names.js.as_str()), ("/pkg/app.1.css", ""));
        let other = AssetNames { css: "/pkg/app.2.css".into(), ..names.clone() };
        assert_ne!(build(&names), build(&other));
        let ask = async |path: &str| {
            let request = Request::get(path).body(Body::empty()).expect("a request");
            assets(&site).oneshot(request).await.expect("an answer")
        };
        let (found, missing) = (ask("/pkg/app.1.css").await, ask("/pkg/app.2.css").await);
        std::fs::remove_dir_all(&site).expect("the folder goes");
        assert_eq!(found.headers().get(header::CACHE_CONTROL), Some(&FOR_EVER));
        assert_eq!((missing.status(), missing.headers().get(header::CACHE_CONTROL)), (StatusCode::NOT_FOUND, None));
    }
}
