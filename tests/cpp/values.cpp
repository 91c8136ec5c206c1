// What the accessors read of an outcome, and what the builders write.
#include "check.hpp"

#include <clocale>
#include <limits>

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::system_clock;

static Time at(std::int64_t count) { return Time(milliseconds(count)); }

static void outcomes() {
    const Outcome empty;
    CHECK(empty.text().empty() && empty.id().empty() && empty.slots().empty() && !empty.callback() && !empty.error());
    CHECK(empty.count("") == 0 && !empty.get("/id") && !empty.http_status() && !empty.open_for() && !empty.queue());

    const Outcome resolved(
        R"({"command":"CallbackService.schedule","state":"resolved","httpStatus":200,"id":"a\"\u00fc",)"
        R"("response":{"n":1.50,"list":[1,[2,"]"],{"x":","}]}})");
    CHECK(resolved.command() == schedule && resolved.state() == "resolved" && resolved.http_status() == 200);
    CHECK(resolved.id() == "a\"\xc3\xbc" && resolved.get("/response/n") == "1.50" &&
          resolved.count("/response/list") == 3);
    CHECK(!resolved.get("/nothing") && !resolved.get("no pointer") && !resolved.get(std::string("/id\0", 4)));
    CHECK((detail::elements_at(resolved.text(), "/response/list") ==
           std::vector<std::string>{"1", R"([2,"]"])", R"({"x":","})"}));
    CHECK(detail::elements_at("{\"a\":[ ]}", "/a").empty() && detail::elements_at("{\"a\":7}", "/a").empty());
    CHECK((detail::elements_at(R"({"a":["\\","\"","[","",null]})", "/a") ==
           std::vector<std::string>{R"("\\")", R"("\"")", R"("[")", R"("")", "null"}));

    const Outcome available(
        R"({"slots":[{"utcTime":"2030-12-01T10:00:00.000Z","localTime":"2030-12-01T11:00:00.000","capacity":3,"total":5},)"
        R"({"utcTime":"2030-12-01T10:05:00.250Z"}],"unreadSlots":["2030-02-30","{}"]})");
    const std::vector<Slot> slots = available.slots();
    CHECK(slots.size() == 2 && slots[0].utc_time == at(1922349600000) &&
          slots[0].utc_text == "2030-12-01T10:00:00.000Z");
    CHECK(slots[0].local_time == "2030-12-01T11:00:00.000" && slots[0].capacity == 3 && slots[0].total == 5);
    CHECK(slots[1].utc_time == at(1922349900250) && slots[1].local_time.empty() && !slots[1].capacity &&
          !slots[1].total);
    CHECK((available.unread_slots() == std::vector<std::string>{"2030-02-30", "{}"}));

    const Outcome found(
        R"({"callbacks":[{"id":"1","state":"SCHEDULED","desiredTime":"2030-12-01T10:00:00.000Z","expirationTime":"2030-12-02T10:00:00.000Z",)"
        R"("phoneNumber":"+1","serviceName":"s","url":"u","reason":"r","positionInQueue":2,"estimatedWaitTime":90.5},{"id":"2"}],"unreadCallbacks":["7"]})");
    const std::vector<Callback> callbacks = found.callbacks();
    CHECK(callbacks.size() == 2 && callbacks[0].id == "1" && callbacks[0].state == "SCHEDULED" &&
          callbacks[0].reason == "r");
    CHECK(callbacks[0].desired_time == at(1922349600000) &&
          callbacks[0].expiration_time == at(1922349600000) + hours(24));
    CHECK(callbacks[0].phone_number == "+1" && callbacks[0].service_name == "s" && callbacks[0].url == "u");
    CHECK(callbacks[0].position_in_queue == 2 && callbacks[0].estimated_wait_time == Seconds(90.5));
    CHECK(callbacks[1].state.empty() && !callbacks[1].desired_time && !callbacks[1].position_in_queue);
    CHECK((found.unread_callbacks() == std::vector<std::string>{"7"}));

    const std::vector<WaitTime> times =
        Outcome(R"({"waitTimes":[{"virtualQueue":"sales","estimatedWaitTime":90,"resultCode":0},)"
                R"({"virtualQueue":"support","estimatedWaitTime":null,"resultCode":-2}]})")
            .wait_times();
    CHECK(times.size() == 2 && times[0].virtual_queue == "sales" && times[0].estimated_wait_time == Seconds(90));
    CHECK(!times[1].estimated_wait_time && times[1].result_code == -2);
    const std::optional<Queue> queue =
        Outcome(R"({"queue":{"estimatedWaitTime":1e2,"offerImmediateCallback":true,"offerScheduledCallback":false}})")
            .queue();
    CHECK(queue && queue->estimated_wait_time == Seconds(100) && queue->offer_immediate_callback == true);
    CHECK(queue->offer_scheduled_callback == false);
    CHECK(Outcome(R"({"openForSeconds":3600})").open_for() == hours(1));
    const std::optional<CallIn> call_in =
        Outcome(R"({"callIn":{"id":"7d1c","toPhoneNumber":"+1","accessCode":"12"}})").call_in();
    CHECK(call_in && call_in->id == "7d1c" && call_in->to_phone_number == "+1" && call_in->access_code == "12");
}

static void errors() {
    const Outcome rejected(
        R"({"state":"rejected","error":{"status":502,"name":"SLOT_UNAVAILABLE","message":"m","serverMessage":"s","booked":"no",)"
        R"("serverCode":7041,"correlationId":"c","field":"desiredtime","retryable":false,"retryAfterMs":1500,"attempts":2}})");
    const ErrorDetails details = rejected.error().value();
    CHECK(details.status == Status::slot_unavailable && details.name == "SLOT_UNAVAILABLE" && details.message == "m");
    CHECK(details.server_message == "s" && details.server_code == "7041" && details.correlation_id == "c");
    CHECK(details.field == "desiredtime" && !details.retryable && details.retry_after == milliseconds(1500));
    CHECK(details.attempts == 2 && details.booked == Happened::no && details.moved == Happened::not_said);
    const ErrorDetails maybe =
        Outcome(
            R"({"error":{"status":599,"moved":"unknown","created":"unknown","cancelled":"no","retryAfterMs":null,"field":null,"retryable":true}})")
            .error()
            .value();
    CHECK(static_cast<int>(maybe.status) == 599 && maybe.name == "UNKNOWN" && maybe.retryable && maybe.field.empty());
    CHECK(maybe.moved == Happened::unknown && maybe.created == Happened::unknown && maybe.cancelled == Happened::no);
    CHECK(!maybe.retry_after && !maybe.attempts);
    const Event cancelled("", R"({"state":"cancelled","error":{"status":302,"booked":"no"}})");
    CHECK(cancelled.outcome().error().status() == Status::cancelled);
    CHECK(cancelled.outcome().error().details().booked == Happened::no);

    const Error plain(Status::busy, "full");
    const Error copy = plain;
    CHECK(std::string(copy.what()) == "BUSY: full" && copy.details().status == Status::busy &&
          copy.details().message == "full");
    CHECK(copy.outcome().text().empty());
}

static void times() {
    const auto same = [](const char *text, std::int64_t count) {
        return detail::format_time(at(count)) == text && detail::parse_time(text) == at(count);
    };
    CHECK(same("1970-01-01T00:00:00.000Z", 0) && same("1969-12-31T23:59:59.999Z", -1));
    CHECK(same("2000-02-29T12:34:56.789Z", 951827696789) && same("2100-03-01T00:00:00.000Z", 4107542400000));
    CHECK(same("2399-12-31T23:59:59.999Z", 13569465599999) && same("2400-02-29T00:00:00.000Z", 13574563200000));
    CHECK(same("0001-01-01T00:00:00.000Z", -62135596800000) && same("9999-12-31T23:59:59.999Z", 253402300799999));
    for (std::int64_t day = -60000; day < 60000; ++day) {
        const Time time = at(day * 86400000);
        CHECK(detail::parse_time(detail::format_time(time).value()) == time);
    }
    for (const char *const text :
         {"", "2030-12-01", "2030-12-01T10:00:00.000", "2030-12-01T10:00:00+01:00Z", "2030-12-01 10:00:00Z",
          "2030-12-01T10:00:00.xZ", "x030-12-01T10:00:00Z", "0000-12-01T10:00:00Z"}) {
        CHECK(!detail::parse_time(text));
    }
    CHECK(detail::parse_time("2030-12-01T10:00:00Z") == at(1922349600000));
    CHECK(detail::parse_time("2030-12-01T10:00:00.25Z") == at(1922349600250));
    CHECK(detail::parse_time("2030-12-01T10:00:00.2509Z") == at(1922349600250));

    Options options;
    options.desired_time(system_clock::from_time_t(1922349600)).start_date(at(-1)).end_date("2030-12-01T10:00Z");
    CHECK(
        options.text() ==
        R"({"desiredtime":"2030-12-01T10:00:00.000Z","startDate":"1969-12-31T23:59:59.999Z","endDate":"2030-12-01T10:00Z"})");
    using Hours = std::chrono::time_point<system_clock, std::chrono::duration<std::int64_t, std::ratio<3600>>>;
    for (const Hours beyond : {Hours::max(), Hours::min()}) {
        CHECK(Options().desired_time(beyond).error()->status() == Status::bad_option);
    }
    CHECK(Options().desired_time(at(253402300800000)).error() && Options().desired_time(at(-62135596800001)).error());
    CHECK(Options().desired_time(Time::max()).error() && Options().desired_time(Time::min()).error());
}

static void builders() {
    const std::string quotes = "\"the\" \\ red\n/ \xc3\xbc ~";
    Options options;
    options.phone_number("+1").first_name("a").last_name("b").email("c").subject(quotes).service_name("q").user_data(
        "a/b~c", "d");
    CHECK(options.text() ==
          R"({"phonenumber":"+1","firstname":"a","lastname":"b","email":"c","subject":"\"the\" \\ red\n/ )"
          "\xc3\xbc"
          R"( ~","serviceName":"q","userData":{"a/b~c":"d"}})");
    CHECK(Outcome(options.text()).get("/subject") == quotes);
    Options typed;
    typed.number_of_days(5)
        .max_time_slots(-1)
        .report_busy(true)
        .set("a", "text")
        .set("b", 7u)
        .set("c", false)
        .timezone("Europe/Berlin");
    CHECK(
        typed.text() ==
        R"({"numberOfDays":"5","maxTimeSlots":"-1","reportBusy":"true","a":"text","b":"7","c":"false","timezone":"Europe/Berlin"})");
    CHECK(Options().id("i").state("s").queue_name("n").group_name("g").from_phone_number("f").text() ==
          R"({"id":"i","state":"s","queueName":"n","groupName":"g","fromPhoneNumber":"f"})");
    CHECK(Options().virtual_queue("a").virtual_queue("b").text() == R"({"virtualQueues":["a","b"]})");
    CHECK(Options(R"({"a":1,"b":{"c":2}})").set_at("/b/c", "3").remove("a").text() == R"({"b":{"c":"3"}})");

    // The first mistake stays, and nothing is cut.
    const std::string nul(
        "1\0"
        "2",
        3);
    Options wrong = Options().phone_number("1").subject(nul).first_name("\xff");
    CHECK(wrong.error()->status() == Status::bad_option && wrong.error()->message() == "/subject contains a NUL");
    CHECK(refused([&] { (void)wrong.text(); }) == Status::bad_option);
    CHECK(Options().set(nul, "x").error() && Options().user_data(nul, "x").error() && Options().remove(nul).error());
    CHECK(Options().subject("\xff").error()->status() == Status::not_utf8);
    CHECK(Options("no JSON").subject("x").error()->status() == Status::not_json);
    CHECK(Options().set_at("no pointer", "x").error()->status() == Status::bad_option);
    CHECK(JsonText(nul).error()->status() == Status::not_json && JsonText(std::string_view(nul)).error());
    CHECK(JsonText(static_cast<const char *>(nullptr)).text().empty());

    Config complete("https://host/");
    complete.api_version("v3")
        .api_key("k")
        .handlers(Handlers::poll)
        .timeout(std::chrono::seconds(5))
        .header("x-a", "b")
        .proxy_url("http://p")
        .ca_file("f")
        .basic_auth("u", "p");
    CHECK(
        complete.text() ==
        R"({"dataURL":"https://host/","apiVersion":"v3","apikey":"k","handlers":"poll","ajaxTimeout":"5000","headers":{"x-a":"b"},)"
        R"("proxy":{"url":"http://p"},"tls":{"caFile":"f"},"basicAuth":{"username":"u","password":"p"}})");
    CHECK(Config::from(R"({"a":1})").no_proxy().text() == R"({"a":1,"proxy":"none"})" && Config().text() == "{}");
    CHECK(Service::open(Config(nul)).error().status() == Status::bad_option);
}

static void results() {
    Result<Outcome> good = Outcome("{}");
    const Result<Outcome> bad = Unexpected(Error(Status::busy, "full"));
    CHECK(good && good.has_value() && good->text() == "{}" && (*good).text() == "{}" && good.value().text() == "{}");
    CHECK(!bad && !bad.has_value() && bad.error().status() == Status::busy && bad.value_or(Outcome("x")).text() == "x");
    CHECK(good.value_or(Outcome("x")).text() == "{}" && std::move(good).value().text() == "{}");
    CHECK(!thrown([&] { (void)bad.value(); }).empty());
}

static void test() {
    // A program may have a locale whose numbers have a comma.
    for (const char *const locale : {"C", "de_DE.UTF-8"}) {
        std::setlocale(LC_ALL, locale);
        outcomes();
    }
    errors();
    times();
    builders();
    results();
}
