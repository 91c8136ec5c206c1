//! Typed reading of the options of a command; `null` counts as absent everywhere.

use serde_json::Value;

use crate::config::known_keys::loggable_name;
use crate::config::v1_fields;
use crate::error::{Error, Result};
use crate::status::Status;
use crate::text::json::Object;
use crate::text::{number, timestamp};

/// A few options are found faster by comparing names than by hashing.
const LINEAR_SEARCH_MAX: usize = 16;

/// The value of an option.
pub fn get<'a>(options: &'a Object, name: &str) -> Option<&'a Value> {
    if options.len() > LINEAR_SEARCH_MAX {
        return options.get(name);
    }
    let mut members = options.iter();
    members
        .find(|(key, _)| *key == name)
        .map(|(_, value)| value)
}

/// The text of an option; a whole number stands for its digits, and empty text counts as absent.
pub fn text(options: &Object, name: &str) -> Result<Option<String>> {
    get(options, name).map_or(Ok(None), |value| parse_text(name, value))
}

/// The text of such a value.
pub fn parse_text(name: &str, value: &Value) -> Result<Option<String>> {
    v1_fields::text(value).map_err(|message| invalid_option(name, &message))
}

/// A point in time in canonical form, or, where the command names a zone in which the server reads
/// it, a local time.
pub fn time(options: &Object, name: &str, has_zone: bool) -> Result<Option<String>> {
    let parse = |value: &Value| {
        let parsed = value.as_str().and_then(timestamp::parse);
        match parsed {
            Some(timestamp::Time::Local(time)) if has_zone => Ok(Some(time)),
            Some(timestamp::Time::Local(_)) => Err(
                "has no zone: add one, as in 2030-12-01T10:00:00.000Z, or with apiVersion v3 give timezone"
                    .to_owned(),
            ),
            _ => v1_fields::time(value),
        }
    };
    let value = get(options, name);
    value.map_or(Ok(None), |value| {
        parse(value).map_err(|message| invalid_option(name, &message))
    })
}

/// A positive integer, as number or text; zero and empty text count as absent.
pub fn positive_integer(options: &Object, name: &str) -> Result<Option<u32>> {
    let number = match get(options, name) {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::String(text)) if text.trim().is_empty() => return Ok(None),
        Some(value) => number::whole_number(value).and_then(|number| u32::try_from(number).ok()),
    };
    let number =
        number.ok_or_else(|| invalid_option(name, "must be a whole number, not negative"))?;
    Ok((number > 0).then_some(number))
}

/// A boolean, or the text `true` or `false`.
pub fn boolean(options: &Object, name: &str) -> Result<Option<bool>> {
    get(options, name).map_or(Ok(None), |value| parse_boolean(name, value))
}

/// The value of such an option.
pub fn parse_boolean(name: &str, value: &Value) -> Result<Option<bool>> {
    let text = v1_fields::flag(value).map_err(|message| invalid_option(name, &message))?;
    Ok(text.map(|text| text == "true"))
}

/// The members of an option that is an object.
pub fn parse_object<'a>(name: &str, value: &'a Value) -> Result<&'a Object> {
    value
        .as_object()
        .ok_or_else(|| invalid_option(name, "must be an object"))
}

/// An error in one option.
pub fn invalid_option(name: &str, message: &str) -> Error {
    Error::field(Status::BadOption, name, message)
}

/// An option that is not known. A name that is no ordinary word stays out of the message.
pub fn unknown_option(name: &str, meant: &str) -> Error {
    let message = format!(
        "{}: unknown option; did you mean {meant}?",
        loggable_name(name).trim_matches('"')
    );
    Error {
        field: Some(name.to_owned()),
        ..Error::new(Status::BadOption, message)
    }
}
