//! Typed reading of the options of a command; `null` counts as absent everywhere.

use serde_json::Value;

use crate::config::v1_fields;
use crate::error::{Error, Result};
use crate::status::Status;
use crate::text::json::Object;
use crate::text::{number, timestamp, typo};

/// The deadline of a call, in milliseconds.
pub const TIMEOUT: &str = "timeoutMs";

/// The further headers of a call.
pub const HEADERS: &str = "headers";

/// The options that every command has.
pub const CALL_OPTIONS: [&str; 2] = [TIMEOUT, HEADERS];

/// The options of a command, each with its aliases.
pub struct OptionNames(pub &'static [(&'static str, &'static [&'static str])]);

impl OptionNames {
    /// Every name, aliases included.
    pub fn all(&self) -> impl Iterator<Item = &'static str> {
        let names = |(name, aliases): &(&'static str, &'static [&'static str])| {
            std::iter::once(*name).chain(aliases.iter().copied())
        };
        self.0.iter().flat_map(names)
    }

    /// The name under which an option is given: its own or an alias, but not both.
    pub fn given_name(&self, options: &Object, name: &'static str) -> Result<&'static str> {
        let option = self.0.iter().find(|(known, _)| *known == name);
        let aliases = option.map_or(&[][..], |(_, aliases)| aliases);
        let is_given = |name| get(options, name).is_some_and(|value| !is_absent(value));
        let mut found = name;
        for alias in aliases {
            if is_given(alias) {
                if is_given(found) {
                    return Err(conflict(found, alias));
                }
                found = alias;
            }
        }
        Ok(found)
    }

    /// Ignored, a misspelt option would make the command do something else.
    pub fn reject_unknown(&self, options: &Object) -> Result<()> {
        let is_unknown = |name: &&String| self.all().all(|known| known != *name);
        let Some(unknown) = options.keys().find(is_unknown) else {
            return Ok(());
        };
        let nearest = match typo::likely_typo(unknown, CALL_OPTIONS) {
            Some(option) => Some(option),
            None => typo::nearest(unknown, self.all()).map(|nearest| nearest.name),
        };
        // A suggestion names the option, not an alias.
        let meant = self.0.iter().find(|(name, aliases)| {
            nearest.is_some_and(|nearest| nearest == *name || aliases.contains(&nearest))
        });
        let meant = meant.map(|(name, _)| *name).or(nearest);
        Err(unknown_option(unknown, meant.unwrap_or(TIMEOUT)))
    }
}

/// Whether a value counts as not given.
pub fn is_absent(value: &Value) -> bool {
    value.is_null() || value.as_str() == Some("")
}

/// Two names of one option, or two options that exclude each other.
pub fn conflict(name: &str, other: &str) -> Error {
    invalid_option(other, &format!("cannot be given together with {name}"))
}

/// The error for an option without which the command makes no sense.
pub fn required(name: &str) -> Error {
    invalid_option(name, "is required")
}

/// The identifier of the callback that a command is about.
pub fn callback_id(options: &Object, names: &OptionNames) -> Result<String> {
    let name = names.given_name(options, "id")?;
    let id = text(options, name)?.ok_or_else(|| required("id"))?;
    if id.trim().is_empty() || matches!(id.as_str(), "." | "..") {
        return Err(invalid_option(name, "is not the identifier of a callback"));
    }
    Ok(id)
}

/// Of several names of one option, the first under which it is given.
pub fn first_given(options: &Object, names: &[&'static str]) -> Option<&'static str> {
    let is_given = |name: &&&str| get(options, name).is_some_and(|value| !is_absent(value));
    names.iter().find(is_given).copied()
}

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

/// An option that is not known.
pub fn unknown_option(name: &str, meant: &str) -> Error {
    invalid_option(name, &format!("unknown option; did you mean {meant}?"))
}
