//! Points in time, as the servers write them: UTC with milliseconds.

use jiff::Timestamp;

const WIRE_FORMAT: &str = "%Y-%m-%dT%H:%M:%S.%3fZ";

/// The text of a time in the servers' form, or `None` when it is not a time with a date, a time of day and a zone.
pub fn to_wire(text: &str) -> Option<String> {
    if !is_rfc_3339(text.as_bytes()) {
        return None;
    }
    let timestamp: Timestamp = text.parse().ok()?;
    // A leap second is written as the second before it.
    if is_wire(text.as_bytes()) && !text.contains(":60.") {
        return Some(text.to_owned());
    }
    // An offset can lead out of the years that can be written.
    Some(timestamp.strftime(WIRE_FORMAT).to_string()).filter(|text| is_wire(text.as_bytes()))
}

/// Whether the text already has the servers' form; the calendar is not checked.
pub fn is_wire(text: &[u8]) -> bool {
    has_shape(text, b"0000-00-00T00:00:00.000Z")
}

/// Whether the text has the form of a local time in slots; the calendar is not checked.
pub fn is_local(text: &[u8]) -> bool {
    has_shape(text, b"0000-00-00T00:00:00.000")
}

/// Whether the text has RFC 3339's form, with `T` or a space in the middle; the calendar is not checked. The parser
/// itself understands more, such as `20301201T10Z`, in which a caller may have meant something else.
fn is_rfc_3339(text: &[u8]) -> bool {
    let Some((time, rest)) = text.split_at_checked(19) else {
        return false;
    };
    let separated = matches!(time[10], b'T' | b't' | b' ');
    if !separated || !has_shape(&time[..10], b"0000-00-00") || !has_shape(&time[11..], b"00:00:00")
    {
        return false;
    }
    let fraction = match rest.strip_prefix(b".") {
        Some(digits) => {
            1 + digits
                .iter()
                .take_while(|byte| byte.is_ascii_digit())
                .count()
        }
        None => 0,
    };
    let zone = &rest[fraction..];
    let offset = |sign: &u8| (*sign == b'+' || *sign == b'-') && has_shape(&zone[1..], b"00:00");
    fraction != 1
        && match zone {
            b"Z" | b"z" => true,
            [sign, hours, ones, ..] => {
                offset(sign) && (*hours < b'2' || (*hours == b'2' && *ones < b'4'))
            }
            _ => false,
        }
}

fn has_shape(text: &[u8], shape: &[u8]) -> bool {
    text.len() == shape.len()
        && text.iter().zip(shape).all(|(byte, shape)| match shape {
            b'0' => byte.is_ascii_digit(),
            _ => byte == shape,
        })
}

/// The time that an HTTP date (`Sun, 06 Nov 1994 08:49:37 GMT`) lies in the future, zero when it has passed.
pub fn until_http_date(text: &str) -> Option<std::time::Duration> {
    let date = jiff::fmt::rfc2822::DateTimeParser::new()
        .parse_timestamp(text)
        .ok()?;
    let ahead = date.duration_since(Timestamp::now());
    Some(std::time::Duration::try_from(ahead).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rfc_3339_form_becomes_utc_with_milliseconds() {
        for (given, sent) in [
            ("2030-12-01T10:00:00.000Z", "2030-12-01T10:00:00.000Z"),
            ("2030-12-01T10:00:00Z", "2030-12-01T10:00:00.000Z"),
            ("2030-12-01t10:00:00z", "2030-12-01T10:00:00.000Z"),
            ("2030-12-01 10:00:00Z", "2030-12-01T10:00:00.000Z"),
            ("2030-12-01T10:00:00.5+02:00", "2030-12-01T08:00:00.500Z"),
            ("2030-01-01T01:30:00+05:45", "2029-12-31T19:45:00.000Z"),
            ("2030-12-01T10:00:00.123999Z", "2030-12-01T10:00:00.123Z"),
            ("2030-12-01T10:00:00-00:00", "2030-12-01T10:00:00.000Z"),
            ("1990-12-31T23:59:60Z", "1990-12-31T23:59:59.000Z"),
            ("1990-12-31T23:59:60.000Z", "1990-12-31T23:59:59.000Z"),
        ] {
            assert_eq!(to_wire(given).as_deref(), Some(sent), "{given}");
        }
    }

    #[test]
    fn a_time_without_zone_or_sense_is_refused() {
        for text in [
            "2030-12-01T10:00:00",
            "2030-12-01",
            "10:00",
            "",
            "tomorrow",
            "2030-02-30T10:00:00.000Z",
            "2030-12-01T25:00:00.000Z",
            "1893456000",
            "-002030-12-01T10:00:00Z",
            "+002030-12-01T10:00:00Z",
            "20301201T110000Z",
            "2030-12-01T11Z",
            "2030-12-01T11:00:00.Z",
            "2030-12-01T11:00:00+24:00",
            "2030-12-01T11:00:00+01:00:30",
            "2030-12-01T11:00:00+01",
            "2030-12-01T11:00:00Z[Europe/Paris]",
            "2030-12-01T11:00:00Ü",
            "0000-01-01T00:00:00+01:00",
        ] {
            assert_eq!(to_wire(text), None, "{text}");
        }
    }

    #[test]
    fn http_dates_in_the_past_mean_now() {
        assert_eq!(
            until_http_date("Sun, 06 Nov 1994 08:49:37 GMT"),
            Some(std::time::Duration::ZERO)
        );
        assert_eq!(until_http_date("soon"), None);
    }
}
