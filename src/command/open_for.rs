//! Looking up how long the office is still open.

use super::options::{text, time, OptionNames};
use super::Description;
use crate::error::Result;
use crate::text::json::Object;

pub const DESCRIPTION: Description = Description {
    name: c"CallbackService.openFor",
    resolved: c"CallbackService.openFor",
    rejected: c"CallbackService.openForError",
    missing_data:
        "No data found to look up the office hours: give serviceName, startDate or timezone",
    effect: None,
};

pub const OPTIONS: OptionNames = OptionNames(&[
    ("serviceName", &[]),
    ("startDate", &["start"]),
    ("timezone", &[]),
]);

/// The validated options.
#[derive(Debug, PartialEq)]
pub struct OpenForQuery {
    /// The virtual queue, when the command names one.
    pub service_name: Option<String>,
    /// From when on: in canonical form, or local to `timezone`.
    pub start: Option<String>,
    /// The zone for local times.
    pub timezone: Option<String>,
}

impl OpenForQuery {
    /// Validates the options of a command. `has_configured_zone` is whether a time without a zone
    /// has one by configuration.
    pub fn parse(options: &Object, has_configured_zone: bool) -> Result<OpenForQuery> {
        OPTIONS.reject_unknown(options)?;
        let timezone = text(options, "timezone")?;
        let has_zone = has_configured_zone || timezone.is_some();
        Ok(OpenForQuery {
            service_name: text(options, "serviceName")?,
            start: time(options, OPTIONS.given_name(options, "startDate")?, has_zone)?,
            timezone,
        })
    }
}
