//! Looking up whether a booking exists whose response was lost.

use serde_json::Value;
use tokio::time::Instant;

use crate::command::Command;
use crate::config::Config;
use crate::error::{Error, Result};
use crate::outbox::clock::milliseconds;
use crate::outbox::entry::ClaimedEntry;
use crate::protocol::{self, Subject};
use crate::status::Status;
use crate::text::json::Object;
use crate::text::timestamp;
use crate::transport::message::{ExchangeLimits, Progress, Response};
use crate::transport::Transport;

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

/// Asks the server for the callbacks with the number of an entry. `wall_ms` is the time now, in
/// milliseconds since 1970.
pub async fn look_up(
    config: &Config,
    transport: &Transport,
    entry: &ClaimedEntry,
    limits: &ExchangeLimits,
    wall_ms: i64,
) -> Lookup {
    let number = entry.request.number().unwrap_or_default();
    let options: Object = [("phonenumber".to_owned(), number.into())]
        .into_iter()
        .collect();
    let (request, subject) = match protocol::request(config, Command::Query, &options) {
        Ok(request) => request,
        Err(error) => return Lookup::Impossible(error),
    };
    let started = Instant::now();
    let exchanged = transport
        .execute(&request, limits, &Progress::default())
        .await;
    let wall_ms = wall_ms + milliseconds(started.elapsed());
    read_lookup(config, &subject, entry, exchanged.result, wall_ms)
}

/// The bookings in the response to a lookup that may be that of an entry.
fn read_lookup(
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
    use serde_json::json;

    use super::*;
    use crate::outbox::test_support::{config, entry, SENT_AT};

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
