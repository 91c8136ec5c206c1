//! Opening, configuring and closing services.

use std::ffi::{c_char, c_void};
use std::ptr;
use std::sync::Arc;
use std::time::Instant;

use super::boundary::{
    self, bad_handle, handle_of, lookup, pointer_of, timeout, write_out, FfiResult, HostHandler,
};
use super::types::{cbsvc_handler, cbsvc_service, cbsvc_status};
use crate::config::Config;
use crate::error::{Error, Result};
use crate::process::{log, panic};
use crate::service::event_bus::Filter;
use crate::service::handle_table::SERVICES;
use crate::service::Service;
use crate::status::Status;

/// Opens a service.
///
/// `config` is a JSON object with at least `dataURL`; a complete widgets configuration is accepted
/// too. `on_event`, if not NULL, receives every event of the service, first
/// `CallbackService.ready`: before this function returns (`*service` is already set), or with
/// `"handlers":"thread"` on the handlers' thread. With `"handlers":"poll"` it must be NULL, and
/// `cbsvc_next_event` returns the events. Nothing is sent to the server yet.
///
/// `on_event` and `user_data` must stay valid until `cbsvc_close` has returned `CBSVC_OK`. If it
/// returns `CBSVC_TIMEOUT`, a handler may still run; to learn when `user_data` can be freed, pass
/// NULL here and use `cbsvc_subscribe` with a `release`.
///
/// On success, `*service` is the new service; close it with `cbsvc_close`. On failure, it is NULL,
/// and `*error` is a message that names the key or position; free it with `cbsvc_string_free`.
/// `error` may be NULL. The proxy variables of the environment are read unless `proxy` is set to
/// something other than `env`: no other thread may change the environment meanwhile.
///
/// Any thread, also inside a handler. Errors: `CBSVC_NULL_ARGUMENT` (`config`, `service`),
/// `CBSVC_NOT_UTF8`, `CBSVC_NOT_JSON`, `CBSVC_CONFIG`, `CBSVC_WRONG_MODE` (`on_event` with
/// `"handlers":"poll"`), `CBSVC_BUSY` (too many open services),
/// `CBSVC_INTERNAL` (out of threads or memory), `CBSVC_PANIC`. Since 0.1.
///
/// Example:
///
/// ```c
/// cbsvc_service *service;
/// char *error;
/// if (cbsvc_init("{\"dataURL\":\"https://gms.example.com/genesys/1/service/callback/samples\"}",
///                on_event, NULL, &service, &error) != CBSVC_OK) {
///     fprintf(stderr, "%s\n", error);
///     cbsvc_string_free(error);
///     return;
/// }
/// cbsvc_close(service, 5000);
/// ```
///
/// # Safety
/// `config` is NULL or a NUL-terminated string that no thread changes during the call. `service`
/// and `error` each are NULL or point to a variable. `on_event` may be called with `user_data` on
/// every thread that calls the library and on the handlers' thread, until the service is closed.
#[no_mangle]
pub unsafe extern "C-unwind" fn cbsvc_init(
    config: *const c_char,
    on_event: cbsvc_handler,
    user_data: *mut c_void,
    service: *mut *mut cbsvc_service,
    error: *mut *mut c_char,
) -> cbsvc_status {
    // SAFETY: the caller passes NULL or a variable.
    unsafe { write_out(service, ptr::null_mut()) };
    let body = || {
        init_process()?;
        if service.is_null() {
            return Err(Error::new(
                Status::NullArgument,
                "service is NULL: there is nowhere to put the new service",
            ));
        }
        // SAFETY: the caller passes NULL or a NUL-terminated string.
        let config = Config::parse(unsafe { boundary::required_str(config, "config") }?)?;
        let opened = Arc::new(Service::new(config));
        let full = || Error::new(Status::Busy, "too many services are open; close some");
        let handle = SERVICES.insert(opened.clone()).ok_or_else(full)?;
        // SAFETY: the caller passes NULL or a variable.
        unsafe { write_out(service, pointer_of(handle)) };
        // SAFETY: the caller allows calls with `user_data` on every thread that calls the library
        // and on the handlers' thread, until the service is closed.
        let handler = unsafe { HostHandler::new(on_event, user_data, None) };
        let Ok(handler) = handler.into_handler() else {
            opened.start_deliverer();
            return Ok(());
        };
        opened
            .subscribe(Filter::All, handler, |_| {})
            .inspect(|()| opened.start_deliverer())
            .inspect_err(|_| {
                SERVICES.remove(handle);
                // SAFETY: the caller passes NULL or a variable.
                unsafe { write_out(service, ptr::null_mut()) };
            })
    };
    // SAFETY: the caller passes NULL or a variable.
    unsafe {
        boundary::call_with_text(
            error,
            |error| FfiResult::message(&error),
            || FfiResult::from_result(body()),
        )
    }
}

/// Changes the configuration of an open service.
///
/// `config` is a JSON object that is merged into the present configuration (RFC 7396). It takes
/// effect for commands that begin afterwards. On failure nothing changes, and `*error`, which may
/// be NULL, is a message; free it with `cbsvc_string_free`.
///
/// Any thread, also inside a handler. Errors: `CBSVC_NULL_ARGUMENT`, `CBSVC_BAD_HANDLE`,
/// `CBSVC_NOT_UTF8`, `CBSVC_NOT_JSON`, `CBSVC_CONFIG`, `CBSVC_PANIC`. Since 0.1.
///
/// Example:
///
/// ```c
/// char *error;
/// if (cbsvc_configure(service, "{\"ajaxTimeout\":5000}", &error) != CBSVC_OK) {
///     fprintf(stderr, "%s\n", error);
///     cbsvc_string_free(error);
/// }
/// ```
///
/// # Safety
/// `config` is NULL or a NUL-terminated string that no thread changes during the call. `error` is
/// NULL or points to a variable.
#[no_mangle]
pub unsafe extern "C-unwind" fn cbsvc_configure(
    service: *mut cbsvc_service,
    config: *const c_char,
    error: *mut *mut c_char,
) -> cbsvc_status {
    let body = || {
        let service = lookup(service)?;
        // SAFETY: the caller passes NULL or a NUL-terminated string.
        service.configure(unsafe { boundary::required_str(config, "config") }?)
    };
    // SAFETY: the caller passes NULL or a variable.
    unsafe {
        boundary::call_with_text(
            error,
            |error| FfiResult::message(&error),
            || FfiResult::from_result(body()),
        )
    }
}

/// Closes a service and frees what it holds.
///
/// Blocking commands on other threads end with `CBSVC_CLOSED`, asynchronous calls are cancelled,
/// and the handlers of completions that have not been dispatched run. The function waits up to
/// `timeout_ms` milliseconds for other threads to leave the service (0 = do not wait, negative = no
/// limit). When it returns `CBSVC_OK`, no handler of the service runs any more and every `release`
/// has run. `CBSVC_TIMEOUT`: the service is closed, but another thread is still inside a handler or
/// a call; no further handler is called, and the last releases run when that thread leaves.
///
/// With `"handlers":"poll"`, the outcome of an asynchronous call is not lost by closing: while the
/// program has not taken all completions, cancelled ones included, the function returns
/// `CBSVC_BUSY` and leaves the service open for `cbsvc_next_event` only. Take them until that
/// returns `CBSVC_CLOSED`, then close again. Events of blocking commands are discarded.
///
/// Any thread, but not inside a handler of the same service. Errors: `CBSVC_BAD_HANDLE` (also if it
/// is already closed), `CBSVC_REENTRANT`, `CBSVC_TIMEOUT`, `CBSVC_BUSY` (`"handlers":"poll"`),
/// `CBSVC_PANIC`. Since 0.1.
///
/// Example:
///
/// ```c
/// if (cbsvc_close(service, 5000) == CBSVC_TIMEOUT)
///     fprintf(stderr, "a handler is still running\n");
/// ```
#[no_mangle]
pub extern "C-unwind" fn cbsvc_close(service: *mut cbsvc_service, timeout_ms: i32) -> cbsvc_status {
    boundary::call(|| {
        let found = lookup(service)?;
        if found.is_active_on_this_thread() {
            let message = "a service cannot be closed inside its own handler; after longjmp out of \
                           the handler, close it in the function that called setjmp or a caller of it";
            log::warn(|| message.to_owned());
            return Err(Error::new(Status::Reentrant, message));
        }
        let deadline = timeout(timeout_ms).map(|timeout| Instant::now() + timeout);
        found.end_unless_unread(deadline)?;
        let closed = SERVICES.remove(handle_of(service)).ok_or_else(bad_handle)?;
        closed.close(deadline)
    })
}

/// Prepares the process, once.
fn init_process() -> Result<()> {
    panic::install();
    #[cfg(unix)]
    crate::process::sys::install_fork_handlers().map_err(|error| {
        Error::new(
            Status::Internal,
            format!("the system refuses to register fork handlers: {error}"),
        )
    })?;
    Ok(())
}
