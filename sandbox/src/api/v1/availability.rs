//! Availability in the formats of version 1 and version 2.

use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::Json;

use super::auth::authorize_service;
use super::error::ApiError;
use super::{JsonResult, ServiceName};
use crate::api::slots::{self, ListParameters};
use crate::booking::BookingService;
use crate::config::NoResult;
use crate::domain::interval::{self, IntervalEnd};
use crate::http::query::RawQuery;

const V2: ListParameters = ListParameters {
    start_millis: "start-ms",
    end_millis: "end-ms",
    days: "number-of-days",
    include_full: "report-busy",
    limit: "max-time-slots",
};

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
    let config = &booking.config.server.v1;
    let query = query.parse()?;
    let precedence = config.interval_end;
    let list = slots::requested_list(
        &booking,
        &name,
        &query,
        &V2,
        precedence,
        |calendar, start, end, _| interval::v1(calendar, start, end, config.interval_rules()),
    );
    Ok(Json(list.await?))
}
