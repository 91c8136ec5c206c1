// pthread_cancel of a thread that is inside the library takes effect after the function has returned, and unwinds the
// thread's objects.
#include "check.hpp"

#include <arpa/inet.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

static std::atomic<bool> has_outcome{false}, is_unwound{false};

struct Watch {
    ~Watch() { is_unwound = true; }
};

static void *run(void *user_data) {
    const Watch watch;
    {
        Service service(Config(*static_cast<std::string *>(user_data)).no_proxy().timeout(soon));
        service.on("CallbackService.scheduleError", [](const Event &) { pthread_testcancel(); });
        has_outcome = service.schedule(book).error().details().booked == Happened::unknown;
    }
    for (;;) pthread_testcancel();
}

static void test() {
    const int listener = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    sockaddr *const any = reinterpret_cast<sockaddr *>(&address);
    CHECK(::bind(listener, any, size) == 0 && ::listen(listener, 1) == 0 && ::getsockname(listener, any, &size) == 0);
    std::string server = "http://127.0.0.1:" + std::to_string(ntohs(address.sin_port)) + "/";
    pthread_t thread;
    CHECK(pthread_create(&thread, nullptr, run, &server) == 0);
    const int connection = ::accept(listener, nullptr, nullptr);
    char request[1];
    CHECK(::recv(connection, request, 1, 0) == 1);
    CHECK(pthread_cancel(thread) == 0);
    ::close(connection);
    void *returned = nullptr;
    CHECK(pthread_join(thread, &returned) == 0 && returned == PTHREAD_CANCELED);
    CHECK(has_outcome && is_unwound && open_services() == 0);
    ::close(listener);
}
