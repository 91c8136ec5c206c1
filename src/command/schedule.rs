//! The options of the schedule command, checked.

use serde_json::Value;

use super::options::{bad, first_text, first_time, get, object, text};
use crate::error::Result;
use crate::text::json::Object;

/// A booking as the caller wants it, free of the differences between the servers. It borrows from the options.
#[derive(Debug, Default, PartialEq)]
pub struct Booking<'a> {
    /// The number to call.
    pub phone_number: Option<String>,
    /// When to call, in the servers' form; absent is as soon as possible.
    pub desired_time: Option<String>,
    /// The virtual queue, when the command names one.
    pub service_name: Option<String>,
    /// The command's user data.
    pub user_data: Option<&'a Object>,
    /// The routing options given, each with the name that the caller used.
    pub routing: Vec<Routing<'a>>,
    /// The fields of the v3 API given by their own names.
    pub fields: Vec<(&'a str, &'a Value)>,
    /// Every other option: the entry form's fields and the site's own data.
    pub rest: Vec<(&'a str, &'a Value)>,
}

/// One routing option.
#[derive(Debug, PartialEq)]
pub struct Routing<'a> {
    /// The field of the v1 API.
    pub wire_name: &'static str,
    /// The name that the caller used.
    pub given_name: &'static str,
    /// Its value, a scalar.
    pub value: &'a Value,
}

/// Names of the phone number, the one that wins first.
const PHONE_NUMBER: [&str; 3] = ["_customer_number", "phonenumber", "phoneNumber"];

/// Names of the desired time, the one that wins first.
const DESIRED_TIME: [&str; 3] = ["_desired_time", "desiredtime", "desiredTime"];

/// Field of the v1 API, and the option's two spellings.
const ROUTING: [(&str, [&str; 2]); 6] = [
    ("_call_direction", ["calldirection", "callDirection"]),
    ("_wait_for_agent", ["waitforagent", "waitForAgent"]),
    (
        "_wait_for_user_confirm",
        ["waitforuserconfirm", "waitForUserConfirm"],
    ),
    ("_media_type", ["mediatype", "mediaType"]),
    ("_callback_state", ["callbackstate", "callbackState"]),
    ("_urs_virtual_queue", ["ursvirtualqueue", "ursVirtualQueue"]),
];

/// The further fields of the v3 API, which v1 takes for user data.
const FIELDS: [&str; 13] = [
    "cbOfferType",
    "language",
    "inboundVQ",
    "channel",
    "offerTiming",
    "cbOriginationIxnId",
    "surveyRP",
    "routePoint",
    "offerThreshold",
    "priority",
    "captchaToken",
    "pushTargets",
    "alwaysCheckCapacity",
];

/// Checks the options and sorts them by their meaning.
pub fn check(options: &Object) -> Result<Booking<'_>> {
    let mut booking = Booking {
        phone_number: first_text(options, &PHONE_NUMBER)?,
        desired_time: first_time(options, &DESIRED_TIME)?,
        service_name: text(options, "serviceName")?.filter(|name| !name.is_empty()),
        user_data: object(options, "userData")?,
        ..Booking::default()
    };
    for (wire_name, spellings) in ROUTING {
        booking
            .routing
            .extend(routing(options, wire_name, spellings)?);
    }
    for (name, value) in options.iter().filter(|(_, value)| !value.is_null()) {
        if FIELDS.contains(&name.as_str()) {
            booking.fields.push((name, value));
        } else if !is_named(name) {
            booking.rest.push((name, value));
        }
    }
    Ok(booking)
}

/// Whether an option is one of the phone number's or the desired time's names that the widget itself knows.
pub fn widget_alias(name: &str) -> Option<&'static str> {
    match name {
        "phonenumber" | "_customer_number" => Some("phoneNumber"),
        "desiredtime" | "_desired_time" => Some("desiredTime"),
        _ => None,
    }
}

/// The value of a routing option under either spelling, as the widget looks it up.
pub fn widget_routing(options: &Object) -> impl Iterator<Item = (&'static str, Option<&Value>)> {
    ROUTING.iter().map(|(wire_name, spellings)| {
        let given = spellings.iter().filter_map(|name| get(options, name));
        (
            *wire_name,
            given
                .into_iter()
                .find(|value| !crate::text::json::is_falsy(value)),
        )
    })
}

fn routing<'a>(
    options: &'a Object,
    wire_name: &'static str,
    spellings: [&'static str; 2],
) -> Result<Option<Routing<'a>>> {
    for given_name in [wire_name, spellings[0], spellings[1]] {
        match get(options, given_name) {
            None | Some(Value::Null) => continue,
            Some(Value::String(text)) if text.is_empty() => continue,
            Some(Value::Array(_) | Value::Object(_)) => {
                return Err(bad(given_name, "must be text or true or false"))
            }
            Some(value) => {
                return Ok(Some(Routing {
                    wire_name,
                    given_name,
                    value,
                }))
            }
        }
    }
    Ok(None)
}

fn is_named(name: &str) -> bool {
    PHONE_NUMBER.contains(&name)
        || DESIRED_TIME.contains(&name)
        || matches!(name, "serviceName" | "userData")
        || ROUTING
            .iter()
            .any(|(wire_name, spellings)| *wire_name == name || spellings.contains(&name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn checked(options: &Value) -> Result<Booking<'_>> {
        check(options.as_object().unwrap())
    }

    #[test]
    fn wire_names_win_over_their_aliases() {
        let options = json!({
            "phonenumber": "222", "_customer_number": 111, "phoneNumber": "333",
            "desiredTime": "2030-01-03T00:00:00Z", "desiredtime": "2030-01-02T00:00:00Z",
            "_desired_time": "2030-01-01T00:00:00Z"
        });
        let booking = checked(&options).unwrap();
        assert_eq!(booking.phone_number.as_deref(), Some("111"));
        assert_eq!(
            booking.desired_time.as_deref(),
            Some("2030-01-01T00:00:00.000Z")
        );
        assert!(booking.rest.is_empty());
    }

    #[test]
    fn an_empty_or_null_time_is_as_soon_as_possible() {
        for time in [json!(""), Value::Null] {
            assert_eq!(
                checked(&json!({"desiredtime": time})).unwrap().desired_time,
                None
            );
        }
    }

    #[test]
    fn wrong_types_name_their_option() {
        for (options, name) in [
            (json!({"phonenumber": {}}), "phonenumber"),
            (json!({"desiredtime": 5}), "desiredtime"),
            (json!({"desiredTime": "2030-01-01T10:00:00"}), "desiredTime"),
            (json!({"serviceName": []}), "serviceName"),
            (json!({"userData": "x"}), "userData"),
            (json!({"waitForAgent": {}}), "waitForAgent"),
        ] {
            let error = checked(&options).unwrap_err();
            assert_eq!(error.status.name(), "BAD_OPTION");
            assert_eq!(error.field.as_deref(), Some(name));
            assert!(error.message.starts_with(name), "{}", error.message);
        }
    }

    #[test]
    fn both_spellings_of_every_routing_option_are_known() {
        for (wire_name, spellings) in ROUTING {
            for name in [spellings[0], spellings[1], wire_name] {
                let options = json!({ name: true });
                let booking = checked(&options).unwrap();
                let expected = Routing {
                    wire_name,
                    given_name: name,
                    value: &Value::Bool(true),
                };
                assert_eq!(booking.routing, [expected]);
                assert!(booking.rest.is_empty());
            }
        }
    }
}
