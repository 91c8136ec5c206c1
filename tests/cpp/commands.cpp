// Every command against the server, in each of its forms; texts with a NUL; the log and diagnostics.
#include "check.hpp"

using std::chrono::hours;

static void v1() {
    Service service(config());
    const std::vector<Slot> slots = service.availability_or_throw(Options().number_of_days(2)).slots();
    CHECK(slots.size() > 20 && slots[0].utc_time < slots[1].utc_time && slots[0].capacity);
    const Time time = slots[slots.size() - 2].utc_time, later = slots.back().utc_time;
    const Options options = Options().phone_number("+14151110000").desired_time(time).subject("\"a\" \xc3\xbc");
    const std::string id = service.schedule_or_throw(options).id();
    CHECK(!id.empty());
    const std::optional<Callback> callback = service.retrieve_or_throw(Options().id(id)).callback();
    CHECK(callback && callback->id == id && callback->state == "SCHEDULED" && callback->desired_time == time);
    CHECK(service.retrieve(Options().id(id))->get("/response/0/subject") == "\"a\" \xc3\xbc");
    const Result<Outcome> moved = service.reschedule(Options().id(id).desired_time(later));
    CHECK(moved && moved->callback()->desired_time == later);
    bool is_found = false;
    for (const Callback &found :
         service.query_or_throw(Options().phone_number("+14151110000").state("SCHEDULED")).callbacks()) {
        is_found = is_found || found.id == id;
    }
    CHECK(is_found);
    CHECK(service.queue_position(Options().id(id)));
    CHECK(service.cancel(Options().id(id)) && service.retrieve(Options().id(id))->callback()->reason == "CANCELLED");

    const Result<Outcome> unknown = service.cancel(Options().id("nobody"));
    CHECK(!unknown && unknown.error().status() == Status::not_found &&
          unknown.error().details().cancelled == Happened::no);
    CHECK(refused([&] { (void)service.retrieve_or_throw(Options().id("nobody")); }) == Status::not_found);
    const Result<Outcome> misspelt = service.schedule(R"({"phonenumber":"1","desired_time":"x"})");
    CHECK(misspelt.error().status() == Status::bad_option && misspelt.error().details().field == "desired_time");
    CHECK(std::string(misspelt.error().what()).find("BAD_OPTION: ") == 0 &&
          misspelt.error().outcome().state() == "rejected");
    CHECK(service.call_in(R"({"groupName":"x"})").error().status() == Status::unsupported);
    CHECK(service.command("CallbackService.nothing", "{}").error().status() == Status::unknown_command);
    CHECK(service.configure(R"({"ajaxTimeout":"x"})").error().status() == Status::config);
    CHECK(service.configure_or_throw(Config().timeout(std::chrono::seconds(9))).state() == "resolved");
    CHECK(!service.command_or_throw(schedule, book).id().empty());
    CHECK(service.availability(
        Options().number_of_days(1).timeout(std::chrono::seconds(9)).header("traceparent", "00-1")));
    CHECK(service.availability(Options().number_of_days(1).header("Expect", "1")).error().details().field ==
          "headers.Expect");
}

static void v3() {
    Service service(Config(url_v3).no_proxy().api_version("v3").api_key("sandbox-key").service_name("samples"));
    const std::string id = service.schedule_or_throw(Options().phone_number("+14151110000")).id();
    CHECK(service.retrieve(Options().id(id))->callback()->id == id);
    const std::vector<WaitTime> times =
        service.estimated_wait_time_or_throw(Options().virtual_queue("samples")).wait_times();
    CHECK(times.size() == 1 && times[0].virtual_queue == "samples");
    CHECK(service.queue_status_or_throw(Options().queue_name("samples")).queue());
    CHECK(service.open_for_or_throw(Options().timezone("Europe/Berlin")).open_for());
    CHECK(service.call_in_or_throw(Options().group_name("samples").from_phone_number("+14151110000")).call_in());
    CHECK(service.cancel(Options().id(id)));
    CHECK(service.reschedule(Options().id(id).user_data("a", "b")).error().status() == Status::unsupported);
}

static void texts_with_nul() {
    const std::string nul(1, '\0');
    CHECK(refused([&] { Service(config().text() + nul); }) == Status::not_json);
    Service service(config());
    int count = 0;
    service.on(scheduled, [&](const Event &) { ++count; });
    service.on("CallbackService.scheduleError", [&](const Event &) { ++count; });
    for (const std::string &data : {book + nul, nul, nul + book, R"({"phonenumber":"1)" + nul + R"(2"})"}) {
        CHECK(service.schedule(data).error().status() == Status::not_json);
        CHECK(service.configure(data).error().status() == Status::not_json);
        CHECK(refused([&] { service.start(schedule, data, [](const Event &) {}); }) == Status::not_json);
        CHECK(service.async_schedule(data).future().get().error().status() == Status::not_json);
    }
    CHECK(service.schedule(Options(book).subject(nul)).error().message() == "/subject contains a NUL");
    CHECK(service.command(schedule + nul, book).error().status() == Status::unknown_command);
    CHECK(refused([&] { service.start(schedule + nul, book, [](const Event &) {}); }) == Status::unknown_command);
    CHECK(refused([&] { service.on("*" + nul, [](const Event &) {}); }) == Status::bad_option);
    CHECK(refused([&] { service.on("CallbackService.nothing", [](const Event &) {}); }) == Status::bad_option);
    CHECK(count == 0);
}

static void forms_of_handlers() {
    Service service(config());
    std::string heard;
    const auto unique = [&] { return std::make_unique<std::string>("unique"); };
    service.on(scheduled, [&, owned = unique()](const Event &event) { heard += *owned + event.outcome()->state(); });
    service.on(scheduled, [&](Result<Outcome> outcome) { heard += outcome->state(); });
    service.on(scheduled, [&](const std::string &event, const std::string &) { heard += event; });
    service.on(scheduled, std::function<void(const Event &)>([&](const Event &) { heard += "!"; }));
    CHECK(service.schedule(book) && heard == std::string("uniqueresolvedresolved") + scheduled + "!");
    CHECK(refused([&] { service.on("*", std::function<void(const Event &)>()); }) == Status::null_argument);
    CHECK(refused([&] { service.on("*", static_cast<void (*)(const Event &)>(nullptr)); }) == Status::null_argument);
    CHECK(refused([&] { service.start(schedule, book, std::function<void(Result<Outcome>)>()); }) ==
          Status::null_argument);
}

static void library() {
    std::vector<std::pair<LogLevel, std::string>> lines;
    set_log(LogLevel::debug, [&](LogLevel level, std::string_view line) { lines.emplace_back(level, line); });
    {
        Service service(config().set("theme", "dark"));
    }
    bool is_warned = false;
    for (const auto &[level, line] : lines)
        is_warned = is_warned || (level == LogLevel::warning && line.find("theme") != std::string::npos);
    CHECK(is_warned);
    set_log(LogLevel::debug, [&](LogLevel, std::string_view) { throw 1; });
    {
        Service service(config());
        CHECK(service.schedule(book));
    }
    set_log(LogLevel::off);
    const std::size_t count = lines.size();
    {
        Service service(config());
        CHECK(lines.size() == count && open_services() == 1);
    }
    set_log(LogLevel::debug);
    set_log(LogLevel::off, [&](LogLevel, std::string_view) { std::abort(); });
    CHECK(refused([] { set_log(static_cast<LogLevel>(9), [](LogLevel, std::string_view) {}); }) == Status::bad_option);
    CHECK(Outcome(diagnostics()).get("/version") == version() && is_library_current());
}

static void test() {
    v1();
    v3();
    texts_with_nul();
    forms_of_handlers();
    library();
}
