//! The list of slots in the form in which it is long: `{"2030-12-01T10:00:00.000Z":5,...}`, times
//! in ascending order.
//!
//! Such a text is checked in one go and read again while it is copied. Whatever differs in the
//! least is left to the general reader, so nothing here decides what is a list of slots.

use crate::text::timestamp;

const TIME: usize = "2030-12-01T10:00:00.000Z".len();
const MAX_DIGITS: usize = 9;

/// A text of that form.
#[derive(Debug)]
pub struct CompactV1<'a> {
    /// The members, without the braces.
    members: &'a [u8],
    /// How many there are.
    count: usize,
}

impl<'a> CompactV1<'a> {
    /// The text, if it has the form and all of it.
    pub fn parse(text: &'a str) -> Option<CompactV1<'a>> {
        let members = text.strip_prefix('{')?.strip_suffix('}')?.as_bytes();
        let mut times = CompactV1 { members, count: 0 };
        let (mut rest, mut last) = (members, &[0; TIME]);
        while !rest.is_empty() {
            let (time, _, after) = next_member(rest)?;
            if time <= last || !timestamp::is_plain_utc(time) {
                return None;
            }
            last = time;
            times.count += 1;
            rest = match after {
                [] => after,
                [b',', b'"', ..] => &after[1..],
                _ => return None,
            };
        }
        Some(times)
    }

    /// How long the elements are.
    pub fn encoded_len(&self) -> usize {
        const LONGER: usize = r#"{"utcTime":"","capacity":}"#.len() - r#""":"#.len();
        self.members.len() + self.count * LONGER
    }

    /// Appends the elements of a JSON array.
    pub fn write(&self, out: &mut Vec<u8>) {
        let mut rest = self.members;
        while let Some((time, capacity, after)) = next_member(rest) {
            out.extend_from_slice(if rest.len() == self.members.len() {
                b"{\"utcTime\":\""
            } else {
                b",{\"utcTime\":\""
            });
            out.extend_from_slice(time);
            out.extend_from_slice(b"\",\"capacity\":");
            out.extend_from_slice(capacity);
            out.push(b'}');
            rest = after.get(1..).unwrap_or_default();
        }
    }
}

/// The time and the capacity at the beginning of some members, and what follows.
fn next_member(text: &[u8]) -> Option<(&[u8; TIME], &[u8], &[u8])> {
    let (time, rest) = text.strip_prefix(b"\"")?.split_first_chunk::<TIME>()?;
    let (capacity, after) = number(rest.strip_prefix(b"\":")?)?;
    Some((time, capacity, after))
}

/// The digits of a whole number at the beginning of a text, and what follows.
pub fn number(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let digits = text
        .iter()
        .take(MAX_DIGITS + 1)
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    let (number, after) = text.split_at(digits);
    let is_number = match number {
        [] => false,
        [b'0'] => true,
        [first, ..] => *first != b'0' && digits <= MAX_DIGITS,
    };
    is_number.then_some((number, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(text: &str) -> Option<String> {
        let mut out = Vec::new();
        let times = CompactV1::parse(text)?;
        times.write(&mut out);
        assert_eq!(times.encoded_len(), out.len());
        Some(String::from_utf8(out).unwrap())
    }

    #[test]
    fn the_usual_form_is_read() {
        assert_eq!(written("{}").unwrap(), "");
        let one = r#"{"2030-12-01T10:00:00.000Z":0}"#;
        assert_eq!(
            written(one).unwrap(),
            r#"{"utcTime":"2030-12-01T10:00:00.000Z","capacity":0}"#
        );
        let two = r#"{"2030-12-01T10:00:00.000Z":5,"2030-12-01T10:05:00.000Z":123456789}"#;
        assert!(written(two)
            .unwrap()
            .ends_with(r#"},{"utcTime":"2030-12-01T10:05:00.000Z","capacity":123456789}"#));
        assert_eq!(CompactV1::parse(two).unwrap().count, 2);
    }

    #[test]
    fn everything_else_is_left_to_the_general_reader() {
        let time = "2030-12-01T10:00:00.000Z";
        let other = "2030-12-01T10:05:00.000Z";
        for text in [
            String::new(),
            "{".to_owned(),
            "[]".to_owned(),
            format!("{{\"{time}\":5,}}"),
            format!("{{\"{time}\":5}} "),
            format!("{{\"{time}\": 5}}"),
            format!("{{\"{time}\":05}}"),
            format!("{{\"{time}\":-5}}"),
            format!("{{\"{time}\":5.0}}"),
            format!("{{\"{time}\":\"5\"}}"),
            format!("{{\"{time}\":1234567890}}"),
            format!("{{\"{time}\":5,\"exception\":\"x\"}}"),
            format!("{{\"{time}\":5\"{other}\":5}}"),
            format!("{{\"{other}\":5,\"{time}\":5}}"),
            format!("{{\"{time}\":5,\"{time}\":6}}"),
            "{\"2030-12-01T10:00:00Z\":5}".to_owned(),
        ] {
            assert!(CompactV1::parse(&text).is_none(), "{text}");
        }
    }
}
