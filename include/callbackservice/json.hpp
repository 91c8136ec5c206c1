// Reading JSON texts and times. Part of callbackservice.hpp.
#ifndef CALLBACKSERVICE_JSON_HPP
#define CALLBACKSERVICE_JSON_HPP

#include <callbackservice/status.hpp>

#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <locale>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

CALLBACKSERVICE_BEGIN

/// A time in UTC, with the milliseconds that the servers know. In C++20, this is
/// std::chrono::sys_time<std::chrono::milliseconds>.
using Time = std::chrono::time_point<std::chrono::system_clock, std::chrono::milliseconds>;

/// A duration that may have a fraction.
using Seconds = std::chrono::duration<double>;

namespace detail {

/// A text of the library, freed when it goes out of scope.
class Text {
public:
    Text() = default;
    Text(const Text &) = delete;
    Text &operator=(const Text &) = delete;
    ~Text() { cbsvc_string_free(text_); }

    char **out() noexcept { return &text_; }
    std::string str() const { return text_ ? std::string(text_) : std::string(); }

private:
    char *text_ = nullptr;
};

inline bool has_nul(std::string_view text) noexcept {
    return text.find('\0') != std::string_view::npos;
}

/// The value at a pointer; nothing where there is none, or one that a C string cannot hold.
inline std::optional<std::string> value_at(const std::string &json, const char *pointer) {
    Text value;
    if (cbsvc_json_get(json.c_str(), pointer, value.out()) != CBSVC_OK) return std::nullopt;
    return value.str();
}

inline std::string text_at(const std::string &json, const char *pointer) {
    return value_at(json, pointer).value_or(std::string());
}

template <typename Integer>
std::optional<Integer> integer(const std::optional<std::string> &text) {
    if (!text) return std::nullopt;
    Integer number{};
    const char *const end = text->data() + text->size();
    const std::from_chars_result read = std::from_chars(text->data(), end, number);
    if (read.ec != std::errc() || read.ptr != end) return std::nullopt;
    return number;
}

template <typename Integer>
std::optional<Integer> integer_at(const std::string &json, const char *pointer) {
    return integer<Integer>(value_at(json, pointer));
}

inline std::optional<bool> boolean_at(const std::string &json, const char *pointer) {
    const std::optional<std::string> text = value_at(json, pointer);
    if (!text) return std::nullopt;
    return *text == "true";
}

inline std::optional<Seconds> seconds_at(const std::string &json, const char *pointer) {
    const std::optional<std::string> text = value_at(json, pointer);
    if (!text) return std::nullopt;
    std::istringstream stream(*text);
    stream.imbue(std::locale::classic());
    double number = 0;
    if (!(stream >> number)) return std::nullopt;
    return Seconds(number);
}

/// The elements of the array at a pointer, each as JSON. Asking for one element after the other
/// would read the text once for each.
inline std::vector<std::string> elements_at(const std::string &json, const char *pointer) {
    std::vector<std::string> elements;
    const std::string array = text_at(json, pointer);
    std::size_t begin = 1, depth = 0;
    bool is_string = false;
    for (std::size_t at = 0; at < array.size(); ++at) {
        const char character = array[at];
        if (is_string) {
            if (character == '\\') ++at;
            is_string = character != '"';
        } else if (character == '"') {
            is_string = true;
        } else if (character == '[' || character == '{') {
            ++depth;
        } else if (character == ']' || character == '}' || (character == ',' && depth == 1)) {
            if (depth == 1) {
                std::string element = array.substr(begin, at - begin);
                begin = at + 1;
                if (element.find_first_not_of(" \t\r\n") != std::string::npos) {
                    elements.push_back(std::move(element));
                }
            }
            if (character != ',') --depth;
        }
    }
    return elements;
}

/// As elements_at, of an array of strings.
inline std::vector<std::string> texts_at(const std::string &json, const char *pointer) {
    std::vector<std::string> texts = elements_at(json, pointer);
    for (std::string &text : texts) text = text_at(text, "");
    return texts;
}

// Days of the proleptic Gregorian calendar. An era is 400 years, and a year begins on March 1st,
// so that the leap day is its last.
constexpr std::int64_t days_of_era = 146097, days_before_1970 = 719468;

constexpr std::int64_t days_of_date(std::int64_t year, std::int64_t month, std::int64_t day) {
    if (month <= 2) --year;
    const std::int64_t era = year / 400, of_era = year % 400;
    const std::int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * days_of_era + of_era * 365 + of_era / 4 - of_era / 100 + of_year -
           days_before_1970;
}

/// Reads a time as the library writes it: 2030-12-01T10:00:00.000Z.
inline std::optional<Time> parse_time(const std::string &text) {
    constexpr std::string_view form = "dddd-dd-ddTdd:dd:dd";
    if (text.size() <= form.size() || text.back() != 'Z') return std::nullopt;
    for (std::size_t at = 0; at < form.size(); ++at) {
        const bool is_digit = text[at] >= '0' && text[at] <= '9';
        if (form[at] == 'd' ? !is_digit : text[at] != form[at]) return std::nullopt;
    }
    const auto digits = [&](std::size_t at, std::size_t count) {
        std::int64_t number = 0;
        for (std::size_t next = at; next < at + count; ++next)
            number = number * 10 + (text[next] - '0');
        return number;
    };
    std::int64_t milliseconds = 0, unit = 100;
    for (std::size_t at = form.size(); at < text.size() - 1; ++at) {
        const bool is_digit = text[at] >= '0' && text[at] <= '9';
        if (at == form.size() ? text[at] != '.' : !is_digit) return std::nullopt;
        if (is_digit) {
            milliseconds += unit * (text[at] - '0');
            unit /= 10;
        }
    }
    if (digits(0, 4) == 0) return std::nullopt;
    const std::int64_t days = days_of_date(digits(0, 4), digits(5, 2), digits(8, 2));
    const std::int64_t seconds = digits(11, 2) * 3600 + digits(14, 2) * 60 + digits(17, 2);
    return Time(std::chrono::milliseconds((days * 86400 + seconds) * 1000 + milliseconds));
}

inline std::optional<Time> time_at(const std::string &json, const char *pointer) {
    return parse_time(text_at(json, pointer));
}

/// Writes a time of the years 1 to 9999; nothing for another.
template <typename Duration>
std::optional<std::string> format_time(
    std::chrono::time_point<std::chrono::system_clock, Duration> time) {
    constexpr double year_1 = -62135596800.0, year_10000 = 253402300800.0;
    const double rough = std::chrono::duration<double>(time.time_since_epoch()).count();
    if (!(rough >= year_1 && rough < year_10000)) return std::nullopt;
    const std::int64_t total =
        std::chrono::floor<std::chrono::milliseconds>(time).time_since_epoch().count() +
        days_before_1970 * 86400000;
    if (total >= (days_of_date(10000, 1, 1) + days_before_1970) * 86400000) return std::nullopt;
    const std::int64_t days = total / 86400000, of_day = total % 86400000;
    const std::int64_t era = days / days_of_era, of_era = days % days_of_era;
    const std::int64_t year_of_era =
        (of_era - of_era / 1460 + of_era / 36524 - of_era / (days_of_era - 1)) / 365;
    const std::int64_t of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    const std::int64_t from_march = (5 * of_year + 2) / 153;
    const std::int64_t day = of_year - (153 * from_march + 2) / 5 + 1;
    const std::int64_t month = from_march < 10 ? from_march + 3 : from_march - 9;
    const std::int64_t year = era * 400 + year_of_era + (month <= 2 ? 1 : 0);
    char text[128];
    std::snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", static_cast<int>(year),
                  static_cast<int>(month), static_cast<int>(day),
                  static_cast<int>(of_day / 3600000), static_cast<int>(of_day / 60000 % 60),
                  static_cast<int>(of_day / 1000 % 60), static_cast<int>(of_day % 1000));
    return std::string(text);
}

}  // namespace detail

CALLBACKSERVICE_END

#endif  // CALLBACKSERVICE_JSON_HPP
