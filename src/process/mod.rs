//! Living inside another program: forks, signals, threads, panics and the log.

pub mod fork;
pub mod log;
pub mod network_thread;
pub mod panic;
pub mod random;
#[allow(unsafe_code)]
pub mod sys;
pub mod threads;
