// Asynchronous calls in an asio program, with any completion token. Needs C++20 for the coroutines of main; the
// function async_command needs C++17. With Boost, replace asio by boost::asio.
//
//     asio_loop DATA_URL, for example http://127.0.0.1:8080/genesys/1/service/callback/samples
#include <callbackservice.hpp>

#include <asio.hpp>

#include <iostream>
#include <memory>

using callbackservice::Call, callbackservice::Config, callbackservice::Error, callbackservice::JsonText,
    callbackservice::Options, callbackservice::Outcome, callbackservice::Result, callbackservice::Service,
    callbackservice::Unexpected;

/// Dispatches a service whenever its descriptor is readable, until it is destroyed.
class Dispatcher {
public:
    Dispatcher(asio::any_io_executor executor, Service &service)
        : service_(service), descriptor_(executor, static_cast<int>(service.waitable())) {
        wait();
    }
    Dispatcher(const Dispatcher &) = delete;
    Dispatcher &operator=(const Dispatcher &) = delete;
    /// The descriptor belongs to the service, which closes it.
    ~Dispatcher() { descriptor_.release(); }

    asio::any_io_executor get_executor() { return descriptor_.get_executor(); }
    Service &service() noexcept { return service_; }

private:
    void wait() {
        descriptor_.async_wait(asio::posix::descriptor_base::wait_read, [this](asio::error_code error) {
            if (error) return;
            service_.dispatch();
            wait();
        });
    }

    Service &service_;
    asio::posix::stream_descriptor descriptor_;
};

/// Starts a command, and completes with a Result<Outcome> on the executor of the token. Cancelling the
/// operation cancels the call.
template <typename Token>
auto async_command(Dispatcher &dispatcher, std::string name, JsonText data, Token &&token) {
    const auto initiate = [&dispatcher](auto handler, std::string command, JsonText options) {
        const auto executor = asio::get_associated_executor(handler, dispatcher.get_executor());
        const auto work = asio::prefer(executor, asio::execution::outstanding_work.tracked);
        auto slot = asio::get_associated_cancellation_slot(handler);
        const auto shared = std::make_shared<decltype(handler)>(std::move(handler));
        const auto complete = [shared, work](Result<Outcome> result) {
            asio::post(work, [shared, result = std::move(result)]() mutable { (*shared)(std::move(result)); });
        };
        try {
            const Call call = dispatcher.service().async(std::move(command), std::move(options)).start(complete);
            if (slot.is_connected()) slot.assign([call](asio::cancellation_type) { call.cancel(); });
        } catch (const Error &error) {
            complete(Unexpected(error));
        }
    };
    return asio::async_initiate<Token, void(Result<Outcome>)>(initiate, token, std::move(name), std::move(data));
}

static asio::awaitable<void> book(Dispatcher &dispatcher, asio::io_context &loop) {
    const Result<Outcome> available = co_await async_command(dispatcher, "CallbackService.availability",
                                                             Options().number_of_days(2), asio::use_awaitable);
    if (available && !available->slots().empty()) {
        const Options options = Options().phone_number("+14151110000").desired_time(available->slots().back().utc_time);
        const Result<Outcome> booked =
            co_await async_command(dispatcher, "CallbackService.schedule", options, asio::use_awaitable);
        std::cout << (booked ? "booked: " + booked->id() : booked.error().what()) << '\n';
    }
    loop.stop();
}

int main(int argc, char **argv) {
    if (argc != 2) {
        std::cerr << "usage: asio_loop DATA_URL\n";
        return 2;
    }
    try {
        // The service is closed before the loop ends, so that what it cancels finds its executor.
        asio::io_context loop;
        Service service{Config(argv[1])};
        Dispatcher dispatcher(loop.get_executor(), service);
        asio::co_spawn(loop, book(dispatcher, loop), asio::detached);
        // The same with a handler instead of a coroutine.
        async_command(dispatcher, "CallbackService.availability", Options().number_of_days(1),
                      [](Result<Outcome> result) { std::cout << (result ? "slots listed\n" : "no slots\n"); });
        loop.run();
        return 0;
    } catch (const Error &error) {
        std::cerr << error.what() << '\n';
        return 1;
    }
}
