//! Genesys Engagement Service, the v3 API, as its contract describes it.

use serde_json::{Number, Value};

use super::form::{encode_segment, Query};
use super::{service_name, RequestParts, JSON};
use crate::command::availability::{AvailabilityQuery, ZoneSupport};
use crate::command::options::{invalid_option, parse_boolean, parse_text};
use crate::command::schedule::ScheduleRequest;
use crate::config::{v1_fields, Config};
use crate::error::{loggable_name, Result};
use crate::process::log;
use crate::text::javascript::is_javascript_identifier;
use crate::text::json::Object;

/// A booking: a JSON object, user data under a member of its own.
pub fn schedule(config: &Config, options: &Object) -> Result<RequestParts> {
    let request = ScheduleRequest::parse(options)?;
    let service = service_name(config, request.service_name.as_deref())?.to_owned();
    let mut body = Object::new();
    body.insert("serviceName".to_owned(), Value::String(service));
    let mut set = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            body.insert(name.to_owned(), Value::String(value));
        }
    };
    set("phoneNumber", request.phone_number);
    set("desiredTime", request.desired_time);
    for (name, value) in request.v3_fields {
        if let Some(value) = field(name, value)? {
            body.insert(name.to_owned(), value);
        }
    }

    let mut data = config.user_data.clone().into_inner();
    let given = request.user_data.into_iter().flatten();
    let given = given.map(|(name, value)| (name.as_str(), value));
    let routing = request.routing.into_iter();
    let routing = routing.map(|option| (option.name, option.value));
    let given = given.chain(request.extra).chain(routing);
    data.extend(given.map(|(name, value)| (name.to_owned(), value.clone())));
    if !data.is_empty() {
        warn_about_keys(&data);
        body.insert("userData".to_owned(), Value::Object(data));
    }
    RequestParts::post_json("/create".to_owned(), &body)
}

/// Warns of user data that the server ignores: keys that are not JavaScript identifiers, and fields
/// of the v1 API.
fn warn_about_keys(data: &Object) {
    for (name, value) in data {
        if !is_javascript_identifier(name) {
            log::warn(|| {
                let name = loggable_name(name);
                format!("the v3 API may drop the user data {name}: the key is not a JavaScript identifier")
            });
        }
        if matches!(
            name.as_str(),
            v1_fields::CUSTOMER_NUMBER | v1_fields::DESIRED_TIME
        ) {
            log::warn(|| {
                format!("the v3 API does not read {name} inside userData; give it as an option")
            });
        }
        match value {
            Value::Object(members) => warn_about_keys(members),
            Value::Array(items) => items
                .iter()
                .filter_map(Value::as_object)
                .for_each(warn_about_keys),
            _ => {}
        }
    }
}

/// A field of the API's own, in the type that the contract asks for.
fn field(name: &str, value: &Value) -> Result<Option<Value>> {
    match name {
        "alwaysCheckCapacity" => Ok(parse_boolean(name, value)?.map(Value::Bool)),
        "offerThreshold" | "priority" => number(name, value),
        "pushTargets" => match value {
            Value::Array(targets) if targets.iter().all(Value::is_object) => {
                Ok(Some(value.clone()))
            }
            _ => Err(invalid_option(
                name,
                "must be an array of objects with channel and target",
            )),
        },
        _ => Ok(parse_text(name, value)?.map(Value::String)),
    }
}

fn number(name: &str, value: &Value) -> Result<Option<Value>> {
    let number: Option<Number> = match value {
        Value::Number(number) => Some(number.clone()),
        Value::String(text) if text.trim().is_empty() => return Ok(None),
        Value::String(text) => serde_json::from_str(text).ok(),
        _ => None,
    };
    number
        .map(Value::Number)
        .map(Some)
        .ok_or_else(|| invalid_option(name, "must be a number"))
}

/// A request without a body. The contract names its content type all the same.
pub fn get(path: String, query: Query) -> RequestParts {
    RequestParts {
        content_type: Some(JSON),
        ..RequestParts::get(path + &query.finish())
    }
}

/// A virtual queue as a segment of a path.
pub fn service_segment(service: &str) -> Result<String> {
    if matches!(service, "." | "..") {
        return Err(invalid_option("serviceName", "cannot be a path of dots"));
    }
    Ok(encode_segment(service))
}

/// A list of slots.
pub fn availability(config: &Config, options: &Object) -> Result<RequestParts> {
    let zone = ZoneSupport::Optional {
        is_configured: config.timezone.is_some(),
    };
    let request = AvailabilityQuery::parse(options, zone)?;
    let service = service_name(config, request.service_name.as_deref())?;
    let mut query = Query::default();
    query.add("start", request.start.as_ref());
    let days = request.number_of_days.map(|days| days.to_string());
    query.add("numberOfDays", days);
    query.add("end", request.end.as_ref());
    let max_slots = request.max_slots.map(|slots| slots.to_string());
    query.add("maxTimeSlots", max_slots);
    query.add(
        "timezone",
        request.timezone.as_ref().or(config.timezone.as_ref()),
    );
    query.add(
        "reportBusy",
        request.include_full.map(|full| full.to_string()),
    );
    Ok(get(
        format!("/availability/{}", service_segment(service)?),
        query,
    ))
}
