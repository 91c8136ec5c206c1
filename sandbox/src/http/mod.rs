//! Reading requests: bodies, parameters, credentials, origins.

pub mod auth;
pub mod body;
pub mod bracket_form;
pub mod query;
pub mod same_origin;
