//! The errors of the v3 API.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::Json;

use super::envelope::envelope;
use crate::api::error::{defer, ConfiguredError, RequestError};
use crate::api::{phone_number_code, slots, BAD_PARAMETER};
use crate::booking::{BookingError, SlotOffer};
use crate::config::Config;
use crate::http::auth::ApiKeyError;
use crate::http::body::BodyError;

pub(crate) struct ApiError(RequestError);

impl<E> From<E> for ApiError
where
    RequestError: From<E>,
{
    fn from(error: E) -> ApiError {
        ApiError(error.into())
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        defer(self)
    }
}

/// An error without data. Its code is the status.
pub(crate) fn error_response(status: StatusCode, message: &str) -> Response {
    (status, Json(envelope(status.as_u16(), message, None))).into_response()
}

/// The response to a fault with this status, in the form of real servers.
pub(crate) fn fault_response(status: StatusCode, message: &str) -> Response {
    match status {
        StatusCode::UNAUTHORIZED => unauthorized(ApiKeyError::Invalid),
        StatusCode::TOO_MANY_REQUESTS => with_proposals(status, 7041, message, NO_OFFERS),
        _ => error_response(status, message),
    }
}

pub(crate) fn unauthorized(error: ApiKeyError) -> Response {
    (StatusCode::UNAUTHORIZED, Json(error.gateway_body())).into_response()
}

/// Clients expect slots with every 429.
const NO_OFFERS: &[SlotOffer] = &[];

impl ConfiguredError for ApiError {
    fn to_response(&self, config: &Config) -> Response {
        let ApiError(error) = self;
        let message = error.to_string();
        let bad_request = |code| {
            let body = envelope(code, &message, None);
            (StatusCode::BAD_REQUEST, Json(body)).into_response()
        };
        let error = match error {
            RequestError::Body(BodyError::TooLarge) => {
                return error_response(StatusCode::PAYLOAD_TOO_LARGE, &message)
            }
            RequestError::Body(BodyError::Unsupported { .. }) => {
                return error_response(StatusCode::UNSUPPORTED_MEDIA_TYPE, &message)
            }
            RequestError::Body(BodyError::Malformed(_))
            | RequestError::Parameter(_)
            | RequestError::Interval(_) => return bad_request(BAD_PARAMETER.0),
            RequestError::Booking(error) => error,
        };
        match error {
            BookingError::OutOfBounds { .. } => bad_request(BAD_PARAMETER.0),
            BookingError::PhoneNumber(error) => bad_request(phone_number_code(error).0),
            BookingError::UnknownService(_) => bad_request(7040),
            BookingError::UnknownCallback(_) => error_response(StatusCode::NOT_FOUND, &message),
            BookingError::NotModifiable { .. } => error_response(StatusCode::BAD_REQUEST, &message),
            BookingError::Limit(_) => {
                with_proposals(StatusCode::TOO_MANY_REQUESTS, 7041, &message, NO_OFFERS)
            }
            BookingError::Full { proposals, .. } => {
                with_proposals(StatusCode::TOO_MANY_REQUESTS, 7041, &message, proposals)
            }
            BookingError::Closed { proposals, .. } => {
                let status = StatusCode::from_u16(config.server.v3.closed_status);
                let status = status.unwrap_or(StatusCode::BAD_REQUEST);
                with_proposals(status, 7042, &message, proposals)
            }
            BookingError::Store(_) => error_response(StatusCode::INTERNAL_SERVER_ERROR, &message),
        }
    }
}

fn with_proposals(status: StatusCode, code: u16, message: &str, offers: &[SlotOffer]) -> Response {
    let body = envelope(code, message, Some(slots::proposals(offers)));
    (status, Json(body)).into_response()
}
