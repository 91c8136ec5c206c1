//! The errors of the control routes.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::Json;
use serde_json::json;

use crate::booking::BookingError;
use crate::http::body::BodyError;
use crate::http::errors::ParameterError;

#[derive(Debug, thiserror::Error)]
pub(crate) enum WebError {
    #[error(transparent)]
    Parameter(#[from] ParameterError),
    #[error(transparent)]
    Body(#[from] BodyError),
    #[error(transparent)]
    Booking(#[from] BookingError),
    #[error("There is no fault with this number.")]
    UnknownFault,
    #[error(
        "This address is limited to pages of this server, under localhost, its own address or one in server.hosts."
    )]
    OtherOrigin,
}

impl IntoResponse for WebError {
    fn into_response(self) -> Response {
        let status = match &self {
            WebError::Body(BodyError::TooLarge) => StatusCode::PAYLOAD_TOO_LARGE,
            WebError::Body(BodyError::Unsupported { .. }) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            WebError::Body(BodyError::Malformed(_)) | WebError::Parameter(_) => {
                StatusCode::BAD_REQUEST
            }
            WebError::Booking(_) => StatusCode::INTERNAL_SERVER_ERROR,
            WebError::UnknownFault => StatusCode::NOT_FOUND,
            WebError::OtherOrigin => StatusCode::FORBIDDEN,
        };
        error_response(status, &self.to_string())
    }
}

pub(crate) fn error_response(status: StatusCode, message: &str) -> Response {
    (status, Json(json!({"error": message}))).into_response()
}
