//! The HTTP shapes of the v3 API, Genesys Engagement Service.

use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, RawQuery, Request, State};
use axum::http::StatusCode;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use jiff::tz::TimeZone;
use serde_json::{json, Map, Value};
use uuid::Uuid;

use crate::access;
use crate::availability::{self, Until};
use crate::body::{self, BodyError};
use crate::booking::{Desk, Offer, Refusal, Wish};
use crate::query::{self, Query};
use crate::times;

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

/// Why a request gets no 200.
#[derive(Debug, thiserror::Error)]
enum Problem {
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error(transparent)]
    Body(#[from] BodyError),
}

/// The routes of this API.
pub fn routes(desk: Arc<Desk>) -> Router {
    Router::new()
        .route("/engagement/v3/callbacks/create", post(create))
        .route("/engagement/v3/callbacks/availability/{service}", get(list))
        .layer(middleware::from_fn_with_state(desk.clone(), gateway))
        .with_state(desk)
}

/// An error body without data.
pub fn failure(status: StatusCode, message: &str) -> Response {
    (status, Json(envelope(status.as_u16(), message, None))).into_response()
}

/// Real servers stand behind a gateway, which looks at the key first.
async fn gateway(State(desk): State<Arc<Desk>>, request: Request, next: Next) -> Response {
    let keys = &desk.settings.server.v3.api_keys;
    match access::check_key(request.headers(), &["x-api-key"], keys) {
        Ok(()) => next.run(request).await,
        Err(problem) => (StatusCode::UNAUTHORIZED, Json(problem.fault())).into_response(),
    }
}

async fn create(State(desk): State<Arc<Desk>>, request: Request) -> Response {
    let answer = try_create(&desk, request).await;
    finish(&desk, answer)
}

async fn try_create(desk: &Desk, request: Request) -> Result<Value, Problem> {
    let mut fields = body::nested(request).await?;
    check_types(&fields)?;
    let service = required(&mut fields, "serviceName")?;
    let number = required(&mut fields, "phoneNumber")?;
    let desired = take_text(&mut fields, "desiredTime")?.map(|text| query::moment("desiredTime", &text)).transpose()?;
    if let Some(Value::Object(user_data)) = fields.get_mut("userData") {
        keep_identifiers(user_data);
    }
    let id = Uuid::new_v4().to_string();
    desk.book(Wish { id: id.clone(), service, number, desired, data: fields }).await?;
    Ok(json!({"id": id}))
}

async fn list(
    State(desk): State<Arc<Desk>>,
    service: Result<Path<String>, PathRejection>,
    RawQuery(query): RawQuery,
) -> Response {
    let answer = try_list(&desk, service, query.as_deref()).await;
    finish(&desk, answer)
}

async fn try_list(
    desk: &Desk,
    service: Result<Path<String>, PathRejection>,
    query: Option<&str>,
) -> Result<Value, Problem> {
    let Path(name) = service.map_err(|_| wrong("The service name in the path is not UTF-8.".to_owned()))?;
    let calendar = &desk.service(&name)?.calendar;
    let query = Query::read(query)?;
    let asked_zone = asked_zone(&query)?;
    let zone = asked_zone.clone().unwrap_or(TimeZone::UTC);
    let start = one_of(&query, "start", "startMS", &zone)?;
    let until = until(&query, &zone)?;
    let now = desk.clock.now();
    let start = start.unwrap_or(now);
    let stretch = availability::v3(calendar, start, until, &zone)?;
    let busy = query.flag("reportBusy")?;
    let limit = query.slots("maxTimeSlots")?;
    let mut offers = desk.offers(&name, now, stretch, limit).await?;
    offers.retain(|offer| busy || offer.free > 0);
    let slots = offers.iter().map(|offer| slot(offer, asked_zone.as_ref()));
    Ok(json!({
        "slots": slots.collect::<Value>(),
        "durationMin": calendar.slot.0,
        "timezone": query.text("timezone").unwrap_or("UTC"),
    }))
}

fn asked_zone(query: &Query) -> Result<Option<TimeZone>, Refusal> {
    let Some(name) = query.text("timezone") else {
        return Ok(None);
    };
    match TimeZone::get(name) {
        Ok(zone) => Ok(Some(zone)),
        Err(_) => Err(wrong(format!("Invalid parameter timezone: [{name}] is not an IANA time zone."))),
    }
}

/// A time that is given either as text or in milliseconds.
fn one_of(query: &Query, text: &str, milliseconds: &str, zone: &TimeZone) -> Result<Option<jiff::Timestamp>, Refusal> {
    let written = query.written(text)?;
    let counted = query.milliseconds(milliseconds)?;
    match (written, counted) {
        (Some(_), Some(_)) => Err(wrong(format!("Set only one of {text} and {milliseconds}."))),
        (Some(written), None) => match written.in_zone(zone) {
            Some(moment) => Ok(Some(moment)),
            None => Err(wrong(format!("Invalid parameter {text}: out of range."))),
        },
        (None, counted) => Ok(counted),
    }
}

fn until(query: &Query, zone: &TimeZone) -> Result<Until, Refusal> {
    let end = one_of(query, "end", "endMS", zone)?;
    let days = query.count("numberOfDays")?;
    match (end, days) {
        (Some(_), Some(_)) => Err(wrong("Set only one of end, endMS and numberOfDays.".to_owned())),
        (Some(end), None) => Ok(Until::Moment(end)),
        (None, Some(days)) => Ok(Until::Days(days)),
        (None, None) => Ok(Until::Unsaid),
    }
}

/// Clients cannot parse `localTime` unless they asked for it.
fn slot(offer: &Offer, asked_zone: Option<&TimeZone>) -> Value {
    let mut slot = json!({"utcTime": times::utc(offer.start)});
    if let Some(zone) = asked_zone {
        slot["localTime"] = times::local(offer.start, zone).into();
    }
    slot["capacity"] = offer.free.into();
    slot["total"] = offer.total.into();
    slot
}

/// Absent, null and empty are the same: a form cannot tell them apart.
fn is_absent(value: Option<&Value>) -> bool {
    match value {
        None | Some(Value::Null) => true,
        Some(Value::String(text)) => text.is_empty(),
        Some(_) => false,
    }
}

/// Numbers and booleans may come as text, which is all that a form has.
fn check_types(fields: &Map<String, Value>) -> Result<(), Refusal> {
    let number = |value: &Value| match value {
        Value::String(text) => text.parse::<f64>().is_ok_and(f64::is_finite),
        other => other.is_number(),
    };
    let boolean = |value: &Value| match value {
        Value::String(text) => text == "true" || text == "false",
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
    check("userData", "an object", &Value::is_object)?;
    check("pushTargets", "an array", &Value::is_array)
}

fn take_text(fields: &mut Map<String, Value>, name: &str) -> Result<Option<String>, Refusal> {
    match fields.shift_remove(name) {
        value if is_absent(value.as_ref()) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        _ => Err(wrong(format!("Invalid parameter {name}: not text."))),
    }
}

fn required(fields: &mut Map<String, Value>, name: &str) -> Result<String, Refusal> {
    take_text(fields, name)?.ok_or_else(|| wrong(format!("Missing parameter {name}.")))
}

fn wrong(message: String) -> Refusal {
    Refusal::Parameter(message)
}

/// Keys that are no JavaScript variable names are ignored, at every depth.
fn keep_identifiers(object: &mut Map<String, Value>) {
    object.retain(|key, _| is_identifier(key));
    for value in object.values_mut() {
        if let Value::Object(inner) = value {
            keep_identifiers(inner);
        }
    }
}

fn is_identifier(key: &str) -> bool {
    let start = |sign: char| sign.is_alphabetic() || sign == '_' || sign == '$';
    key.starts_with(start) && key.chars().all(|sign| start(sign) || sign.is_numeric())
}

fn finish(desk: &Desk, answer: Result<Value, Problem>) -> Response {
    match answer {
        Ok(data) => Json(envelope(0, "Successful", Some(data))).into_response(),
        Err(problem) => refuse(desk, &problem),
    }
}

fn refuse(desk: &Desk, problem: &Problem) -> Response {
    let message = problem.to_string();
    let (status, code, data) = match problem {
        Problem::Body(BodyError::TooLarge) => return failure(StatusCode::PAYLOAD_TOO_LARGE, &message),
        Problem::Body(BodyError::Unsupported { .. }) => return failure(StatusCode::UNSUPPORTED_MEDIA_TYPE, &message),
        Problem::Refused(Refusal::Store(_)) => return failure(StatusCode::INTERNAL_SERVER_ERROR, &message),
        Problem::Body(BodyError::Malformed(_)) | Problem::Refused(Refusal::Parameter(_)) => (400, 501, None),
        Problem::Refused(Refusal::Number(_)) => (400, 7030, None),
        Problem::Refused(Refusal::UnknownService(_)) => (400, 7040, None),
        Problem::Refused(Refusal::Full { proposals, .. }) => (429, 7041, Some(proposals)),
        Problem::Refused(Refusal::Closed { proposals, .. }) => {
            let status = desk.settings.server.v3.closed_status;
            (status, 7042, Some(proposals))
        }
    };
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
    let data = data.map(|offers| proposed(offers));
    (status, Json(envelope(code, &message, data))).into_response()
}

/// Proposed slots are a map of text to text here.
fn proposed(offers: &[Offer]) -> Value {
    let slots = offers.iter().map(|offer| (times::utc(offer.start), offer.free.to_string().into()));
    json!({"slots": Value::Object(slots.collect())})
}

fn envelope(code: u16, message: &str, data: Option<Value>) -> Value {
    let id = Uuid::new_v4().to_string();
    let mut body = json!({"status": {"code": code, "message": message, "corrId": id}});
    if let Some(data) = data {
        body["data"] = data;
    }
    body
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_variable_names_stay_in_user_data() {
        let data = json!({"a": 1, "b-c": 2, "$d": {"e f": 3, "_g1": 4}, "1h": 5, "": 6, "été": 7});
        let Value::Object(mut data) = data else {
            panic!("not an object");
        };
        keep_identifiers(&mut data);
        assert_eq!(Value::Object(data), json!({"a": 1, "$d": {"_g1": 4}, "été": 7}));
    }

    #[test]
    fn field_types_are_checked() {
        let check = |fields: Value| check_types(fields.as_object().unwrap());
        let good = json!({
            "cbOfferType": "a whole sentence", "priority": "5", "offerThreshold": 1.5,
            "alwaysCheckCapacity": "true", "userData": "", "language": null, "pushTargets": []
        });
        assert!(check(good).is_ok());
        for bad in [
            json!({"language": 1}),
            json!({"priority": "high"}),
            json!({"alwaysCheckCapacity": 1}),
            json!({"userData": "x"}),
            json!({"userData": []}),
            json!({"pushTargets": {}}),
        ] {
            assert!(check(bad.clone()).is_err(), "{bad}");
        }
    }
}
