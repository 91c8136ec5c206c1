//! Requests for slots, and slots as JSON.

use jiff::tz::TimeZone;
use jiff::Timestamp;
use serde_json::{json, Value};

use super::error::RequestError;
use crate::booking::{BookingService, SlotOffer};
use crate::domain::calendar::{Calendar, Interval};
use crate::domain::interval::{EndPrecedence, IntervalEnd, IntervalError};
use crate::domain::time_format::{format_local, format_utc};
use crate::http::query::Query;

type IntervalResult = Result<Interval, IntervalError>;

/// The names of the parameters of a list of slots, besides `start`, `end` and `timezone`.
pub(crate) struct ListParameters {
    pub(crate) start_millis: &'static str,
    pub(crate) end_millis: &'static str,
    pub(crate) days: &'static str,
    pub(crate) include_full: &'static str,
    pub(crate) limit: &'static str,
}

/// The list of slots of version 2 and v3 that a query asks for.
pub(crate) async fn requested_list(
    booking: &BookingService,
    service: &str,
    query: &Query,
    names: &ListParameters,
    precedence: EndPrecedence,
    interval: impl Fn(&Calendar, Timestamp, IntervalEnd, Option<&TimeZone>) -> IntervalResult,
) -> Result<Value, RequestError> {
    let calendar = &booking.service(service)?.calendar;
    let requested_zone = query.zone("timezone")?;
    let zone = requested_zone.clone().unwrap_or(TimeZone::UTC);
    let now = booking.clock.now();
    let start = query.time_or_millis("start", names.start_millis, &zone)?;
    let end = query.time_or_millis("end", names.end_millis, &zone)?;
    let end = IntervalEnd::choose(end, query.count(names.days)?, precedence)?;
    let start = start.unwrap_or(now);
    let interval = interval(calendar, start, end, requested_zone.as_ref())?;
    let include_full = query.flag(names.include_full)?;
    let limit = query.limit(names.limit)?;
    let mut offers = booking.offers(service, now, interval, limit).await?;
    offers.retain(|offer| include_full || offer.free > 0);
    Ok(list(&offers, calendar.slot.0, requested_zone.as_ref()))
}

fn list(offers: &[SlotOffer], minutes: i16, requested_zone: Option<&TimeZone>) -> Value {
    let slots = offers.iter().map(|offer| slot(offer, requested_zone));
    json!({
        "slots": slots.collect::<Value>(),
        "durationMin": minutes,
        // Only the unknown zone has no name.
        "timezone": requested_zone.map_or("UTC", |zone| zone.iana_name().unwrap_or("Etc/Unknown")),
    })
}

/// Only clients that requested a zone can parse `localTime`.
fn slot(offer: &SlotOffer, requested_zone: Option<&TimeZone>) -> Value {
    let mut slot = json!({"utcTime": format_utc(offer.start)});
    if let Some(zone) = requested_zone {
        slot["localTime"] = format_local(offer.start, zone).into();
    }
    slot["capacity"] = offer.free.into();
    slot["total"] = offer.total.into();
    slot
}

/// The object of v1: times and free capacity, without full slots.
pub(crate) fn capacity_map(offers: &[SlotOffer]) -> Value {
    let free = offers.iter().filter(|offer| offer.free > 0);
    let slots = free.map(|offer| (format_utc(offer.start), offer.free.into()));
    Value::Object(slots.collect())
}

/// The proposals of v3: times and free capacity as text.
pub(crate) fn proposals(offers: &[SlotOffer]) -> Value {
    let slots = offers
        .iter()
        .map(|offer| (format_utc(offer.start), offer.free.to_string().into()));
    json!({"slots": Value::Object(slots.collect())})
}
