// What the C++ test programs share. Each defines test(), and gets the URLs of a v1 and of a v3 service as its arguments.
#ifndef CHECK_HPP
#define CHECK_HPP

#include <callbackservice.hpp>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <thread>
#include <vector>

using namespace callbackservice;

#define CHECK(condition)                                                               \
    do {                                                                               \
        if (!(condition)) {                                                            \
            std::fprintf(stderr, "%s, line %d: %s\n", __FILE__, __LINE__, #condition); \
            std::exit(1);                                                              \
        }                                                                              \
    } while (0)

inline std::string url, url_v3;
inline const char *const book = R"({"phonenumber":"+14151110000"})";
inline const char *const schedule = "CallbackService.schedule";
inline const char *const scheduled = "CallbackService.scheduled";
constexpr std::chrono::seconds soon(20);

inline Config config(Handlers handlers = Handlers::caller) {
    return Config(url).no_proxy().timeout(soon).handlers(handlers);
}

template <typename Condition>
void wait_for(Condition condition) {
    const auto deadline = std::chrono::steady_clock::now() + soon;
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

/// What the exception says that a function throws; empty if it throws none.
template <typename Function>
std::string thrown(Function function) {
    try {
        function();
    } catch (...) {
        return what(std::current_exception());
    }
    return "";
}

/// The status of the Error that a function throws.
template <typename Function>
Status refused(Function function) {
    try {
        function();
    } catch (const Error &error) {
        return error.status();
    }
    return Status::ok;
}

inline std::size_t open_services() { return Outcome(diagnostics()).count("/services"); }

inline std::size_t threads() {
    std::size_t count = 0;
    std::FILE *const file = std::fopen("/proc/self/status", "r");
    char line[256];
    while (std::fgets(line, sizeof line, file)) std::sscanf(line, "Threads: %zu", &count);
    std::fclose(file);
    return count;
}

static void test();

int main(int argc, char **argv) {
    CHECK(argc == 3);
    url = argv[1];
    url_v3 = argv[2];
    test();
    std::puts("done");
}

#endif  // CHECK_HPP
