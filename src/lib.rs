//! libcallbackservice: books telephone callbacks with a contact center and lists the slots that can
//! be booked.
//!
//! Programs use it through the C functions in [`ffi`]; `include/callbackservice.h` is made from
//! their comments.
//!
//! Each module uses only those below it:
//!
//! | module | job |
//! | --- | --- |
//! | [`ffi`] | C functions: C strings in, C strings out, no panic gets past |
//! | [`service`] | open services: their calls, events, completion queue, outcomes and handles |
//! | `outbox` | bookings that are stored in a file and delivered later |
//! | [`protocol`] | command and configuration to HTTP request, HTTP response to outcome, for both server APIs |
//! | [`command`] | the options of each command, validated |
//! | [`transport`] | one HTTP exchange within a deadline; knows nothing of callbacks |
//! | [`config`] | JSON to configuration |
//! | [`process`] | living inside another program: forks, signals, threads, panics, the log |
//! | [`text`] | pure functions on JSON, timestamps and secrets |
//! | [`error`], [`status`] | the error value and its numbers |
//!
//! The feature `benchmark` adds a module for the benchmarks, and fuzzing builds one for the fuzz
//! targets; neither is part of the interface.

#![deny(unsafe_code)]
// Without the outbox, what only it uses is left out by the compiler.
#![cfg_attr(not(feature = "outbox"), allow(dead_code))]

#[cfg(feature = "benchmark")]
#[doc(hidden)]
pub mod bench_support;
mod command;
mod config;
mod error;
#[allow(unsafe_code)]
pub mod ffi;
#[cfg(fuzzing)]
pub mod fuzz_support;
#[cfg(feature = "outbox")]
mod outbox;
mod process;
mod protocol;
mod service;
mod status;
mod text;
mod transport;
