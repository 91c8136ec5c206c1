//! Cross-origin access: browsers of every origin may use the two APIs.

use axum::extract::Request;
use axum::http::header::{
    HeaderName, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ORIGIN, VARY,
};
use axum::http::{HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

const HEADERS: [(HeaderName, HeaderValue); 4] = [
    (
        ACCESS_CONTROL_ALLOW_METHODS,
        HeaderValue::from_static("GET, POST, PUT, DELETE, OPTIONS"),
    ),
    (
        ACCESS_CONTROL_ALLOW_HEADERS,
        HeaderValue::from_static(
            "x-api-key, apikey, content-type, authorization, contactcenterid, gms_user",
        ),
    ),
    (
        ACCESS_CONTROL_EXPOSE_HEADERS,
        HeaderValue::from_static("Retry-After, WWW-Authenticate"),
    ),
    (VARY, HeaderValue::from_static("Origin")),
];

/// Answers preflight requests, which carry no key.
pub(crate) async fn preflight(request: Request, next: Next) -> Response {
    if *request.method() == Method::OPTIONS {
        return StatusCode::NO_CONTENT.into_response();
    }
    next.run(request).await
}

/// Adds the cross-origin headers to every response.
pub(crate) async fn allow_every_origin(request: Request, next: Next) -> Response {
    let any = HeaderValue::from_static("*");
    let origin = request.headers().get(ORIGIN).cloned().unwrap_or(any);
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.extend(HEADERS);
    response
}
