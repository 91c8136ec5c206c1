// Lists slots, books one, moves the callback to another slot, and cancels it.
//
//     quickstart DATA_URL, for example http://127.0.0.1:8080/genesys/1/service/callback/samples
#include <callbackservice.hpp>

#include <iostream>

using callbackservice::Callback, callbackservice::Config, callbackservice::Error, callbackservice::Event,
    callbackservice::Happened, callbackservice::Options, callbackservice::Outcome, callbackservice::Result,
    callbackservice::Service, callbackservice::Slot;

static int run(const std::string &url) {
    Service service{Config(url)};
    service.on("CallbackService.scheduled", [](const Event &event) { std::cout << "event: " << event.name() << '\n'; });

    const Outcome available = service.availability_or_throw(Options().number_of_days(2));
    const std::vector<Slot> slots = available.slots();
    if (slots.size() < 2) {
        std::cerr << "too few slots\n";
        return 1;
    }
    const Result<Outcome> booked = service.schedule(
        Options().phone_number("+14151110000").desired_time(slots.back().utc_time).subject("the \"red\" one"));
    if (!booked) {
        std::cerr << booked.error().what() << '\n';
        for (const Slot &slot : booked.error().outcome().slots()) std::cerr << "free: " << slot.utc_text << '\n';
        if (booked.error().details().booked == Happened::unknown) std::cerr << "it may have been booked\n";
        return 1;
    }
    const std::string id = booked->id();
    std::cout << "booked: " << id << " at " << slots.back().utc_text << '\n';

    (void)service.reschedule_or_throw(Options().id(id).desired_time(slots[slots.size() - 2].utc_time));
    if (const std::optional<Callback> callback = service.retrieve_or_throw(Options().id(id)).callback()) {
        std::cout << "state: " << callback->state << '\n';
    }
    (void)service.cancel_or_throw(Options().id(id));
    std::cout << "cancelled\n";
    return 0;
}

int main(int argc, char **argv) {
    if (argc != 2) {
        std::cerr << "usage: quickstart DATA_URL\n";
        return 2;
    }
    try {
        return run(argv[1]);
    } catch (const Error &error) {
        std::cerr << error.what() << '\n';
        return 1;
    }
}
