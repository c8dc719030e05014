//! The JSON Schema of an entry's Compose file, for editors.

use schemars::generate::SchemaSettings;
use serde_json::{Value, json};

use super::about::About;

/// The schema of a whole file (JSON Schema, draft 2020-12): `x-summoner` from the Rust types, the rest left to Compose's
/// own schema, which editors have.
pub fn entry_schema() -> Value {
    let mut about = SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<About>().to_value();
    let definitions = about.as_object_mut().and_then(|about| {
        about.remove("$schema");
        about.remove("$defs")
    });
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A Summoner catalogue entry",
        "type": "object",
        "required": ["x-summoner", "services"],
        "properties": { "x-summoner": about, "services": { "type": "object", "minProperties": 1 } },
        "$defs": definitions.unwrap_or_default(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_schema_is_that_of_the_types() {
        let committed: Value = serde_json::from_str(include_str!("../../../docs/entry.schema.json")).unwrap();
        assert_eq!(committed, entry_schema(), "run: cargo run -p summoner -- catalog schema > docs/entry.schema.json");
    }

    #[test]
    fn the_schema_names_the_keys_of_an_entry_and_closes_the_rest() {
        let schema = entry_schema();
        let about = &schema["properties"]["x-summoner"];
        assert_eq!(about["additionalProperties"], json!(false));
        assert_eq!(about["properties"]["images"]["additionalProperties"]["$ref"], json!("#/$defs/ImageRule"));
        assert!(schema["$defs"]["ImageRule"]["properties"]["keep_variant"].is_object());
        assert!(about["required"].as_array().unwrap().contains(&json!("tagline")));
    }
}
