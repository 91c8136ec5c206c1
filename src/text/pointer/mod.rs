//! JSON Pointer (RFC 6901): one value of a JSON text, found or changed without building a tree.
//!
//! Of a repeated key the last one counts. JSON `null` counts as absent.

mod blocks;
mod edit;
mod read;
mod scan;
#[cfg(test)]
mod tests;

pub use edit::set;
pub use read::{count, get};

use std::borrow::Cow;
use std::ops::Range;

use crate::error::{Error, Result};
use crate::status::Status;
use crate::text::json::{self, MAX_PARSED_DEPTH};
use scan::skip_blanks;

const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// The parts of a pointer, unescaped: keys of objects and indices of arrays.
fn parts(pointer: &str) -> Result<Vec<Cow<'_, str>>> {
    let malformed = |message| Error::field(Status::BadOption, "pointer", message);
    if pointer.is_empty() {
        return Ok(Vec::new());
    }
    let parts = pointer
        .strip_prefix('/')
        .ok_or_else(|| malformed("is neither empty nor begins with \"/\""))?;
    if parts.split('/').nth(MAX_PARSED_DEPTH).is_some() {
        // No text that the library takes nests so deeply.
        return Err(malformed("has more than 127 parts"));
    }
    let unescaped = parts.split('/').map(|part| {
        if !part.contains('~') {
            return Ok(Cow::Borrowed(part));
        }
        let is_escape = |after: &str| after.starts_with(['0', '1']);
        if !part.split('~').skip(1).all(is_escape) {
            return Err(malformed("has a \"~\" that is not followed by 0 or 1"));
        }
        Ok(Cow::Owned(part.replace("~1", "/").replace("~0", "~")))
    });
    unescaped.collect()
}

/// A part as the index of an array; leading zeros are allowed.
fn index(part: &str) -> Option<usize> {
    let is_number = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    // No text has as many elements as a number that is too large counts.
    is_number.then(|| part.parse().unwrap_or(usize::MAX))
}

/// The start of the value that a text is; `None` when it is empty.
fn root(json: &[u8]) -> Option<usize> {
    let mark = json.starts_with(BYTE_ORDER_MARK);
    let start = skip_blanks(json, if mark { BYTE_ORDER_MARK.len() } else { 0 });
    let rest = &json[start..];
    let is_empty = match rest.first() {
        Some(first) if first.is_ascii_graphic() => false,
        // Blanks of Unicode alone are an empty text too, as everywhere in the library.
        _ => std::str::from_utf8(rest).is_ok_and(|rest| rest.trim().is_empty()),
    };
    (!is_empty).then_some(start)
}

/// Whether the string at a place is this key.
fn is_key(json: &[u8], place: Range<usize>, key: &str) -> Result<bool> {
    let text = &json[place.clone()];
    let inner = &text[1..text.len() - 1];
    if !inner.contains(&b'\\') {
        return Ok(inner == key.as_bytes());
    }
    Ok(string(json, place)? == key)
}

/// The text of a string at a place. Halves of a surrogate pair become U+FFFD.
fn string(json: &[u8], place: Range<usize>) -> Result<Cow<'_, str>> {
    let text = utf8(json, place.clone())?;
    let inner = &text[1..text.len() - 1];
    if !inner.bytes().any(|byte| byte == b'\\' || byte < b' ') {
        return Ok(Cow::Borrowed(inner));
    }
    serde_json::from_str(&json::replace_lone_surrogates(text))
        .map(Cow::Owned)
        .map_err(|error| not_json(json, place.start + offset(text.as_bytes(), &error)))
}

/// The text at a place.
fn utf8(json: &[u8], place: Range<usize>) -> Result<&str> {
    let start = place.start;
    std::str::from_utf8(&json[place]).map_err(|error| {
        let position = start + error.valid_up_to();
        let message = format!("json is not UTF-8: the byte at position {position} is invalid");
        Error::new(Status::NotUtf8, message)
    })
}

/// The position that an error of serde_json names by line and column.
fn offset(text: &[u8], error: &serde_json::Error) -> usize {
    let lines = text.split_inclusive(|byte| *byte == b'\n');
    let before = lines.take(error.line().saturating_sub(1)).map(<[u8]>::len);
    before.sum::<usize>() + error.column().saturating_sub(1)
}

/// The error for a text that is not JSON at a position.
fn not_json(json: &[u8], at: usize) -> Error {
    let before = &json[..at.min(json.len())];
    let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
    let column = before
        .iter()
        .rev()
        .take_while(|byte| **byte != b'\n')
        .count()
        + 1;
    let message = format!("json is not JSON at line {line} column {column}");
    Error::new(Status::NotJson, message)
}
