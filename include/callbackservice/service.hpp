// The service. Part of callbackservice.hpp.
#ifndef CALLBACKSERVICE_SERVICE_HPP
#define CALLBACKSERVICE_SERVICE_HPP

#include <callbackservice/call.hpp>

#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

CALLBACKSERVICE_BEGIN

/// A time limit that never passes. Every negative duration, and one above 2^31 milliseconds, has
/// the same meaning.
inline constexpr std::chrono::milliseconds no_limit{-1};

namespace detail {

inline std::int32_t limit(std::chrono::milliseconds timeout) noexcept {
    const std::int64_t count = timeout.count();
    if (count < 0 || count > std::numeric_limits<std::int32_t>::max()) return -1;
    return static_cast<std::int32_t>(count);
}

}  // namespace detail

/// A subscription, which ends when this object is destroyed. The destructor does not wait for a
/// call of the handler that runs on another thread. The object may outlive its service.
class [[nodiscard]] Subscription {
public:
    Subscription() = default;
    Subscription(Subscription &&other) noexcept
        : service_(other.service_), id_(std::exchange(other.id_, 0)) {}
    Subscription &operator=(Subscription &&other) noexcept {
        if (this != &other) {
            end();
            service_ = other.service_;
            id_ = std::exchange(other.id_, 0);
        }
        return *this;
    }
    Subscription(const Subscription &) = delete;
    Subscription &operator=(const Subscription &) = delete;
    ~Subscription() { end(); }

    /// Ends the subscription now. A handler may end its own.
    void end() noexcept {
        if (id_ == 0) return;
        const detail::Frame frame;
        cbsvc_unsubscribe(service_, std::exchange(id_, 0));
    }

    /// Leaves the subscription to the service, until that is closed.
    void detach() noexcept { id_ = 0; }

private:
    friend class Service;
    explicit Subscription(cbsvc_service *service) noexcept : service_(service) {}

    cbsvc_service *service_ = nullptr;
    std::uint64_t id_ = 0;
};

/// An open service; the destructor closes it. It can be moved, not copied. Several threads may
/// call its functions at the same time, also close(), and so may a forked child; only moving and
/// destroying it must not meet another use.
///
/// It may be destroyed inside one of its own handlers: it is then closed when the call that runs
/// the handler returns or, with Handlers::thread, on another thread.
///
/// Example:
///     callbackservice::Service other(
///         R"({"dataURL":"http://127.0.0.1:8080/genesys/1/service/callback/samples"})");
///     const auto booked = other.schedule(callbackservice::Options().phone_number("+14151110000"));
///     if (booked)
///         std::cout << "booked as " << booked->id() << '\n';
///     else
///         std::cerr << booked.error().what() << '\n';
class Service {
public:
    /// Opens a service. Throws Error, whose message names the key or position.
    explicit Service(const JsonText &config) : state_(std::make_shared<detail::State>()) {
        const char *const text = config.text().c_str();
        detail::Text error;
        detail::Frame frame;
        const cbsvc_status status = cbsvc_init(text, nullptr, nullptr, &service_, error.out());
        if (status != CBSVC_OK) throw Error(static_cast<Status>(status), error.str());
    }

    /// As the constructor, without an exception.
    [[nodiscard]] static Result<Service> open(const JsonText &config) {
        try {
            return Service(config);
        } catch (const Error &error) {
            return Unexpected(error);
        }
    }

    Service(Service &&other) noexcept
        : service_(std::exchange(other.service_, nullptr)), state_(std::move(other.state_)) {}
    /// Closes the service that this object has, as the destructor does.
    Service &operator=(Service &&other) noexcept {
        if (this != &other) {
            const Service old(std::move(*this));
            service_ = std::exchange(other.service_, nullptr);
            state_ = std::move(other.state_);
        }
        return *this;
    }
    Service(const Service &) = delete;
    Service &operator=(const Service &) = delete;

    /// Cancels asynchronous calls, runs the handlers of all completions, and waits without limit
    /// for calls of other threads. With Handlers::poll, what next_event() has not returned is
    /// discarded.
    ~Service() {
        if (service_) detail::close({service_, state_});
    }

    /// Closes the service before the destructor does, and waits up to the timeout for calls of
    /// other threads; whether they have left. Throws the exception of a handler, or Error: with
    /// Status::reentrant inside a handler of this service, and with Status::busy if next_event()
    /// has completions that have not been taken. The service then stays open.
    bool close(std::chrono::milliseconds timeout = no_limit) {
        detail::Frame frame;
        const cbsvc_status status = cbsvc_close(service_, detail::limit(timeout));
        // The handle stays: other threads may be reading it, and the library knows that it is
        // closed.
        frame.finish();
        if (status == CBSVC_BUSY) {
            throw Error(Status::busy, "take all completions with next_event, then close again");
        }
        if (status != CBSVC_OK && status != CBSVC_TIMEOUT) {
            throw Error(static_cast<Status>(status), "the service cannot be closed here");
        }
        return status == CBSVC_OK;
    }

    /// Runs a command by its name, such as CallbackService.schedule, and waits for the response.
    /// Throws the exception of a handler; the outcome is then returned by take_outcomes().
    [[nodiscard]] Result<Outcome> command(const std::string &name, const JsonText &data) {
        if (const Error *const error = data.error()) return Unexpected(*error);
        if (detail::has_nul(name)) {
            return Unexpected(
                Error(Status::unknown_command, "the name of the command contains a NUL"));
        }
        // Handlers may destroy this object, which is not used after the call.
        const std::shared_ptr<detail::State> state = state_;
        detail::Text text;
        detail::Frame frame;
        const cbsvc_status status =
            cbsvc_command(service_, name.c_str(), data.text().c_str(), text.out());
        const std::exception_ptr error = frame.leave();
        Result<Outcome> result = detail::result_of(static_cast<Status>(status), text.str());
        if (error) {
            if (state) state->keep(std::move(result));
            std::rethrow_exception(error);
        }
        return result;
    }

    /// As command(), and throws the Error of a rejected command.
    [[nodiscard]] Outcome command_or_throw(const std::string &name, const JsonText &data) {
        return detail::value_or_throw(command(name, data));
    }

    /// Prepares a command that runs asynchronously.
    AsyncCommand async(std::string name, JsonText data) {
        return AsyncCommand(service_, state_, std::move(name), std::move(data));
    }

// One line for each command: the function that returns a Result, the one that throws, and the one
// for asynchronous calls.
#define CALLBACKSERVICE_COMMAND(function, name)                       \
    [[nodiscard]] Result<Outcome> function(const JsonText &data) {    \
        return command("CallbackService." name, data);                \
    }                                                                 \
    [[nodiscard]] Outcome function##_or_throw(const JsonText &data) { \
        return command_or_throw("CallbackService." name, data);       \
    }                                                                 \
    AsyncCommand async_##function(JsonText data) {                    \
        return async("CallbackService." name, std::move(data));       \
    }

    CALLBACKSERVICE_COMMAND(schedule, "schedule")
    CALLBACKSERVICE_COMMAND(availability, "availability")
    CALLBACKSERVICE_COMMAND(cancel, "cancel")
    CALLBACKSERVICE_COMMAND(reschedule, "reschedule")
    CALLBACKSERVICE_COMMAND(retrieve, "retrieve")
    CALLBACKSERVICE_COMMAND(query, "query")
    CALLBACKSERVICE_COMMAND(queue_position, "queuePosition")
    CALLBACKSERVICE_COMMAND(estimated_wait_time, "estimatedWaitTime")
    CALLBACKSERVICE_COMMAND(queue_status, "queueStatus")
    CALLBACKSERVICE_COMMAND(open_for, "openFor")
    CALLBACKSERVICE_COMMAND(call_in, "callIn")
    CALLBACKSERVICE_COMMAND(submit, "submit")
    CALLBACKSERVICE_COMMAND(deliver, "deliver")
    CALLBACKSERVICE_COMMAND(outbox, "outbox")
    CALLBACKSERVICE_COMMAND(configure, "configure")
#undef CALLBACKSERVICE_COMMAND

    /// Subscribes a handler to an event, or to all (*), until the object that is returned is
    /// destroyed. The handler, which may be movable only, receives an Event, a Result<Outcome>, or
    /// the name of the event and its data as strings; it may be called on several threads at the
    /// same time if several call. An exception of the handler, called for CallbackService.ready,
    /// ends the subscription.
    ///
    /// Example:
    ///     std::size_t booked = 0;
    ///     const callbackservice::Subscription subscription = service.subscribe(
    ///         "CallbackService.scheduled", [&](const callbackservice::Event &) { ++booked; });
    template <typename Handler>
    Subscription subscribe(const std::string &event, Handler &&handler) {
        if (detail::has_nul(event))
            throw Error(Status::bad_option, "the name of the event contains a NUL");
        auto owned = detail::own(std::forward<Handler>(handler), state_);
        using Owned = typename decltype(owned)::element_type;
        Subscription subscription(service_);
        detail::Frame frame;
        const cbsvc_status status =
            cbsvc_subscribe(service_, event.c_str(), Owned::call, owned.release(), Owned::release,
                            &subscription.id_);
        frame.finish();
        if (status != CBSVC_OK) {
            throw Error(static_cast<Status>(status), "cannot subscribe to \"" + event + '"');
        }
        return subscription;
    }

    /// As subscribe(), until the service is closed.
    template <typename Handler>
    void on(const std::string &event, Handler &&handler) {
        subscribe(event, std::forward<Handler>(handler)).detach();
    }

    /// Sets the handler of exceptions that cannot be rethrown; an empty one removes it.
    void on_error(ErrorHandler handler) {
        if (state_) state_->set_error_handler(std::move(handler));
    }

    /// Starts a command by its name, with a handler as AsyncCommand::start() takes it.
    template <typename Handler>
    Call start(std::string name, JsonText data, Handler &&done) {
        return async(std::move(name), std::move(data)).start(std::forward<Handler>(done));
    }

    /// Runs the handlers of asynchronous calls that have ended, after waiting for one up to the
    /// timeout; whether there was something to run. Throws the exception of a handler, or Error.
    ///
    /// Example:
    ///     bool ended = false;
    ///     service.async_schedule(options).start(
    ///         [&](callbackservice::Result<callbackservice::Outcome>) { ended = true; });
    ///     while (!ended)
    ///         service.dispatch(callbackservice::no_limit);
    bool dispatch(std::chrono::milliseconds timeout = std::chrono::milliseconds(0)) {
        detail::Frame frame;
        const cbsvc_status status = cbsvc_dispatch(service_, detail::limit(timeout));
        frame.finish();
        if (status != CBSVC_OK && status != CBSVC_TIMEOUT) {
            throw Error(static_cast<Status>(status), "there is nothing to dispatch");
        }
        return status == CBSVC_OK;
    }

    /// With Handlers::poll, takes the next event or completion, after waiting for one up to the
    /// timeout. The errors are Status::timeout, and Status::closed when no more will come.
    ///
    /// Example:
    ///     const callbackservice::Call call = polled.async_schedule(options).start();
    ///     while (const auto event = polled.next_event(callbackservice::no_limit))
    ///         if (event->call() == call.id())
    ///             break;
    [[nodiscard]] Result<Event> next_event(
        std::chrono::milliseconds timeout = std::chrono::milliseconds(0)) {
        std::uint64_t call = 0;
        detail::Text event, data;
        const cbsvc_status status =
            cbsvc_next_event(service_, detail::limit(timeout), &call, event.out(), data.out());
        if (status == CBSVC_OK) return Event(event.str(), data.str(), call);
        return Unexpected(Error(static_cast<Status>(status), "there is no event"));
    }

    /// A descriptor that is readable while dispatch() or next_event() has work; on Windows, the
    /// handle of an event that is signalled. The service owns it.
    [[nodiscard]] std::intptr_t waitable() {
        std::intptr_t waitable = -1;
        const cbsvc_status status = cbsvc_waitable(service_, &waitable);
        if (status != CBSVC_OK)
            throw Error(static_cast<Status>(status), "there is nothing to wait for");
        return waitable;
    }

    /// Takes the outcomes of commands that threw the exception of a handler instead of returning,
    /// the oldest first. The newest 1,000 are kept.
    [[nodiscard]] std::vector<Result<Outcome>> take_outcomes() {
        return state_ ? state_->take_outcomes() : std::vector<Result<Outcome>>();
    }

    /// The C handle, for functions that this header does not wrap. The service keeps it.
    [[nodiscard]] cbsvc_service *get() const noexcept { return service_; }

private:
    cbsvc_service *service_ = nullptr;
    std::shared_ptr<detail::State> state_;
};

CALLBACKSERVICE_END

#endif  // CALLBACKSERVICE_SERVICE_HPP
