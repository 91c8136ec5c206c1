//! Reads one value.

use std::borrow::Cow;
use std::collections::HashSet;
use std::ops::Range;

use memchr::memchr2_iter;
use serde::de::IgnoredAny;

use super::scan::{element, skip_blanks, value_end, Items};
use super::{index, is_key, not_json, offset, parts, root, string, utf8};
use crate::error::{Error, Result};
use crate::status::Status;
use crate::text::json;

/// The value at a pointer: a string as its text, any other value as JSON; `None` when there is
/// none.
///
/// What stands behind the value need not be JSON.
pub fn get<'a>(json: &'a [u8], pointer: &str) -> Result<Option<Cow<'a, str>>> {
    let Some(place) = find(json, pointer)? else {
        return Ok(None);
    };
    if json[place.start] == b'"' {
        let text = string(json, place)?;
        if text.contains('\0') {
            let message = "the string at this pointer holds U+0000, which a C string cannot hold";
            return Err(Error::field(Status::BadOption, "pointer", message));
        }
        return Ok(Some(text));
    }
    let text = utf8(json, place)?;
    Ok(Some(json::replace_lone_surrogates(text)))
}

/// How many elements the array at a pointer has, or how many different keys the object; `None` when
/// nothing is there.
pub fn count(json: &[u8], pointer: &str) -> Result<Option<usize>> {
    let Some(place) = find(json, pointer)? else {
        return Ok(None);
    };
    let start = place.start;
    if !matches!(json[start], b'{' | b'[') {
        let message = "the value at this pointer is neither an array nor an object";
        return Err(Error::field(Status::BadOption, "pointer", message));
    }
    let (mut items, mut keys, mut count) = (Items::new(json, start), HashSet::new(), 0);
    while let Some(item) = items.next().map_err(|at| not_json(json, at))? {
        if json[start] == b'[' || keys.insert(string(json, item.key)?) {
            count += 1;
        }
    }
    Ok(Some(count))
}

/// Where the value at a pointer is, which is checked.
fn find(json: &[u8], pointer: &str) -> Result<Option<Range<usize>>> {
    let parts = parts(pointer)?;
    let Some(mut start) = root(json) else {
        return Ok(None);
    };
    for (depth, part) in parts.iter().enumerate() {
        let next = match json.get(start) {
            Some(b'{') => member(json, start, part)?,
            Some(b'[') => match index(part) {
                Some(index) => element(json, start, index).map_err(|at| not_json(json, at))?,
                None => None,
            },
            _ => checked(json, start, depth == 0).map(|_| None)?,
        };
        let Some(next) = next else {
            return Ok(None);
        };
        start = next;
    }
    let place = checked(json, start, parts.is_empty())?;
    Ok(Some(place).filter(|place| &json[place.clone()] != b"null"))
}

/// The start of the value of the last member with this key.
fn member(json: &[u8], object: usize, key: &str) -> Result<Option<usize>> {
    let mut items = Items::new(json, object);
    let (mut last, mut is_last_known) = (None, false);
    while let Some((name, value)) = items.next_start().map_err(|at| not_json(json, at))? {
        if is_key(json, name, key)? {
            last = Some(value);
        }
        if last.is_some() && !is_last_known && is_long(json, value) {
            if !may_follow(json, value, key.as_bytes()) {
                break;
            }
            is_last_known = true;
        }
        items.skip(value).map_err(|at| not_json(json, at))?;
    }
    Ok(last)
}

/// Whether a value takes more than a moment to step over.
fn is_long(json: &[u8], value: usize) -> bool {
    const SHORT: usize = 256;
    json.get(value..value + SHORT)
        .is_some_and(|beginning| value_end(beginning, 0).is_err())
}

/// Whether the object that is open at a position may have another member with this key, by a search
/// for one byte of the key, which is much quicker than a walk over the values.
fn may_follow(json: &[u8], from: usize, key: &[u8]) -> bool {
    const SAMPLE: usize = 128;
    const MANY: usize = 64;
    let rest = &json[from..];
    let sample = &rest[..rest.len().min(SAMPLE)];
    let occurrences = |byte: &u8| sample.iter().filter(|other| *other == byte).count();
    let Some((offset, rare)) = key
        .iter()
        .enumerate()
        .min_by_key(|(_, byte)| occurrences(byte))
    else {
        return true;
    };
    // A backslash may begin an escape in a key, and a byte that is frequent tells nothing.
    let mut found = memchr2_iter(*rare, b'\\', rest);
    let is_candidate =
        |at: usize| rest[at] == b'\\' || at >= offset && is_member(rest, at - offset, key);
    found.by_ref().take(MANY).any(is_candidate) || found.next().is_some()
}

/// Whether a key in quotation marks begins at a position as that of a member which is not the first
/// one of its object.
fn is_member(json: &[u8], at: usize, key: &[u8]) -> bool {
    let before = json[..at].strip_suffix(b"\"").map(<[u8]>::trim_ascii_end);
    let after = json[at..].strip_prefix(key);
    let is_key = after.is_some_and(|after| after.starts_with(b"\""));
    is_key && before.is_some_and(|before| before.ends_with(b","))
}

/// The place of the value that begins at a position, if it is JSON.
fn checked(json: &[u8], start: usize, is_root: bool) -> Result<Range<usize>> {
    let end = value_end(json, start).map_err(|at| not_json(json, at))?;
    let next = skip_blanks(json, end);
    let is_followed = match json.get(next) {
        None => is_root,
        Some(b',' | b'}' | b']') => !is_root,
        Some(_) => false,
    };
    if !is_followed {
        return Err(not_json(json, next));
    }
    serde_json::from_slice::<IgnoredAny>(&json[start..end])
        .map_err(|error| not_json(json, start + offset(&json[start..end], &error)))?;
    Ok(start..end)
}
