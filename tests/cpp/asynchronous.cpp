// Asynchronous calls: handlers, futures, cancellation, the descriptor, and the mode without handlers.
#include "check.hpp"

#include <poll.h>

using std::chrono::milliseconds;

static void handlers_and_futures() {
    Service service(config());
    std::string heard;
    auto owned = std::make_unique<std::string>("owned ");
    const Call call = service.async_schedule(book).start(
        [&, owned = std::move(owned)](Result<Outcome> outcome) { heard += *owned + outcome->state(); });
    CHECK(call.id() != 0 && heard.empty());
    pollfd ready{static_cast<int>(service.waitable()), POLLIN, 0};
    CHECK(::poll(&ready, 1, 20000) == 1);
    CHECK(service.dispatch() && heard == "owned resolved");
    CHECK(!call.cancel() && !Call().cancel() && Call().id() == 0);

    auto future = service.async_availability(R"({"numberOfDays":1})").future();
    CHECK(service.dispatch(soon) && !future.get()->slots().empty());
    auto rejected = service.async_schedule("[]").future();
    CHECK(service.dispatch(no_limit) && !rejected.get());
    CHECK(!service.dispatch(milliseconds(1)));
}

static void what_cannot_start() {
    Service service(config().set("queueLimit", 1));
    bool is_released = false;
    struct Watch {
        bool *released;
        explicit Watch(bool *flag) : released(flag) {}
        Watch(Watch &&other) noexcept : released(std::exchange(other.released, nullptr)) {}
        ~Watch() {
            if (released) *released = true;
        }
    };
    const Call first = service.async_configure("{}").start();
    CHECK(refused([&] {
              service.async_schedule(book).start([watch = Watch(&is_released)](const Event &) { std::abort(); });
          }) == Status::busy);
    CHECK(is_released);
    Call none;
    CHECK(service.async_schedule(book).into(none).future().get().error().status() == Status::busy && none.id() == 0);
    CHECK(refused([&] { service.async("CallbackService.nothing", "{}").start(); }) == Status::unknown_command);
    CHECK(service.dispatch() && !first.cancel());
    CHECK(refused([&] { Service(config(Handlers::thread)).dispatch(); }) == Status::wrong_mode);
    CHECK(refused([&] { (void)Service(config(Handlers::thread)).waitable(); }) == Status::wrong_mode);
    CHECK(service.next_event().error().status() == Status::wrong_mode);
}

static void cancelling() {
    Service service(config());
    Call call;
    auto future = service.async_schedule(book).into(call).future();
    const bool was_running = call.cancel();
    while (!service.dispatch(soon)) {
    }
    const Result<Outcome> outcome = future.get();
    CHECK(was_running != outcome.has_value());
    if (was_running) {
        CHECK(outcome.error().status() == Status::cancelled && outcome.error().details().booked != Happened::not_said);
    }
    // A service that is closed cancels its calls, unless the server was faster.
    auto closed = service.async_schedule(book).into(call).future();
    service.close();
    const Result<Outcome> ended = closed.get();
    CHECK((ended || ended.error().status() == Status::cancelled) && !call.cancel());
}

static void handlers_thread() {
    Service service(config(Handlers::thread));
    CHECK(service.async_schedule(book).future().get());
    std::vector<std::future<Result<Outcome>>> futures;
    for (int i = 0; i < 20; ++i) futures.push_back(service.async_schedule(book).future());
    for (auto &future : futures) CHECK(future.get());
}

/// A thread that dispatches ends when another one closes the service.
static void closing_beside_dispatch() {
    Service service(config());
    std::atomic<bool> is_dispatching{false};
    Status end = Status::ok;
    std::thread thread([&] {
        end = refused([&] {
            for (;;) {
                service.async_schedule(book).start([&](const Event &) { is_dispatching = true; });
                service.dispatch(no_limit);
            }
        });
    });
    wait_for([&] { return is_dispatching.load(); });
    CHECK(service.close());
    thread.join();
    CHECK(end == Status::closed || end == Status::bad_handle);
}

static void polling() {
    Service service(config(Handlers::poll));
    CHECK(service.next_event()->name() == "CallbackService.ready");
    CHECK(service.next_event(milliseconds(1)).error().status() == Status::timeout);
    CHECK(service.schedule(book));
    const Result<Event> event = service.next_event(soon);
    CHECK(event && event->call() == 0 && event->name() == scheduled && !event->outcome()->id().empty());
    const Call call = service.async_schedule(book).start();
    const Result<Event> completion = service.next_event(no_limit);
    CHECK(completion && completion->call() == call.id() && completion->outcome());
    CHECK(refused([&] { service.async_schedule(book).start([](const Event &) {}); }) == Status::wrong_mode);
    CHECK(service.async_schedule(book).future().get().error().status() == Status::wrong_mode);
    CHECK(refused([&] { service.on("*", [](const Event &) {}); }) == Status::wrong_mode);

    // What has not been taken is not lost by closing.
    const Call last = service.async_schedule(book).start();
    CHECK(refused([&] { service.close(); }) == Status::busy);
    std::size_t count = 0;
    Status end = Status::ok;
    while (end == Status::ok) {
        const Result<Event> next = service.next_event(no_limit);
        if (next) {
            count += next->call() == last.id();
        } else {
            end = next.error().status();
        }
    }
    CHECK(count == 1 && end == Status::closed && service.close() && open_services() == 0);
    // The destructor discards it.
    {
        Service other(config(Handlers::poll));
        other.async_schedule(book).start();
    }
    CHECK(open_services() == 0);
}

static void test() {
    handlers_and_futures();
    what_cannot_start();
    cancelling();
    handlers_thread();
    closing_beside_dispatch();
    polling();
    CHECK(detail::limit(milliseconds(-7)) == -1 && detail::limit(milliseconds::max()) == -1);
    CHECK(detail::limit(milliseconds(0)) == 0 && detail::limit(milliseconds(2147483647)) == 2147483647);
}
