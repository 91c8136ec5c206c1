// Asynchronous calls. Part of callbackservice.hpp.
#ifndef CALLBACKSERVICE_CALL_HPP
#define CALLBACKSERVICE_CALL_HPP

#include <callbackservice/handlers.hpp>
#include <callbackservice/options.hpp>

#include <atomic>
#include <future>
#include <memory>
#include <string>
#include <utility>

CALLBACKSERVICE_BEGIN

/// An asynchronous call. It is a number: copying it does not start another call, and destroying it
/// does not cancel. Any thread may use it, also after the call and the service have ended.
class Call {
public:
    Call() = default;

    /// Cancels the call, which then completes with Status::cancelled; a booking may have reached
    /// the server by then. Whether the call was still running.
    bool cancel() const noexcept { return cbsvc_cancel(service_, id_) == CBSVC_OK; }

    /// The number of the call, as next_event() returns it; 0 before the call has started.
    [[nodiscard]] std::uint64_t id() const noexcept { return id_; }

private:
    friend class AsyncCommand;

    cbsvc_service *service_ = nullptr;
    std::uint64_t id_ = 0;
};

/// A command that is to run asynchronously. It is sent when it is started, in one of three ways:
/// start(), future() or co_await. Its handler runs, its future becomes ready, and its coroutine is
/// resumed inside dispatch(), or with Handlers::thread on the handlers' thread.
///
/// Example:
///     callbackservice::Call call;
///     std::future<callbackservice::Result<callbackservice::Outcome>> booked =
///         service.async_schedule(options).into(call).future();
///     service.dispatch(std::chrono::seconds(5));
///     if (booked.wait_for(std::chrono::seconds(0)) != std::future_status::ready) call.cancel();
class [[nodiscard]] AsyncCommand {
public:
    AsyncCommand(cbsvc_service *service, std::shared_ptr<detail::State> state, std::string name,
                 JsonText data)
        : service_(service),
          state_(std::move(state)),
          name_(std::move(name)),
          data_(std::move(data)) {}
    AsyncCommand(AsyncCommand &&) = default;
    AsyncCommand &operator=(AsyncCommand &&) = delete;
    ~AsyncCommand() {
        if (suspended_) suspended_->coroutine = nullptr;
    }

    /// Where to put the call when it starts. It must be there until the call has started.
    AsyncCommand &&into(Call &call) && {
        into_ = &call;
        return std::move(*this);
    }

    /// Starts the call. The handler, which may be movable only, receives a Result<Outcome>, an
    /// Event, or the name of the event and the outcome as strings. Throws Error if the call cannot
    /// start; the handler is then not called.
    template <typename Handler>
    Call start(Handler &&done) {
        Call local;
        Call &call = into_ ? *into_ : local;
        launch(std::forward<Handler>(done), call);
        return call;
    }

    /// Starts the call without a handler. With Handlers::poll, next_event() returns its outcome.
    Call start() {
        Call local;
        Call &call = into_ ? *into_ : local;
        check();
        begin(nullptr, nullptr, nullptr, call);
        return call;
    }

    /// Starts the call. A call that cannot start is an Error in the future. Waiting for the future
    /// does not dispatch: another thread must, or the service has Handlers::thread.
    [[nodiscard]] std::future<Result<Outcome>> future() {
        std::promise<Result<Outcome>> promise;
        std::future<Result<Outcome>> future = promise.get_future();
        try {
            start([promise = std::move(promise)](Result<Outcome> outcome) mutable {
                promise.set_value(std::move(outcome));
            });
        } catch (const Error &error) {
            std::promise<Result<Outcome>> failed;
            failed.set_value(Unexpected(error));
            return failed.get_future();
        }
        return future;
    }

    // The functions of an awaitable, for co_await in C++20. It returns the Result<Outcome>, also
    // of a call that cannot start. A coroutine that is destroyed while it waits is not resumed;
    // its call goes on unless it is cancelled.
    [[nodiscard]] bool await_ready() const noexcept { return false; }
    template <typename Coroutine>
    bool await_suspend(Coroutine coroutine) {
        suspended_ = std::make_shared<Suspended>();
        suspended_->coroutine = coroutine.address();
        const auto done = [suspended = suspended_](Result<Outcome> outcome) {
            suspended->outcome.emplace(std::move(outcome));
            if (void *const address = suspended->coroutine.exchange(nullptr)) {
                Coroutine::from_address(address).resume();
            }
        };
        // Once the call has started, the coroutine may go on, on the handlers' thread, and end:
        // neither this object nor *into_ is used then.
        Call local;
        try {
            launch(done, into_ ? *into_ : local);
        } catch (const Error &error) {
            suspended_->outcome.emplace(Unexpected(error));
            return false;
        }
        return true;
    }
    [[nodiscard]] Result<Outcome> await_resume() { return *std::move(suspended_->outcome); }

private:
    struct Suspended {
        std::atomic<void *> coroutine{nullptr};
        std::optional<Result<Outcome>> outcome;
    };

    template <typename Handler>
    void launch(Handler &&done, Call &call) {
        check();
        auto owned = detail::own(std::forward<Handler>(done), state_);
        using Owned = typename decltype(owned)::element_type;
        begin(Owned::call, owned.release(), Owned::release, call);
    }

    void check() const {
        if (const Error *const error = data_.error()) throw *error;
        if (detail::has_nul(name_)) {
            throw Error(Status::unknown_command, "the name of the command contains a NUL");
        }
    }

    void begin(cbsvc_handler done, void *user_data, cbsvc_release release, Call &call) {
        const std::string name = std::move(name_);
        const JsonText data = std::move(data_);
        const detail::Frame frame;
        call.service_ = service_;
        const cbsvc_status status = cbsvc_start(service_, name.c_str(), data.text().c_str(), done,
                                                user_data, release, &call.id_);
        if (status != CBSVC_OK) {
            throw Error(static_cast<Status>(status), '"' + name + "\" cannot be started");
        }
    }

    cbsvc_service *service_;
    std::shared_ptr<detail::State> state_;
    std::string name_;
    JsonText data_;
    Call *into_ = nullptr;
    std::shared_ptr<Suspended> suspended_;
};

CALLBACKSERVICE_END

#endif  // CALLBACKSERVICE_CALL_HPP
