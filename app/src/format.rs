//! Numbers, sizes and times as people read them. The same on both sides, so that hydration finds what was rendered.

use jiff::{Timestamp, civil::DateTime, tz::Offset};

/// `bytes` with three significant digits at most: "412 MB", "1.9 GB".
pub fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["B", "kB", "MB", "GB", "TB"];
    let (mut value, mut unit) = (bytes as f64, 0);
    while value >= 999.5 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    // Tenths only where they tell something, and never "2.0 GB".
    let text = if unit < 2 || value >= 99.95 || (value.fract() * 10.0).round() % 10.0 == 0.0 {
        format!("{value:.0}")
    } else {
        format!("{value:.1}")
    };
    format!("{text} {}", UNITS[unit])
}

/// A duration in its two largest units: "3 min 10 s", "2 h 5 min", "34 days".
pub fn duration(seconds: i64) -> String {
    let seconds = seconds.max(0);
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    let join = |large: i64, unit: &str, small: i64, small_unit: &str| match small {
        0 => format!("{large} {unit}"),
        small => format!("{large} {unit} {small} {small_unit}"),
    };
    match () {
        () if days >= 2 => format!("{days} days"),
        () if hours >= 1 => join(hours, "h", minutes % 60, "min"),
        () if minutes >= 1 => join(minutes, "min", seconds % 60, "s"),
        () => format!("{seconds} s"),
    }
}

/// A duration for "ago" and "for": its largest unit only.
pub fn rough(seconds: i64) -> String {
    let seconds = seconds.max(0);
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min", seconds / 60),
        3600..172_800 => format!("{} h", seconds / 3600),
        172_800..1_209_600 => format!("{} days", seconds / 86_400),
        1_209_600..5_184_000 => format!("{} weeks", seconds / 604_800),
        5_184_000..63_072_000 => format!("{} months", seconds / 2_592_000),
        _ => format!("{} years", seconds / 31_536_000),
    }
}

/// A running clock: "0:41", "12:05", "1:02:09".
pub fn clock(seconds: i64) -> String {
    let seconds = seconds.max(0);
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
    if hours > 0 {
        format!("{hours}:{minutes:02}:{:02}", seconds % 60)
    } else {
        format!("{minutes}:{:02}", seconds % 60)
    }
}

/// An instant as the server writes it, in UTC: "21 Nov 18:52 UTC".
pub fn instant(at: Timestamp) -> String {
    let date = civil(at);
    format!("{} {} {} UTC", date.day(), &month(date)[..3], time_of_day(at))
}

/// The time of day in UTC: "18:52".
pub fn time_of_day(at: Timestamp) -> String {
    let date = civil(at);
    format!("{:02}:{:02}", date.hour(), date.minute())
}

/// The day in UTC: "Saturday 21 November".
pub fn day(at: Timestamp) -> String {
    const DAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
    let date = civil(at);
    let weekday = usize::from(date.weekday().to_monday_zero_offset().unsigned_abs());
    format!("{} {} {}", DAYS.get(weekday).copied().unwrap_or_default(), date.day(), month(date))
}

// Written out: `strftime` knows every format there is, and all of it would go into the browser bundle.
fn civil(at: Timestamp) -> DateTime {
    Offset::UTC.to_datetime(at)
}

fn month(date: DateTime) -> &'static str {
    const MONTHS: [&str; 12] = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ];
    usize::from(date.month().unsigned_abs())
        .checked_sub(1)
        .and_then(|index| MONTHS.get(index))
        .copied()
        .unwrap_or("???")
}

/// Thousandths of a processor as a share of one: "12 %", "0.4 %".
pub fn cpu(millis: u64) -> String {
    if millis < 10 { format!("0.{millis} %") } else { format!("{} %", millis / 10) }
}

/// A small number in words, as in "The other eleven are fine"; figures above twelve.
pub fn count(number: usize) -> String {
    const WORDS: [&str; 13] =
        ["no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"];
    WORDS.get(number).map_or_else(|| number.to_string(), |word| (*word).to_owned())
}

/// `text` with its first letter large.
pub fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().collect::<String>() + letters.as_str()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_a_unit_and_at_most_one_tenth() {
        for (size, text) in [
            (0, "0 B"),
            (999, "999 B"),
            (1_000, "1 kB"),
            (15_400, "15 kB"),
            (412_000_000, "412 MB"),
            (1_900_000_000, "1.9 GB"),
            (2_000_000_000, "2 GB"),
            (999_999_999, "1 GB"),
            (u64::MAX, "18446744 TB"),
        ] {
            assert_eq!(bytes(size), text);
        }
    }

    #[test]
    fn durations_name_their_two_largest_units() {
        for (seconds, text) in [
            (-5, "0 s"),
            (59, "59 s"),
            (60, "1 min"),
            (190, "3 min 10 s"),
            (7_500, "2 h 5 min"),
            (2_937_600, "34 days"),
        ] {
            assert_eq!(duration(seconds), text);
        }
        assert_eq!((clock(41), clock(725), clock(3_729)), ("0:41".into(), "12:05".into(), "1:02:09".into()));
        assert_eq!((rough(59), rough(3_600), rough(3_000_000)), ("59 s".into(), "1 h".into(), "4 weeks".into()));
    }

    #[test]
    fn instants_are_written_in_utc() {
        let at: Timestamp = "2026-11-21T18:05:00Z".parse().expect("a time");
        assert_eq!(instant(at), "21 Nov 18:05 UTC");
        assert_eq!(day(at), "Saturday 21 November");
    }

    #[test]
    fn every_day_is_named_as_the_library_names_it() {
        let start: Timestamp = "1999-12-31T23:59:59Z".parse().expect("a time");
        for days in 0..800 {
            let at = start + jiff::SignedDuration::from_hours(25 * days);
            let written = |format: &str| at.to_zoned(jiff::tz::TimeZone::UTC).strftime(format).to_string();
            assert_eq!(day(at), written("%A %-d %B"));
            assert_eq!(instant(at), written("%-d %b %H:%M UTC"));
        }
    }
}
