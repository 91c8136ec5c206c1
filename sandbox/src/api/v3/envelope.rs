//! The envelope of every response.

use axum::response::{IntoResponse, Response};
use axum::Json;
use serde_json::{json, Value};
use uuid::Uuid;

/// The data of a successful response.
pub(crate) struct Success(pub(crate) Value);

impl IntoResponse for Success {
    fn into_response(self) -> Response {
        Json(envelope(0, "Successful", Some(self.0))).into_response()
    }
}

pub(crate) fn envelope(code: u16, message: &str, data: Option<Value>) -> Value {
    let id = Uuid::new_v4().to_string();
    let mut body = json!({"status": {"code": code, "message": message, "corrId": id}});
    if let Some(data) = data {
        body["data"] = data;
    }
    body
}
