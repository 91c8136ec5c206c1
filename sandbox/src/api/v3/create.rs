//! Booking a callback, and requesting a number to call in.

use std::sync::Arc;

use axum::extract::{Request, State};
use jiff::SignedDuration;
use serde_json::{json, Value};
use uuid::Uuid;

use super::envelope::Success;
use super::ApiResult;
use crate::booking::{BookingRequest, BookingService};
use crate::config::{CallDirection, Service};
use crate::domain::time_format::format_utc;
use crate::http::body;
use crate::http::errors::ParameterError;
use crate::http::fields::{is_absent, take_required_text, take_text, Fields};
use crate::http::operation::CALL_IN;
use crate::http::query::{parse_boolean, parse_time_with_zone};

const TEXTS: [&str; 9] = [
    "cbOfferType",
    "language",
    "inboundVQ",
    "channel",
    "offerTiming",
    "cbOriginationIxnId",
    "surveyRP",
    "routePoint",
    "captchaToken",
];
const NUMBERS: [&str; 2] = ["offerThreshold", "priority"];

/// How long a number to call in is valid.
const CALL_IN_TTL: SignedDuration = SignedDuration::from_mins(5);

/// `POST /engagement/v3/callbacks/create`
pub(crate) async fn create(
    State(booking): State<Arc<BookingService>>,
    request: Request,
) -> ApiResult {
    let mut fields = body::nested(request).await?;
    check_types(&fields)?;
    let service = take_required_text(&mut fields, "serviceName")?;
    let number = take_required_text(&mut fields, "phoneNumber")?;
    let desired = take_text(&mut fields, "desiredTime")?
        .map(|text| parse_time_with_zone("desiredTime", &text))
        .transpose()?;
    check_service_requirements(booking.service(&service)?, &fields)?;
    if let Some(user_data) = fields.get_mut("userData") {
        drop_invalid_keys(user_data);
    }
    let id = Uuid::new_v4().to_string();
    let request = BookingRequest {
        id: id.clone(),
        service,
        number,
        desired,
        data: fields,
    };
    booking.book(request).await?;
    Ok(Success(json!({"id": id})))
}

/// `POST /engagement/v3/call-in/requests/create`
pub(crate) async fn call_in(
    State(booking): State<Arc<BookingService>>,
    request: Request,
) -> ApiResult {
    let mut fields = body::nested(request).await?;
    check_user_data(&fields)?;
    let group = take_required_text(&mut fields, "groupName")?;
    let from = take_text(&mut fields, "fromPhoneNumber")?;
    let callback_service = take_text(&mut fields, "callbackServiceId")?;
    let service = match &callback_service {
        Some(name) => Some(booking.service(name)?),
        None => booking
            .service_of_queue(&group)
            .map(|name| booking.service(name))
            .transpose()?,
    };
    // An unknown group gets the number of the first service.
    let service = service.or_else(|| booking.config.services.values().next());
    let number = service.map_or("", |service| &service.options.access_number);
    let from = from.unwrap_or_default();
    let subject = call_in_subject(&from, &group);
    booking.count_done(CALL_IN, subject).await?;
    let id = Uuid::new_v4();
    let now = booking.clock.now();
    Ok(Success(json!({
        "id": id.to_string(),
        "toPhoneNumber": number,
        "groupName": group,
        "expirationTime": format_utc(now.saturating_add(CALL_IN_TTL).unwrap_or(now)),
        "accessCode": format!("{:05}", id.as_u128() % 100_000),
        "fromPhoneNumber": from,
        "callbackServiceId": callback_service.unwrap_or_default(),
    })))
}

/// What identifies a call-in request: the number of the caller, else the group.
pub(crate) fn call_in_subject(from: &str, group: &str) -> String {
    let subject = if from.is_empty() { group } else { from };
    subject.to_owned()
}

/// Numbers and booleans may be written as text, because a form has nothing else.
fn check_types(fields: &Fields) -> Result<(), ParameterError> {
    let is_number = |value: &Value| match value {
        Value::String(text) => text.parse::<f64>().is_ok_and(f64::is_finite),
        other => other.is_number(),
    };
    let is_boolean = |value: &Value| match value {
        Value::String(text) => parse_boolean(text).is_some(),
        other => other.is_boolean(),
    };
    for name in TEXTS {
        check(fields, name, "text", Value::is_string)?;
    }
    for name in NUMBERS {
        check(fields, name, "a number", is_number)?;
    }
    check(fields, "alwaysCheckCapacity", "true or false", is_boolean)?;
    check(
        fields,
        "pushTargets",
        "an array of objects with the texts channel and target",
        are_push_targets,
    )?;
    check_user_data(fields)
}

fn check(
    fields: &Fields,
    name: &str,
    expected: &str,
    is_valid: impl Fn(&Value) -> bool,
) -> Result<(), ParameterError> {
    let value = fields.get(name);
    if is_absent(value) || value.is_none_or(is_valid) {
        return Ok(());
    }
    Err(ParameterError::invalid(name, expected))
}

fn are_push_targets(value: &Value) -> bool {
    let is_text = |field: Option<&Value>| field.is_some_and(Value::is_string) && !is_absent(field);
    let is_target =
        |target: &Value| is_text(target.get("channel")) && is_text(target.get("target"));
    let targets = value.as_array();
    targets.is_some_and(|targets| targets.iter().all(is_target))
}

/// Checks the members that only some services require.
fn check_service_requirements(service: &Service, fields: &Fields) -> Result<(), ParameterError> {
    let user_dials = service.options.call_direction == CallDirection::UserOriginated;
    for (required, name) in [
        (service.options.captcha, "captchaToken"),
        (user_dials, "pushTargets"),
    ] {
        let value = fields.get(name);
        let is_empty = value.and_then(Value::as_array).is_some_and(Vec::is_empty);
        if required && (is_absent(value) || is_empty) {
            return Err(ParameterError::missing(name));
        }
    }
    Ok(())
}

fn check_user_data(fields: &Fields) -> Result<(), ParameterError> {
    check(fields, "userData", "an object", Value::is_object)
}

/// Drops keys that are not JavaScript identifiers, at every depth, as real servers do.
fn drop_invalid_keys(value: &mut Value) {
    match value {
        Value::Object(object) => {
            object.retain(|key, _| is_identifier(key));
            object.values_mut().for_each(drop_invalid_keys);
        }
        Value::Array(elements) => elements.iter_mut().for_each(drop_invalid_keys),
        _ => {}
    }
}

fn is_identifier(key: &str) -> bool {
    let is_start = |char: char| char.is_alphabetic() || char == '_' || char == '$';
    let is_part = |char: char| is_start(char) || char.is_numeric();
    key.starts_with(is_start) && key.chars().all(is_part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_identifiers_are_kept_in_user_data() {
        let mut data = json!({"a": 1, "b-c": 2, "$d": {"e f": 3, "_g1": 4}, "1h": 5, "": 6, "été": [{"i j": 7}]});
        drop_invalid_keys(&mut data);
        assert_eq!(data, json!({"a": 1, "$d": {"_g1": 4}, "été": [{}]}));
    }

    #[test]
    fn field_types_are_checked() {
        let check = |fields: Value| check_types(fields.as_object().unwrap());
        let good = json!({
            "cbOfferType": "a whole sentence", "priority": "5", "offerThreshold": 1.5,
            "alwaysCheckCapacity": "True", "userData": "", "language": null, "pushTargets": []
        });
        assert!(check(good).is_ok());
        assert!(
            check(json!({"pushTargets": [{"channel": "FCM", "target": "t", "more": 1}]})).is_ok()
        );
        for bad in [
            json!({"language": 1}),
            json!({"priority": "high"}),
            json!({"alwaysCheckCapacity": 1}),
            json!({"userData": "x"}),
            json!({"userData": []}),
            json!({"alwaysCheckCapacity": "yes"}),
            json!({"pushTargets": {}}),
            json!({"pushTargets": ["t"]}),
            json!({"pushTargets": [{"channel": "FCM"}]}),
            json!({"pushTargets": [{"channel": "FCM", "target": 1}]}),
            json!({"pushTargets": [{"channel": "", "target": "t"}]}),
        ] {
            assert!(check(bad.clone()).is_err(), "{bad}");
        }
    }
}
