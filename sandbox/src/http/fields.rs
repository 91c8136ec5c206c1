//! Typed access to the members of a decoded body. Numbers may be written as text, because a form
//! has nothing else.

use serde_json::{Map, Value};

use super::errors::ParameterError;
use super::query::parse_boolean;

pub(crate) type Fields = Map<String, Value>;

/// Missing, null and empty are the same: a form cannot express the difference.
pub(crate) fn is_absent(value: Option<&Value>) -> bool {
    match value {
        None | Some(Value::Null) => true,
        Some(Value::String(text)) => text.is_empty(),
        Some(_) => false,
    }
}

pub(crate) fn text<'a>(fields: &'a Fields, name: &str) -> Result<Option<&'a str>, ParameterError> {
    match fields.get(name) {
        value if is_absent(value) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        _ => Err(ParameterError::invalid(name, "text")),
    }
}

/// For bodies that are always JSON: an empty text is invalid.
pub(crate) fn non_empty_text<'a>(
    fields: &'a Fields,
    name: &str,
) -> Result<Option<&'a str>, ParameterError> {
    match fields.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if !text.is_empty() => Ok(Some(text)),
        _ => Err(ParameterError::invalid(name, "text")),
    }
}

/// Removes a text from the fields, so that it does not become user data.
pub(crate) fn take_text(fields: &mut Fields, name: &str) -> Result<Option<String>, ParameterError> {
    let text = text(fields, name)?.map(str::to_owned);
    fields.shift_remove(name);
    Ok(text)
}

pub(crate) fn take_required_text(
    fields: &mut Fields,
    name: &str,
) -> Result<String, ParameterError> {
    take_text(fields, name)?.ok_or_else(|| ParameterError::missing(name))
}

pub(crate) fn texts<'a>(
    fields: &'a Fields,
    name: &str,
) -> Result<Option<Vec<&'a str>>, ParameterError> {
    let Some(value) = fields.get(name).filter(|value| !value.is_null()) else {
        return Ok(None);
    };
    let texts: Option<Vec<&str>> = value
        .as_array()
        .and_then(|values| values.iter().map(Value::as_str).collect());
    match texts {
        Some(texts) => Ok(Some(texts)),
        None => Err(ParameterError::invalid(name, "an array of texts")),
    }
}

pub(crate) fn number(fields: &Fields, name: &str) -> Result<Option<f64>, ParameterError> {
    let Some(value) = fields.get(name).filter(|value| !is_absent(Some(value))) else {
        return Ok(None);
    };
    let number = value.as_f64().or_else(|| value.as_str()?.parse().ok());
    match number.filter(|number: &f64| number.is_finite()) {
        Some(number) => Ok(Some(number)),
        None => Err(ParameterError::invalid(name, "a number")),
    }
}

/// `true` or `false`, also as text.
pub(crate) fn boolean(fields: &Fields, name: &str) -> Result<Option<bool>, ParameterError> {
    let Some(value) = fields.get(name).filter(|value| !is_absent(Some(value))) else {
        return Ok(None);
    };
    let flag = value.as_bool().or_else(|| parse_boolean(value.as_str()?));
    match flag {
        Some(flag) => Ok(Some(flag)),
        None => Err(ParameterError::invalid(name, "true or false")),
    }
}

pub(crate) fn whole_number(
    fields: &Fields,
    name: &str,
    max: u64,
) -> Result<Option<u64>, ParameterError> {
    let Some(value) = fields.get(name).filter(|value| !is_absent(Some(value))) else {
        return Ok(None);
    };
    let whole = |number: f64| (number.fract() == 0.0 && number >= 0.0).then_some(number as u64);
    let number = value
        .as_u64()
        .or_else(|| value.as_f64().and_then(whole))
        .or_else(|| value.as_str()?.parse().ok());
    match number.filter(|number| *number <= max) {
        Some(number) => Ok(Some(number)),
        None => Err(ParameterError::invalid(
            name,
            format!("a whole number from 0 to {max}"),
        )),
    }
}
