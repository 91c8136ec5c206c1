//! Diagnostics, log, names, versions and freeing of strings.

use std::ffi::{c_char, c_void, CStr};
use std::sync::Arc;

use super::boundary::{self, to_c_string, FfiResult, HostHandler};
use super::constants::{CBSVC_HEADER_VERSION, CBSVC_OK};
use super::types::{cbsvc_handler, cbsvc_status};
use crate::error::Error;
use crate::process::log::{self, Level};
use crate::service::diagnostics;
use crate::status::Status;

/// Returns the state of the library in this process, for troubleshooting.
///
/// `*json` is a JSON object with version, process, threads and, for each open service, its server,
/// API version and counters, such as `resolved`, and `errors` by the name of the status. It
/// contains no API key, phone number or user data. Free it with `cbsvc_string_free`. `json` must
/// not be NULL.
///
/// Any thread, also inside a handler. Errors: `CBSVC_NULL_ARGUMENT`, `CBSVC_PANIC`. Since 0.1.
///
/// Example:
///
/// ```c
/// char *json;
/// if (cbsvc_diagnostics(&json) == CBSVC_OK)
///     puts(json);
/// cbsvc_string_free(json);
/// ```
///
/// # Safety
/// `json` is NULL or points to a variable.
#[no_mangle]
pub unsafe extern "C-unwind" fn cbsvc_diagnostics(json: *mut *mut c_char) -> cbsvc_status {
    if json.is_null() {
        return Status::NullArgument.code();
    }
    let body = || FfiResult {
        status: CBSVC_OK,
        text: Some(to_c_string(diagnostics::snapshot_json())),
    };
    let on_panic = |error: Error| FfiResult {
        status: error.status.code(),
        text: None,
    };
    // SAFETY: not NULL, so it points to a variable.
    unsafe { boundary::call_with_text(json, on_panic, body) }
}

/// Sends the library's log lines to a handler; there is one for the whole process.
///
/// `level` is one of `CBSVC_LOG_OFF` to `CBSVC_LOG_DEBUG` and includes the levels before it. The
/// handler receives the name of the level (`error`, `warning`, `info`, `debug`) and one line of
/// plain text. It only runs inside functions that the application calls, on the calling thread,
/// never on a thread of the library: lines are queued (the newest 1,000) and delivered before a
/// handler of a service is called and before the function returns. What the log handler itself
/// causes is not logged. Without this function the library writes nothing anywhere. No line
/// contains an API key, phone number or user data.
///
/// Pass NULL or `CBSVC_LOG_OFF` to stop logging. The old handler may still be running on another
/// thread when this function returns: `handler` and `user_data` must stay valid as long as the
/// process runs.
///
/// Any thread, also inside a handler. Errors: `CBSVC_BAD_OPTION` (no such level), `CBSVC_PANIC`.
/// Since 0.1.
///
/// Example:
///
/// ```c
/// cbsvc_set_log(CBSVC_LOG_WARNING, on_log, NULL);
/// ```
///
/// # Safety
/// `handler` may be called with `user_data` on every thread that calls the library, as long as the
/// process runs.
#[no_mangle]
pub unsafe extern "C-unwind" fn cbsvc_set_log(
    level: i32,
    handler: cbsvc_handler,
    user_data: *mut c_void,
) -> cbsvc_status {
    boundary::call(|| {
        let level = Level::from_number(level).ok_or_else(|| {
            Error::field(
                Status::BadOption,
                "level",
                "is not one of the CBSVC_LOG levels",
            )
        })?;
        // SAFETY: the caller allows calls with `user_data` on every thread that calls the library.
        let handler = unsafe { HostHandler::new(handler, user_data, None) };
        let wanted = level != Level::Off;
        let sink = handler.into_handler().ok().filter(|_| wanted);
        log::set(level, sink.map(Arc::from));
        Ok(())
    })
}

/// Returns the name of a status, such as `SLOT_UNAVAILABLE`; `OK` for 0, `UNKNOWN` for an unknown
/// number.
///
/// The string is constant and must not be freed. Any thread, also inside a handler. Never fails.
/// Since 0.1.
///
/// Example:
///
/// ```c
/// cbsvc_status status = cbsvc_close(service, 0);
/// printf("%s (%d)\n", cbsvc_status_name(status), (int)status);
/// ```
#[no_mangle]
pub extern "C" fn cbsvc_status_name(status: cbsvc_status) -> *const c_char {
    status_name(status).as_ptr()
}

/// Frees a string that the library returned in an out parameter. NULL is allowed.
///
/// The application may have changed the string, for example with `strtok`.
///
/// Any thread, also inside a handler. Never fails. Since 0.1.
///
/// Example:
///
/// ```c
/// char *outcome;
/// cbsvc_schedule(service, "{\"phonenumber\":\"+14151110000\"}", &outcome);
/// cbsvc_string_free(outcome);
/// ```
///
/// # Safety
/// `text` is NULL, or came from an out parameter of this library and has not been freed.
#[no_mangle]
pub unsafe extern "C-unwind" fn cbsvc_string_free(text: *mut c_char) {
    // SAFETY: this function's own condition.
    unsafe { boundary::free_text(text) };
}

/// Returns the version of the library as a number, 0xMMmmpp. Compare it with
/// `CBSVC_HEADER_VERSION`.
///
/// Any thread, also inside a handler. Never fails. Since 0.1.
///
/// Example:
///
/// ```c
/// if (cbsvc_version() < CBSVC_HEADER_VERSION)
///     fprintf(stderr, "libcallbackservice %s is older than its header\n", cbsvc_version_text());
/// ```
#[no_mangle]
pub extern "C" fn cbsvc_version() -> u32 {
    CBSVC_HEADER_VERSION
}

/// Returns the version of the library as a string, such as `0.1.0`. The string is constant and must
/// not be freed.
///
/// Any thread, also inside a handler. Never fails. Since 0.1.
///
/// Example:
///
/// ```c
/// printf("libcallbackservice %s\n", cbsvc_version_text());
/// ```
#[no_mangle]
pub extern "C" fn cbsvc_version_text() -> *const c_char {
    const TEXT: &CStr =
        match CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes()) {
            Ok(text) => text,
            Err(_) => c"",
        };
    TEXT.as_ptr()
}

fn status_name(status: cbsvc_status) -> &'static CStr {
    match status {
        CBSVC_OK => c"OK",
        _ => Status::from_code(status).map_or(c"UNKNOWN", Status::c_name),
    }
}
