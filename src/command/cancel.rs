//! Cancelling a callback.

use super::options::{boolean, callback_id, OptionNames};
use super::Description;
use crate::error::{Effect, Result};
use crate::text::json::Object;

pub const DESCRIPTION: Description = Description {
    name: c"CallbackService.cancel",
    resolved: c"CallbackService.cancelled",
    rejected: c"CallbackService.cancelError",
    missing_data: "No data found to cancel a callback: give its id",
    effect: Some(Effect {
        member: "cancelled",
        may_have_happened: "the callback may have been cancelled",
    }),
};

pub const OPTIONS: OptionNames = OptionNames(&[
    ("id", &["_id"]),
    ("discardOrsFailure", &["discard_ors_failure"]),
]);

/// The validated options.
#[derive(Debug, PartialEq)]
pub struct CancelRequest {
    /// The callback.
    pub id: String,
    /// Whether the callback is cancelled even if its session cannot be reached.
    pub discard_ors_failure: Option<bool>,
}

impl CancelRequest {
    /// Validates the options of a command.
    pub fn parse(options: &Object) -> Result<CancelRequest> {
        OPTIONS.reject_unknown(options)?;
        Ok(CancelRequest {
            id: callback_id(options, &OPTIONS)?,
            discard_ors_failure: boolean(
                options,
                OPTIONS.given_name(options, "discardOrsFailure")?,
            )?,
        })
    }
}
