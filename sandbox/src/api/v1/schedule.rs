//! Booking.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::Json;
use jiff::SignedDuration;
use serde_json::{json, Value};
use uuid::Uuid;

use super::auth::authorize_service;
use super::{is_read_only, JsonResult, ServiceName};
use crate::booking::{BookingRequest, BookingService};
use crate::config::{CallDirection, Service, ServiceOptions};
use crate::http::body;
use crate::http::errors::ParameterError;
use crate::http::fields::{self, Fields};
use crate::http::query::parse_time_with_zone;

const ACCESS_CODE_TTL: SignedDuration = SignedDuration::from_secs(30);

/// `POST /genesys/1/service/callback/{service}`
pub(crate) async fn book(
    State(booking): State<Arc<BookingService>>,
    service: ServiceName,
    request: Request,
) -> JsonResult {
    let name = authorize_service(&booking, service, request.headers())?;
    let service = booking.service(&name)?;
    let mut fields = body::flat(request).await?;
    check_mandatory(service, &fields)?;
    let number = fields::take_text(&mut fields, "_customer_number")?.unwrap_or_default();
    let desired = fields::take_text(&mut fields, "_desired_time")?
        .map(|text| parse_time_with_zone("_desired_time", &text))
        .transpose()?;
    let direction = direction(service, &fields)?;
    let provide_code = fields::boolean(&fields, "_provide_code")?;
    fields.retain(|key, value| !is_read_only(key) && !is_empty_parameter(key, value));
    let id = format!("369-{}", Uuid::new_v4());
    let request = BookingRequest {
        id: id.clone(),
        service: name,
        number,
        desired,
        data: fields,
    };
    booking.book(request).await?;
    Ok(Json(match (desired, direction) {
        (Some(_), _) => json!({"_id": id}),
        (None, CallDirection::UserTerminated) => json!({
            "_dialog_id": "0",
            "_action": "ConfirmationDialog",
            "_text": "You will receive the call shortly",
            "_ok_title": "Ok",
            "_id": id,
        }),
        (None, CallDirection::UserOriginated) => dial_response(&service.options, &id, provide_code),
    }))
}

/// The response to a user who has to call.
fn dial_response(options: &ServiceOptions, id: &str, provide_code: Option<bool>) -> Value {
    let number = &options.access_number;
    let mut response = json!({
        "_id": id,
        "_access_number": number,
        "_expiration_time": ACCESS_CODE_TTL.as_secs().to_string(),
        "_tel_url": format!("tel:{number}"),
        "_action": "DialNumber",
        "_label": "Dial the number to be connected",
    });
    if provide_code.unwrap_or(options.provide_code) {
        let code = access_code(id);
        response["_tel_url"] = format!("tel:{number},,{code}").into();
        response["_access_code"] = code.into();
    }
    response
}

/// Five digits that are determined by the id.
fn access_code(id: &str) -> String {
    let sum = id.bytes().fold(0u32, |sum, byte| {
        sum.wrapping_mul(31).wrapping_add(u32::from(byte))
    });
    format!("{:05}", sum % 100_000)
}

/// The widget sends parameters that are not set as empty strings. User data may be empty.
fn is_empty_parameter(key: &str, value: &Value) -> bool {
    key.starts_with('_') && value == ""
}

fn check_mandatory(service: &Service, fields: &Fields) -> Result<(), ParameterError> {
    let is_missing = |key: &&String| fields::is_absent(fields.get(*key));
    match service.options.mandatory_keys.iter().find(is_missing) {
        None => Ok(()),
        Some(key) => Err(ParameterError::new(format!(
            "The request does not contain the mandatory option {key}."
        ))),
    }
}

fn direction(service: &Service, fields: &Fields) -> Result<CallDirection, ParameterError> {
    match fields::text(fields, "_call_direction")? {
        None => Ok(service.options.call_direction),
        Some("USERTERMINATED") => Ok(CallDirection::UserTerminated),
        Some("USERORIGINATED") => Ok(CallDirection::UserOriginated),
        Some(other) => Err(ParameterError::invalid_value(
            "_call_direction",
            other,
            "USERTERMINATED or USERORIGINATED",
        )),
    }
}
