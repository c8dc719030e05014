//! Instants on the wire: RFC 3339 text, as jiff writes it.
//!
//! Reading is done here and not by jiff's own implementation, whose every possible complaint would travel to the
//! browser: 29 kB of sentences for a text that only our server writes.

use std::borrow::Cow;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, de::Error};

/// Reads an instant.
///
/// # Errors
/// What the deserializer says of text that is no instant.
pub fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
    parsed(&Cow::<str>::deserialize(deserializer)?)
}

/// Reads an instant that may be absent.
///
/// # Errors
/// As [`read`].
pub fn read_if_any<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
    Option::<Cow<str>>::deserialize(deserializer)?.map(|text| parsed(&text)).transpose()
}

fn parsed<E: Error>(text: &str) -> Result<Timestamp, E> {
    text.parse().map_err(|_| E::custom("an instant is a text such as 2026-11-21T18:00:00Z"))
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    struct Sample {
        #[serde(deserialize_with = "read")]
        at: Timestamp,
        #[serde(default, deserialize_with = "read_if_any")]
        since: Option<Timestamp>,
    }

    #[test]
    fn instants_are_read_as_they_are_written() {
        let at: Timestamp = "2026-11-21T18:00:00.123456789Z".parse().expect("an instant");
        let read = |text: &str| serde_json::from_str::<Sample>(text);
        let written = serde_json::to_string(&at).expect("text");
        let sample = read(&format!("{{\"at\": {written}, \"since\": {written}}}")).expect("a sample");
        assert_eq!((sample.at, sample.since), (at, Some(at)));
        for absent in ["", ", \"since\": null"] {
            assert_eq!(read(&format!("{{\"at\": {written}{absent}}}")).expect("a sample").since, None);
        }
        for wrong in ["\"yesterday\"", "7", "null", "\"2026-11-21\""] {
            let problem = read(&format!("{{\"at\": {wrong}}}")).expect_err(wrong).to_string();
            assert!(problem.contains("instant") || problem.contains("invalid type"), "{wrong}: {problem}");
        }
    }
}
