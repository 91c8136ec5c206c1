//! Windows: the calling thread's error numbers, the clocks, and keeping the library loaded.
//!
//! There are no signals that a thread blocks, no cancellation that a library has to expect, and no
//! fork. A new handle never takes the place of a standard one unless the program has closed that
//! without saying so to the system.

mod certificates;
mod file;
#[cfg(feature = "outbox")]
mod processes;
mod proxy;
mod readiness;

use std::ffi::c_int;
use std::io;
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering};

use windows_sys::Win32::Foundation::{
    GetLastError, SetLastError, ERROR_TOO_MANY_OPEN_FILES, WIN32_ERROR,
};
use windows_sys::Win32::Networking::WinSock::{WSAEMFILE, WSAENOBUFS};
use windows_sys::Win32::System::LibraryLoader::{
    GetModuleHandleExW, GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS, GET_MODULE_HANDLE_EX_FLAG_PIN,
};
use windows_sys::Win32::System::SystemInformation::GetTickCount64;
use windows_sys::Win32::System::WindowsProgramming::QueryUnbiasedInterruptTime;

pub use certificates::{check_chain, ChainProblem, ExtraAuthorities};
pub use file::file_identity;
#[cfg(feature = "outbox")]
pub use processes::{look_up_process, own_process};
pub use proxy::system_proxy;
#[cfg(test)]
pub use readiness::is_signalled;
pub use readiness::Readiness;

/// Stands for the signals that a thread blocks on other systems.
#[derive(Clone, Copy)]
pub struct SignalMask;

impl SignalMask {
    /// The mask of the calling thread.
    pub fn current() -> SignalMask {
        SignalMask
    }

    /// Runs a section with this mask.
    pub fn apply<R>(&self, section: impl FnOnce() -> R) -> R {
        section()
    }
}

/// Runs a section that starts a thread of the library, which from now on is never unloaded: the
/// thread would go on in memory that is gone.
pub fn starting_thread<R>(section: impl FnOnce() -> io::Result<R>) -> io::Result<R> {
    static IS_PINNED: AtomicBool = AtomicBool::new(false);
    if !IS_PINNED.load(Ordering::Acquire) {
        let mut library = ptr::null_mut();
        let flags = GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS | GET_MODULE_HANDLE_EX_FLAG_PIN;
        // SAFETY: with this flag, the name is any address inside the library, and `library` is a
        // variable.
        let is_done =
            unsafe { GetModuleHandleExW(flags, (&raw const IS_PINNED).cast(), &mut library) };
        if is_done == 0 {
            return Err(io::Error::last_os_error());
        }
        IS_PINNED.store(true, Ordering::Release);
    }
    section()
}

/// What a library call leaves as it was on the thread that makes it: the system's error number,
/// and `errno` of the system's C library (msvcrt.dll). Other C libraries have an `errno` of their
/// own, which nothing here changes.
pub struct CallerState {
    last_error: WIN32_ERROR,
    errno: c_int,
}

impl CallerState {
    /// Remembers both numbers.
    pub fn save() -> CallerState {
        CallerState {
            // SAFETY: the call only reads a value of this thread.
            last_error: unsafe { GetLastError() },
            // SAFETY: the pointer to this thread's `errno` is valid as long as the thread.
            errno: unsafe { *_errno() },
        }
    }
}

impl Drop for CallerState {
    fn drop(&mut self) {
        // SAFETY: the pointer to this thread's `errno` is valid as long as the thread.
        unsafe { *_errno() = self.errno };
        // SAFETY: the call only writes a value of this thread.
        unsafe { SetLastError(self.last_error) };
    }
}

extern "C" {
    fn _errno() -> *mut c_int;
}

/// A program cannot cancel threads of the library.
pub fn disable_cancellation() {}

/// Milliseconds since the system was started, also while it was suspended. All processes of the
/// system read the same clock, and no program can set it.
pub fn boot_milliseconds() -> i64 {
    // SAFETY: the call has no condition.
    i64::try_from(unsafe { GetTickCount64() }).unwrap_or(i64::MAX)
}

/// The same without the time while the system was suspended.
pub fn monotonic_milliseconds() -> i64 {
    const UNITS_PER_MS: u64 = 10_000;
    let mut time = 0;
    // SAFETY: `time` is a variable. The call fails only without one.
    unsafe { QueryUnbiasedInterruptTime(&mut time) };
    i64::try_from(time / UNITS_PER_MS).unwrap_or(i64::MAX)
}

/// Whether an error says that the system has no handle or socket left.
pub fn is_out_of_descriptors(error: &io::Error) -> bool {
    let is_one_of = |number| {
        matches!(number, WSAEMFILE | WSAENOBUFS) || number == ERROR_TOO_MANY_OPEN_FILES as i32
    };
    error.raw_os_error().is_some_and(is_one_of)
}

/// Runs a section that opens handles. None of them can become a standard one.
pub fn with_stdio_reserved<R>(section: impl FnOnce() -> R) -> R {
    section()
}
