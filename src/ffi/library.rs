//! Names, versions, the log, and the end of texts.

use std::ffi::{c_char, c_void, CStr};
use std::sync::Arc;

use super::boundary::{self, to_c_string, FfiResult, HostHandler};
use super::constants::{CBSVC_HEADER_VERSION, CBSVC_OK};
use super::types::{cbsvc_handler, cbsvc_status};
use crate::error::Error;
use crate::process::log::{self, Level};
use crate::service::diagnostics;
use crate::status::Status;

/// Tells the state of the library in this process, for a person who looks for the cause of a problem.
///
/// `*json` is a JSON object with version, process, threads and, for each open service, its server, API version and
/// counters. It holds no API key, phone number or user data. Free it with `cbsvc_string_free`.
///
/// Any thread, also inside a handler. Errors: `CBSVC_NULL_ARGUMENT`, `CBSVC_PANIC`. Since 0.1.
///
/// # Safety
/// As described.
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
    // SAFETY: the interface asks for a variable.
    unsafe { boundary::call_with_text(json, on_panic, body) }
}

/// Sends the library's log lines to a handler; there is one for the whole process.
///
/// `level` is one of `CBSVC_LOG_OFF` to `CBSVC_LOG_DEBUG` and includes the levels before it. The handler gets the
/// level's name (`error`, `warning`, `info`, `debug`) and one line of plain text, inside functions that the program
/// calls, on the calling thread; what the library's own threads have to tell waits for the next command or dispatch
/// (the last 1,000 lines). What the handler itself causes is not logged. Without this function the library writes
/// nothing anywhere. No line holds an API key, phone number or user data.
///
/// NULL or `CBSVC_LOG_OFF` ends the log. Another thread may be inside the handler just then, and this function does
/// not wait for it: `handler` and `user_data` must stay usable as long as the process runs.
///
/// Any thread, also inside a handler. Errors: `CBSVC_BAD_OPTION` (no such level), `CBSVC_PANIC`. Since 0.1.
///
/// # Safety
/// As described.
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
        // SAFETY: the interface says when the handler runs and that `user_data` stays usable.
        let handler = unsafe { HostHandler::new(handler, user_data, None) };
        let wanted = level != Level::Off;
        let sink = handler.into_handler().ok().filter(|_| wanted);
        log::set(level, sink.map(Arc::from));
        Ok(())
    })
}

/// The name of a status, such as `SLOT_UNAVAILABLE`; `OK` for 0, `UNKNOWN` for a number that is none.
///
/// The text is constant and must not be freed. Any thread, also inside a handler. Never fails. Since 0.1.
#[no_mangle]
pub extern "C" fn cbsvc_status_name(status: cbsvc_status) -> *const c_char {
    status_name(status).as_ptr()
}

/// Frees a text that the library gave. NULL is allowed.
///
/// Any thread, also inside a handler. Since 0.1.
///
/// # Safety
/// `text` is NULL or came from an out parameter of this library and has not been freed.
#[no_mangle]
pub unsafe extern "C-unwind" fn cbsvc_string_free(text: *mut c_char) {
    // SAFETY: this function's own condition.
    unsafe { boundary::free_text(text) };
}

/// The version of the library as a number: 0xMMmmpp. Compare it with `CBSVC_HEADER_VERSION`.
///
/// Any thread, also inside a handler. Never fails. Since 0.1.
#[no_mangle]
pub extern "C" fn cbsvc_version() -> u32 {
    CBSVC_HEADER_VERSION
}

/// The version of the library as text, such as `0.1.0`. The text is constant and must not be freed.
///
/// Any thread, also inside a handler. Never fails. Since 0.1.
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
