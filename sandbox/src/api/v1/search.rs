//! Bookings as clients see them, and how they are found.

use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, RawQuery, State};
use axum::http::header::HOST;
use axum::http::HeaderMap;
use axum::response::Response;
use jiff::Timestamp;
use serde_json::{json, Map, Value};

use super::{admitted, admitted_everywhere, finish, is_decided, Problem, ServiceName};
use crate::booking::{BookingError, BookingService};
use crate::domain::lifecycle::CallbackState;
use crate::domain::time_format;
use crate::http::body;
use crate::http::query::Query;
use crate::store::{Booking, BookingFilter};

/// What can be asked for beside a service's lookup keys.
const FILTERS: [&str; 6] = [
    "_id",
    "_customer_number",
    "_service_name",
    "_desired_time",
    "_callback_state",
    "_callback_reason",
];

/// `GET /genesys/1/service/callback`
pub(crate) async fn search(
    State(booking): State<Arc<BookingService>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let answer = match admitted_everywhere(&booking, &headers) {
        Ok(()) => try_search(&booking, None, query.as_deref(), &headers).await,
        Err(problem) => Err(problem),
    };
    finish(&booking, answer)
}

/// `GET /genesys/1/service/callback/{service}`
pub(crate) async fn search_service(
    State(booking): State<Arc<BookingService>>,
    service: ServiceName,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let answer = match admitted(&booking, service.map(|Path(name)| name), &headers) {
        Ok(name) => try_search(&booking, Some(name), query.as_deref(), &headers).await,
        Err(problem) => Err(problem),
    };
    finish(&booking, answer)
}

async fn try_search(
    booking: &BookingService,
    service: Option<String>,
    query: Option<&str>,
    headers: &HeaderMap,
) -> Result<Value, Problem> {
    let pairs = body::pairs(query.unwrap_or_default())?;
    let any = any_is_enough(&Query::read(query)?)?;
    let wanted: Vec<Criterion> = Criterion::all(booking, service.as_deref(), &pairs, &["operand"])?;
    let number = wanted
        .iter()
        .find(|criterion| criterion.key == "_customer_number" && !criterion.negated);
    let selection = BookingFilter {
        service,
        number: number
            .filter(|_| !any)
            .map(|criterion| criterion.value.clone()),
        ..BookingFilter::default()
    };
    let now = booking.clock.now();
    let base = base(headers);
    let shown = booking
        .select(selection)
        .await?
        .into_iter()
        .map(|record| shown(&record, now, &base));
    let found = shown.filter(|record| match any && !wanted.is_empty() {
        true => wanted.iter().any(|criterion| criterion.fits(record)),
        false => wanted.iter().all(|criterion| criterion.fits(record)),
    });
    Ok(found.map(Value::Object).collect())
}

/// Whether one condition of a query is enough, or all have to hold.
fn any_is_enough(query: &Query) -> Result<bool, BookingError> {
    match query.text("operand") {
        None => Ok(false),
        Some(text) if text.eq_ignore_ascii_case("AND") => Ok(false),
        Some(text) if text.eq_ignore_ascii_case("OR") => Ok(true),
        Some(other) => Err(BookingError::Parameter(format!(
            "Invalid parameter operand: [{other}] is not AND or OR."
        ))),
    }
}

/// `GET /genesys/1/service/{id}/check-queue-position`
pub(crate) async fn queue_position(
    State(booking): State<Arc<BookingService>>,
    id: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
) -> Response {
    let answer = try_queue_position(&booking, id, &headers).await;
    finish(&booking, answer)
}

async fn try_queue_position(
    booking: &BookingService,
    id: Result<Path<String>, PathRejection>,
    headers: &HeaderMap,
) -> Result<Value, Problem> {
    admitted_everywhere(booking, headers)?;
    let Path(id) = id.map_err(|_| BookingError::Parameter("The path is not UTF-8.".to_owned()))?;
    let record = booking.find(&id).await?;
    let now = booking.clock.now();
    if record.state(now) == CallbackState::Completed {
        return Err(Problem::SessionOver(id));
    }
    let position = booking.position(&record, now).await?;
    let wait = i64::from(position.estimated_wait);
    Ok(json!({
        "ewt": wait,
        "_position": position.rank,
        "_eta": (now.as_second() + wait),
        "_total_waiting": position.queued,
        "_agent_ready_threshold_passed": record.state(now) > CallbackState::Queued,
    }))
}

/// One condition of a query; `!` before the value negates it. Nothing is equal to an empty value.
pub(crate) struct Criterion {
    key: String,
    value: String,
    negated: bool,
}

impl Criterion {
    /// The conditions of a query: all its parameters, also the empty ones, but those that are `passed` over.
    pub(crate) fn all(
        booking: &BookingService,
        service: Option<&str>,
        pairs: &[(String, String)],
        passed: &[&str],
    ) -> Result<Vec<Criterion>, BookingError> {
        let services = &booking.config.services;
        let of_interest = services
            .iter()
            .filter(|(name, _)| service.is_none_or(|service| service == *name));
        let lookup: Vec<&String> = of_interest
            .flat_map(|(_, service)| &service.lookup_keys)
            .collect();
        let mut criteria = Vec::new();
        for (key, value) in pairs
            .iter()
            .filter(|(key, _)| !passed.contains(&key.as_str()))
        {
            if !FILTERS.contains(&key.as_str()) && !lookup.contains(&key) {
                let text = format!("Parameter {key} cannot be searched: it is not one of the service's lookup keys.");
                return Err(BookingError::Parameter(text));
            }
            let (value, negated) = value
                .strip_prefix('!')
                .map_or((value.as_str(), false), |value| (value, true));
            criteria.push(Criterion {
                key: key.clone(),
                value: value.to_owned(),
                negated,
            });
        }
        Ok(criteria)
    }

    /// Whether a record as it is shown fits.
    pub(crate) fn fits(&self, record: &Map<String, Value>) -> bool {
        let same = !self.value.is_empty()
            && record.get(&self.key).and_then(Value::as_str) == Some(&self.value);
        same != self.negated
    }
}

/// A record as clients see it: all values are text.
pub(crate) fn shown(record: &Booking, now: Timestamp, base: &str) -> Map<String, Value> {
    let mut shown = Map::new();
    let mut show = |key: &str, value: String| {
        shown.insert(key.to_owned(), value.into());
    };
    let state = record.state(now);
    let url = format!("{base}/genesys/1/service/{}", record.id);
    show("_id", record.id.clone());
    show("_service_name", record.service.clone());
    show("_customer_number", record.number.clone());
    show("_desired_time", time_format::format_utc(record.desired));
    show("_expiration_time", time_format::format_utc(record.expires));
    show("_callback_state", state.name().to_owned());
    if let Some(reason) = &record.reason {
        show("_callback_reason", reason.clone());
    }
    show("url", url.clone());
    show("_url", url);
    let data: Map<String, Value> = serde_json::from_str(&record.data).unwrap_or_default();
    add_texts(&mut shown, data);
    shown
}

/// What the client sent, but nothing that the server decides; data of a v3 client stands side by side with the rest.
fn add_texts(shown: &mut Map<String, Value>, data: Map<String, Value>) {
    for (key, value) in data {
        let text = match value {
            Value::Object(inner) => {
                add_texts(shown, inner);
                continue;
            }
            Value::Null => continue,
            Value::String(text) => text,
            other => other.to_string(),
        };
        if !shown.contains_key(&key) && !is_decided(&key) {
            shown.insert(key, text.into());
        }
    }
}

/// The beginning of this server's addresses, as the client knows it.
pub(crate) fn base(headers: &HeaderMap) -> String {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    format!("http://{}", host.unwrap_or("localhost"))
}
