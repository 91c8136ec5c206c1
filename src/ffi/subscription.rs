//! Subscriptions.

use std::ffi::{c_char, c_void};

use super::boundary::{self, lookup, write_out, HostHandler};
use super::types::{cbsvc_handler, cbsvc_release, cbsvc_service, cbsvc_status};
use crate::command;
use crate::error::Error;
use crate::service::event_bus::Filter;
use crate::status::Status;

/// Tells a handler of an event.
///
/// `event` is `CallbackService.ready`, `.scheduled`, `.scheduleError`, `.availableSlots` or `.availabilityError`
/// with the same beginning, or `*` for all of them. Handlers of one event run in the order of their subscription.
/// Since a service is ready from the start, a subscription to `CallbackService.ready` or `*` is told so at once: before
/// this function returns or, with `"handlers":"thread"`, on the handlers' thread.
///
/// `release`, if not NULL, is called with `user_data` exactly once: after the handler's last call when the
/// subscription ends, or at once when this function fails. `*subscription` is the number for `cbsvc_unsubscribe`,
/// never 0; it is set before the handler is first called. `subscription` may be NULL: closing the service ends the
/// subscription too.
///
/// Any thread, also inside a handler. Errors: `CBSVC_NULL_ARGUMENT` (`event`, `handler`), `CBSVC_BAD_HANDLE`,
/// `CBSVC_NOT_UTF8`, `CBSVC_BAD_OPTION` (no event of this name), `CBSVC_CLOSED`, `CBSVC_INTERNAL` (the system gives no
/// thread), `CBSVC_PANIC`. Since 0.1.
///
/// # Safety
/// As described.
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
    // SAFETY: the interface says when handlers run and that `user_data` stays usable until the release.
    let handler = unsafe { HostHandler::new(handler, user_data, release) };
    boundary::call(|| {
        let handler = handler.into_handler()?;
        let service = lookup(service)?;
        // SAFETY: the interface asks for NUL-terminated text.
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
/// The handler is not called again, except that a call which is running on another thread finishes; its `release`
/// runs when none is running any more, usually before this function returns. A handler may end its own subscription.
///
/// Any thread, also inside a handler. Errors: `CBSVC_BAD_HANDLE`, `CBSVC_NO_SUCH`, `CBSVC_CLOSED`,
/// `CBSVC_PANIC`. Since 0.1.
#[no_mangle]
pub extern "C-unwind" fn cbsvc_unsubscribe(
    service: *mut cbsvc_service,
    subscription: u64,
) -> cbsvc_status {
    boundary::call(|| lookup(service)?.unsubscribe(subscription))
}
