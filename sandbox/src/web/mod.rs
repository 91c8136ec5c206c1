//! The page and the control routes.

pub mod control;
mod lists;
pub mod page;
