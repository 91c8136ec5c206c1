//! The C boundary: the only place with unsafe code. Each function checks what C hands in, calls one function of the
//! library, and hands text out; no panic gets past it.

#![allow(non_camel_case_types)]

mod boundary;
pub mod command;
pub mod constants;
pub mod event;
mod fork;
pub mod information;
pub mod service;
mod signals;
pub mod started;
pub mod types;
