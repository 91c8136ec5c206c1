//! User data that the v1 API reads as fields of its own.
//!
//! The v1 API gets user data beside its own fields, so a member with the name of such a field is
//! that field. It obeys the same rules as the command's option, wherever it is given.

use serde_json::Value;

use crate::text::json::Object;
use crate::text::{number, phone, timestamp};

/// The number to call.
pub const CUSTOMER_NUMBER: &str = "_customer_number";
/// When to call.
pub const DESIRED_TIME: &str = "_desired_time";
/// Routing fields with any text.
pub const ROUTING_TEXTS: [&str; 4] = [
    "_call_direction",
    "_media_type",
    "_callback_state",
    "_urs_virtual_queue",
];
/// Routing fields that are true or false.
pub const ROUTING_FLAGS: [&str; 2] = ["_wait_for_agent", "_wait_for_user_confirm"];

/// The text of a field of the v1 API. `None` if the value counts as absent; the error says what is
/// wrong with it.
pub fn field_text(name: &str, value: &Value) -> Result<Option<String>, String> {
    match name {
        CUSTOMER_NUMBER => phone_number(value),
        DESIRED_TIME => time(value),
        _ if ROUTING_FLAGS.contains(&name) => flag(value),
        _ => text(value),
    }
}

/// Whether the v1 API has a field of this name that is an option of the command.
pub fn is_v1_field(name: &str) -> bool {
    name.starts_with('_')
        && (matches!(name, CUSTOMER_NUMBER | DESIRED_TIME)
            || ROUTING_TEXTS.contains(&name)
            || ROUTING_FLAGS.contains(&name))
}

/// A telephone number: text, or a number that is whole.
pub fn phone_number(value: &Value) -> Result<Option<String>, String> {
    match value {
        Value::String(text) if text.is_empty() => Ok(None),
        Value::String(text) => phone::clean(text).map(Some),
        _ => text(value)?.map(|text| phone::clean(&text)).transpose(),
    }
}

/// A point in time, in canonical form.
pub fn time(value: &Value) -> Result<Option<String>, String> {
    const EXPECTED: &str = "must be an ISO 8601 time with a zone, such as 2030-12-01T10:00:00.000Z";
    match value {
        Value::Null => Ok(None),
        Value::String(text) if text.is_empty() => Ok(None),
        Value::String(text) => match timestamp::parse(text) {
            Some(timestamp::Time::Utc(time)) => Ok(Some(time)),
            Some(timestamp::Time::Local(_)) => Err(format!("has no zone; it {EXPECTED}")),
            None => Err(EXPECTED.to_owned()),
        },
        _ => Err(format!("must be a string; it {EXPECTED}")),
    }
}

/// Text; a whole number stands for its digits. Empty text counts as absent.
pub fn text(value: &Value) -> Result<Option<String>, String> {
    match value {
        Value::Null => Ok(None),
        Value::String(text) => Ok(Some(text.clone()).filter(|text| !text.is_empty())),
        Value::Number(number) => {
            let digits = number::whole_digits(number);
            digits
                .map(Some)
                .ok_or_else(|| "must be text or a whole number".to_owned())
        }
        _ => Err("must be text".to_owned()),
    }
}

/// The text `true` or `false` of a boolean.
pub fn flag(value: &Value) -> Result<Option<String>, String> {
    match value {
        Value::Null => Ok(None),
        Value::Bool(flag) => Ok(Some(flag.to_string())),
        Value::String(text) if text.is_empty() => Ok(None),
        Value::String(text) => match text.trim().to_ascii_lowercase().as_str() {
            text @ ("true" | "false") => Ok(Some(text.to_owned())),
            _ => Err("must be true or false".to_owned()),
        },
        _ => Err("must be true or false".to_owned()),
    }
}

/// What is wrong with numbers in user data that become text in a form: the path to one that cannot
/// be written exactly.
fn unwritable_number(path: &str, value: &Value) -> Option<String> {
    match value {
        Value::Number(number) => number::plain_decimal(number)
            .is_none()
            .then(|| path.to_owned()),
        Value::Array(items) => items.iter().find_map(|item| unwritable_number(path, item)),
        Value::Object(members) => members
            .iter()
            .find_map(|(name, member)| unwritable_number(&format!("{path}.{name}"), member)),
        Value::Null | Value::Bool(_) | Value::String(_) => None,
    }
}

/// Replaces the fields of the v1 API in user data by their checked texts. The error names the
/// member and what is wrong.
pub fn check_fields(data: &mut Object) -> Result<(), (String, String)> {
    let names: Vec<String> = data
        .keys()
        .filter(|name| is_v1_field(name))
        .cloned()
        .collect();
    for name in names {
        let Some(value) = data.get_mut(&name) else {
            continue;
        };
        match field_text(&name, value).map_err(|message| (name.clone(), message))? {
            Some(text) => *value = Value::String(text),
            None => drop(data.shift_remove(&name)),
        }
    }
    check_numbers(data.iter().map(|(name, value)| (name.as_str(), value)))
}

/// Checks that a form can hold the numbers in some members. The error names the member and what is
/// wrong.
pub fn check_numbers<'a>(
    members: impl IntoIterator<Item = (&'a str, &'a Value)>,
) -> Result<(), (String, String)> {
    let mut paths = members
        .into_iter()
        .filter_map(|(name, value)| unwritable_number(name, value));
    match paths.next() {
        None => Ok(()),
        Some(path) => Err((
            path,
            "is a number that cannot be written as digits".to_owned(),
        )),
    }
}
