//! Availability, and how long the office is open.

use std::sync::Arc;

use axum::extract::{Path, State};
use jiff::tz::TimeZone;
use serde_json::json;

use super::envelope::Success;
use super::{ApiResult, Name};
use crate::api::slots;
use crate::booking::BookingService;
use crate::domain::interval::{self, IntervalEnd};
use crate::http::errors::ParameterError;
use crate::http::query::RawQuery;

/// `GET /engagement/v3/callbacks/availability/{service}`
pub(crate) async fn list(
    State(booking): State<Arc<BookingService>>,
    service: Name,
    query: RawQuery,
) -> ApiResult {
    let Path(name) = service.map_err(ParameterError::from)?;
    let calendar = &booking.service(&name)?.calendar;
    let query = query.parse()?;
    let requested_zone = query.zone("timezone")?;
    let zone = requested_zone.clone().unwrap_or(TimeZone::UTC);
    let now = booking.clock.now();
    let start = query.time_or_millis("start", "startMS", &zone)?;
    let end = query.time_or_millis("end", "endMS", &zone)?;
    let days = query.count("numberOfDays")?;
    let end = IntervalEnd::choose(end, days, booking.config.server.v3.interval_end)?;
    let start = start.unwrap_or(now);
    let interval = interval::v3(calendar, start, end, requested_zone.as_ref())?;
    let include_full = query.flag("reportBusy")?;
    let limit = query.limit("maxTimeSlots")?;
    let mut offers = booking.offers(&name, now, interval, limit).await?;
    offers.retain(|offer| include_full || offer.free > 0);
    let slots = slots::list(&offers, calendar.slot.0, requested_zone.as_ref());
    Ok(Success(slots))
}

/// `GET /engagement/v3/callbacks/open-for/{service}`
pub(crate) async fn open_for(
    State(booking): State<Arc<BookingService>>,
    service: Name,
    query: RawQuery,
) -> ApiResult {
    let Path(name) = service.map_err(ParameterError::from)?;
    let calendar = &booking.service(&name)?.calendar;
    let query = query.parse()?;
    let zone = query.zone("timezone")?.unwrap_or(TimeZone::UTC);
    let start = query.time_or_millis("start", "startMS", &zone)?;
    let open = calendar.open_for(start.unwrap_or_else(|| booking.clock.now()));
    // Rounded up, because 0 means that the office is closed.
    let seconds = open.as_secs() + i64::from(open.subsec_nanos() > 0);
    Ok(Success(json!({"openFor": seconds})))
}
