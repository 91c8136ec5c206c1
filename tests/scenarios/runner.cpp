// Runs one scenario and prints one line of JSON for opening the service and for each step. README.md describes both.

#include <callbackservice.hpp>

#include <fstream>
#include <iostream>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

using namespace callbackservice;

namespace {

std::optional<std::string> at(const std::string &json, const std::string &pointer) {
    return Outcome(json).get(pointer);
}

std::string put(const std::string &json, const std::string &pointer, const std::string &value) {
    return Options(json).set_at(pointer, value).text();
}

class Line {
public:
    void add(const std::string &event, const std::string &data) {
        events_ += (events_.empty() ? "[\"" : ",[\"") + event + "\"," + data + "]";
    }

    void print(Status status, const std::string &outcome) {
        std::cout << "{\"events\":[" << events_ << "],\"outcome\":" << (outcome.empty() ? "null" : outcome)
                  << ",\"status\":\"" << status_name(status) << "\"}\n";
        events_.clear();
    }

private:
    std::string events_;
};

class Runner {
public:
    Runner(Service &service, const std::string &form) : service_(service), form_(form) {
        if (form_ != "poll")
            service_.on("*", [this](const Event &event) { line_.add(event.name(), event.text()); });
    }

    /// The line of opening the service.
    void open(const std::optional<std::string> &config) {
        Status status = Status::ok;
        if (config) {
            const Result<Outcome> configured = service_.configure(*config);
            if (!configured) status = configured.error().status();
        }
        if (form_ == "poll") take_events();
        line_.print(status, "");
    }

    void run(const std::string &step) {
        const std::string command = at(step, "/command").value();
        const Result<Outcome> result = form_ == "blocking" ? service_.command(command, data_of(step))
                                                           : started(command, data_of(step));
        const Outcome outcome = result ? *result : result.error().outcome();
        outcomes_.push_back(outcome.text());
        line_.print(result ? Status::ok : result.error().status(), outcome.text());
    }

private:
    Result<Outcome> started(const std::string &command, const std::string &data) {
        std::optional<Result<Outcome>> completed;
        try {
            if (form_ == "poll") {
                const Call call = service_.async(command, data).start();
                while (!completed) {
                    const Result<Event> event = service_.next_event(no_limit);
                    line_.add(event.value().name(), event->text());
                    if (event->call() == call.id()) completed.emplace(event->outcome());
                }
                take_events();
            } else {
                service_.start(command, data, [&](const Event &event) {
                    line_.add(event.name(), event.text());
                    completed.emplace(event.outcome());
                });
                while (!completed) service_.dispatch(no_limit);
                while (service_.dispatch()) continue;
            }
        } catch (const Error &error) {
            return Unexpected(error);
        }
        return *completed;
    }

    void take_events() {
        while (const Result<Event> event = service_.next_event()) line_.add(event->name(), event->text());
    }

    /// The data of a step, with what it takes from earlier outcomes.
    std::string data_of(const std::string &step) const {
        std::string data = at(step, "/data").value_or("");
        for (int i = 0;; ++i) {
            const std::string from = "/from/" + std::to_string(i);
            const std::optional<std::string> earlier = at(step, from + "/step");
            if (!earlier) return data;
            const std::optional<std::string> value =
                at(outcomes_.at(std::stoul(*earlier)), at(step, from + "/pointer").value());
            data = put(data, at(step, from + "/to").value(), value.value());
        }
    }

    Service &service_;
    const std::string form_;
    Line line_;
    std::vector<std::string> outcomes_;
};

void run(const std::string &path, const std::string &index, const std::string &base, const std::string &form) {
    std::ifstream file(path);
    std::ostringstream text;
    text << file.rdbuf();
    const std::string scenario = at(text.str(), "/scenarios/" + index).value();
    std::string config = at(text.str(), "/apis/" + at(scenario, "/api").value()).value();
    config = put(config, "/dataURL", base + at(config, "/dataURL").value());
    if (form == "poll") config = put(config, "/handlers", "poll");

    Service service(config);
    Runner runner(service, form);
    runner.open(at(scenario, "/config"));
    for (int i = 0;; ++i) {
        const std::optional<std::string> step = at(scenario, "/steps/" + std::to_string(i));
        if (!step) break;
        runner.run(*step);
    }
    service.close();
}

}  // namespace

int main(int argc, char **argv) {
    try {
        if (argc != 5) throw std::runtime_error("usage: runner FILE INDEX BASE blocking|started|poll");
        run(argv[1], argv[2], argv[3], argv[4]);
        return 0;
    } catch (const std::exception &error) {
        std::cerr << error.what() << '\n';
        return 1;
    }
}
