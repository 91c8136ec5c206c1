//! Genesys Mobile Services, the v1 API, as its contract describes it.

use serde_json::Value;

use super::form::{self, Query, Style};
use super::{Draft, FORM, JSON};
use crate::command::availability::Period;
use crate::command::schedule::Booking;
use crate::config::Config;
use crate::json::{scalar_text, Object};

/// A booking: one flat form, user data beside the API's own fields.
pub fn schedule(config: &Config, booking: &Booking) -> Draft {
    let mut fields = Object::new();
    if let Some(direction) = &config.call_direction {
        fields.insert("_call_direction".to_owned(), direction.clone().into());
    }
    let data = config.user_data.iter().chain(&booking.user_data).chain(&booking.rest).chain(&booking.fields);
    fields.extend(data.map(|(name, value)| (name.clone(), value.clone())));
    let mut set = |name: &str, value: &Option<String>| {
        if let Some(value) = value {
            fields.insert(name.to_owned(), Value::String(value.clone()));
        }
    };
    set("_customer_number", &booking.phone_number);
    set("_desired_time", &booking.desired_time);
    for option in &booking.routing {
        set(option.wire_name, &scalar_text(&option.value));
    }
    Draft {
        path: String::new(),
        body: Some(form::encode(&fields, Style::AsGiven)),
        accept: JSON,
        content_type: Some(FORM),
    }
}

/// A list of slots.
pub fn availability(period: &Period) -> Draft {
    let mut query = Query::default();
    query.add("start", period.start.as_ref());
    query.add("number-of-days", period.days.map(|days| days.to_string()));
    query.add("end", period.end.as_ref());
    query.add("max-time-slots", period.max_slots.map(|most| most.to_string()));
    Draft { path: format!("/availability{}", query.finish()), body: None, accept: JSON, content_type: None }
}
