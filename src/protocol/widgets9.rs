//! Requests byte for byte as version 9 of the browser widget sends them, for server-side workflows
//! that depend on it.
//!
//! The widget checks nothing and sends some data twice; both are kept.

use serde_json::Value;

use super::form::{self, NumberStyle, Query};
use super::{service_name, RequestParts, FORM, JSON};
use crate::command::options;
use crate::command::schedule_names::{warn_about_typos, widgets9_field, widgets9_routing};
use crate::config::Config;
use crate::error::Result;
use crate::text::javascript::{is_falsy, js_key_order, js_number_text};
use crate::text::json::Object;

const ACCEPT_ANY: &str = "*/*";
const ACCEPT_JSON: &str = "application/json, text/javascript, */*; q=0.01";

/// Layers, in which a later one overrides a key in its place: mapped fields, user data, the options
/// themselves.
pub fn v1_schedule(config: &Config, options: &Object) -> Result<RequestParts> {
    warn_about_typos(options);
    let data = extend_members(options.get("userData"));
    let mut fields = widget_fields(config, options);
    for layer in [&*config.user_data, &data, options] {
        let members = js_key_order(layer).into_iter();
        fields.extend(members.map(|(name, value)| (name.clone(), value.clone())));
    }
    Ok(form_post(String::new(), &fields))
}

/// The members that `$.extend` takes over from a value.
fn extend_members(value: Option<&Value>) -> Object {
    match value {
        Some(Value::Object(object)) => object.clone(),
        Some(Value::Array(items)) => items
            .iter()
            .enumerate()
            .map(|(at, item)| (at.to_string(), item.clone()))
            .collect(),
        _ => Object::new(),
    }
}

fn widget_fields(config: &Config, options: &Object) -> Object {
    let given = |names: &[&str]| {
        let values = names.iter().filter_map(|name| options.get(*name));
        values.into_iter().find(|value| !is_falsy(value)).cloned()
    };
    let mut routing = widgets9_routing(options).map(|(name, value)| (name, value.cloned()));
    let configured = config.call_direction.clone().unwrap_or_default();
    let direction = routing.next().and_then(|(_, value)| value);
    let fields = [
        (
            "_call_direction",
            Some(direction.unwrap_or(Value::String(configured))),
        ),
        (
            "_customer_number",
            given(&["_customer_number", "phonenumber"]),
        ),
        ("subject", given(&["subject"])),
        ("email", given(&["email"])),
        ("_desired_time", given(&["_desired_time", "desiredtime"])),
    ];
    let given = fields
        .into_iter()
        .chain(routing)
        .filter_map(|(name, value)| Some((name.to_owned(), value?)));
    given.collect()
}

/// Everything but the number and the time goes under `userData`, then the API's own fields follow.
pub fn v3_schedule(config: &Config, options: &Object) -> Result<RequestParts> {
    warn_about_typos(options);
    let given_service = options::text(options, "serviceName")?;
    let service = service_name(config, given_service.as_deref())?;
    let mut data = Object::new();
    let mut named = Object::new();
    for (name, value) in js_key_order(options) {
        match widgets9_field(name) {
            None => data.insert(name.clone(), value.clone()),
            Some(field) => {
                let wins = name.starts_with('_') || !named.contains_key(field);
                if wins {
                    named.insert(field.to_owned(), value.clone())
                } else {
                    None
                }
            }
        };
    }
    let mut fields = Object::new();
    fields.insert("userData".to_owned(), Value::Object(data));
    fields.insert("serviceName".to_owned(), Value::String(service.to_owned()));
    fields.extend(named);
    Ok(form_post("/create".to_owned(), &fields))
}

fn form_post(path: String, fields: &Object) -> RequestParts {
    let body = form::encode(fields, NumberStyle::JavaScript);
    RequestParts {
        accept: ACCEPT_ANY,
        ..RequestParts::post(path, FORM, body)
    }
}

/// A list of slots from the v1 API.
pub fn v1_availability(options: &Object) -> Result<RequestParts> {
    let query = query(
        options,
        ["start", "number-of-days", "end", "max-time-slots"],
    )?
    .finish();
    Ok(RequestParts {
        accept: ACCEPT_JSON,
        ..RequestParts::get(format!("/availability{query}"))
    })
}

/// A list of slots from the v3 API; the service name stands in the path as it is.
pub fn v3_availability(config: &Config, options: &Object) -> Result<RequestParts> {
    let given_service = options::text(options, "serviceName")?;
    let service = service_name(config, given_service.as_deref())?;
    let mut query = query(options, ["start", "numberOfDays", "end", "maxTimeSlots"])?;
    query.add("timezone", config.timezone.as_ref());
    let path = format!("/availability/{service}{}", query.finish());
    Ok(RequestParts {
        accept: ACCEPT_JSON,
        content_type: Some(JSON),
        ..RequestParts::get(path)
    })
}

fn query(options: &Object, names: [&str; 4]) -> Result<Query> {
    let mut query = Query::for_widget();
    for (name, option) in
        names
            .into_iter()
            .zip(["startDate", "numberOfDays", "endDate", "maxTimeSlots"])
    {
        let value = options.get(option).filter(|value| !is_falsy(value));
        let text = match value {
            Some(Value::Number(number)) => Some(js_number_text(number)),
            Some(Value::String(text)) => Some(text.clone()),
            Some(Value::Bool(_)) => Some("true".to_owned()),
            Some(_) => return Err(options::invalid_option(option, "must be text or a number")),
            None => None,
        };
        query.add(name, text);
    }
    Ok(query)
}
