//! Looking up whether a queue takes callbacks.

use super::options::{text, OptionNames};
use super::Description;
use crate::error::Result;
use crate::text::json::Object;

pub const DESCRIPTION: Description = Description {
    name: c"CallbackService.queueStatus",
    resolved: c"CallbackService.queueStatus",
    rejected: c"CallbackService.queueStatusError",
    missing_data: "No data found for the status of a queue: give queueName or serviceName",
    effect: None,
};

pub const OPTIONS: OptionNames = OptionNames(&[("queueName", &[]), ("serviceName", &[])]);

/// Validates the options of a command; the queue, if they name one.
pub fn parse(options: &Object) -> Result<Option<String>> {
    OPTIONS.reject_unknown(options)?;
    let service = text(options, "serviceName")?;
    Ok(text(options, "queueName")?.or(service))
}
