//! Slots as JSON.

use jiff::tz::TimeZone;
use serde_json::{json, Value};

use crate::booking::SlotOffer;
use crate::domain::time_format::{format_local, format_utc};

/// The list of version 2 and v3.
pub(crate) fn list(offers: &[SlotOffer], minutes: i16, requested_zone: Option<&TimeZone>) -> Value {
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
