//! Booking.

use std::sync::Arc;

use axum::extract::{Path, Request, State};
use axum::response::Response;
use jiff::SignedDuration;
use serde_json::{json, Map, Value};
use uuid::Uuid;

use super::{admitted, finish, is_decided, take_text, Problem, ServiceName};
use crate::booking::{BookingError, BookingRequest, BookingService};
use crate::config::{CallDirection, Service};
use crate::http::body;
use crate::http::query;

/// How long an access code is good, in seconds.
const CODE_LIFE: SignedDuration = SignedDuration::from_secs(30);

/// `POST /genesys/1/service/callback/{service}`
pub(crate) async fn book(
    State(booking): State<Arc<BookingService>>,
    service: ServiceName,
    request: Request,
) -> Response {
    let answer = try_book(&booking, service, request).await;
    finish(&booking, answer)
}

async fn try_book(
    booking: &BookingService,
    service: ServiceName,
    request: Request,
) -> Result<Value, Problem> {
    let name = admitted(booking, service.map(|Path(name)| name), request.headers())?;
    let service = booking.service(&name)?;
    let mut fields = body::flat(request).await?;
    mandatory(service, &fields)?;
    let number = take_text(&mut fields, "_customer_number").unwrap_or_default();
    let desired = take_text(&mut fields, "_desired_time")
        .map(|text| query::moment("_desired_time", &text))
        .transpose()?;
    let direction = direction(service, &fields)?;
    fields.retain(|key, value| !is_decided(key) && !is_unset(key, value));
    let id = format!("369-{}", Uuid::new_v4());
    booking
        .book(BookingRequest {
            id: id.clone(),
            service: name,
            number,
            desired,
            data: fields,
        })
        .await?;
    Ok(match (desired, direction) {
        (Some(_), _) => json!({"_id": id}),
        (None, CallDirection::UserTerminated) => json!({
            "_dialog_id": "0",
            "_action": "ConfirmationDialog",
            "_text": "You will receive the call shortly",
            "_ok_title": "Ok",
            "_id": id,
        }),
        (None, CallDirection::UserOriginated) => dial(service, &id),
    })
}

/// What a user is told who shall call.
fn dial(service: &Service, id: &str) -> Value {
    let code = access_code(id);
    let number = &service.access_number;
    json!({
        "_id": id,
        "_access_number": number,
        "_access_code": code,
        "_expiration_time": CODE_LIFE.as_secs().to_string(),
        "_tel_url": format!("tel:{number},,{code}"),
        "_action": "DialNumber",
        "_label": "Dial the number to be connected",
    })
}

/// Five digits that belong to an id.
fn access_code(id: &str) -> String {
    let sum = id.bytes().fold(0u32, |sum, byte| {
        sum.wrapping_mul(31).wrapping_add(u32::from(byte))
    });
    format!("{:05}", sum % 100_000)
}

/// The widget sends its own parameters empty when they are not set; user data may be empty.
fn is_unset(key: &str, value: &Value) -> bool {
    key.starts_with('_') && value == ""
}

fn mandatory(service: &Service, fields: &Map<String, Value>) -> Result<(), BookingError> {
    let missing = |key: &&String| {
        fields
            .get(*key)
            .and_then(Value::as_str)
            .is_none_or(str::is_empty)
    };
    match service.mandatory_keys.iter().find(missing) {
        None => Ok(()),
        Some(key) => Err(BookingError::Parameter(format!(
            "The request does not contain the mandatory option {key}."
        ))),
    }
}

/// Who dials.
fn direction(
    service: &Service,
    fields: &Map<String, Value>,
) -> Result<CallDirection, BookingError> {
    match fields
        .get("_call_direction")
        .and_then(Value::as_str)
        .unwrap_or_default()
    {
        "" => Ok(service.call_direction),
        "USERTERMINATED" => Ok(CallDirection::UserTerminated),
        "USERORIGINATED" => Ok(CallDirection::UserOriginated),
        other => Err(BookingError::Parameter(format!(
            "Invalid parameter _call_direction: [{other}] is not USERTERMINATED or USERORIGINATED."
        ))),
    }
}
