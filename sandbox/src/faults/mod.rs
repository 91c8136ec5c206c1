//! Fault injection and the request log.

pub(crate) mod fault;
pub(crate) mod request_log;
pub(crate) mod rules;
pub(crate) mod stream;
