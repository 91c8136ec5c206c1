//! Middleware around the two APIs: applies faults and logs requests.

use std::time::Instant;

use axum::body::{to_bytes, Body, Bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::header::RETRY_AFTER;
use axum::http::request;
use axum::http::response;
use axum::http::{HeaderValue, Method, StatusCode, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::Json;
use serde_json::Value;

use super::fallback::error_response;
use super::state::AppState;
use crate::api::{counted, v3};
use crate::booking::BookingError;
use crate::faults::fault::{may_have_body, Fault, ResetPoint};
use crate::faults::request_log::{mask_headers, mask_target, truncated, LogEntry};
use crate::faults::stream::{Connection, CutHandle};
use crate::http::body::{self, BodyError};
use crate::http::operation;
use crate::http::paths::{is_api, is_v3};

pub(crate) async fn intercept(
    State(state): State<AppState>,
    ConnectInfo(connection): ConnectInfo<Connection>,
    request: Request,
    next: Next,
) -> Response {
    let path = request.uri().path();
    if !is_api(path) {
        return next.run(request).await;
    }
    let method = request.method().as_str();
    let operation = operation::of_request(method, path, request.uri().query());
    // A browser sends preflight requests by itself and does not report why one fails.
    let fault = match *request.method() {
        Method::OPTIONS => None,
        _ => state.faults.select(method, path, operation),
    };
    let (parts, body) = request.into_parts();
    let entry = LogEntry {
        time: state.booking.clock.now(),
        method: parts.method.to_string(),
        operation,
        target: mask_target(&parts.uri),
        headers: mask_headers(&parts.headers),
        body: String::new(),
        status: None,
        response: String::new(),
        microseconds: 0,
        fault: fault.as_ref().map(Fault::summary),
    };
    let mut exchange = Exchange {
        state: state.clone(),
        started_at: Instant::now(),
        entry,
    };
    let response = match body::read(body).await {
        Ok(bytes) => {
            exchange.entry.body = truncated(&bytes);
            let counted = count(&state, operation, &parts, &bytes).await;
            let request = Request::from_parts(parts, Body::from(bytes));
            match (counted, &fault) {
                (Err(error), _) => {
                    let status = StatusCode::INTERNAL_SERVER_ERROR;
                    error_response(request.uri(), status, &error.to_string())
                }
                (Ok(()), Some(fault)) => apply_fault(fault, &connection.cut, request, next).await,
                (Ok(()), None) => next.run(request).await,
            }
        }
        Err(error) => body_error(&state, &parts, &error),
    };
    let (parts, bytes) = buffered(response).await;
    let is_reset = fault.is_some_and(|fault| fault.reset.is_some());
    exchange.entry.status = (!is_reset).then(|| parts.status.as_u16());
    exchange.entry.response = truncated(&bytes);
    Response::from_parts(parts, Body::from(bytes))
}

/// A request that is being answered. It is logged at the end, also if the client closes the
/// connection before, which drops the future of [`intercept`].
struct Exchange {
    state: AppState,
    started_at: Instant,
    entry: LogEntry,
}

impl Drop for Exchange {
    fn drop(&mut self) {
        let elapsed = self.started_at.elapsed().as_micros();
        self.entry.microseconds = u64::try_from(elapsed).unwrap_or(u64::MAX);
        self.state.log.add(self.entry.clone());
        self.state.booking.notify_changed();
    }
}

/// Counts a request whose operation must not be sent twice, also if a fault prevents it.
async fn count(
    state: &AppState,
    operation: Option<&'static str>,
    parts: &request::Parts,
    body: &[u8],
) -> Result<(), BookingError> {
    let Some(operation) = operation else {
        return Ok(());
    };
    let subjects = counted::subjects(operation, parts, body).await;
    state.booking.count_received(operation, subjects).await
}

/// Checks the API key before reporting an unreadable body.
fn body_error(state: &AppState, parts: &request::Parts, error: &BodyError) -> Response {
    let status = match error {
        BodyError::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        _ => StatusCode::BAD_REQUEST,
    };
    let config = &state.booking.config;
    let path = parts.uri.path();
    v3::gateway_rejection(config, &parts.method, path, &parts.headers)
        .unwrap_or_else(|| error_response(&parts.uri, status, &error.to_string()))
}

async fn apply_fault(fault: &Fault, cut: &CutHandle, request: Request, next: Next) -> Response {
    let uri = request.uri().clone();
    let status = fault
        .status
        .and_then(|code| StatusCode::from_u16(code).ok());
    let delay = fault.delay.unwrap_or_default();
    let mut response = if fault.carry_out {
        let response = next.run(request).await;
        tokio::time::sleep(delay).await;
        response
    } else {
        tokio::time::sleep(delay).await;
        match (fault.reset, status) {
            (Some(ResetPoint::Before), _) | (_, Some(_)) => StatusCode::NO_CONTENT.into_response(),
            _ => next.run(request).await,
        }
    };
    if let Some(status) = status {
        response = fault_response(fault, &uri, status);
    }
    match (fault.reset, fault.cut_body) {
        (Some(_), _) => cut.reset(),
        (None, Some(bytes)) => cut.cut_body(bytes),
        _ => {}
    }
    response
}

fn fault_response(fault: &Fault, uri: &Uri, status: StatusCode) -> Response {
    const MESSAGE: &str = "This is an injected fault.";
    let mut response = match &fault.body {
        _ if !may_have_body(status.as_u16()) => status.into_response(),
        Some(Value::String(text)) => (status, text.clone()).into_response(),
        Some(body) => (status, Json(body)).into_response(),
        None if is_v3(uri.path()) => v3::fault_response(status, MESSAGE),
        None => error_response(uri, status, MESSAGE),
    };
    if let Some(seconds) = fault.retry_after {
        let headers = response.headers_mut();
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

/// The responses of the two APIs are in memory, so reading them cannot fail.
async fn buffered(response: Response) -> (response::Parts, Bytes) {
    let (parts, body) = response.into_parts();
    (parts, to_bytes(body, usize::MAX).await.unwrap_or_default())
}
