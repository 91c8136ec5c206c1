//! The two server APIs: routes, formats and errors.

use crate::domain::phone_number::PhoneNumberError;

pub(crate) mod counted;
mod error;
mod slots;
pub(crate) mod v1;
pub(crate) mod v3;

const BAD_PARAMETER: (u16, &str) = (501, "BAD_PARAMETER");

/// The codes for which the widget has texts.
fn phone_number_code(error: &PhoneNumberError) -> (u16, &'static str) {
    match error {
        PhoneNumberError::Invalid(_) => (7030, "INVALID_PHONE_NUMBER"),
        PhoneNumberError::Impossible(_) => (7036, "IMPOSSIBLE_PHONE_NUMBER"),
        PhoneNumberError::Premium(_) => (7037, "PHONE_NUMBER_NOT_ALLOWED"),
        PhoneNumberError::NoCountry { .. } => BAD_PARAMETER,
    }
}
