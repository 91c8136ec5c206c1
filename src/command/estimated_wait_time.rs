//! Listing how long callers wait in some queues.

use serde_json::Value;

use super::options::{
    boolean, get, invalid_option, is_absent, parse_text, required, text, OptionNames,
};
use super::Description;
use crate::error::Result;
use crate::text::json::Object;

pub const DESCRIPTION: Description = Description {
    name: c"CallbackService.estimatedWaitTime",
    resolved: c"CallbackService.estimatedWaitTime",
    rejected: c"CallbackService.estimatedWaitTimeError",
    missing_data: "No data found for the estimated wait time: give virtualQueues",
    effect: None,
};

pub const OPTIONS: OptionNames = OptionNames(&[
    ("virtualQueues", &["virtual-queues"]),
    ("mode", &[]),
    ("includeCallsOnHold", &["include-calls-on-hold"]),
]);

const MODES: [&str; 3] = ["mode1", "mode2", "mode3"];

/// The validated options.
#[derive(Debug, PartialEq)]
pub struct WaitTimeQuery {
    /// The queues, separated by commas.
    pub virtual_queues: String,
    /// How the server estimates.
    pub mode: Option<String>,
    /// Whether calls on hold count.
    pub include_calls_on_hold: Option<bool>,
}

impl WaitTimeQuery {
    /// Validates the options of a command.
    pub fn parse(options: &Object) -> Result<WaitTimeQuery> {
        OPTIONS.reject_unknown(options)?;
        let name = OPTIONS.given_name(options, "virtualQueues")?;
        let queues = get(options, name).filter(|value| !is_absent(value));
        let mode = text(options, "mode")?.map(|mode| mode.trim().to_ascii_lowercase());
        if mode
            .as_ref()
            .is_some_and(|mode| !MODES.contains(&mode.as_str()))
        {
            return Err(invalid_option("mode", "must be mode1, mode2 or mode3"));
        }
        let on_hold = OPTIONS.given_name(options, "includeCallsOnHold")?;
        Ok(WaitTimeQuery {
            virtual_queues: virtual_queues(name, queues.ok_or_else(|| required("virtualQueues"))?)?,
            mode,
            include_calls_on_hold: boolean(options, on_hold)?,
        })
    }
}

/// The queues of an array, or of a text that separates them with commas.
fn virtual_queues(option: &str, value: &Value) -> Result<String> {
    let names = match value {
        Value::Array(names) => {
            let names = names.iter().map(|name| parse_text(option, name));
            names
                .map(|name| name.map(Option::unwrap_or_default))
                .collect::<Result<Vec<_>>>()?
        }
        _ => {
            let text = parse_text(option, value)?.unwrap_or_default();
            text.split(',').map(str::to_owned).collect()
        }
    };
    let names: Vec<&str> = names.iter().map(|name| name.trim()).collect();
    if names.is_empty() || names.iter().any(|name| name.is_empty()) {
        return Err(invalid_option(option, "holds a queue without a name"));
    }
    if names.iter().any(|name| name.contains(',')) {
        let message = "holds a name with a comma, which separates the names of queues";
        return Err(invalid_option(option, message));
    }
    Ok(names.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::status::Status;
    use serde_json::json;

    fn parse(options: &Value) -> Result<WaitTimeQuery> {
        WaitTimeQuery::parse(options.as_object().unwrap())
    }

    #[test]
    fn queues_are_an_array_or_text() {
        for queues in [
            json!(["a b", "5"]),
            json!(["a b", 5]),
            json!("a b,5"),
            json!(" a b , 5 "),
        ] {
            assert_eq!(
                parse(&json!({"virtualQueues": queues}))
                    .unwrap()
                    .virtual_queues,
                "a b,5"
            );
        }
        let query =
            parse(&json!({"virtual-queues": "a", "mode": "Mode3", "includeCallsOnHold": "true"}))
                .unwrap();
        assert_eq!(
            (query.mode.as_deref(), query.include_calls_on_hold),
            (Some("mode3"), Some(true))
        );
    }

    #[test]
    fn wrong_values_name_their_option() {
        for (options, field) in [
            (json!({"mode": "mode1"}), "virtualQueues"),
            (json!({"virtualQueues": []}), "virtualQueues"),
            (json!({"virtualQueues": ["a", ""]}), "virtualQueues"),
            (json!({"virtualQueues": ["a", null]}), "virtualQueues"),
            (json!({"virtualQueues": ["a,b"]}), "virtualQueues"),
            (json!({"virtualQueues": "a,,b"}), "virtualQueues"),
            (json!({"virtualQueues": {}}), "virtualQueues"),
            (json!({"virtualQueues": "a", "mode": "mode4"}), "mode"),
            (
                json!({"virtualQueues": "a", "includeCallsOnHold": 1}),
                "includeCallsOnHold",
            ),
            (json!({"virtualQueue": "a"}), "virtualQueue"),
        ] {
            let error = parse(&options).unwrap_err();
            assert_eq!(error.status, Status::BadOption, "{options}");
            assert_eq!(error.field.as_deref(), Some(field), "{options}");
        }
    }
}
