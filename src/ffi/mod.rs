//! The C interface. Each function reads the arguments, calls one function of the library and writes
//! the out parameters.

#![allow(non_camel_case_types)]
#![warn(missing_docs)]

mod allocator;
pub mod async_call;
pub mod blocking;
mod boundary;
pub mod constants;
pub mod json;
pub mod library;
pub mod service;
pub mod subscription;
pub mod types;
