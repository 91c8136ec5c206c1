//! Constants of the C interface.

use super::types::cbsvc_status;

/// The version of this header, in the form of `cbsvc_version`: 0xMMmmpp.
pub const CBSVC_HEADER_VERSION: u32 = 0x000100;

/// Success.
pub const CBSVC_OK: cbsvc_status = 0;
/// A required pointer is NULL.
pub const CBSVC_NULL_ARGUMENT: cbsvc_status = 101;
/// The service is NULL, closed or was never opened.
pub const CBSVC_BAD_HANDLE: cbsvc_status = 102;
/// A string is not UTF-8.
pub const CBSVC_NOT_UTF8: cbsvc_status = 103;
/// A string is not JSON; the message gives line and column.
pub const CBSVC_NOT_JSON: cbsvc_status = 104;
/// The configuration is invalid; the message names the key.
pub const CBSVC_CONFIG: cbsvc_status = 105;
/// There is no command of this name.
pub const CBSVC_UNKNOWN_COMMAND: cbsvc_status = 106;
/// The command has no data.
pub const CBSVC_NO_DATA: cbsvc_status = 107;
/// An option or argument is invalid; the message names it.
pub const CBSVC_BAD_OPTION: cbsvc_status = 108;
/// The configured API does not offer the command; nothing was sent.
pub const CBSVC_UNSUPPORTED: cbsvc_status = 109;
/// The buffer is too small for the value.
pub const CBSVC_BUFFER_TOO_SMALL: cbsvc_status = 110;
/// The service was closed during the call.
pub const CBSVC_CLOSED: cbsvc_status = 201;
/// A handler or call tried to close its own service.
pub const CBSVC_REENTRANT: cbsvc_status = 202;
/// The configuration of the service does not allow this function.
pub const CBSVC_WRONG_MODE: cbsvc_status = 203;
/// Too many open services or pending calls; nothing was lost.
pub const CBSVC_BUSY: cbsvc_status = 204;
/// The service has no subscription or call with this id, or the text no value at this pointer.
pub const CBSVC_NO_SUCH: cbsvc_status = 205;
/// The timeout expired.
pub const CBSVC_TIMEOUT: cbsvc_status = 301;
/// The application cancelled the call.
pub const CBSVC_CANCELLED: cbsvc_status = 302;
/// An entry of the outbox could not be delivered in time.
pub const CBSVC_EXPIRED: cbsvc_status = 303;
/// The host name of the server cannot be resolved.
pub const CBSVC_DNS: cbsvc_status = 401;
/// Connecting to the server failed.
pub const CBSVC_CONNECT: cbsvc_status = 402;
/// The TLS handshake failed; the message gives the reason.
pub const CBSVC_TLS: cbsvc_status = 403;
/// The proxy is unreachable or refused the connection.
pub const CBSVC_PROXY: cbsvc_status = 404;
/// The response is incomplete, not HTTP or not one of the API.
pub const CBSVC_PROTOCOL: cbsvc_status = 405;
/// The response is larger than maxResponseBytes.
pub const CBSVC_TOO_LARGE: cbsvc_status = 406;
/// The server rejected the request; see serverCode and message.
pub const CBSVC_REJECTED: cbsvc_status = 501;
/// The desired time is full or closed; the outcome may propose others.
pub const CBSVC_SLOT_UNAVAILABLE: cbsvc_status = 502;
/// The API key or the credentials are missing or invalid.
pub const CBSVC_UNAUTHORIZED: cbsvc_status = 503;
/// Too many requests; see retryAfterMs.
pub const CBSVC_RATE_LIMITED: cbsvc_status = 504;
/// The server failed.
pub const CBSVC_SERVER_ERROR: cbsvc_status = 505;
/// The server does not know the service or path.
pub const CBSVC_NOT_FOUND: cbsvc_status = 506;
/// A bug in the library; please report the message.
pub const CBSVC_PANIC: cbsvc_status = 901;
/// Internal error, for example out of file descriptors or threads.
pub const CBSVC_INTERNAL: cbsvc_status = 902;
/// The file of the outbox cannot be opened, read or written; the message says why.
pub const CBSVC_STORAGE: cbsvc_status = 903;

/// Logging off.
pub const CBSVC_LOG_OFF: i32 = 0;
/// Logs transport failures.
pub const CBSVC_LOG_ERROR: i32 = 1;
/// Also logs likely mistakes, such as an unknown configuration key.
pub const CBSVC_LOG_WARNING: i32 = 2;
/// Also logs the result of each command.
pub const CBSVC_LOG_INFO: i32 = 3;
/// Also logs each step.
pub const CBSVC_LOG_DEBUG: i32 = 4;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::status::Status;

    #[test]
    fn every_status_has_its_constant() {
        let source = include_str!("constants.rs");
        for status in Status::ALL {
            let line = format!(
                "pub const CBSVC_{}: cbsvc_status = {};",
                status.name(),
                status.code()
            );
            assert!(source.contains(&line), "{line}");
        }
        assert_eq!(
            source.matches(": cbsvc_status = ").count() - 2,
            Status::ALL.len() + 1
        );
    }

    #[test]
    fn the_header_version_is_the_packages() {
        let parts: Vec<u32> = env!("CARGO_PKG_VERSION")
            .split('.')
            .map(|part| part.parse().unwrap())
            .collect();
        assert_eq!(
            CBSVC_HEADER_VERSION,
            parts[0] << 16 | parts[1] << 8 | parts[2]
        );
    }
}
