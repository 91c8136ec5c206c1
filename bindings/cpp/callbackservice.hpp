// libcallbackservice for C++11 and later: one header over callbackservice.h.
//
//     callbackservice::Service service("{\"dataURL\":\"http://127.0.0.1:8080/genesys/1/service/callback/samples\"}");
//     service.on("CallbackService.scheduled", [](const std::string &, const std::string &data) { use(data); });
//     callbackservice::Outcome outcome = service.schedule("{\"phonenumber\":\"+14151110000\"}");
//     if (!outcome) complain(outcome.status_name(), outcome.text());
//
// Texts are JSON in UTF-8. Opening and configuring throw callbackservice::Error; commands return an Outcome and throw
// nothing of their own.
//
// A handler may throw. The function that runs the handler rethrows the exception when all handlers have run; of several
// exceptions it rethrows the first. Where no function of this header runs the handler (with "handlers":"thread", and in
// the destructor) the exception goes to the handler of on_error(); without one, the program terminates as it does for
// an exception that leaves a thread.
//
// Programs that use this header are linked with -pthread.
#ifndef CALLBACKSERVICE_HPP
#define CALLBACKSERVICE_HPP

#include <callbackservice.h>

#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

namespace callbackservice {

/// Called with the name of an event and its data.
using Handler = std::function<void(const std::string &event, const std::string &data)>;

/// Called with an exception that left a handler and cannot be rethrown. It must not throw.
using ErrorHandler = std::function<void(std::exception_ptr)>;

/// A call that failed.
class Error : public std::runtime_error {
public:
    Error(cbsvc_status status, const std::string &text)
        : std::runtime_error(std::string(cbsvc_status_name(status)) + ": " + text), status_(status) {}

    cbsvc_status status() const noexcept { return status_; }

private:
    cbsvc_status status_;
};

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

/// A text for C, which reads up to the first NUL. U+0001 is as invalid in JSON and in every name as NUL is, so the library
/// refuses the text instead of reading half of it.
class CText {
public:
    explicit CText(const std::string &text) : text_(text) {
        if (text.find('\0') == std::string::npos) return;
        changed_ = text;
        for (char &character : changed_)
            if (character == '\0') character = '\1';
    }
    CText(const CText &) = delete;
    CText &operator=(const CText &) = delete;

    const char *get() const noexcept { return changed_.empty() ? text_.c_str() : changed_.c_str(); }

private:
    const std::string &text_;
    std::string changed_;
};

/// What a service and its handlers share, and what outlives the service inside one of its handlers.
class State {
public:
    void set_error_handler(ErrorHandler handler) {
        std::shared_ptr<ErrorHandler> shared;
        if (handler) shared = std::make_shared<ErrorHandler>(std::move(handler));
        const std::lock_guard<std::mutex> lock(mutex_);
        error_handler_.swap(shared);
    }

    /// Gives an exception to the error handler; whether there is one.
    bool report(const std::exception_ptr &error) noexcept {
        std::shared_ptr<ErrorHandler> handler;
        {
            const std::lock_guard<std::mutex> lock(mutex_);
            handler = error_handler_;
        }
        if (handler) (*handler)(error);
        return handler != nullptr;
    }

    /// As report(), or the end of the program, with the message of the exception.
    void report_or_terminate(const std::exception_ptr &error) noexcept {
        if (!report(error)) std::rethrow_exception(error);
    }

    void keep(const Outcome &outcome) {
        const std::lock_guard<std::mutex> lock(mutex_);
        outcomes_.push_back(outcome);
    }

    std::vector<Outcome> take_outcomes() {
        std::vector<Outcome> taken;
        const std::lock_guard<std::mutex> lock(mutex_);
        taken.swap(outcomes_);
        return taken;
    }

private:
    std::mutex mutex_;
    std::shared_ptr<ErrorHandler> error_handler_;
    std::vector<Outcome> outcomes_;
};

/// A service that is to be closed where that is allowed.
struct Closing {
    cbsvc_service *service;
    std::shared_ptr<State> state;
};

inline void close(Closing closing) noexcept;

/// One call of the library on this thread. It keeps the exception of a handler, and services whose last owner went inside
/// a handler: neither can pass through the library.
class Frame {
public:
    Frame() : outer_(innermost()) { innermost() = this; }
    Frame(const Frame &) = delete;
    Frame &operator=(const Frame &) = delete;
    ~Frame() { leave(); }

    static Frame *&innermost() noexcept {
        static thread_local Frame *frame = nullptr;
        return frame;
    }

    void add(std::exception_ptr error, State &state) noexcept {
        if (error_) {
            state.report(error);
        } else {
            error_ = std::move(error);
        }
    }

    /// Takes a service that cannot be closed before this call has ended.
    void add(const Closing &closing) { closings_.push_back(closing); }

    /// Ends the frame: closes what is to be closed. Returns the exception of a handler.
    std::exception_ptr leave() noexcept {
        if (innermost() != this) return nullptr;
        innermost() = outer_;
        for (Closing &closing : closings_) detail::close(std::move(closing));
        closings_.clear();
        return std::move(error_);
    }

    /// As leave(), and rethrows the exception.
    void finish() {
        if (const std::exception_ptr error = leave()) std::rethrow_exception(error);
    }

private:
    Frame *outer_;
    std::exception_ptr error_;
    std::vector<Closing> closings_;
};

/// Closes a service from another thread, which no handler of the service runs on.
inline bool close_elsewhere(const Closing &closing) noexcept {
    try {
        std::thread([closing] { detail::close(closing); }).detach();
        return true;
    } catch (const std::exception &) {
        return false;
    }
}

/// Closes a service now, or where that is allowed: after the call that this thread is in, or on another thread.
inline void close(Closing closing) noexcept {
    cbsvc_status status;
    std::exception_ptr error;
    {
        Frame frame;
        status = cbsvc_close(closing.service, -1);
        error = frame.leave();
    }
    if (error) closing.state->report_or_terminate(error);
    if (status != CBSVC_REENTRANT) return;
    Frame *frame = Frame::innermost();
    if (frame == nullptr) {
        // A thread is refused only where the system has no more: the service stays open.
        close_elsewhere(closing);
        return;
    }
    try {
        frame->add(closing);
    } catch (const std::exception &) {
        close_elsewhere(closing);
    }
}

/// A handler with what it reports to.
struct OwnedHandler {
    Handler handler;
    std::shared_ptr<State> state;
};

inline void call(const char *event, const char *data, void *owned) {
    OwnedHandler &handler = *static_cast<OwnedHandler *>(owned);
    try {
        handler.handler(event, data);
    } catch (...) {
        if (Frame *frame = Frame::innermost()) {
            frame->add(std::current_exception(), *handler.state);
        } else {
            handler.state->report_or_terminate(std::current_exception());
        }
    }
}

inline std::unique_ptr<OwnedHandler> owned(Handler handler, const std::shared_ptr<State> &state) {
    if (!handler) throw Error(CBSVC_NULL_ARGUMENT, "the handler is empty");
    return std::unique_ptr<OwnedHandler>(new OwnedHandler{std::move(handler), state});
}

inline void release(void *handler) { delete static_cast<OwnedHandler *>(handler); }

}  // namespace detail

/// An open service; the destructor closes it. It can be moved, not copied. Any thread may use it. It may be destroyed
/// inside one of its own handlers: it is then closed when the call that runs the handler returns or, with
/// "handlers":"thread", on another thread.
class Service {
public:
    explicit Service(const std::string &config) : state_(std::make_shared<detail::State>()) {
        detail::Text error;
        const cbsvc_status status =
            cbsvc_init(detail::CText(config).get(), nullptr, nullptr, &service_, error.out());
        if (status != CBSVC_OK) throw Error(status, error.str());
    }

    Service(Service &&other) noexcept : service_(other.service_), state_(std::move(other.state_)) {
        other.service_ = nullptr;
    }
    /// Closes the service that this object has, as the destructor does.
    Service &operator=(Service &&other) noexcept {
        if (this != &other) {
            const Service old(std::move(*this));
            service_ = other.service_;
            state_ = std::move(other.state_);
            other.service_ = nullptr;
        }
        return *this;
    }
    Service(const Service &) = delete;
    Service &operator=(const Service &) = delete;

    /// Waits without limit for calls of other threads, which end as closed.
    ~Service() {
        if (service_) detail::close({service_, state_});
    }

    /// Closes the service before the destructor does. Waits for calls of other threads up to the timeout (negative:
    /// without limit); whether they have left.
    bool close(std::int32_t timeout_ms = -1) {
        detail::Frame frame;
        const cbsvc_status status = cbsvc_close(service_, timeout_ms);
        if (status == CBSVC_OK || status == CBSVC_TIMEOUT) service_ = nullptr;
        frame.finish();
        if (status != CBSVC_OK && status != CBSVC_TIMEOUT) throw Error(status, "closing");
        return status == CBSVC_OK;
    }

    /// Puts the given keys over the present configuration.
    void configure(const std::string &config) {
        detail::Text error;
        const cbsvc_status status = cbsvc_configure(service_, detail::CText(config).get(), error.out());
        if (status != CBSVC_OK) throw Error(status, error.str());
    }

    Outcome schedule(const std::string &data) {
        const detail::CText json(data);
        return run([&](char **outcome) { return cbsvc_schedule(service_, json.get(), outcome); });
    }

    Outcome availability(const std::string &query) {
        const detail::CText json(query);
        return run([&](char **outcome) { return cbsvc_availability(service_, json.get(), outcome); });
    }

    /// Runs a command by its name on the widgets' bus.
    Outcome command(const std::string &name, const std::string &data) {
        const detail::CText c_name(name), json(data);
        return run([&](char **outcome) { return cbsvc_command(service_, c_name.get(), json.get(), outcome); });
    }

    /// Takes the outcomes of commands that threw the exception of a handler instead of returning, the oldest first.
    std::vector<Outcome> take_outcomes() { return state_ ? state_->take_outcomes() : std::vector<Outcome>(); }

    /// Calls a handler with an event, or with all events (`*`); returns the number for off().
    std::uint64_t on(const std::string &event, Handler handler) {
        std::uint64_t subscription = 0;
        std::unique_ptr<detail::OwnedHandler> owned = detail::owned(std::move(handler), state_);
        const detail::CText name(event);
        detail::Frame frame;
        const cbsvc_status status = cbsvc_subscribe(service_, name.get(), detail::call, owned.release(),
                                                    detail::release, &subscription);
        frame.finish();
        if (status != CBSVC_OK) throw Error(status, "subscribing to " + event);
        return subscription;
    }

    /// Ends a subscription.
    void off(std::uint64_t subscription) {
        detail::Frame frame;
        const cbsvc_status status = cbsvc_unsubscribe(service_, subscription);
        frame.finish();
        if (status != CBSVC_OK) throw Error(status, "unsubscribing");
    }

    /// Sets the handler of exceptions that cannot be rethrown; an empty one removes it.
    void on_error(ErrorHandler handler) {
        if (state_) state_->set_error_handler(std::move(handler));
    }

    /// Starts a command; dispatch() calls `done` with its outcome. Returns the number for cancel().
    std::uint64_t start(const std::string &name, const std::string &data, Handler done) {
        std::uint64_t call = 0;
        std::unique_ptr<detail::OwnedHandler> owned = detail::owned(std::move(done), state_);
        const detail::CText c_name(name), json(data);
        detail::Frame frame;
        const cbsvc_status status = cbsvc_start(service_, c_name.get(), json.get(), detail::call, owned.release(),
                                                detail::release, &call);
        frame.finish();
        if (status != CBSVC_OK) throw Error(status, "starting " + name);
        return call;
    }

    /// Cancels a asynchronous call; whether there was one.
    bool cancel(std::uint64_t call) {
        const cbsvc_status status = cbsvc_cancel(service_, call);
        if (status != CBSVC_OK && status != CBSVC_NO_SUCH) throw Error(status, "cancelling");
        return status == CBSVC_OK;
    }

    /// Runs the handlers of asynchronous calls that have ended, after waiting for one up to the timeout (negative: without
    /// limit); whether there was something to run.
    bool dispatch(std::int32_t timeout_ms = 0) {
        detail::Frame frame;
        const cbsvc_status status = cbsvc_dispatch(service_, timeout_ms);
        frame.finish();
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

    /// The C handle, for functions that this header does not wrap. The service keeps it.
    cbsvc_service *get() const noexcept { return service_; }

private:
    /// Runs a blocking command. Its handlers may destroy this object, which is not used after the call.
    template <typename Command>
    Outcome run(Command command) {
        const std::shared_ptr<detail::State> state = state_;
        detail::Text text;
        detail::Frame frame;
        const cbsvc_status status = command(text.out());
        const std::exception_ptr error = frame.leave();
        Outcome outcome(status, text.str());
        if (error) {
            if (state) state->keep(outcome);
            std::rethrow_exception(error);
        }
        return outcome;
    }

    cbsvc_service *service_ = nullptr;
    std::shared_ptr<detail::State> state_;
};

}  // namespace callbackservice

#endif  // CALLBACKSERVICE_HPP
