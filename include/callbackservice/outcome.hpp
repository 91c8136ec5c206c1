// What the commands return. Part of callbackservice.hpp.
#ifndef CALLBACKSERVICE_OUTCOME_HPP
#define CALLBACKSERVICE_OUTCOME_HPP

#include <callbackservice/json.hpp>

#include <string>
#include <utility>
#include <vector>

CALLBACKSERVICE_BEGIN

/// A slot that can be booked.
struct Slot {
    Time utc_time;
    /// The same time as the outcome has it, such as 2030-12-01T10:00:00.000Z.
    std::string utc_text;
    /// The time in the zone that was asked for; empty if the server sends none.
    std::string local_time;
    std::optional<std::int64_t> capacity, total;
};

/// A callback as the server describes it. What the server does not say is empty.
struct Callback {
    std::string id, state, reason, phone_number, service_name, url;
    std::optional<Time> desired_time, expiration_time;
    std::optional<std::int64_t> position_in_queue;
    std::optional<Seconds> estimated_wait_time;
};

/// How long callers wait in a queue.
struct WaitTime {
    std::string virtual_queue;
    std::optional<Seconds> estimated_wait_time;
    std::optional<std::int64_t> result_code;
};

/// Whether a queue takes callbacks.
struct Queue {
    std::optional<Seconds> estimated_wait_time;
    std::optional<bool> offer_immediate_callback, offer_scheduled_callback;
};

/// The announcement that the customer will call.
struct CallIn {
    std::string id, to_phone_number, access_code;
};

/// Whether the server has done what a rejected or cancelled command asked for.
enum class Happened {
    /// The command does nothing of this kind.
    not_said,
    no,
    /// It may have: find out before sending the command again.
    unknown,
};

/// Why a command was rejected or cancelled. What the outcome does not say is empty.
struct ErrorDetails {
    Status status = Status::ok;
    std::string name;
    /// In the library's own words, without personal data.
    std::string message;
    /// In the words of the server, which may repeat telephone numbers and user data.
    std::string server_message;
    std::string server_code, correlation_id;
    /// The option or configuration key at fault.
    std::string field;
    /// Whether sending the same command again can succeed and cannot book twice.
    bool retryable = false;
    std::optional<std::chrono::milliseconds> retry_after;
    std::optional<std::int64_t> attempts;
    /// Of schedule, cancel, reschedule and call_in.
    Happened booked = Happened::not_said, cancelled = Happened::not_said,
             moved = Happened::not_said, created = Happened::not_said;
};

/// What has become of the entries that one deliver() has sent.
struct DeliveryCounts {
    std::int64_t delivered = 0, refused = 0, unknown = 0, expired = 0;
    /// Entries for this server that are to be sent later.
    std::int64_t waiting = 0;
};

/// A booking in the outbox. What does not apply is empty.
struct OutboxEntry {
    std::string entry, key;
    /// waiting, sending, delivered, refused, unknown or expired.
    std::string delivery;
    /// The identifier of the booked callback.
    std::string id;
    std::int64_t attempts = 0;
    std::optional<Time> submitted_at, next_attempt_at, desired_time;
    /// Why it is not delivered.
    std::optional<ErrorDetails> error;
};

/// What came of a command: the JSON text that the library returns, and what it contains. Each
/// accessor reads the text again.
///
/// Example:
///     const auto available = service.availability_or_throw(R"({"numberOfDays":5})");
///     for (const callbackservice::Slot &slot : available.slots())
///         std::cout << slot.utc_text << ' ' << slot.capacity.value_or(0) << '\n';
class Outcome {
public:
    Outcome() = default;
    explicit Outcome(std::string text) : text_(std::move(text)) {}

    /// The JSON text.
    [[nodiscard]] const std::string &text() const noexcept { return text_; }

    /// The value at a JSON Pointer: a string without quotation marks, or any other value as JSON.
    /// Nothing if there is none, or null.
    [[nodiscard]] std::optional<std::string> get(const std::string &pointer) const {
        if (detail::has_nul(pointer)) return std::nullopt;
        return detail::value_at(text_, pointer.c_str());
    }

    /// The number of elements or members at a JSON Pointer; 0 if there are none.
    [[nodiscard]] std::size_t count(const std::string &pointer) const {
        std::uint32_t count = 0;
        if (!detail::has_nul(pointer)) cbsvc_json_count(text_.c_str(), pointer.c_str(), &count);
        return count;
    }

    /// The outcome as a value of a JSON library, by its parse function.
    ///
    /// Example:
    ///     const nlohmann::json json = outcome.as<nlohmann::json>();
    template <typename Value>
    [[nodiscard]] Value as() const {
        return Value::parse(text_);
    }

    /// The name of the command, such as CallbackService.schedule.
    [[nodiscard]] std::string command() const { return detail::text_at(text_, "/command"); }

    /// resolved, rejected or cancelled.
    [[nodiscard]] std::string state() const { return detail::text_at(text_, "/state"); }

    [[nodiscard]] std::optional<int> http_status() const {
        return detail::integer_at<int>(text_, "/httpStatus");
    }

    /// The identifier of the booked callback; empty if the response has none.
    [[nodiscard]] std::string id() const { return detail::text_at(text_, "/id"); }

    /// The slots that can be booked, or those that the server proposes instead.
    [[nodiscard]] std::vector<Slot> slots() const {
        std::vector<Slot> slots;
        for (const std::string &json : detail::elements_at(text_, "/slots")) {
            Slot slot;
            slot.utc_text = detail::text_at(json, "/utcTime");
            const std::optional<Time> time = detail::parse_time(slot.utc_text);
            // The library has checked every time.
            if (!time) continue;
            slot.utc_time = *time;
            slot.local_time = detail::text_at(json, "/localTime");
            slot.capacity = detail::integer_at<std::int64_t>(json, "/capacity");
            slot.total = detail::integer_at<std::int64_t>(json, "/total");
            slots.push_back(std::move(slot));
        }
        return slots;
    }

    /// The callback of cancel, reschedule, retrieve and queue_position.
    [[nodiscard]] std::optional<Callback> callback() const {
        const std::optional<std::string> json = detail::value_at(text_, "/callback");
        if (!json) return std::nullopt;
        return read_callback(*json);
    }

    /// The callbacks that query has found.
    [[nodiscard]] std::vector<Callback> callbacks() const {
        std::vector<Callback> callbacks;
        for (const std::string &json : detail::elements_at(text_, "/callbacks")) {
            callbacks.push_back(read_callback(json));
        }
        return callbacks;
    }

    /// The queues of estimated_wait_time.
    [[nodiscard]] std::vector<WaitTime> wait_times() const {
        std::vector<WaitTime> times;
        for (const std::string &json : detail::elements_at(text_, "/waitTimes")) {
            WaitTime time;
            time.virtual_queue = detail::text_at(json, "/virtualQueue");
            time.estimated_wait_time = detail::seconds_at(json, "/estimatedWaitTime");
            time.result_code = detail::integer_at<std::int64_t>(json, "/resultCode");
            times.push_back(std::move(time));
        }
        return times;
    }

    /// The queue of queue_status.
    [[nodiscard]] std::optional<Queue> queue() const {
        const std::optional<std::string> json = detail::value_at(text_, "/queue");
        if (!json) return std::nullopt;
        Queue queue;
        queue.estimated_wait_time = detail::seconds_at(*json, "/estimatedWaitTime");
        queue.offer_immediate_callback = detail::boolean_at(*json, "/offerImmediateCallback");
        queue.offer_scheduled_callback = detail::boolean_at(*json, "/offerScheduledCallback");
        return queue;
    }

    /// How long the office is still open; 0 if it is closed.
    [[nodiscard]] std::optional<Seconds> open_for() const {
        return detail::seconds_at(text_, "/openForSeconds");
    }

    /// The request of call_in.
    [[nodiscard]] std::optional<CallIn> call_in() const {
        const std::optional<std::string> json = detail::value_at(text_, "/callIn");
        if (!json) return std::nullopt;
        CallIn call_in;
        call_in.id = detail::text_at(*json, "/id");
        call_in.to_phone_number = detail::text_at(*json, "/toPhoneNumber");
        call_in.access_code = detail::text_at(*json, "/accessCode");
        return call_in;
    }

    /// Of submit(), and of the event of a booking that was submitted: the entry of the outbox, and
    /// the key of the program.
    [[nodiscard]] std::string entry() const { return detail::text_at(text_, "/entry"); }
    [[nodiscard]] std::string key() const { return detail::text_at(text_, "/key"); }

    /// Of submit(): what has become of the entry, waiting unless it was there before.
    [[nodiscard]] std::string delivery() const { return detail::text_at(text_, "/delivery"); }

    /// The counts of deliver(); without a value if it was rejected.
    [[nodiscard]] std::optional<DeliveryCounts> delivery_counts() const {
        if (!get("/waiting")) return std::nullopt;
        const auto count = [&](const char *pointer) {
            return detail::integer_at<std::int64_t>(text_, pointer).value_or(0);
        };
        DeliveryCounts counts;
        counts.delivered = count("/delivered");
        counts.refused = count("/refused");
        counts.unknown = count("/unknown");
        counts.expired = count("/expired");
        counts.waiting = count("/waiting");
        return counts;
    }

    /// The entries that outbox() lists, or the one that it has changed.
    [[nodiscard]] std::vector<OutboxEntry> entries() const {
        std::vector<OutboxEntry> entries;
        for (const std::string &json : detail::elements_at(text_, "/entries")) {
            OutboxEntry entry;
            entry.entry = detail::text_at(json, "/entry");
            entry.key = detail::text_at(json, "/key");
            entry.delivery = detail::text_at(json, "/delivery");
            entry.id = detail::text_at(json, "/id");
            entry.attempts = detail::integer_at<std::int64_t>(json, "/attempts").value_or(0);
            entry.submitted_at = detail::time_at(json, "/submittedAt");
            entry.next_attempt_at = detail::time_at(json, "/nextAttemptAt");
            entry.desired_time = detail::time_at(json, "/desiredTime");
            entry.error = read_error(json);
            entries.push_back(std::move(entry));
        }
        return entries;
    }

    /// Elements of slots that are not slots, such as a date that does not exist.
    [[nodiscard]] std::vector<std::string> unread_slots() const {
        return detail::texts_at(text_, "/unreadSlots");
    }

    /// Elements of callbacks that are not callbacks.
    [[nodiscard]] std::vector<std::string> unread_callbacks() const {
        return detail::texts_at(text_, "/unreadCallbacks");
    }

    /// Why the command was rejected or cancelled; without a value if it was neither.
    [[nodiscard]] std::optional<ErrorDetails> error() const { return read_error(text_); }

private:
    static std::optional<ErrorDetails> read_error(const std::string &outcome) {
        const std::optional<std::string> json = detail::value_at(outcome, "/error");
        if (!json) return std::nullopt;
        ErrorDetails details;
        details.status = static_cast<Status>(
            detail::integer_at<cbsvc_status>(*json, "/status").value_or(CBSVC_INTERNAL));
        details.name = status_name(details.status);
        details.message = detail::text_at(*json, "/message");
        details.server_message = detail::text_at(*json, "/serverMessage");
        details.server_code = detail::text_at(*json, "/serverCode");
        details.correlation_id = detail::text_at(*json, "/correlationId");
        details.field = detail::text_at(*json, "/field");
        details.retryable = detail::boolean_at(*json, "/retryable").value_or(false);
        if (const auto wait = detail::integer_at<std::int64_t>(*json, "/retryAfterMs")) {
            details.retry_after = std::chrono::milliseconds(*wait);
        }
        details.attempts = detail::integer_at<std::int64_t>(*json, "/attempts");
        details.booked = happened(*json, "/booked");
        details.cancelled = happened(*json, "/cancelled");
        details.moved = happened(*json, "/moved");
        details.created = happened(*json, "/created");
        return details;
    }

    static Callback read_callback(const std::string &json) {
        Callback callback;
        callback.id = detail::text_at(json, "/id");
        callback.state = detail::text_at(json, "/state");
        callback.reason = detail::text_at(json, "/reason");
        callback.phone_number = detail::text_at(json, "/phoneNumber");
        callback.service_name = detail::text_at(json, "/serviceName");
        callback.url = detail::text_at(json, "/url");
        callback.desired_time = detail::time_at(json, "/desiredTime");
        callback.expiration_time = detail::time_at(json, "/expirationTime");
        callback.position_in_queue = detail::integer_at<std::int64_t>(json, "/positionInQueue");
        callback.estimated_wait_time = detail::seconds_at(json, "/estimatedWaitTime");
        return callback;
    }

    static Happened happened(const std::string &json, const char *pointer) {
        const std::optional<std::string> said = detail::value_at(json, pointer);
        if (!said) return Happened::not_said;
        return *said == "no" ? Happened::no : Happened::unknown;
    }

    std::string text_;
};

CALLBACKSERVICE_END

#endif  // CALLBACKSERVICE_OUTCOME_HPP
