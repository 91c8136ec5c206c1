//! Result numbers and their names. Released numbers never change.

use std::ffi::CStr;

macro_rules! statuses {
    ($($variant:ident = $code:literal $name:literal,)*) => {
        /// The reason of a failure. The hundreds digit gives the class: 1xx invalid argument, 2xx
        /// wrong state of the service, 3xx timed out, cancelled or expired, 4xx network error, 5xx
        /// rejected by the server, 9xx internal error.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(i32)]
        pub enum Status {
            $(#[doc = $name] $variant = $code,)*
        }

        impl Status {
            /// Every status, in ascending order of its number.
            pub const ALL: &'static [Status] = &[$(Status::$variant,)*];

            /// The name used in outcomes.
            pub fn name(self) -> &'static str {
                match self {
                    $(Status::$variant => $name,)*
                }
            }

            /// The same name for C.
            pub fn c_name(self) -> &'static CStr {
                match self {
                    $(Status::$variant => const {
                        match CStr::from_bytes_with_nul(concat!($name, "\0").as_bytes()) {
                            Ok(name) => name,
                            Err(_) => panic!("a name holds a NUL"),
                        }
                    },)*
                }
            }
        }
    };
}

statuses! {
    NullArgument = 101 "NULL_ARGUMENT",
    BadHandle = 102 "BAD_HANDLE",
    NotUtf8 = 103 "NOT_UTF8",
    NotJson = 104 "NOT_JSON",
    Config = 105 "CONFIG",
    UnknownCommand = 106 "UNKNOWN_COMMAND",
    NoData = 107 "NO_DATA",
    BadOption = 108 "BAD_OPTION",
    Unsupported = 109 "UNSUPPORTED",
    BufferTooSmall = 110 "BUFFER_TOO_SMALL",
    Closed = 201 "CLOSED",
    Reentrant = 202 "REENTRANT",
    WrongMode = 203 "WRONG_MODE",
    Busy = 204 "BUSY",
    NoSuch = 205 "NO_SUCH",
    Timeout = 301 "TIMEOUT",
    Cancelled = 302 "CANCELLED",
    Expired = 303 "EXPIRED",
    Dns = 401 "DNS",
    Connect = 402 "CONNECT",
    Tls = 403 "TLS",
    Proxy = 404 "PROXY",
    Protocol = 405 "PROTOCOL",
    TooLarge = 406 "TOO_LARGE",
    Rejected = 501 "REJECTED",
    SlotUnavailable = 502 "SLOT_UNAVAILABLE",
    Unauthorized = 503 "UNAUTHORIZED",
    RateLimited = 504 "RATE_LIMITED",
    ServerError = 505 "SERVER_ERROR",
    NotFound = 506 "NOT_FOUND",
    Panic = 901 "PANIC",
    Internal = 902 "INTERNAL",
    Storage = 903 "STORAGE",
}

impl Status {
    /// The number that C sees.
    pub fn code(self) -> i32 {
        self as i32
    }

    /// The status with this number, if there is one.
    pub fn from_code(code: i32) -> Option<Status> {
        Status::ALL
            .iter()
            .copied()
            .find(|status| status.code() == code)
    }
}
