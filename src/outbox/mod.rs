//! The outbox: bookings that are stored in a file and delivered when the server is there.

mod claimant;
mod clock;
pub mod entry;
mod store;
