//! The one error value of the library: what went wrong, where, and what to do about it.

use std::time::Duration;

use crate::status::Status;

/// Shorthand for results of this library.
pub type Result<T> = std::result::Result<T, Error>;

/// A failure, as it appears under `error` in an outcome. The message never holds the caller's personal data.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    /// Class and kind of the failure.
    pub status: Status,
    /// What happened and what to do, for a person.
    pub message: String,
    /// The configuration key or option at fault.
    pub field: Option<String>,
    /// Whether sending the same command again can help and cannot book twice.
    pub retryable: bool,
    /// How long the server asked to wait.
    pub retry_after: Option<Duration>,
    /// The server's own code, see the table of known codes in `docs/behaviour.md`.
    pub server_code: Option<i64>,
    /// The server's identifier of this exchange, for its operators.
    pub correlation_id: Option<String>,
}

impl Error {
    /// An error that names no field.
    pub fn new(status: Status, message: impl Into<String>) -> Error {
        Error {
            status,
            message: message.into(),
            field: None,
            retryable: false,
            retry_after: None,
            server_code: None,
            correlation_id: None,
        }
    }

    /// An error in one key or option, whose name starts the message.
    pub fn field(status: Status, field: &str, message: impl AsRef<str>) -> Error {
        Error {
            field: Some(field.to_owned()),
            ..Error::new(status, format!("{field}: {}", message.as_ref()))
        }
    }

    /// The same error of a booking of which nobody here knows whether the server has made it.
    pub fn may_be_booked(mut self) -> Error {
        self.message.push_str("; the booking may have been made");
        self.retryable(false)
    }

    /// The same error, marked as safe and useful to repeat or not.
    pub fn retryable(mut self, retryable: bool) -> Error {
        self.retryable = retryable;
        self
    }
}
