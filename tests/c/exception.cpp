// Throws out of a handler, which must end the program with a message and by no other way.
#include <callbackservice.hpp>
#include <cstdio>

int main(int argc, char **argv) {
    if (argc != 2) return 2;
    callbackservice::Service service("{\"dataURL\":\"" + std::string(argv[1]) + "\"}");
    const cbsvc_handler fail = [](const char *, const char *, void *) { throw std::runtime_error("from a handler"); };
    cbsvc_subscribe(service.get(), "CallbackService.scheduled", fail, nullptr, nullptr, nullptr);
    try {
        (void)service.schedule("{\"phonenumber\":\"1\"}");
    } catch (...) {
        std::puts("the exception came through");
    }
    return 0;
}
