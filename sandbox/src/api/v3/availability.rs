//! When callbacks can be booked, and how long the office is still open.

use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use jiff::tz::TimeZone;
use serde_json::{json, Value};

use super::{finish, wrong, Problem};
use crate::api::v1::slots;
use crate::booking::{BookingError, BookingService};
use crate::domain::interval::{self, EndPrecedence, IntervalEnd};
use crate::http::query::Query;

/// `GET /engagement/v3/callbacks/availability/{service}`
pub(crate) async fn list(
    State(booking): State<Arc<BookingService>>,
    service: Result<Path<String>, PathRejection>,
    RawQuery(query): RawQuery,
) -> Response {
    let answer = try_list(&booking, service, query.as_deref()).await;
    finish(&booking, answer)
}

async fn try_list(
    booking: &BookingService,
    service: Result<Path<String>, PathRejection>,
    query: Option<&str>,
) -> Result<Value, Problem> {
    let Path(name) =
        service.map_err(|_| wrong("The service name in the path is not UTF-8.".to_owned()))?;
    let calendar = &booking.service(&name)?.calendar;
    let query = Query::read(query)?;
    let asked_zone = query.zone("timezone")?;
    let zone = asked_zone.clone().unwrap_or(TimeZone::UTC);
    let start = query.one_of("start", "startMS", &zone)?;
    let until = until(&query, &zone, booking.config.server.v3.interval_end)?;
    let now = booking.clock.now();
    let start = start.unwrap_or(now);
    let stretch = interval::v3(calendar, start, until, asked_zone.as_ref())
        .map_err(|error| BookingError::Parameter(error.to_string()))?;
    let busy = query.flag("reportBusy")?;
    let limit = query.slots("maxTimeSlots")?;
    let mut offers = booking.offers(&name, now, stretch, limit).await?;
    offers.retain(|offer| busy || offer.free > 0);
    Ok(slots(&offers, calendar.slot.0, asked_zone.as_ref()))
}

/// `GET /engagement/v3/callbacks/open-for/{service}`
pub(crate) async fn open_for(
    State(booking): State<Arc<BookingService>>,
    service: Result<Path<String>, PathRejection>,
    RawQuery(query): RawQuery,
) -> Response {
    let answer = try_open_for(&booking, service, query.as_deref());
    finish(&booking, answer)
}

fn try_open_for(
    booking: &BookingService,
    service: Result<Path<String>, PathRejection>,
    query: Option<&str>,
) -> Result<Value, Problem> {
    let Path(name) =
        service.map_err(|_| wrong("The service name in the path is not UTF-8.".to_owned()))?;
    let calendar = &booking.service(&name)?.calendar;
    let query = Query::read(query)?;
    let zone = query.zone("timezone")?.unwrap_or(TimeZone::UTC);
    let start = query
        .one_of("start", "startMS", &zone)?
        .unwrap_or(booking.clock.now());
    let open = calendar.open_for(start);
    // 0 says that it is closed, so that the last part of a second counts as a whole one.
    Ok(json!({"openFor": open.as_secs() + i64::from(open.subsec_nanos() > 0)}))
}

fn until(
    query: &Query,
    zone: &TimeZone,
    decides: EndPrecedence,
) -> Result<IntervalEnd, BookingError> {
    let end = query.one_of("end", "endMS", zone)?;
    IntervalEnd::choose(end, query.count("numberOfDays")?, decides)
        .map_err(|error| BookingError::Parameter(error.to_string()))
}
