//! Subscriptions.

use std::ffi::{c_char, c_void};

use super::boundary::{self, lookup, write_out, HostHandler};
use super::types::{cbsvc_handler, cbsvc_release, cbsvc_service, cbsvc_status};
use crate::command;
use crate::error::Error;
use crate::service::event_bus::Filter;
use crate::status::Status;

/// Subscribes a handler to an event.
///
/// `event` is `CallbackService.ready`, an event of a command such as `CallbackService.scheduled` or
/// `CallbackService.scheduleError` (`docs/behaviour.md` lists them), or `*` for all. Handlers of
/// one event run in the order of subscription. A service is ready from the start: a subscription to
/// `CallbackService.ready` or `*` is notified before this function returns, or with
/// `"handlers":"thread"` on the handlers' thread.
///
/// `release`, if not NULL, is called with `user_data` exactly once: after the last call of the
/// handler when the subscription ends, or before this function returns if it fails. `*subscription`
/// is the id for `cbsvc_unsubscribe`, never 0 and below 2^53. It is set before the handler is first
/// called. `subscription` may be NULL: closing the service ends the subscription too.
///
/// Any thread, also inside a handler. Errors: `CBSVC_NULL_ARGUMENT` (`event`, `handler`),
/// `CBSVC_BAD_HANDLE`, `CBSVC_NOT_UTF8`, `CBSVC_BAD_OPTION` (no such event), `CBSVC_CLOSED`,
/// `CBSVC_WRONG_MODE` (`"handlers":"poll"`, where `cbsvc_next_event` returns every event),
/// `CBSVC_INTERNAL` (out of threads), `CBSVC_PANIC`. Since 0.1.
///
/// Example:
///
/// ```c
/// int *count = calloc(1, sizeof *count);
/// cbsvc_subscribe(service, "CallbackService.scheduled", on_event, count, free, NULL);
/// ```
///
/// # Safety
/// `event` is NULL or a NUL-terminated string that no thread changes during the call.
/// `subscription` is NULL or points to a variable. `handler` and `release` may be called with
/// `user_data` on every thread that calls the library and on the handlers' thread, until `release`
/// has run.
#[no_mangle]
pub unsafe extern "C-unwind" fn cbsvc_subscribe(
    service: *mut cbsvc_service,
    event: *const c_char,
    handler: cbsvc_handler,
    user_data: *mut c_void,
    release: cbsvc_release,
    subscription: *mut u64,
) -> cbsvc_status {
    // SAFETY: the caller passes NULL or a variable.
    unsafe { write_out(subscription, 0) };
    // SAFETY: the caller allows calls with `user_data` on every thread that calls the library and
    // on the handlers' thread, until `release` has run.
    let handler = unsafe { HostHandler::new(handler, user_data, release) };
    boundary::call(|| {
        let handler = handler.into_handler()?;
        let service = lookup(service)?;
        // SAFETY: the caller passes NULL or a NUL-terminated string.
        let filter = match unsafe { boundary::required_str(event, "event") }? {
            "*" => Filter::All,
            name => Filter::One(command::event_from_name(name).ok_or_else(|| {
                Error::field(
                    Status::BadOption,
                    "event",
                    "is not one that the service publishes",
                )
            })?),
        };
        service.subscribe(filter, handler, |id| {
            // SAFETY: the caller passes NULL or a variable.
            unsafe { write_out(subscription, id) }
        })
    })
}

/// Ends a subscription.
///
/// The handler is not called again, except that a call that runs on another thread finishes.
/// `release` runs when no call is running any more, usually before this function returns. A handler
/// may end its own subscription.
///
/// Any thread, also inside a handler. Errors: `CBSVC_BAD_HANDLE`, `CBSVC_NO_SUCH` (no such
/// subscription), `CBSVC_CLOSED`, `CBSVC_PANIC`. Since 0.1.
///
/// Example:
///
/// ```c
/// uint64_t subscription;
/// cbsvc_subscribe(service, "*", on_event, NULL, NULL, &subscription);
/// cbsvc_unsubscribe(service, subscription);
/// ```
#[no_mangle]
pub extern "C-unwind" fn cbsvc_unsubscribe(
    service: *mut cbsvc_service,
    subscription: u64,
) -> cbsvc_status {
    boundary::call(|| lookup(service)?.unsubscribe(subscription))
}
