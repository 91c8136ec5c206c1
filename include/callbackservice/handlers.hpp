// How handlers are called, and how what they throw and release leaves the library. Part of
// callbackservice.hpp.
#ifndef CALLBACKSERVICE_HANDLERS_HPP
#define CALLBACKSERVICE_HANDLERS_HPP

#include <callbackservice/result.hpp>

#include <cstddef>
#include <deque>
#include <exception>
#include <functional>
#include <iterator>
#include <memory>
#include <mutex>
#include <string>
#include <system_error>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

CALLBACKSERVICE_BEGIN

/// Called with an exception that left a handler and cannot be rethrown. It must not throw.
using ErrorHandler = std::function<void(std::exception_ptr)>;

/// An event of a service, or the completion of an asynchronous call.
class Event {
public:
    Event(std::string event, std::string data, std::uint64_t call_id = 0)
        : name_(std::move(event)), text_(std::move(data)), call_(call_id) {}

    /// The name of the event; of a completion without an event, that of the command.
    [[nodiscard]] const std::string &name() const noexcept { return name_; }
    /// The JSON text.
    [[nodiscard]] const std::string &text() const noexcept { return text_; }
    /// From next_event(): the number of the call that is complete, or 0.
    [[nodiscard]] std::uint64_t call() const noexcept { return call_; }
    /// The outcome of the command.
    [[nodiscard]] Result<Outcome> outcome() const { return detail::result_of(text_); }
    /// The entry of the outbox whose booking this is about, and the key with which it was
    /// submitted; empty if it is about none.
    [[nodiscard]] std::string entry() const { return detail::text_at(text_, "/entry"); }
    [[nodiscard]] std::string key() const { return detail::text_at(text_, "/key"); }

private:
    std::string name_, text_;
    std::uint64_t call_;
};

namespace detail {

/// What a service and its handlers share, and what outlives the service inside one of its
/// handlers.
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

    void keep(Result<Outcome> outcome) {
        const std::lock_guard<std::mutex> lock(mutex_);
        if (outcomes_.size() == kept) outcomes_.pop_front();
        outcomes_.push_back(std::move(outcome));
    }

    std::vector<Result<Outcome>> take_outcomes() {
        const std::lock_guard<std::mutex> lock(mutex_);
        std::vector<Result<Outcome>> taken(std::make_move_iterator(outcomes_.begin()),
                                           std::make_move_iterator(outcomes_.end()));
        outcomes_.clear();
        return taken;
    }

private:
    static constexpr std::size_t kept = 1000;

    std::mutex mutex_;
    std::shared_ptr<ErrorHandler> error_handler_;
    std::deque<Result<Outcome>> outcomes_;
};

/// A service that is to be closed where that is allowed.
struct Closing {
    cbsvc_service *service;
    std::shared_ptr<State> state;
};

inline void close(Closing closing) noexcept;

/// One call of the library on this thread. It keeps the exception of a handler, and services whose
/// last owner went inside a handler: neither can pass through the library.
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
inline void close_elsewhere(const Closing &closing) noexcept {
    try {
        std::thread([closing] { detail::close(closing); }).detach();
    } catch (const std::exception &) {
        // A thread is refused only where the system has no more: the service stays open.
    }
}

/// Closes the C service. What a program has not taken in the mode "poll" is discarded.
inline cbsvc_status close_and_discard(cbsvc_service *service) noexcept {
    cbsvc_status status = cbsvc_close(service, -1);
    while (status == CBSVC_BUSY) {
        cbsvc_status next = CBSVC_OK;
        while (next == CBSVC_OK) next = cbsvc_next_event(service, -1, nullptr, nullptr, nullptr);
        status = next == CBSVC_CLOSED ? cbsvc_close(service, -1) : next;
    }
    return status;
}

/// Closes a service now, or where that is allowed: after the call that this thread is in, or on
/// another thread.
inline void close(Closing closing) noexcept {
    cbsvc_status status;
    std::exception_ptr error;
    {
        Frame frame;
        status = close_and_discard(closing.service);
        error = frame.leave();
    }
    if (error) closing.state->report_or_terminate(error);
    if (status != CBSVC_REENTRANT) return;
    Frame *const frame = Frame::innermost();
    if (frame == nullptr) return close_elsewhere(closing);
    try {
        frame->add(closing);
    } catch (const std::exception &) {
        close_elsewhere(closing);
    }
}

template <typename Handler>
struct IsFunctionObject : std::is_pointer<Handler> {};
template <typename Signature>
struct IsFunctionObject<std::function<Signature>> : std::true_type {};
#if defined(__cpp_lib_move_only_function)
template <typename Signature>
struct IsFunctionObject<std::move_only_function<Signature>> : std::true_type {};
#endif

/// Whether there is nothing to call, which a pointer or a function object of std:: can say.
template <typename Handler>
bool is_empty([[maybe_unused]] const Handler &handler) {
    if constexpr (IsFunctionObject<Handler>::value) {
        return !handler;
    } else {
        return false;
    }
}

/// Calls a handler in the form that it has.
template <typename Handler>
void invoke(Handler &handler, const char *event, const char *data) {
    if constexpr (std::is_invocable_v<Handler &, Result<Outcome>>) {
        handler(result_of(std::string(data)));
    } else if constexpr (std::is_invocable_v<Handler &, const Event &>) {
        handler(Event(event, data));
    } else {
        static_assert(
            std::is_invocable_v<Handler &, const std::string &, const std::string &>,
            "a handler takes a Result<Outcome>, an Event, or the event and its data as strings");
        handler(std::string(event), std::string(data));
    }
}

/// A handler with what it reports to.
template <typename Handler>
struct OwnedHandler {
    Handler handler;
    std::shared_ptr<State> state;

    static void CBSVC_CALL call(const char *event, const char *data, void *user_data) {
        OwnedHandler &owned = *static_cast<OwnedHandler *>(user_data);
        try {
            invoke(owned.handler, event, data);
        } catch (...) {
            if (Frame *const frame = Frame::innermost()) {
                frame->add(std::current_exception(), *owned.state);
            } else {
                owned.state->report_or_terminate(std::current_exception());
            }
        }
    }

    static void CBSVC_CALL release(void *user_data) { delete static_cast<OwnedHandler *>(user_data); }
};

template <typename Handler>
auto own(Handler &&handler, const std::shared_ptr<State> &state) {
    using Owned = OwnedHandler<std::decay_t<Handler>>;
    if (is_empty<std::decay_t<Handler>>(handler))
        throw Error(Status::null_argument, "the handler is empty");
    return std::unique_ptr<Owned>(new Owned{std::forward<Handler>(handler), state});
}

}  // namespace detail

CALLBACKSERVICE_END

#endif  // CALLBACKSERVICE_HANDLERS_HPP
