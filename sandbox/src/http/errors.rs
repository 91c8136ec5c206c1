//! Missing and invalid parameters.

use std::fmt::Display;

use axum::extract::rejection::PathRejection;

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct ParameterError(String);

impl ParameterError {
    pub(crate) fn new(message: impl Into<String>) -> ParameterError {
        ParameterError(message.into())
    }

    pub(crate) fn missing(name: &str) -> ParameterError {
        ParameterError(format!("Missing parameter {name}."))
    }

    pub(crate) fn invalid(name: &str, expected: impl Display) -> ParameterError {
        ParameterError(format!("Invalid parameter {name}: not {expected}."))
    }

    /// For values that the message may repeat.
    pub(crate) fn invalid_value(name: &str, value: &str, expected: impl Display) -> ParameterError {
        ParameterError(format!(
            "Invalid parameter {name}: [{value}] is not {expected}."
        ))
    }
}

/// The routes only take strings from paths, so the path can only fail to be UTF-8.
impl From<PathRejection> for ParameterError {
    fn from(_: PathRejection) -> ParameterError {
        ParameterError::new("The path is not UTF-8.")
    }
}
