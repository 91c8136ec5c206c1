//! Typed reading of one section of the configuration; `null` counts as absent everywhere.

use std::time::Duration;

use serde_json::Value;

use super::known_keys::join_path;
use super::v1_fields;
use crate::error::{Error, Result};
use crate::status::Status;
use crate::text::json::Object;
use crate::text::number;

/// The longest duration that a key can have.
pub const DAY_MS: u64 = 86_400_000;

/// An object of the configuration and the path to it, for error texts.
pub struct Section<'a> {
    object: &'a Object,
    path: &'a str,
}

impl<'a> Section<'a> {
    /// The section at a path; the configuration itself has the empty path.
    pub fn new(object: &'a Object, path: &'a str) -> Section<'a> {
        Section { object, path }
    }

    /// An error in one key of this section.
    pub fn error(&self, key: &str, message: &str) -> Error {
        Error::field(Status::Config, &join_path(self.path, key), message)
    }

    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&'a Value> {
        self.object.get(key).filter(|value| !value.is_null())
    }

    pub fn text(&self, key: &str) -> Result<Option<String>> {
        match self.get(key) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(_) => Err(self.error(key, "must be text")),
        }
    }

    /// Text, or a whole number, whose digits it is then.
    pub fn text_or_number(&self, key: &str) -> Result<Option<String>> {
        match self.get(key) {
            Some(Value::Number(number)) => number::whole_digits(number)
                .map(Some)
                .ok_or_else(|| self.error(key, "must be text or a whole number")),
            Some(Value::Array(_) | Value::Object(_) | Value::Bool(_)) => {
                Err(self.error(key, "must be text or a whole number"))
            }
            _ => self.text(key),
        }
    }

    /// Text; empty counts as absent.
    pub fn non_empty_text(&self, key: &str) -> Result<Option<String>> {
        Ok(self.text(key)?.filter(|text| !text.is_empty()))
    }

    /// Text that must be there and not empty.
    pub fn required(&self, key: &str) -> Result<String> {
        self.non_empty_text(key)?
            .ok_or_else(|| self.error(key, "is required"))
    }

    /// A whole number within bounds, which may be written as text.
    pub fn integer(&self, key: &str, min: u64, max: u64) -> Result<Option<u64>> {
        let Some(value) = self.get(key) else {
            return Ok(None);
        };
        match number::whole_number(value) {
            Some(number) if (min..=max).contains(&number) => Ok(Some(number)),
            _ => Err(self.error(key, &format!("must be a whole number from {min} to {max}"))),
        }
    }

    /// A boolean, which may be written as text.
    pub fn boolean(&self, key: &str) -> Result<Option<bool>> {
        let text = self.get(key).map_or(Ok(None), v1_fields::flag);
        let text = text.map_err(|message| self.error(key, &message))?;
        Ok(text.map(|text| text == "true"))
    }

    /// A duration in milliseconds within bounds.
    pub fn milliseconds(&self, key: &str, min: u64, max: u64) -> Result<Option<Duration>> {
        Ok(self.integer(key, min, max)?.map(Duration::from_millis))
    }

    pub fn object(&self, key: &str) -> Result<Option<&'a Object>> {
        match self.get(key) {
            None => Ok(None),
            Some(Value::Object(object)) => Ok(Some(object)),
            Some(_) => Err(self.error(key, "must be an object")),
        }
    }

    /// One of a few words, in any case.
    pub fn one_of<T: Copy>(&self, key: &str, choices: &[(&str, T)], default: T) -> Result<T> {
        let Some(given) = self.non_empty_text(key)? else {
            return Ok(default);
        };
        let chosen = choices
            .iter()
            .find(|(word, _)| word.eq_ignore_ascii_case(&given));
        chosen.map(|(_, value)| *value).ok_or_else(|| {
            let words: Vec<_> = choices
                .iter()
                .map(|(word, _)| format!("{word:?}"))
                .collect();
            self.error(key, &format!("must be {}", words.join(" or ")))
        })
    }
}
