//! The errors that both APIs share, and errors whose response depends on the configuration.
//!
//! [`IntoResponse`](axum::response::IntoResponse) has no access to the configuration. The response
//! to an error therefore only carries the error, and a middleware replaces it.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use crate::booking::BookingError;
use crate::config::Config;
use crate::domain::interval::IntervalError;
use crate::http::body::BodyError;
use crate::http::errors::ParameterError;

/// Why a request to one of the two APIs is refused.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RequestError {
    #[error(transparent)]
    Booking(#[from] BookingError),
    #[error(transparent)]
    Parameter(#[from] ParameterError),
    #[error(transparent)]
    Interval(#[from] IntervalError),
    #[error(transparent)]
    Body(#[from] BodyError),
}

pub(crate) trait ConfiguredError: Send + Sync + 'static {
    fn to_response(&self, config: &Config) -> Response;
}

/// A response that carries an error to [`render`].
pub(crate) fn defer(error: impl ConfiguredError) -> Response {
    let error: Arc<dyn ConfiguredError> = Arc::new(error);
    let mut response = StatusCode::INTERNAL_SERVER_ERROR.into_response();
    response.extensions_mut().insert(error);
    response
}

/// Middleware that replaces a response that carries an error.
pub(crate) async fn render(State(config): State<Arc<Config>>, mut response: Response) -> Response {
    let extensions = response.extensions_mut();
    match extensions.remove::<Arc<dyn ConfiguredError>>() {
        Some(error) => error.to_response(&config),
        None => response,
    }
}
