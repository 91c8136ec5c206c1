//! The HTTP shapes of the v3 API, Genesys Engagement Service: routes, the gateway in front, envelopes and errors.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{json, Map, Value};
use uuid::Uuid;

use crate::booking::{BookingError, BookingService, SlotOffer};
use crate::domain::phone_number::PhoneNumberError;
use crate::domain::time_format;
use crate::http::auth::{self, KeyProblem};
use crate::http::body::BodyError;
use crate::server::is_within;

mod availability;
mod callback;
mod create;
mod queue;

/// Why a request gets no 200.
#[derive(Debug, thiserror::Error)]
enum Problem {
    #[error(transparent)]
    Refused(#[from] BookingError),
    #[error(transparent)]
    Body(#[from] BodyError),
}

const BASE: &str = "/engagement/v3";

/// The routes of this API, without the gateway in front.
pub(crate) fn routes(booking: Arc<BookingService>) -> Router {
    let path = |rest: &str| format!("{BASE}{rest}");
    Router::new()
        .route(&path("/callbacks/create"), post(create::create))
        .route(&path("/callbacks/cancel"), post(callback::cancel))
        .route(&path("/callbacks/retrieve"), post(callback::retrieve))
        .route(
            &path("/callbacks/availability/{service}"),
            get(availability::list),
        )
        .route(
            &path("/callbacks/open-for/{service}"),
            get(availability::open_for),
        )
        .route(&path("/callbacks/queue-status/{queue}"), get(queue::status))
        .route(
            &path("/estimated-wait-time"),
            get(queue::estimated_wait_time),
        )
        .route(&path("/call-in/requests/create"), post(create::call_in))
        .with_state(booking)
}

/// An error body without data.
pub(crate) fn failure(status: StatusCode, message: &str) -> Response {
    (status, Json(envelope(status.as_u16(), message, None))).into_response()
}

/// The answer with a status that was ordered, in the shape in which real servers give it.
pub(crate) fn ordered(status: StatusCode, message: &str) -> Response {
    match status {
        StatusCode::UNAUTHORIZED => unauthorized(KeyProblem::Invalid),
        StatusCode::TOO_MANY_REQUESTS => {
            let body = envelope(7041, message, Some(proposed(&NOTHING)));
            (status, Json(body)).into_response()
        }
        _ => failure(status, message),
    }
}

/// Whether the errors at a path have the shape of this API.
pub(crate) fn owns(path: &str) -> bool {
    is_within(path, "/engagement")
}

/// Lets the gateway look at a request.
pub(crate) async fn gateway(
    State(booking): State<Arc<BookingService>>,
    request: Request,
    next: Next,
) -> Response {
    match turned_away(
        &booking,
        request.method(),
        request.uri().path(),
        request.headers(),
    ) {
        Some(response) => response,
        None => next.run(request).await,
    }
}

/// Real servers stand behind a gateway, which looks at the key before anything else; nothing when
/// it lets a request pass. Preflight requests carry no key.
pub(crate) fn turned_away(
    booking: &BookingService,
    method: &Method,
    path: &str,
    headers: &HeaderMap,
) -> Option<Response> {
    if *method == Method::OPTIONS || !is_within(path, BASE) {
        return None;
    }
    let keys = &booking.config.server.v3.api_keys;
    auth::check_key(headers, &["x-api-key"], keys)
        .err()
        .map(unauthorized)
}

fn unauthorized(problem: KeyProblem) -> Response {
    (StatusCode::UNAUTHORIZED, Json(problem.fault())).into_response()
}

/// Absent, null and empty are the same: a form cannot tell them apart.
fn is_absent(value: Option<&Value>) -> bool {
    match value {
        None | Some(Value::Null) => true,
        Some(Value::String(text)) => text.is_empty(),
        Some(_) => false,
    }
}

fn take_text(fields: &mut Map<String, Value>, name: &str) -> Result<Option<String>, BookingError> {
    match fields.shift_remove(name) {
        value if is_absent(value.as_ref()) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        _ => Err(wrong(format!("Invalid parameter {name}: not text."))),
    }
}

fn required(fields: &mut Map<String, Value>, name: &str) -> Result<String, BookingError> {
    take_text(fields, name)?.ok_or_else(|| wrong(format!("Missing parameter {name}.")))
}

fn wrong(message: String) -> BookingError {
    BookingError::Parameter(message)
}

fn finish(booking: &BookingService, answer: Result<Value, Problem>) -> Response {
    match answer {
        Ok(data) => Json(envelope(0, "Successful", Some(data))).into_response(),
        Err(problem) => refuse(booking, &problem),
    }
}

fn refuse(booking: &BookingService, problem: &Problem) -> Response {
    let message = problem.to_string();
    let (status, code, data) = match problem {
        Problem::Body(BodyError::TooLarge) => {
            return failure(StatusCode::PAYLOAD_TOO_LARGE, &message)
        }
        Problem::Body(BodyError::Unsupported { .. }) => {
            return failure(StatusCode::UNSUPPORTED_MEDIA_TYPE, &message)
        }
        Problem::Refused(BookingError::Store(_)) => {
            return failure(StatusCode::INTERNAL_SERVER_ERROR, &message)
        }
        Problem::Body(BodyError::Malformed(_))
        | Problem::Refused(BookingError::Parameter(_) | BookingError::OutOfBounds { .. }) => {
            (400, 501, None)
        }
        Problem::Refused(BookingError::PhoneNumber(number)) => (400, number_code(number), None),
        Problem::Refused(BookingError::UnknownCallback(_)) => {
            return failure(StatusCode::NOT_FOUND, &message)
        }
        Problem::Refused(BookingError::NotModifiable { .. }) => {
            return failure(StatusCode::BAD_REQUEST, &message)
        }
        Problem::Refused(BookingError::Limit(_)) => (429, 7041, Some(&NOTHING)),
        Problem::Refused(BookingError::UnknownService(_)) => (400, 7040, None),
        Problem::Refused(BookingError::Full { proposals, .. }) => (429, 7041, Some(proposals)),
        Problem::Refused(BookingError::Closed { proposals, .. }) => {
            let status = booking.config.server.v3.closed_status;
            (status, 7042, Some(proposals))
        }
    };
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
    let data = data.map(|offers: &Vec<SlotOffer>| proposed(offers));
    (status, Json(envelope(code, &message, data))).into_response()
}

/// Clients expect slots with every 429.
const NOTHING: Vec<SlotOffer> = Vec::new();

/// The codes for which the widget has texts.
fn number_code(number: &PhoneNumberError) -> u16 {
    match number {
        PhoneNumberError::Invalid(_) => 7030,
        PhoneNumberError::Impossible(_) => 7036,
        PhoneNumberError::Premium(_) => 7037,
        PhoneNumberError::NoCountry { .. } => 501,
    }
}

/// Proposed slots are a map of text to text here.
fn proposed(offers: &[SlotOffer]) -> Value {
    let slots = offers.iter().map(|offer| {
        (
            time_format::format_utc(offer.start),
            offer.free.to_string().into(),
        )
    });
    json!({"slots": Value::Object(slots.collect())})
}

fn envelope(code: u16, message: &str, data: Option<Value>) -> Value {
    let id = Uuid::new_v4().to_string();
    let mut body = json!({"status": {"code": code, "message": message, "corrId": id}});
    if let Some(data) = data {
        body["data"] = data;
    }
    body
}
