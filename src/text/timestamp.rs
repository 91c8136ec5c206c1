//! Points in time, as the servers write them: UTC with milliseconds.

use std::ops::Range;

use jiff::civil::{self, DateTime};
use jiff::tz::Offset;
use jiff::{Span, Timestamp};

const CANONICAL_FORMAT: &str = "%Y-%m-%dT%H:%M:%S.%3fZ";
const LOCAL_FORMAT: &str = "%Y-%m-%dT%H:%M:%S.%3f";

/// A time as a text gives it.
#[derive(Debug, PartialEq)]
pub enum Time {
    /// A point in time, in canonical form: `2030-12-01T10:00:00.000Z`.
    Utc(String),
    /// A time of day without a zone, with milliseconds: `2030-12-01T10:00:00.000`.
    Local(String),
}

/// Reads a time in any form that has exactly one meaning: RFC 3339 and ISO 8601 with a calendar
/// date, extended or basic (`20301201T100000Z`), with or without seconds, a fraction after a dot or
/// a comma, an offset as `+hh:mm`, `+hhmm` or `+hh`. `None` for everything else.
pub fn parse(text: &str) -> Option<Time> {
    let bytes = text.as_bytes();
    // A leap second is written as the second before it.
    if is_canonical_utc(bytes) && !text.contains(":60.") {
        return is_in_calendar(bytes).then(|| Time::Utc(text.to_owned()));
    }
    let mut scanner = Scanner(text.trim());
    let civil = scanner.date_time()?;
    let Some(offset) = scanner.zone()? else {
        let text = civil.strftime(LOCAL_FORMAT).to_string();
        return is_local_time(text.as_bytes()).then_some(Time::Local(text));
    };
    let text = offset
        .to_timestamp(civil)
        .ok()?
        .strftime(CANONICAL_FORMAT)
        .to_string();
    // An offset can lead out of the years that the form holds.
    is_canonical_utc(text.as_bytes()).then_some(Time::Utc(text))
}

/// Whether a time in canonical form exists.
fn is_in_calendar(text: &[u8]) -> bool {
    let number = |range: Range<usize>| {
        let digits = text[range].iter();
        digits.fold(0, |number, digit| number * 10 + i16::from(digit - b'0'))
    };
    let date = civil::Date::new(number(0..4), number(5..7) as i8, number(8..10) as i8);
    let (hour, minute, second) = (number(11..13), number(14..16), number(17..19));
    let time = civil::Time::new(hour as i8, minute as i8, second as i8, 0);
    let (Ok(date), Ok(time)) = (date, time) else {
        return false;
    };
    // The last days of the last year are beyond what a point in time can be.
    date.year() < 9999 || Offset::UTC.to_timestamp(date.to_datetime(time)).is_ok()
}

/// The canonical form of a point in time, or `None` when the text is not one.
pub fn to_canonical_utc(text: &str) -> Option<String> {
    match parse(text)? {
        Time::Utc(text) => Some(text),
        Time::Local(_) => None,
    }
}

/// The canonical form of a number of milliseconds since 1970.
pub fn from_epoch_milliseconds(milliseconds: i64) -> Option<String> {
    let time = Timestamp::from_millisecond(milliseconds).ok()?;
    let text = time.strftime(CANONICAL_FORMAT).to_string();
    is_canonical_utc(text.as_bytes()).then_some(text)
}

/// Whether the text has the canonical form; the calendar is not checked.
pub fn is_canonical_utc(text: &[u8]) -> bool {
    matches_pattern(text, b"0000-00-00T00:00:00.000Z")
}

/// Whether the text has the canonical form and is a point in time for certain. It is much cheaper
/// than reading the text, and leaves leap seconds and the last year to that.
pub fn is_plain_utc(text: &[u8]) -> bool {
    const DAYS: [u8; 13] = [0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    if !is_canonical_utc(text) || text.starts_with(b"9999") {
        return false;
    }
    let number = |at: usize| (text[at] - b'0') * 10 + text[at + 1] - b'0';
    let (century, year, month, day) = (number(0), number(2), number(5), number(8));
    let last_day = DAYS.get(usize::from(month)).copied().unwrap_or_default();
    let is_leap_year = year % 4 == 0 && (year != 0 || century % 4 == 0);
    (1..=last_day).contains(&day)
        && (month != 2 || day < 29 || is_leap_year)
        && number(11) < 24
        && number(14) < 60
        && number(17) < 60
}

/// Whether the text has the form of a local time in slots; the calendar is not checked.
pub fn is_local_time(text: &[u8]) -> bool {
    matches_pattern(text, b"0000-00-00T00:00:00.000")
}

fn matches_pattern(text: &[u8], pattern: &[u8]) -> bool {
    text.len() == pattern.len()
        && text
            .iter()
            .zip(pattern)
            .all(|(byte, pattern)| match pattern {
                b'0' => byte.is_ascii_digit(),
                _ => byte == pattern,
            })
}

/// What is left of a text.
struct Scanner<'a>(&'a str);

impl Scanner<'_> {
    fn date_time(&mut self) -> Option<DateTime> {
        let year = self.digits(4)?;
        let is_extended = self.skip("-");
        let month = self.digits(2)?;
        if is_extended != self.skip("-") {
            return None;
        }
        let day = self.digits(2)?;
        let date = civil::Date::new(i16::try_from(year).ok()?, month as i8, day as i8).ok()?;
        if !["T", "t", " "]
            .into_iter()
            .any(|separator| self.skip(separator))
        {
            return None;
        }
        let (hour, minute, second, nanosecond) = self.time_of_day()?;
        // Midnight at the end of a day is the beginning of the next one.
        let (hour, days) = match (hour, minute, second, nanosecond) {
            (24, 0, 0, 0) => (0, 1),
            _ => (hour, 0),
        };
        let time = civil::Time::new(hour as i8, minute as i8, second as i8, nanosecond as i32);
        date.to_datetime(time.ok()?)
            .checked_add(Span::new().days(days))
            .ok()
    }

    /// Hour, minute, second and nanosecond. Seconds may be missing.
    fn time_of_day(&mut self) -> Option<(u32, u32, u32, u32)> {
        let hour = self.digits(2)?;
        let is_extended = self.skip(":");
        let minute = self.digits(2)?;
        let has_seconds = if is_extended {
            self.skip(":")
        } else {
            self.0.starts_with(|letter: char| letter.is_ascii_digit())
        };
        if !has_seconds {
            return Some((hour, minute, 0, 0));
        }
        // A leap second is read as the second before it.
        let second = match self.digits(2)? {
            60 => 59,
            second => second,
        };
        if !(self.skip(".") || self.skip(",")) {
            return Some((hour, minute, second, 0));
        }
        let length = self.0.bytes().take_while(u8::is_ascii_digit).count();
        let (fraction, rest) = self.0.split_at(length);
        self.0 = rest;
        let nanoseconds = fraction.bytes().chain(std::iter::repeat(b'0')).take(9);
        let nanosecond = nanoseconds.fold(0, |number, digit| number * 10 + u32::from(digit - b'0'));
        (length > 0).then_some((hour, minute, second, nanosecond))
    }

    /// The rest of the text as a zone: the inner `None` is no zone, the outer one is not a zone.
    fn zone(&mut self) -> Option<Option<Offset>> {
        if self.0.is_empty() {
            return Some(None);
        }
        self.skip(" ");
        if matches!(self.0, "Z" | "z") {
            return Some(Some(Offset::UTC));
        }
        let sign = match (self.skip("+"), self.skip("-") || self.skip("\u{2212}")) {
            (true, false) => 1,
            (false, true) => -1,
            _ => return None,
        };
        let hours = self.digits(2)?;
        let is_extended = self.skip(":");
        let minutes = match (is_extended, self.0) {
            (false, "") => 0,
            _ => self.digits(2)?,
        };
        if !self.0.is_empty() || hours > 23 || minutes > 59 {
            return None;
        }
        let seconds = (hours * 3600 + minutes * 60) as i32;
        Offset::from_seconds(sign * seconds).ok().map(Some)
    }

    fn digits(&mut self, count: usize) -> Option<u32> {
        let (digits, rest) = self.0.split_at_checked(count)?;
        let number = digits
            .bytes()
            .all(|byte| byte.is_ascii_digit())
            .then(|| digits.parse().ok())??;
        self.0 = rest;
        Some(number)
    }

    fn skip(&mut self, prefix: &str) -> bool {
        let rest = self.0.strip_prefix(prefix);
        self.0 = rest.unwrap_or(self.0);
        rest.is_some()
    }
}

/// The time until an HTTP date (`Sun, 06 Nov 1994 08:49:37 GMT`), zero when it has passed.
pub fn duration_until(text: &str) -> Option<std::time::Duration> {
    let ahead = http_date(text)?.duration_since(Timestamp::now());
    Some(std::time::Duration::try_from(ahead).unwrap_or_default())
}

/// An HTTP date in milliseconds since 1970.
pub fn http_date_milliseconds(text: &str) -> Option<i64> {
    http_date(text).map(Timestamp::as_millisecond)
}

/// A time with one meaning in milliseconds since 1970.
pub fn milliseconds(text: &str) -> Option<i64> {
    let mut scanner = Scanner(text.trim());
    let civil = scanner.date_time()?;
    let time = scanner.zone()??.to_timestamp(civil).ok()?;
    Some(time.as_millisecond())
}

fn http_date(text: &str) -> Option<Timestamp> {
    jiff::fmt::rfc2822::DateTimeParser::new()
        .parse_timestamp(text)
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_times_are_those_that_are_read_unchanged() {
        for (text, is_plain) in [
            ("2030-12-01T10:00:00.000Z", true),
            ("2028-02-29T23:59:59.999Z", true),
            ("2000-02-29T00:00:00.000Z", true),
            ("0000-02-29T00:00:00.000Z", true),
            ("9998-12-31T23:59:59.999Z", true),
            ("2026-02-29T00:00:00.000Z", false),
            ("1900-02-29T00:00:00.000Z", false),
            ("2026-16-01T10:00:00.000Z", false),
            ("2026-00-01T10:00:00.000Z", false),
            ("2026-01-00T10:00:00.000Z", false),
            ("2026-04-31T10:00:00.000Z", false),
            ("2026-12-32T10:00:00.000Z", false),
            ("2026-12-01T24:00:00.000Z", false),
            ("2026-12-01T10:60:00.000Z", false),
            ("2026-12-01T10:00:60.000Z", false),
            ("2026-12-01T10:00:00.00Z", false),
            ("2026-12-01T10:00:0é.000Z", false),
            ("9999-12-31T23:59:59.999Z", false),
        ] {
            assert_eq!(is_plain_utc(text.as_bytes()), is_plain, "{text}");
            let is_unchanged = to_canonical_utc(text).as_deref() == Some(text);
            assert!(is_unchanged || !is_plain, "{text}");
        }
    }

    #[test]
    fn times_with_one_meaning_become_canonical() {
        for (given, sent) in [
            ("2030-12-01T10:00:00.000Z", "2030-12-01T10:00:00.000Z"),
            ("2030-12-01T10:00:00Z", "2030-12-01T10:00:00.000Z"),
            ("2030-12-01t10:00:00z", "2030-12-01T10:00:00.000Z"),
            ("2030-12-01 10:00:00Z", "2030-12-01T10:00:00.000Z"),
            (" 2030-12-01T10:00:00Z\n", "2030-12-01T10:00:00.000Z"),
            ("2030-12-01T10:00:00.5+02:00", "2030-12-01T08:00:00.500Z"),
            ("2030-12-01T10:00:00,5+0200", "2030-12-01T08:00:00.500Z"),
            ("2030-12-01T10:00:00+02", "2030-12-01T08:00:00.000Z"),
            ("2030-12-01T10:00+02", "2030-12-01T08:00:00.000Z"),
            ("2030-12-01T10:00Z", "2030-12-01T10:00:00.000Z"),
            ("2030-12-01 10:00:00 +0100", "2030-12-01T09:00:00.000Z"),
            ("20301201T100000Z", "2030-12-01T10:00:00.000Z"),
            ("20301201T1000Z", "2030-12-01T10:00:00.000Z"),
            ("20301201t100000,25-0330", "2030-12-01T13:30:00.250Z"),
            ("20301201 1000+01", "2030-12-01T09:00:00.000Z"),
            ("2030-12-01T1000Z", "2030-12-01T10:00:00.000Z"),
            ("2030-12-31T24:00:00Z", "2031-01-01T00:00:00.000Z"),
            ("2030-01-01T01:30:00+05:45", "2029-12-31T19:45:00.000Z"),
            (
                "2030-12-01T10:00:00\u{2212}01:00",
                "2030-12-01T11:00:00.000Z",
            ),
            ("2030-12-01T10:00:00.123999Z", "2030-12-01T10:00:00.123Z"),
            (
                "2030-12-01T10:00:00.1234567890123Z",
                "2030-12-01T10:00:00.123Z",
            ),
            ("2030-12-01T10:00:00-00:00", "2030-12-01T10:00:00.000Z"),
            ("1990-12-31T23:59:60Z", "1990-12-31T23:59:59.000Z"),
            ("1990-12-31T23:59:60.000Z", "1990-12-31T23:59:59.000Z"),
        ] {
            assert_eq!(to_canonical_utc(given).as_deref(), Some(sent), "{given}");
        }
    }

    #[test]
    fn times_without_a_zone_are_local() {
        for text in [
            "2030-12-01T10:00:00",
            "2030-12-01 10:00",
            "20301201T100000,0",
        ] {
            let expected = Time::Local("2030-12-01T10:00:00.000".to_owned());
            assert_eq!(parse(text), Some(expected), "{text}");
            assert_eq!(to_canonical_utc(text), None);
        }
    }

    #[test]
    fn invalid_times_are_rejected() {
        for text in [
            "2030-12-01",
            "2030-1-1T10:00:00Z",
            "30-12-01T10:00:00Z",
            "10:00",
            "",
            "tomorrow",
            "2030-02-30T10:00:00.000Z",
            "2030-12-01T25:00:00.000Z",
            "2030-12-01T24:00:01Z",
            "2030-12-01T10:60Z",
            "2030-12-01T10Z",
            "1893456000",
            "1893456000000",
            "-002030-12-01T10:00:00Z",
            "+002030-12-01T10:00:00Z",
            "2030-1201T10:00:00Z",
            "203012-01T10:00:00Z",
            "2030-12-01T11:00:00.Z",
            "2030-12-01T11:00:00+24:00",
            "2030-12-01T11:00:00+01:",
            "2030-12-01T11:00:00+1",
            "2030-12-01T11:00:00+010",
            "2030-12-01T11:00:00+01:00:30",
            "2030-12-01T11:00:00Z[Europe/Paris]",
            "2030-12-01T11:00:00 ",
            "2030-12-01T11:00:00  Z",
            "2030-12-01T11:00:00Ü",
            "2030-12-01T11:00:00+-01:00",
            "0000-01-01T00:00:00+01:00",
        ] {
            assert_eq!(to_canonical_utc(text), None, "{text}");
        }
    }

    #[test]
    fn times_in_milliseconds() {
        assert_eq!(milliseconds("1970-01-01T01:00:01+01:00"), Some(1_000));
        assert_eq!(milliseconds("1970-01-01T01:00:01"), None);
        let date = "Thu, 01 Jan 1970 00:00:05 GMT";
        assert_eq!(http_date_milliseconds(date), Some(5_000));
    }

    #[test]
    fn past_http_date_is_zero() {
        let past = duration_until("Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(past, Some(std::time::Duration::ZERO));
        assert_eq!(duration_until("soon"), None);
    }
}
