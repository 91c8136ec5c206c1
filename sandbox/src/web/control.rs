//! Control of the clock and the faults, the request log, and the reset.

use std::sync::Arc;

use axum::extract::{Path, Request, State};
use axum::http::header::ACCEPT;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Redirect, Response};
use axum::Json;
use jiff::{SignedDuration, Timestamp};
use serde_json::{json, Value};

use super::error::WebError;
use crate::booking::BookingService;
use crate::domain::clock::{Clock, MAX_SPEED};
use crate::domain::time_format::format_utc;
use crate::faults::request_log::RequestLog;
use crate::faults::rules::FaultRules;
use crate::http::body;
use crate::http::errors::ParameterError;
use crate::http::fields::{self, Fields};
use crate::http::operation;
use crate::http::query::{parse_time_with_zone, RawQuery};

/// JSON for programs. A browser that submitted a form returns to the page.
fn respond(headers: &HeaderMap, json: Value) -> Response {
    let accept = headers.get(ACCEPT);
    if accept.is_some_and(|accept| accept.as_bytes().starts_with(b"text/html")) {
        Redirect::to("/").into_response()
    } else {
        Json(json).into_response()
    }
}

fn clock_json(clock: &Clock) -> Value {
    json!({"now": format_utc(clock.now()), "speed": clock.speed()})
}

pub(crate) async fn clock(State(booking): State<Arc<BookingService>>) -> Json<Value> {
    Json(clock_json(&booking.clock))
}

pub(crate) async fn set_clock(
    State(booking): State<Arc<BookingService>>,
    headers: HeaderMap,
    request: Request,
) -> Result<Response, WebError> {
    let fields = body::nested(request).await?;
    apply_clock(&booking.clock, &fields)?;
    booking.notify_changed();
    Ok(respond(&headers, clock_json(&booking.clock)))
}

fn apply_clock(clock: &Clock, fields: &Fields) -> Result<(), ParameterError> {
    const KEYS: [&str; 3] = ["now", "advanceSeconds", "speed"];
    let is_misspelt = fields.keys().any(|key| !KEYS.contains(&key.as_str()));
    if is_misspelt || fields.is_empty() {
        return Err(ParameterError::new(
            "Give now, advanceSeconds, speed, or several of them, and nothing else.",
        ));
    }
    if let Some((name, _)) = fields.iter().find(|(_, value)| *value == "") {
        return Err(ParameterError::new(format!(
            "Invalid parameter {name}: empty."
        )));
    }
    let speed = fields::number(fields, "speed")?;
    if speed.is_some_and(|speed| !(0.0..=MAX_SPEED).contains(&speed)) {
        return Err(ParameterError::invalid("speed", "from 0 to 86400"));
    }
    let now: Option<Timestamp> = fields::text(fields, "now")?
        .map(|text| parse_time_with_zone("now", text))
        .transpose()?;
    let advance = fields::number(fields, "advanceSeconds")?;
    let advanced = advance.map(|seconds| {
        let base = now.unwrap_or_else(|| clock.now());
        let duration = SignedDuration::try_from_secs_f64(seconds).ok()?;
        base.checked_add(duration).ok()
    });
    if advanced == Some(None) {
        return Err(ParameterError::new("The clock cannot go that far."));
    }
    clock.set(advanced.flatten().or(now), speed);
    Ok(())
}

pub(crate) async fn faults(State(faults): State<Arc<FaultRules>>) -> Json<Vec<Value>> {
    Json(faults.to_json())
}

pub(crate) async fn add_fault(
    State(booking): State<Arc<BookingService>>,
    State(faults): State<Arc<FaultRules>>,
    headers: HeaderMap,
    request: Request,
) -> Result<Response, WebError> {
    let fields = body::nested(request).await?;
    let fault = faults.add(&fields)?;
    booking.notify_changed();
    Ok(respond(&headers, fault))
}

pub(crate) async fn clear_faults(
    State(booking): State<Arc<BookingService>>,
    State(faults): State<Arc<FaultRules>>,
    headers: HeaderMap,
) -> Response {
    faults.clear();
    booking.notify_changed();
    respond(&headers, json!([]))
}

pub(crate) async fn remove_fault(
    State(booking): State<Arc<BookingService>>,
    State(faults): State<Arc<FaultRules>>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, WebError> {
    if !id.parse().is_ok_and(|id| faults.remove(id)) {
        return Err(WebError::UnknownFault);
    }
    booking.notify_changed();
    Ok(respond(&headers, json!({})))
}

pub(crate) async fn requests(
    State(log): State<Arc<RequestLog>>,
    query: RawQuery,
) -> Result<Json<Value>, WebError> {
    let limit = query.parse()?.limit("max")?;
    let entries = log.recent(limit.unwrap_or(usize::MAX));
    let entries = entries.iter();
    let json = entries.map(|(number, entry)| entry.to_json(*number));
    Ok(Json(json.collect()))
}

/// How often each operation that must not be sent twice was requested and carried out.
pub(crate) async fn operations(
    State(booking): State<Arc<BookingService>>,
    query: RawQuery,
) -> Result<Json<Value>, WebError> {
    let query = query.parse()?;
    let operation = query.text("operation");
    if let Some(other) = operation.filter(|name| !operation::is_counted(name)) {
        let expected = "cancel, reschedule, callIn or adminCancel";
        return Err(ParameterError::invalid_value("operation", other, expected).into());
    }
    let (operation, subject) = (operation.map(str::to_owned), query.text("subject"));
    let counts = booking.request_counts(operation, subject.map(str::to_owned));
    let counts = counts.await?;
    let json = counts.iter().map(|count| {
        json!({
            "operation": count.operation,
            "subject": count.subject,
            "received": count.received,
            "done": count.done,
        })
    });
    Ok(Json(json.collect()))
}

/// Deletes bookings, faults, requests and counts, and resets the clock.
pub(crate) async fn reset(
    State(booking): State<Arc<BookingService>>,
    State(faults): State<Arc<FaultRules>>,
    State(log): State<Arc<RequestLog>>,
    headers: HeaderMap,
) -> Result<Response, WebError> {
    faults.clear();
    log.clear();
    booking.reset().await?;
    Ok(respond(&headers, json!({})))
}
