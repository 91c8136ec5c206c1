//! Genesys Engagement Service, the v3 API, as its contract describes it.

use serde_json::{Number, Value};

use super::form::{segment, Query};
use super::{service_name, Draft, JSON};
use crate::command::availability::Period;
use crate::command::options;
use crate::command::schedule::Booking;
use crate::config::Config;
use crate::error::{Error, Result};
use crate::status::Status;
use crate::text::json::Object;

/// A booking: a JSON object, user data under a member of its own.
pub fn schedule(config: &Config, booking: Booking) -> Result<Draft> {
    let service = service_name(config, booking.service_name.as_deref())?.to_owned();
    let mut body = Object::new();
    body.insert("serviceName".to_owned(), Value::String(service));
    let mut set = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            body.insert(name.to_owned(), Value::String(value));
        }
    };
    set("phoneNumber", booking.phone_number);
    set("desiredTime", booking.desired_time);
    for (name, value) in booking.fields {
        if let Some(value) = field(name, value)? {
            body.insert(name.to_owned(), value);
        }
    }

    let mut data = config.user_data.clone().into_members();
    let given = booking
        .user_data
        .into_iter()
        .flatten()
        .map(|(name, value)| (name.as_str(), value));
    let routing = booking
        .routing
        .into_iter()
        .map(|option| (option.given_name, option.value));
    let given = given.chain(booking.rest).chain(routing);
    data.extend(given.map(|(name, value)| (name.to_owned(), value.clone())));
    if !data.is_empty() {
        body.insert("userData".to_owned(), Value::Object(data));
    }
    let body = serde_json::to_string(&body)
        .map_err(|_| Error::new(Status::Internal, "the request's body could not be written"))?;
    Ok(Draft {
        path: "/create".to_owned(),
        body: Some(body),
        accept: JSON,
        content_type: Some(JSON),
    })
}

/// A field of the API's own, in the type that the contract asks for.
fn field(name: &str, value: &Value) -> Result<Option<Value>> {
    match name {
        "alwaysCheckCapacity" => Ok(options::truth_of(name, value)?.map(Value::Bool)),
        "offerThreshold" | "priority" => number(name, value),
        "pushTargets" => match value {
            Value::Array(targets) if targets.iter().all(Value::is_object) => {
                Ok(Some(value.clone()))
            }
            _ => Err(options::bad(
                name,
                "must be an array of objects with channel and target",
            )),
        },
        _ => Ok(options::text_of(name, value)?.map(Value::String)),
    }
}

fn number(name: &str, value: &Value) -> Result<Option<Value>> {
    let number: Option<Number> = match value {
        Value::Number(number) => Some(number.clone()),
        Value::String(text) if text.is_empty() => return Ok(None),
        Value::String(text) => serde_json::from_str(text).ok(),
        _ => None,
    };
    number
        .map(Value::Number)
        .map(Some)
        .ok_or_else(|| options::bad(name, "must be a number"))
}

/// A list of slots.
pub fn availability(config: &Config, period: &Period) -> Result<Draft> {
    let service = service_name(config, period.service_name.as_deref())?;
    if matches!(service, "." | "..") {
        return Err(options::bad("serviceName", "cannot be a path of dots"));
    }
    let mut query = Query::default();
    query.add("start", period.start.as_ref());
    query.add("numberOfDays", period.days.map(|days| days.to_string()));
    query.add("end", period.end.as_ref());
    query.add(
        "maxTimeSlots",
        period.max_slots.map(|most| most.to_string()),
    );
    query.add(
        "timezone",
        period.timezone.as_ref().or(config.timezone.as_ref()),
    );
    query.add(
        "reportBusy",
        period.report_busy.map(|truth| truth.to_string()),
    );
    Ok(Draft {
        path: format!("/availability/{}{}", segment(service), query.finish()),
        body: None,
        accept: JSON,
        content_type: Some(JSON),
    })
}
