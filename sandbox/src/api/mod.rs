//! The two server APIs.

pub(crate) mod v1;
pub(crate) mod v3;
