//! The options of the schedule command.

use serde_json::Value;

use super::options::{invalid_option, parse_object, parse_text};
use super::schedule_names::{
    guess, reject_typo, Guess, Kind, DESIRED_TIME, FORM_FIELDS, PHONE_NUMBER, ROUTING,
};
use super::Description;
use crate::config::v1_fields;
use crate::error::{loggable_name, Effect, Result};
use crate::process::log;
use crate::text::json::Object;
use crate::text::typo;

pub const DESCRIPTION: Description = Description {
    name: c"CallbackService.schedule",
    resolved: c"CallbackService.scheduled",
    rejected: c"CallbackService.scheduleError",
    missing_data: "No data found to schedule callback",
    effect: Some(Effect {
        member: "booked",
        may_have_happened: "the booking may have been made",
    }),
};

/// A validated booking, without the differences between the server APIs. It borrows from the
/// options.
#[derive(Debug, Default, PartialEq)]
pub struct ScheduleRequest<'a> {
    /// The number to call.
    pub phone_number: Option<String>,
    /// When to call, in canonical form; absent is as soon as possible.
    pub desired_time: Option<String>,
    /// The virtual queue, when the command names one.
    pub service_name: Option<String>,
    /// The command's user data.
    pub user_data: Option<&'a Object>,
    /// The routing options given, each with the name that the caller used.
    pub routing: Vec<RoutingOption<'a>>,
    /// The fields of the v3 API given by their own names.
    pub v3_fields: Vec<(&'a str, &'a Value)>,
    /// Every other option: the entry form's fields and the site's own data.
    pub extra: Vec<(&'a str, &'a Value)>,
}

#[derive(Debug, PartialEq)]
pub struct RoutingOption<'a> {
    /// The field of the v1 API.
    pub wire_name: &'static str,
    /// The name that the caller used.
    pub name: &'static str,
    /// Its value as given.
    pub value: &'a Value,
    /// Its value as text.
    pub text: String,
}

impl<'a> ScheduleRequest<'a> {
    /// Validates the options of a command and sorts them by their meaning.
    pub fn parse(options: &'a Object) -> Result<ScheduleRequest<'a>> {
        let mut request = ScheduleRequest::default();
        let mut aliases = Aliases::default();
        for (name, value) in options {
            let kind = Kind::of(name);
            match kind {
                // A misspelt name is wrong whatever its value.
                Kind::Other => reject_typo(name)?,
                _ if value.is_null() => continue,
                _ => {}
            }
            match kind {
                Kind::PhoneNumber(rank) => aliases.phone_number[rank] = Some(value),
                Kind::DesiredTime(rank) => aliases.desired_time[rank] = Some(value),
                Kind::Routing(index, rank) => aliases.routing[index][rank] = Some(value),
                Kind::ServiceName => request.service_name = parse_text(name, value)?,
                Kind::UserData => request.user_data = Some(parse_object(name, value)?),
                Kind::V3Field => request.v3_fields.push((name, value)),
                Kind::Other if value.is_null() => {}
                Kind::FormField | Kind::Other => request.extra.push((name, value)),
            }
        }
        let phone_number = PHONE_NUMBER.into_iter().zip(aliases.phone_number);
        request.phone_number =
            first(phone_number, v1_fields::phone_number)?.map(|(_, _, text)| text);
        let desired_time = DESIRED_TIME.into_iter().zip(aliases.desired_time);
        request.desired_time = first(desired_time, v1_fields::time)?.map(|(_, _, text)| text);
        for ((wire_name, [lower, camel]), values) in ROUTING.into_iter().zip(aliases.routing) {
            let given = [wire_name, lower, camel].into_iter().zip(values);
            let option = first(given, |value| v1_fields::field_text(wire_name, value))?;
            request
                .routing
                .extend(option.map(|(name, value, text)| RoutingOption {
                    wire_name,
                    name,
                    value,
                    text,
                }));
        }
        request.warn_about_names();
        Ok(request)
    }

    /// Warns of user data that probably means an option that is not given.
    fn warn_about_names(&self) {
        for (name, value) in &self.extra {
            if FORM_FIELDS.contains(name) {
                continue;
            }
            let meant = match guess(name, value) {
                _ if typo::likely_typo(name, FORM_FIELDS).is_some() => "a field of the entry form",
                Some(Guess::Time) if self.desired_time.is_none() => "desiredtime",
                Some(Guess::Number) if self.phone_number.is_none() => "phonenumber",
                Some(Guess::Queue) if self.service_name.is_none() => "serviceName",
                _ => continue,
            };
            log::warn(|| {
                let name = loggable_name(name);
                format!("schedule option {name} is sent as user data; if it is {meant}, give it by that name")
            });
        }
        for name in self.user_data.into_iter().flat_map(Object::keys) {
            if Kind::of(name).is_core() && !v1_fields::is_v1_field(name) {
                log::warn(|| {
                    format!("{name} inside userData is user data, not the option of that name")
                });
            }
        }
    }
}

/// The values of the options that have several names, in the order of precedence.
#[derive(Default)]
struct Aliases<'a> {
    phone_number: [Option<&'a Value>; PHONE_NUMBER.len()],
    desired_time: [Option<&'a Value>; DESIRED_TIME.len()],
    routing: [[Option<&'a Value>; 3]; ROUTING.len()],
}

/// The first of several names whose value does not count as absent: the name, the value and its
/// text.
fn first<'a>(
    given: impl Iterator<Item = (&'static str, Option<&'a Value>)>,
    parse: impl Fn(&Value) -> std::result::Result<Option<String>, String>,
) -> Result<Option<(&'static str, &'a Value, String)>> {
    for (name, value) in given {
        let Some(value) = value else { continue };
        let text = parse(value).map_err(|message| invalid_option(name, &message))?;
        if let Some(text) = text {
            return Ok(Some((name, value, text)));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn parse(options: &Value) -> Result<ScheduleRequest<'_>> {
        ScheduleRequest::parse(options.as_object().unwrap())
    }

    #[test]
    fn wire_names_win_over_their_aliases() {
        let options = json!({
            "phonenumber": "222", "_customer_number": 111, "phoneNumber": "333",
            "desiredTime": "2030-01-03T00:00:00Z", "desiredtime": "2030-01-02T00:00:00Z",
            "_desired_time": "2030-01-01T00:00:00Z"
        });
        let request = parse(&options).unwrap();
        assert_eq!(request.phone_number.as_deref(), Some("111"));
        assert_eq!(
            request.desired_time.as_deref(),
            Some("2030-01-01T00:00:00.000Z")
        );
        assert!(request.extra.is_empty());
    }

    #[test]
    fn an_empty_or_null_time_is_as_soon_as_possible() {
        for time in [json!(""), Value::Null] {
            assert_eq!(
                parse(&json!({"desiredtime": time})).unwrap().desired_time,
                None
            );
        }
    }

    #[test]
    fn other_names_are_user_data() {
        let options = json!({"site": "x", "order-id": 5, "scheduledTime": "x", "phone": "1", "_provide_code": true, "customer": {}, "first name": 1, "object": 2, "sbject": 3});
        assert_eq!(parse(&options).unwrap().extra.len(), 9);
        let options =
            json!({"userData": {"DesiredTime": "x", "desiredtime": "x", "servicename": 1}});
        assert!(parse(&options).is_ok());
    }

    #[test]
    fn numbers_become_exact_digits() {
        for (number, digits) in [
            ("4151110000.0", "4151110000"),
            ("4.15e9", "4150000000"),
            ("41511100001234567890", "41511100001234567890"),
        ] {
            let options: Value = serde_json::from_str(&format!(
                r#"{{"phonenumber":{number},"serviceName":{number},"mediaType":{number}}}"#
            ))
            .unwrap();
            let request = parse(&options).unwrap();
            assert_eq!(request.phone_number.as_deref(), Some(digits));
            assert_eq!(request.service_name.as_deref(), Some(digits));
            assert_eq!(request.routing[0].text, digits);
        }
    }

    #[test]
    fn wrong_values_name_their_option() {
        for (options, name) in [
            (json!({"phonenumber": {}}), "phonenumber"),
            (json!({"phonenumber": true}), "phonenumber"),
            (json!({"phonenumber": 415.5}), "phonenumber"),
            (json!({"phoneNumber": -415}), "phoneNumber"),
            (json!({"_customer_number": "-415"}), "_customer_number"),
            (json!({"phonenumber": "4.15E+09"}), "phonenumber"),
            (json!({"phonenumber": " "}), "phonenumber"),
            (json!({"phonenumber": "+49 é"}), "phonenumber"),
            (json!({"desiredtime": 5}), "desiredtime"),
            (json!({"desiredTime": "2030-01-01T10:00:00"}), "desiredTime"),
            (json!({"desiredTime": "tomorrow"}), "desiredTime"),
            (json!({"serviceName": []}), "serviceName"),
            (json!({"serviceName": 1.5}), "serviceName"),
            (json!({"userData": "x"}), "userData"),
            (json!({"waitForAgent": {}}), "waitForAgent"),
            (json!({"waitForAgent": "yes"}), "waitForAgent"),
            (
                json!({"_wait_for_user_confirm": 1}),
                "_wait_for_user_confirm",
            ),
            (json!({"mediaType": 1.5}), "mediaType"),
        ] {
            let error = parse(&options).unwrap_err();
            assert_eq!(error.status.name(), "BAD_OPTION");
            assert_eq!(error.field.as_deref(), Some(name));
        }
    }
}
