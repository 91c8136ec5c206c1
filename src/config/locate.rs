//! Finding the configuration in what the caller gave: the bare object, or a whole widgets configuration.

use serde_json::Value;

use crate::error::{Error, Result};
use crate::status::Status;
use crate::text::json::{self, Object};
use crate::text::secret::Wiped;

/// Paths at which a widgets configuration holds the section, tried in this order.
const PATHS: [&[&str]; 3] = [
    &["_genesys", "widgets", "callback"],
    &["widgets", "callback"],
    &["callback"],
];

fn at<'a>(given: &'a Object, path: &[&str]) -> Option<&'a Object> {
    let (last, steps) = path.split_last()?;
    let inner = steps
        .iter()
        .try_fold(given, |object, step| object.get(*step)?.as_object())?;
    inner.get(*last)?.as_object()
}

/// The configuration section in a caller's text.
pub fn read(text: &str) -> Result<Wiped> {
    let given = match json::parse(text, "the configuration")? {
        Some(Value::Object(given)) if !given.is_empty() => Wiped::from(given),
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
    if let Some(section) = PATHS.iter().find_map(|path| at(&given, path)) {
        return match section.is_empty() {
            false => Ok(section.clone().into()),
            true => Err(Error::new(Status::Config, "Invalid configuration")),
        };
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
