//! The two server APIs.

pub mod v1;
pub mod v3;
