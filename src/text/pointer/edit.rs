//! Changes one value and leaves the rest of the text as it is.

use std::borrow::Cow;
use std::ops::Range;

use super::scan::{Item, Items};
use super::{index, is_key, not_json, parts, root};
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
    match (root(json.as_bytes()), value) {
        (None, None) => Ok("{}".to_owned()),
        (None, Some(value)) => Ok(nested(&parts, value)),
        (Some(start), None) => Text(json[start..].trim_end()).without(&parts),
        (Some(start), Some(value)) => Text(json[start..].trim_end()).with(&parts, value),
    }
}

/// The value at the end of parents that do not exist yet.
fn nested(parts: &[Cow<str>], value: &str) -> String {
    let mut out = String::new();
    for part in parts {
        match part.as_ref() {
            "-" => out.push('['),
            key => out.extend(["{", &quoted(key), ":"]),
        }
    }
    out.push_str(&quoted(value));
    let closing = parts
        .iter()
        .rev()
        .map(|part| if part == "-" { ']' } else { '}' });
    out.extend(closing);
    out
}

fn quoted(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len() + 2);
    json::write_string(&mut out, text);
    // It is UTF-8, as the text is.
    String::from_utf8(out).unwrap_or_default()
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
        [&self.0[..place.start], with, &self.0[place.end..]].concat()
    }

    /// The text with an item after the last one of an object or array.
    fn appended(&self, parent: &Parent, key: &str, value: &str) -> String {
        let mut item = String::new();
        if !parent.items.is_empty() {
            item.push(',');
        }
        if !self.is_array(parent.start) {
            item.extend([&quoted(key), ":"]);
        }
        item.push_str(value);
        let end = parent
            .items
            .last()
            .map_or(parent.start + 1, |last| last.value.end);
        self.replaced(end..end, &item)
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
