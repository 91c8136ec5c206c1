"""The C++ header: exceptions of handlers, services that end inside their handlers, moving, and texts with a NUL."""

import signal
import subprocess

from support import Case, Sandbox, run
from booking_server import Server

STRICT = ["-std=c++17", "-Wpedantic"]

PRELUDE = r"""
#include <callbackservice.hpp>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>
using namespace callbackservice;

#define CHECK(condition) \
    do { \
        if (!(condition)) { \
            std::fprintf(stderr, "line %d: %s\n", __LINE__, #condition); \
            std::exit(1); \
        } \
    } while (0)

static std::string url;
extern const char *const book, *const schedule, *const scheduled;
const char *const book = R"({"phonenumber":"+14151110000"})";
const char *const schedule = "CallbackService.schedule";
const char *const scheduled = "CallbackService.scheduled";

inline std::string config(const char *mode = "caller") {
    return R"({"proxy":"none","ajaxTimeout":20000,"handlers":")" + std::string(mode) + R"(","dataURL":")" + url + "\"}";
}

template <typename Condition>
void wait_for(Condition condition) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!condition()) {
        CHECK(std::chrono::steady_clock::now() < deadline);
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
}

inline std::string what(const std::exception_ptr &error) {
    try {
        std::rethrow_exception(error);
    } catch (const std::exception &exception) {
        return exception.what();
    } catch (int number) {
        return std::to_string(number);
    }
}

template <typename Function>
std::string thrown(Function function) {
    try {
        function();
    } catch (...) {
        return what(std::current_exception());
    }
    return "";
}

inline std::size_t open_services() {
    char *text;
    CHECK(cbsvc_diagnostics(&text) == CBSVC_OK);
    const std::string json(text);
    cbsvc_string_free(text);
    std::size_t count = 0;
    for (std::size_t at = 0; (at = json.find("\"server\"", at)) != std::string::npos; ++at) ++count;
    return count;
}

inline std::size_t threads() {
    std::size_t count = 0;
    std::FILE *file = std::fopen("/proc/self/status", "r");
    char line[256];
    while (std::fgets(line, sizeof line, file)) std::sscanf(line, "Threads: %zu", &count);
    std::fclose(file);
    return count;
}

static void test();

int main(int argc, char **argv) {
    CHECK(argc == 2);
    url = argv[1];
    test();
    std::puts("done");
}
"""


class Program(Case):
    def build(self, body, *options):
        return self.compile(PRELUDE + body, *(options or STRICT), compiler="g++")

    def check(self, body, url, *options):
        self.assertEqual(run(self.build(body, *options), url), "done\n")


class Exceptions(Program):
    def test_the_function_that_runs_a_handler_rethrows_its_exception(self):
        body = r"""
static void test() {
    std::vector<std::string> heard, reported;
    {
        Service service(config());
        service.on_error([&](std::exception_ptr error) { reported.push_back(what(error)); });
        const auto fail = [&](const std::string &event, const std::string &) {
            heard.push_back(event);
            throw std::runtime_error("disk full");
        };
        const std::uint64_t first = service.on(scheduled, fail);
        const std::uint64_t second = service.on(scheduled, [](const std::string &, const std::string &) { throw 42; });
        const std::uint64_t last = service.on(scheduled, [&](const std::string &, const std::string &) { heard.push_back("last"); });
        CHECK(thrown([&] { service.schedule(book); }) == "disk full");
        CHECK((heard == std::vector<std::string>{scheduled, "last"}));
        CHECK((reported == std::vector<std::string>{"42"}));
        CHECK(thrown([&] { service.command(schedule, book); }) == "disk full");
        const std::vector<Outcome> outcomes = service.take_outcomes();
        CHECK(outcomes.size() == 2 && outcomes[0] && outcomes[1].text().find("\"resolved\"") != std::string::npos);
        CHECK(service.take_outcomes().empty());
        service.off(first);
        service.off(second);
        CHECK(service.schedule(book));

        CHECK(thrown([&] { service.on("*", fail); }) == "disk full");
        CHECK(thrown([&] { service.availability("{}"); }) == "disk full");
        heard.clear();
        const char *const configure = "CallbackService.configure";
        service.start(configure, "{}", [&](const std::string &, const std::string &) { throw 7; });
        service.start(configure, "{}", [&](const std::string &, const std::string &) { heard.push_back("done"); });
        CHECK(thrown([&] { service.dispatch(5000); }) == "7");
        CHECK(!service.dispatch() && (heard == std::vector<std::string>{"done"}));

        // An exception passes through the handler that made the inner call.
        service.off(last);
        service.on(scheduled, [&](const std::string &, const std::string &) { service.availability("{}"); });
        CHECK(thrown([&] { service.schedule(book); }) == "disk full");

        service.start(configure, "{}", [&](const std::string &, const std::string &) { throw 8; });
        CHECK(thrown([&] { service.close(); }) == "8");
        CHECK(thrown([&] { service.schedule(book); }) == "");
        CHECK(service.schedule(book).status() == CBSVC_BAD_HANDLE);
        reported.clear();
    }
    {
        Service service(config());
        service.on_error([&](std::exception_ptr error) { reported.push_back(what(error)); });
        service.start(schedule, book, [&](const std::string &, const std::string &) { throw 9; });
    }
    CHECK((reported == std::vector<std::string>{"9"}));
}
"""
        for dialect in ["-std=c++11", "-std=c++17", "-std=c++23"]:
            with self.subTest(dialect), Sandbox() as sandbox:
                if dialect == "-std=c++11":
                    self.check(body, sandbox.v1, dialect, "-Wpedantic")
                else:
                    self.check(body, sandbox.v1, dialect)

    def test_an_exception_on_the_handlers_thread_goes_to_the_error_handler(self):
        body = r"""
static void test() {
    std::atomic<int> reported{0};
    Service service(config("thread"));
    service.on_error([&](std::exception_ptr error) { if (what(error) == "disk full") ++reported; });
    service.on(scheduled, [](const std::string &, const std::string &) { throw std::runtime_error("disk full"); });
    service.start(schedule, book, [](const std::string &, const std::string &) { throw std::runtime_error("disk full"); });
    CHECK(service.schedule(book));
    wait_for([&] { return reported == 3; });
    std::atomic<bool> ended{false};
    service.start(schedule, book, [&](const std::string &, const std::string &) { ended = true; });
    wait_for([&] { return ended && reported == 4; });
}
"""
        with Sandbox() as sandbox:
            self.check(body, sandbox.v1)

    def test_without_one_the_program_ends_with_the_message(self):
        bodies = {
            "handlers' thread": r"""
static void test() {
    Service service(config("thread"));
    service.start(schedule, book, [](const std::string &, const std::string &) { throw std::runtime_error("disk full"); });
    std::this_thread::sleep_for(std::chrono::seconds(20));
}
""",
            "destructor": r"""
static void test() {
    Service service(config());
    service.start(schedule, book, [](const std::string &, const std::string &) { throw std::runtime_error("disk full"); });
}
""",
        }
        for name, body in bodies.items():
            with self.subTest(name):
                done = subprocess.run([self.build(body), "http://127.0.0.1:1/x"], capture_output=True, text=True)
                self.assertEqual(done.returncode, -signal.SIGABRT)
                self.assertIn("disk full", done.stderr)


class Lifetime(Program):
    SESSION = r"""
struct Session : std::enable_shared_from_this<Session> {
    Service service;
    explicit Session(const char *mode) : service(config(mode)) {}
    void start() {
        service.start(schedule, book, [self = shared_from_this()](const std::string &, const std::string &) {});
    }
};
"""

    def test_a_service_may_lose_its_last_owner_inside_its_handler(self):
        body = (
            self.SESSION
            + r"""
static void test() {
    const std::size_t before = threads();
    for (int i = 0; i < 50; ++i) std::make_shared<Session>("thread")->start();
    wait_for([&] { return open_services() == 0 && threads() <= before; });

    // Its last owner is the started call itself, or a subscription.
    for (int i = 0; i < 50; ++i) {
        auto session = std::make_shared<Session>("caller");
        session->start();
        Service &service = session->service;
        session.reset();
        CHECK(open_services() == 1);
        while (!service.dispatch(5000)) {}
        CHECK(open_services() == 0);
    }
    for (const char *mode : {"caller", "thread"}) {
        auto session = std::make_shared<Session>(mode);
        Service &service = session->service;
        std::atomic<bool> released{false};
        session->service.on(scheduled, [&](const std::string &, const std::string &) {
            session.reset();
            released = true;
        });
        CHECK(service.schedule(book));
        wait_for([&] { return released && open_services() == 0 && threads() <= before; });
    }
    // Inside a handler of another service, by a nested call.
    for (const char *mode : {"caller", "thread"}) {
        Service outer(config(mode));
        auto inner = std::make_shared<Session>("caller");
        inner->start();
        Service *service = &inner->service;
        inner.reset();
        std::atomic<bool> ended{false};
        outer.on(scheduled, [&](const std::string &, const std::string &) {
            while (!service->dispatch(5000)) {}
            CHECK(open_services() == 1);
            ended = true;
        });
        CHECK(outer.schedule(book));
        wait_for([&] { return ended.load(); });
    }
    wait_for([&] { return open_services() == 0 && threads() <= before; });
    // With a call under way, whose cancelled outcome is the last that it gets.
    {
        auto session = std::make_shared<Session>("thread");
        session->start();
        session->service.start("CallbackService.configure", "{}", [session](const std::string &, const std::string &) mutable {
            session.reset();
        });
    }
    wait_for([&] { return open_services() == 0 && threads() <= before; });
}
"""
        )
        with Sandbox() as sandbox:
            self.check(body, sandbox.v1)

    def test_move_assignment_closes_the_service_that_was_there(self):
        body = r"""
static void test() {
    std::string states;
    Service first(config());
    first.start(schedule, book, [&](const std::string &, const std::string &) { states += "first "; });
    Service second(config());
    cbsvc_service *const kept = second.get();
    first = std::move(second);
    CHECK(states == "first " && open_services() == 1 && first.get() == kept);
    CHECK(second.get() == nullptr && second.schedule(book).status() == CBSVC_BAD_HANDLE);
    CHECK(second.take_outcomes().empty());
    second.on_error(nullptr);
    Service &same = first;
    first = std::move(same);
    CHECK(first.get() == kept);
    first = Service(config());
    CHECK(open_services() == 1 && first.get() != kept);
    second = std::move(first);
    CHECK(open_services() == 1);
    { const Service third(std::move(second)); }
    CHECK(open_services() == 0);
    second = Service(config());
    CHECK(second.close() && open_services() == 0);
}
"""
        self.check(body, "http://127.0.0.1:1/x")

    def test_a_handler_cannot_close_its_own_service(self):
        body = r"""
static void test() {
    Service service(config());
    const auto close = [&](const std::string &, const std::string &) { service.close(); };
    CHECK(thrown([&] { service.on("CallbackService.ready", close); }).find("REENTRANT") == 0);
    CHECK(open_services() == 1);
}
"""
        self.check(body, "http://127.0.0.1:1/x")


class Texts(Program):
    def test_a_text_with_a_nul_is_refused(self):
        body = r"""
static void test() {
    const auto ignore = [](const std::string &, const std::string &) {};
    const std::string nul(1, '\0'), cut = R"({"phonenumber":"1"})" + nul;
    CHECK(thrown([&] { Service(config() + nul); }).find("NOT_JSON") == 0);
    CHECK(thrown([&] { Service(config() + nul + "x"); }).find("NOT_JSON") == 0);
    Service service(config());
    CHECK(thrown([&] { service.configure("{}" + nul); }).find("NOT_JSON") == 0);
    for (const std::string &data : {cut, cut + R"(,"desiredtime":"2030-01-01T00:00:00Z"})", nul, nul + book,
                                    R"({"phonenumber":"1)" + nul + R"(2"})", R"({"phonenumber":"1","a)" + nul + R"(b":1})"}) {
        CHECK(service.schedule(data).status() == CBSVC_NOT_JSON);
        CHECK(service.availability(data).status() == CBSVC_NOT_JSON);
        CHECK(service.command(schedule, data).status() == CBSVC_NOT_JSON);
        std::string outcome;
        service.start(schedule, data, [&](const std::string &, const std::string &text) { outcome = text; });
        while (!service.dispatch(1000)) {}
        CHECK(outcome.find("NOT_JSON") != std::string::npos);
    }
    CHECK(service.command(schedule + nul, book).status() == CBSVC_UNKNOWN_COMMAND);
    CHECK(thrown([&] { service.start(schedule + nul, book, ignore); }).find("UNKNOWN_COMMAND") == 0);
    CHECK(thrown([&] { service.on("*" + nul, ignore); }).find("BAD_OPTION") == 0);
    CHECK(thrown([&] { service.on(nul, ignore); }).find("BAD_OPTION") == 0);
    CHECK(thrown([&] { service.on("*", nullptr); }).find("NULL_ARGUMENT") == 0);
}
"""
        with Server() as server:
            self.check(body, server.url)
            self.assertEqual(server.requests, 0)
