//! What a request concerns whose operation must not be sent twice. The store counts these requests.

use axum::body::Body;
use axum::extract::Request;
use axum::http::request::Parts;
use serde_json::Value;

use super::v3::{call_in_subject, stored_id};
use crate::http::body;
use crate::http::fields::Fields;
use crate::http::operation::{ADMIN_CANCEL, CALL_IN, CANCEL, RESCHEDULE};
use crate::http::paths::{is_v3, last_segment};

/// The subjects of a request, empty for an operation that is not counted. An unreadable request has
/// the subject "".
pub(crate) async fn subjects(operation: &str, parts: &Parts, body: &[u8]) -> Vec<String> {
    let path = parts.uri.path();
    match operation {
        CANCEL if is_v3(path) => {
            let fields = fields(parts, body).await;
            let id = text(&fields, "id");
            vec![stored_id(&id).unwrap_or(id)]
        }
        CANCEL | RESCHEDULE => vec![last_segment(path)],
        CALL_IN => {
            let fields = fields(parts, body).await;
            vec![call_in_subject(
                &text(&fields, "fromPhoneNumber"),
                &text(&fields, "groupName"),
            )]
        }
        ADMIN_CANCEL => {
            let fields: Fields = serde_json::from_slice(body).unwrap_or_default();
            let ids = fields.get("ids").and_then(Value::as_array);
            let ids = ids.into_iter().flatten().filter_map(Value::as_str);
            ids.map(str::to_owned).collect()
        }
        _ => Vec::new(),
    }
}

async fn fields(parts: &Parts, body: &[u8]) -> Fields {
    let request = Request::from_parts(parts.clone(), Body::from(body.to_vec()));
    body::nested(request).await.unwrap_or_default()
}

fn text(fields: &Fields, name: &str) -> String {
    let text = fields.get(name).and_then(Value::as_str);
    text.unwrap_or_default().to_owned()
}
