//! JSON helpers: reading the caller's text, looking into a server's text without changing it,
//! writing text.

use std::borrow::Cow;

use memchr::memchr;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::error::{Error, Result};
use crate::status::Status;
use crate::text::diagnose;

/// A JSON object that keeps the order of its keys and the text of its numbers.
pub type Object = Map<String, Value>;

/// How deeply a server's body may nest. The outcome that holds it nests one deeper, which common
/// readers still take.
pub const MAX_DEPTH: usize = 126;

/// How deeply a caller's text may nest, by a limit of serde_json.
pub const MAX_PARSED_DEPTH: usize = 127;

/// Reads a caller's text. `what` names the text in the error; an empty text is `None`.
pub fn parse(text: &str, what: &str) -> Result<Option<Value>> {
    // Editors and tools of Windows begin a file with a byte order mark.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.trim().is_empty() {
        return Ok(None);
    }
    match parse_value(&replace_lone_surrogates(text)) {
        Ok(Value::Null) => Ok(None),
        Ok(value) => Ok(Some(value)),
        Err(error) => Err(not_json(text, what, &error)),
    }
}

/// Checks that a caller's text is JSON which [`parse`] takes, or empty. `what` names the text in
/// the error.
pub fn check(text: &str, what: &str) -> Result<()> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.trim().is_empty() {
        return Ok(());
    }
    serde_json::from_str::<IgnoredAny>(text).map_err(|error| not_json(text, what, &error))?;
    if !is_within_depth(text.as_bytes(), MAX_PARSED_DEPTH) {
        let message = format!("{what} nests deeper than {MAX_PARSED_DEPTH} levels");
        return Err(Error::new(Status::NotJson, message));
    }
    Ok(())
}

fn not_json(text: &str, what: &str, error: &serde_json::Error) -> Error {
    let hint = diagnose::hint(text, error.line(), error.column());
    let message = format!("{what} is not JSON: {error}{hint}");
    Error::new(Status::NotJson, message)
}

/// Few commands have more options.
const USUAL_MEMBERS: usize = 7;

fn parse_value(text: &str) -> serde_json::Result<Value> {
    if !text.trim_start().starts_with('{') {
        return serde_json::from_str(text);
    }
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let object = deserializer.deserialize_map(ObjectVisitor)?;
    deserializer.end()?;
    Ok(Value::Object(object))
}

/// Reads an object into a map that has room for the usual number of members: growing it costs more
/// than reading them.
struct ObjectVisitor;

impl<'de> Visitor<'de> for ObjectVisitor {
    type Value = Object;

    fn expecting(&self, formatter: &mut std::fmt::Formatter) -> std::fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> std::result::Result<Object, A::Error> {
        let mut members = Map::with_capacity(USUAL_MEMBERS);
        while let Some((key, value)) = map.next_entry()? {
            members.insert(key, value);
        }
        Ok(members)
    }
}

/// A server's body that is JSON.
#[derive(Default)]
pub struct Body<'a> {
    /// The JSON text, unless it nests so deeply that common readers refuse it.
    pub json: Option<&'a str>,
    /// The members of the object that the body is; none if it is something else.
    pub members: ObjectView<'a>,
}

/// Looks into a server's body; the default when it is not JSON.
pub fn parse_body(text: &str) -> Body<'_> {
    // Some servers end a body with the NUL of a C string.
    let text = text.trim_matches([' ', '\t', '\r', '\n', '\0']);
    let members = if text.starts_with('{') {
        ObjectView::of(text)
    } else {
        let is_json = serde_json::from_str::<IgnoredAny>(text).is_ok();
        is_json.then(ObjectView::default)
    };
    members.map_or_else(Body::default, |members| Body {
        json: is_within_depth(text.as_bytes(), MAX_DEPTH).then_some(text),
        members,
    })
}

/// Whether JSON nests no deeper. Few brackets cannot, and counting them is much quicker than
/// following them.
fn is_within_depth(json: &[u8], limit: usize) -> bool {
    json.iter()
        .filter(|byte| matches!(byte, b'[' | b'{'))
        .count()
        <= limit
        || max_depth(json) <= limit
}

fn max_depth(json: &[u8]) -> usize {
    let (mut depth, mut deepest, mut rest) = (0usize, 0, json.iter());
    while let Some(byte) = rest.next() {
        match byte {
            b'[' | b'{' => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b']' | b'}' => depth -= 1,
            // Skips the string, escaped quotation marks included.
            b'"' => {
                while rest.find(|byte| matches!(byte, b'"' | b'\\')) == Some(&b'\\')
                    && rest.next().is_some()
                {}
            }
            _ => {}
        }
    }
    deepest
}

/// The text with every escape of half a surrogate pair replaced by that of the replacement
/// character. JSON's grammar allows such halves, and many readers refuse a whole text for one.
pub fn replace_lone_surrogates(json: &str) -> Cow<'_, str> {
    const UNIT: usize = "\\uXXXX".len();
    let unit = |at: usize| {
        let digits = json.get(at..at + UNIT)?.strip_prefix("\\u")?;
        u16::from_str_radix(digits, 16).ok()
    };
    let mut halves = Vec::new();
    let mut from = 0;
    // Text that is not JSON can end within an escape.
    let find = |from: usize| memchr(b'\\', json.as_bytes().get(from..)?);
    while let Some(found) = find(from) {
        let at = from + found;
        from = match unit(at) {
            Some(0xd800..=0xdbff) if matches!(unit(at + UNIT), Some(0xdc00..=0xdfff)) => {
                at + 2 * UNIT
            }
            Some(0xd800..=0xdfff) => {
                halves.push(at);
                at + UNIT
            }
            _ => at + "\\n".len(),
        };
    }
    if halves.is_empty() {
        return Cow::Borrowed(json);
    }
    let mut text = json.to_owned();
    for at in halves {
        text.replace_range(at..at + UNIT, "\\ufffd");
    }
    Cow::Owned(text)
}

/// The members of a JSON object that the servers' contracts name, values unread. A repeated key
/// keeps its last value, as in JavaScript.
#[derive(Default)]
pub struct ObjectView<'a>(Vec<(&'static str, &'a RawValue)>);

/// The members that are kept; all others in a response are skipped.
const RECOGNIZED_KEYS: [&str; 14] = [
    "_id",
    "availability",
    "code",
    "corrId",
    "data",
    "detail",
    "errorcode",
    "exception",
    "fault",
    "faultstring",
    "id",
    "message",
    "slots",
    "status",
];

impl<'a> ObjectView<'a> {
    /// The members of an object; `None` when the text is not one, or a key is not text that can be
    /// read.
    pub fn of(object: &'a str) -> Option<ObjectView<'a>> {
        let mut deserializer = serde_json::Deserializer::from_str(object);
        let members = deserializer.deserialize_map(ObjectViewVisitor).ok()?;
        deserializer.end().ok().map(|()| members)
    }

    /// The value of a key; JSON `null` counts as absent.
    pub fn get(&self, key: &str) -> Option<&'a RawValue> {
        let found = self.0.iter().rev().find(|(name, _)| *name == key);
        found.map(|(_, raw)| *raw).filter(|raw| raw.get() != "null")
    }

    /// The members of the object under a key.
    pub fn object(&self, key: &str) -> Option<ObjectView<'a>> {
        ObjectView::of(self.get(key)?.get())
    }

    /// A value that is a string.
    pub fn string(&self, key: &str) -> Option<String> {
        serde_json::from_str(self.get(key)?.get()).ok()
    }

    /// A value that is a string or a number, as text; empty counts as absent.
    pub fn text(&self, key: &str) -> Option<String> {
        let json = self.get(key)?.get();
        let text = match json.as_bytes().first()? {
            b'"' => serde_json::from_str(json).ok()?,
            b'-' | b'0'..=b'9' => json.to_owned(),
            _ => return None,
        };
        Some(text).filter(|text: &String| !text.is_empty())
    }

    /// A value that is a whole number, also when written as text.
    pub fn integer(&self, key: &str) -> Option<i64> {
        parse_integer(self.get(key)?)
    }
}

/// A key that is not copied unless it holds escapes.
#[derive(Deserialize)]
#[serde(transparent)]
pub struct Key<'a>(#[serde(borrow)] pub Cow<'a, str>);

struct ObjectViewVisitor;

impl<'de> Visitor<'de> for ObjectViewVisitor {
    type Value = ObjectView<'de>;

    fn expecting(&self, formatter: &mut std::fmt::Formatter) -> std::fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(
        self,
        mut map: A,
    ) -> std::result::Result<ObjectView<'de>, A::Error> {
        let mut members = Vec::new();
        while let Some(Key(key)) = map.next_key()? {
            match RECOGNIZED_KEYS.iter().find(|known| **known == key) {
                Some(known) => members.push((*known, map.next_value()?)),
                None => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(ObjectView(members))
    }
}

/// A whole number, also one that a server wrote as text or with a zero fraction.
pub fn parse_integer(raw: &RawValue) -> Option<i64> {
    let text = raw.get().trim_matches('"').trim();
    text.parse().ok().or_else(|| {
        let number: f64 = text.parse().ok()?;
        (number.fract() == 0.0 && number.abs() < 9e15).then_some(number as i64)
    })
}

/// Appends a JSON string.
pub fn write_string(out: &mut Vec<u8>, text: &str) {
    // Writing to memory has no way to fail, and a string no way to be unserialisable.
    let _ = serde_json::to_writer(out, text);
}

/// The text of a string, number or boolean; `None` for the rest.
pub fn scalar_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deep_or_broken_bodies_are_not_json() {
        let deep = |depth| "[".repeat(depth) + &"]".repeat(depth);
        let is_json = |text: &str| parse_body(text).json.is_some();
        assert!(is_json(&deep(MAX_DEPTH)));
        assert!(!is_json(&deep(MAX_DEPTH + 1)));
        assert!(!is_json(&deep(100_000)));
        assert!(is_json(r#"{"a":"[[[[\"[["}"#));
        assert!(is_json(&format!(r#"["\\","\"{}",[]]"#, "[".repeat(200))));
        assert!(!is_json(&format!(r#"["\\",{}]"#, deep(MAX_DEPTH))));
        for text in ["{} {}", "1 1", "{\"a\":1}x", "{\"a\":", ""] {
            assert!(!is_json(text), "{text}");
        }
        assert_eq!(parse_body(" [1] \n\0").json, Some("[1]"));
    }

    #[test]
    fn a_body_that_is_too_deep_keeps_its_members() {
        let text = format!(
            r#"{{"_id":"1","x":{}{}}}"#,
            "[".repeat(126),
            "]".repeat(126)
        );
        let body = parse_body(&text);
        assert!(body.json.is_none());
        assert_eq!(body.members.text("_id").as_deref(), Some("1"));
    }

    #[test]
    fn lone_surrogates_are_replaced() {
        for (json, whole) in [
            (
                r#"{"a":"\ud83d\uDE00 \n\\ud800 é"}"#,
                r#"{"a":"\ud83d\uDE00 \n\\ud800 é"}"#,
            ),
            (r#""\ud83d""#, r#""\ufffd""#),
            (r#""\ud83d\u0041\uDE00""#, r#""\ufffd\u0041\ufffd""#),
            (
                r#"{"\uD83d\ud83d\ude00\\":"\""}"#,
                r#"{"\ufffd\ud83d\ude00\\":"\""}"#,
            ),
            (r#""\ud83dé""#, r#""\ufffdé""#),
        ] {
            assert_eq!(replace_lone_surrogates(json), whole);
            assert!(serde_json::from_str::<Value>(&replace_lone_surrogates(json)).is_ok());
        }
        for text in [
            "\\",
            "\"\\",
            "\"\\é",
            "é\\€\\",
            "\\u",
            "\\ud8",
            "\\u+d80\\ué000",
        ] {
            assert_eq!(replace_lone_surrogates(text), text, "{text}");
        }
        assert_eq!(replace_lone_surrogates("\\ud83d\\"), "\\ufffd\\");
    }

    #[test]
    fn a_repeated_key_keeps_its_last_value() {
        let members = parse_body(r#" {"code":1,"code":"2","n":null} "#).members;
        assert_eq!(members.integer("code"), Some(2));
        assert!(members.get("n").is_none());
    }

    #[test]
    fn parse_error_reports_position() {
        let error = parse("{\n \"a\": }", "config").unwrap_err();
        assert_eq!(error.status, Status::NotJson);
        assert!(
            error.message.contains("line 2 column 7"),
            "{}",
            error.message
        );
        assert!(parse(&"[".repeat(100_000), "config").is_err());
        assert!(parse(" \n", "config").unwrap().is_none());
        assert!(parse("null", "config").unwrap().is_none());
        assert!(parse("\u{feff} \n", "config").unwrap().is_none());
        assert!(parse("\u{feff}{\"a\":1}", "config").unwrap().is_some());
        let value = parse(r#"{"a":"x\ud83dy"}"#, "config").unwrap().unwrap();
        assert_eq!(value["a"], "x\u{fffd}y");
    }
}
