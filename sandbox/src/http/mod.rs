//! Reading requests: bodies, parameters, credentials, origins.

pub(crate) mod auth;
pub(crate) mod body;
pub(crate) mod bracket_form;
pub(crate) mod query;
pub(crate) mod same_origin;
