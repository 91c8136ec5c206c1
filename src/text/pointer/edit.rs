//! Changes one value and leaves the rest of the text as it is.

use std::borrow::Cow;
use std::ops::Range;

use zeroize::Zeroizing;

use super::scan::{Item, Items};
use super::{index, is_key, not_json, parts};
use crate::error::{Error, Result};
use crate::status::Status;
use crate::text::json;

/// The text with a string put at a pointer, or with the value there removed. An empty text is an
/// empty object.
///
/// Missing parents are created as objects, and the parent of `-` as an array. Of a repeated key the
/// last one is changed, and all are removed.
pub fn set(json: &str, pointer: &str, value: Option<&str>) -> Result<String> {
    let parts = parts(pointer)?;
    if parts.is_empty() && value.is_none() {
        return Err(refused("names the whole text, which cannot be removed"));
    }
    json::check(json, "json")?;
    let text = Text(json.strip_prefix('\u{feff}').unwrap_or(json).trim());
    match value {
        None if text.0.is_empty() => Ok("{}".to_owned()),
        None => text.without(&parts),
        Some(value) if text.0.is_empty() => Ok(joined(&[&nested(&parts, value)])),
        Some(value) => text.with(&parts, value),
    }
}

/// The value at the end of parents that do not exist yet. It may be a secret, of which no copy
/// stays in memory.
fn nested(parts: &[Cow<str>], value: &str) -> Zeroizing<String> {
    let mut pieces: Vec<Zeroizing<String>> = Vec::with_capacity(2 * parts.len() + 1);
    for part in parts {
        pieces.push(match part.as_ref() {
            "-" => Zeroizing::new("[".to_owned()),
            key => Zeroizing::new(["{", &quoted(key), ":"].concat()),
        });
    }
    pieces.push(quoted(value));
    for part in parts.iter().rev() {
        let close = if part == "-" { "]" } else { "}" };
        pieces.push(Zeroizing::new(close.to_owned()));
    }
    let pieces: Vec<&str> = pieces.iter().map(|piece| piece.as_str()).collect();
    Zeroizing::new(pieces.concat())
}

/// A text as a JSON string.
fn quoted(text: &str) -> Zeroizing<String> {
    const LONGEST_ESCAPE: usize = "\\u0000".len();
    let is_escaped = |byte: &u8| *byte < b' ' || matches!(byte, b'"' | b'\\');
    let escapes = text.bytes().filter(|byte| is_escaped(byte)).count();
    // Growing would leave a copy behind.
    let mut out = Vec::with_capacity(text.len() + LONGEST_ESCAPE * escapes + "\"\"".len());
    json::write_string(&mut out, text);
    // It is UTF-8, as the text is.
    Zeroizing::new(String::from_utf8(out).unwrap_or_default())
}

/// The pieces as one text, with room for the NUL of C.
fn joined(pieces: &[&str]) -> String {
    let length = pieces.iter().map(|piece| piece.len()).sum::<usize>();
    let mut out = String::with_capacity(length + 1);
    out.extend(pieces.iter().copied());
    out
}

fn refused(message: &str) -> Error {
    Error::field(Status::BadOption, "pointer", message)
}

/// A text that is JSON, without blanks around it.
struct Text<'a>(&'a str);

/// An object or array on the way, and those of its items that a part of the pointer names.
struct Parent {
    start: usize,
    items: Vec<Item>,
    named: Vec<usize>,
}

impl Text<'_> {
    fn with(&self, parts: &[Cow<str>], value: &str) -> Result<String> {
        let mut place = 0..self.0.len();
        for (depth, part) in parts.iter().enumerate() {
            if &self.0[place.clone()] == "null" {
                return Ok(self.replaced(place, &nested(&parts[depth..], value)));
            }
            let parent = self.parent(place.start, part)?;
            match parent.named.last() {
                Some(last) => place = parent.items[*last].value.clone(),
                None if self.is_array(place.start) && part != "-" => {
                    return Err(refused("is beyond the end of an array; \"-\" appends"));
                }
                None => {
                    return Ok(self.appended(&parent, part, &nested(&parts[depth + 1..], value)))
                }
            }
        }
        Ok(self.replaced(place, &quoted(value)))
    }

    fn without(&self, parts: &[Cow<str>]) -> Result<String> {
        let mut place = 0..self.0.len();
        for (depth, part) in parts.iter().enumerate() {
            if &self.0[place.clone()] == "null" {
                break;
            }
            if self.is_array(place.start) && part == "-" {
                return Err(refused("has \"-\", which names no element that is there"));
            }
            let parent = self.parent(place.start, part)?;
            match parent.named.last() {
                None => break,
                Some(_) if depth + 1 == parts.len() => return Ok(self.removed(&parent)),
                Some(last) => place = parent.items[*last].value.clone(),
            }
        }
        Ok(self.0.to_owned())
    }

    fn is_array(&self, start: usize) -> bool {
        self.0.as_bytes()[start] == b'['
    }

    fn parent(&self, start: usize, part: &str) -> Result<Parent> {
        let json = self.0.as_bytes();
        let index = match json[start] {
            b'{' => None,
            b'[' if part == "-" => Some(usize::MAX),
            b'[' => {
                Some(index(part).ok_or_else(|| refused("has a name where an array has an index"))?)
            }
            _ => {
                return Err(refused(
                    "goes through a value that is neither an object nor an array",
                ))
            }
        };
        let (mut items, mut named) = (Vec::new(), Vec::new());
        let mut rest = Items::new(json, start);
        while let Some(item) = rest.next().map_err(|at| not_json(json, at))? {
            let is_named = match index {
                Some(index) => index == items.len(),
                None => is_key(json, item.key.clone(), part)?,
            };
            if is_named {
                named.push(items.len());
            }
            items.push(item);
        }
        Ok(Parent {
            start,
            items,
            named,
        })
    }

    fn replaced(&self, place: Range<usize>, with: &str) -> String {
        joined(&[&self.0[..place.start], with, &self.0[place.end..]])
    }

    /// The text with an item after the last one of an object or array.
    fn appended(&self, parent: &Parent, key: &str, value: &str) -> String {
        let (end, comma) = match parent.items.last() {
            Some(last) => (last.value.end, ","),
            None => (parent.start + 1, ""),
        };
        let (before, after) = self.0.split_at(end);
        if self.is_array(parent.start) {
            return joined(&[before, comma, value, after]);
        }
        joined(&[before, comma, &quoted(key), ":", value, after])
    }

    /// The text without the named items, each with one comma.
    fn removed(&self, parent: &Parent) -> String {
        let (Some(first), Some(last)) = (parent.items.first(), parent.items.last()) else {
            return self.0.to_owned();
        };
        let mut out = self.0[..first.key.start].to_owned();
        let (mut named, mut is_first, mut end) =
            (parent.named.iter().peekable(), true, first.key.start);
        for (number, item) in parent.items.iter().enumerate() {
            if named.next_if_eq(&&number).is_none() {
                // What stands between two items, which is a comma and blanks.
                let from = if is_first { item.key.start } else { end };
                out.push_str(&self.0[from..item.value.end]);
                is_first = false;
            }
            end = item.value.end;
        }
        out + &self.0[last.value.end..]
    }
}
