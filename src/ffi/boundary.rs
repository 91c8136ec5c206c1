//! Crossing the boundary: texts in, texts out, handlers, and the guard around every function.

use std::ffi::{c_char, c_void, CStr, CString};
use std::ptr;

use super::constants::CBSVC_OK;
use super::types::{cbsvc_handler, cbsvc_release, cbsvc_service, cbsvc_status};
use crate::error::{Error, Result};
use crate::process::panic;
use crate::service::event_bus::Handler;
use crate::service::handle_table::Token;
use crate::status::Status;

/// What a function answers: its status, and a text for its out parameter.
pub struct Reply {
    /// The number that the function returns.
    pub status: cbsvc_status,
    /// What goes into the out parameter.
    pub text: Option<CString>,
}

impl Reply {
    /// Success without a text.
    pub fn ok() -> Reply {
        Reply {
            status: CBSVC_OK,
            text: None,
        }
    }

    /// A failure with its message as the text.
    pub fn message(error: &Error) -> Reply {
        Reply {
            status: error.status.code(),
            text: Some(c_text(error.message.clone())),
        }
    }
}

/// Runs a function's body, and answers a panic with `on_panic`'s reply.
///
/// # Safety
/// `out` is NULL or may be written to.
pub unsafe fn text_function(
    out: *mut *mut c_char,
    on_panic: impl FnOnce(Error) -> Reply,
    body: impl FnOnce() -> Reply,
) -> cbsvc_status {
    if !out.is_null() {
        // SAFETY: not NULL, and the caller vouches for the rest.
        unsafe { *out = ptr::null_mut() };
    }
    let reply = panic::contain(body).unwrap_or_else(on_panic);
    if let (false, Some(text)) = (out.is_null(), reply.text) {
        // SAFETY: as above. The text is given back through `cbsvc_string_free`.
        unsafe { *out = text.into_raw() };
    }
    reply.status
}

/// Runs the body of a function that hands out no text.
pub fn function(body: impl FnOnce() -> Result<()>) -> cbsvc_status {
    match panic::contain(body).and_then(|result| result) {
        Ok(()) => CBSVC_OK,
        Err(error) => error.status.code(),
    }
}

/// A caller's text that may be absent.
///
/// # Safety
/// `text` is NULL, or NUL-terminated and unchanged while the result is used.
pub unsafe fn optional_text<'a>(text: *const c_char, what: &str) -> Result<Option<&'a str>> {
    if text.is_null() {
        return Ok(None);
    }
    // SAFETY: not NULL, and the caller vouches for the rest.
    let bytes = unsafe { CStr::from_ptr(text) };
    bytes.to_str().map(Some).map_err(|error| {
        let message = format!(
            "{what} is not UTF-8: the byte at position {} is wrong",
            error.valid_up_to()
        );
        Error::new(Status::NotUtf8, message)
    })
}

/// A caller's text that must be there.
///
/// # Safety
/// As for [`optional_text`].
pub unsafe fn text<'a>(text: *const c_char, what: &str) -> Result<&'a str> {
    // SAFETY: the caller vouches.
    let text = unsafe { optional_text(text, what) }?;
    text.ok_or_else(|| Error::new(Status::NullArgument, format!("{what} is NULL")))
}

/// Text for C. A NUL inside, which no text of the library has, would cut it.
pub fn c_text(text: String) -> CString {
    let mut bytes = text.into_bytes();
    bytes.retain(|byte| *byte != 0);
    CString::new(bytes).unwrap_or_default()
}

/// The token that stands in a service pointer.
pub fn token(service: *mut cbsvc_service) -> Token {
    service as Token
}

/// A service pointer that holds a token.
pub fn pointer(token: Token) -> *mut cbsvc_service {
    token as *mut cbsvc_service
}

/// A handler of the program with what it wants to be called with.
pub struct ForeignHandler {
    handler: cbsvc_handler,
    user_data: UserData,
    release: cbsvc_release,
}

/// The program's own pointer. The library only hands it back.
#[derive(Clone, Copy)]
struct UserData(*mut c_void);

// SAFETY: the library never looks behind the pointer; the interface says on which threads handlers run.
unsafe impl Send for UserData {}
// SAFETY: as above.
unsafe impl Sync for UserData {}

impl ForeignHandler {
    /// Takes charge of a handler: from now on, `release` runs when this value is dropped.
    ///
    /// # Safety
    /// The functions may be called with `user_data` on every thread that calls into the library, and until the
    /// release has run.
    pub unsafe fn new(
        handler: cbsvc_handler,
        user_data: *mut c_void,
        release: cbsvc_release,
    ) -> ForeignHandler {
        ForeignHandler {
            handler,
            user_data: UserData(user_data),
            release,
        }
    }

    /// The handler as the library uses it, where NULL means that nobody wants to be told.
    pub fn into_optional_handler(self) -> Handler {
        Box::new(move |event, data| self.call(event, data))
    }

    /// The handler as the library uses it.
    pub fn into_handler(self) -> Result<Handler> {
        match self.handler {
            None => Err(Error::new(Status::NullArgument, "the handler is NULL")),
            Some(_) => Ok(Box::new(move |event, data| self.call(event, data))),
        }
    }

    /// Calls the program.
    pub fn call(&self, event: &CStr, data: &CStr) {
        if let Some(handler) = self.handler {
            // SAFETY: whoever made this value vouched for the function; the texts outlive the call.
            unsafe { handler(event.as_ptr(), data.as_ptr(), self.user_data.0) };
        }
    }
}

impl Drop for ForeignHandler {
    fn drop(&mut self) {
        if let Some(release) = self.release {
            // SAFETY: whoever made this value vouched for the function, and this is its only call.
            unsafe { release(self.user_data.0) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_a_status_and_a_text() {
        panic::install();
        let mut out = ptr::null_mut();
        // SAFETY: `out` is a variable of this function.
        let status = unsafe {
            text_function(
                &mut out,
                |error| Reply::message(&error),
                || panic!("SECRET"),
            )
        };
        assert_eq!(status, 901);
        // SAFETY: the text was made by `CString::into_raw` and is taken back once.
        let text = unsafe { CString::from_raw(out) };
        let text = text.to_str().unwrap();
        assert!(
            text.contains("src/ffi/boundary.rs") && !text.contains("SECRET"),
            "{text}"
        );
        assert_eq!(function(|| panic!("SECRET")), 901);
    }
}
