//! Fault injection and the request log.

pub mod request_log;
pub mod rules;
pub mod stream;
