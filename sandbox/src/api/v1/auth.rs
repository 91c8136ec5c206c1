//! Access to the v1 API. Without valid credentials, a client learns nothing about services.

use axum::extract::Path;
use axum::http::HeaderMap;

use super::error::ApiError;
use super::ServiceName;
use crate::booking::BookingService;
use crate::config::Service;
use crate::http::auth::{check_basic_auth, check_key};
use crate::http::errors::ParameterError;

/// Authorizes a request to a service and returns the name of the service.
pub(crate) fn authorize_service(
    booking: &BookingService,
    service: ServiceName,
    headers: &HeaderMap,
) -> Result<String, ApiError> {
    let known = match &service {
        Ok(Path(name)) => booking.config.services.get(name),
        Err(_) => None,
    };
    authorize(booking, headers, known)?;
    let Path(name) = service.map_err(ParameterError::from)?;
    booking.service(&name)?;
    Ok(name)
}

/// Authorizes a request that concerns no single service.
pub(crate) fn authorize_any(booking: &BookingService, headers: &HeaderMap) -> Result<(), ApiError> {
    authorize(booking, headers, None)
}

fn authorize(
    booking: &BookingService,
    headers: &HeaderMap,
    service: Option<&Service>,
) -> Result<(), ApiError> {
    let server = &booking.config.server.v1;
    check_key(headers, &["apikey", "x-api-key"], &server.api_keys).map_err(ApiError::Key)?;
    if check_basic_auth(headers, server, service) {
        Ok(())
    } else {
        Err(ApiError::Credentials)
    }
}
