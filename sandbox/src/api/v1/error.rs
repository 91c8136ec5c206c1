//! The errors of the v1 API.

use axum::http::header::WWW_AUTHENTICATE;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::Json;
use serde_json::{json, Value};

use crate::api::error::{defer, ConfiguredError, RequestError};
use crate::api::slots::capacity_map;
use crate::api::{phone_number_code, BAD_PARAMETER};
use crate::booking::{BookingError, SlotOffer};
use crate::config::{Config, V1Config};
use crate::http::auth::ApiKeyError;
use crate::http::body::BodyError;

const CALLBACK_EXCEPTIONS: &str = "com.genesyslab.gsg.services.callback.exceptions.";
const GENERAL_EXCEPTION: &str = "com.genesyslab.gsg.GSGException";
const ORCHESTRATION_EXCEPTION: &str = "com.genesyslab.gsg.services.ors.OrsServiceException";

#[derive(Debug, thiserror::Error)]
pub(crate) enum ApiError {
    #[error(transparent)]
    Request(RequestError),
    #[error("The office is closed, or nothing can be booked any more, in the whole interval.")]
    ClosedInterval,
    #[error("ORS request failed: 404 Not Found. The session of callback {0} is over.")]
    SessionOver(String),
    #[error("Invalid Phone Number {number} for Country {country} (parsing impossible)")]
    InvalidNumber { number: String, country: String },
    #[error("ORS request failed: cannot connect to ORS. IO issue.")]
    OrchestrationFailed { status: u16 },
    #[error("The API key is missing or invalid.")]
    Key(ApiKeyError),
    #[error("User name or password is missing or wrong.")]
    Credentials,
}

impl<E> From<E> for ApiError
where
    RequestError: From<E>,
{
    fn from(error: E) -> ApiError {
        ApiError::Request(error.into())
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        defer(self)
    }
}

/// A general error. `code` and `phrase` are members that newer servers add.
pub(crate) fn error_response(status: StatusCode, message: &str) -> Response {
    let phrase = status.canonical_reason().unwrap_or_default();
    let phrase = phrase.to_ascii_uppercase().replace(' ', "_");
    let code = (status.as_u16(), phrase.as_str());
    let body = exception(GENERAL_EXCEPTION, code, message);
    (status, Json(body)).into_response()
}

impl ConfiguredError for ApiError {
    fn to_response(&self, config: &Config) -> Response {
        let config = &config.server.v1;
        let message = self.to_string();
        let (status, body) = match self {
            ApiError::Key(error) => (401, error.gateway_body()),
            ApiError::Credentials => return challenge(&config.realm, &message),
            ApiError::Request(RequestError::Body(error)) => match error {
                BodyError::TooLarge => {
                    return error_response(StatusCode::PAYLOAD_TOO_LARGE, &message)
                }
                BodyError::Unsupported { .. } => {
                    return error_response(StatusCode::UNSUPPORTED_MEDIA_TYPE, &message)
                }
                BodyError::Malformed(_) => {
                    (400, exception(GENERAL_EXCEPTION, BAD_PARAMETER, &message))
                }
            },
            ApiError::Request(RequestError::Parameter(_) | RequestError::Interval(_)) => {
                (400, bad_parameter(&message))
            }
            ApiError::Request(RequestError::Booking(error)) => {
                booking_error(error, &message, config)
            }
            ApiError::SessionOver(_) => {
                let code = (500, "INTERNAL_SERVER_ERROR");
                (500, exception(ORCHESTRATION_EXCEPTION, code, &message))
            }
            ApiError::OrchestrationFailed { status } => {
                let phrase = match status {
                    500 => "INTERNAL_SERVER_ERROR",
                    _ => "BAD_REQUEST",
                };
                let body = exception(ORCHESTRATION_EXCEPTION, (*status, phrase), &message);
                (*status, body)
            }
            ApiError::InvalidNumber { .. } => {
                let code = (7030, "INVALID_PHONE_NUMBER");
                (400, exception(GENERAL_EXCEPTION, code, &message))
            }
            ApiError::ClosedInterval => (400, closed(&message)),
        };
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
        (status, Json(body)).into_response()
    }
}

fn booking_error(error: &BookingError, message: &str, config: &V1Config) -> (u16, Value) {
    match error {
        BookingError::OutOfBounds { .. } => (400, bad_parameter(message)),
        BookingError::PhoneNumber(error) => {
            let code = phone_number_code(error);
            (400, callback_exception("Number", code, message))
        }
        BookingError::UnknownCallback(_) => {
            let status = config.unknown_id_status;
            // A server that answers 400 does not distinguish an unknown id from an invalid one.
            let code = if status == 404 {
                (404, "NOT_FOUND")
            } else {
                BAD_PARAMETER
            };
            (status, callback_exception("NotFound", code, message))
        }
        BookingError::NotModifiable { .. } => {
            let code = (400, "BAD_REQUEST");
            (400, callback_exception("State", code, message))
        }
        BookingError::Limit(_) => {
            let code = (503, "SERVICE_UNAVAILABLE");
            (503, callback_exception("ServiceUnavailable", code, message))
        }
        BookingError::UnknownService(_) => {
            let code = (7040, "INVALID_SERVICE_NAME");
            let body = callback_exception("Resource", code, message);
            (config.unknown_service_status, body)
        }
        BookingError::Full { proposals, .. } => {
            let code = (7041, "TOO_MANY_REQUESTS");
            let body = callback_exception("Availability", code, message);
            (config.full_slot_status, with_proposals(body, proposals))
        }
        BookingError::Closed { proposals, .. } => (400, with_proposals(closed(message), proposals)),
        BookingError::Store(_) => {
            let code = (500, "INTERNAL_SERVER_ERROR");
            (500, exception(GENERAL_EXCEPTION, code, message))
        }
    }
}

fn bad_parameter(message: &str) -> Value {
    callback_exception("BadParameter", BAD_PARAMETER, message)
}

fn closed(message: &str) -> Value {
    callback_exception("Availability", (7042, "OFFICE_CLOSED"), message)
}

fn callback_exception(name: &str, code: (u16, &str), message: &str) -> Value {
    let class = format!("{CALLBACK_EXCEPTIONS}CallbackException{name}");
    exception(&class, code, message)
}

fn exception(class: &str, (code, phrase): (u16, &str), message: &str) -> Value {
    json!({"exception": class, "code": code, "phrase": phrase, "message": message})
}

fn with_proposals(mut body: Value, proposals: &[SlotOffer]) -> Value {
    body["availability"] = capacity_map(proposals);
    body
}

/// Clients send credentials only after this challenge.
fn challenge(realm: &str, message: &str) -> Response {
    let mut response = error_response(StatusCode::UNAUTHORIZED, message);
    let quoted = realm.replace(['"', '\\'], "'");
    if let Ok(value) = HeaderValue::from_str(&format!("Basic realm=\"{quoted}\"")) {
        response.headers_mut().insert(WWW_AUTHENTICATE, value);
    }
    response
}
