//! Reads one value.

use std::borrow::Cow;
use std::collections::HashSet;
use std::ops::Range;

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
    let mut last = None;
    while let Some(item) = items.next().map_err(|at| not_json(json, at))? {
        if is_key(json, &item, key)? {
            last = Some(item.value.start);
        }
    }
    Ok(last)
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
