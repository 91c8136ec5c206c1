// The smallest program whose handler throws: main() sees the exception.
#include <callbackservice.hpp>

#include <stdexcept>
#include <string>

int main(int, char **argv) {
    callbackservice::Service service("{\"dataURL\":\"" + std::string(argv[1]) + "\"}");
    service.on("CallbackService.scheduled",
               [](const std::string &, const std::string &) { throw std::runtime_error("disk full"); });
    (void)service.schedule(R"({"phonenumber":"+14151110000"})");
}
