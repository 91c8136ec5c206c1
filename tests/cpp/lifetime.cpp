// Services and subscriptions that are moved, and that end inside their own handlers.
#include "check.hpp"

struct Session : std::enable_shared_from_this<Session> {
    Service service;
    explicit Session(Handlers handlers) : service(config(handlers)) {}
    void start() {
        service.async_schedule(book).start([self = shared_from_this()](const std::string &, const std::string &) {});
    }
};

static const Handlers both[] = {Handlers::caller, Handlers::thread};

static void last_owner_is_a_call() {
    const std::size_t before = threads();
    for (int i = 0; i < 100; ++i) std::make_shared<Session>(Handlers::thread)->start();
    wait_for([&] { return open_services() == 0 && threads() <= before; });

    for (int i = 0; i < 50; ++i) {
        auto session = std::make_shared<Session>(Handlers::caller);
        session->start();
        Service &service = session->service;
        session.reset();
        CHECK(open_services() == 1);
        while (!service.dispatch(soon)) {
        }
        CHECK(open_services() == 0);
    }
    // A cancelled outcome is the last that the call gets.
    {
        auto session = std::make_shared<Session>(Handlers::thread);
        session->start();
        session->service.async_configure("{}").start([session](const Event &) mutable { session.reset(); });
    }
    wait_for([&] { return open_services() == 0 && threads() <= before; });
}

static void last_owner_goes_in_a_handler() {
    const std::size_t before = threads();
    for (const Handlers handlers : both) {
        auto session = std::make_shared<Session>(handlers);
        Service &service = session->service;
        std::atomic<bool> released{false};
        service.on(scheduled, [&](const Event &) {
            session.reset();
            released = true;
        });
        CHECK(service.schedule(book));
        wait_for([&] { return released && open_services() == 0 && threads() <= before; });
    }
    // In a call inside a handler of another service.
    for (const Handlers handlers : both) {
        Service outer(config(handlers));
        auto inner = std::make_shared<Session>(Handlers::caller);
        inner->start();
        Service *const service = &inner->service;
        inner.reset();
        std::atomic<bool> ended{false};
        outer.on(scheduled, [&](const Event &) {
            while (!service->dispatch(soon)) {
            }
            CHECK(open_services() == 1);
            ended = true;
        });
        CHECK(outer.schedule(book));
        wait_for([&] { return ended.load(); });
    }
    wait_for([&] { return open_services() == 0 && threads() <= before; });
}

static void moving_services() {
    std::string states;
    Service first(config());
    first.async_schedule(book).start([&](Result<Outcome> outcome) {
        if (!outcome) states += status_name(outcome.error().status());
    });
    Service second(config());
    cbsvc_service *const kept = second.get();
    first = std::move(second);
    CHECK(states == "CANCELLED" && open_services() == 1 && first.get() == kept);
    CHECK(second.get() == nullptr && second.schedule(book).error().status() == Status::bad_handle);
    CHECK(refused([&] { second.async_schedule(book).start(); }) == Status::bad_handle);
    CHECK(refused([&] { second.on("*", [](const Event &) {}); }) == Status::bad_handle);
    CHECK(refused([&] { second.dispatch(); }) == Status::bad_handle);
    CHECK(refused([&] { second.close(); }) == Status::bad_handle);
    CHECK(second.next_event().error().status() == Status::bad_handle);
    CHECK(second.take_outcomes().empty());
    second.on_error(nullptr);
    Service &same = first;
    first = std::move(same);
    CHECK(first.get() == kept);
    first = Service(config());
    CHECK(open_services() == 1 && first.get() != kept);
    second = std::move(first);
    CHECK(open_services() == 1);
    {
        const Service third(std::move(second));
    }
    CHECK(open_services() == 0);
    second = Service(config());
    CHECK(second.close() && open_services() == 0);
    CHECK(Service::open(config()) && Service::open("{}").error().status() == Status::config);
    CHECK(open_services() == 0);
}

static void subscriptions() {
    int count = 0;
    const auto counting = [&](const Event &) { ++count; };
    std::vector<Subscription> kept;
    {
        Service service(config());
        {
            const Subscription one = service.subscribe(scheduled, counting);
            CHECK(service.schedule(book) && count == 1);
        }
        CHECK(service.schedule(book) && count == 1);
        kept.push_back(service.subscribe(scheduled, counting));
        Subscription moved = std::move(kept[0]);
        kept.clear();
        CHECK(service.schedule(book) && count == 2);
        moved = service.subscribe(scheduled, counting);
        CHECK(service.schedule(book) && count == 3);
        moved.end();
        moved.end();
        CHECK(service.schedule(book) && count == 3);
        service.subscribe(scheduled, counting).detach();
        service.on(scheduled, counting);
        CHECK(service.schedule(book) && count == 5);

        // A handler ends its own subscription.
        Subscription own;
        own = service.subscribe(scheduled, [&](const Event &) { own.end(); });
        CHECK(service.schedule(book) && service.schedule(book) && count == 9);
        kept.push_back(service.subscribe("*", counting));
        // What a handler owns goes with its subscription.
        auto shared = std::make_shared<int>(0);
        const std::weak_ptr<int> watched = shared;
        Subscription owner = service.subscribe(scheduled, [value = std::move(shared)](const Event &) {});
        CHECK(!watched.expired());
        owner = Subscription();
        CHECK(watched.expired());
    }
    // The service has gone first.
    kept.clear();
}

static void own_handler_cannot_close() {
    Service service(config());
    CHECK(refused([&] { service.on("CallbackService.ready", [&](const Event &) { service.close(); }); }) ==
          Status::reentrant);
    CHECK(open_services() == 1);
}

static void test() {
    last_owner_is_a_call();
    last_owner_goes_in_a_handler();
    moving_services();
    subscriptions();
    own_handler_cannot_close();
}
