//! Services: their beginning, change and end.

use std::ffi::{c_char, c_void};
use std::ptr;
use std::sync::Arc;

use super::boundary::{
    self, bad_handle, handle_of, lookup, pointer_of, timeout, write_out, FfiResult, HostHandler,
};
use super::types::{cbsvc_handler, cbsvc_service, cbsvc_status};
use crate::config::Config;
use crate::error::{Error, Result};
use crate::process::{panic, sys};
use crate::service::event_bus::Filter;
use crate::service::handle_table::SERVICES;
use crate::service::Service;
use crate::status::Status;

/// Opens a service.
///
/// `config` is a JSON object with at least `dataURL`; a whole widgets configuration is accepted too. `on_event`, if
/// not NULL, is told of every event of the service, first of `CallbackService.ready`: before this function returns
/// (`*service` is set by then) or, with `"handlers":"thread"`, on the handlers' thread. Nothing is sent to the server yet.
/// `on_event` and `user_data` must stay usable until `cbsvc_close` has returned `CBSVC_OK`; after its `CBSVC_TIMEOUT`, until
/// the handlers that ran at that moment have returned.
///
/// On success `*service` is the new service, to be closed with `cbsvc_close`; on failure it is NULL. On failure
/// `*error` tells in words what is wrong and where; free it with `cbsvc_string_free`. `error` may be NULL.
///
/// Any thread. Errors: `CBSVC_NULL_ARGUMENT` (`config`, `service`), `CBSVC_NOT_UTF8`, `CBSVC_NOT_JSON`,
/// `CBSVC_CONFIG`, `CBSVC_BUSY` (too many open services), `CBSVC_INTERNAL` (the system gives no thread), `CBSVC_PANIC`.
/// Since 0.1.
///
/// # Safety
/// As described.
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
        // SAFETY: the interface asks for NUL-terminated text.
        let config = Config::parse(unsafe { boundary::required_str(config, "config") }?)?;
        let opened = Arc::new(Service::new(config));
        let full = || Error::new(Status::Busy, "too many services are open; close some");
        let handle = SERVICES.insert(opened.clone()).ok_or_else(full)?;
        // SAFETY: the caller passes NULL or a variable.
        unsafe { write_out(service, pointer_of(handle)) };
        // SAFETY: the interface says when handlers run and that `user_data` stays usable.
        let handler = unsafe { HostHandler::new(on_event, user_data, None) };
        let Ok(handler) = handler.into_handler() else {
            return Ok(());
        };
        opened
            .subscribe(Filter::All, handler, |_| {})
            .inspect_err(|_| {
                SERVICES.remove(handle);
                // SAFETY: the caller passes NULL or a variable.
                unsafe { write_out(service, ptr::null_mut()) };
            })
    };
    // SAFETY: the interface asks for NULL or a variable.
    unsafe {
        boundary::call_with_text(
            error,
            |error| FfiResult::message(&error),
            || FfiResult::from_result(body()),
        )
    }
}

/// Changes the configuration of a running service.
///
/// `config` is a JSON object; its keys are put over the present ones, nothing is reset. It takes effect for commands
/// that begin afterwards. On failure nothing has changed and `*error`, which may be NULL, tells in words what is
/// wrong; free it with `cbsvc_string_free`.
///
/// Any thread, also inside a handler. Errors: `CBSVC_NULL_ARGUMENT`, `CBSVC_BAD_HANDLE`, `CBSVC_NOT_UTF8`,
/// `CBSVC_NOT_JSON`, `CBSVC_CONFIG`, `CBSVC_PANIC`. Since 0.1.
///
/// # Safety
/// As described.
#[no_mangle]
pub unsafe extern "C-unwind" fn cbsvc_configure(
    service: *mut cbsvc_service,
    config: *const c_char,
    error: *mut *mut c_char,
) -> cbsvc_status {
    let body = || {
        let service = lookup(service)?;
        // SAFETY: the interface asks for NUL-terminated text.
        service.configure(unsafe { boundary::required_str(config, "config") }?)
    };
    // SAFETY: the interface asks for NULL or a variable.
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
/// Commands that other threads have running on it end with `CBSVC_CLOSED`; the function waits up to `timeout_ms`
/// milliseconds for these threads to leave (0 = do not wait, negative = wait without end). Every `release` of a
/// subscription has run when it returns `CBSVC_OK`, and no handler of the service runs after that. The service is
/// closed also when the wait was too short (`CBSVC_TIMEOUT`): then no further handler is called, and the last
/// releases run when those threads leave.
///
/// Any thread, but not inside a handler of the same service. Errors: `CBSVC_BAD_HANDLE` (also when it is closed
/// already), `CBSVC_REENTRANT`, `CBSVC_TIMEOUT`, `CBSVC_PANIC`. Since 0.1.
#[no_mangle]
pub extern "C-unwind" fn cbsvc_close(service: *mut cbsvc_service, timeout_ms: i32) -> cbsvc_status {
    boundary::call(|| {
        if lookup(service)?.is_active_on_this_thread() {
            return Err(Error::new(
                Status::Reentrant,
                "a service cannot be closed from inside itself",
            ));
        }
        let closed = SERVICES.remove(handle_of(service)).ok_or_else(bad_handle)?;
        closed.close(timeout(timeout_ms))
    })
}

/// Prepares the process, once.
fn init_process() -> Result<()> {
    panic::install();
    sys::install_fork_handlers().map_err(|error| {
        Error::new(
            Status::Internal,
            format!("the system refuses to register fork handlers: {error}"),
        )
    })
}
