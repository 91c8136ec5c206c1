//! Looking up one callback.

use super::options::{callback_id, OptionNames};
use super::Description;
use crate::error::Result;
use crate::text::json::Object;

pub const DESCRIPTION: Description = Description {
    name: c"CallbackService.retrieve",
    resolved: c"CallbackService.retrieved",
    rejected: c"CallbackService.retrieveError",
    missing_data: "No data found to look up a callback: give its id",
    effect: None,
};

pub const OPTIONS: OptionNames = OptionNames(&[("id", &["_id"])]);

/// Validates the options of a command; the callback's identifier.
pub fn parse(options: &Object) -> Result<String> {
    OPTIONS.reject_unknown(options)?;
    callback_id(options, &OPTIONS)
}
