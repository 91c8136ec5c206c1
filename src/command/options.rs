//! Typed reading of the options of a command; `null` counts as absent everywhere.

use serde_json::Value;

use crate::error::{Error, Result};
use crate::status::Status;
use crate::text::json::{whole, Object};
use crate::text::timestamp;

/// The value of an option. Few options are found by looking at each sooner than by hashing the name.
pub fn get<'a>(options: &'a Object, name: &str) -> Option<&'a Value> {
    const FEW: usize = 16;
    match options.len() {
        0..=FEW => options
            .iter()
            .find(|(key, _)| *key == name)
            .map(|(_, value)| value),
        _ => options.get(name),
    }
}

/// An option that is text; a number stands for its digits.
pub fn text(options: &Object, name: &str) -> Result<Option<String>> {
    get(options, name).map_or(Ok(None), |value| text_of(name, value))
}

/// The value of such an option.
pub fn text_of(name: &str, value: &Value) -> Result<Option<String>> {
    match value {
        Value::Null => Ok(None),
        Value::String(text) => Ok(Some(text.clone())),
        Value::Number(number) => Ok(Some(number.to_string())),
        _ => Err(bad(name, "must be text")),
    }
}

/// The first of several options that is given and not empty.
pub fn first_text(options: &Object, names: &[&str]) -> Result<Option<String>> {
    for name in names {
        if let Some(text) = text(options, name)?.filter(|text| !text.is_empty()) {
            return Ok(Some(text));
        }
    }
    Ok(None)
}

/// The first of several time options that is given and not empty, in the servers' form.
pub fn first_time(options: &Object, names: &[&str]) -> Result<Option<String>> {
    for name in names {
        match get(options, name) {
            None | Some(Value::Null) => {}
            Some(Value::String(text)) if text.is_empty() => {}
            Some(Value::String(text)) => {
                return timestamp::to_wire(text).map(Some).ok_or_else(|| {
                    bad(
                        name,
                        "must be an RFC 3339 time with a zone, such as 2030-12-01T10:00:00.000Z",
                    )
                })
            }
            Some(_) => return Err(bad(name, "must be a time as text")),
        }
    }
    Ok(None)
}

/// A count, as number or text; zero and empty text count as absent.
pub fn count(options: &Object, name: &str) -> Result<Option<u32>> {
    let Some(given) = get(options, name) else {
        return Ok(None);
    };
    let count = match given {
        Value::Null => return Ok(None),
        Value::String(text) if text.trim().is_empty() => return Ok(None),
        Value::String(text) => text.trim().parse().ok(),
        other => whole(other).and_then(|count| u32::try_from(count).ok()),
    };
    let count = count.ok_or_else(|| bad(name, "must be a whole number, not negative"))?;
    Ok((count > 0).then_some(count))
}

/// A truth value, as boolean or as the text `true` or `false`.
pub fn truth(options: &Object, name: &str) -> Result<Option<bool>> {
    get(options, name).map_or(Ok(None), |value| truth_of(name, value))
}

/// The value of such an option.
pub fn truth_of(name: &str, value: &Value) -> Result<Option<bool>> {
    match value {
        Value::Null => Ok(None),
        Value::Bool(truth) => Ok(Some(*truth)),
        Value::String(text) if text.is_empty() => Ok(None),
        Value::String(text) => text
            .parse()
            .map(Some)
            .map_err(|_| bad(name, "must be true or false")),
        _ => Err(bad(name, "must be true or false")),
    }
}

/// An option that is an object.
pub fn object<'a>(options: &'a Object, name: &str) -> Result<Option<&'a Object>> {
    match get(options, name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Object(object)) => Ok(Some(object)),
        Some(_) => Err(bad(name, "must be an object")),
    }
}

/// An error in one option.
pub fn bad(name: &str, message: &str) -> Error {
    Error::field(Status::BadOption, name, message)
}
