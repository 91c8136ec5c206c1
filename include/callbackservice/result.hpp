// Errors and results. Part of callbackservice.hpp.
#ifndef CALLBACKSERVICE_RESULT_HPP
#define CALLBACKSERVICE_RESULT_HPP

#include <callbackservice/outcome.hpp>

#include <exception>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <variant>

#if defined(__cpp_lib_expected)
#include <expected>
#endif

CALLBACKSERVICE_BEGIN

/// Why a function failed. The functions whose names end in or_throw throw it; the others return it
/// in a Result. what() has the name of the status and the message, without personal data.
class Error : public std::runtime_error {
public:
    Error(Status status, const std::string &message, Outcome outcome = Outcome())
        : std::runtime_error(std::string(status_name(status)) + ": " + message),
          status_(status),
          content_(std::make_shared<const Content>(Content{message, std::move(outcome)})) {}

    [[nodiscard]] Status status() const noexcept { return status_; }
    [[nodiscard]] const std::string &message() const noexcept { return content_->message; }

    /// The outcome of the command, which may propose other slots. Without text if no command has
    /// run.
    [[nodiscard]] const Outcome &outcome() const noexcept { return content_->outcome; }

    /// What the outcome says of the error.
    [[nodiscard]] ErrorDetails details() const {
        if (std::optional<ErrorDetails> details = outcome().error()) return *std::move(details);
        ErrorDetails details;
        details.status = status_;
        details.name = status_name(status_);
        details.message = message();
        return details;
    }

private:
    struct Content {
        std::string message;
        Outcome outcome;
    };

    Status status_;
    // Shared, so that an exception is copied without a failure.
    std::shared_ptr<const Content> content_;
};

#if defined(__cpp_lib_expected)

/// A value, or the Error why there is none.
template <typename Value>
using Result = std::expected<Value, Error>;

/// An Error on its way into a Result.
using Unexpected = std::unexpected<Error>;

#else

/// What value() of a Result without a value throws.
class bad_expected_access : public std::exception {
public:
    explicit bad_expected_access(Error error) : error_(std::move(error)) {}

    const char *what() const noexcept override { return error_.what(); }
    [[nodiscard]] const Error &error() const noexcept { return error_; }

private:
    Error error_;
};

/// An Error on its way into a Result.
class Unexpected {
public:
    explicit Unexpected(Error error) : error_(std::move(error)) {}

    [[nodiscard]] const Error &error() const & noexcept { return error_; }
    [[nodiscard]] Error &&error() && noexcept { return std::move(error_); }

private:
    Error error_;
};

/// A value, or the Error why there is none: std::expected<Value, Error> where the compiler has it.
template <typename Value>
class [[nodiscard]] Result {
public:
    using value_type = Value;
    using error_type = Error;

    Result(Value value) : content_(std::in_place_index<0>, std::move(value)) {}
    Result(Unexpected unexpected)
        : content_(std::in_place_index<1>, std::move(unexpected).error()) {}

    [[nodiscard]] bool has_value() const noexcept { return content_.index() == 0; }
    explicit operator bool() const noexcept { return has_value(); }

    [[nodiscard]] Value &value() & { return checked(), **this; }
    [[nodiscard]] const Value &value() const & { return checked(), **this; }
    [[nodiscard]] Value &&value() && { return checked(), *std::move(*this); }

    template <typename Default>
    [[nodiscard]] Value value_or(Default &&other) const & {
        return has_value() ? **this : static_cast<Value>(std::forward<Default>(other));
    }

    [[nodiscard]] Value &operator*() & { return std::get<0>(content_); }
    [[nodiscard]] const Value &operator*() const & { return std::get<0>(content_); }
    [[nodiscard]] Value &&operator*() && { return std::get<0>(std::move(content_)); }
    [[nodiscard]] Value *operator->() { return &std::get<0>(content_); }
    [[nodiscard]] const Value *operator->() const { return &std::get<0>(content_); }

    [[nodiscard]] Error &error() & { return std::get<1>(content_); }
    [[nodiscard]] const Error &error() const & { return std::get<1>(content_); }
    [[nodiscard]] Error &&error() && { return std::get<1>(std::move(content_)); }

private:
    void checked() const {
        if (!has_value()) throw bad_expected_access(error());
    }

    std::variant<Value, Error> content_;
};

#endif

namespace detail {

template <typename Value>
Value value_or_throw(Result<Value> result) {
    if (!result) throw std::move(result).error();
    return *std::move(result);
}

/// The result of a command with this outcome.
inline Result<Outcome> result_of(Status status, std::string text) {
    Outcome outcome(std::move(text));
    if (status == Status::ok) return outcome;
    const std::optional<ErrorDetails> details = outcome.error();
    const std::string message = details ? details->message : "the command has no outcome";
    return Unexpected(Error(status, message, std::move(outcome)));
}

/// As above, with the status that the outcome has.
inline Result<Outcome> result_of(std::string text) {
    Outcome outcome(std::move(text));
    const std::optional<ErrorDetails> details = outcome.error();
    if (!details) return outcome;
    return Unexpected(Error(details->status, details->message, std::move(outcome)));
}

}  // namespace detail

CALLBACKSERVICE_END

#endif  // CALLBACKSERVICE_RESULT_HPP
