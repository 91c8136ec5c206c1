//! How many bookings a service accepts: queued at the same time, within a period, for one number.
//! The messages are those of real servers.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value};

use super::BookingError;
use crate::config::Service;
use crate::store::{Booking, BookingTable};

/// Callbacks with one number that may wait at the same time.
const MAX_PER_NUMBER: u32 = 2;

/// Refuses a booking that exceeds a limit of the service.
pub(crate) fn check(
    table: &BookingTable,
    service: &Service,
    booking: &Booking,
    now: Timestamp,
) -> Result<(), BookingError> {
    let limits = &service.options;
    let due_soon = booking.lifecycle.queued <= now;
    // A callback that is not due soon does not enter the queue yet. A limit of 0 refuses it too.
    if let Some(limit) = limits.max_queued.filter(|limit| due_soon || *limit == 0) {
        check_queue(table, booking, limit, now)?;
    }
    if limits.in_queue_check {
        check_number(table, booking, now)?;
    }
    // The other limits count callbacks that were due soon when they were booked.
    if !due_soon {
        return Ok(());
    }
    for throttle in &limits.throttles {
        let since = now.saturating_sub(SignedDuration::from_secs(i64::from(throttle.seconds)));
        let count = table.count_due_soon(&booking.service, since.unwrap_or(Timestamp::MIN))?;
        if count >= throttle.limit {
            return Err(BookingError::Limit(format!(
                "Limit of queued callbacks for {} is reached for interval {}s.",
                booking.service, throttle.seconds
            )));
        }
    }
    match limits.max_daily {
        Some(limit) => check_day(table, service, booking, limit, now),
        None => Ok(()),
    }
}

fn check_queue(
    table: &BookingTable,
    booking: &Booking,
    limit: u32,
    now: Timestamp,
) -> Result<(), BookingError> {
    if table.count_queued(&booking.service, now)? < limit {
        return Ok(());
    }
    Err(BookingError::Limit(format!(
        "Limit of queued callbacks for {} is reached.",
        booking.service
    )))
}

fn check_number(
    table: &BookingTable,
    booking: &Booking,
    now: Timestamp,
) -> Result<(), BookingError> {
    if table.count_waiting(&booking.number, now)? < MAX_PER_NUMBER {
        return Ok(());
    }
    Err(BookingError::Limit(format!(
        "Callback for _customer_number={} rejected because {MAX_PER_NUMBER} callbacks for this number are queued already.",
        booking.number
    )))
}

fn check_day(
    table: &BookingTable,
    service: &Service,
    booking: &Booking,
    limit: u32,
    now: Timestamp,
) -> Result<(), BookingError> {
    let midnight = now.to_zoned(service.calendar.zone.clone()).start_of_day();
    let midnight = midnight.map_or(now, |midnight| midnight.timestamp());
    let today: Vec<Map<String, Value>> = table
        .due_soon(&booking.service, midnight)?
        .iter()
        .map(properties)
        .collect();
    let own = properties(booking);
    for key in &service.options.daily_keys {
        let value = own.get(key);
        let Some(value) = value.filter(|value| !value.is_null() && *value != "") else {
            continue;
        };
        let others = today.iter().filter(|other| other.get(key) == Some(value));
        if u32::try_from(others.count()).is_ok_and(|count| count < limit) {
            continue;
        }
        let value = value.as_str().unwrap_or_default();
        return Err(BookingError::Limit(format!(
            "Callback for {key}={value} rejected because previous callbacks for this parameter were requested for more \
             than {limit} times today."
        )));
    }
    Ok(())
}

fn properties(booking: &Booking) -> Map<String, Value> {
    let mut properties: Map<String, Value> =
        serde_json::from_str(&booking.data).unwrap_or_default();
    properties.insert("_customer_number".to_owned(), booking.number.clone().into());
    properties
}
