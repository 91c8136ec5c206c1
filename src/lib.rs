//! libcallbackservice: books telephone callbacks with a contact center and lists the slots that can be booked.
//!
//! Programs use it through the C functions in [`ffi`]; `include/callbackservice.h` is made from their comments.
//! Data flows one way through the rooms:
//!
//! [`ffi`] C text in → [`service`] → [`command`] options checked → [`wire`] one HTTP request, v1 or v3 →
//! [`transport`] sent and answered → [`wire`] the answer's meaning → [`outcome`] → [`events`] → [`ffi`] C text out.
//!
//! Beside the stream stand [`config`], [`json`], [`time`], [`status`] and [`error`] (values), [`guarded`] (state that
//! survives a fork), [`secret`] (memory that is wiped), [`registry`] (tokens for services), [`host`], [`threads`] and
//! [`panics`] (manners inside somebody else's process), [`log`] and [`diagnostics`]. The feature `benchmark` adds a module
//! for the benchmarks, and fuzzing builds one for the fuzz targets; neither is part of the interface.

#![deny(unsafe_code)]
#![warn(missing_docs)]

#[cfg(feature = "benchmark")]
#[doc(hidden)]
pub mod benchmark;
mod chance;
mod command;
mod config;
mod delivery;
mod diagnostics;
mod error;
mod events;
#[allow(unsafe_code)]
pub mod ffi;
#[cfg(fuzzing)]
pub mod fuzzing;
mod guarded;
mod host;
mod json;
mod log;
mod outcome;
mod panics;
mod registry;
mod secret;
mod service;
mod status;
mod threads;
mod time;
mod transport;
mod wire;
mod worker;
