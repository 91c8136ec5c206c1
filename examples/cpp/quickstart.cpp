// Books a callback as soon as possible and prints the outcome.
//
//     quickstart DATA_URL, for example http://127.0.0.1:8080/genesys/1/service/callback/samples
#include <callbackservice.hpp>
#include <iostream>

int main(int argc, char **argv) {
    if (argc != 2) {
        std::cerr << "usage: quickstart DATA_URL\n";
        return 2;
    }
    try {
        callbackservice::Service service("{\"dataURL\":\"" + std::string(argv[1]) + "\"}");
        service.on("CallbackService.scheduled", [](const std::string &event, const std::string &) {
            std::cout << "event: " << event << '\n';
        });
        const callbackservice::Outcome outcome = service.schedule("{\"phonenumber\":\"+14151110000\"}");
        std::cout << outcome.status_name() << ' ' << outcome.text() << '\n';
        return outcome ? 0 : 1;
    } catch (const callbackservice::Error &error) {
        std::cerr << error.what() << '\n';
        return 1;
    }
}
