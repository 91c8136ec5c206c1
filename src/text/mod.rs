//! Pure functions on text: JSON, timestamps and secrets.

pub mod json;
pub mod secret;
pub mod timestamp;
