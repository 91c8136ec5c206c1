//! Finding the configuration in what the caller gave: the bare object, or a whole widgets configuration.

use serde_json::Value;

use crate::error::{Error, Result};
use crate::json::{self, Object};
use crate::status::Status;

/// Paths at which a widgets configuration holds the section, tried in this order.
const PATHS: [&[&str]; 3] = [&["_genesys", "widgets", "callback"], &["widgets", "callback"], &["callback"]];

/// The configuration section in a caller's text.
pub fn read(text: &str) -> Result<Object> {
    let given = match json::parse(text, "the configuration")? {
        Some(Value::Object(given)) if !given.is_empty() => given,
        None | Some(Value::Object(_)) => return Err(Error::new(Status::Config, "Invalid configuration")),
        Some(_) => return Err(Error::new(Status::Config, "the configuration must be a JSON object")),
    };
    if given.contains_key("dataURL") {
        return Ok(given);
    }
    let Some(path) = PATHS.iter().find(|path| given.contains_key(path[0])) else {
        return Ok(given);
    };
    let mut section = Value::Object(given);
    for step in *path {
        section = match section {
            Value::Object(mut object) => object.remove(*step).unwrap_or_default(),
            _ => Value::Null,
        };
    }
    match section {
        Value::Object(section) if !section.is_empty() => Ok(section),
        Value::Object(_) => Err(Error::new(Status::Config, "Invalid configuration")),
        _ => Err(Error::field(Status::Config, &path.join("."), "must be an object with the configuration")),
    }
}
