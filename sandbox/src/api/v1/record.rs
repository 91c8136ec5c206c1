//! Bookings as JSON: flat objects of texts.

use axum::http::header::HOST;
use axum::http::HeaderMap;
use jiff::Timestamp;
use serde_json::{Map, Value};

use super::is_read_only;
use crate::booking::BookingService;
use crate::config::{Config, RecordLink};
use crate::domain::time_format::format_utc;
use crate::store::Booking;

/// The properties of every record that has them.
const ALWAYS: [&str; 9] = [
    "_id",
    "_service_name",
    "_customer_number",
    "_desired_time",
    "_expiration_time",
    "_callback_state",
    "_callback_reason",
    "url",
    "_url",
];

/// How the bookings in the response to one request become records.
pub(crate) struct RecordFormat<'a> {
    config: &'a Config,
    now: Timestamp,
    /// The origin of this server under the name that the client used.
    base: String,
}

impl<'a> RecordFormat<'a> {
    pub(crate) fn new(booking: &'a BookingService, headers: &HeaderMap) -> RecordFormat<'a> {
        let host = headers.get(HOST).and_then(|host| host.to_str().ok());
        RecordFormat {
            config: &booking.config,
            now: booking.clock.now(),
            base: format!("http://{}", host.unwrap_or("localhost")),
        }
    }

    /// All properties of a booking.
    pub(crate) fn complete(&self, booking: &Booking) -> Map<String, Value> {
        let mut record = Map::new();
        let mut add = |key: &str, value: String| {
            record.insert(key.to_owned(), value.into());
        };
        let state = booking.state(self.now);
        let url = format!("{}/genesys/1/service/{}", self.base, booking.id);
        add("_id", booking.id.clone());
        add("_service_name", booking.service.clone());
        add("_customer_number", booking.number.clone());
        add("_desired_time", format_utc(booking.desired));
        add("_expiration_time", format_utc(booking.expires));
        add("_callback_state", state.name().to_owned());
        if let Some(reason) = &booking.reason {
            add("_callback_reason", reason.clone());
        }
        match self.config.server.v1.record_link {
            RecordLink::Plain => add("url", url),
            RecordLink::Underscore => add("_url", url),
            RecordLink::Both => {
                add("url", url.clone());
                add("_url", url);
            }
        }
        let data: Map<String, Value> = serde_json::from_str(&booking.data).unwrap_or_default();
        flatten_into(&mut record, data);
        record
    }

    /// The properties of a complete record that the service returns.
    pub(crate) fn returned(&self, mut record: Map<String, Value>) -> Value {
        let name = record.get("_service_name").and_then(Value::as_str);
        let service = name.and_then(|name| self.config.services.get(name));
        let options = service.map(|service| &service.options);
        let own_keys = options.and_then(|options| Some((options, options.returned_keys.as_ref()?)));
        if let Some((options, returned)) = own_keys {
            let is_own = |key: &String| returned.contains(key) || options.lookup_keys.contains(key);
            record.retain(|key, _| ALWAYS.contains(&key.as_str()) || is_own(key));
        }
        Value::Object(record)
    }
}

/// Adds what the client sent, except read-only properties. Nested data of a v3 client is flattened.
fn flatten_into(record: &mut Map<String, Value>, data: Map<String, Value>) {
    for (key, value) in data {
        let text = match value {
            Value::Object(inner) => {
                flatten_into(record, inner);
                continue;
            }
            Value::Null => continue,
            Value::String(text) => text,
            other => other.to_string(),
        };
        if !record.contains_key(&key) && !is_read_only(&key) {
            record.insert(key, text.into());
        }
    }
}
