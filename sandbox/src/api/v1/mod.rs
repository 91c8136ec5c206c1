//! The v1 API, Genesys Mobile Services.

use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::{FromRef, Path};
use axum::middleware::map_response_with_state;
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use serde_json::Value;

use crate::api::error::render;
use crate::booking::BookingService;
use crate::config::Config;
use crate::domain::lifecycle::CallbackState;
use crate::http::errors::ParameterError;

mod admin;
mod auth;
mod availability;
mod error;
mod phone_number;
mod record;
mod report;
mod schedule;
mod search;
mod update;

pub(crate) use error::error_response;

/// Members of a request that only the server determines.
const READ_ONLY: [&str; 7] = [
    "_id",
    "_desired_time",
    "_service_name",
    "_callback_reason",
    "_expiration_time",
    "_url",
    "url",
];

type ServiceName = Result<Path<String>, PathRejection>;
type ServiceAndId = Result<Path<(String, String)>, PathRejection>;
type JsonResult = Result<Json<Value>, error::ApiError>;

/// The routes of this API, including those of version 2.
pub(crate) fn routes<S>(config: Arc<Config>) -> Router<S>
where
    S: Clone + Send + Sync + 'static,
    Arc<BookingService>: FromRef<S>,
{
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
        .route("/genesys/1/phonenumber", get(phone_number::check))
        .route(&path(ADMIN, "/queues"), get(admin::queues))
        .route(&path(ADMIN, "/watermarks"), get(admin::watermarks))
        .route(&path(ADMIN, "/cancel"), post(admin::cancel))
        .route(&path(ADMIN, "/reportcancelled"), post(report::cancelled))
        .layer(map_response_with_state(config, render))
}

fn is_read_only(key: &str) -> bool {
    READ_ONLY.contains(&key)
}

/// Accepts any case.
fn parse_state(parameter: &str, name: &str) -> Result<CallbackState, ParameterError> {
    CallbackState::from_name(&name.to_ascii_uppercase())
        .ok_or_else(|| ParameterError::invalid_value(parameter, name, "a state of a callback"))
}
