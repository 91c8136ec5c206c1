//! Delivering the entries of the outbox that are due.

use super::options::OptionNames;
use super::Description;

pub const DESCRIPTION: Description = Description {
    name: c"CallbackService.deliver",
    resolved: c"CallbackService.deliveryEnded",
    rejected: c"CallbackService.deliverError",
    missing_data: "",
    effect: None,
};

/// None of its own.
pub const OPTIONS: OptionNames = OptionNames(&[]);
