//! Booking a callback, or asking for a number to call in.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;
use jiff::SignedDuration;
use serde_json::{json, Map, Value};
use uuid::Uuid;

use super::{finish, is_absent, required, take_text, wrong, Problem};
use crate::booking::{BookingError, BookingRequest, BookingService};
use crate::config::{CallDirection, Service};
use crate::domain::time_format;
use crate::http::body;
use crate::http::query;

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

/// How long a number to call in may be dialled.
const CALL_IN_LIFE: SignedDuration = SignedDuration::from_mins(5);

/// `POST /engagement/v3/callbacks/create`
pub(crate) async fn create(
    State(booking): State<Arc<BookingService>>,
    request: Request,
) -> Response {
    let answer = try_create(&booking, request).await;
    finish(&booking, answer)
}

async fn try_create(booking: &BookingService, request: Request) -> Result<Value, Problem> {
    let mut fields = body::nested(request).await?;
    check_types(&fields)?;
    let service = required(&mut fields, "serviceName")?;
    let number = required(&mut fields, "phoneNumber")?;
    let desired = take_text(&mut fields, "desiredTime")?
        .map(|text| query::moment("desiredTime", &text))
        .transpose()?;
    check_demands(booking.service(&service)?, &fields)?;
    if let Some(user_data) = fields.get_mut("userData") {
        keep_identifiers(user_data);
    }
    let id = Uuid::new_v4().to_string();
    booking
        .book(BookingRequest {
            id: id.clone(),
            service,
            number,
            desired,
            data: fields,
        })
        .await?;
    Ok(json!({"id": id}))
}

/// `POST /engagement/v3/call-in/requests/create`
pub(crate) async fn call_in(
    State(booking): State<Arc<BookingService>>,
    request: Request,
) -> Response {
    let answer = try_call_in(&booking, request).await;
    finish(&booking, answer)
}

async fn try_call_in(booking: &BookingService, request: Request) -> Result<Value, Problem> {
    let mut fields = body::nested(request).await?;
    check_user_data(&fields)?;
    let group = required(&mut fields, "groupName")?;
    let from = take_text(&mut fields, "fromPhoneNumber")?;
    let callback_service = take_text(&mut fields, "callbackServiceId")?;
    let service = match &callback_service {
        Some(name) => Some(booking.service(name)?),
        None => booking
            .service_of_queue(&group)
            .map(|name| booking.service(name))
            .transpose()?,
    };
    // A group that no service knows is dialled like the first service.
    let service = service.or_else(|| booking.config.services.values().next());
    let id = Uuid::new_v4();
    let now = booking.clock.now();
    Ok(json!({
        "id": id.to_string(),
        "toPhoneNumber": service.map_or("", |service| &service.access_number),
        "groupName": group,
        "expirationTime": time_format::format_utc(now.saturating_add(CALL_IN_LIFE).unwrap_or(now)),
        "accessCode": format!("{:05}", id.as_u128() % 100_000),
        "fromPhoneNumber": from.unwrap_or_default(),
        "callbackServiceId": callback_service.unwrap_or_default(),
    }))
}

/// Numbers and booleans may come as text, which is all that a form has.
fn check_types(fields: &Map<String, Value>) -> Result<(), BookingError> {
    let number = |value: &Value| match value {
        Value::String(text) => text.parse::<f64>().is_ok_and(f64::is_finite),
        other => other.is_number(),
    };
    let boolean = |value: &Value| match value {
        Value::String(text) => query::boolean(text).is_some(),
        other => other.is_boolean(),
    };
    let check = |name: &str, wanted: &str, legal: &dyn Fn(&Value) -> bool| {
        let value = fields.get(name);
        match value.is_none_or(legal) || is_absent(value) {
            true => Ok(()),
            false => Err(wrong(format!("Invalid parameter {name}: not {wanted}."))),
        }
    };
    for name in TEXTS {
        check(name, "text", &Value::is_string)?;
    }
    for name in NUMBERS {
        check(name, "a number", &number)?;
    }
    check("alwaysCheckCapacity", "true or false", &boolean)?;
    check(
        "pushTargets",
        "an array of objects with the texts channel and target",
        &are_push_targets,
    )?;
    check_user_data(fields)
}

fn are_push_targets(value: &Value) -> bool {
    let is_text = |field: Option<&Value>| field.is_some_and(Value::is_string) && !is_absent(field);
    let is_target =
        |target: &Value| is_text(target.get("channel")) && is_text(target.get("target"));
    value
        .as_array()
        .is_some_and(|targets| targets.iter().all(is_target))
}

/// What only some services ask for.
fn check_demands(service: &Service, fields: &Map<String, Value>) -> Result<(), BookingError> {
    let user_dials = service.call_direction == CallDirection::UserOriginated;
    for (demanded, name) in [
        (service.captcha, "captchaToken"),
        (user_dials, "pushTargets"),
    ] {
        let value = fields.get(name);
        if demanded
            && (is_absent(value) || value.and_then(Value::as_array).is_some_and(Vec::is_empty))
        {
            return Err(wrong(format!("Missing parameter {name}.")));
        }
    }
    Ok(())
}

fn check_user_data(fields: &Map<String, Value>) -> Result<(), BookingError> {
    let value = fields.get("userData");
    match value.is_none_or(Value::is_object) || is_absent(value) {
        true => Ok(()),
        false => Err(wrong(
            "Invalid parameter userData: not an object.".to_owned(),
        )),
    }
}

/// Keys that are no JavaScript variable names are ignored, at every depth.
fn keep_identifiers(value: &mut Value) {
    match value {
        Value::Object(object) => {
            object.retain(|key, _| is_identifier(key));
            object.values_mut().for_each(keep_identifiers);
        }
        Value::Array(elements) => elements.iter_mut().for_each(keep_identifiers),
        _ => {}
    }
}

fn is_identifier(key: &str) -> bool {
    let start = |sign: char| sign.is_alphabetic() || sign == '_' || sign == '$';
    key.starts_with(start) && key.chars().all(|sign| start(sign) || sign.is_numeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_variable_names_stay_in_user_data() {
        let data = json!({"a": 1, "b-c": 2, "$d": {"e f": 3, "_g1": 4}, "1h": 5, "": 6, "été": [{"i j": 7}]});
        let mut data = data;
        keep_identifiers(&mut data);
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
