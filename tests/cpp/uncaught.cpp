// An exception that cannot be rethrown, without a handler for it, ends the program with its message.
#include "check.hpp"

static void test() {
    const bool is_thread = std::getenv("HANDLERS_THREAD") != nullptr;
    Service service(config(is_thread ? Handlers::thread : Handlers::caller));
    service.async_schedule(book).start([](const Event &) { throw std::runtime_error("disk full"); });
    if (is_thread) std::this_thread::sleep_for(soon);
}
