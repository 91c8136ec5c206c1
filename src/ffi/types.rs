//! Types of the C interface.

use std::ffi::{c_char, c_void};

/// The result of a function: `CBSVC_OK`, or the reason for the failure.
///
/// The hundreds digit gives the class: 1xx invalid argument, 2xx wrong state of the service, 3xx
/// timed out or cancelled, 4xx network error, 5xx rejected by the server, 9xx internal error. The
/// numbers are not HTTP statuses. A released number never changes. Later versions may add numbers:
/// treat an unknown one like its class. Statuses above 255 do not fit the exit status of a process:
/// exit with the class.
pub type cbsvc_status = i32;

/// An open service: one configuration with its subscriptions and connections.
///
/// The value is an opaque handle, not an address: never dereference it. It is below 2^53, so that a
/// double can hold it. Functions detect a closed, stale or forged handle and return
/// `CBSVC_BAD_HANDLE`, within the limits of its bits.
///
/// With pointers of 64 bits, a process can have 1,048,576 services open. A closed handle is
/// detected until 4,294,967,294 more services have been opened. NULL, even numbers (the addresses
/// of most objects) and numbers outside 2,097,153 to 2^53 are never handles. Of the others, about
/// 2^52, each open service has one.
///
/// With pointers of 32 bits, a process can have 1,024 services open. A closed handle is detected
/// until 2,097,150 more services have been opened. NULL, even numbers and those from -2,048 to
/// 2,048 are never handles. Of the others, about 2^31, each open service has one.
pub struct cbsvc_service {
    _private: [u8; 0],
}

/// Handler for events, completions and log lines.
///
/// `event` is the name of the event or the log level, `data` its JSON (of a log line: plain text).
/// Both strings are valid until the handler returns. `user_data` is what the application passed
/// with the handler. The library only passes it back and never dereferences it: it may be NULL, or
/// a number converted to a pointer.
///
/// With `"handlers":"caller"`, the default, handlers run only inside functions that the application
/// calls, on the calling thread: a blocking command runs the handlers of its event before it
/// returns. If several threads call, their handlers may run at the same time. With
/// `"handlers":"thread"`, handlers run one at a time on a dedicated thread of the service, with the
/// signal mask of the thread that called `cbsvc_init`. Interpreters such as Perl, PHP, Lua, Tcl and
/// COBOL do not know this thread, and crash: use `"poll"` there. With `"handlers":"poll"`, only the
/// log handler runs, and `cbsvc_next_event` returns events and completions.
///
/// A handler may call every function; only closing its own service returns `CBSVC_REENTRANT`. It
/// may fork: handlers that follow are called in the parent only. Its thread cannot be cancelled
/// (`pthread_cancel`) while it runs. It must return: `pthread_exit`, or a C++ exception that leaves
/// it, ends the process with a message. `longjmp` out of it abandons the call that runs it and
/// leaks the memory of this call; the function that called `setjmp` can still close the service.
pub type cbsvc_handler = Option<
    unsafe extern "C-unwind" fn(event: *const c_char, data: *const c_char, user_data: *mut c_void),
>;

/// Destructor for `user_data`.
///
/// It is called exactly once for each time it is passed, after the last call of the handler, on any
/// thread on which a handler may run.
pub type cbsvc_release = Option<unsafe extern "C-unwind" fn(user_data: *mut c_void)>;
