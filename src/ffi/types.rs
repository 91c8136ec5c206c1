//! Types of the C interface.

use std::ffi::{c_char, c_void};

/// The result of a call: `CBSVC_OK`, or the reason why not.
///
/// The hundreds digit is the class: 1 a mistake of the caller, 2 the state of the service, 3 time and will,
/// 4 transport, 5 the server said no, 9 a fault of the library. Numbers never change once released; later versions
/// may add some, so treat an unknown number like its class.
pub type cbsvc_status = i32;

/// A service: one configuration with its subscriptions and connections.
///
/// The value is a token, not an address. A closed, stale or invented one is recognised and answered with
/// `CBSVC_BAD_HANDLE`.
pub struct cbsvc_service {
    _private: [u8; 0],
}

/// A function of the program that is told of an event or of a log line.
///
/// `event` is the name of the event or log level, `data` its JSON text (of a log line: plain text), `user_data` what
/// the program gave when it named the handler. Both texts are UTF-8 and belong to the library: they are valid until
/// the handler returns.
///
/// With `"handlers":"caller"`, the default, handlers run only inside functions that the program itself calls, on the
/// calling thread: a blocking command runs the handlers of its event before it returns. With `"handlers":"thread"` they
/// run on one thread of the service's own, one at a time. When several threads call, handlers run on each of them, possibly at
/// the same time. A handler may call any function of the library; only closing its own service is answered with
/// `CBSVC_REENTRANT`. It must return normally: leaving it by `longjmp` is undefined, and a C++ exception that leaves
/// it ends the program with a message.
pub type cbsvc_handler = Option<
    unsafe extern "C-unwind" fn(event: *const c_char, data: *const c_char, user_data: *mut c_void),
>;

/// A function of the program that is told that `user_data` will not be used again.
///
/// It runs exactly once for each time that it was given, after the last call of the handler.
pub type cbsvc_release = Option<unsafe extern "C-unwind" fn(user_data: *mut c_void)>;
