//! A callback as the servers describe it, in one form for both APIs.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::{Number, Value};

use crate::config::ApiVersion;
use crate::process::log;
use crate::text::json::{scalar_text, Object};
use crate::text::{number, timestamp};

/// A callback. What the server does not say is absent.
#[derive(Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// In canonical form.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub desired_time: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone_number: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_name: Option<String>,
    /// In canonical form.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expiration_time: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub position_in_queue: Option<u64>,
    /// In seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub estimated_wait_time: Option<Number>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

impl Record {
    /// Reads a server's object. `None` if nothing in it describes a callback.
    pub fn read(api: ApiVersion, members: &Object) -> Option<Record> {
        let text = |names: &[&str]| names.iter().find_map(|name| member_text(members, name));
        let time = |names: &[&str]| text(names).and_then(|time| canonical_time(&time));
        let record = match api {
            ApiVersion::V1 => Record {
                id: text(&["_id"]),
                state: text(&["_callback_state"]),
                reason: text(&["_callback_reason"]),
                desired_time: time(&["_desired_time"]),
                phone_number: text(&["_customer_number"]),
                service_name: text(&["_service_name"]),
                expiration_time: time(&["_expiration_time"]),
                position_in_queue: position(members, &["_position"]),
                estimated_wait_time: seconds(members, &["ewt"]),
                url: text(&["url", "_url"]),
            },
            ApiVersion::V3 => Record {
                id: text(&["id"]),
                state: text(&["callbackState"]),
                reason: text(&["callbackReason"]),
                desired_time: time(&["desiredTime"]),
                phone_number: text(&["phoneNumber"]),
                service_name: text(&["serviceName"]),
                expiration_time: time(&["expirationTime"]),
                position_in_queue: position(members, &["positionInQueue"]),
                estimated_wait_time: seconds(members, &["estimatedWaitTime"]),
                url: text(&["url"]),
            },
        };
        (record != Record::default()).then_some(record)
    }

    /// The record as JSON.
    pub fn to_json(&self) -> String {
        // The members are texts and numbers under fixed names, which cannot fail.
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// A text or number that is not empty.
fn member_text(members: &Object, name: &str) -> Option<String> {
    members
        .get(name)
        .and_then(scalar_text)
        .filter(|text| !text.is_empty())
}

/// The contracts give times in UTC.
fn canonical_time(text: &str) -> Option<String> {
    let time = match timestamp::parse(text) {
        Some(timestamp::Time::Utc(time)) => Some(time),
        Some(timestamp::Time::Local(_)) | None => None,
    };
    if time.is_none() {
        log::warn(|| "a time of a callback cannot be read; see response".to_owned());
    }
    time
}

fn position(members: &Object, names: &[&str]) -> Option<u64> {
    names
        .iter()
        .find_map(|name| number::whole_number(members.get(*name)?))
}

fn seconds(members: &Object, names: &[&str]) -> Option<Number> {
    names
        .iter()
        .find_map(|name| not_negative(members.get(*name)?))
}

/// A number that is not negative, also when written as text. The servers send -1 for one that they
/// do not know.
pub fn not_negative(value: &Value) -> Option<Number> {
    let number: Cow<Number> = match value {
        Value::Number(number) => Cow::Borrowed(number),
        Value::String(text) => Cow::Owned(serde_json::from_str(text.trim()).ok()?),
        _ => return None,
    };
    let is_negative = number.as_f64().is_none_or(|value| value < 0.0);
    (!is_negative).then(|| number.into_owned())
}
