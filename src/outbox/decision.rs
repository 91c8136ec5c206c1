//! What becomes of an entry after an attempt to send it, or after a lookup.

use crate::command::Command;
use crate::config::outbox::{OutboxConfig, WhenUnknown};
use crate::config::Config;
use crate::error::Error;
use crate::outbox::clock::milliseconds;
use crate::outbox::entry::{ClaimedEntry, Delivery, Next, NOT_LOOKED_UP};
use crate::outbox::lookup::Lookup;
use crate::protocol::{self, Subject};
use crate::status::Status;
use crate::text::timestamp;
use crate::transport::message::ExchangeResult;

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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::*;
    use crate::outbox::test_support::{config, entry};

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
}
