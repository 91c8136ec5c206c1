// An exception of a handler is rethrown by the function that runs the handler.
#include "check.hpp"

static std::vector<std::string> heard, reported;

static void fail(const Event &event) {
    heard.push_back(event.name());
    throw std::runtime_error("disk full");
}

static void blocking(Service &service) {
    {
        const Subscription first = service.subscribe(scheduled, fail);
        const Subscription second = service.subscribe(scheduled, [](const Event &) { throw 42; });
        const Subscription third = service.subscribe(scheduled, [](const Event &) { heard.push_back("last"); });
        CHECK(thrown([&] { (void)service.schedule(book); }) == "disk full");
        CHECK((heard == std::vector<std::string>{scheduled, "last"}));
        CHECK((reported == std::vector<std::string>{"42"}));
        CHECK(thrown([&] { (void)service.schedule_or_throw(book); }) == "disk full");
        const std::vector<Result<Outcome>> outcomes = service.take_outcomes();
        CHECK(outcomes.size() == 2 && !outcomes[0]->id().empty() && outcomes[1]->state() == "resolved");
        CHECK(service.take_outcomes().empty());
    }
    CHECK(service.schedule(book));

    // A handler that throws while it is subscribed is not subscribed.
    CHECK(thrown([&] { service.on("*", fail); }) == "disk full");
    CHECK(service.schedule(book));

    // Only the newest outcomes are kept for a program that never takes them.
    const Subscription again = service.subscribe("CallbackService.availabilityError", fail);
    for (int i = 0; i < 1003; ++i) {
        CHECK(thrown([&] { (void)service.availability("[]"); }) == "disk full");
    }
    CHECK(service.take_outcomes().size() == 1000);
}

static void asynchronous(Service &service) {
    heard.clear();
    service.async_configure("{}").start([](const Event &) { throw 7; });
    service.async_configure("{}").start([](const Event &) { heard.push_back("done"); });
    CHECK(thrown([&] { service.dispatch(soon); }) == "7");
    CHECK(!service.dispatch() && (heard == std::vector<std::string>{"done"}));
}

/// An exception passes through the handler that made the inner call.
static void nested(Service &service) {
    const Subscription inner = service.subscribe("CallbackService.availableSlots", fail);
    const Subscription outer =
        service.subscribe(scheduled, [&](const Event &) { (void)service.availability(R"({"numberOfDays":1})"); });
    CHECK(thrown([&] { (void)service.schedule(book); }) == "disk full");
    CHECK(service.take_outcomes().size() == 2);
}

static void closing() {
    {
        Service service(config());
        service.async_configure("{}").start([](const Event &) { throw 8; });
        CHECK(thrown([&] { service.close(); }) == "8");
        CHECK(service.schedule(book).error().status() == Status::bad_handle);
    }
    Service service(config());
    service.on_error([](std::exception_ptr error) { reported.push_back(what(error)); });
    service.async_schedule(book).start([](const Event &) { throw 9; });
    reported.clear();
    {
        const Service last(std::move(service));
    }
    CHECK((reported == std::vector<std::string>{"9"}));
}

static void handlers_thread() {
    std::atomic<int> count{0};
    Service service(config(Handlers::thread));
    service.on_error([&](std::exception_ptr error) {
        if (what(error) == "disk full") ++count;
    });
    const auto throws = [](const Event &) { throw std::runtime_error("disk full"); };
    service.on(scheduled, throws);
    service.async_schedule(book).start(throws);
    CHECK(service.schedule(book));
    wait_for([&] { return count == 3; });
    std::atomic<bool> ended{false};
    service.async_schedule(book).start([&](const Event &) { ended = true; });
    wait_for([&] { return ended && count == 4; });
}

static void test() {
    {
        Service service(config());
        service.on_error([](std::exception_ptr error) { reported.push_back(what(error)); });
        blocking(service);
        asynchronous(service);
        nested(service);
    }
    closing();
    handlers_thread();
}
