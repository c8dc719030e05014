//! Instants on the wire: UTC in RFC 3339, such as `2026-11-21T18:00:00.5Z`.
//!
//! Read and written here and not by jiff, which knows every form and time zone there is: each of its complaints would
//! travel to the browser, for a text that only our server writes. That made 35 kB of the compressed bundle.

use std::borrow::Cow;
use std::ops::RangeInclusive;

use jiff::{Timestamp, tz::Offset};
use serde::{Deserialize, Deserializer, de::Error};

/// The instant as text; fractions of a second only where there are any.
pub fn text(at: Timestamp) -> String {
    let civil = Offset::UTC.to_datetime(at);
    let (date, time) = (civil.date(), civil.time());
    let fraction = match time.subsec_nanosecond() {
        0 => String::new(),
        nanoseconds => format!(".{nanoseconds:09}").trim_end_matches('0').to_owned(),
    };
    format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}{fraction}Z",
        date.year(),
        date.month(),
        date.day(),
        time.hour(),
        time.minute(),
        time.second(),
    )
}

/// Reads an instant.
///
/// # Errors
/// What the deserializer says of text that is no instant.
pub fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
    accepted(&Cow::<str>::deserialize(deserializer)?)
}

/// Reads an instant that may be absent.
///
/// # Errors
/// As [`read`].
pub fn read_if_any<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
    Option::<Cow<str>>::deserialize(deserializer)?.map(|text| accepted(&text)).transpose()
}

fn accepted<E: Error>(text: &str) -> Result<Timestamp, E> {
    parsed(text).ok_or_else(|| E::custom("an instant is a text such as 2026-11-21T18:00:00Z"))
}

/// The instant that `YYYY-MM-DDTHH:MM:SS[.fraction]Z` names.
fn parsed(text: &str) -> Option<Timestamp> {
    let (whole, fraction) = match text.strip_suffix('Z')?.split_once('.') {
        Some((whole, fraction)) => (whole, fraction),
        None => (text.strip_suffix('Z')?, "0"),
    };
    let marks = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':')];
    if whole.len() != 19 || marks.iter().any(|(place, mark)| whole.as_bytes()[*place] != *mark) {
        return None;
    }
    let part = |place: usize, allowed: RangeInclusive<i64>| {
        let digits = whole.get(place..place + 2)?;
        number(digits).filter(|number| allowed.contains(number))
    };
    let year = number(whole.get(..4)?)?;
    let (month, day) = (part(5, 1..=12)?, part(8, 1..=31)?);
    let (hour, minute, second) = (part(11, 0..=23)?, part(14, 0..=59)?, part(17, 0..=59)?);
    if day > days_in(year, month) || fraction.len() > 9 {
        return None;
    }
    let nanoseconds = number(fraction)? * 10_i64.pow(9 - u32::try_from(fraction.len()).ok()?);
    let seconds = ((days(year, month, day) * 24 + hour) * 60 + minute) * 60 + second;
    Timestamp::new(seconds, i32::try_from(nanoseconds).ok()?).ok()
}

fn number(digits: &str) -> Option<i64> {
    (!digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit())).then(|| digits.parse().ok()).flatten()
}

fn days_in(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1 January 1970 to a day of the Gregorian calendar: years are counted from March, so that the day that
/// comes and goes is the last of its year.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leaps = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    // 719,468 days lie between 1 March of the year 0 and 1970.
    year * 365 + leaps + (153 * month + 2) / 5 + day - 1 - 719_468
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
    fn instants_are_read_and_written_as_jiff_does() {
        // About every eleven days of eight centuries, at odd times.
        for step in -12_000..13_000_i64 {
            let nanoseconds = [0, 500_000_000, 123_456_789, 1_000][usize::try_from(step.rem_euclid(4)).expect("small")];
            let at = Timestamp::new(step * 950_400 + step * 7_919, nanoseconds).expect("an instant");
            assert_eq!(text(at), at.to_string());
            assert_eq!(parsed(&at.to_string()), Some(at), "{at}");
        }
        for day in ["2000-02-29", "1900-02-28", "2024-02-29", "1970-01-01", "1969-12-31", "9999-12-30"] {
            let at = format!("{day}T23:59:59Z");
            assert_eq!(parsed(&at), at.parse().ok(), "{at}");
        }
    }

    #[test]
    fn what_is_no_instant_is_refused() {
        for wrong in [
            "",
            "Z",
            "yesterday",
            "2026-11-21",
            "2026-11-21T18:00:00",
            "2026-11-21T18:00:00+01:00",
            "2026-02-29T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-00-01T00:00:00Z",
            "2026-11-31T00:00:00Z",
            "2026-11-21T24:00:00Z",
            "2026-11-21T18:60:00Z",
            "2026-11-21T18:00:00.Z",
            "2026-11-21T18:00:00.1234567890Z",
            "2026-11-21T18:00:0éZ",
            "+026-11-21T18:00:00Z",
        ] {
            assert_eq!(parsed(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn instants_may_be_absent_where_they_may() {
        let at: Timestamp = "2026-11-21T18:00:00.123456789Z".parse().expect("an instant");
        let read = |text: &str| serde_json::from_str::<Sample>(text);
        let written = serde_json::to_string(&at).expect("text");
        let sample = read(&format!("{{\"at\": {written}, \"since\": {written}}}")).expect("a sample");
        assert_eq!((sample.at, sample.since), (at, Some(at)));
        for absent in ["", ", \"since\": null"] {
            assert_eq!(read(&format!("{{\"at\": {written}{absent}}}")).expect("a sample").since, None);
        }
        for wrong in ["\"yesterday\"", "7", "null"] {
            let problem = read(&format!("{{\"at\": {wrong}}}")).expect_err(wrong).to_string();
            assert!(problem.contains("instant") || problem.contains("invalid type"), "{wrong}: {problem}");
        }
    }
}
