//! Blocking commands.

use std::ffi::c_char;

use super::boundary::{self, lookup, FfiResult};
use super::constants::CBSVC_OK;
use super::types::{cbsvc_service, cbsvc_status};
use crate::command::{Command, CONFIGURE};
use crate::error::{Error, Result};
use crate::service::outcome::Outcome;
use crate::service::{lost, Service};

/// Books a telephone callback and waits for the server's response.
///
/// `data` is a JSON object with the options, such as `phonenumber` and `desiredtime`. The call ends
/// within its `timeoutMs`, or the configured `ajaxTimeout`; signals do not end it earlier. Then the
/// event `CallbackService.scheduled` or `CallbackService.scheduleError` is published with the
/// outcome as data: on this thread, with `"handlers":"thread"` on the handlers' thread, or with
/// `"handlers":"poll"` by `cbsvc_next_event`.
///
/// `*outcome` is a JSON object, also on failure; free it with `cbsvc_string_free`. `outcome` may be
/// NULL. A booking is never sent twice: if it is not known whether the server has booked, the
/// message says so.
///
/// Any thread, also inside a handler. Errors: any. Since 0.1.
///
/// Example:
///
/// ```c
/// char *outcome;
/// cbsvc_status status = cbsvc_schedule(service,
///     "{\"phonenumber\":\"+14151110000\",\"desiredtime\":\"2030-12-01T10:00:00Z\"}", &outcome);
/// printf("%s: %s\n", cbsvc_status_name(status), outcome);
/// cbsvc_string_free(outcome);
/// ```
///
/// # Safety
/// `data` is NULL or a NUL-terminated string that no thread changes during the call. `outcome` is
/// NULL or points to a variable.
#[no_mangle]
pub unsafe extern "C-unwind" fn cbsvc_schedule(
    service: *mut cbsvc_service,
    data: *const c_char,
    outcome: *mut *mut c_char,
) -> cbsvc_status {
    // SAFETY: the caller passes NULL or a NUL-terminated string, and NULL or a variable.
    unsafe { run_command(service, Command::Schedule, data, outcome) }
}

/// Lists the slots that can be booked and waits for the server's response.
///
/// `query` is a JSON object with the options, such as `startDate` and `numberOfDays`. The call ends
/// within its `timeoutMs`, or the configured `ajaxTimeout`; signals do not end it earlier. Then the
/// event `CallbackService.availableSlots` or `CallbackService.availabilityError` is published with
/// the outcome as data: on this thread, with `"handlers":"thread"` on the handlers' thread, or with
/// `"handlers":"poll"` by `cbsvc_next_event`.
///
/// `*outcome` is a JSON object, also on failure; free it with `cbsvc_string_free`. `outcome` may be
/// NULL. Its member `slots` lists the slots in ascending order, in the same form for both server
/// APIs.
///
/// Any thread, also inside a handler. Errors: any. Since 0.1.
///
/// Example:
///
/// ```c
/// char *outcome;
/// if (cbsvc_availability(service, "{\"numberOfDays\":5}", &outcome) == CBSVC_OK)
///     puts(outcome);
/// cbsvc_string_free(outcome);
/// ```
///
/// # Safety
/// `query` is NULL or a NUL-terminated string that no thread changes during the call. `outcome` is
/// NULL or points to a variable.
#[no_mangle]
pub unsafe extern "C-unwind" fn cbsvc_availability(
    service: *mut cbsvc_service,
    query: *const c_char,
    outcome: *mut *mut c_char,
) -> cbsvc_status {
    // SAFETY: the caller passes NULL or a NUL-terminated string, and NULL or a variable.
    unsafe { run_command(service, Command::Availability, query, outcome) }
}

/// Runs a command by its name and waits for the server's response.
///
/// `name` is one of these; blanks at its end do not count. `data` is the JSON object of the
/// command. `docs/behaviour.md` lists all options. Every command but configure takes `timeoutMs`,
/// its deadline instead of the configured one. Commands that contact the server themselves (all but
/// configure, submit, deliver and outbox) also take `headers`, such as `{"traceparent":"00-..."}`.
///
/// ```text
/// CallbackService.schedule           {"phonenumber":"+14151110000"}
/// CallbackService.availability       {"numberOfDays":5}
/// CallbackService.cancel             {"id":"369-8f9f"}
/// CallbackService.reschedule         {"id":"369-8f9f","desiredtime":"2030-12-01T10:00:00Z"}
/// CallbackService.retrieve           {"id":"369-8f9f"}
/// CallbackService.query              {"phonenumber":"+14151110000","state":"!COMPLETED"}
/// CallbackService.queuePosition      {"id":"369-8f9f"}
/// CallbackService.estimatedWaitTime  {"virtualQueues":["sales","support"]}
/// CallbackService.queueStatus        {"queueName":"sales"}
/// CallbackService.openFor            {"timezone":"Europe/Berlin"}
/// CallbackService.callIn             {"groupName":"sales"}
/// CallbackService.submit             {"phonenumber":"+14151110000","key":"order-5"}
/// CallbackService.deliver            {"timeoutMs":30000}
/// CallbackService.outbox             {"delivery":"unknown"}
/// CallbackService.configure          {"ajaxTimeout":5000}
/// ```
///
/// Outcomes of commands that resolve, without the members `command`, `state`, `httpStatus` and
/// `response`, which all have:
///
/// ```text
/// schedule           {"id":"369-8f9f"}
/// availability       {"slots":[{"utcTime":"2030-12-01T10:00:00.000Z","capacity":3}]}
/// cancel             {"callback":{"id":"369-8f9f"}}
/// reschedule         {"callback":{"id":"369-8f9f","desiredTime":"2030-12-01T10:00:00.000Z"}}
/// retrieve           {"callback":{"id":"369-8f9f","state":"QUEUED","positionInQueue":2}}
/// query              {"callbacks":[{"id":"369-8f9f","state":"SCHEDULED"}]}
/// queuePosition      {"callback":{"id":"369-8f9f","positionInQueue":2,"estimatedWaitTime":90}}
/// estimatedWaitTime  {"waitTimes":[{"virtualQueue":"sales","estimatedWaitTime":90}]}
/// queueStatus        {"queue":{"estimatedWaitTime":90,"offerImmediateCallback":true}}
/// openFor            {"openForSeconds":3600}
/// callIn             {"callIn":{"id":"7d1c","toPhoneNumber":"+14150000000"}}
/// submit             {"entry":"6f1c...","key":"order-5","delivery":"waiting"}
/// deliver            {"delivered":3,"refused":0,"unknown":0,"expired":0,"waiting":0}
/// outbox             {"entries":[{"entry":"6f1c...","delivery":"delivered","id":"369-8f9f"}]}
/// ```
///
/// A command that is rejected has the member `error` instead. The event follows as described at
/// `cbsvc_schedule`; `CallbackService.configure` has none. Commands that only read are repeated
/// within the deadline. `cancel`, `reschedule` and `callIn` are, like `schedule`, never sent twice:
/// if it is not known whether the server has acted, the message says so. `submit`, `deliver` and
/// `outbox` need `outbox` in the configuration: `submit` stores a booking on disk, to be delivered
/// later, and sends nothing itself; see `docs/outbox.md`.
///
/// Any thread, also inside a handler. Errors: any; `CBSVC_UNKNOWN_COMMAND` for an unknown name,
/// `CBSVC_UNSUPPORTED` for a command that the configured API does not offer, `CBSVC_STORAGE` if the
/// file of the outbox cannot be used. Since 0.1.
///
/// Example:
///
/// ```c
/// char *outcome;
/// cbsvc_command(service, "CallbackService.cancel", "{\"id\":\"369-8f9f\"}", &outcome);
/// puts(outcome);
/// cbsvc_string_free(outcome);
/// ```
///
/// # Safety
/// `name` and `data` each are NULL or a NUL-terminated string that no thread changes during the
/// call. `outcome` is NULL or points to a variable.
#[no_mangle]
pub unsafe extern "C-unwind" fn cbsvc_command(
    service: *mut cbsvc_service,
    name: *const c_char,
    data: *const c_char,
    outcome: *mut *mut c_char,
) -> cbsvc_status {
    // SAFETY: the caller passes NULL or a NUL-terminated string.
    let name = unsafe { boundary::required_str(name, "name") };
    // SAFETY: the caller passes NULL or a NUL-terminated string.
    let data = unsafe { boundary::optional_str(data, "data") };
    let shown = *name.as_ref().unwrap_or(&"");
    let on_panic = |error| match Command::from_name(shown) {
        Ok(Some(command)) => outcome_result(lost(command, error)),
        _ => rejected(shown, error),
    };
    let body = || {
        let name = match name {
            Ok(name) => name,
            Err(error) => return rejected("", error),
        };
        let service = match lookup(service) {
            Ok(service) => service,
            Err(error) => return rejected(name, error),
        };
        match Command::from_name(name) {
            Ok(Some(command)) => outcome_result(service.run(command, data)),
            Ok(None) => configure(&service, data),
            Err(error) => rejected(name, error),
        }
    };
    // SAFETY: the caller passes NULL or a variable.
    unsafe { boundary::call_with_text(outcome, on_panic, body) }
}

/// # Safety
/// `data` is NULL or NUL-terminated; `out` is NULL or a variable.
unsafe fn run_command(
    service: *mut cbsvc_service,
    command: Command,
    data: *const c_char,
    out: *mut *mut c_char,
) -> cbsvc_status {
    // SAFETY: this function's own condition.
    let data = unsafe { boundary::optional_str(data, "data") };
    let body = || match lookup(service) {
        Ok(service) => outcome_result(service.run(command, data)),
        Err(error) => outcome_result(Outcome::failed(command, error, 0)),
    };
    // SAFETY: this function's own condition.
    unsafe { boundary::call_with_text(out, |error| outcome_result(lost(command, error)), body) }
}

fn configure(service: &Service, data: Result<Option<&str>>) -> FfiResult {
    match data.and_then(|data| service.configure(data.unwrap_or_default())) {
        Ok(()) => outcome_result(Outcome::succeeded(CONFIGURE)),
        Err(error) => rejected(CONFIGURE, error),
    }
}

fn rejected(command: &str, error: Error) -> FfiResult {
    outcome_result(Outcome::refused(command, error))
}

fn outcome_result(outcome: Outcome) -> FfiResult {
    let status = outcome.error.map_or(CBSVC_OK, |error| error.status.code());
    FfiResult {
        status,
        text: Some(outcome.text),
    }
}
