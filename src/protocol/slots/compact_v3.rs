//! The list of slots in the form in which v3 servers write it, which is the outcome's own:
//! `[{"utcTime":"2030-12-01T10:00:00.000Z","localTime":"2030-12-01T05:00:00.000","capacity":3,"total":5},...]`,
//! in ascending order.
//!
//! Such a text is checked in one go and copied as it is. Whatever differs in the least is left to
//! the general reader, so nothing here decides what is a list of slots.

use super::compact_v1::number;
use crate::text::timestamp;

const TIME: usize = "2030-12-01T10:00:00.000Z".len();

/// A text of that form.
#[derive(Debug)]
pub struct CompactV3<'a>(&'a str);

impl<'a> CompactV3<'a> {
    /// The text, if it has the form and all of it.
    pub fn parse(text: &'a str) -> Option<CompactV3<'a>> {
        let elements = text.strip_prefix('[')?.strip_suffix(']')?;
        let (mut rest, mut last) = (elements.as_bytes(), &[][..]);
        while !rest.is_empty() {
            let (time, after) = element(rest)?;
            if time <= last {
                return None;
            }
            last = time;
            rest = match after {
                [] => after,
                [b',', b'{', ..] => &after[1..],
                _ => return None,
            };
        }
        Some(CompactV3(elements))
    }

    /// The elements of the JSON array.
    pub fn elements(&self) -> &'a str {
        self.0
    }
}

/// The time of the slot at the beginning of some elements, and what follows.
fn element(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let (utc, mut rest) = text
        .strip_prefix(b"{\"utcTime\":\"")?
        .split_at_checked(TIME)?;
    rest = rest.strip_prefix(b"\"")?;
    if let Some(after) = rest.strip_prefix(b",\"localTime\":\"") {
        let (local, after) = after.split_at_checked(TIME - 1)?;
        rest = after
            .strip_prefix(b"\"")
            .filter(|_| timestamp::is_local_time(local))?;
    }
    (_, rest) = number(rest.strip_prefix(b",\"capacity\":")?)?;
    if let Some(after) = rest.strip_prefix(b",\"total\":") {
        (_, rest) = number(after)?;
    }
    rest = rest.strip_prefix(b"}")?;
    timestamp::is_plain_utc(utc).then_some((utc, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_form_is_taken_as_it_is() {
        let slot = r#"{"utcTime":"2030-12-01T10:00:00.000Z","capacity":0,"total":5}"#;
        let local = r#"{"utcTime":"2030-12-01T10:05:00.000Z","localTime":"2030-12-01T05:05:00.000","capacity":3}"#;
        for elements in ["", slot, &format!("{slot},{local}")] {
            assert_eq!(
                CompactV3::parse(&format!("[{elements}]"))
                    .unwrap()
                    .elements(),
                elements
            );
        }
    }

    #[test]
    fn everything_else_is_left_to_the_general_reader() {
        let slot = r#"{"utcTime":"2030-12-01T10:00:00.000Z","capacity":3,"total":5}"#;
        for changed in [
            slot.replace(":3", ": 3"),
            slot.replace(":3", ":\"3\""),
            slot.replace(":3", ":03"),
            slot.replace(":3", ":3.0"),
            slot.replace(":3", ":-3"),
            slot.replace(":5", ":null"),
            slot.replace(":3", ":1234567890"),
            slot.replace(".000Z", "Z"),
            slot.replace("00.000Z", "00.00 Z"),
            slot.replace("total", "more"),
            slot.replace("}", ",\"x\":1}"),
            slot.replace("\"capacity\":3,", ""),
            slot.replace("{", "{ "),
            slot.replace(",\"capacity", ",\"localTime\":null,\"capacity"),
            slot.replace(
                ",\"capacity",
                ",\"localTime\":\"2030-12-01T05:05:00.000Z\",\"capacity",
            ),
            format!("{slot},"),
            format!("{slot},{slot}"),
            format!("{slot}{slot}"),
            format!("{slot}, {slot}"),
            format!("{},{slot}", slot.replace("10:00", "10:05")),
        ] {
            assert!(
                CompactV3::parse(&format!("[{changed}]")).is_none(),
                "{changed}"
            );
        }
        for text in ["", "[", "{}", "null"] {
            assert!(CompactV3::parse(text).is_none(), "{text}");
        }
    }
}
