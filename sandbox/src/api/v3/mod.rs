//! The v3 API, Genesys Engagement Service, and the gateway in front of it.

use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::{FromRef, Path};
use axum::middleware::map_response_with_state;
use axum::routing::{get, post};
use axum::Router;

use crate::api::error::render;
use crate::booking::BookingService;
use crate::config::Config;
use crate::http::paths::V3_BASE;

mod availability;
mod callback;
mod create;
mod envelope;
mod error;
mod gateway;
mod queue;

pub(crate) use callback::stored_id;
pub(crate) use create::call_in_subject;
pub(crate) use error::{error_response, fault_response};
pub(crate) use gateway::{gateway, gateway_rejection};

type Name = Result<Path<String>, PathRejection>;
type ApiResult = Result<envelope::Success, error::ApiError>;

/// The routes of this API, without the gateway.
pub(crate) fn routes<S>(config: Arc<Config>) -> Router<S>
where
    S: Clone + Send + Sync + 'static,
    Arc<BookingService>: FromRef<S>,
{
    let path = |rest: &str| format!("{V3_BASE}{rest}");
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
        .layer(map_response_with_state(config, render))
}
