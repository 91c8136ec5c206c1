//! Living inside another program: forks, signals, threads, panics and the log.

pub mod fork;
pub mod hooks;
pub mod log;
pub mod network_thread;
pub mod panic;
pub mod random;
pub mod threads;
