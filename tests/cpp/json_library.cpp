// Values of a JSON library as data of commands, and outcomes as such values.
#include "check.hpp"

#include <nlohmann/json.hpp>

static void test() {
    Service service(nlohmann::json::parse(config().text()));
    const nlohmann::json options{{"phonenumber", "+14151110000"}, {"userData", {{"visits", "\"3\""}}}};
    const nlohmann::json outcome = service.schedule_or_throw(options).as<nlohmann::json>();
    CHECK(outcome.at("state") == "resolved" && outcome.at("id").is_string());
    CHECK(service.async_schedule(options).start().id() != 0);
    CHECK(refused([] { Service{nlohmann::ordered_json::object()}; }) == Status::config);
}
