//! Genesys Mobile Services, the v1 API, as its contract describes it.

use super::form::{FieldValue, Fields, Query};
use super::{RequestParts, FORM};
use crate::command::availability::{AvailabilityQuery, ZoneSupport};
use crate::command::options::invalid_option;
use crate::command::schedule::ScheduleRequest;
use crate::config::{v1_fields, Config};
use crate::error::Result;
use crate::process::log;
use crate::text::json::Object;

/// A booking: one flat form, user data beside the API's own fields.
pub fn schedule(config: &Config, options: &Object) -> Result<RequestParts> {
    let request = ScheduleRequest::parse(options)?;
    warn_about_service(config, request.service_name.as_deref());
    // User data becomes fields of the form, where some names are fields of the API.
    let user_data = match request.user_data {
        Some(data) => checked("userData.", data)?,
        None => None,
    };
    let user_data = user_data.as_ref().or(request.user_data);
    let extra = request.extra.iter().chain(&request.v3_fields).copied();
    v1_fields::check_numbers(extra.clone())
        .map_err(|(name, message)| invalid_option(&name, &message))?;

    let mut fields = Fields::default();
    if let Some(direction) = &config.call_direction {
        fields.set("_call_direction", FieldValue::Text(direction));
    }
    let data = config
        .user_data
        .iter()
        .chain(user_data.into_iter().flatten());
    let data = data.map(|(name, value)| (name.as_str(), value));
    for (name, value) in data.chain(extra) {
        fields.set(name, FieldValue::Any(value));
    }
    let named = [
        (v1_fields::CUSTOMER_NUMBER, &request.phone_number),
        (v1_fields::DESIRED_TIME, &request.desired_time),
    ];
    for (name, text) in named {
        if let Some(text) = text {
            fields.set(name, FieldValue::Text(text));
        }
    }
    for option in &request.routing {
        fields.set(option.wire_name, FieldValue::Text(&option.text));
    }
    Ok(RequestParts::post(String::new(), FORM, fields.encode()))
}

/// A copy of user data with the API's own fields checked; `None` when it holds nothing to check.
fn checked(prefix: &str, data: &Object) -> Result<Option<Object>> {
    let invalid =
        |(name, message): (String, String)| invalid_option(&format!("{prefix}{name}"), &message);
    if !data.keys().any(|name| v1_fields::is_v1_field(name)) {
        return v1_fields::check_numbers(data.iter().map(|(name, value)| (name.as_str(), value)))
            .map(|()| None)
            .map_err(invalid);
    }
    let mut data = data.clone();
    v1_fields::check_fields(&mut data).map_err(invalid)?;
    Ok(Some(data))
}

/// A list of slots.
pub fn availability(config: &Config, options: &Object) -> Result<RequestParts> {
    let request = AvailabilityQuery::parse(options, ZoneSupport::None)?;
    warn_about_service(config, request.service_name.as_deref());
    if request.timezone.is_some() || request.include_full.is_some() {
        log::warn(|| {
            "the v1 API knows neither timezone nor reportBusy; they are ignored".to_owned()
        });
    }
    let mut query = Query::default();
    query.add("start", request.start.as_ref());
    let days = request.number_of_days.map(|days| days.to_string());
    query.add("number-of-days", days);
    query.add("end", request.end.as_ref());
    let max_slots = request.max_slots.map(|slots| slots.to_string());
    query.add("max-time-slots", max_slots);
    let path = format!("/availability{}", query.finish());
    Ok(RequestParts::get(path))
}

/// The service is a part of the URL. Another one in a command is accepted, because v3 needs it, but
/// has no effect.
fn warn_about_service(config: &Config, service: Option<&str>) {
    let configured = config
        .base_url
        .path_segments()
        .and_then(|mut segments| segments.next_back());
    if service.is_some_and(|service| configured.is_some_and(|configured| configured != service)) {
        log::warn(|| {
            "the v1 API takes the service from dataURL; the command's serviceName is not sent"
                .to_owned()
        });
    }
}
