//! The C boundary: the only place with unsafe code. Each function checks what C hands in, calls one
//! function of the library, and hands text out; no panic gets past it.

#![allow(non_camel_case_types)]

pub mod async_call;
pub mod blocking;
mod boundary;
pub mod constants;
pub mod library;
pub mod service;
pub mod subscription;
pub mod types;
