// Coroutines that wait for asynchronous calls.
#include "check.hpp"

#include <coroutine>

/// A coroutine that runs by itself; destroying this object destroys it while it waits.
class Task {
public:
    struct promise_type {
        Task get_return_object() { return Task(std::coroutine_handle<promise_type>::from_promise(*this)); }
        std::suspend_never initial_suspend() noexcept { return {}; }
        std::suspend_always final_suspend() noexcept { return {}; }
        void return_void() {}
        void unhandled_exception() { throw; }
    };

    explicit Task(std::coroutine_handle<promise_type> coroutine) : coroutine_(coroutine) {}
    Task(const Task &) = delete;
    Task &operator=(const Task &) = delete;
    ~Task() { coroutine_.destroy(); }

    bool is_done() const { return coroutine_.done(); }

private:
    std::coroutine_handle<promise_type> coroutine_;
};

static Task book_first_slot(Service &service, std::string &id, std::atomic<bool> &is_done) {
    const Result<Outcome> available = co_await service.async_availability(R"({"numberOfDays":2})");
    CHECK(available && !available->slots().empty());
    const Options options = Options().phone_number("+14151110000").desired_time(available->slots()[0].utc_time);
    const Result<Outcome> booked = co_await service.async_schedule(options);
    CHECK(booked);
    id = booked->id();
    is_done = true;
}

static void resumed_inside_dispatch() {
    Service service(config());
    std::string id;
    std::atomic<bool> is_done{false};
    const Task task = book_first_slot(service, id, is_done);
    CHECK(!is_done && id.empty());
    while (!task.is_done()) service.dispatch(soon);
    CHECK(!id.empty());
}

static void resumed_on_the_handlers_thread() {
    Service service(config(Handlers::thread));
    for (int i = 0; i < 50; ++i) {
        std::string id;
        std::atomic<bool> is_done{false};
        const Task task = book_first_slot(service, id, is_done);
        wait_for([&] { return is_done.load() && task.is_done(); });
        CHECK(!id.empty());
    }
}

static Task wait_for_outcome(Service &service, const JsonText &data, Call &call, Status &status) {
    const Result<Outcome> outcome = co_await service.async_schedule(data).into(call);
    status = outcome ? Status::ok : outcome.error().status();
}

static void without_a_booking() {
    Service service(config());
    Call call;
    Status status = Status::ok;
    {
        const Task cancelled = wait_for_outcome(service, book, call, status);
        CHECK(call.cancel());
        while (!cancelled.is_done()) service.dispatch(soon);
        CHECK(status == Status::cancelled);
        const Task refused = wait_for_outcome(service, std::string(1, '\0'), call, status);
        CHECK(refused.is_done() && status == Status::not_json);
        const Task rejected = wait_for_outcome(service, "[]", call, status);
        CHECK(service.dispatch(soon) && rejected.is_done() && status != Status::ok);
    }
    // One that is destroyed while it waits is not resumed.
    status = Status::panic;
    {
        const Task destroyed = wait_for_outcome(service, book, call, status);
    }
    CHECK(service.dispatch(soon) && status == Status::panic);
    Service polled(config(Handlers::poll));
    const Task wrong = wait_for_outcome(polled, book, call, status);
    CHECK(wrong.is_done() && status == Status::wrong_mode);
}

static Task throws(Service &service) {
    const Result<Outcome> outcome = co_await service.async_configure(Config().timeout(soon));
    throw std::runtime_error(outcome->state());
}

static Task closes(std::unique_ptr<Service> service, std::atomic<bool> &is_done) {
    const Result<Outcome> outcome = co_await service->async_schedule(book);
    service.reset();
    is_done = true;
}

static void leaving_handlers() {
    Service service(config());
    const Task task = throws(service);
    CHECK(thrown([&] { service.dispatch(); }) == "resolved");
    for (int i = 0; i < 20; ++i) {
        std::atomic<bool> is_done{false};
        const Task closing = closes(std::make_unique<Service>(config(Handlers::thread)), is_done);
        wait_for([&] { return is_done && closing.is_done() && open_services() == 1; });
    }
}

static void test() {
    resumed_inside_dispatch();
    resumed_on_the_handlers_thread();
    without_a_booking();
    leaving_handlers();
}
