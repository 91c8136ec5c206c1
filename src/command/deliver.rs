//! Delivering the entries of the outbox that are due.

use std::time::Duration;

use super::options::{invalid_option, positive_integer, OptionNames};
use super::Description;
use crate::error::Result;
use crate::text::json::Object;

pub const DESCRIPTION: Description = Description {
    name: c"CallbackService.deliver",
    resolved: c"CallbackService.deliveryEnded",
    rejected: c"CallbackService.deliverError",
    missing_data: "",
    effect: None,
};

const OPTIONS: OptionNames = OptionNames(&[("timeoutMs", &[])]);

const DAY_MS: u32 = 86_400_000;

/// Validates the options of a command; how long it may take, if they say so.
pub fn parse(options: &Object) -> Result<Option<Duration>> {
    OPTIONS.reject_unknown(options)?;
    match positive_integer(options, "timeoutMs")? {
        Some(timeout) if timeout > DAY_MS => {
            let message = format!("must be at most {DAY_MS}");
            Err(invalid_option("timeoutMs", &message))
        }
        timeout => Ok(timeout.map(|timeout| Duration::from_millis(timeout.into()))),
    }
}
