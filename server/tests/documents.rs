//! Documents that are made from the code and committed beside it have to say what the code says.

use std::path::Path;

#[test]
fn the_openapi_document_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/openapi.json");
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    let current = serde_json::to_string_pretty(&server::web::api::whole_document()).unwrap_or_default();
    assert!(
        committed.trim_end() == current,
        "docs/openapi.json is not what the routes say; write it anew: cargo run -p summoner -- openapi > docs/openapi.json"
    );
}
