//! Sizes and durations as people write them in entries and Compose files.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, Deserializer, Error as _};

use super::finding::quoted;

/// A number of bytes, written `512M`, `2G`, `1.5 GiB` or plain `1048576`; units are powers of 1024, as in Compose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ByteSize(pub u64);

impl ByteSize {
    /// The number of bytes.
    pub fn bytes(self) -> u64 {
        self.0
    }
}

impl FromStr for ByteSize {
    type Err = String;

    /// # Errors
    /// A sentence that quotes the input and gives a right one.
    fn from_str(input: &str) -> Result<Self, String> {
        let wrong = || format!("{} is not a size. Write a number and a unit, such as 512M or 10 GB.", quoted(input));
        let trimmed = input.trim();
        let digits = trimmed.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(trimmed.len());
        let (number, unit) = trimmed.split_at(digits);
        let shift = match unit.trim().to_ascii_lowercase().as_str() {
            "" | "b" => 0,
            "k" | "kb" | "kib" => 10,
            "m" | "mb" | "mib" => 20,
            "g" | "gb" | "gib" => 30,
            "t" | "tb" | "tib" => 40,
            _ => return Err(wrong()),
        };
        let factor = 1_u64 << shift;
        if let Ok(whole) = number.parse::<u64>() {
            return whole.checked_mul(factor).map(Self).ok_or_else(wrong);
        }
        let (whole, part) = number.split_once('.').ok_or_else(wrong)?;
        if part.is_empty() || part.len() > 6 {
            return Err(wrong());
        }
        let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().map_err(|_| wrong())? };
        let part_value: u64 = part.parse().map_err(|_| wrong())?;
        let scale = 10_u64.pow(u32::try_from(part.len()).unwrap_or(6));
        let fraction = u128::from(part_value) * u128::from(factor) / u128::from(scale);
        let fraction = u64::try_from(fraction).map_err(|_| wrong())?;
        whole.checked_mul(factor).and_then(|bytes| bytes.checked_add(fraction)).map(Self).ok_or_else(wrong)
    }
}

impl fmt::Display for ByteSize {
    /// The shortest exact form, such as `512M`; bytes without a unit where none divides.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let exact = [(40, "T"), (30, "G"), (20, "M"), (10, "K")]
            .into_iter()
            .find(|(shift, _)| self.0 > 0 && self.0.trailing_zeros() >= *shift);
        match exact {
            Some((shift, unit)) => write!(out, "{}{unit}", self.0 >> shift),
            None => write!(out, "{}", self.0),
        }
    }
}

impl<'de> Deserialize<'de> for ByteSize {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

impl JsonSchema for ByteSize {
    fn schema_name() -> Cow<'static, str> {
        "ByteSize".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["string", "integer"], "description": "A number and a unit, such as 512M or 2G." })
    }
}

/// A duration in Compose's form: `90s`, `1m30s`, `500ms`, `1h`, `2d`; a plain number is refused for want of a unit.
///
/// # Errors
/// A sentence that quotes the input and gives a right one.
pub fn parse_duration(input: &str) -> Result<Duration, String> {
    let wrong = || format!("{} is not a duration. Write a number and a unit, such as 30s or 1m30s.", quoted(input));
    let mut rest = input.trim();
    if rest == "0" {
        return Ok(Duration::ZERO);
    }
    if rest.is_empty() {
        return Err(wrong());
    }
    let mut total = Duration::ZERO;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(wrong)?;
        let (number, after) = rest.split_at(digits);
        let letters = after.find(|c: char| !c.is_ascii_alphabetic() && c != 'µ').unwrap_or(after.len());
        let (unit, after) = after.split_at(letters);
        let seconds = match unit {
            "us" | "µs" => 1e-6,
            "ms" => 1e-3,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3_600.0,
            "d" => 86_400.0,
            _ => return Err(wrong()),
        };
        let number: f64 = number.parse().map_err(|_| wrong())?;
        let part = Duration::try_from_secs_f64(number * seconds).map_err(|_| wrong())?;
        total = total.checked_add(part).ok_or_else(wrong)?;
        rest = after;
    }
    Ok(total)
}

/// A duration in Compose's form that [`parse_duration`] reads back as the same, such as `1m30s`.
pub fn write_duration(duration: Duration) -> String {
    let (seconds, micros) = (duration.as_secs(), duration.subsec_micros());
    let parts = [(seconds / 3_600, "h"), (seconds % 3_600 / 60, "m"), (seconds % 60, "s")];
    let mut written: String =
        parts.iter().filter(|(count, _)| *count > 0).map(|(count, unit)| format!("{count}{unit}")).collect();
    if micros % 1_000 > 0 {
        written.push_str(&format!("{micros}us"));
    } else if micros > 0 {
        written.push_str(&format!("{}ms", micros / 1_000));
    }
    if written.is_empty() { "0s".to_owned() } else { written }
}

/// A duration in an entry, written as in Compose: `60s`, `10m`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(pub Duration);

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        parse_duration(&String::deserialize(deserializer)?).map(Self).map_err(D::Error::custom)
    }
}

impl JsonSchema for Span {
    fn schema_name() -> Cow<'static, str> {
        "Span".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "description": "A number and a unit, such as 60s or 1m30s." })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_as_people_write_them() {
        for (input, bytes) in [
            ("512M", 512 << 20),
            ("2G", 2 << 30),
            ("10 GB", 10 << 30),
            ("1.5g", 3 << 29),
            ("64mb", 64 << 20),
            ("1048576", 1 << 20),
            ("0", 0),
        ] {
            assert_eq!(input.parse(), Ok(ByteSize(bytes)), "{input}");
        }
        for input in ["", "two terabytes", "-1G", "1.G", "99999999999999999999", "99999999999T", "5 Go"] {
            assert!(input.parse::<ByteSize>().is_err(), "{input}");
        }
        let message = "2 terabytes".parse::<ByteSize>().unwrap_err();
        assert_eq!(message, "“2 terabytes” is not a size. Write a number and a unit, such as 512M or 10 GB.");
    }

    #[test]
    fn a_written_size_is_read_back_as_the_same() {
        for bytes in [0, 1, 1023, 1024, 1536, 512 << 20, 3 << 29, 1 << 40, u64::MAX] {
            assert_eq!(ByteSize(bytes).to_string().parse(), Ok(ByteSize(bytes)));
        }
    }

    #[test]
    fn durations_are_read_as_compose_reads_them() {
        for (input, expected) in [
            ("10s", Duration::from_secs(10)),
            ("1m30s", Duration::from_secs(90)),
            ("500ms", Duration::from_millis(500)),
            ("1.5s", Duration::from_millis(1500)),
            ("1h", Duration::from_secs(3600)),
            ("0", Duration::ZERO),
        ] {
            assert_eq!(parse_duration(input), Ok(expected), "{input}");
        }
        for input in ["", "10", "s", "1x", "1s1", "1e400s", "999999999999999999999h", "-1s"] {
            assert!(parse_duration(input).is_err(), "{input}");
        }
    }

    #[test]
    fn a_written_duration_is_read_back_as_the_same() {
        for micros in [0, 1, 1_000, 1_500, 90_000_000, 3_600_000_000, 3_661_000_001] {
            let duration = Duration::from_micros(micros);
            assert_eq!(parse_duration(&write_duration(duration)), Ok(duration));
        }
    }
}
