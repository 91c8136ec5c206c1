//! Asynchronous calls.

use std::ffi::{c_char, c_void};
use std::ptr;

use super::boundary::{self, lookup, timeout, write_out, write_text, HostHandler};
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
/// `"handlers":"thread"`, on the handlers' thread, possibly before this function returns. With
/// `"handlers":"poll"`, `done` and `release` must be NULL, and `cbsvc_next_event` returns the
/// result. `*call` is the id for `cbsvc_cancel` and `cbsvc_next_event`, never 0 and below 2^53. It
/// is set before `done` can be called. `call` may be NULL.
///
/// Any thread, also inside a handler. Errors: `CBSVC_NULL_ARGUMENT` (`name`), `CBSVC_BAD_HANDLE`,
/// `CBSVC_NOT_UTF8` (`name`), `CBSVC_UNKNOWN_COMMAND`, `CBSVC_CLOSED`, `CBSVC_WRONG_MODE` (`done`
/// or `release` with `"handlers":"poll"`), `CBSVC_BUSY` (`queueLimit` calls are running, or
/// complete and not dispatched or taken), `CBSVC_INTERNAL` (out of threads or descriptors),
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
        let done = done.into_optional_handler();
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
/// The call stops using the network, and completes with the state `cancelled`, as `cbsvc_start`
/// describes. A booking may have reached the server by then.
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
/// (`"handlers":"thread"`, or `"handlers":"poll"`, where `cbsvc_next_event` takes its place),
/// `CBSVC_PANIC`. Since 0.1.
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

/// Takes the next event or completion of a service with `"handlers":"poll"`.
///
/// Such a service calls no handler: it queues `CallbackService.ready`, the events of blocking
/// commands, and the completions of asynchronous calls, each once. If the queue is empty, waits up
/// to `timeout_ms` milliseconds for the first (0 = do not wait, negative = no limit). Signals do
/// not end the wait: to wait for a signal too, use `ppoll` as in the example of `cbsvc_waitable`.
/// Several threads may wait at the same time.
///
/// `*call` is the id of the asynchronous call that is complete, or 0 for an event of a blocking
/// command and for `CallbackService.ready`. `*event` is the name of the event, or of the command
/// for a completion without an event (a cancelled call, or `CallbackService.configure`). `*data` is
/// the JSON of the event, which is the outcome. Free both with `cbsvc_string_free`. Each parameter
/// may be NULL if its value is not needed: the event is taken all the same. Without an event,
/// `*call` is 0, and `*event` and `*data` are NULL.
///
/// A completion stays in the queue until it is taken. Of the events of blocking commands, whose
/// outcome the command itself has returned, the newest are kept: up to `queueLimit`, and 16 MiB.
///
/// Any thread, also inside a log handler. Errors: `CBSVC_TIMEOUT` (there was none),
/// `CBSVC_BAD_HANDLE`, `CBSVC_CLOSED` (the service was closed, or `cbsvc_close` has returned
/// `CBSVC_BUSY` and the last completion has been taken), `CBSVC_WRONG_MODE` (needs
/// `"handlers":"poll"`), `CBSVC_PANIC`. Since 0.1.
///
/// Example:
///
/// ```c
/// uint64_t call, done;
/// char *event, *data;
/// if (cbsvc_start(service, "CallbackService.schedule", "{\"phonenumber\":\"+14151110000\"}",
///                 NULL, NULL, NULL, &call) != CBSVC_OK)
///     return;
/// while (cbsvc_next_event(service, -1, &done, &event, &data) == CBSVC_OK) {
///     printf("%s %s\n", event, data);
///     cbsvc_string_free(event);
///     cbsvc_string_free(data);
///     if (done == call)
///         break;
/// }
/// ```
///
/// # Safety
/// `call`, `event` and `data` each are NULL or point to a variable.
#[no_mangle]
pub unsafe extern "C-unwind" fn cbsvc_next_event(
    service: *mut cbsvc_service,
    timeout_ms: i32,
    call: *mut u64,
    event: *mut *mut c_char,
    data: *mut *mut c_char,
) -> cbsvc_status {
    // SAFETY: the caller passes NULL or variables.
    unsafe {
        write_out(call, 0);
        write_out(event, ptr::null_mut());
        write_out(data, ptr::null_mut());
    }
    boundary::call(|| {
        let next = lookup(service)?.next_event(timeout(timeout_ms))?;
        // SAFETY: the caller passes NULL or variables.
        unsafe {
            write_out(call, next.call);
            write_text(event, next.name);
            write_text(data, next.data);
        }
        Ok(())
    })
}

/// Returns a file descriptor that is readable while `cbsvc_dispatch` or `cbsvc_next_event` has
/// work; on Windows, the handle of an event that is signalled while one of them has.
///
/// Use the descriptor with `select`, `poll` or `epoll`, and the handle, converted to `HANDLE`, with
/// `WaitForMultipleObjects` or `MsgWaitForMultipleObjects`. `waitable` must not be NULL. The
/// service owns both: do not read from a descriptor, do not set or reset an event, close neither,
/// and remove it from the loop before `cbsvc_close`. A forked child must ask for its own.
/// `*waitable` is -1 on failure.
///
/// Any thread, also inside a handler. Errors: `CBSVC_NULL_ARGUMENT`, `CBSVC_BAD_HANDLE`,
/// `CBSVC_CLOSED`, `CBSVC_WRONG_MODE` (`"handlers":"thread"`), `CBSVC_INTERNAL` (out of
/// descriptors or handles), `CBSVC_PANIC`. Since 0.1.
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
        let ready = service.waitable()?;
        // SAFETY: the caller passes NULL or a variable.
        unsafe { write_out(waitable, ready) };
        Ok(())
    })
}
