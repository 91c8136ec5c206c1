//! What becomes of an entry after an attempt to send it, or after a lookup.

use serde_json::Value;

use crate::command::Command;
use crate::config::outbox::{OutboxConfig, WhenUnknown};
use crate::config::Config;
use crate::error::{Error, Result};
use crate::outbox::clock::milliseconds;
use crate::outbox::entry::{ClaimedEntry, Delivery, Next, NOT_LOOKED_UP};
use crate::protocol::{self, Subject};
use crate::status::Status;
use crate::text::timestamp;
use crate::transport::message::{ExchangeResult, Response};

/// How a result changes the pace at which entries are sent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pace {
    /// The server works.
    Faster,
    /// The server asks for less.
    Slower,
    /// The server cannot be reached.
    Stop,
    /// It says nothing of the server's state.
    Keep,
}

/// What becomes of an entry.
#[derive(Debug)]
pub struct Decision {
    pub next: Next,
    /// Why it is not delivered.
    pub error: Option<Error>,
    pub pace: Pace,
}

/// What a lookup says.
#[derive(Debug)]
pub enum Lookup {
    /// The identifiers of the bookings that may be this one.
    Found(Vec<String>),
    /// The server does not look bookings up.
    Impossible(Error),
    /// It may work the next time.
    Failed(Error),
}

/// The rules of one configuration.
#[derive(Clone, Copy)]
pub struct Rules<'a> {
    pub config: &'a Config,
    pub outbox: &'a OutboxConfig,
    /// Milliseconds since 1970.
    pub wall_ms: i64,
}

impl Rules<'_> {
    /// An entry that must not be sent any more.
    pub fn expiry(&self, entry: &ClaimedEntry) -> Option<Decision> {
        if self.time_left(entry) >= 0 {
            return None;
        }
        let message = if entry.age_ms > milliseconds(self.outbox.max_age) {
            "the booking could not be sent within outbox.maxAgeMs"
        } else {
            "the booking could not be sent by its desired time (outbox.lateMs)"
        };
        let error = Error::new(Status::Expired, message);
        Some(finished(Delivery::Expired, None, Some(error), Pace::Keep))
    }

    /// What becomes of an entry after an attempt.
    pub fn after_attempt(&self, entry: &ClaimedEntry, exchanged: &ExchangeResult) -> Decision {
        let response = match &exchanged.result {
            Ok(response) => response,
            Err(error) if exchanged.sent => return self.unknown(entry, error.clone(), Pace::Keep),
            Err(error) => {
                // A deadline may have passed while all connections were in use.
                let pace = match error.status {
                    Status::Timeout => Pace::Slower,
                    _ => Pace::Stop,
                };
                return self.wait(entry, error.clone(), pace);
            }
        };
        let text = protocol::body_text(response);
        let subject = Subject::default();
        let meaning =
            protocol::interpret(self.config, Command::Schedule, &subject, response, &text);
        let Some(error) = meaning.error else {
            return finished(Delivery::Delivered, meaning.id, None, Pace::Faster);
        };
        let proposes_slots = meaning
            .slots
            .as_ref()
            .is_some_and(|slots| slots.encoded_len() > 0);
        match (response.status, error.status) {
            // A server that gives an identifier has booked, whatever else it says.
            _ if meaning.id.is_some() => self.unknown(entry, error, Pace::Keep),
            (429, _) | (_, Status::RateLimited) if !proposes_slots => {
                self.wait(entry, error, Pace::Slower)
            }
            (503, _) => self.wait(entry, error, Pace::Slower),
            (500 | 502 | 504, _) => self.unknown(entry, error, Pace::Slower),
            _ if meaning.is_effect_unknown => self.unknown(entry, error, Pace::Keep),
            // This says nothing of the booking, and the operator can set it right.
            (_, Status::Unauthorized | Status::Proxy) => self.wait(entry, error, Pace::Slower),
            _ => finished(Delivery::Refused, None, Some(error), Pace::Faster),
        }
    }

    /// What becomes of an entry after a lookup.
    pub fn after_lookup(&self, entry: &ClaimedEntry, lookup: Lookup) -> Decision {
        match lookup {
            Lookup::Found(bookings) => Decision {
                next: Next::LookedUp {
                    bookings,
                    lookups: entry.lookups,
                    pause_ms: milliseconds(self.outbox.retry.base_delay),
                },
                error: None,
                pace: Pace::Faster,
            },
            Lookup::Impossible(error) => self.undecidable(entry, lookup_error(error), Pace::Keep),
            Lookup::Failed(error) if entry.age_ms > milliseconds(self.outbox.max_age) => {
                let error = in_doubt(lookup_error(error));
                finished(Delivery::Unknown, None, Some(error), Pace::Keep)
            }
            Lookup::Failed(error) => {
                let pace = match error.status.code() / 100 {
                    4 => Pace::Stop,
                    _ => Pace::Slower,
                };
                Decision {
                    next: Next::Unknown {
                        pause_ms: self.pause(entry, &error),
                        lookups: entry.lookups.max(0),
                    },
                    error: Some(in_doubt(lookup_error(error))),
                    pace,
                }
            }
        }
    }

    /// An entry whose process has ended while it sent it, if the server has no lookups.
    pub fn without_lookup(&self, entry: &ClaimedEntry) -> Decision {
        let message = "the program that sent the booking ended before the response arrived";
        let error = Error::new(Status::Protocol, message);
        self.undecidable(entry, error, Pace::Keep)
    }

    /// Whether the server can say whether it has made the booking of an entry.
    pub fn can_look_up(&self, entry: &ClaimedEntry) -> bool {
        protocol::stored::has_lookup(self.config) && entry.request.number().is_some()
    }

    fn unknown(&self, entry: &ClaimedEntry, error: Error, pace: Pace) -> Decision {
        if !self.can_look_up(entry) {
            return self.undecidable(entry, error, pace);
        }
        Decision {
            next: Next::Unknown {
                pause_ms: 0,
                lookups: NOT_LOOKED_UP,
            },
            error: Some(in_doubt(error)),
            pace,
        }
    }

    fn undecidable(&self, entry: &ClaimedEntry, error: Error, pace: Pace) -> Decision {
        match self.outbox.when_unknown {
            WhenUnknown::Resend => self.wait(entry, in_doubt(error), pace),
            WhenUnknown::Report => Decision {
                next: Next::Undecided,
                error: Some(in_doubt(error)),
                pace,
            },
        }
    }

    fn wait(&self, entry: &ClaimedEntry, error: Error, pace: Pace) -> Decision {
        Decision {
            next: Next::Waiting {
                pause_ms: self.pause(entry, &error),
                was_attempted: true,
            },
            error: Some(error),
            pace,
        }
    }

    /// The pause before the next attempt; not longer than the entry may wait, so that it is
    /// reported in time when it expires.
    fn pause(&self, entry: &ClaimedEntry, error: &Error) -> i64 {
        let pause = match error.retry_after {
            Some(requested) => requested,
            None => self.outbox.retry.backoff(entry.attempts),
        };
        milliseconds(pause).min(self.time_left(entry).max(0) + 1)
    }

    /// Milliseconds until an entry expires; negative if it has.
    fn time_left(&self, entry: &ClaimedEntry) -> i64 {
        let by_age = milliseconds(self.outbox.max_age).saturating_sub(entry.age_ms);
        let desired = entry
            .desired_time
            .as_deref()
            .and_then(timestamp::milliseconds);
        let by_time = desired.map(|desired| {
            desired
                .saturating_add(milliseconds(self.outbox.late))
                .saturating_sub(self.wall_ms)
        });
        by_time.map_or(by_age, |by_time| by_time.min(by_age))
    }
}

fn finished(
    delivery: Delivery,
    booking: Option<String>,
    error: Option<Error>,
    pace: Pace,
) -> Decision {
    Decision {
        next: Next::Finished { delivery, booking },
        error,
        pace,
    }
}

/// The error of a booking that may have been made.
pub fn in_doubt(error: Error) -> Error {
    match Command::Schedule.effect() {
        Some(effect) if !error.is_effect_unknown => error.with_unknown_effect(effect),
        _ => error,
    }
}

fn lookup_error(error: Error) -> Error {
    Error {
        message: format!("looking the booking up failed: {}", error.message),
        ..error
    }
}

/// The bookings in the response to a lookup that may be that of an entry.
pub fn read_lookup(
    config: &Config,
    subject: &Subject,
    entry: &ClaimedEntry,
    exchanged: Result<Response>,
    wall_ms: i64,
) -> Lookup {
    let response = match exchanged {
        Ok(response) => response,
        Err(error) => return Lookup::Failed(error),
    };
    let text = protocol::body_text(&response);
    let meaning = protocol::interpret(config, Command::Query, subject, &response, &text);
    if let Some(error) = meaning.error {
        return match response.status {
            400 | 401 | 403 | 404 | 405 | 501 => Lookup::Impossible(error),
            _ => Lookup::Failed(error),
        };
    }
    let found = meaning
        .found
        .filter(|found| found.unread_callbacks.is_empty());
    let records = found.and_then(|found| serde_json::from_str(&found.json).ok());
    let Some(Value::Array(records)) = records else {
        let message = "the server lists callbacks that cannot be read";
        return Lookup::Failed(Error::new(Status::Protocol, message));
    };
    let server_ms = response
        .date
        .as_deref()
        .and_then(timestamp::http_date_milliseconds);
    let skew_ms = server_ms.map_or(0, |server_ms| skew(server_ms - wall_ms));
    let number = entry.request.number().unwrap_or_default();
    let mut bookings: Vec<(i64, String)> = records
        .into_iter()
        .filter(|record| is_number(&number, record["phoneNumber"].as_str()))
        .filter_map(|record| {
            let distance = distance(entry, &record, skew_ms)?;
            Some((distance, record["id"].as_str()?.to_owned()))
        })
        .collect();
    bookings.sort();
    Lookup::Found(bookings.into_iter().map(|(_, id)| id).collect())
}

/// How far two clocks are apart, of which one shows whole seconds; differences that this explains
/// count as none.
fn skew(difference_ms: i64) -> i64 {
    match difference_ms {
        -3_000..=1_000 => 0,
        _ => difference_ms,
    }
}

/// How much earlier than it was sent an immediate booking may seem to have been made.
const TOLERANCE_MS: i64 = 3_000;

/// How far a record is from the booking of an entry, in milliseconds; `None` if it is another one.
fn distance(entry: &ClaimedEntry, record: &Value, skew_ms: i64) -> Option<i64> {
    let desired = record["desiredTime"].as_str();
    let Some(wanted) = entry.desired_time.as_deref() else {
        // An immediate booking is never planned, and its desired time is the one of its creation.
        let is_planned = record["state"] == "SCHEDULED";
        let created = desired.and_then(timestamp::milliseconds);
        let after = created.map_or(0, |created| created - (entry.sent_at + skew_ms));
        return (!is_planned && after >= -TOLERANCE_MS).then_some(after.abs());
    };
    let is_same = match (
        timestamp::milliseconds(wanted),
        desired.and_then(timestamp::milliseconds),
    ) {
        (Some(wanted), Some(desired)) => wanted == desired,
        _ => desired == Some(wanted),
    };
    is_same.then_some(0)
}

/// Whether a server's spelling of a number means the one that was sent. Servers add country codes
/// and drop punctuation.
fn is_number(sent: &str, found: Option<&str>) -> bool {
    let digits = |text: &str| -> String { text.chars().filter(char::is_ascii_digit).collect() };
    let Some(found) = found else {
        return true;
    };
    let (sent_digits, found_digits) = (digits(sent), digits(found));
    let is_suffix =
        |long: &str, short: &str| short.len() >= MIN_NUMBER_SUFFIX && long.ends_with(short);
    sent == found
        || sent_digits == found_digits
        || is_suffix(&found_digits, &sent_digits)
        || is_suffix(&sent_digits, &found_digits)
}

/// The fewest digits that identify a number without its country code.
const MIN_NUMBER_SUFFIX: usize = 6;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::*;
    use crate::outbox::entry::Work;
    use crate::protocol::stored::StoredRequest;

    const SENT_AT: i64 = 1_900_000_000_000;

    fn config(outbox: Value) -> Config {
        let mut section = json!({"file": "/nowhere/callbacks.db"});
        let members = section.as_object_mut().unwrap();
        members.extend(outbox.as_object().unwrap().clone());
        let config = json!({"dataURL": "http://h/x", "proxy": "none", "outbox": section});
        Config::parse(&config.to_string()).unwrap()
    }

    fn entry(desired_time: Option<&str>, age_ms: i64) -> ClaimedEntry {
        ClaimedEntry {
            number: 1,
            id: "id".to_owned(),
            key: None,
            work: Work::Send,
            attempts: 1,
            age_ms,
            desired_time: desired_time.map(str::to_owned),
            sent_at: SENT_AT,
            sent_at_file_ms: SENT_AT,
            lookups: NOT_LOOKED_UP,
            request: StoredRequest {
                path: String::new(),
                accept: "application/json".to_owned(),
                content_type: "application/x-www-form-urlencoded".to_owned(),
                body: "_customer_number=%2B14151110000".to_owned(),
            },
        }
    }

    fn rules(config: &Config, wall_ms: i64) -> Rules<'_> {
        let outbox = config.outbox.as_ref().unwrap();
        Rules {
            config,
            outbox,
            wall_ms,
        }
    }

    #[test]
    fn an_entry_expires_by_its_age_and_by_its_desired_time() {
        let config = config(json!({"maxAgeMs": 1_000, "lateMs": 500}));
        let desired = timestamp::milliseconds("2030-12-01T10:00:00Z").unwrap();
        for (time, age, wall_ms, is_expired) in [
            (None, 1_000, 0, false),
            (None, 1_001, 0, true),
            (Some("2030-12-01T10:00:00.000Z"), 0, desired + 500, false),
            (Some("2030-12-01T10:00:00.000Z"), 0, desired + 501, true),
            (Some("2030-12-01T10:00:00.000Z"), 1_001, 0, true),
            (Some("soon"), 0, i64::MAX, false),
        ] {
            let expiry = rules(&config, wall_ms).expiry(&entry(time, age));
            assert_eq!(expiry.is_some(), is_expired, "{time:?} {age} {wall_ms}");
        }
    }

    #[test]
    fn a_pause_does_not_outlast_the_entry() {
        let config = config(json!({"maxAgeMs": 10_000}));
        let error = Error {
            retry_after: Some(Duration::from_secs(3_600)),
            ..Error::new(Status::RateLimited, "")
        };
        let pause = rules(&config, 0).pause(&entry(None, 4_000), &error);
        assert_eq!(pause, 6_001);
        let pause = rules(&config, 0).pause(&entry(None, 0), &Error::new(Status::Connect, ""));
        assert!((500..=1_000).contains(&pause), "{pause}");
    }

    #[test]
    fn servers_spell_numbers_differently() {
        for (sent, found) in [
            ("+14151110000", "+14151110000"),
            ("+1 (415) 111-0000", "14151110000"),
            ("4151110000", "+14151110000"),
            ("+14151110000", "4151110000"),
            ("5115", "5115"),
        ] {
            assert!(is_number(sent, Some(found)), "{sent} {found}");
        }
        assert!(is_number("1", None));
        for (sent, found) in [
            ("+14151110000", "+14151110001"),
            ("5115", "15115"),
            ("4151110000", "10000"),
        ] {
            assert!(!is_number(sent, Some(found)), "{sent} {found}");
        }
    }

    #[test]
    fn a_lookup_finds_what_was_made_since_by_the_clock_of_the_server() {
        let config = config(json!({}));
        let record = |id: &str, seconds: i64| {
            let time = timestamp::from_epoch_milliseconds(SENT_AT + seconds * 1_000);
            json!({"_id": id, "_callback_state": "QUEUED", "_desired_time": time})
        };
        let found = |records: Value, date: Option<&str>| {
            let response = Response {
                status: 200,
                content_type: Some("application/json".to_owned()),
                date: date.map(str::to_owned),
                body: records.to_string().into_bytes(),
                ..Response::default()
            };
            let (subject, entry) = (Subject::default(), entry(None, 0));
            match read_lookup(&config, &subject, &entry, Ok(response), SENT_AT + 1_000) {
                Lookup::Found(bookings) => bookings,
                other => panic!("{other:?}"),
            }
        };
        // The nearest one comes first.
        let records = json!([record("late", 30), record("own", 1), record("old", -60)]);
        assert_eq!(found(records, None), ["own", "late"]);
        // The clock of the server is an hour behind: 16:46:41 instead of 17:46:41.
        let records = json!([record("own", -3_599), record("old", -7_200)]);
        let date = "Fri, 17 Mar 2030 16:46:41 GMT".replace("Fri", "Sun");
        assert_eq!(found(records.clone(), Some(&date)), ["own"]);
        assert!(found(records, None).is_empty());
    }

    #[test]
    fn a_lookup_that_is_refused_or_unreadable_decides_nothing() {
        let config = config(json!({}));
        let lookup = |status, body: &str| {
            let response = Response {
                status,
                body: body.as_bytes().to_vec(),
                ..Response::default()
            };
            read_lookup(
                &config,
                &Subject::default(),
                &entry(None, 0),
                Ok(response),
                0,
            )
        };
        for status in [400, 401, 403, 404, 405, 501] {
            assert!(
                matches!(lookup(status, "{}"), Lookup::Impossible(_)),
                "{status}"
            );
        }
        for (status, body) in [
            (500, "{}"),
            (503, "{}"),
            (200, "hello"),
            (200, "[5]"),
            (200, r#"[{"_id":"1"},5]"#),
        ] {
            assert!(
                matches!(lookup(status, body), Lookup::Failed(_)),
                "{status} {body}"
            );
        }
    }
}
