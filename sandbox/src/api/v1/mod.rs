//! The HTTP shapes of the v1 API, Genesys Mobile Services: routes, who may come in, and errors.

use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::Path;
use axum::http::header::WWW_AUTHENTICATE;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use serde_json::{json, Map, Value};

use crate::booking::{BookingError, BookingService, SlotOffer};
use crate::config::Service;
use crate::domain::lifecycle::CallbackState;
use crate::domain::phone_number::PhoneNumberError;
use crate::domain::time_format;
use crate::http::auth::{self, KeyProblem};
use crate::http::body::BodyError;

mod admin;
mod availability;
mod report;
mod schedule;
mod search;
mod update;

pub(crate) use availability::slots;

const CALLBACK_EXCEPTIONS: &str = "com.genesyslab.gsg.services.callback.exceptions.";
const GENERAL_EXCEPTION: &str = "com.genesyslab.gsg.GSGException";
const ORCHESTRATION_EXCEPTION: &str = "com.genesyslab.gsg.services.ors.OrsServiceException";
const BAD_PARAMETER: (u16, &str) = (501, "BAD_PARAMETER");

/// What clients send along and the server alone decides.
const DECIDED: [&str; 7] = [
    "_id",
    "_desired_time",
    "_service_name",
    "_callback_reason",
    "_expiration_time",
    "_url",
    "url",
];

/// Why a request gets no 200.
#[derive(Debug, thiserror::Error)]
enum Problem {
    #[error(transparent)]
    Refused(#[from] BookingError),
    #[error(transparent)]
    Body(#[from] BodyError),
    #[error("The office is closed, or nothing can be booked any more, in the whole interval.")]
    ClosedInterval,
    #[error("ORS request failed: 404 Not Found. The session of callback {0} is over.")]
    SessionOver(String),
    #[error("The API key is missing or invalid.")]
    Key(KeyProblem),
    #[error("User name or password is missing or wrong.")]
    Credentials,
}

type ServiceName = Result<Path<String>, PathRejection>;
type ServiceAndId = Result<Path<(String, String)>, PathRejection>;

/// The routes of this API, with the neighbour of version 2.
pub(crate) fn routes(booking: Arc<BookingService>) -> Router {
    const CALLBACK: &str = "/genesys/1/service/callback";
    const ADMIN: &str = "/genesys/1/admin/callback";
    let path = |prefix: &str, rest: &str| format!("{prefix}{rest}");
    Router::new()
        .route(CALLBACK, get(search::search))
        .route(
            &path(CALLBACK, "/{service}"),
            post(schedule::book).get(search::search_service),
        )
        .route(
            &path(CALLBACK, "/{service}/availability"),
            get(availability::list),
        )
        .route(
            &path(CALLBACK, "/{service}/{id}"),
            delete(update::cancel).put(update::update),
        )
        .route(
            "/genesys/2/service/callback/{service}/availability",
            get(availability::list_v2),
        )
        .route(
            "/genesys/1/service/{id}/check-queue-position",
            get(search::queue_position),
        )
        .route(&path(ADMIN, "/queues"), get(admin::queues))
        .route(&path(ADMIN, "/watermarks"), get(admin::watermarks))
        .route(&path(ADMIN, "/cancel"), post(admin::cancel))
        .route(&path(ADMIN, "/reportcancelled"), post(report::cancelled))
        .with_state(booking)
}

/// An error body; `code` and `phrase` are what newer servers add.
pub(crate) fn failure(status: StatusCode, message: &str) -> Response {
    let phrase = status.canonical_reason().unwrap_or_default();
    let phrase = phrase.to_ascii_uppercase().replace(' ', "_");
    let body = exception(
        GENERAL_EXCEPTION.to_owned(),
        (status.as_u16(), &phrase),
        message,
    );
    (status, Json(body)).into_response()
}

/// The service name of a request that may come in. Whoever may not learns nothing about services.
fn admitted(
    booking: &BookingService,
    service: Result<String, PathRejection>,
    headers: &HeaderMap,
) -> Result<String, Problem> {
    let known: Option<&Service> = service
        .as_ref()
        .ok()
        .and_then(|name| booking.config.services.get(name));
    admit(booking, headers, known)?;
    let name = service.map_err(|_| BookingError::Parameter("The path is not UTF-8.".to_owned()))?;
    booking.service(&name)?;
    Ok(name)
}

/// Whether a request may come in that belongs to no single service.
fn admitted_everywhere(booking: &BookingService, headers: &HeaderMap) -> Result<(), Problem> {
    admit(booking, headers, None)
}

fn admit(
    booking: &BookingService,
    headers: &HeaderMap,
    service: Option<&Service>,
) -> Result<(), Problem> {
    let server = &booking.config.server.v1;
    auth::check_key(headers, &["apikey", "x-api-key"], &server.api_keys).map_err(Problem::Key)?;
    match auth::check_basic(headers, server, service) {
        true => Ok(()),
        false => Err(Problem::Credentials),
    }
}

/// Only slots with places left are shown.
fn capacities(offers: &[SlotOffer]) -> Value {
    let free = offers.iter().filter(|offer| offer.free > 0);
    let slots = free.map(|offer| (time_format::format_utc(offer.start), offer.free.into()));
    Value::Object(slots.collect())
}

/// The text of a field that is there and not empty; it is no user data.
fn take_text(fields: &mut Map<String, Value>, name: &str) -> Option<String> {
    match fields.shift_remove(name) {
        Some(Value::String(text)) if !text.is_empty() => Some(text),
        _ => None,
    }
}

/// Whether the server alone decides a property.
fn is_decided(key: &str) -> bool {
    DECIDED.contains(&key)
}

/// The state that a parameter names, in capital or small letters.
fn state(parameter: &str, name: &str) -> Result<CallbackState, BookingError> {
    CallbackState::from_name(&name.to_ascii_uppercase()).ok_or_else(|| {
        BookingError::Parameter(format!(
            "Invalid parameter {parameter}: [{name}] is not a state of a callback."
        ))
    })
}

fn finish(booking: &BookingService, answer: Result<Value, Problem>) -> Response {
    match answer {
        Ok(body) => Json(body).into_response(),
        Err(problem) => refuse(booking, &problem),
    }
}

fn refuse(booking: &BookingService, problem: &Problem) -> Response {
    let server = &booking.config.server.v1;
    let message = problem.to_string();
    let (status, body) = match problem {
        Problem::Key(problem) => (401, problem.fault()),
        Problem::Credentials => return challenge(&server.realm, &message),
        Problem::Body(BodyError::TooLarge) => {
            return failure(StatusCode::PAYLOAD_TOO_LARGE, &message)
        }
        Problem::Body(BodyError::Unsupported { .. }) => {
            return failure(StatusCode::UNSUPPORTED_MEDIA_TYPE, &message)
        }
        Problem::Refused(BookingError::Store(_)) => {
            return failure(StatusCode::INTERNAL_SERVER_ERROR, &message)
        }
        Problem::Body(BodyError::Malformed(_)) => {
            let exception = exception(GENERAL_EXCEPTION.to_owned(), BAD_PARAMETER, &message);
            (400, exception)
        }
        Problem::Refused(BookingError::Parameter(_) | BookingError::OutOfBounds { .. }) => (
            400,
            callback_exception("BadParameter", BAD_PARAMETER, &message),
        ),
        Problem::Refused(BookingError::PhoneNumber(number)) => (
            400,
            callback_exception("Number", number_code(number), &message),
        ),
        Problem::Refused(BookingError::UnknownCallback(_)) => {
            unknown_callback(server.unknown_id_status, &message)
        }
        Problem::Refused(BookingError::NotModifiable { .. }) => (
            400,
            callback_exception("CallbackState", (400, "BAD_REQUEST"), &message),
        ),
        Problem::Refused(BookingError::Limit(_)) => (
            503,
            callback_exception("ServiceUnavailable", (503, "SERVICE_UNAVAILABLE"), &message),
        ),
        Problem::SessionOver(_) => {
            let class = ORCHESTRATION_EXCEPTION.to_owned();
            (
                500,
                exception(class, (500, "INTERNAL_SERVER_ERROR"), &message),
            )
        }
        Problem::Refused(BookingError::UnknownService(_)) => {
            let code = (7040, "INVALID_SERVICE_NAME");
            let body = callback_exception("Resource", code, &message);
            (server.unknown_service_status, body)
        }
        Problem::Refused(BookingError::Full { proposals, .. }) => {
            let code = (7041, "TOO_MANY_REQUESTS");
            let body = callback_exception("Availability", code, &message);
            (server.full_slot_status, with_proposals(body, proposals))
        }
        Problem::Refused(BookingError::Closed { proposals, .. }) => {
            let body = callback_exception("Availability", (7042, "OFFICE_CLOSED"), &message);
            (400, with_proposals(body, proposals))
        }
        Problem::ClosedInterval => {
            let code = (7042, "OFFICE_CLOSED");
            (400, callback_exception("Availability", code, &message))
        }
    };
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
    (status, Json(body)).into_response()
}

/// A server that does not tell an unknown id from a wrong one says so in the body too.
fn unknown_callback(status: u16, message: &str) -> (u16, Value) {
    let code = if status == 404 {
        (404, "NOT_FOUND")
    } else {
        BAD_PARAMETER
    };
    (status, callback_exception("NotFound", code, message))
}

/// The codes for which the widget has texts.
fn number_code(number: &PhoneNumberError) -> (u16, &'static str) {
    match number {
        PhoneNumberError::Invalid(_) => (7030, "INVALID_PHONE_NUMBER"),
        PhoneNumberError::Impossible(_) => (7036, "IMPOSSIBLE_PHONE_NUMBER"),
        PhoneNumberError::Premium(_) => (7037, "PHONE_NUMBER_NOT_ALLOWED"),
        PhoneNumberError::NoCountry { .. } => BAD_PARAMETER,
    }
}

fn callback_exception(name: &str, code: (u16, &str), message: &str) -> Value {
    let class = format!("{CALLBACK_EXCEPTIONS}CallbackException{name}");
    exception(class, code, message)
}

fn exception(class: String, (code, phrase): (u16, &str), message: &str) -> Value {
    json!({"exception": class, "code": code, "phrase": phrase, "message": message})
}

fn with_proposals(mut body: Value, proposals: &[SlotOffer]) -> Value {
    body["availability"] = capacities(proposals);
    body
}

/// Clients send their credentials only after this header has asked for them.
fn challenge(realm: &str, message: &str) -> Response {
    let mut response = failure(StatusCode::UNAUTHORIZED, message);
    let quoted = realm.replace(['"', '\\'], "'");
    if let Ok(value) = HeaderValue::from_str(&format!("Basic realm=\"{quoted}\"")) {
        response.headers_mut().insert(WWW_AUTHENTICATE, value);
    }
    response
}
