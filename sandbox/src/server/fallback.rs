//! Errors outside the handlers, in the form that belongs to the path.

use axum::http::{StatusCode, Uri};
use axum::response::Response;

use crate::api::{v1, v3};
use crate::http::paths::{is_under, is_v3};
use crate::web;

pub(crate) async fn not_found(uri: Uri) -> Response {
    let message = "There is nothing at this path.";
    error_response(&uri, StatusCode::NOT_FOUND, message)
}

pub(crate) async fn method_not_allowed(uri: Uri) -> Response {
    let message = "This path does not support the method.";
    error_response(&uri, StatusCode::METHOD_NOT_ALLOWED, message)
}

pub(crate) fn error_response(uri: &Uri, status: StatusCode, message: &str) -> Response {
    let path = uri.path();
    if is_v3(path) {
        v3::error_response(status, message)
    } else if is_under(path, "/sandbox") {
        web::error_response(status, message)
    } else {
        v1::error_response(status, message)
    }
}
