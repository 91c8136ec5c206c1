//! Commands that are started and told of later.

use std::ffi::{c_char, c_void};

use super::boundary::{self, lookup, timeout, write_out, HostHandler};
use super::types::{cbsvc_handler, cbsvc_release, cbsvc_service, cbsvc_status};
use crate::error::Error;
use crate::status::Status;

/// Starts a command and returns at once.
///
/// `name` is `CallbackService.schedule`, `CallbackService.availability` or `CallbackService.configure`, `data` the
/// command's JSON object. The request goes out on one thread of the library, shared by all services; the deadline is
/// the configured `ajaxTimeout`, counted from now.
///
/// `CBSVC_OK` says that the call has begun, not that its data is right or that the server has agreed: that is for
/// `done`, which is then called exactly once (unless `cbsvc_close` times out first), with the name of the event (of the
/// command where there is none) and the outcome, whose `state` is `resolved`, `rejected` (also when the data is wrong) or
/// `cancelled` (by `cbsvc_cancel` or `cbsvc_close`). Then the event's subscribers are told, except of a cancelled
/// call. Then `release` is called with `user_data`. `done` and `release` may be NULL. If this function fails, `done` is
/// never called, and `release` at once.
///
/// With `"handlers":"caller"` all this happens inside `cbsvc_dispatch` or `cbsvc_close`, with `"handlers":"thread"` on
/// the handlers' thread, possibly before this function returns. `*call` is the number for `cbsvc_cancel`, never 0; it
/// is set before `done` can be called. `call` may be NULL.
///
/// Any thread, also inside a handler. Errors: `CBSVC_NULL_ARGUMENT` (`name`), `CBSVC_BAD_HANDLE`, `CBSVC_NOT_UTF8`
/// (`name`), `CBSVC_UNKNOWN_COMMAND`, `CBSVC_CLOSED`, `CBSVC_BUSY` (queueLimit started calls have not been told yet),
/// `CBSVC_INTERNAL` (the system gives no thread), `CBSVC_PANIC`. Since 0.1.
///
/// # Safety
/// As described.
#[no_mangle]
pub unsafe extern "C-unwind" fn cbsvc_start(
    service: *mut cbsvc_service,
    name: *const c_char,
    data: *const c_char,
    done: cbsvc_handler,
    user_data: *mut c_void,
    release: cbsvc_release,
    call: *mut u64,
) -> cbsvc_status {
    // SAFETY: the caller passes NULL or a variable.
    unsafe { write_out(call, 0) };
    // SAFETY: the interface says when handlers run and that `user_data` stays usable until the release.
    let done = unsafe { HostHandler::new(done, user_data, release) };
    boundary::call(|| {
        let done = done.into_nullable_handler();
        // SAFETY: the interface asks for NULL or NUL-terminated texts.
        let (name, data) = unsafe {
            (
                boundary::required_str(name, "name")?,
                boundary::optional_str(data, "data"),
            )
        };
        lookup(service)?
            .start(name, data, done, |id| {
                // SAFETY: the caller passes NULL or a variable.
                unsafe { write_out(call, id) }
            })
            .inspect_err(|_| {
                // SAFETY: the caller passes NULL or a variable.
                unsafe { write_out(call, 0) }
            })
    })
}

/// Cancels a started call.
///
/// Its use of the network ends, and its `done` is told that it was cancelled, as `cbsvc_start` describes. A booking
/// may have reached the server by then.
///
/// Any thread, also inside a handler. Errors: `CBSVC_BAD_HANDLE`, `CBSVC_NO_SUCH` (no such call, or it has ended),
/// `CBSVC_CLOSED`, `CBSVC_PANIC`. Since 0.1.
#[no_mangle]
pub extern "C-unwind" fn cbsvc_cancel(service: *mut cbsvc_service, call: u64) -> cbsvc_status {
    boundary::call(|| lookup(service)?.cancel(call))
}

/// Runs the handlers of started calls that have ended, on this thread.
///
/// If none has, waits for one up to `timeout_ms` milliseconds (0 = do not wait, negative = wait without end). What
/// handlers cause while they run is left for the next time. When several threads dispatch, each takes a part.
///
/// Any thread, also inside a handler. Errors: `CBSVC_TIMEOUT` (there was nothing to run), `CBSVC_BAD_HANDLE`,
/// `CBSVC_CLOSED` (another thread closed the service meanwhile), `CBSVC_WRONG_MODE` (`"handlers":"thread"`),
/// `CBSVC_PANIC`. Since 0.1.
#[no_mangle]
pub extern "C-unwind" fn cbsvc_dispatch(
    service: *mut cbsvc_service,
    timeout_ms: i32,
) -> cbsvc_status {
    boundary::call(|| lookup(service)?.dispatch(timeout(timeout_ms)))
}

/// Gives a descriptor that tells when there is something to dispatch.
///
/// `*waitable` is a file descriptor that becomes readable when `cbsvc_dispatch` has something to run, and is not when it
/// has nothing: for
/// select, poll, epoll, and the loops built on them. It belongs to the service: do not read or close it, and take it
/// out of the loop before closing the service. A forked child asks for its own.
///
/// Any thread, also inside a handler. Errors: `CBSVC_NULL_ARGUMENT`, `CBSVC_BAD_HANDLE`, `CBSVC_CLOSED`,
/// `CBSVC_WRONG_MODE` (`"handlers":"thread"`), `CBSVC_INTERNAL` (the system gives no descriptor), `CBSVC_PANIC`.
/// Since 0.1.
///
/// # Safety
/// As described.
#[no_mangle]
pub unsafe extern "C-unwind" fn cbsvc_waitable(
    service: *mut cbsvc_service,
    waitable: *mut isize,
) -> cbsvc_status {
    // SAFETY: the caller passes NULL or a variable.
    unsafe { write_out(waitable, -1) };
    boundary::call(|| {
        let service = lookup(service)?;
        if waitable.is_null() {
            return Err(Error::new(Status::NullArgument, "waitable is NULL"));
        }
        let descriptor = service.readiness_fd()?;
        // SAFETY: the caller passes NULL or a variable.
        unsafe { write_out(waitable, descriptor) };
        Ok(())
    })
}
