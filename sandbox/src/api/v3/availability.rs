//! Availability, and how long the office is open.

use std::sync::Arc;

use axum::extract::{Path, State};
use jiff::tz::TimeZone;
use serde_json::json;

use super::envelope::Success;
use super::{ApiResult, Name};
use crate::api::slots::{self, ListParameters};
use crate::booking::BookingService;
use crate::domain::interval;
use crate::http::errors::ParameterError;
use crate::http::query::RawQuery;

const V3: ListParameters = ListParameters {
    start_millis: "startMS",
    end_millis: "endMS",
    days: "numberOfDays",
    include_full: "reportBusy",
    limit: "maxTimeSlots",
};

/// `GET /engagement/v3/callbacks/availability/{service}`
pub(crate) async fn list(
    State(booking): State<Arc<BookingService>>,
    service: Name,
    query: RawQuery,
) -> ApiResult {
    let Path(name) = service.map_err(ParameterError::from)?;
    let query = query.parse()?;
    let precedence = booking.config.server.v3.interval_end;
    let list = slots::requested_list(&booking, &name, &query, &V3, precedence, interval::v3);
    Ok(Success(list.await?))
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
