//! Checks that precede the page and all control routes.

use std::sync::Arc;

use axum::extract::{ConnectInfo, Request, State};
use axum::middleware::Next;
use axum::response::Response;

use super::error::WebError;
use crate::faults::stream::Connection;
use crate::http::query::Query;
use crate::http::same_origin::AllowedHosts;

/// A page of another origin must neither change the state of the sandbox nor read its requests.
pub(crate) async fn require_own_page(
    State(hosts): State<Arc<AllowedHosts>>,
    ConnectInfo(connection): ConnectInfo<Connection>,
    request: Request,
    next: Next,
) -> Result<Response, WebError> {
    if hosts.permit(request.uri(), request.headers(), connection.local) {
        Ok(next.run(request).await)
    } else {
        Err(WebError::OtherOrigin)
    }
}

/// A misspelt parameter must not be ignored silently.
pub(crate) async fn reject_unknown_parameters(
    request: Request,
    next: Next,
) -> Result<Response, WebError> {
    let known: &[&str] = match request.uri().path() {
        "/" => &["week"],
        "/sandbox/requests" => &["max"],
        "/sandbox/operations" => &["operation", "subject"],
        _ => &[],
    };
    Query::parse(request.uri().query())?.reject_unknown(known)?;
    Ok(next.run(request).await)
}
