//! Moving a callback to another time, and changing its data.

use serde_json::Value;

use super::options::{
    callback_id, first_given, get, invalid_option, is_absent, parse_object, time, OptionNames,
};
use super::schedule_names::DESIRED_TIME;
use super::Description;
use crate::config::v1_fields;
use crate::error::{Effect, Error, Result};
use crate::status::Status;
use crate::text::json::{scalar_text, Object};
use crate::text::number::plain_decimal;

pub const DESCRIPTION: Description = Description {
    name: c"CallbackService.reschedule",
    resolved: c"CallbackService.rescheduled",
    rejected: c"CallbackService.rescheduleError",
    missing_data: "No data found to reschedule a callback: give its id and desiredtime",
    effect: Some(Effect {
        member: "moved",
        may_have_happened: "the callback may have been moved",
    }),
};

pub const OPTIONS: OptionNames = OptionNames(&[
    ("id", &["_id"]),
    (
        "desiredtime",
        &["desiredTime", v1_fields::DESIRED_TIME, "_new_desired_time"],
    ),
    ("userData", &[]),
]);

/// The names of the new time, in the order of precedence.
const NEW_TIME: [&str; 4] = [
    "_new_desired_time",
    DESIRED_TIME[0],
    DESIRED_TIME[1],
    DESIRED_TIME[2],
];

/// Properties that a member of `userData` would change beside what the options say.
const RESERVED: [&str; 3] = ["_id", v1_fields::DESIRED_TIME, "_new_desired_time"];

/// The validated options.
#[derive(Debug, PartialEq)]
pub struct RescheduleRequest {
    /// The callback.
    pub id: String,
    /// The new time, in canonical form.
    pub desired_time: Option<String>,
    /// The properties to change. Empty text removes one.
    pub properties: Vec<(String, String)>,
}

impl RescheduleRequest {
    /// Validates the options of a command.
    pub fn parse(options: &Object) -> Result<RescheduleRequest> {
        OPTIONS.reject_unknown(options)?;
        let id = callback_id(options, &OPTIONS)?;
        let desired_time = match first_given(options, &NEW_TIME) {
            Some(name) => time(options, name, false)?,
            None => None,
        };
        let properties = match get(options, "userData").filter(|value| !is_absent(value)) {
            Some(value) => properties(parse_object("userData", value)?)?,
            None => Vec::new(),
        };
        if desired_time.is_none() && properties.is_empty() {
            let message = "desiredtime: give the new time, or userData with what changes";
            return Err(Error {
                field: Some("desiredtime".to_owned()),
                ..Error::new(Status::BadOption, message)
            });
        }
        Ok(RescheduleRequest {
            id,
            desired_time,
            properties,
        })
    }
}

/// The texts of the members of `userData`.
fn properties(data: &Object) -> Result<Vec<(String, String)>> {
    let invalid = |name: &str, message: &str| invalid_option(&format!("userData.{name}"), message);
    let text = |(name, value): (&String, &Value)| {
        if RESERVED.contains(&name.as_str()) {
            return Err(invalid(
                name,
                "is not user data; give the option id or desiredtime",
            ));
        }
        let text = match value {
            Value::Null => Some(String::new()),
            _ if v1_fields::is_v1_field(name) => Some(
                v1_fields::field_text(name, value)
                    .map_err(|message| invalid(name, &message))?
                    .unwrap_or_default(),
            ),
            Value::Number(number) => plain_decimal(number),
            _ => scalar_text(value),
        };
        let text = text.ok_or_else(|| {
            invalid(
                name,
                "must be text, true, false or a number that can be written as digits",
            )
        })?;
        Ok((name.clone(), text))
    };
    data.iter().map(text).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn parse(options: &Value) -> Result<RescheduleRequest> {
        RescheduleRequest::parse(options.as_object().unwrap())
    }

    #[test]
    fn properties_become_text_and_null_removes() {
        let options = json!({"id": 7, "userData": {"a": null, "b": "", "c": 1.50, "d": true, "_customer_number": "+49\u{200e}5"}});
        let request = parse(&options).unwrap();
        assert_eq!(request.id, "7");
        let properties: Vec<_> = request
            .properties
            .iter()
            .map(|(_, text)| text.as_str())
            .collect();
        assert_eq!(properties, ["", "", "1.5", "true", "+495"]);
    }

    #[test]
    fn wrong_values_name_their_option() {
        let time = "2030-12-01T10:00:00Z";
        for (options, field) in [
            (json!({"desiredtime": time}), "id"),
            (json!({"id": "", "desiredtime": time}), "id"),
            (json!({"id": "..", "desiredtime": time}), "id"),
            (json!({"id": {}, "desiredtime": time}), "id"),
            (json!({"id": "1", "_id": "2", "desiredtime": time}), "_id"),
            (json!({"id": "1"}), "desiredtime"),
            (json!({"id": "1", "userData": {}}), "desiredtime"),
            (
                json!({"id": "1", "desiredtime": "2030-12-01T10:00"}),
                "desiredtime",
            ),
            (json!({"id": "1", "desired_time": time}), "desired_time"),
            (
                json!({"id": "1", "userData": {"_desired_time": time}}),
                "userData._desired_time",
            ),
            (json!({"id": "1", "userData": {"_id": "2"}}), "userData._id"),
            (json!({"id": "1", "userData": {"a": {}}}), "userData.a"),
            (
                json!({"id": "1", "userData": {"_wait_for_agent": "yes"}}),
                "userData._wait_for_agent",
            ),
            (json!({"id": "1", "userData": [1]}), "userData"),
        ] {
            let error = parse(&options).unwrap_err();
            assert_eq!(error.status, Status::BadOption, "{options}");
            assert_eq!(error.field.as_deref(), Some(field), "{options}");
        }
    }
}
