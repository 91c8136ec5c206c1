//! What supervisors ask for.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{RawQuery, Request, State};
use axum::http::HeaderMap;
use axum::response::Response;
use jiff::SignedDuration;
use serde_json::{json, Map, Value};

use super::search::{base, shown, Criterion};
use super::{admitted_everywhere, finish, state, Problem};
use crate::booking::{BookingError, BookingService};
use crate::domain::calendar::Slot;
use crate::domain::lifecycle::CallbackState;
use crate::http::body;
use crate::http::query::Query;
use crate::store::BookingFilter;

/// The window of `queues` when the request does not say.
const BACK: SignedDuration = SignedDuration::from_mins(15);
const AHEAD: SignedDuration = SignedDuration::from_hours(24);

/// `GET /genesys/1/admin/callback/queues`
pub(crate) async fn queues(
    State(booking): State<Arc<BookingService>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let answer = try_queues(&booking, query.as_deref(), &headers).await;
    finish(&booking, answer)
}

async fn try_queues(
    booking: &BookingService,
    query: Option<&str>,
    headers: &HeaderMap,
) -> Result<Value, Problem> {
    admitted_everywhere(booking, headers)?;
    let pairs = body::pairs(query.unwrap_or_default())?;
    let query = Query::read(query)?;
    let now = booking.clock.now();
    let at = |offset| now.saturating_add(offset).unwrap_or(now);
    let start = query.moment("start_time")?.unwrap_or_else(|| at(-BACK));
    let end = query.moment("end_time")?.unwrap_or_else(|| at(AHEAD));
    let most = query.slots("max")?.unwrap_or(usize::MAX);
    let target = query.text("target");
    let states = query.text("states").map(states).transpose()?;
    let passed = ["target", "start_time", "end_time", "states", "max"];
    let criteria = Criterion::all(booking, target, &pairs, &passed)?;
    let mut queues: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
    for name in booking
        .config
        .services
        .keys()
        .filter(|name| target.is_none_or(|target| target == *name))
    {
        queues.insert(name, Vec::new());
    }
    if let Some(target) = target {
        booking.service(target)?;
    }
    let selection = BookingFilter {
        service: target.map(str::to_owned),
        desired: Some(Slot {
            start,
            end: end
                .saturating_add(SignedDuration::from_millis(1))
                .unwrap_or(end),
        }),
        ..BookingFilter::default()
    };
    let base = base(headers);
    for record in booking.select(selection).await? {
        let wanted = states
            .as_ref()
            .is_none_or(|states| states.contains(&record.state(now)));
        let shown = shown(&record, now, &base);
        let Some(queue) = queues.get_mut(record.service.as_str()) else {
            continue;
        };
        if wanted && queue.len() < most && criteria.iter().all(|criterion| criterion.fits(&shown)) {
            queue.push(Value::Object(shown));
        }
    }
    Ok(json!(queues))
}

/// States, separated by commas.
fn states(names: &str) -> Result<Vec<CallbackState>, BookingError> {
    let names = names
        .split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty());
    names.map(|name| state("states", name)).collect()
}

/// `GET /genesys/1/admin/callback/watermarks`
pub(crate) async fn watermarks(
    State(booking): State<Arc<BookingService>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let answer = try_watermarks(&booking, query.as_deref(), &headers).await;
    finish(&booking, answer)
}

async fn try_watermarks(
    booking: &BookingService,
    query: Option<&str>,
    headers: &HeaderMap,
) -> Result<Value, Problem> {
    admitted_everywhere(booking, headers)?;
    let query = Query::read(query)?;
    let now = booking.clock.now();
    let named: Vec<&str> = query.every("service_name").collect();
    let mut counts: BTreeMap<&str, u32> = match named.is_empty() {
        true => booking
            .config
            .services
            .keys()
            .map(|name| (name.as_str(), 0))
            .collect(),
        false => named.into_iter().map(|name| (name, 0)).collect(),
    };
    for record in booking
        .select(BookingFilter {
            alive_at: Some(now),
            ..BookingFilter::default()
        })
        .await?
    {
        if let Some(count) = counts.get_mut(record.service.as_str()) {
            *count += u32::from(record.state(now).is_in_queue());
        }
    }
    let total: u32 = counts.values().sum();
    Ok(json!({"services": counts, "total": total}))
}

/// `POST /genesys/1/admin/callback/cancel`
pub(crate) async fn cancel(
    State(booking): State<Arc<BookingService>>,
    request: Request,
) -> Response {
    let answer = try_cancel(&booking, request).await;
    finish(&booking, answer)
}

async fn try_cancel(booking: &BookingService, request: Request) -> Result<Value, Problem> {
    admitted_everywhere(booking, request.headers())?;
    let fields = body::json_object(request).await?;
    let reason = text(&fields, "reason")?.unwrap_or("CANCELLED_BY_ADMIN");
    let ids = texts(&fields, "ids")?
        .ok_or_else(|| BookingError::Parameter("Missing parameter ids.".to_owned()))?;
    let mut results = Map::new();
    for id in ids {
        let (text, title) = match booking.cancel(id, None, reason).await {
            Ok(_) => ("The callback is cancelled".to_owned(), "Ok"),
            Err(refusal @ BookingError::UnknownCallback(_)) => {
                (refusal.to_string(), "FAILURE_MISSING")
            }
            Err(refusal @ BookingError::NotModifiable { .. }) => {
                (refusal.to_string(), "FAILURE_STATE")
            }
            Err(other) => return Err(other.into()),
        };
        let dialog = json!({
            "_dialog_id": "0", "_action": "ConfirmationDialog", "_text": text, "_ok_title": title, "_id": id,
        });
        results.insert(id.to_owned(), dialog);
    }
    Ok(Value::Object(results))
}

/// A text in a JSON body, if it is there.
pub(crate) fn text<'a>(
    fields: &'a Map<String, Value>,
    name: &str,
) -> Result<Option<&'a str>, BookingError> {
    match fields.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if !text.is_empty() => Ok(Some(text.as_str())),
        Some(_) => Err(BookingError::Parameter(format!(
            "Invalid parameter {name}: not text."
        ))),
    }
}

/// An array of texts in a JSON body, if it is there.
pub(crate) fn texts<'a>(
    fields: &'a Map<String, Value>,
    name: &str,
) -> Result<Option<Vec<&'a str>>, BookingError> {
    let Some(value) = fields.get(name).filter(|value| !value.is_null()) else {
        return Ok(None);
    };
    let texts: Option<Vec<&str>> = value
        .as_array()
        .and_then(|values| values.iter().map(Value::as_str).collect());
    texts.map(Some).ok_or_else(|| {
        BookingError::Parameter(format!("Invalid parameter {name}: not an array of texts."))
    })
}
