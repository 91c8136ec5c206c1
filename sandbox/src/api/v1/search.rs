//! Queries.

use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::Json;
use serde_json::{json, Map, Value};

use super::auth::{authorize_any, authorize_service};
use super::error::ApiError;
use super::record::RecordFormat;
use super::{JsonResult, ServiceName};
use crate::booking::{BookingError, BookingService};
use crate::config::{IdQuery, NoResult};
use crate::domain::lifecycle::CallbackState;
use crate::http::errors::ParameterError;
use crate::http::query::{Query, RawQuery};
use crate::store::BookingFilter;

/// The properties that can be queried besides a service's lookup keys.
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
    query: RawQuery,
    headers: HeaderMap,
) -> JsonResult {
    authorize_any(&booking, &headers)?;
    find_matching(&booking, None, &query.parse()?, &headers).await
}

/// `GET /genesys/1/service/callback/{service}`
pub(crate) async fn search_service(
    State(booking): State<Arc<BookingService>>,
    service: ServiceName,
    query: RawQuery,
    headers: HeaderMap,
) -> JsonResult {
    let name = authorize_service(&booking, service, &headers)?;
    find_matching(&booking, Some(name), &query.parse()?, &headers).await
}

async fn find_matching(
    booking: &BookingService,
    service: Option<String>,
    query: &Query,
    headers: &HeaderMap,
) -> JsonResult {
    let any = is_any_sufficient(query)?;
    let criteria = Criterion::parse_all(booking, service.as_deref(), query, &["operand"])?;
    // The database finds these two without reading every booking.
    let required = |key: &str| {
        let mut criteria = criteria.iter().filter(|_| !any);
        let criterion = criteria.find(|criterion| criterion.key == key && !criterion.negated);
        criterion.map(|criterion| criterion.value.clone())
    };
    let filter = BookingFilter {
        service,
        id: required("_id"),
        number: required("_customer_number"),
        ..BookingFilter::default()
    };
    let format = RecordFormat::new(booking, headers);
    let bookings = booking.select(filter).await?;
    let records = bookings.iter().map(|booking| format.complete(booking));
    let matching = records.filter(|record| {
        if any && !criteria.is_empty() {
            criteria.iter().any(|criterion| criterion.matches(record))
        } else {
            criteria.iter().all(|criterion| criterion.matches(record))
        }
    });
    let matching: Vec<Value> = matching.map(|record| format.returned(record)).collect();
    match criteria.as_slice() {
        [only] if only.key == "_id" && !only.negated => by_id(booking, &only.value, matching),
        _ => Ok(Json(matching.into())),
    }
}

/// The response to a query by the id alone, in which real servers may differ.
fn by_id(booking: &BookingService, id: &str, mut records: Vec<Value>) -> JsonResult {
    let config = &booking.config.server.v1;
    if records.is_empty() && config.unknown_id_query == NoResult::Refuse {
        return Err(BookingError::UnknownCallback(id.to_owned()).into());
    }
    Ok(Json(match (config.id_query, records.pop()) {
        (IdQuery::Object, Some(record)) => record,
        (_, record) => record.into_iter().collect(),
    }))
}

/// Whether one criterion of a query is sufficient, or all must match.
fn is_any_sufficient(query: &Query) -> Result<bool, ParameterError> {
    match query.text("operand") {
        None => Ok(false),
        Some(text) if text.eq_ignore_ascii_case("AND") => Ok(false),
        Some(text) if text.eq_ignore_ascii_case("OR") => Ok(true),
        Some(other) => Err(ParameterError::invalid_value("operand", other, "AND or OR")),
    }
}

/// `GET /genesys/1/service/{id}/check-queue-position`
pub(crate) async fn queue_position(
    State(booking): State<Arc<BookingService>>,
    id: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
) -> JsonResult {
    authorize_any(&booking, &headers)?;
    let Path(id) = id.map_err(ParameterError::from)?;
    let callback = booking.find(&id).await?;
    let now = booking.clock.now();
    let state = callback.state(now);
    if state.is_in_queue() && booking.config.server.v1.orchestration_fails {
        return Err(ApiError::OrchestrationFailed { status: 500 });
    }
    if state == CallbackState::Completed {
        return Err(ApiError::SessionOver(id));
    }
    let position = booking.position(&callback, now).await?;
    let wait = i64::from(position.estimated_wait);
    Ok(Json(json!({
        "ewt": wait,
        "_position": position.rank,
        "_eta": (now.as_second() + wait),
        "_total_waiting": position.queued,
        "_agent_ready_threshold_passed": state > CallbackState::Queued,
    })))
}

/// One condition of a query. `!` before the value negates it. An empty value matches nothing.
pub(crate) struct Criterion {
    key: String,
    value: String,
    negated: bool,
}

impl Criterion {
    /// Parses all parameters of a query except the `ignored` ones.
    pub(crate) fn parse_all(
        booking: &BookingService,
        service: Option<&str>,
        query: &Query,
        ignored: &[&str],
    ) -> Result<Vec<Criterion>, ParameterError> {
        let services = booking.config.services.iter();
        let relevant = services.filter(|(name, _)| service.is_none_or(|service| service == *name));
        let lookup_keys: Vec<&str> = relevant
            .flat_map(|(_, service)| &service.options.lookup_keys)
            .map(String::as_str)
            .collect();
        let mut criteria = Vec::new();
        for (key, value) in query.pairs().filter(|(key, _)| !ignored.contains(key)) {
            if !FILTERS.contains(&key) && !lookup_keys.contains(&key) {
                return Err(ParameterError::new(format!(
                    "Parameter {key} cannot be searched: it is not one of the service's lookup keys."
                )));
            }
            let negated_value = value.strip_prefix('!');
            criteria.push(Criterion {
                key: key.to_owned(),
                value: negated_value.unwrap_or(value).to_owned(),
                negated: negated_value.is_some(),
            });
        }
        Ok(criteria)
    }

    /// Whether a complete record matches.
    pub(crate) fn matches(&self, record: &Map<String, Value>) -> bool {
        let equal = !self.value.is_empty()
            && record.get(&self.key).and_then(Value::as_str) == Some(&self.value);
        equal != self.negated
    }
}
