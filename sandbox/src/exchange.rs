//! What happens to every request of the two APIs before and after it is carried out: faults on demand, and the record of it.

use std::sync::Arc;
use std::time::Instant;

use axum::body::{to_bytes, Body, Bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::Json;

use crate::body::{self, BodyError};
use crate::faults::{Fault, Reset};
use crate::line::Scissors;
use crate::requests::{beginning, masked, Exchange};
use crate::server::{failure, Sandbox};

/// Carries out a request as the faults want it, and keeps what was seen.
pub async fn exchange(
    State(sandbox): State<Arc<Sandbox>>,
    ConnectInfo(scissors): ConnectInfo<Scissors>,
    request: Request,
    next: Next,
) -> Response {
    let path = request.uri().path();
    if !path.starts_with("/genesys/") && !path.starts_with("/engagement/") {
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
        time: sandbox.desk.clock.now(),
        method: parts.method.to_string(),
        target: parts.uri.to_string(),
        headers: masked(&parts.headers),
        body: String::new(),
        status: None,
        answer: String::new(),
        microseconds: 0,
        fault: fault.as_ref().map(Fault::summary),
    };
    let uri = parts.uri.clone();
    let response = match body::read(body).await {
        Ok(bytes) => {
            seen.body = beginning(&bytes);
            let request = Request::from_parts(parts, Body::from(bytes));
            answer(fault.as_ref(), &scissors, request, next).await
        }
        Err(BodyError::TooLarge) => failure(&uri, StatusCode::PAYLOAD_TOO_LARGE, &BodyError::TooLarge.to_string()),
        Err(other) => failure(&uri, StatusCode::BAD_REQUEST, &other.to_string()),
    };
    let (parts, bytes) = collected(response).await;
    let is_reset = fault.as_ref().is_some_and(|fault| fault.reset.is_some());
    seen.status = (!is_reset).then(|| parts.status.as_u16());
    seen.answer = beginning(&bytes);
    seen.microseconds = u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX);
    sandbox.requests.add(seen);
    sandbox.desk.changed();
    Response::from_parts(parts, Body::from(bytes))
}

async fn answer(fault: Option<&Fault>, scissors: &Scissors, request: Request, next: Next) -> Response {
    let Some(fault) = fault else { return next.run(request).await };
    if let Some(delay) = fault.delay {
        tokio::time::sleep(delay).await;
    }
    let response = match (fault.reset, fault.status.and_then(|status| StatusCode::from_u16(status).ok())) {
        (Some(Reset::Before), _) => StatusCode::NO_CONTENT.into_response(),
        (_, Some(status)) => refused(fault, request, status),
        _ => next.run(request).await,
    };
    match (fault.reset, fault.cut_body) {
        (Some(_), _) => scissors.reset(),
        (None, Some(bytes)) => scissors.cut_body(bytes),
        _ => {}
    }
    response
}

fn refused(fault: &Fault, request: Request, status: StatusCode) -> Response {
    let mut response = match &fault.body {
        Some(serde_json::Value::String(text)) => (status, text.clone()).into_response(),
        Some(body) => (status, Json(body)).into_response(),
        None => failure(request.uri(), status, "This fault was ordered."),
    };
    if let Some(seconds) = fault.retry_after {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

async fn collected(response: Response) -> (axum::http::response::Parts, Bytes) {
    let (parts, body) = response.into_parts();
    // All answers of the two APIs are made in memory, where nothing breaks.
    (parts, to_bytes(body, usize::MAX).await.unwrap_or_default())
}
