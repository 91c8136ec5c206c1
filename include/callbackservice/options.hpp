// The data of commands and configurations. Part of callbackservice.hpp.
#ifndef CALLBACKSERVICE_OPTIONS_HPP
#define CALLBACKSERVICE_OPTIONS_HPP

#include <callbackservice/result.hpp>

#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

CALLBACKSERVICE_BEGIN

namespace detail {

template <typename Value>
using DumpedText = std::enable_if_t<
    std::is_convertible_v<decltype(std::declval<const Value &>().dump()), std::string>>;

/// Numbers and booleans, but no characters.
template <typename Value>
using IfNumber =
    std::enable_if_t<std::is_integral_v<Value> && !std::is_same_v<Value, char> &&
                     !std::is_same_v<Value, wchar_t> && !std::is_same_v<Value, char16_t> &&
                     !std::is_same_v<Value, char32_t>>;

}  // namespace detail

/// The JSON text that a function takes: a string, Options, Config, or a value of a JSON library
/// that has a function dump(), such as nlohmann::json. A text with a NUL is refused by the
/// function that receives it.
class JsonText {
public:
    JsonText(std::string text) : text_(std::move(text)) {
        if (detail::has_nul(text_)) fail(Status::not_json, "the text contains a NUL");
    }
    JsonText(std::string_view text) : JsonText(std::string(text)) {}
    JsonText(const char *text) : JsonText(std::string(text ? text : "")) {}
    template <typename Value, typename = detail::DumpedText<Value>>
    JsonText(const Value &value) : JsonText(std::string(value.dump())) {}

    /// The text. Throws Error if it was given something that has no form in JSON.
    [[nodiscard]] const std::string &text() const {
        if (error_) throw *error_;
        return text_;
    }

    /// Why the text is incomplete, or nullptr. Functions that receive the text fail with this
    /// error.
    [[nodiscard]] const Error *error() const noexcept { return error_ ? &*error_ : nullptr; }

protected:
    /// The first error counts.
    void fail(Status status, const std::string &message) {
        if (!error_) error_.emplace(status, message);
    }

    /// Puts a value at a JSON Pointer, or removes it (nullptr).
    void put(std::string_view pointer, const std::string *value) {
        const std::string path(pointer);
        if (detail::has_nul(path))
            return fail(Status::bad_option, "the name of an option contains a NUL");
        if (value && detail::has_nul(*value))
            return fail(Status::bad_option, path + " contains a NUL");
        detail::Text result;
        const cbsvc_status status = cbsvc_json_set(text_.c_str(), path.c_str(),
                                                   value ? value->c_str() : nullptr, result.out());
        if (status != CBSVC_OK) return fail(static_cast<Status>(status), path + " cannot be set");
        text_ = result.str();
    }

private:
    std::string text_;
    std::optional<Error> error_;
};

namespace detail {

/// Sets members of a JSON object one after the other.
template <typename Derived>
class Builder : public JsonText {
public:
    Builder() : JsonText("{}") {}
    /// Begins with an object that is there.
    explicit Builder(JsonText json) : JsonText(std::move(json)) {}

    /// Sets a member by its name.
    Derived &set(std::string_view name, std::string_view value) {
        return set_at(pointer(name), value);
    }
    template <typename Number, typename = IfNumber<Number>>
    Derived &set(std::string_view name, Number value) {
        if constexpr (std::is_same_v<Number, bool>) {
            return set_at(pointer(name), value ? "true" : "false");
        } else {
            return set_at(pointer(name), std::to_string(value));
        }
    }
    template <typename Duration>
    Derived &set(std::string_view name,
                 std::chrono::time_point<std::chrono::system_clock, Duration> time) {
        if (const std::optional<std::string> text = format_time(time)) return set(name, *text);
        fail(Status::bad_option, std::string(name) + " is beyond the years 1 to 9999");
        return self();
    }

    /// Sets a value at a JSON Pointer, such as /userData/topic. Parents that are missing are made.
    Derived &set_at(std::string_view pointer, std::string_view value) {
        const std::string text(value);
        put(pointer, &text);
        return self();
    }

    /// Appends a text to an array.
    Derived &append(std::string_view name, std::string_view value) {
        return set_at(pointer(name) + "/-", value);
    }

    Derived &remove(std::string_view name) {
        put(pointer(name), nullptr);
        return self();
    }

    /// Sets a member of userData.
    Derived &user_data(std::string_view name, std::string_view value) {
        return set_in("userData", name, value);
    }

    Derived &service_name(std::string_view name) { return set("serviceName", name); }
    /// An IANA time zone, such as Europe/Berlin.
    Derived &timezone(std::string_view zone) { return set("timezone", zone); }

protected:
    /// Sets a member of an object in this one.
    Derived &set_in(std::string_view object, std::string_view name, std::string_view value) {
        return set_at(pointer(object) + pointer(name), value);
    }

private:
    static std::string pointer(std::string_view name) {
        std::string pointer = "/";
        for (const char character : name) {
            if (character == '~') {
                pointer += "~0";
            } else if (character == '/') {
                pointer += "~1";
            } else {
                pointer += character;
            }
        }
        return pointer;
    }

    Derived &self() noexcept { return static_cast<Derived &>(*this); }
};

}  // namespace detail

/// The options of a command. docs/behaviour.md lists them; set() takes every name. Values are put
/// as strings, with the escapes that they need; commands accept numbers and booleans as strings.
///
/// A value with a NUL, a text that is not UTF-8 and a time beyond the years 1 to 9999 have no form
/// in JSON. The command that receives the options then fails, and sends nothing.
///
/// Example:
///     callbackservice::Options options;
///     options.phone_number("+14151110000")
///         .desired_time(std::chrono::system_clock::now() + std::chrono::hours(24))
///         .user_data("topic", "the \"red\" one");
class Options : public detail::Builder<Options> {
public:
    using Builder::Builder;

    Options &phone_number(std::string_view number) { return set("phonenumber", number); }
    /// A time, or its text in a form of ISO 8601 with a zone.
    template <typename TimeOrText>
    Options &desired_time(const TimeOrText &time) {
        return set("desiredtime", time);
    }
    Options &first_name(std::string_view name) { return set("firstname", name); }
    Options &last_name(std::string_view name) { return set("lastname", name); }
    Options &email(std::string_view address) { return set("email", address); }
    Options &subject(std::string_view subject) { return set("subject", subject); }

    /// The callback that is meant, by the id of its outcome.
    Options &id(std::string_view id) { return set("id", id); }
    Options &state(std::string_view state) { return set("state", state); }

    template <typename TimeOrText>
    Options &start_date(const TimeOrText &time) {
        return set("startDate", time);
    }
    template <typename TimeOrText>
    Options &end_date(const TimeOrText &time) {
        return set("endDate", time);
    }
    Options &number_of_days(int days) { return set("numberOfDays", days); }
    Options &max_time_slots(int slots) { return set("maxTimeSlots", slots); }
    Options &report_busy(bool full_slots_too) { return set("reportBusy", full_slots_too); }

    Options &queue_name(std::string_view name) { return set("queueName", name); }
    /// One more queue for estimated_wait_time.
    Options &virtual_queue(std::string_view name) { return append("virtualQueues", name); }
    Options &group_name(std::string_view name) { return set("groupName", name); }
    Options &from_phone_number(std::string_view number) { return set("fromPhoneNumber", number); }

    /// The text by which the program identifies a booking that it submits, without personal data.
    Options &key(std::string_view key) { return set("key", key); }
    /// An entry of the outbox, by the entry() of its outcome.
    Options &entry(std::string_view entry) { return set("entry", entry); }
    /// The state of entries: waiting, sending, delivered, refused, unknown or expired.
    Options &delivery(std::string_view state) { return set("delivery", state); }
    /// The most entries that outbox lists.
    Options &limit(int entries) { return set_positive("limit", entries); }
    /// What outbox does with an entry: resend or forget.
    Options &action(std::string_view action) { return set("action", action); }

    /// The deadline of this call, at most a day, instead of the configured one.
    Options &timeout(std::chrono::milliseconds limit) {
        return set_positive("timeoutMs", limit.count());
    }
    /// A further request header of this call, such as traceparent.
    Options &header(std::string_view name, std::string_view value) {
        return set_in("headers", name, value);
    }

private:
    // The library takes a zero for an option that is absent.
    template <typename Number>
    Options &set_positive(std::string_view name, Number number) {
        if (number > 0) return set(name, number);
        fail(Status::bad_option, std::string(name) + " must be above 0");
        return *this;
    }
};

/// Where the handlers of a service run.
enum class Handlers {
    /// Inside functions that the application calls.
    caller,
    /// On a thread of the service.
    thread,
    /// Nowhere: next_event() returns events and completions.
    poll,
};

/// What delivers the entries of an outbox.
enum class Deliver {
    /// A thread of the library, while the service is open.
    thread,
    /// deliver() only.
    command,
};

/// A configuration, or a change of one. docs/configuration.md lists the keys; set() takes every
/// one.
///
/// Example:
///     callbackservice::Config config("http://127.0.0.1:8080/genesys/1/service/callback/samples");
///     config.handlers(callbackservice::Handlers::thread).timeout(std::chrono::seconds(5));
///     callbackservice::Service other(config);
class Config : public detail::Builder<Config> {
public:
    /// A change of a configuration.
    Config() = default;
    /// The configuration of a service at this address.
    explicit Config(std::string_view data_url) { set("dataURL", data_url); }
    /// Begins with JSON.
    [[nodiscard]] static Config from(JsonText json) {
        Config config;
        static_cast<JsonText &>(config) = std::move(json);
        return config;
    }

    /// v1 or v3.
    Config &api_version(std::string_view version) { return set("apiVersion", version); }
    Config &api_key(std::string_view key) { return set("apikey", key); }
    Config &handlers(Handlers where) {
        const char *const names[] = {"caller", "thread", "poll"};
        return set("handlers", names[static_cast<int>(where)]);
    }
    /// The deadline of a whole command.
    Config &timeout(std::chrono::milliseconds deadline) {
        return set("ajaxTimeout", deadline.count());
    }
    Config &header(std::string_view name, std::string_view value) {
        return set_in("headers", name, value);
    }
    Config &proxy_url(std::string_view url) { return set_in("proxy", "url", url); }
    /// Never uses a proxy.
    Config &no_proxy() { return set("proxy", "none"); }
    Config &ca_file(std::string_view path) { return set_in("tls", "caFile", path); }
    Config &basic_auth(std::string_view username, std::string_view password) {
        return set_in("basicAuth", "username", username).set_in("basicAuth", "password", password);
    }
    /// The file that stores the bookings of submit(). Other keys of the outbox are put with
    /// set_at(), such as /outbox/maxAgeMs.
    Config &outbox(std::string_view file, Deliver what = Deliver::thread) {
        const char *const names[] = {"thread", "command"};
        return set_in("outbox", "file", file)
            .set_in("outbox", "deliver", names[static_cast<int>(what)]);
    }
};

CALLBACKSERVICE_END

#endif  // CALLBACKSERVICE_OPTIONS_HPP
