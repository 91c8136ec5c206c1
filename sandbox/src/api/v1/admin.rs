//! Queries and cancellation for supervisors.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::Json;
use jiff::SignedDuration;
use serde_json::{json, Map, Value};

use super::auth::authorize_any;
use super::record::RecordFormat;
use super::search::Criterion;
use super::{parse_state, JsonResult};
use crate::booking::{BookingError, BookingService};
use crate::domain::calendar::Interval;
use crate::domain::lifecycle::CallbackState;
use crate::http::body;
use crate::http::errors::ParameterError;
use crate::http::fields::{non_empty_text, texts};
use crate::http::operation::ADMIN_CANCEL;
use crate::http::query::RawQuery;
use crate::store::BookingFilter;

/// The default interval of `queues`.
const BACK: SignedDuration = SignedDuration::from_mins(15);
const AHEAD: SignedDuration = SignedDuration::from_hours(24);

/// `GET /genesys/1/admin/callback/queues`
pub(crate) async fn queues(
    State(booking): State<Arc<BookingService>>,
    query: RawQuery,
    headers: HeaderMap,
) -> JsonResult {
    authorize_any(&booking, &headers)?;
    let query = query.parse()?;
    let now = booking.clock.now();
    let at = |offset| now.saturating_add(offset).unwrap_or(now);
    let start = query
        .time_with_zone("start_time")?
        .unwrap_or_else(|| at(-BACK));
    let end = query
        .time_with_zone("end_time")?
        .unwrap_or_else(|| at(AHEAD));
    let limit = query.limit("max")?.unwrap_or(usize::MAX);
    let target = query.text("target");
    let states = query.text("states").map(parse_states).transpose()?;
    let ignored = ["target", "start_time", "end_time", "states", "max"];
    let criteria = Criterion::parse_all(&booking, target, &query, &ignored)?;
    if let Some(target) = target {
        booking.service(target)?;
    }
    let names = booking.config.services.keys().map(String::as_str);
    let mut queues: BTreeMap<&str, Vec<Value>> = names
        .filter(|name| target.is_none_or(|target| target == *name))
        .map(|name| (name, Vec::new()))
        .collect();
    // The end is inclusive here.
    let end = end.saturating_add(SignedDuration::from_millis(1));
    let filter = BookingFilter {
        service: target.map(str::to_owned),
        desired: Some(Interval {
            start,
            end: end.unwrap_or(jiff::Timestamp::MAX),
        }),
        ..BookingFilter::default()
    };
    let format = RecordFormat::new(&booking, &headers);
    for callback in booking.select(filter).await? {
        let state = callback.state(now);
        if states
            .as_ref()
            .is_some_and(|states| !states.contains(&state))
        {
            continue;
        }
        let Some(queue) = queues.get_mut(callback.service.as_str()) else {
            continue;
        };
        let record = format.complete(&callback);
        if queue.len() < limit && criteria.iter().all(|criterion| criterion.matches(&record)) {
            queue.push(format.returned(record));
        }
    }
    Ok(Json(json!(queues)))
}

/// Parses states that are separated by commas.
fn parse_states(names: &str) -> Result<Vec<CallbackState>, ParameterError> {
    let names = names.split(',').map(str::trim);
    names
        .filter(|name| !name.is_empty())
        .map(|name| parse_state("states", name))
        .collect()
}

/// `GET /genesys/1/admin/callback/watermarks`
pub(crate) async fn watermarks(
    State(booking): State<Arc<BookingService>>,
    query: RawQuery,
    headers: HeaderMap,
) -> JsonResult {
    authorize_any(&booking, &headers)?;
    let query = query.parse()?;
    let now = booking.clock.now();
    let mut counts: BTreeMap<&str, u32> = query.all("service_name").map(|name| (name, 0)).collect();
    if counts.is_empty() {
        let names = booking.config.services.keys();
        counts.extend(names.map(|name| (name.as_str(), 0)));
    }
    let filter = BookingFilter {
        alive_at: Some(now),
        ..BookingFilter::default()
    };
    for callback in booking.select(filter).await? {
        if let Some(count) = counts.get_mut(callback.service.as_str()) {
            *count += u32::from(callback.state(now).is_in_queue());
        }
    }
    let total: u32 = counts.values().sum();
    Ok(Json(json!({"services": counts, "total": total})))
}

/// `POST /genesys/1/admin/callback/cancel`
pub(crate) async fn cancel(
    State(booking): State<Arc<BookingService>>,
    request: Request,
) -> JsonResult {
    authorize_any(&booking, request.headers())?;
    let fields = body::json_object(request).await?;
    let reason = non_empty_text(&fields, "reason")?.unwrap_or("CANCELLED_BY_ADMIN");
    let ids = texts(&fields, "ids")?.ok_or_else(|| ParameterError::missing("ids"))?;
    let mut results = Map::new();
    for id in ids {
        let (text, title) = match booking.cancel(ADMIN_CANCEL, id, None, reason).await {
            Ok(()) => ("The callback is cancelled".to_owned(), "Ok"),
            Err(error @ BookingError::UnknownCallback(_)) => (error.to_string(), "FAILURE_MISSING"),
            Err(error @ BookingError::NotModifiable { .. }) => (error.to_string(), "FAILURE_STATE"),
            Err(other) => return Err(other.into()),
        };
        let dialog = json!({
            "_dialog_id": "0", "_action": "ConfirmationDialog", "_text": text, "_ok_title": title, "_id": id,
        });
        results.insert(id.to_owned(), dialog);
    }
    Ok(Json(Value::Object(results)))
}
