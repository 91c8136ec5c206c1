//! The names of the options of schedule: which are known, and what an unknown one probably means.

use serde_json::Value;

use super::options::{get, unknown_option, CALL_OPTIONS};
use crate::config::v1_fields;
use crate::error::{loggable_name, Result};
use crate::process::log;
use crate::text::javascript::is_falsy;
use crate::text::json::Object;
use crate::text::{timestamp, typo};

/// Names of the phone number, in the order of precedence.
pub const PHONE_NUMBER: [&str; 3] = [v1_fields::CUSTOMER_NUMBER, "phonenumber", "phoneNumber"];

/// Names of the desired time, in the order of precedence.
pub const DESIRED_TIME: [&str; 3] = [v1_fields::DESIRED_TIME, "desiredtime", "desiredTime"];

/// Field of the v1 API, and the option's two spellings.
pub const ROUTING: [(&str, [&str; 2]); 6] = [
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
pub const FORM_FIELDS: [&str; 4] = ["firstname", "lastname", "email", "subject"];

/// The further fields of the v3 API, which v1 takes for user data.
pub const V3_FIELDS: [&str; 13] = [
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

/// What an option of some name is. Numbers are the rank among the names of one option, and the
/// index into [`ROUTING`].
#[derive(Clone, Copy)]
pub enum Kind {
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
    pub fn of(name: &str) -> Kind {
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
    pub fn is_core(self) -> bool {
        !matches!(self, Kind::V3Field | Kind::FormField | Kind::Other)
    }
}

/// Sent as user data, a misspelt option would book another time, number or queue. The fields of the
/// entry form are user data in any case, so a wrong letter in one changes no booking.
pub fn reject_typo(name: &str) -> Result<()> {
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

/// Every name of an option that changes the booking or how it is sent, aliases included.
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
        .chain(CALL_OPTIONS)
}

/// What an option of an unknown name is probably about.
pub enum Guess {
    Time,
    Number,
    Queue,
}

pub fn guess(name: &str, value: &Value) -> Option<Guess> {
    let name: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
    let name = name.to_ascii_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| name.contains(word));
    let is = |words: &[&str]| words.contains(&name.as_str());
    if name.contains("timeout") {
        return None;
    }
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
    use crate::command::schedule::ScheduleRequest;
    use serde_json::json;

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
            ("timeout", "timeoutMs"),
            ("timoutMs", "timeoutMs"),
            ("header", "headers"),
            ("heders", "headers"),
        ] {
            let options = json!({"phonenumber": "1", name: null});
            let error = ScheduleRequest::parse(options.as_object().unwrap()).expect_err(name);
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
        assert!(guess("ajaxTimeout", &json!(3000)).is_none());
    }
}
