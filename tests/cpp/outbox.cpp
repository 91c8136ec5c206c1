// Bookings that are stored while the server is away, and delivered when it is there.
#include "check.hpp"

#include <filesystem>

#include <unistd.h>

namespace fs = std::filesystem;

/// A directory for a file of the outbox.
struct Directory {
    fs::path path = fs::temp_directory_path() / ("outbox-" + std::to_string(getpid()));
    Directory() { fs::create_directory(path); }
    ~Directory() { fs::remove_all(path); }
    [[nodiscard]] std::string file() const { return (path / "callbacks.db").string(); }
};

static const std::string away = "http://127.0.0.1:1/genesys/1/service/callback/samples";

static Config stored(const std::string &server, const std::string &file, Deliver what = Deliver::command) {
    return Config(server).no_proxy().timeout(soon).outbox(file, what).set_at("/outbox/maxDelayMs", "1");
}

static OutboxEntry only(Service &service) {
    const std::vector<OutboxEntry> entries = service.outbox_or_throw(Options()).entries();
    CHECK(entries.size() == 1);
    return entries[0];
}

static void waits_for_a_server_that_is_away(const std::string &file) {
    Service service(stored(away, file));
    const Time time = *detail::parse_time("2030-12-01T11:00:00.000Z");
    const Options options = Options().key("order-5").phone_number("+14151110000").desired_time(time);
    const Outcome submitted = service.submit_or_throw(options);
    CHECK(submitted.entry().size() == 36 && submitted.key() == "order-5" && submitted.delivery() == "waiting");
    CHECK(service.submit_or_throw(options).entry() == submitted.entry() && !submitted.delivery_counts());
    const DeliveryCounts counts = *service.deliver_or_throw(Options().timeout(soon)).delivery_counts();
    CHECK(counts.waiting == 1 && counts.delivered + counts.refused + counts.unknown + counts.expired == 0);
    const OutboxEntry entry = only(service);
    CHECK(entry.entry == submitted.entry() && entry.key == "order-5" && entry.delivery == "waiting" && entry.id.empty());
    CHECK(entry.attempts == 1 && entry.submitted_at && entry.next_attempt_at && entry.desired_time == time);
    CHECK(entry.error && entry.error->status == Status::connect && entry.error->booked == Happened::no);
    CHECK(service.outbox_or_throw(Options().key("other")).entries().empty());
    CHECK(service.outbox_or_throw(Options().delivery("waiting").limit(1)).entries().size() == 1);
    const Outcome again = service.outbox_or_throw(Options().entry(entry.entry).action("resend"));
    CHECK(again.entries().size() == 1 && again.entries()[0].delivery == "waiting" && !again.entries()[0].id.size());
    const Outcome forgotten = service.outbox_or_throw(Options().entry(entry.entry).action("forget"));
    CHECK(forgotten.entries().size() == 1 && service.outbox_or_throw(Options()).entries().empty());
    CHECK(service.outbox(Options().entry(entry.entry).action("resend")).error().status() == Status::no_such);
}

static void delivers(const std::string &file, Deliver what) {
    Service service(stored(url, file, what));
    std::string delivered;
    service.on("CallbackService.scheduled", [&](const Event &event) {
        CHECK(event.outcome()->entry() == event.entry() && event.outcome()->key() == event.key());
        CHECK(!event.outcome()->id().empty());
        delivered += event.entry() + event.key();
    });
    const std::string key = what == Deliver::thread ? "thread" : "command";
    const std::string entry = service.submit_or_throw(Options(book).key(key)).entry();
    if (what == Deliver::command) {
        bool is_done = false;
        service.async_deliver(Options()).start([&](Result<Outcome> outcome) {
            is_done = outcome->delivery_counts()->delivered == 1;
        });
        wait_for([&] { return service.dispatch() && is_done; });
    }
    wait_for([&] {
        service.dispatch();
        return !delivered.empty();
    });
    CHECK(delivered == entry + key);
    const OutboxEntry found = service.outbox_or_throw(Options().entry(entry)).entries()[0];
    CHECK(found.delivery == "delivered" && !found.id.empty() && !found.error && !found.next_attempt_at);
}

static void expires(const std::string &file) {
    Service service(stored(away, file).set_at("/outbox/maxAgeMs", "0"));
    std::string failed;
    service.on("CallbackService.scheduleError", [&](const Event &event) {
        CHECK(event.outcome().error().status() == Status::expired);
        failed = event.entry();
    });
    const std::string entry = service.submit_or_throw(book).entry();
    wait_for([&] { return service.deliver_or_throw("{}").delivery_counts()->expired == 1; });
    CHECK(failed == entry && only(service).error->status == Status::expired);
}

static void refuses(const std::string &directory) {
    Service service(stored(away, directory));
    CHECK(service.submit(book).error().status() == Status::storage);
    CHECK(service.deliver(Options().timeout(no_limit)).error().status() == Status::bad_option);
    CHECK(service.deliver(Options().timeout(std::chrono::milliseconds(0))).error().status() == Status::bad_option);
    CHECK(service.outbox(Options().limit(0)).error().status() == Status::bad_option);
    Service without(config());
    CHECK(without.submit(book).error().status() == Status::wrong_mode);
}

static void test() {
    const Directory directory;
    waits_for_a_server_that_is_away(directory.file());
    delivers(directory.file(), Deliver::command);
    delivers(directory.file(), Deliver::thread);
    expires(directory.file() + "2");
    refuses(directory.path.string());
}
