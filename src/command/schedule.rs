//! The options of the schedule command.

use serde_json::Value;

use super::availability::unknown_option;
use super::options::{get, invalid_option, parse_object, parse_text};
use crate::config::known_keys::loggable_name;
use crate::config::v1_fields;
use crate::error::Result;
use crate::process::log;
use crate::text::javascript::is_falsy;
use crate::text::json::Object;
use crate::text::{timestamp, typo};

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

/// Names of the phone number, in the order of precedence.
const PHONE_NUMBER: [&str; 3] = [v1_fields::CUSTOMER_NUMBER, "phonenumber", "phoneNumber"];

/// Names of the desired time, in the order of precedence.
const DESIRED_TIME: [&str; 3] = [v1_fields::DESIRED_TIME, "desiredtime", "desiredTime"];

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

/// The fields of the entry form, which go to the server as user data.
const FORM_FIELDS: [&str; 4] = ["firstname", "lastname", "email", "subject"];

/// The further fields of the v3 API, which v1 takes for user data.
const V3_FIELDS: [&str; 13] = [
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

/// Sent as user data, a misspelt option would book another time, number or queue. The fields of the
/// entry form are user data in any case, so a wrong letter in one changes no booking.
fn reject_typo(name: &str) -> Result<()> {
    let variant = FORM_FIELDS
        .into_iter()
        .find(|field| typo::is_variant(name, field));
    match variant.or_else(|| typo::likely_typo(name, known_options())) {
        None => Ok(()),
        Some(meant) => Err(unknown_option(
            name,
            &format!("{meant}, or is it user data, which userData can hold under any name"),
        )),
    }
}

/// Logs what would be refused in another wire format: the widget refuses no name.
pub fn warn_about_typos(options: &Object) {
    let unknown = options
        .keys()
        .filter(|name| known_options().all(|known| known != *name));
    for name in unknown {
        if let Some(meant) = typo::likely_typo(name, known_options()) {
            log::warn(|| {
                let name = loggable_name(name);
                format!("schedule option {name} is unknown and sent as user data; did you mean {meant}?")
            });
        }
    }
}

/// Every name of an option that changes the booking, aliases included.
pub fn known_options() -> impl Iterator<Item = &'static str> {
    let routing = ROUTING
        .iter()
        .flat_map(|(wire_name, spellings)| [*wire_name, spellings[0], spellings[1]]);
    // The spellings that the documents use come first, for suggestions.
    let core = ["phonenumber", "desiredtime", "serviceName", "userData"];
    let aliases = PHONE_NUMBER.into_iter().chain(DESIRED_TIME);
    core.into_iter()
        .chain(V3_FIELDS)
        .chain(aliases)
        .chain(routing)
}

/// What an option of an unknown name is probably about.
enum Guess {
    Time,
    Number,
    Queue,
}

fn guess(name: &str, value: &Value) -> Option<Guess> {
    let name: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
    let name = name.to_ascii_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| name.contains(word));
    let is = |words: &[&str]| words.contains(&name.as_str());
    if has(&["time", "date", "slot", "schedule"]) || is(&["when", "at", "start"]) {
        return Some(Guess::Time);
    }
    if has(&["phone", "mobile", "number", "msisdn", "dnis"]) || is(&["tel", "ani", "cell", "to"]) {
        return Some(Guess::Number);
    }
    if has(&["queue", "service"]) || is(&["vq"]) {
        return Some(Guess::Queue);
    }
    let is_time = value
        .as_str()
        .is_some_and(|text| timestamp::parse(text).is_some());
    is_time.then_some(Guess::Time)
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

/// What an option of some name is. Numbers are the rank among the names of one option, and the
/// index into [`ROUTING`].
#[derive(Clone, Copy)]
enum Kind {
    PhoneNumber(usize),
    DesiredTime(usize),
    Routing(usize, usize),
    ServiceName,
    UserData,
    V3Field,
    FormField,
    Other,
}

impl Kind {
    fn of(name: &str) -> Kind {
        let rank = |names: &[&str]| names.iter().position(|known| *known == name);
        if let Some(rank) = rank(&PHONE_NUMBER) {
            return Kind::PhoneNumber(rank);
        }
        if let Some(rank) = rank(&DESIRED_TIME) {
            return Kind::DesiredTime(rank);
        }
        if rank(&FORM_FIELDS).is_some() {
            return Kind::FormField;
        }
        if rank(&V3_FIELDS).is_some() {
            return Kind::V3Field;
        }
        match name {
            "serviceName" => return Kind::ServiceName,
            "userData" => return Kind::UserData,
            _ => {}
        }
        for (index, (wire_name, [lower, camel])) in ROUTING.into_iter().enumerate() {
            if let Some(rank) = rank(&[wire_name, lower, camel]) {
                return Kind::Routing(index, rank);
            }
        }
        Kind::Other
    }

    /// Whether the option changes the booking and is not only user data.
    fn is_core(self) -> bool {
        !matches!(self, Kind::V3Field | Kind::FormField | Kind::Other)
    }
}

/// The field that the widget fills from an option of the phone number or the desired time, for the
/// names that it knows.
pub fn widgets9_field(name: &str) -> Option<&'static str> {
    match name {
        "phonenumber" | v1_fields::CUSTOMER_NUMBER => Some("phoneNumber"),
        "desiredtime" | v1_fields::DESIRED_TIME => Some("desiredTime"),
        _ => None,
    }
}

/// The value of each routing option under either spelling, as the widget looks it up.
pub fn widgets9_routing(options: &Object) -> impl Iterator<Item = (&'static str, Option<&Value>)> {
    ROUTING.iter().map(|(wire_name, spellings)| {
        let mut values = spellings.iter().filter_map(|name| get(options, name));
        (*wire_name, values.find(|value| !is_falsy(value)))
    })
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
    fn misspelt_options_are_rejected() {
        for (name, meant) in [
            ("DesiredTime", "desiredtime"),
            ("desired_time", "desiredtime"),
            ("desired-time", "desiredtime"),
            ("desiredtme", "desiredtime"),
            ("desierdtime", "desiredtime"),
            ("DESIREDTIME", "desiredtime"),
            ("_desiredTime", "desiredtime"),
            ("desiredTimes", "desiredtime"),
            ("phone_number", "phonenumber"),
            ("PhoneNumber", "phonenumber"),
            ("phonenumbr", "phonenumber"),
            ("phone number", "phonenumber"),
            ("customer_number", "_customer_number"),
            ("customerNumber", "_customer_number"),
            ("servicename", "serviceName"),
            ("service_name", "serviceName"),
            ("_service_name", "serviceName"),
            ("userdata", "userData"),
            ("user_data", "userData"),
            ("usrData", "userData"),
            ("e-mail", "email"),
            ("FirstName", "firstname"),
            ("last_name", "lastname"),
            ("wait_for_agent", "waitforagent"),
            ("mediaTyp", "mediatype"),
            ("cb_offer_type", "cbOfferType"),
            ("Priority", "priority"),
            ("pushTarget", "pushTargets"),
            ("_call_directon", "_call_direction"),
        ] {
            let options = json!({"phonenumber": "1", name: null});
            let error = parse(&options).expect_err(name);
            assert_eq!(error.status.name(), "BAD_OPTION", "{name}");
            assert_eq!(error.field.as_deref(), Some(name));
            let is_named = ["", "_"].iter().any(|prefix| {
                error
                    .message
                    .to_lowercase()
                    .replace('_', "")
                    .contains(&format!(
                        "{prefix}{}",
                        meant.to_lowercase().replace('_', "")
                    ))
            });
            assert!(
                is_named && error.message.contains("did you mean"),
                "{}",
                error.message
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
    fn names_and_values_that_mean_an_option_are_recognized() {
        for (name, value) in [
            ("scheduledTime", json!(1)),
            ("callbackTime", json!(1)),
            ("startDate", json!(1)),
            ("when", json!(1)),
            ("later", json!("2030-12-01T10:00Z")),
        ] {
            assert!(matches!(guess(name, &value), Some(Guess::Time)), "{name}");
        }
        for name in ["phone", "mobile", "tel", "callerNumber", "MSISDN"] {
            assert!(
                matches!(guess(name, &json!("1")), Some(Guess::Number)),
                "{name}"
            );
        }
        assert!(matches!(
            guess("virtualQueue", &json!("q")),
            Some(Guess::Queue)
        ));
        assert!(guess("color", &json!("red")).is_none());
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
