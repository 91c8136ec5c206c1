//! Slots: the same list, whichever server sent it and in whichever shape.

use std::borrow::Cow;

use serde::de::{Deserializer, MapAccess, Visitor};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::text::json::{parse_integer, write_string, Key};
use crate::text::timestamp::{self, Time};

mod compact_v1;
mod compact_v3;

pub use compact_v1::CompactV1;
use compact_v3::CompactV3;

/// A time at which a callback can be booked.
#[derive(Debug, PartialEq)]
pub struct Slot<'a> {
    /// Its start, in UTC.
    pub utc_time: Cow<'a, str>,
    /// Its start in the asked zone, without offset.
    pub local_time: Option<Cow<'a, str>>,
    /// Places still free.
    pub capacity: Option<i64>,
    /// Places in all.
    pub total: Option<i64>,
}

/// Slots on their way from a server's text to the outcome's.
#[derive(Debug)]
pub enum Slots<'a> {
    /// An object that is written as most v1 servers write it: read while it is copied, without a
    /// list in between.
    CompactV1(CompactV1<'a>),
    /// An array that is written as most v3 servers write it, which is copied.
    CompactV3(CompactV3<'a>),
    Parsed(Vec<Slot<'a>>),
}

/// What a server's value holds as a list of slots.
#[derive(Debug, Default)]
pub struct Reading<'a> {
    /// The slots in ascending order; `None` when the value is no list.
    pub slots: Option<Slots<'a>>,
    /// The times that cannot be read, and elements without a time. Such a slot cannot be booked,
    /// but it is never dropped silently.
    pub unread: Vec<Cow<'a, str>>,
}

/// Reads a server's value: an object of time to capacity, or an array of slot objects.
pub fn read(json: &str) -> Reading<'_> {
    let compact_v1 = || CompactV1::parse(json).map(Slots::CompactV1);
    let compact_v3 = || CompactV3::parse(json).map(Slots::CompactV3);
    match compact_v1().or_else(compact_v3) {
        Some(slots) => Reading {
            slots: Some(slots),
            unread: Vec::new(),
        },
        None => read_general(json),
    }
}

/// Reads every form of a list.
fn read_general(json: &str) -> Reading<'_> {
    let found = match json.as_bytes().first() {
        Some(b'{') => from_object(json),
        Some(b'[') => from_array(json),
        _ => None,
    };
    let Some(mut found) = found else {
        return Reading::default();
    };
    // The sort keeps the order of equal times, of which the last one counts, as for a repeated key
    // in JavaScript.
    found
        .slots
        .sort_by(|one, other| one.utc_time.cmp(&other.utc_time));
    found.slots.dedup_by(|next, kept| {
        let is_repeated = next.utc_time == kept.utc_time;
        if is_repeated {
            std::mem::swap(next, kept);
        }
        is_repeated
    });
    // A value in which nothing is a slot is something else, not a list without slots.
    let is_list = found.is_empty || !found.slots.is_empty();
    Reading {
        slots: is_list.then_some(Slots::Parsed(found.slots)),
        unread: found.unread,
    }
}

impl Slots<'_> {
    /// The approximate length of the JSON text.
    pub fn encoded_len(&self) -> usize {
        const USUAL: usize = 64;
        match self {
            Slots::CompactV1(slots) => slots.encoded_len(),
            Slots::CompactV3(slots) => slots.elements().len(),
            Slots::Parsed(slots) => slots.len() * USUAL,
        }
    }
}

#[derive(Default)]
struct Found<'a> {
    is_empty: bool,
    slots: Vec<Slot<'a>>,
    unread: Vec<Cow<'a, str>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Element<'a> {
    #[serde(borrow)]
    utc_time: Cow<'a, str>,
    #[serde(borrow)]
    local_time: Option<&'a RawValue>,
    #[serde(borrow)]
    capacity: Option<&'a RawValue>,
    #[serde(borrow)]
    total: Option<&'a RawValue>,
}

fn from_array(json: &str) -> Option<Found<'_>> {
    let elements: Vec<&RawValue> = serde_json::from_str(json).ok()?;
    let mut found = Found {
        is_empty: elements.is_empty(),
        ..Found::default()
    };
    for raw in elements {
        let element: Option<Element> = serde_json::from_str(raw.get()).ok();
        let Some(element) = element else {
            found.unread.push(raw.get().into());
            continue;
        };
        // The member's name says that a time without a zone is in UTC.
        let Some(utc_time) = to_utc(&element.utc_time, |local| format!("{local}Z")) else {
            found.unread.push(element.utc_time);
            continue;
        };
        let is_unchanged = utc_time == element.utc_time;
        found.slots.push(Slot {
            utc_time: if is_unchanged {
                element.utc_time
            } else {
                utc_time.into()
            },
            local_time: element
                .local_time
                .and_then(|raw| serde_json::from_str(raw.get()).ok()),
            capacity: element.capacity.and_then(parse_integer),
            total: element.total.and_then(parse_integer),
        });
    }
    Some(found)
}

fn from_object(json: &str) -> Option<Found<'_>> {
    let mut deserializer = serde_json::Deserializer::from_str(json);
    deserializer.deserialize_map(TimesVisitor).ok()
}

/// The canonical form of a time; `local` says what a time without a zone means.
fn to_utc(text: &str, local: impl FnOnce(&str) -> String) -> Option<String> {
    match timestamp::parse(text)? {
        Time::Utc(time) => Some(time),
        Time::Local(time) => timestamp::to_canonical_utc(&local(&time)),
    }
}

struct TimesVisitor;

impl<'de> Visitor<'de> for TimesVisitor {
    type Value = Found<'de>;

    fn expecting(&self, formatter: &mut std::fmt::Formatter) -> std::fmt::Result {
        formatter.write_str("an object of times")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Found<'de>, A::Error> {
        let mut found = Found {
            is_empty: true,
            ..Found::default()
        };
        while let Some(Key(key)) = map.next_key()? {
            found.is_empty = false;
            let value = map.next_value::<&RawValue>()?;
            let capacity = parse_integer(value);
            match timestamp::to_canonical_utc(&key) {
                Some(time) => found.slots.push(Slot {
                    utc_time: if time == key { key } else { time.into() },
                    local_time: None,
                    capacity,
                    total: None,
                }),
                // Another member of the body, unless it looks like a time or has a capacity.
                None if capacity.is_some() || looks_like_time(&key) => found.unread.push(key),
                None => {}
            }
        }
        Ok(found)
    }
}

fn looks_like_time(key: &str) -> bool {
    key.trim_start()
        .starts_with(|letter: char| letter.is_ascii_digit())
}

/// Whether the readers of compact forms agree with the general one.
#[cfg(any(test, fuzzing))]
pub fn fast_paths_agree(json: &str) -> bool {
    let written = |slots: Slots| {
        let mut out = Vec::new();
        write(&mut out, &slots);
        out
    };
    let (fast, general) = (read(json), read_general(json));
    fast.unread == general.unread && fast.slots.map(written) == general.slots.map(written)
}

/// Appends the slots as a JSON array.
pub fn write(out: &mut Vec<u8>, slots: &Slots) {
    out.push(b'[');
    match slots {
        Slots::CompactV1(slots) => slots.write(out),
        Slots::CompactV3(slots) => out.extend_from_slice(slots.elements().as_bytes()),
        Slots::Parsed(slots) => write_list(out, slots),
    }
    out.push(b']');
}

fn write_list(out: &mut Vec<u8>, slots: &[Slot]) {
    for (index, slot) in slots.iter().enumerate() {
        out.extend_from_slice(if index == 0 {
            b"{\"utcTime\":"
        } else {
            b",{\"utcTime\":"
        });
        write_string(out, &slot.utc_time);
        if let Some(local_time) = &slot.local_time {
            out.extend_from_slice(b",\"localTime\":");
            write_string(out, local_time);
        }
        for (name, number) in [
            (",\"capacity\":", slot.capacity),
            (",\"total\":", slot.total),
        ] {
            if let Some(number) = number {
                out.extend_from_slice(name.as_bytes());
                out.extend_from_slice(number.to_string().as_bytes());
            }
        }
        out.push(b'}');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn normal(json: &str) -> Option<String> {
        assert!(fast_paths_agree(json), "{json}");
        let mut out = Vec::new();
        write(&mut out, &read(json).slots?);
        Some(String::from_utf8(out).unwrap())
    }

    #[test]
    fn both_shapes_give_the_same_list() {
        let list = r#"[{"utcTime":"2030-12-01T10:00:00.000Z","capacity":3},{"utcTime":"2030-12-01T10:05:00.000Z","capacity":2}]"#;
        for json in [
            r#"{"2030-12-01T10:05:00.000Z":2,"2030-12-01T10:00:00.000Z":3}"#,
            r#"{"2030-12-01T10:00:00.000Z":3,"2030-12-01T10:05:00.000Z":2}"#,
            r#"{"2030-12-01T10:05:00Z":"2","2030-12-01T12:00:00+02:00":"3","note":{"a":[1]}}"#,
            r#"[{"utcTime":"2030-12-01T10:05:00Z","capacity":"2"},{"capacity":3.0,"x":null,"utcTime":"2030-12-01T10:00:00.000Z"}]"#,
        ] {
            assert_eq!(normal(json).as_deref(), Some(list), "{json}");
        }
    }

    #[test]
    fn times_that_do_not_exist_are_not_slots() {
        for time in [
            "2030-13-01T10:00:00.000Z",
            "2030-02-29T10:00:00.000Z",
            "2030-12-01T25:00:00.000Z",
        ] {
            let good = "2030-12-01T10:00:00.000Z";
            for json in [
                format!(r#"{{"{good}":1,"{time}":2}}"#),
                format!(
                    r#"[{{"utcTime":"{good}","capacity":1}},{{"utcTime":"{time}","capacity":2}}]"#
                ),
            ] {
                let slots = normal(&json).unwrap();
                assert_eq!(slots, format!(r#"[{{"utcTime":"{good}","capacity":1}}]"#));
                assert_eq!(read(&json).unread, [time]);
            }
        }
    }

    #[test]
    fn local_times_and_totals_are_kept() {
        let json = r#"[{"utcTime":"2030-12-01T10:00:00.000Z","localTime":"2030-12-01T05:00:00.000","capacity":3,"total":5}]"#;
        assert_eq!(normal(json).as_deref(), Some(json));
    }

    #[test]
    fn non_list_differs_from_empty_list() {
        assert_eq!(normal("{}").as_deref(), Some("[]"));
        assert_eq!(normal("[]").as_deref(), Some("[]"));
        for json in [
            r#"{"msg":"hello"}"#,
            "[1]",
            r#"[{"utcTime":"soon"}]"#,
            "5",
            "null",
            r#""x""#,
        ] {
            assert_eq!(normal(json), None, "{json}");
        }
    }
}
