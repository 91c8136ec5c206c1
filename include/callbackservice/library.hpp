// The log, diagnostics and version of the library. Part of callbackservice.hpp.
#ifndef CALLBACKSERVICE_LIBRARY_HPP
#define CALLBACKSERVICE_LIBRARY_HPP

#include <callbackservice/result.hpp>

#include <atomic>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

CALLBACKSERVICE_BEGIN

/// Levels of log lines. Each includes those before it.
enum class LogLevel : std::int32_t {
    off = CBSVC_LOG_OFF,
    error = CBSVC_LOG_ERROR,
    warning = CBSVC_LOG_WARNING,
    info = CBSVC_LOG_INFO,
    debug = CBSVC_LOG_DEBUG,
};

/// Receives log lines, on several threads at the same time if several call the library.
using LogHandler = std::function<void(LogLevel level, std::string_view line)>;

namespace detail {

/// A log handler. It may still run on another thread when another has taken its place, so that it
/// is kept as long as the process runs.
struct KeptLogHandler {
    LogHandler handler;
    KeptLogHandler *previous = nullptr;

    static KeptLogHandler *keep(LogHandler handler) {
        static std::atomic<KeptLogHandler *> newest{nullptr};
        auto *const kept = new KeptLogHandler{std::move(handler)};
        kept->previous = newest.load();
        while (!newest.compare_exchange_weak(kept->previous, kept)) {
        }
        return kept;
    }

    static void CBSVC_CALL call(const char *level, const char *line, void *user_data) noexcept {
        const std::string_view name(level);
        const LogLevel number = name == "error"     ? LogLevel::error
                                : name == "warning" ? LogLevel::warning
                                : name == "info"    ? LogLevel::info
                                                    : LogLevel::debug;
        try {
            static_cast<KeptLogHandler *>(user_data)->handler(number, line);
        } catch (...) {
            // A log that fails must not change what a command does.
        }
    }
};

}  // namespace detail

/// Sends the log lines of the library to a handler; there is one for the whole process.
/// LogLevel::off or an empty handler stops logging. The handler is kept as long as the process
/// runs, because it may still run on another thread. It runs inside functions that the application
/// calls. What it throws is discarded.
///
/// Example:
///     callbackservice::set_log(
///         callbackservice::LogLevel::warning,
///         [](callbackservice::LogLevel, std::string_view line) { std::clog << line << '\n'; });
inline void set_log(LogLevel level, LogHandler handler = nullptr) {
    const bool is_on = level != LogLevel::off && handler;
    detail::KeptLogHandler *const kept =
        is_on ? detail::KeptLogHandler::keep(std::move(handler)) : nullptr;
    const cbsvc_status status = cbsvc_set_log(static_cast<std::int32_t>(level),
                                              is_on ? detail::KeptLogHandler::call : nullptr, kept);
    if (status != CBSVC_OK) throw Error(static_cast<Status>(status), "there is no such log level");
}

/// The state of the library in this process as JSON, for troubleshooting, without personal data.
[[nodiscard]] inline std::string diagnostics() {
    detail::Text json;
    const cbsvc_status status = cbsvc_diagnostics(json.out());
    if (status != CBSVC_OK) throw Error(static_cast<Status>(status), "there are no diagnostics");
    return json.str();
}

/// The version of the library, such as 0.1.0.
[[nodiscard]] inline std::string version() { return cbsvc_version_text(); }

/// Whether the library that runs is as new as the header with which the program was built.
///
/// Example:
///     if (!callbackservice::is_library_current())
///         std::cerr << "libcallbackservice " << callbackservice::version() << " is too old\n";
[[nodiscard]] inline bool is_library_current() noexcept {
    return cbsvc_version() >= CBSVC_HEADER_VERSION;
}

CALLBACKSERVICE_END

#endif  // CALLBACKSERVICE_LIBRARY_HPP
