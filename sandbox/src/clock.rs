//! The one place that says what time it is.

use jiff::Timestamp;

/// Answers "now" for every rule of the server.
#[derive(Debug, Default)]
pub struct Clock;

impl Clock {
    /// The present moment.
    pub fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}
