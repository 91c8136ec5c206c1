//! Why a booking is refused. Clients read these messages; most are those of real servers.

use jiff::tz::TimeZone;
use jiff::Timestamp;

use super::SlotOffer;
use crate::domain::phone_number::PhoneNumberError;
use crate::domain::time_format::{format_local, format_utc};
use crate::store::StoreError;

#[derive(Debug, thiserror::Error)]
pub(crate) enum BookingError {
    #[error("Service {0} is not configured.")]
    UnknownService(String),
    #[error("Callback {0} does not exist.")]
    UnknownCallback(String),
    #[error("The desired time {} is {reason}.", format_utc(*desired))]
    OutOfBounds {
        desired: Timestamp,
        reason: &'static str,
    },
    #[error(transparent)]
    PhoneNumber(#[from] PhoneNumberError),
    /// A limit of the service is reached.
    #[error("{0}")]
    Limit(String),
    #[error("Callback {id} is {state} and cannot be changed any more.")]
    NotModifiable { id: String, state: &'static str },
    #[error(
        "Too many requests at the desired time {}. Proposing time slots.",
        format_local(*desired, &TimeZone::UTC)
    )]
    Full {
        desired: Timestamp,
        proposals: Vec<SlotOffer>,
    },
    #[error(
        "The office is closed at the desired time {}.",
        format_local(*desired, &TimeZone::UTC)
    )]
    Closed {
        desired: Timestamp,
        proposals: Vec<SlotOffer>,
    },
    #[error("{0}")]
    Store(#[from] StoreError),
}

impl From<rusqlite::Error> for BookingError {
    fn from(error: rusqlite::Error) -> BookingError {
        BookingError::Store(error.into())
    }
}
