//! Asynchronous calls.

use std::ffi::{c_char, c_void};

use super::boundary::{self, lookup, timeout, write_out, HostHandler};
use super::types::{cbsvc_handler, cbsvc_release, cbsvc_service, cbsvc_status};
use crate::error::Error;
use crate::status::Status;

/// Starts an asynchronous call and returns without waiting for the network.
///
/// `name` is the name of any command, see `cbsvc_command`, and `data` its JSON object. The request
/// is sent by one thread of the library, which all services share. The deadline is the configured
/// `ajaxTimeout`, counted from now.
///
/// `CBSVC_OK` means that the call has started, not that its data is valid or that the server
/// agrees. `done` receives the result: it is called exactly once (unless `cbsvc_close` times out
/// first) with the name of the event (if there is none, of the command) and the outcome. The
/// outcome's `state` is `resolved`, `rejected` (also if the data is invalid) or `cancelled` (by
/// `cbsvc_cancel` or `cbsvc_close`). Then the subscribers of the event are notified, except for a
/// cancelled call. Then `release` is called with `user_data`. `done` and `release` may be NULL. If
/// this function fails, `done` is not called, and `release` is called before it returns.
///
/// With `"handlers":"caller"`, all this happens inside `cbsvc_dispatch` or `cbsvc_close`; with
/// `"handlers":"thread"`, on the handlers' thread, possibly before this function returns. `*call`
/// is the id for `cbsvc_cancel`, never 0. It is set before `done` can be called. `call` may be
/// NULL.
///
/// Any thread, also inside a handler. Errors: `CBSVC_NULL_ARGUMENT` (`name`), `CBSVC_BAD_HANDLE`,
/// `CBSVC_NOT_UTF8` (`name`), `CBSVC_UNKNOWN_COMMAND`, `CBSVC_CLOSED`, `CBSVC_BUSY` (`queueLimit`
/// calls are waiting for dispatch), `CBSVC_INTERNAL` (out of threads or descriptors),
/// `CBSVC_PANIC`. Since 0.1.
///
/// Example:
///
/// ```c
/// uint64_t call;
/// if (cbsvc_start(service, "CallbackService.schedule", "{\"phonenumber\":\"+14151110000\"}",
///                 done, NULL, NULL, &call) == CBSVC_OK)
///     while (cbsvc_dispatch(service, 1000) == CBSVC_TIMEOUT)
///         puts("waiting");
/// ```
///
/// # Safety
/// `name` and `data` each are NULL or a NUL-terminated string that no thread changes during the
/// call. `call` is NULL or points to a variable. `done` and `release` may be called with
/// `user_data` on every thread that calls the library and on the handlers' thread, until `release`
/// has run.
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
    // SAFETY: the caller allows calls with `user_data` on every thread that calls the library and
    // on the handlers' thread, until `release` has run.
    let done = unsafe { HostHandler::new(done, user_data, release) };
    boundary::call(|| {
        let done = done.into_nullable_handler();
        // SAFETY: the caller passes NULL or NUL-terminated strings.
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

/// Cancels an asynchronous call. To cancel a booked callback, see the command
/// `CallbackService.cancel`.
///
/// The call stops using the network, and its `done` is called with the state `cancelled`, as
/// `cbsvc_start` describes. A booking may have reached the server by then.
///
/// Any thread, also inside a handler. Errors: `CBSVC_BAD_HANDLE`, `CBSVC_NO_SUCH` (no such call, or
/// it is complete), `CBSVC_CLOSED`, `CBSVC_PANIC`. Since 0.1.
///
/// Example:
///
/// ```c
/// uint64_t call;
/// cbsvc_start(service, "CallbackService.availability", "{\"numberOfDays\":5}", done, NULL, NULL,
///             &call);
/// if (cbsvc_cancel(service, call) == CBSVC_NO_SUCH)
///     puts("already complete");
/// ```
#[no_mangle]
pub extern "C-unwind" fn cbsvc_cancel(service: *mut cbsvc_service, call: u64) -> cbsvc_status {
    boundary::call(|| lookup(service)?.cancel(call))
}

/// Runs the handlers of completed asynchronous calls on the calling thread.
///
/// If there is none, waits up to `timeout_ms` milliseconds for the first (0 = do not wait, negative
/// = no limit). Signals do not end the wait: to wait for a signal too, use `ppoll` as in the
/// example of `cbsvc_waitable`. Completions that handlers cause are left for the next dispatch.
/// Several threads may dispatch at the same time.
///
/// Any thread, also inside a handler. Errors: `CBSVC_TIMEOUT` (there was nothing to run),
/// `CBSVC_BAD_HANDLE`, `CBSVC_CLOSED` (another thread closed the service), `CBSVC_WRONG_MODE`
/// (`"handlers":"thread"`), `CBSVC_PANIC`. Since 0.1.
///
/// Example:
///
/// ```c
/// cbsvc_start(service, "CallbackService.schedule", "{\"phonenumber\":\"+14151110000\"}", done,
///             NULL, NULL, NULL);
/// while (cbsvc_dispatch(service, -1) == CBSVC_OK)
///     puts("dispatched");
/// ```
#[no_mangle]
pub extern "C-unwind" fn cbsvc_dispatch(
    service: *mut cbsvc_service,
    timeout_ms: i32,
) -> cbsvc_status {
    boundary::call(|| lookup(service)?.dispatch(timeout(timeout_ms)))
}

/// Returns a file descriptor that is readable while `cbsvc_dispatch` has work.
///
/// Use it with `select`, `poll` or `epoll`. `waitable` must not be NULL. The service owns the
/// descriptor: do not read from it or close it, and remove it from the loop before `cbsvc_close`. A
/// forked child must ask for its own. `*waitable` is -1 on failure.
///
/// Any thread, also inside a handler. Errors: `CBSVC_NULL_ARGUMENT`, `CBSVC_BAD_HANDLE`,
/// `CBSVC_CLOSED`, `CBSVC_WRONG_MODE` (`"handlers":"thread"`), `CBSVC_INTERNAL` (out of
/// descriptors), `CBSVC_PANIC`. Since 0.1.
///
/// The example stops waiting on SIGINT, which is blocked elsewhere and whose handler sets
/// `interrupted`.
///
/// Example:
///
/// ```c
/// intptr_t waitable;
/// struct pollfd ready;
/// sigset_t open;
/// if (cbsvc_waitable(service, &waitable) != CBSVC_OK)
///     return;
/// ready.fd = (int)waitable;
/// ready.events = POLLIN;
/// pthread_sigmask(SIG_SETMASK, NULL, &open);
/// sigdelset(&open, SIGINT);
/// while (!interrupted)
///     if (ppoll(&ready, 1, NULL, &open) > 0)
///         cbsvc_dispatch(service, 0);
/// ```
///
/// # Safety
/// `waitable` is NULL or points to a variable.
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
