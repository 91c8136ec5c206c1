//! Commands that are started and told of later.

use std::ffi::{c_char, c_void};
use std::time::Duration;

use super::boundary::{self, ForeignHandler};
use super::service::find;
use super::types::{cbsvc_handler, cbsvc_release, cbsvc_service, cbsvc_status};
use crate::error::{Error, Result};
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
pub unsafe extern "C" fn cbsvc_start(
    service: *mut cbsvc_service,
    name: *const c_char,
    data: *const c_char,
    done: cbsvc_handler,
    user_data: *mut c_void,
    release: cbsvc_release,
    call: *mut u64,
) -> cbsvc_status {
    let tell = |id: u64| {
        if !call.is_null() {
            // SAFETY: not NULL, and the interface asks for a variable.
            unsafe { *call = id };
        }
    };
    tell(0);
    // SAFETY: the interface says when handlers run and that `user_data` stays usable until the release.
    let done = unsafe { ForeignHandler::new(done, user_data, release) };
    boundary::function(|| {
        let done = done.into_optional_handler();
        // SAFETY: the interface asks for NULL or NUL-terminated texts.
        let (name, data) = unsafe {
            (
                boundary::text(name, "name")?,
                boundary::optional_text(data, "data"),
            )
        };
        find(service)?
            .start(name, data, done, tell)
            .inspect_err(|_| tell(0))
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
pub extern "C" fn cbsvc_cancel(service: *mut cbsvc_service, call: u64) -> cbsvc_status {
    boundary::function(|| find(service)?.cancel(call))
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
pub extern "C" fn cbsvc_dispatch(service: *mut cbsvc_service, timeout_ms: i32) -> cbsvc_status {
    boundary::function(|| find(service)?.dispatch(wait(timeout_ms)))
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
pub unsafe extern "C" fn cbsvc_waitable(
    service: *mut cbsvc_service,
    waitable: *mut isize,
) -> cbsvc_status {
    let tell = |descriptor: isize| {
        if !waitable.is_null() {
            // SAFETY: not NULL, and the interface asks for a variable.
            unsafe { *waitable = descriptor };
        }
    };
    tell(-1);
    boundary::function(|| {
        let service = find(service)?;
        if waitable.is_null() {
            return Err(Error::new(Status::NullArgument, "waitable is NULL"));
        }
        let descriptor: Result<isize> = service.waitable();
        descriptor.map(tell)
    })
}

/// A timeout in milliseconds; negative is without end.
pub fn wait(timeout_ms: i32) -> Option<Duration> {
    u64::try_from(timeout_ms).ok().map(Duration::from_millis)
}
