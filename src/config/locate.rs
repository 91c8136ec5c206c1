//! Finding the configuration in what the caller gave: the bare object, or a whole widgets
//! configuration.

use serde_json::Value;

use crate::error::{Error, Result};
use crate::status::Status;
use crate::text::json::{self, Object};
use crate::text::secret::ZeroizingObject;
use crate::text::typo::likely_typo;

use super::known_keys;

/// Paths at which a widgets configuration holds the section, tried in this order.
const PATHS: [&[&str]; 3] = [
    &["_genesys", "widgets", "callback"],
    &["widgets", "callback"],
    &["callback"],
];

fn object_at<'a>(given: &'a Object, path: &[&str]) -> Option<&'a Object> {
    let (last, steps) = path.split_last()?;
    let inner = steps
        .iter()
        .try_fold(given, |object, step| object.get(*step)?.as_object())?;
    inner.get(*last)?.as_object()
}

/// The configuration section in a caller's text.
pub fn locate_section(text: &str) -> Result<ZeroizingObject> {
    let given = match json::parse(text, "the configuration")? {
        Some(Value::Object(given)) if !given.is_empty() => ZeroizingObject::from(given),
        None | Some(Value::Object(_)) => {
            return Err(Error::new(Status::Config, "Invalid configuration"))
        }
        Some(_) => {
            return Err(Error::new(
                Status::Config,
                "the configuration must be a JSON object",
            ))
        }
    };
    if given.contains_key("dataURL") {
        return Ok(given);
    }
    if let Some((path, section)) = PATHS
        .iter()
        .find_map(|path| Some((path, object_at(&given, path)?)))
    {
        if section.is_empty() {
            return Err(Error::new(Status::Config, "Invalid configuration"));
        }
        // Beside a section, a key of the configuration would be ignored.
        let stray = given.keys().find(|key| known_keys::is_native(key));
        return match stray {
            None => Ok(section.clone().into()),
            Some(key) => Err(Error::field(
                Status::Config,
                key,
                format!(
                    "must stand in {}, with the rest of the configuration",
                    path.join(".")
                ),
            )),
        };
    }
    let misplaced = given
        .iter()
        .filter(|(_, value)| value.is_object())
        .find_map(|(key, _)| {
            let roots = PATHS.iter().map(|path| path[0]);
            Some((key, likely_typo(key, roots).filter(|meant| meant != key)?))
        });
    if let Some((key, meant)) = misplaced {
        let message = format!("unknown key; did you mean {meant}?");
        return Err(Error::field(Status::Config, key, message));
    }
    match PATHS.iter().find(|path| given.contains_key(path[0])) {
        None => Ok(given),
        Some(path) => Err(Error::field(
            Status::Config,
            &path.join("."),
            "must be an object with the configuration",
        )),
    }
}
