//! The HTTP shapes of the v1 API, Genesys Mobile Services.

use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, RawQuery, Request, State};
use axum::http::header::WWW_AUTHENTICATE;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{json, Map, Value};
use uuid::Uuid;

use crate::access::{self, KeyProblem};
use crate::availability::{self, Until};
use crate::body::{self, BodyError};
use crate::booking::{Desk, Offer, Refusal, Wish};
use crate::query::{self, Query};
use crate::settings::{ClosedInterval, IntervalEnd, Service};
use crate::times;

const CALLBACK_EXCEPTIONS: &str = "com.genesyslab.gsg.services.callback.exceptions.";
const GENERAL_EXCEPTION: &str = "com.genesyslab.gsg.GSGException";
const BAD_PARAMETER: (u16, &str) = (501, "BAD_PARAMETER");

/// Why a request gets no 200.
#[derive(Debug, thiserror::Error)]
enum Problem {
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error(transparent)]
    Body(#[from] BodyError),
    #[error("The office is closed in the whole interval.")]
    ClosedInterval,
    #[error("The API key is missing or invalid.")]
    Key(KeyProblem),
    #[error("User name or password is missing or wrong.")]
    Credentials,
}

type ServiceName = Result<Path<String>, PathRejection>;

/// The routes of this API.
pub fn routes(desk: Arc<Desk>) -> Router {
    const SERVICE: &str = "/genesys/1/service/callback/{service}";
    Router::new().route(SERVICE, post(book)).route(&format!("{SERVICE}/availability"), get(list)).with_state(desk)
}

/// An error body; `code` and `phrase` are what newer servers add.
pub fn failure(status: StatusCode, message: &str) -> Response {
    let phrase = status.canonical_reason().unwrap_or_default();
    let phrase = phrase.to_ascii_uppercase().replace(' ', "_");
    let body = exception(GENERAL_EXCEPTION.to_owned(), (status.as_u16(), &phrase), message);
    (status, Json(body)).into_response()
}

async fn book(State(desk): State<Arc<Desk>>, service: ServiceName, request: Request) -> Response {
    let answer = try_book(&desk, service, request).await;
    finish(&desk, answer)
}

async fn try_book(desk: &Desk, service: ServiceName, request: Request) -> Result<Value, Problem> {
    let name = admitted(desk, service, request.headers())?;
    desk.service(&name)?;
    let mut fields = body::flat(request).await?;
    let number = take_text(&mut fields, "_customer_number").ok_or_else(|| {
        Refusal::Parameter("The request does not contain the mandatory option _customer_number.".to_owned())
    })?;
    let desired =
        take_text(&mut fields, "_desired_time").map(|text| query::moment("_desired_time", &text)).transpose()?;
    let id = format!("369-{}", Uuid::new_v4());
    desk.book(Wish { id: id.clone(), service: name, number, desired, data: fields }).await?;
    Ok(match desired {
        Some(_) => json!({"_id": id}),
        None => json!({
            "_dialog_id": "0",
            "_action": "ConfirmationDialog",
            "_text": "You will receive the call shortly",
            "_ok_title": "Ok",
            "_id": id,
        }),
    })
}

async fn list(
    State(desk): State<Arc<Desk>>,
    service: ServiceName,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let answer = try_list(&desk, service, query.as_deref(), &headers).await;
    finish(&desk, answer)
}

async fn try_list(
    desk: &Desk,
    service: ServiceName,
    query: Option<&str>,
    headers: &HeaderMap,
) -> Result<Value, Problem> {
    let name = admitted(desk, service, headers)?;
    let calendar = &desk.service(&name)?.calendar;
    let switches = &desk.settings.server.v1;
    let query = Query::read(query)?;
    let now = desk.clock.now();
    let start = query.moment("start")?.unwrap_or(now);
    let until = until(&query, switches.interval_end)?;
    let stretch = availability::v1(calendar, start, until, switches.first_slot)?;
    let limit = query.slots("max-time-slots")?;
    let offers = desk.offers(&name, now, stretch, limit).await?;
    if offers.is_empty() && switches.closed_interval == ClosedInterval::Refuse {
        return Err(Problem::ClosedInterval);
    }
    Ok(capacities(&offers))
}

fn until(query: &Query, decides: IntervalEnd) -> Result<Until, Refusal> {
    let end = query.moment("end")?.map(Until::Moment);
    let days = query.count("number-of-days")?.map(Until::Days);
    let chosen = match decides {
        IntervalEnd::End => end.or(days),
        IntervalEnd::NumberOfDays => days.or(end),
    };
    Ok(chosen.unwrap_or(Until::Unsaid))
}

/// Only slots with places left are shown.
fn capacities(offers: &[Offer]) -> Value {
    let free = offers.iter().filter(|offer| offer.free > 0);
    let slots = free.map(|offer| (times::utc(offer.start), offer.free.into()));
    Value::Object(slots.collect())
}

/// The service name of a request that may come in. Whoever may not learns nothing about services.
fn admitted(desk: &Desk, service: ServiceName, headers: &HeaderMap) -> Result<String, Problem> {
    let server = &desk.settings.server.v1;
    access::check_key(headers, &["apikey", "x-api-key"], &server.api_keys).map_err(Problem::Key)?;
    let name = service.map(|Path(name)| name);
    let known: Option<&Service> = name.as_ref().ok().and_then(|name| desk.settings.services.get(name));
    if !access::check_basic(headers, server, known) {
        return Err(Problem::Credentials);
    }
    name.map_err(|_| Refusal::Parameter("The service name in the path is not UTF-8.".to_owned()).into())
}

/// The text of a field that is there and not empty; it is no user data.
fn take_text(fields: &mut Map<String, Value>, name: &str) -> Option<String> {
    match fields.shift_remove(name) {
        Some(Value::String(text)) if !text.is_empty() => Some(text),
        _ => None,
    }
}

fn finish(desk: &Desk, answer: Result<Value, Problem>) -> Response {
    match answer {
        Ok(body) => Json(body).into_response(),
        Err(problem) => refuse(desk, &problem),
    }
}

fn refuse(desk: &Desk, problem: &Problem) -> Response {
    let server = &desk.settings.server.v1;
    let message = problem.to_string();
    let (status, body) = match problem {
        Problem::Key(problem) => (401, problem.fault()),
        Problem::Credentials => return challenge(&server.realm, &message),
        Problem::Body(BodyError::TooLarge) => return failure(StatusCode::PAYLOAD_TOO_LARGE, &message),
        Problem::Body(BodyError::Unsupported { .. }) => return failure(StatusCode::UNSUPPORTED_MEDIA_TYPE, &message),
        Problem::Refused(Refusal::Store(_)) => return failure(StatusCode::INTERNAL_SERVER_ERROR, &message),
        Problem::Body(BodyError::Malformed(_)) => {
            let exception = exception(GENERAL_EXCEPTION.to_owned(), BAD_PARAMETER, &message);
            (400, exception)
        }
        Problem::Refused(Refusal::Parameter(_)) => (400, callback_exception("BadParameter", BAD_PARAMETER, &message)),
        Problem::Refused(Refusal::Number(_)) => {
            let code = (7030, "INVALID_PHONE_NUMBER");
            (400, callback_exception("Number", code, &message))
        }
        Problem::Refused(Refusal::UnknownService(_)) => {
            let code = (7040, "INVALID_SERVICE_NAME");
            let body = callback_exception("Resource", code, &message);
            (server.unknown_service_status, body)
        }
        Problem::Refused(Refusal::Full { proposals, .. }) => {
            let code = (7041, "TOO_MANY_REQUESTS");
            let body = callback_exception("Availability", code, &message);
            (server.full_slot_status, with_proposals(body, proposals))
        }
        Problem::Refused(Refusal::Closed { proposals, .. }) => {
            let body = callback_exception("Availability", (7042, "OFFICE_CLOSED"), &message);
            (400, with_proposals(body, proposals))
        }
        Problem::ClosedInterval => {
            let code = (7042, "OFFICE_CLOSED");
            (400, callback_exception("Availability", code, &message))
        }
    };
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
    (status, Json(body)).into_response()
}

fn callback_exception(name: &str, code: (u16, &str), message: &str) -> Value {
    let class = format!("{CALLBACK_EXCEPTIONS}CallbackException{name}");
    exception(class, code, message)
}

fn exception(class: String, (code, phrase): (u16, &str), message: &str) -> Value {
    json!({"exception": class, "code": code, "phrase": phrase, "message": message})
}

fn with_proposals(mut body: Value, proposals: &[Offer]) -> Value {
    body["availability"] = capacities(proposals);
    body
}

/// Clients send their credentials only after this header has asked for them.
fn challenge(realm: &str, message: &str) -> Response {
    let mut response = failure(StatusCode::UNAUTHORIZED, message);
    let quoted = realm.replace(['"', '\\'], "'");
    if let Ok(value) = HeaderValue::from_str(&format!("Basic realm=\"{quoted}\"")) {
        response.headers_mut().insert(WWW_AUTHENTICATE, value);
    }
    response
}
