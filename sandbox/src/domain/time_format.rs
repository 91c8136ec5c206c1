//! The time formats of the two APIs.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::Timestamp;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ParsedTime {
    /// Written with `Z` or an offset.
    Utc(Timestamp),
    /// Written without a zone.
    Local(DateTime),
}

impl ParsedTime {
    /// Reads times without a zone in `zone`.
    pub(crate) fn in_zone(self, zone: &TimeZone) -> Option<Timestamp> {
        match self {
            ParsedTime::Utc(time) => Some(time),
            ParsedTime::Local(local) => zone.to_timestamp(local).ok(),
        }
    }
}

/// Parses `yyyy-MM-ddTHH:mm:ss` with an optional fraction, followed by `Z`, an offset or nothing.
pub(crate) fn parse(text: &str) -> Option<ParsedTime> {
    let (local, zone) = split_zone(text)?;
    if !is_well_formed(local) {
        return None;
    }
    match zone {
        "" => local.parse().ok().map(ParsedTime::Local),
        _ => text.parse().ok().map(ParsedTime::Utc),
    }
}

/// Formats as `yyyy-MM-ddTHH:mm:ss.SSSZ`.
pub(crate) fn format_utc(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

/// Formats as `yyyy-MM-ddTHH:mm:ss.SSS`, the local time in a zone.
pub(crate) fn format_local(time: Timestamp, zone: &TimeZone) -> String {
    time.to_zoned(zone.clone())
        .strftime("%Y-%m-%dT%H:%M:%S%.3f")
        .to_string()
}

fn split_zone(text: &str) -> Option<(&str, &str)> {
    let clock = text.find('T')?;
    let zone = text[clock..]
        .find(['Z', '+', '-'])
        .map_or(text.len(), |index| clock + index);
    let (local, zone) = text.split_at(zone);
    let digits = zone.strip_prefix(['+', '-']).map(|offset| match offset {
        _ if offset.len() == 5 => offset.replacen(':', "", 1),
        _ => offset.to_owned(),
    });
    let legal = match digits {
        None => zone.is_empty() || zone == "Z",
        Some(digits) => digits.len() == 4 && digits.bytes().all(|byte| byte.is_ascii_digit()),
    };
    legal.then_some((local, zone))
}

/// The general parser accepts many more formats than the two APIs.
fn is_well_formed(local: &str) -> bool {
    const SHAPE: &[u8] = b"0000-00-00T00:00:00";
    let (seconds, fraction) = local.split_once('.').unwrap_or((local, "0"));
    seconds.len() == SHAPE.len()
        && seconds
            .bytes()
            .zip(SHAPE)
            .all(|(byte, &shape)| match shape {
                b'0' => byte.is_ascii_digit(),
                _ => byte == shape,
            })
        && (1..=9).contains(&fraction.len())
        && fraction.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(text: &str) -> Option<String> {
        match parse(text)? {
            ParsedTime::Utc(time) => Some(format_utc(time)),
            ParsedTime::Local(_) => None,
        }
    }

    #[test]
    fn equivalent_times_are_equal() {
        for text in [
            "2030-01-07T10:00:00.000Z",
            "2030-01-07T10:00:00Z",
            "2030-01-07T10:00:00.0Z",
            "2030-01-07T11:00:00+01:00",
            "2030-01-07T11:00:00.000+0100",
            "2030-01-07T05:00:00-05:00",
        ] {
            assert_eq!(
                time(text).as_deref(),
                Some("2030-01-07T10:00:00.000Z"),
                "{text}"
            );
        }
    }

    #[test]
    fn local_time_is_read_in_the_given_zone() {
        let written = parse("2030-07-01T10:00:00").unwrap();
        assert!(matches!(written, ParsedTime::Local(_)));
        let london = TimeZone::get("Europe/London").unwrap();
        let time = written.in_zone(&london).unwrap();
        assert_eq!(format_utc(time), "2030-07-01T09:00:00.000Z");
        assert_eq!(format_local(time, &london), "2030-07-01T10:00:00.000");
    }

    #[test]
    fn other_formats_are_rejected() {
        for text in [
            "",
            "now",
            "2030-01-07",
            "2030-01-07 10:00:00Z",
            "2030-01-07T10:00Z",
            "2030-01-07T10:00:00.Z",
            "2030-01-07T10:00:00z",
            "2030-01-07T10:00:00 01:00",
            "2030-01-07T10:00:00+01",
            "2030-01-07T10:00:00+1:000",
            "2030-01-07T10:00:00Z[UTC]",
            "2030-02-30T10:00:00Z",
            "2030-01-07T25:00:00Z",
            "2030-01-07T10:00:00+99:00",
            "+002030-01-07T10:00:00Z",
            "2030-01-07T10:00:00é",
        ] {
            assert_eq!(parse(text), None, "{text:?}");
        }
    }
}
