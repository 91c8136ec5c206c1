//! Genesys Mobile Services, the v1 API, as its contract describes it.

use super::form::{FieldValue, Fields, Query};
use super::{Draft, FORM, JSON};
use crate::command::availability::Period;
use crate::command::schedule::Booking;
use crate::config::Config;

/// A booking: one flat form, user data beside the API's own fields.
pub fn schedule(config: &Config, booking: &Booking) -> Draft {
    let mut fields = Fields::default();
    if let Some(direction) = &config.call_direction {
        fields.set("_call_direction", FieldValue::Text(direction));
    }
    let data = config
        .user_data
        .iter()
        .chain(booking.user_data.into_iter().flatten());
    let data = data.map(|(name, value)| (name.as_str(), value));
    for (name, value) in data
        .chain(booking.rest.iter().copied())
        .chain(booking.fields.iter().copied())
    {
        fields.set(name, FieldValue::Any(value));
    }
    for (name, text) in [
        ("_customer_number", &booking.phone_number),
        ("_desired_time", &booking.desired_time),
    ] {
        if let Some(text) = text {
            fields.set(name, FieldValue::Text(text));
        }
    }
    for option in &booking.routing {
        fields.set(option.wire_name, FieldValue::Any(option.value));
    }
    Draft {
        path: String::new(),
        body: Some(fields.encode()),
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
    query.add(
        "max-time-slots",
        period.max_slots.map(|most| most.to_string()),
    );
    Draft {
        path: format!("/availability{}", query.finish()),
        body: None,
        accept: JSON,
        content_type: None,
    }
}
