//! Pure functions on text: JSON, timestamps and secrets.

pub mod diagnose;
pub mod encoding;
pub mod javascript;
pub mod json;
pub mod number;
pub mod phone;
pub mod pointer;
pub mod secret;
pub mod timestamp;
pub mod typo;
