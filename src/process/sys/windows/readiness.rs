//! The event that a program waits for.

use std::io;
use std::os::windows::io::{AsRawHandle, FromRawHandle, OwnedHandle};
use std::ptr;

use windows_sys::Win32::System::Threading::{CreateEventW, ResetEvent, SetEvent};

/// A manual-reset event.
pub struct Readiness {
    event: OwnedHandle,
    is_set: bool,
}

impl Readiness {
    /// Creates an event, which child processes do not inherit.
    pub fn new(is_set: bool) -> io::Result<Readiness> {
        // SAFETY: no attributes and no name are allowed.
        let event = unsafe { CreateEventW(ptr::null(), 1, i32::from(is_set), ptr::null()) };
        if event.is_null() {
            return Err(io::Error::last_os_error());
        }
        Ok(Readiness {
            // SAFETY: the handle is a new one, and nothing else closes it.
            event: unsafe { OwnedHandle::from_raw_handle(event) },
            is_set,
        })
    }

    /// The handle, which is signalled while this is set.
    pub fn waitable(&self) -> isize {
        self.event.as_raw_handle() as isize
    }

    pub fn set(&mut self) {
        if !std::mem::replace(&mut self.is_set, true) {
            // SAFETY: the handle is that of an event as long as this value exists.
            unsafe { SetEvent(self.event.as_raw_handle()) };
        }
    }

    pub fn clear(&mut self) {
        if std::mem::replace(&mut self.is_set, false) {
            // SAFETY: the handle is that of an event as long as this value exists.
            unsafe { ResetEvent(self.event.as_raw_handle()) };
        }
    }
}

/// Whether what [`Readiness::waitable`] returned is signalled.
#[cfg(test)]
pub fn is_signalled(waitable: isize) -> bool {
    use windows_sys::Win32::Foundation::WAIT_OBJECT_0;
    use windows_sys::Win32::System::Threading::WaitForSingleObject;
    // SAFETY: the caller passes a handle that is open.
    unsafe { WaitForSingleObject(waitable as _, 0) == WAIT_OBJECT_0 }
}
