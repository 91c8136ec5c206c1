//! Slots: the same list, whichever server sent it and in whichever shape.

use std::borrow::Cow;

use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::text::json::{integer, write_string, Key};
use crate::text::timestamp;

mod compact_v1;
mod compact_v3;

pub use compact_v1::Times;
pub use compact_v3::Listed;

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
    /// An object that is written as most v1 servers write it: read while it is copied, without a list in between.
    Times(Times<'a>),
    /// An array that is written as most v3 servers write it, which is copied.
    Listed(Listed<'a>),
    /// Everything else.
    List(Vec<Slot<'a>>),
}

impl<'a> Slots<'a> {
    /// The slots in a server's value; `None` when it holds none.
    pub fn read(json: &'a str) -> Option<Slots<'a>> {
        let usual = Times::of(json)
            .map(Slots::Times)
            .or_else(|| Listed::of(json).map(Slots::Listed));
        usual.or_else(|| read(json).map(Slots::List))
    }

    /// How long they are when written, or about so.
    pub fn written_length(&self) -> usize {
        const USUAL: usize = 64;
        match self {
            Slots::Times(times) => times.written_length(),
            Slots::Listed(listed) => listed.elements().len(),
            Slots::List(list) => list.len() * USUAL,
        }
    }
}

/// The slots in a server's value: an object of time to capacity, or an array of slot objects. In ascending order;
/// `None` when the value is neither.
fn read(json: &str) -> Option<Vec<Slot<'_>>> {
    let mut slots = match json.as_bytes().first() {
        Some(b'{') => from_object(json)?,
        Some(b'[') => from_array(json)?,
        _ => return None,
    };
    if !slots.is_sorted_by(|one, next| one.utc_time <= next.utc_time) {
        slots.sort_by(|one, other| one.utc_time.cmp(&other.utc_time));
    }
    Some(slots)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Element<'a> {
    #[serde(borrow)]
    utc_time: Cow<'a, str>,
    #[serde(borrow)]
    local_time: Option<Cow<'a, str>>,
    #[serde(borrow)]
    capacity: Option<&'a RawValue>,
    #[serde(borrow)]
    total: Option<&'a RawValue>,
}

fn from_array(json: &str) -> Option<Vec<Slot<'_>>> {
    let listed: Vec<Element> = serde_json::from_str(json).ok()?;
    let slots = listed.into_iter().map(|slot| {
        Some(Slot {
            utc_time: in_wire_form(slot.utc_time)?,
            local_time: slot.local_time,
            capacity: slot.capacity.and_then(integer),
            total: slot.total.and_then(integer),
        })
    });
    slots.collect()
}

fn from_object(json: &str) -> Option<Vec<Slot<'_>>> {
    let mut deserializer = serde_json::Deserializer::from_str(json);
    let found = deserializer.deserialize_map(TimesVisitor).ok()?;
    // An object in which nothing is a time is something else, not a list without slots.
    (found.members == 0 || !found.slots.is_empty()).then_some(found.slots)
}

fn in_wire_form(text: Cow<'_, str>) -> Option<Cow<'_, str>> {
    match timestamp::is_wire(text.as_bytes()) {
        true => Some(text),
        false => timestamp::to_wire(&text).map(Cow::Owned),
    }
}

struct Found<'a> {
    members: usize,
    slots: Vec<Slot<'a>>,
}

struct TimesVisitor;

impl<'de> Visitor<'de> for TimesVisitor {
    type Value = Found<'de>;

    fn expecting(&self, formatter: &mut std::fmt::Formatter) -> std::fmt::Result {
        formatter.write_str("an object of times")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Found<'de>, A::Error> {
        let mut found = Found {
            members: 0,
            slots: Vec::new(),
        };
        while let Some(Key(key)) = map.next_key()? {
            found.members += 1;
            let Some(utc_time) = in_wire_form(key) else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            let capacity = integer(map.next_value::<&RawValue>()?);
            found.slots.push(Slot {
                utc_time,
                local_time: None,
                capacity,
                total: None,
            });
        }
        Ok(found)
    }
}

/// Whether the quick readers make of a text what the general one makes of it.
#[cfg(any(test, fuzzing))]
pub fn is_read_alike(json: &str) -> bool {
    let written = |slots: Slots| {
        let mut out = Vec::new();
        write(&mut out, &slots);
        out
    };
    Slots::read(json).map(written) == read(json).map(Slots::List).map(written)
}

/// Appends the slots as a JSON array.
pub fn write(out: &mut Vec<u8>, slots: &Slots) {
    out.push(b'[');
    match slots {
        Slots::Times(times) => times.write(out),
        Slots::Listed(listed) => out.extend_from_slice(listed.elements().as_bytes()),
        Slots::List(list) => write_list(out, list),
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
        assert!(is_read_alike(json), "{json}");
        let mut out = Vec::new();
        write(&mut out, &Slots::read(json)?);
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
    fn local_times_and_totals_are_kept() {
        let json = r#"[{"utcTime":"2030-12-01T10:00:00.000Z","localTime":"2030-12-01T05:00:00.000","capacity":3,"total":5}]"#;
        assert_eq!(normal(json).as_deref(), Some(json));
    }

    #[test]
    fn what_is_no_list_is_told_from_an_empty_one() {
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
