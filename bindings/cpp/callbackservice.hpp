// libcallbackservice for C++11 and later: one header over callbackservice.h.
//
//     callbackservice::Service service("{\"dataURL\":\"http://127.0.0.1:8080/genesys/1/service/callback/samples\"}");
//     service.on("CallbackService.scheduled", [](const std::string &, const std::string &data) { use(data); });
//     callbackservice::Outcome outcome = service.schedule("{\"phonenumber\":\"+14151110000\"}");
//     if (!outcome) complain(outcome.status_name(), outcome.text());
//
// Texts are JSON in UTF-8. Opening and configuring throw callbackservice::Error; commands return an Outcome and throw
// nothing of their own. A handler must not throw: an exception that leaves it ends the program.
#ifndef CALLBACKSERVICE_HPP
#define CALLBACKSERVICE_HPP

#include <callbackservice.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

namespace callbackservice {

/// Called with the name of an event and its data.
using Handler = std::function<void(const std::string &event, const std::string &data)>;

/// A call that did not do what it was asked.
class Error : public std::runtime_error {
public:
    Error(cbsvc_status status, const std::string &text)
        : std::runtime_error(std::string(cbsvc_status_name(status)) + ": " + text), status_(status) {}

    cbsvc_status status() const noexcept { return status_; }

private:
    cbsvc_status status_;
};

namespace detail {

/// A text of the library, freed when it goes out of scope.
class Text {
public:
    Text() = default;
    Text(const Text &) = delete;
    Text &operator=(const Text &) = delete;
    ~Text() { cbsvc_string_free(text_); }

    char **out() noexcept { return &text_; }
    std::string str() const { return text_ ? std::string(text_) : std::string(); }

private:
    char *text_ = nullptr;
};

inline void call(const char *event, const char *data, void *handler) {
    (*static_cast<Handler *>(handler))(event, data);
}

/// An empty handler is refused here: calling it would throw where nothing may be thrown.
inline std::unique_ptr<Handler> owned(Handler handler) {
    if (!handler) throw Error(CBSVC_NULL_ARGUMENT, "the handler is empty");
    return std::unique_ptr<Handler>(new Handler(std::move(handler)));
}

inline void release(void *handler) { delete static_cast<Handler *>(handler); }

}  // namespace detail

/// What came of a command: the JSON text of the outcome, and the status.
class Outcome {
public:
    Outcome(cbsvc_status status, std::string text) : status_(status), text_(std::move(text)) {}

    explicit operator bool() const noexcept { return status_ == CBSVC_OK; }
    cbsvc_status status() const noexcept { return status_; }
    const char *status_name() const noexcept { return cbsvc_status_name(status_); }
    const std::string &text() const noexcept { return text_; }

private:
    cbsvc_status status_;
    std::string text_;
};

/// An open service; the destructor closes it. It can be moved, not copied. Any thread may use it. Do not destroy it inside
/// one of its own handlers: a service cannot be closed from there, and would stay open.
class Service {
public:
    explicit Service(const std::string &config) {
        detail::Text error;
        const cbsvc_status status = cbsvc_init(config.c_str(), nullptr, nullptr, &service_, error.out());
        if (status != CBSVC_OK) throw Error(status, error.str());
    }

    Service(Service &&other) noexcept : service_(other.service_) { other.service_ = nullptr; }
    Service &operator=(Service &&other) noexcept {
        std::swap(service_, other.service_);
        return *this;
    }
    Service(const Service &) = delete;
    Service &operator=(const Service &) = delete;

    /// Waits without end for calls of other threads, which end as closed.
    ~Service() {
        if (service_) cbsvc_close(service_, -1);
    }

    /// Puts the given keys over the present configuration.
    void configure(const std::string &config) {
        detail::Text error;
        const cbsvc_status status = cbsvc_configure(service_, config.c_str(), error.out());
        if (status != CBSVC_OK) throw Error(status, error.str());
    }

    Outcome schedule(const std::string &data) {
        detail::Text text;
        const cbsvc_status status = cbsvc_schedule(service_, data.c_str(), text.out());
        return Outcome(status, text.str());
    }

    Outcome availability(const std::string &query) {
        detail::Text text;
        const cbsvc_status status = cbsvc_availability(service_, query.c_str(), text.out());
        return Outcome(status, text.str());
    }

    /// Runs a command by its name on the widgets' bus.
    Outcome command(const std::string &name, const std::string &data) {
        detail::Text text;
        const cbsvc_status status = cbsvc_command(service_, name.c_str(), data.c_str(), text.out());
        return Outcome(status, text.str());
    }

    /// Tells a handler of an event, or of all (`*`); returns the number for off().
    std::uint64_t on(const std::string &event, Handler handler) {
        std::uint64_t subscription = 0;
        std::unique_ptr<Handler> owned = detail::owned(std::move(handler));
        const cbsvc_status status = cbsvc_subscribe(service_, event.c_str(), detail::call, owned.release(),
                                                    detail::release, &subscription);
        if (status != CBSVC_OK) throw Error(status, "subscribing to " + event);
        return subscription;
    }

    /// Ends a subscription.
    void off(std::uint64_t subscription) {
        const cbsvc_status status = cbsvc_unsubscribe(service_, subscription);
        if (status != CBSVC_OK) throw Error(status, "unsubscribing");
    }

    /// Starts a command; `done` is told of its outcome by dispatch(). Returns the number for cancel().
    std::uint64_t start(const std::string &name, const std::string &data, Handler done) {
        std::uint64_t call = 0;
        std::unique_ptr<Handler> owned = detail::owned(std::move(done));
        const cbsvc_status status = cbsvc_start(service_, name.c_str(), data.c_str(), detail::call, owned.release(),
                                                detail::release, &call);
        if (status != CBSVC_OK) throw Error(status, "starting " + name);
        return call;
    }

    /// Cancels a started call; whether there was one.
    bool cancel(std::uint64_t call) {
        const cbsvc_status status = cbsvc_cancel(service_, call);
        if (status != CBSVC_OK && status != CBSVC_NO_SUCH) throw Error(status, "cancelling");
        return status == CBSVC_OK;
    }

    /// Runs what waits, after waiting up to the timeout (negative: without end); whether there was something.
    bool dispatch(std::int32_t timeout_ms = 0) {
        const cbsvc_status status = cbsvc_dispatch(service_, timeout_ms);
        if (status != CBSVC_OK && status != CBSVC_TIMEOUT) throw Error(status, "dispatching");
        return status == CBSVC_OK;
    }

    /// A descriptor that is readable while dispatch() has something to run.
    std::intptr_t waitable() {
        std::intptr_t descriptor = -1;
        const cbsvc_status status = cbsvc_waitable(service_, &descriptor);
        if (status != CBSVC_OK) throw Error(status, "asking for a descriptor");
        return descriptor;
    }

    /// The C handle, for functions that this header does not wrap. It stays this object's.
    cbsvc_service *get() const noexcept { return service_; }

private:
    cbsvc_service *service_ = nullptr;
};

}  // namespace callbackservice

#endif  // CALLBACKSERVICE_HPP
