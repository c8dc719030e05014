//! Tag patterns: which tags of an image are releases.

use std::borrow::Cow;

use regex::{Regex, RegexBuilder};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, Deserializer, Error as _};

use super::finding::quoted;

/// An anchored regular expression over tags; its groups `version` and `variant` split a tag.
///
/// The `regex` crate runs in linear time, and the compiled size is bounded, so a pattern from an own entry cannot
/// exhaust the machine.
#[derive(Clone, Debug)]
pub struct TagPattern(Regex);

impl TagPattern {
    /// Reads a pattern, which must be anchored at both ends.
    ///
    /// # Errors
    /// A sentence that says what is wrong with the pattern.
    pub fn new(pattern: &str) -> Result<Self, String> {
        const LARGEST: usize = 1 << 18;
        if !pattern.starts_with('^') || !pattern.ends_with('$') {
            return Err(format!(
                "The tag pattern {} is not anchored, so it would match parts of tags. Start it with ^ and end it with $.",
                quoted(pattern)
            ));
        }
        RegexBuilder::new(pattern).size_limit(LARGEST).build().map(Self).map_err(|error| {
            let cause = error.to_string();
            let cause = cause.lines().last().unwrap_or_default().trim_start_matches("error: ");
            format!("The tag pattern {} cannot be read: {cause}. Write a regular expression.", quoted(pattern))
        })
    }

    /// The pattern as it is written.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The compiled expression, for those who need its groups.
    pub fn regex(&self) -> &Regex {
        &self.0
    }

    /// Whether the tag is a release.
    pub fn matches(&self, tag: &str) -> bool {
        self.0.is_match(tag)
    }

    /// The version and the variant of a matching tag: the groups of these names, else the whole tag and no variant.
    pub fn split<'tag>(&self, tag: &'tag str) -> Option<(&'tag str, &'tag str)> {
        let groups = self.0.captures(tag)?;
        let version = groups.name("version").map_or(tag, |group| group.as_str());
        let variant = groups.name("variant").map_or("", |group| group.as_str());
        Some((version, variant))
    }
}

impl PartialEq for TagPattern {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl<'de> Deserialize<'de> for TagPattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(&String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

impl JsonSchema for TagPattern {
    fn schema_name() -> Cow<'static, str> {
        "TagPattern".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "format": "regex",
            "pattern": "^\\^.*\\$$",
            "description": "An anchored regular expression; its groups version and variant split a tag.",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_splits_version_and_variant() {
        let pattern = TagPattern::new(r"^(?<version>\d+\.\d+\.\d+)(?<variant>-rootless)?$").unwrap();
        assert_eq!(pattern.split("1.27.2"), Some(("1.27.2", "")));
        assert_eq!(pattern.split("1.27.2-rootless"), Some(("1.27.2", "-rootless")));
        assert_eq!(pattern.split("latest"), None);
        assert_eq!(TagPattern::new(r"^17\.\d+$").unwrap().split("17.11"), Some(("17.11", "")));
    }

    #[test]
    fn a_loose_broken_or_huge_pattern_is_refused() {
        assert!(TagPattern::new(r"\d+").unwrap_err().contains("not anchored"));
        assert!(TagPattern::new(r"^(\d+$").unwrap_err().contains("cannot be read"));
        assert!(TagPattern::new(r"^(((\w{90}){90}){90})$").unwrap_err().contains("cannot be read"));
    }
}
