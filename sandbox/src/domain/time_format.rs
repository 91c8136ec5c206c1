//! Times as the two APIs write them.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::Timestamp;

/// A time as a client wrote it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Written {
    /// With `Z` or an offset.
    Moment(Timestamp),
    /// Without zone.
    Local(DateTime),
}

impl Written {
    /// The moment that is meant when times without zone belong to `zone`.
    pub(crate) fn in_zone(self, zone: &TimeZone) -> Option<Timestamp> {
        match self {
            Written::Moment(moment) => Some(moment),
            Written::Local(local) => zone.to_timestamp(local).ok(),
        }
    }
}

/// Reads `yyyy-MM-ddTHH:mm:ss`, with or without a fraction, with `Z`, an offset or no zone.
pub(crate) fn read(text: &str) -> Option<Written> {
    let (local, zone) = split_zone(text)?;
    if !well_formed(local) {
        return None;
    }
    match zone {
        "" => local.parse().ok().map(Written::Local),
        _ => text.parse().ok().map(Written::Moment),
    }
}

/// Writes `yyyy-MM-ddTHH:mm:ss.SSSZ`.
pub(crate) fn utc(moment: Timestamp) -> String {
    moment.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

/// Writes `yyyy-MM-ddTHH:mm:ss.SSS`, the time on the wall in a zone.
pub(crate) fn local(moment: Timestamp, zone: &TimeZone) -> String {
    moment
        .to_zoned(zone.clone())
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

/// The general parser takes many more spellings than the two APIs know.
fn well_formed(local: &str) -> bool {
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

    fn moment(text: &str) -> Option<String> {
        match read(text)? {
            Written::Moment(moment) => Some(utc(moment)),
            Written::Local(_) => None,
        }
    }

    #[test]
    fn every_spelling_of_a_moment_means_the_same() {
        for text in [
            "2030-01-07T10:00:00.000Z",
            "2030-01-07T10:00:00Z",
            "2030-01-07T10:00:00.0Z",
            "2030-01-07T11:00:00+01:00",
            "2030-01-07T11:00:00.000+0100",
            "2030-01-07T05:00:00-05:00",
        ] {
            assert_eq!(
                moment(text).as_deref(),
                Some("2030-01-07T10:00:00.000Z"),
                "{text}"
            );
        }
    }

    #[test]
    fn a_time_without_zone_is_read_in_the_zone() {
        let written = read("2030-07-01T10:00:00").unwrap();
        assert!(matches!(written, Written::Local(_)));
        let london = TimeZone::get("Europe/London").unwrap();
        let moment = written.in_zone(&london).unwrap();
        assert_eq!(utc(moment), "2030-07-01T09:00:00.000Z");
        assert_eq!(local(moment, &london), "2030-07-01T10:00:00.000");
    }

    #[test]
    fn other_spellings_are_refused() {
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
            assert_eq!(read(text), None, "{text:?}");
        }
    }
}
