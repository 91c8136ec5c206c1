// Statuses. Part of callbackservice.hpp.
#ifndef CALLBACKSERVICE_STATUS_HPP
#define CALLBACKSERVICE_STATUS_HPP

#include <callbackservice.h>
#include <callbackservice/namespace.hpp>

CALLBACKSERVICE_BEGIN

/// The result of a function, with the numbers of cbsvc_status. They are not HTTP statuses. Later
/// versions may add numbers: treat an unknown one like its class, the hundreds digit.
enum class Status : cbsvc_status {
    ok = CBSVC_OK,
    null_argument = CBSVC_NULL_ARGUMENT,
    bad_handle = CBSVC_BAD_HANDLE,
    not_utf8 = CBSVC_NOT_UTF8,
    not_json = CBSVC_NOT_JSON,
    config = CBSVC_CONFIG,
    unknown_command = CBSVC_UNKNOWN_COMMAND,
    no_data = CBSVC_NO_DATA,
    bad_option = CBSVC_BAD_OPTION,
    unsupported = CBSVC_UNSUPPORTED,
    buffer_too_small = CBSVC_BUFFER_TOO_SMALL,
    closed = CBSVC_CLOSED,
    reentrant = CBSVC_REENTRANT,
    wrong_mode = CBSVC_WRONG_MODE,
    busy = CBSVC_BUSY,
    no_such = CBSVC_NO_SUCH,
    timeout = CBSVC_TIMEOUT,
    cancelled = CBSVC_CANCELLED,
    expired = CBSVC_EXPIRED,
    dns = CBSVC_DNS,
    connect = CBSVC_CONNECT,
    tls = CBSVC_TLS,
    proxy = CBSVC_PROXY,
    protocol = CBSVC_PROTOCOL,
    too_large = CBSVC_TOO_LARGE,
    rejected = CBSVC_REJECTED,
    slot_unavailable = CBSVC_SLOT_UNAVAILABLE,
    unauthorized = CBSVC_UNAUTHORIZED,
    rate_limited = CBSVC_RATE_LIMITED,
    server_error = CBSVC_SERVER_ERROR,
    not_found = CBSVC_NOT_FOUND,
    panic = CBSVC_PANIC,
    internal = CBSVC_INTERNAL,
    storage = CBSVC_STORAGE,
};

/// The name of a status, such as SLOT_UNAVAILABLE; UNKNOWN for an unknown number.
[[nodiscard]] inline const char *status_name(Status status) noexcept {
    return cbsvc_status_name(static_cast<cbsvc_status>(status));
}

CALLBACKSERVICE_END

#endif  // CALLBACKSERVICE_STATUS_HPP
