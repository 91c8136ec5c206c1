//! Listing callbacks by their properties.

use serde_json::Value;

use super::options::{
    boolean, conflict, first_given, get, invalid_option, parse_object, parse_text, text,
    OptionNames,
};
use super::schedule_names::PHONE_NUMBER;
use super::Description;
use crate::config::v1_fields;
use crate::error::{Error, Result};
use crate::status::Status;
use crate::text::json::Object;
use crate::text::typo;

pub const DESCRIPTION: Description = Description {
    name: c"CallbackService.query",
    resolved: c"CallbackService.found",
    rejected: c"CallbackService.queryError",
    missing_data: "No data found to query callbacks: give phonenumber, state, id or keys",
    effect: None,
};

pub const OPTIONS: OptionNames = OptionNames(&[
    ("phonenumber", &["phoneNumber", v1_fields::CUSTOMER_NUMBER]),
    ("state", &["_callback_state"]),
    ("id", &["_id"]),
    ("keys", &[]),
    ("operand", &[]),
    ("allServices", &[]),
]);

/// The states of a callback that the servers document.
pub const STATES: [&str; 6] = [
    "SCHEDULED",
    "QUEUED",
    "ROUTING",
    "PROCESSING",
    "PAUSED",
    "COMPLETED",
];

/// How several properties are combined.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Operand {
    And,
    Or,
}

/// The validated options.
#[derive(Debug, PartialEq)]
pub struct CallbackQuery {
    /// The properties by the names of the v1 API.
    pub keys: Vec<(String, String)>,
    /// How they are combined; `None` if the command does not say.
    pub operand: Option<Operand>,
    /// Whether callbacks of all services are listed, not only those of the configured one.
    pub all_services: bool,
}

impl CallbackQuery {
    /// Validates the options of a command.
    pub fn parse(options: &Object) -> Result<CallbackQuery> {
        OPTIONS.reject_unknown(options)?;
        let mut query = CallbackQuery {
            keys: Vec::new(),
            operand: operand(options)?,
            all_services: boolean(options, "allServices")?.unwrap_or_default(),
        };
        if let Some(name) = first_given(options, &PHONE_NUMBER) {
            let number = get(options, name).map_or(Ok(None), v1_fields::phone_number);
            let number = number.map_err(|message| invalid_option(name, &message))?;
            query.add(v1_fields::CUSTOMER_NUMBER, "phonenumber", number)?;
        }
        let state = OPTIONS.given_name(options, "state")?;
        let value = text(options, state)?;
        query.add("_callback_state", state, known_state(state, value)?)?;
        let id = OPTIONS.given_name(options, "id")?;
        query.add("_id", id, text(options, id)?)?;
        let keys = get(options, "keys").filter(|value| !value.is_null());
        if let Some(keys) = keys {
            query.add_keys(parse_object("keys", keys)?)?;
        }
        if query.keys.is_empty() {
            let message = "phonenumber: give phonenumber, state, id or keys";
            return Err(Error {
                field: Some("phonenumber".to_owned()),
                ..Error::new(Status::BadOption, message)
            });
        }
        Ok(query)
    }

    fn add(&mut self, key: &str, option: &str, value: Option<String>) -> Result<()> {
        let Some(value) = value else { return Ok(()) };
        if self.keys.iter().any(|(known, _)| known == key) {
            return Err(conflict(key, option));
        }
        self.keys.push((key.to_owned(), value));
        Ok(())
    }

    fn add_keys(&mut self, keys: &Object) -> Result<()> {
        for (key, value) in keys {
            let option = format!("keys.{key}");
            if key.is_empty() || key == "operand" {
                return Err(invalid_option(&option, "is not a lookup key"));
            }
            let value = match key.as_str() {
                v1_fields::CUSTOMER_NUMBER => v1_fields::phone_number(value)
                    .map_err(|message| invalid_option(&option, &message))?,
                "_callback_state" => known_state(&option, parse_text(&option, value)?)?,
                _ => match value {
                    Value::Bool(flag) => Some(flag.to_string()),
                    _ => parse_text(&option, value)?,
                },
            };
            self.add(key, &option, value)?;
        }
        Ok(())
    }
}

/// A state, which may be negated with `!`. A misspelt one would find nothing, or everything.
fn known_state(option: &str, state: Option<String>) -> Result<Option<String>> {
    let Some(given) = state else { return Ok(None) };
    let given = given.trim();
    let (not, state) = match given.strip_prefix('!') {
        Some(state) => ("!", state.trim()),
        None => ("", given),
    };
    let upper = state.to_ascii_uppercase();
    if STATES.contains(&upper.as_str()) {
        return Ok(Some(format!("{not}{upper}")));
    }
    match typo::likely_typo(state, STATES) {
        Some(meant) => Err(invalid_option(
            option,
            &format!("is not a state; did you mean {not}{meant}?"),
        )),
        None if state.is_empty() => Err(invalid_option(option, "names no state")),
        None => Ok(Some(format!("{not}{state}"))),
    }
}

fn operand(options: &Object) -> Result<Option<Operand>> {
    let Some(operand) = text(options, "operand")? else {
        return Ok(None);
    };
    match operand.trim().to_ascii_uppercase().as_str() {
        "AND" => Ok(Some(Operand::And)),
        "OR" => Ok(Some(Operand::Or)),
        _ => Err(invalid_option("operand", "must be AND or OR")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn parse(options: &Value) -> Result<CallbackQuery> {
        CallbackQuery::parse(options.as_object().unwrap())
    }

    #[test]
    fn options_are_lookup_keys_of_the_api() {
        let options = json!({"phonenumber": 4151110000u64, "state": "!completed", "id": 5, "operand": "or",
            "keys": {"city": "Köln", "vip": true, "order": 7, "none": null}, "allServices": "true"});
        let query = parse(&options).unwrap();
        let keys: Vec<_> = query
            .keys
            .iter()
            .map(|(key, text)| format!("{key}={text}"))
            .collect();
        assert_eq!(
            keys,
            [
                "_customer_number=4151110000",
                "_callback_state=!COMPLETED",
                "_id=5",
                "city=Köln",
                "vip=true",
                "order=7"
            ]
        );
        assert_eq!(
            (query.operand, query.all_services),
            (Some(Operand::Or), true)
        );
        let query = parse(&json!({"_customer_number": "1", "state": "WAITING_FOR_CODE"})).unwrap();
        assert_eq!(query.keys[1].1, "WAITING_FOR_CODE");
    }

    #[test]
    fn wrong_values_name_their_option() {
        for (options, field) in [
            (json!({"operand": "AND"}), "phonenumber"),
            (json!({"keys": {}}), "phonenumber"),
            (json!({"keys": {"a": null}}), "phonenumber"),
            (json!({"id": "1", "operand": "XOR"}), "operand"),
            (json!({"state": "COMPLETD"}), "state"),
            (json!({"state": "!"}), "state"),
            (
                json!({"keys": {"_callback_state": "QUEUD"}}),
                "keys._callback_state",
            ),
            (
                json!({"keys": {"_customer_number": "4.15e9"}}),
                "keys._customer_number",
            ),
            (
                json!({"phonenumber": "1", "keys": {"_customer_number": "1"}}),
                "keys._customer_number",
            ),
            (
                json!({"id": "1", "keys": {"operand": "OR"}}),
                "keys.operand",
            ),
            (json!({"id": "1", "keys": {"a": []}}), "keys.a"),
            (json!({"id": "1", "keys": "a"}), "keys"),
            (json!({"id": "1", "allServices": 1}), "allServices"),
            (json!({"phone": "1"}), "phone"),
            (json!({"phonenumber": {}}), "phonenumber"),
        ] {
            let error = parse(&options).unwrap_err();
            assert_eq!(error.status, Status::BadOption, "{options}");
            assert_eq!(error.field.as_deref(), Some(field), "{options}");
        }
    }
}
