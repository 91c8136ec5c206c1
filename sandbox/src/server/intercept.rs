//! What happens to every request of the two APIs before and after it is carried out: faults on demand, and the record of it.

use std::sync::Arc;
use std::time::Instant;

use axum::body::{to_bytes, Body, Bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::header::RETRY_AFTER;
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::Json;

use crate::api::v3;
use crate::booking::BookingService;
use crate::faults::request_log::{beginning, masked, masked_target, Exchange};
use crate::faults::rules::{may_have_body, Fault, Reset};
use crate::faults::stream::{Connection, Scissors};
use crate::http::body::{self, BodyError};
use crate::server::{failure, Sandbox};

/// Carries out a request as the faults want it, and keeps what was seen.
pub(crate) async fn exchange(
    State(sandbox): State<Arc<Sandbox>>,
    ConnectInfo(connection): ConnectInfo<Connection>,
    request: Request,
    next: Next,
) -> Response {
    let path = request.uri().path();
    if !path.starts_with("/genesys/") && !v3::owns(path) {
        return next.run(request).await;
    }
    let begun = Instant::now();
    let fault = match *request.method() {
        // A browser asks this by itself, and shows its user nothing when it fails.
        Method::OPTIONS => None,
        _ => sandbox.faults.strike(request.method().as_str(), path),
    };
    let (parts, body) = request.into_parts();
    let mut seen = Exchange {
        time: sandbox.booking.clock.now(),
        method: parts.method.to_string(),
        target: masked_target(&parts.uri),
        headers: masked(&parts.headers),
        body: String::new(),
        status: None,
        answer: String::new(),
        microseconds: 0,
        fault: fault.as_ref().map(Fault::summary),
    };
    let response = match body::read(body).await {
        Ok(bytes) => {
            seen.body = beginning(&bytes);
            let request = Request::from_parts(parts, Body::from(bytes));
            answer(fault.as_ref(), &connection.scissors, request, next).await
        }
        Err(error) => unreadable(&sandbox.booking, &parts, &error),
    };
    let (parts, bytes) = collected(response).await;
    let is_reset = fault.as_ref().is_some_and(|fault| fault.reset.is_some());
    seen.status = (!is_reset).then(|| parts.status.as_u16());
    seen.answer = beginning(&bytes);
    seen.microseconds = u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX);
    sandbox.requests.add(seen);
    sandbox.booking.notify_changed();
    Response::from_parts(parts, Body::from(bytes))
}

/// Also a body that cannot be read is nobody's business before the key is right.
fn unreadable(booking: &BookingService, parts: &Parts, error: &BodyError) -> Response {
    let status = match error {
        BodyError::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        _ => StatusCode::BAD_REQUEST,
    };
    let turned_away = v3::turned_away(booking, &parts.method, parts.uri.path(), &parts.headers);
    turned_away.unwrap_or_else(|| failure(&parts.uri, status, &error.to_string()))
}

async fn answer(
    fault: Option<&Fault>,
    scissors: &Scissors,
    request: Request,
    next: Next,
) -> Response {
    let Some(fault) = fault else {
        return next.run(request).await;
    };
    if let Some(delay) = fault.delay {
        tokio::time::sleep(delay).await;
    }
    let response = match (
        fault.reset,
        fault
            .status
            .and_then(|status| StatusCode::from_u16(status).ok()),
    ) {
        (Some(Reset::Before), _) => StatusCode::NO_CONTENT.into_response(),
        (_, Some(status)) => refused(fault, &request, status),
        _ => next.run(request).await,
    };
    match (fault.reset, fault.cut_body) {
        (Some(_), _) => scissors.reset(),
        (None, Some(bytes)) => scissors.cut_body(bytes),
        _ => {}
    }
    response
}

fn refused(fault: &Fault, request: &Request, status: StatusCode) -> Response {
    const MESSAGE: &str = "This fault was ordered.";
    let mut response = match &fault.body {
        _ if !may_have_body(status.as_u16()) => status.into_response(),
        Some(serde_json::Value::String(text)) => (status, text.clone()).into_response(),
        Some(body) => (status, Json(body)).into_response(),
        None if v3::owns(request.uri().path()) => v3::ordered(status, MESSAGE),
        None => failure(request.uri(), status, MESSAGE),
    };
    if let Some(seconds) = fault.retry_after {
        response
            .headers_mut()
            .insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

async fn collected(response: Response) -> (axum::http::response::Parts, Bytes) {
    let (parts, body) = response.into_parts();
    // All answers of the two APIs are made in memory, where nothing breaks.
    (parts, to_bytes(body, usize::MAX).await.unwrap_or_default())
}
