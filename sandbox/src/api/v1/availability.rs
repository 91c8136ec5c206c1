//! Slots that can be booked, in the shapes of version 1 and version 2.

use std::sync::Arc;

use axum::extract::{Path, RawQuery, State};
use axum::http::HeaderMap;
use axum::response::Response;
use jiff::tz::TimeZone;
use serde_json::{json, Value};

use super::{admitted, capacities, finish, Problem, ServiceName};
use crate::booking::{BookingError, BookingService, SlotOffer};
use crate::config::ClosedInterval;
use crate::domain::interval::{self, EndPrecedence, IntervalEnd};
use crate::domain::time_format;
use crate::http::query::Query;

/// `GET /genesys/1/service/callback/{service}/availability`
pub(crate) async fn list(
    State(booking): State<Arc<BookingService>>,
    service: ServiceName,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let answer = try_list(&booking, service, query.as_deref(), &headers).await;
    finish(&booking, answer)
}

async fn try_list(
    booking: &BookingService,
    service: ServiceName,
    query: Option<&str>,
    headers: &HeaderMap,
) -> Result<Value, Problem> {
    let name = admitted(booking, service.map(|Path(name)| name), headers)?;
    let calendar = &booking.service(&name)?.calendar;
    let switches = &booking.config.server.v1;
    let query = Query::read(query)?;
    let now = booking.clock.now();
    let start = query.moment("start")?.unwrap_or(now);
    let until = until(&query, query.moment("end")?, switches.interval_end)?;
    let stretch = interval::v1(calendar, start, until, switches.first_slot)
        .map_err(|error| BookingError::Parameter(error.to_string()))?;
    let limit = query.slots("max-time-slots")?;
    let offers = booking.offers(&name, now, stretch, limit).await?;
    if offers.is_empty() && switches.closed_interval == ClosedInterval::Refuse {
        return Err(Problem::ClosedInterval);
    }
    Ok(capacities(&offers))
}

/// `GET /genesys/2/service/callback/{service}/availability`
pub(crate) async fn list_v2(
    State(booking): State<Arc<BookingService>>,
    service: ServiceName,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let answer = try_list_v2(&booking, service, query.as_deref(), &headers).await;
    finish(&booking, answer)
}

async fn try_list_v2(
    booking: &BookingService,
    service: ServiceName,
    query: Option<&str>,
    headers: &HeaderMap,
) -> Result<Value, Problem> {
    let name = admitted(booking, service.map(|Path(name)| name), headers)?;
    let calendar = &booking.service(&name)?.calendar;
    let switches = &booking.config.server.v1;
    let query = Query::read(query)?;
    let asked_zone = query.zone("timezone")?;
    let zone = asked_zone.clone().unwrap_or(TimeZone::UTC);
    let now = booking.clock.now();
    let start = query.one_of("start", "start-ms", &zone)?.unwrap_or(now);
    let until = until(
        &query,
        query.one_of("end", "end-ms", &zone)?,
        switches.interval_end,
    )?;
    let stretch = interval::v1(calendar, start, until, switches.first_slot)
        .map_err(|error| BookingError::Parameter(error.to_string()))?;
    let busy = query.flag("report-busy")?;
    let limit = query.slots("max-time-slots")?;
    let mut offers = booking.offers(&name, now, stretch, limit).await?;
    offers.retain(|offer| busy || offer.free > 0);
    Ok(slots(&offers, calendar.slot.0, asked_zone.as_ref()))
}

/// The list of slots that version 2 and the v3 API share.
pub(crate) fn slots(offers: &[SlotOffer], minutes: i16, asked_zone: Option<&TimeZone>) -> Value {
    let slots = offers.iter().map(|offer| slot(offer, asked_zone));
    json!({
        "slots": slots.collect::<Value>(),
        "durationMin": minutes,
        // The only zone without a name of its own is the unknown one.
        "timezone": asked_zone.map_or("UTC", |zone| zone.iana_name().unwrap_or("Etc/Unknown")),
    })
}

/// Clients cannot parse `localTime` unless they asked for it.
fn slot(offer: &SlotOffer, asked_zone: Option<&TimeZone>) -> Value {
    let mut slot = json!({"utcTime": time_format::format_utc(offer.start)});
    if let Some(zone) = asked_zone {
        slot["localTime"] = time_format::format_local(offer.start, zone).into();
    }
    slot["capacity"] = offer.free.into();
    slot["total"] = offer.total.into();
    slot
}

fn until(
    query: &Query,
    end: Option<jiff::Timestamp>,
    decides: EndPrecedence,
) -> Result<IntervalEnd, BookingError> {
    IntervalEnd::choose(end, query.count("number-of-days")?, decides)
        .map_err(|error| BookingError::Parameter(error.to_string()))
}
