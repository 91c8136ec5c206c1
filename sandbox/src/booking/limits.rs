//! How many bookings a service takes: queued at once, within a time, for one number. The texts are those of real servers.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value};

use super::Refusal;
use crate::config::Service;
use crate::domain::lifecycle::CallbackState;
use crate::store::{Ledger, Record, Selection};

/// Callbacks with one number that may wait at once.
const IN_QUEUE: usize = 2;

/// Whether the service takes one more booking.
pub(crate) fn check(
    ledger: &Ledger,
    service: &Service,
    record: &Record,
    now: Timestamp,
) -> Result<(), Refusal> {
    let limits = &service.limits;
    let due_soon = record.lifecycle.queued <= now;
    // What is not due soon waits outside the queue, however full that is; a limit of 0 leaves no queue to come into.
    if let Some(limit) = limits.queued.filter(|limit| due_soon || *limit == 0) {
        check_queue(ledger, record, limit, now)?;
    }
    if limits.in_queue_check {
        check_number(ledger, record, now)?;
    }
    // The other limits count what was due soon when it was booked, and nothing else, also later.
    if !due_soon {
        return Ok(());
    }
    for throttle in &limits.throttles {
        let since = now.saturating_sub(SignedDuration::from_secs(i64::from(throttle.seconds)));
        let count = ledger.due_soon_since(&record.service, since.unwrap_or(Timestamp::MIN))?;
        if count >= throttle.limit {
            let (service, seconds) = (&record.service, throttle.seconds);
            let text = format!(
                "Limit of queued callbacks for {service} is reached for interval {seconds}s."
            );
            return Err(Refusal::Limit(text));
        }
    }
    match limits.daily {
        Some(limit) => check_day(ledger, service, record, limit, now),
        None => Ok(()),
    }
}

fn check_queue(
    ledger: &Ledger,
    record: &Record,
    limit: u32,
    now: Timestamp,
) -> Result<(), Refusal> {
    let selection = Selection {
        service: Some(record.service.clone()),
        alive_at: Some(now),
        ..Selection::default()
    };
    let queued = ledger
        .select(&selection)?
        .iter()
        .filter(|other| other.state(now) == CallbackState::Queued)
        .count();
    match u32::try_from(queued).is_ok_and(|queued| queued < limit) {
        true => Ok(()),
        false => Err(Refusal::Limit(format!(
            "Limit of queued callbacks for {} is reached.",
            record.service
        ))),
    }
}

fn check_number(ledger: &Ledger, record: &Record, now: Timestamp) -> Result<(), Refusal> {
    let selection = Selection {
        number: Some(record.number.clone()),
        alive_at: Some(now),
        ..Selection::default()
    };
    let alive = ledger.select(&selection)?;
    let waiting = alive
        .iter()
        .filter(|other| {
            matches!(
                other.state(now),
                CallbackState::Scheduled | CallbackState::Queued
            )
        })
        .count();
    match waiting < IN_QUEUE {
        true => Ok(()),
        false => Err(Refusal::Limit(format!(
            "Callback for _customer_number={} rejected because {IN_QUEUE} callbacks for this number are queued already.",
            record.number
        ))),
    }
}

fn check_day(
    ledger: &Ledger,
    service: &Service,
    record: &Record,
    limit: u32,
    now: Timestamp,
) -> Result<(), Refusal> {
    let midnight = now.to_zoned(service.calendar.zone.clone()).start_of_day();
    let midnight = midnight.map_or(now, |midnight| midnight.timestamp());
    let today: Vec<Map<String, Value>> = ledger
        .records_due_soon_since(&record.service, midnight)?
        .iter()
        .map(values)
        .collect();
    let own = values(record);
    for key in &service.limits.daily_keys {
        let Some(value) = own
            .get(key)
            .filter(|value| !value.is_null() && *value != "")
        else {
            continue;
        };
        let count = today
            .iter()
            .filter(|other| other.get(key) == Some(value))
            .count();
        if u32::try_from(count).is_ok_and(|count| count < limit) {
            continue;
        }
        let value = value.as_str().unwrap_or_default();
        return Err(Refusal::Limit(format!(
            "Callback for {key}={value} rejected because previous callbacks for this parameter were requested for more \
             than {limit} times today."
        )));
    }
    Ok(())
}

fn values(record: &Record) -> Map<String, Value> {
    let mut values: Map<String, Value> = serde_json::from_str(&record.data).unwrap_or_default();
    values.insert("_customer_number".to_owned(), record.number.clone().into());
    values
}
