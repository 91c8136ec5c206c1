//! What the library asks of the operating system. Outside `ffi`, the only place with unsafe code.
//!
//! Both systems offer the same functions, so that no other module needs to know which one it runs
//! on, except where one lacks something altogether: Windows has no fork.

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

use std::ffi::CString;

#[cfg(unix)]
pub use unix::*;
#[cfg(windows)]
pub use windows::*;

/// A process, so that another one can tell whether it is gone.
#[derive(Clone, Debug, PartialEq)]
pub struct ProcessIdentity {
    /// When it was started, in the system's own unit; numbers of processes are used again.
    pub started: i64,
    /// Identifies the time from one start of the system to the next; empty if it is not known.
    pub boot: String,
    /// Identifies the set of processes in which the number is valid: containers have their own.
    /// Empty if it is not known.
    pub namespace: String,
}

/// What the system says of the process with a number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ProcessState {
    /// It runs, and was started at this time.
    Running(i64),
    /// It is stopped, and may run again; with the same time.
    Stopped(i64),
    /// There is none, or it has ended.
    Gone,
    /// This process must not know.
    Hidden,
}

/// A C string of bytes without a NUL; empty if they hold one. [`CString::new`] searches for it byte
/// by byte, which takes as long as writing a large outcome does.
pub fn c_string(bytes: Vec<u8>) -> CString {
    if memchr::memchr(0, &bytes).is_some() {
        return CString::default();
    }
    // SAFETY: the bytes hold no NUL.
    unsafe { CString::from_vec_unchecked(bytes) }
}
