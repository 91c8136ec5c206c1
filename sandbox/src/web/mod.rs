//! The page and the control routes.

pub(crate) mod control;
mod lists;
pub(crate) mod page;
