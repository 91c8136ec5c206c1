//! Reading and writing JSON, for programs without a JSON library.

use std::borrow::Cow;
use std::ffi::{c_char, CStr};
use std::ptr;

use super::boundary::{self, to_c_string, write_out, FfiResult};
use super::constants::CBSVC_OK;
use super::types::cbsvc_status;
use crate::error::{Error, Result};
use crate::process::log;
use crate::status::Status;
use crate::text::pointer;

/// Returns one value of a JSON text, such as an outcome.
///
/// `pointer` is a JSON Pointer (RFC 6901): `/slots/0/utcTime` is the member `utcTime` of the first
/// element of the member `slots`, and an empty pointer is the whole text. In a key, `~1` stands for
/// a slash and `~0` for a tilde. The index of an element may have leading zeros. Blanks are part of
/// a key: a pointer must not end with blanks that are not meant. Of a repeated key the last one
/// counts.
///
/// `*value` is the text of a string, without quotation marks and escapes, or any other value as
/// JSON; free it with `cbsvc_string_free`. `value` may be NULL to ask whether there is a value.
/// Half a surrogate pair in a string becomes U+FFFD. The text is checked only as far as it is read.
///
/// Any thread, also inside a handler. Errors: `CBSVC_NULL_ARGUMENT` (json, pointer),
/// `CBSVC_NOT_UTF8`, `CBSVC_NOT_JSON`, `CBSVC_BAD_OPTION` (the pointer is malformed, or the string
/// holds U+0000), `CBSVC_NO_SUCH` (nothing there, or null), `CBSVC_PANIC`. The log says why,
/// without data. Since 0.1.
///
/// Example:
///
/// ```c
/// char *outcome, *id;
/// cbsvc_schedule(service, "{\"phonenumber\":\"+14151110000\"}", &outcome);
/// if (cbsvc_json_get(outcome, "/id", &id) == CBSVC_OK)
///     printf("booked as %s\n", id);
/// cbsvc_string_free(id);
/// cbsvc_string_free(outcome);
/// ```
///
/// # Safety
/// `json` and `pointer` each are NULL or a NUL-terminated string that no thread changes during the
/// call. `value` is NULL or points to a variable.
#[no_mangle]
pub unsafe extern "C-unwind" fn cbsvc_json_get(
    json: *const c_char,
    pointer: *const c_char,
    value: *mut *mut c_char,
) -> cbsvc_status {
    let body = || {
        // SAFETY: the caller passes NULL or NUL-terminated strings.
        let found = unsafe { find(json, pointer) };
        text_result("cbsvc_json_get", found.map(Cow::into_owned))
    };
    // SAFETY: the caller passes NULL or a variable.
    unsafe { boundary::call_with_text(value, without_text, body) }
}

/// Copies one value of a JSON text into a buffer of the application.
///
/// The value is that of `cbsvc_json_get`. `size` is the length of `buffer` in bytes. A positive
/// `size` ends the value with a NUL. A negative one stands for a field of `-size` bytes, such as
/// COBOL has, which is filled with blanks and has no NUL. With 0, `buffer` may be NULL, and only
/// `*needed` is set.
///
/// `*needed` is the length of the value in bytes, with its NUL unless `size` is negative, or
/// 2147483647 if it is larger; 0 if there is no value. `needed` may be NULL. A value is copied
/// whole or not at all: on failure, `buffer` holds the empty string or blanks. `buffer` may be
/// `json` itself.
///
/// Any thread, also inside a handler. Errors: `CBSVC_NULL_ARGUMENT` (json, pointer, buffer),
/// `CBSVC_BUFFER_TOO_SMALL`, `CBSVC_NOT_UTF8`, `CBSVC_NOT_JSON`, `CBSVC_BAD_OPTION` (the pointer is
/// malformed, or the string holds U+0000), `CBSVC_NO_SUCH` (nothing there, or null), `CBSVC_PANIC`.
/// Since 0.1.
///
/// Example:
///
/// ```c
/// char *outcome, pointer[40], time[40];
/// uint32_t count, i;
/// cbsvc_availability(service, "{\"numberOfDays\":1}", &outcome);
/// cbsvc_json_count(outcome, "/slots", &count);
/// for (i = 0; i < count; i++) {
///     sprintf(pointer, "/slots/%u/utcTime", (unsigned)i);
///     if (cbsvc_json_read(outcome, pointer, time, sizeof time, NULL) == CBSVC_OK)
///         puts(time);
/// }
/// cbsvc_string_free(outcome);
/// ```
///
/// # Safety
/// `json` and `pointer` each are NULL or a NUL-terminated string that no thread changes during the
/// call. `buffer` is NULL or has as many bytes as `size` says. `needed` is NULL or points to a
/// variable.
#[no_mangle]
pub unsafe extern "C-unwind" fn cbsvc_json_read(
    json: *const c_char,
    pointer: *const c_char,
    buffer: *mut c_char,
    size: i32,
    needed: *mut i32,
) -> cbsvc_status {
    boundary::call(|| {
        // SAFETY: the caller passes NULL or a variable.
        unsafe { write_out(needed, 0) };
        if buffer.is_null() && size != 0 {
            return Err(Error::new(Status::NullArgument, "buffer is NULL"));
        }
        let buffer = Buffer {
            start: buffer.cast(),
            size,
        };
        // SAFETY: the caller passes NULL or NUL-terminated strings.
        let found = unsafe { find(json, pointer) };
        let copied = found.and_then(|value| {
            // SAFETY: the caller passes NULL or a variable.
            unsafe { write_out(needed, buffer.needed(value.len())) };
            if size != 0 && !buffer.has_room(value.len()) {
                return Err(Error::new(Status::BufferTooSmall, "buffer is too small"));
            }
            // SAFETY: the caller's buffer has as many bytes as its size says, and the value fits.
            unsafe { buffer.fill(value.as_ptr(), value.len()) };
            Ok(())
        });
        if copied.is_err() {
            // SAFETY: the caller's buffer has as many bytes as its size says.
            unsafe { buffer.fill(ptr::NonNull::dangling().as_ptr(), 0) };
        }
        logged("cbsvc_json_read", copied)
    })
}

/// Counts the elements of an array or the members of an object in a JSON text.
///
/// `pointer` is that of `cbsvc_json_get`. `*count` is the number of elements, or of different keys;
/// 0 on failure.
///
/// Any thread, also inside a handler. Errors: `CBSVC_NULL_ARGUMENT` (json, pointer),
/// `CBSVC_NOT_UTF8`, `CBSVC_NOT_JSON`, `CBSVC_BAD_OPTION` (the pointer is malformed, or the value
/// is neither an array nor an object), `CBSVC_NO_SUCH` (nothing there, or null), `CBSVC_PANIC`.
/// Since 0.1.
///
/// Example:
///
/// ```c
/// char *outcome;
/// uint32_t count;
/// cbsvc_availability(service, "{\"numberOfDays\":1}", &outcome);
/// if (cbsvc_json_count(outcome, "/slots", &count) == CBSVC_OK)
///     printf("%u slots\n", (unsigned)count);
/// cbsvc_string_free(outcome);
/// ```
///
/// # Safety
/// `json` and `pointer` each are NULL or a NUL-terminated string that no thread changes during the
/// call. `count` is NULL or points to a variable.
#[no_mangle]
pub unsafe extern "C-unwind" fn cbsvc_json_count(
    json: *const c_char,
    pointer: *const c_char,
    count: *mut u32,
) -> cbsvc_status {
    boundary::call(|| {
        // SAFETY: the caller passes NULL or a variable.
        unsafe { write_out(count, 0) };
        // SAFETY: the caller passes NULL or NUL-terminated strings.
        let arguments = unsafe { arguments(json, pointer) };
        let counted = arguments
            .and_then(|(json, pointer)| {
                pointer::count(json, pointer)?.ok_or_else(|| nothing_there(pointer))
            })
            // No text in the memory of a process has more.
            .map(|number| u32::try_from(number).unwrap_or(u32::MAX));
        // SAFETY: the caller passes NULL or a variable.
        logged("cbsvc_json_count", counted).map(|number| unsafe { write_out(count, number) })
    })
}

/// Puts a string into a JSON text, or removes a value from it.
///
/// `json` is the text, or NULL for a new object; it is neither changed nor freed. `pointer` is that
/// of `cbsvc_json_get`. `value` is put there as a JSON string, with the escapes that it needs: a
/// number or `true` is put as a string too, which configuration and commands accept. Parents that
/// are missing or null are created as objects. `-` stands for the element behind the last one of an
/// array, and its missing parent is created as an array. If `value` is NULL, the value at the
/// pointer is removed, if there is one. The rest of the text stays as it is, with the order of its
/// keys and the digits of its numbers. Of a repeated key the last one is replaced, and all are
/// removed.
///
/// `*result` is the new text, NULL on failure; free it with `cbsvc_string_free`.
///
/// Any thread, also inside a handler. Errors: `CBSVC_NULL_ARGUMENT` (pointer), `CBSVC_NOT_UTF8`,
/// `CBSVC_NOT_JSON`, `CBSVC_BAD_OPTION` (the pointer is malformed, names an element beyond the end
/// of an array, or leads through a string, number or boolean), `CBSVC_PANIC`. The log says why,
/// without data. For a configuration, the message of `cbsvc_init` names line and column. Since 0.1.
///
/// Example:
///
/// ```c
/// char *data, *complete;
/// if (cbsvc_json_set(NULL, "/phonenumber", "+14151110000", &data) == CBSVC_OK
///     && cbsvc_json_set(data, "/userData/topic", "invoice \"17\"", &complete) == CBSVC_OK) {
///     cbsvc_schedule(service, complete, NULL);
///     cbsvc_string_free(complete);
/// }
/// cbsvc_string_free(data);
/// ```
///
/// # Safety
/// `json`, `pointer` and `value` each are NULL or a NUL-terminated string that no thread changes
/// during the call. `result` is NULL or points to a variable.
#[no_mangle]
pub unsafe extern "C-unwind" fn cbsvc_json_set(
    json: *const c_char,
    pointer: *const c_char,
    value: *const c_char,
    result: *mut *mut c_char,
) -> cbsvc_status {
    let body = || {
        // SAFETY: the caller passes NULL or a NUL-terminated string.
        let json = unsafe { boundary::optional_str(json, "json") };
        // SAFETY: the caller passes NULL or a NUL-terminated string.
        let pointer = unsafe { boundary::required_str(pointer, "pointer") };
        // SAFETY: the caller passes NULL or a NUL-terminated string.
        let value = unsafe { boundary::optional_str(value, "value") };
        let changed = || pointer::set(json?.unwrap_or_default(), pointer?, value?);
        text_result("cbsvc_json_set", changed())
    };
    // SAFETY: the caller passes NULL or a variable.
    unsafe { boundary::call_with_text(result, without_text, body) }
}

/// Finds the value at a pointer.
///
/// # Safety
/// Both strings are NULL, or NUL-terminated and unchanged while the result is used.
unsafe fn find<'a>(json: *const c_char, pointer: *const c_char) -> Result<Cow<'a, str>> {
    // SAFETY: this function's own condition.
    let (json, pointer) = unsafe { arguments(json, pointer) }?;
    pointer::get(json, pointer)?.ok_or_else(|| nothing_there(pointer))
}

/// Reads the strings of a reading function. The text is not checked to be UTF-8: a reader checks
/// only what it returns.
///
/// # Safety
/// Both strings are NULL, or NUL-terminated and unchanged while the result is used.
unsafe fn arguments<'a>(
    json: *const c_char,
    pointer: *const c_char,
) -> Result<(&'a [u8], &'a str)> {
    if json.is_null() {
        return Err(Error::new(Status::NullArgument, "json is NULL"));
    }
    // SAFETY: this function's own condition.
    let pointer = unsafe { boundary::required_str(pointer, "pointer") }?;
    // SAFETY: not NULL, so it is NUL-terminated and unchanged while the result is used.
    let json = unsafe { CStr::from_ptr(json) };
    Ok((json.to_bytes(), pointer))
}

fn nothing_there(pointer: &str) -> Error {
    if pointer.ends_with(' ') {
        // A field of COBOL that was passed as it is.
        log::warn(|| "a JSON Pointer that found nothing ends with blanks".to_owned());
    }
    Error::new(Status::NoSuch, "the text has no value at this pointer")
}

/// Logs a failure that is probably a mistake: these functions return no message.
fn logged<T>(function: &str, result: Result<T>) -> Result<T> {
    if let Err(error) = &result {
        if !matches!(error.status, Status::NoSuch | Status::BufferTooSmall) {
            log::warn(|| format!("{function}: {}", error.message));
        }
    }
    result
}

fn text_result(function: &str, result: Result<String>) -> FfiResult {
    match logged(function, result) {
        Ok(text) => FfiResult {
            status: CBSVC_OK,
            text: Some(to_c_string(text)),
        },
        Err(error) => without_text(error),
    }
}

fn without_text(error: Error) -> FfiResult {
    FfiResult {
        status: error.status.code(),
        text: None,
    }
}

/// The caller's buffer: a string if its size is positive, a field of blanks if it is negative.
struct Buffer {
    start: *mut u8,
    size: i32,
}

impl Buffer {
    fn length(&self) -> usize {
        self.size.unsigned_abs() as usize
    }

    fn is_field(&self) -> bool {
        self.size < 0
    }

    fn has_room(&self, length: usize) -> bool {
        length.saturating_add(usize::from(!self.is_field())) <= self.length()
    }

    fn needed(&self, length: usize) -> i32 {
        i32::try_from(length)
            .ok()
            .and_then(|length| length.checked_add(i32::from(!self.is_field())))
            .unwrap_or(i32::MAX)
    }

    /// Copies a text into the buffer, unless its size is 0.
    ///
    /// # Safety
    /// The buffer has as many bytes as its size says, and room for the text.
    unsafe fn fill(&self, text: *const u8, length: usize) {
        if self.size == 0 {
            return;
        }
        // SAFETY: the buffer has room for the text, which it may overlap.
        unsafe { ptr::copy(text, self.start, length) };
        // SAFETY: the buffer is longer than the text, or a field that is as long.
        let rest = unsafe { self.start.add(length) };
        if self.is_field() {
            // SAFETY: these are the remaining bytes of the field.
            unsafe { rest.write_bytes(b' ', self.length() - length) };
        } else {
            // SAFETY: a buffer that is not a field has room for the NUL too.
            unsafe { rest.write(0) };
        }
    }
}
