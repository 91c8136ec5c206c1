//! The one error value of the library: what went wrong, where, and what to do about it.

use std::time::Duration;

use crate::status::Status;

/// Shorthand for results of this library.
pub type Result<T> = std::result::Result<T, Error>;

/// A failure, as it appears under `error` in an outcome. The message is the library's own and never
/// holds the caller's personal data; what the server says stands apart.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    /// Class and kind of the failure.
    pub status: Status,
    /// What happened and what to do, for a person.
    pub message: String,
    /// The configuration key or option at fault.
    pub field: Option<String>,
    /// Whether sending the same command again can help and cannot have its effect twice.
    pub retryable: bool,
    /// How long the server asked to wait.
    pub retry_after: Option<Duration>,
    /// What the server says of it.
    pub server: Option<Box<ServerError>>,
    /// Whether the command may have had its effect all the same.
    pub is_effect_unknown: bool,
}

/// What a command changes on the server.
#[derive(Debug)]
pub struct Effect {
    /// The member of an error that says whether it happened.
    pub member: &'static str,
    /// What an error says if that is not known.
    pub may_have_happened: &'static str,
}

/// An error as the server describes it.
#[derive(Clone, Debug, Default)]
pub struct ServerError {
    /// The message, verbatim: it may repeat what the caller has sent.
    pub message: Option<String>,
    /// The code, see the table of known codes in `docs/behaviour.md`.
    pub code: Option<i64>,
    /// The identifier of this request, for the operators of the server.
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
            server: None,
            is_effect_unknown: false,
        }
    }

    /// An error in one key or option, whose name starts the message, unless messages must not hold
    /// it.
    pub fn field(status: Status, field: &str, message: impl AsRef<str>) -> Error {
        Error {
            field: Some(field.to_owned()),
            ..Error::new(status, format!("{}: {}", shown(field), message.as_ref()))
        }
    }

    /// The same error of a command whose effect may have happened.
    pub fn with_unknown_effect(mut self, effect: &Effect) -> Error {
        self.message.push_str("; ");
        self.message.push_str(effect.may_have_happened);
        self.is_effect_unknown = true;
        self.retryable(false)
    }

    /// The same error, marked as safe and useful to repeat or not.
    pub fn retryable(mut self, retryable: bool) -> Error {
        self.retryable = retryable;
        self
    }
}

/// A name at the start of a message.
fn shown(name: &str) -> &str {
    match is_loggable(name) {
        true => name,
        false => "a name that is not shown here",
    }
}

/// A name as messages and the log may hold it: one that is no ordinary word could be a value in the
/// wrong place.
pub fn loggable_name(name: &str) -> String {
    match is_loggable(name) {
        true => format!("{name:?}"),
        false => "(whose name is not shown here)".to_owned(),
    }
}

fn is_loggable(name: &str) -> bool {
    const MAX_DIGITS: usize = 3;
    let is_usual = |letter: char| letter.is_ascii_alphanumeric() || "_.- $[]".contains(letter);
    let digits = name.chars().filter(char::is_ascii_digit).count();
    name.len() <= 40 && name.chars().all(is_usual) && digits <= MAX_DIGITS
}
