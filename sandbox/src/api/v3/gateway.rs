//! The API gateway in front of real servers. It checks the key before everything else.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method};
use axum::middleware::Next;
use axum::response::Response;

use super::error::unauthorized;
use crate::config::Config;
use crate::http::auth::check_key;
use crate::http::paths::{is_under, V3_BASE};

pub(crate) async fn gateway(
    State(config): State<Arc<Config>>,
    request: Request,
    next: Next,
) -> Response {
    let path = request.uri().path();
    match gateway_rejection(&config, request.method(), path, request.headers()) {
        Some(response) => response,
        None => next.run(request).await,
    }
}

/// `None` if the gateway lets a request pass. Preflight requests carry no key.
pub(crate) fn gateway_rejection(
    config: &Config,
    method: &Method,
    path: &str,
    headers: &HeaderMap,
) -> Option<Response> {
    if *method == Method::OPTIONS || !is_under(path, V3_BASE) {
        return None;
    }
    let keys = &config.server.v3.api_keys;
    check_key(headers, &["x-api-key"], keys)
        .err()
        .map(unauthorized)
}
