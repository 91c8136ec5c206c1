//! What the routes share of HTTP: bodies, parameters, credentials, origins and paths.

pub(crate) mod auth;
pub(crate) mod body;
mod bracket_form;
pub(crate) mod cors;
pub(crate) mod errors;
pub(crate) mod fields;
pub(crate) mod operation;
pub(crate) mod paths;
pub(crate) mod query;
pub(crate) mod same_origin;
