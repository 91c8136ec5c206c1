//! What every C function does: keep panics and cancellation out, read strings, write out
//! parameters, find the service.

use std::ffi::{c_char, c_void, CStr, CString};
use std::ptr;
use std::sync::Arc;
use std::time::Duration;

use super::allocator;
use super::constants::CBSVC_OK;
use super::types::{cbsvc_handler, cbsvc_release, cbsvc_service, cbsvc_status};
use crate::error::{Error, Result};
use crate::process::sys::CallerState;
use crate::process::{log, panic};
use crate::service::active_calls::end_abandoned_calls;
use crate::service::event_bus::Handler;
use crate::service::handle_table::{Handle, SERVICES};
use crate::service::Service;
use crate::status::Status;
use crate::text::diagnose::encoding_hint;

/// What a function returns: its status, and a string for its out parameter.
pub struct FfiResult {
    /// The number that the function returns.
    pub status: cbsvc_status,
    /// The string for the out parameter.
    pub text: Option<CString>,
}

impl FfiResult {
    /// A success without a string, or a failure with its message.
    pub fn from_result(result: Result<()>) -> FfiResult {
        match result {
            Ok(()) => FfiResult {
                status: CBSVC_OK,
                text: None,
            },
            Err(error) => FfiResult::message(&error),
        }
    }

    /// A failure with its message as the string.
    pub fn message(error: &Error) -> FfiResult {
        FfiResult {
            status: error.status.code(),
            text: Some(to_c_string(error.message.clone())),
        }
    }
}

/// Runs the body of a function with a string as out parameter. `on_panic` makes a result of a
/// panic.
///
/// # Safety
/// `out` is NULL or points to a variable.
pub unsafe fn call_with_text(
    out: *mut *mut c_char,
    on_panic: impl FnOnce(Error) -> FfiResult,
    body: impl FnOnce() -> FfiResult,
) -> cbsvc_status {
    let marker = 0;
    let _restored = CallerState::save();
    end_abandoned_calls(&marker);
    // SAFETY: this function's own condition.
    unsafe { write_out(out, ptr::null_mut()) };
    let result = panic::catch(body).unwrap_or_else(on_panic);
    if let Some(text) = result.text {
        // SAFETY: this function's own condition.
        unsafe { write_text(out, text) };
    }
    log::flush();
    result.status
}

/// Runs the body of a function without a string as out parameter.
pub fn call(body: impl FnOnce() -> Result<()>) -> cbsvc_status {
    let marker = 0;
    let _restored = CallerState::save();
    end_abandoned_calls(&marker);
    let result = panic::catch_in(body);
    log::flush();
    match result {
        Ok(()) => CBSVC_OK,
        Err(error) => error.status.code(),
    }
}

/// Frees a string of the library.
///
/// # Safety
/// `text` is NULL, or came from an out parameter of this library and has not been freed.
pub unsafe fn free_text(text: *mut c_char) {
    let _restored = CallerState::save();
    // SAFETY: the library allocated the string, and the host passes it once.
    unsafe { allocator::free(text.cast()) };
}

/// Writes an out parameter that may be NULL.
///
/// # Safety
/// `out` is NULL or points to a variable.
pub unsafe fn write_out<T>(out: *mut T, value: T) {
    if !out.is_null() {
        // SAFETY: not NULL, so it points to a variable, which needs no dropping before it is
        // overwritten.
        unsafe { out.write(value) };
    }
}

/// Writes a string to an out parameter that may be NULL. The host frees the string.
///
/// # Safety
/// `out` is NULL or points to a variable.
pub unsafe fn write_text(out: *mut *mut c_char, text: impl Into<CString>) {
    if !out.is_null() {
        // SAFETY: this function's own condition.
        unsafe { write_out(out, text.into().into_raw()) };
    }
}

/// Reads a string of the host that may be NULL.
///
/// # Safety
/// `text` is NULL, or NUL-terminated and unchanged while the result is used.
pub unsafe fn optional_str<'a>(text: *const c_char, what: &str) -> Result<Option<&'a str>> {
    if text.is_null() {
        return Ok(None);
    }
    // SAFETY: not NULL, so it is NUL-terminated and unchanged while the result is used.
    let bytes = unsafe { CStr::from_ptr(text) };
    bytes.to_str().map(Some).map_err(|error| {
        let message = format!(
            "{what} is not UTF-8: the byte at position {} is invalid{}",
            error.valid_up_to(),
            encoding_hint(bytes.to_bytes())
        );
        Error::new(Status::NotUtf8, message)
    })
}

/// Reads a string of the host that must not be NULL.
///
/// # Safety
/// `text` is NULL, or NUL-terminated and unchanged while the result is used.
pub unsafe fn required_str<'a>(text: *const c_char, what: &str) -> Result<&'a str> {
    // SAFETY: this function's own condition.
    let text = unsafe { optional_str(text, what) }?;
    text.ok_or_else(|| Error::new(Status::NullArgument, format!("{what} is NULL")))
}

/// Converts a string for C. A NUL in it, which no string of the library has, is removed.
pub fn to_c_string(text: String) -> CString {
    let mut bytes = text.into_bytes();
    bytes.retain(|byte| *byte != 0);
    CString::new(bytes).unwrap_or_default()
}

/// The handle in a service pointer.
pub fn handle_of(service: *mut cbsvc_service) -> Handle {
    service as Handle
}

/// The service pointer with a handle.
pub fn pointer_of(handle: Handle) -> *mut cbsvc_service {
    handle as *mut cbsvc_service
}

/// Finds the service of a pointer.
pub fn lookup(service: *mut cbsvc_service) -> Result<Arc<Service>> {
    SERVICES.get(handle_of(service)).ok_or_else(bad_handle)
}

/// The error for a pointer without a service.
pub fn bad_handle() -> Error {
    Error::new(
        Status::BadHandle,
        "the service is NULL, closed or was never opened",
    )
}

/// Converts a timeout in milliseconds; negative means no limit.
pub fn timeout(timeout_ms: i32) -> Option<Duration> {
    u64::try_from(timeout_ms).ok().map(Duration::from_millis)
}

/// A handler of the host with its `user_data`.
pub struct HostHandler {
    handler: cbsvc_handler,
    user_data: UserData,
    release: cbsvc_release,
}

/// The host's own pointer, or a number in its place. The library only hands it back.
#[derive(Clone, Copy)]
struct UserData(*mut c_void);

// SAFETY: the library never dereferences the pointer. The header says that handlers run on every
// thread that calls the library and on the handlers' thread, and `release` on any of these, so the
// host must allow for all of them.
unsafe impl Send for UserData {}
// SAFETY: the library never dereferences the pointer. The header says that handlers of one
// subscription may run on several threads at the same time.
unsafe impl Sync for UserData {}

impl HostHandler {
    /// Takes over a handler: from now on, `release` runs when this value is dropped.
    ///
    /// # Safety
    /// `handler` may be called with `user_data` on every thread that calls the library and on the
    /// handlers' thread, until `release` has run. `release` may be called once, on any of these
    /// threads.
    pub unsafe fn new(
        handler: cbsvc_handler,
        user_data: *mut c_void,
        release: cbsvc_release,
    ) -> HostHandler {
        HostHandler {
            handler,
            user_data: UserData(user_data),
            release,
        }
    }

    /// The handler as the library calls it. `None` if there is nothing to call, neither the handler
    /// nor `release`.
    pub fn into_optional_handler(self) -> Option<Handler> {
        let is_given = self.handler.is_some() || self.release.is_some();
        is_given.then(|| self.boxed())
    }

    /// The handler as the library calls it.
    pub fn into_handler(self) -> Result<Handler> {
        if self.handler.is_none() {
            return Err(Error::new(Status::NullArgument, "the handler is NULL"));
        }
        Ok(self.boxed())
    }

    fn boxed(self) -> Handler {
        Box::new(move |event, data| self.call(event, data))
    }

    fn call(&self, event: &CStr, data: &CStr) {
        if let Some(handler) = self.handler {
            // SAFETY: the caller of `new` allows the call on this thread, and both strings outlive
            // it.
            unsafe { handler(event.as_ptr(), data.as_ptr(), self.user_data.0) };
        }
    }
}

impl Drop for HostHandler {
    fn drop(&mut self) {
        if let Some(release) = self.release {
            // SAFETY: the caller of `new` allows one call on this thread, and a value is dropped
            // once.
            unsafe { release(self.user_data.0) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn panic_becomes_status_and_message() {
        panic::install();
        let mut out = ptr::null_mut();
        // SAFETY: `out` is a variable of this function.
        let status = unsafe {
            call_with_text(
                &mut out,
                |error| FfiResult::message(&error),
                || panic!("SECRET"),
            )
        };
        assert_eq!(status, 901);
        // SAFETY: `out` is a string of the library.
        let text = unsafe { CStr::from_ptr(out) }.to_str().unwrap().to_owned();
        // SAFETY: `out` is a string of the library, freed once.
        unsafe { free_text(out) };
        assert!(
            text.contains("src/ffi/boundary.rs") && !text.contains("SECRET"),
            "{text}"
        );
        assert_eq!(call(|| panic!("SECRET")), 901);
    }
}
