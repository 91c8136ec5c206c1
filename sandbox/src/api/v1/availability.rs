//! Availability in the formats of version 1 and version 2.

use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::Json;
use jiff::tz::TimeZone;

use super::auth::authorize_service;
use super::error::ApiError;
use super::{JsonResult, ServiceName};
use crate::api::slots;
use crate::booking::BookingService;
use crate::config::NoResult;
use crate::domain::interval::{self, IntervalEnd};
use crate::http::query::RawQuery;

/// `GET /genesys/1/service/callback/{service}/availability`
pub(crate) async fn list(
    State(booking): State<Arc<BookingService>>,
    service: ServiceName,
    query: RawQuery,
    headers: HeaderMap,
) -> JsonResult {
    let name = authorize_service(&booking, service, &headers)?;
    let calendar = &booking.service(&name)?.calendar;
    let config = &booking.config.server.v1;
    let query = query.parse()?;
    let now = booking.clock.now();
    let start = query.time_with_zone("start")?.unwrap_or(now);
    let end = query.time_with_zone("end")?;
    let end = IntervalEnd::choose(end, query.count("number-of-days")?, config.interval_end)?;
    let interval = interval::v1(calendar, start, end, config.interval_rules())?;
    let limit = query.limit("max-time-slots")?;
    let offers = booking.offers(&name, now, interval, limit).await?;
    if offers.is_empty() && config.closed_interval == NoResult::Refuse {
        return Err(ApiError::ClosedInterval);
    }
    Ok(Json(slots::capacity_map(&offers)))
}

/// `GET /genesys/2/service/callback/{service}/availability`
pub(crate) async fn list_v2(
    State(booking): State<Arc<BookingService>>,
    service: ServiceName,
    query: RawQuery,
    headers: HeaderMap,
) -> JsonResult {
    let name = authorize_service(&booking, service, &headers)?;
    let calendar = &booking.service(&name)?.calendar;
    let config = &booking.config.server.v1;
    let query = query.parse()?;
    let requested_zone = query.zone("timezone")?;
    let zone = requested_zone.clone().unwrap_or(TimeZone::UTC);
    let now = booking.clock.now();
    let start = query.time_or_millis("start", "start-ms", &zone)?;
    let end = query.time_or_millis("end", "end-ms", &zone)?;
    let end = IntervalEnd::choose(end, query.count("number-of-days")?, config.interval_end)?;
    let interval = interval::v1(calendar, start.unwrap_or(now), end, config.interval_rules())?;
    let include_full = query.flag("report-busy")?;
    let limit = query.limit("max-time-slots")?;
    let mut offers = booking.offers(&name, now, interval, limit).await?;
    offers.retain(|offer| include_full || offer.free > 0);
    let minutes = calendar.slot.0;
    Ok(Json(slots::list(&offers, minutes, requested_zone.as_ref())))
}
