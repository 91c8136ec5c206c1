//! The options that every command has: how its request is sent.

use std::time::Duration;

use reqwest::header::{HeaderName, HeaderValue};
use serde_json::Value;

use super::options::{invalid_option, is_absent, parse_object, HEADERS, TIMEOUT};
use crate::config::{headers, Config};
use crate::error::Result;
use crate::text::json::Object;
use crate::text::number;

const DAY_MS: u64 = 86_400_000;

/// What they say.
#[derive(Debug, Default, PartialEq)]
pub struct CallOptions {
    /// The deadline of the whole command.
    timeout: Option<Duration>,
    /// Further headers; those without a value are not sent.
    headers: Vec<(HeaderName, Option<HeaderValue>)>,
}

impl CallOptions {
    /// Takes these options out of those of a command.
    pub fn take(options: &mut Object) -> Result<CallOptions> {
        Ok(CallOptions {
            timeout: take_timeout(options)?,
            headers: match options.shift_remove(HEADERS) {
                None | Some(Value::Null) => Vec::new(),
                Some(given) => parse_headers(&given)?,
            },
        })
    }

    /// The deadline of a command on the outbox. Its request, if it has one, is sent later.
    pub fn take_timeout_only(options: &mut Object) -> Result<Option<Duration>> {
        let taken = CallOptions::take(options)?;
        if !taken.headers.is_empty() {
            return Err(invalid_option(
                HEADERS,
                "cannot be given here: the outbox uses the configured headers",
            ));
        }
        Ok(taken.timeout)
    }

    /// The configuration with which this call is sent, if it is not the given one.
    pub fn apply(self, config: &Config) -> Option<Config> {
        if self == CallOptions::default() {
            return None;
        }
        let mut config = config.clone();
        config.timeout = self.timeout.unwrap_or(config.timeout);
        for (name, value) in self.headers {
            match value {
                Some(value) => drop(config.headers.insert(name, value)),
                None => drop(config.headers.remove(name)),
            }
        }
        Some(config)
    }
}

fn take_timeout(options: &mut Object) -> Result<Option<Duration>> {
    let given = options.shift_remove(TIMEOUT);
    let Some(value) = given.filter(|value| !is_absent(value)) else {
        return Ok(None);
    };
    match number::whole_number(&value) {
        Some(0) => Ok(None),
        Some(timeout) if timeout <= DAY_MS => Ok(Some(Duration::from_millis(timeout))),
        _ => {
            let message = format!("must be a whole number from 1 to {DAY_MS}");
            Err(invalid_option(TIMEOUT, &message))
        }
    }
}

fn parse_headers(given: &Value) -> Result<Vec<(HeaderName, Option<HeaderValue>)>> {
    let given = parse_object(HEADERS, given)?;
    headers::check_count(given).map_err(|message| invalid_option(HEADERS, &message))?;
    let parse = |(name, value): (&String, &Value)| {
        let parsed = match value {
            Value::Null => headers::parse_name(name).map(|name| (name, None)),
            value => headers::parse_header(name, value).map(|(name, value)| (name, Some(value))),
        };
        parsed.map_err(|message| invalid_option(&format!("{HEADERS}.{name}"), message))
    };
    given.iter().map(parse).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn take(given: Value) -> Result<(CallOptions, Object)> {
        let mut options = given.as_object().unwrap().clone();
        CallOptions::take(&mut options).map(|taken| (taken, options))
    }

    #[test]
    fn they_are_taken_out_of_the_options_and_change_the_configuration() {
        let config =
            Config::parse(r#"{"dataURL":"http://h/x","headers":{"X-Site":"a","X-Old":"b"}}"#)
                .unwrap();
        let (taken, left) = take(json!({
            "phonenumber": "1", "timeoutMs": "500",
            "headers": {"traceparent": "00-1", "x-site": 7, "X-Old": null},
        }))
        .unwrap();
        assert_eq!(Value::Object(left), json!({"phonenumber": "1"}));
        let changed = taken.apply(&config).unwrap();
        assert_eq!(changed.timeout, Duration::from_millis(500));
        assert_eq!(changed.headers["traceparent"], "00-1");
        assert_eq!(changed.headers["x-site"], "7");
        assert!(!changed.headers.contains_key("x-old"));
        assert!(changed.headers["traceparent"].is_sensitive());
    }

    #[test]
    fn absent_options_keep_the_configuration() {
        let config = Config::parse(r#"{"dataURL":"http://h/x"}"#).unwrap();
        for options in [
            json!({}),
            json!({"timeoutMs": 0, "headers": null}),
            json!({"timeoutMs": null, "headers": {}}),
        ] {
            let (taken, left) = take(options).unwrap();
            assert!(left.is_empty() && taken.apply(&config).is_none());
        }
    }

    #[test]
    fn wrong_values_name_their_option() {
        for (options, name) in [
            (json!({"timeoutMs": -1}), "timeoutMs"),
            (json!({"timeoutMs": 1.5}), "timeoutMs"),
            (json!({"timeoutMs": 86_400_001}), "timeoutMs"),
            (json!({"timeoutMs": 1e30}), "timeoutMs"),
            (json!({"timeoutMs": "soon"}), "timeoutMs"),
            (json!({"headers": "traceparent: 1"}), "headers"),
            (json!({"headers": {"a b": "1"}}), "headers.a b"),
            (json!({"headers": {"X": "1\n2"}}), "headers.X"),
            (json!({"headers": {"X": {}}}), "headers.X"),
            (
                json!({"headers": {"Content-Length": 5}}),
                "headers.Content-Length",
            ),
            (
                json!({"headers": {"Connection": null}}),
                "headers.Connection",
            ),
        ] {
            let error = take(options).unwrap_err();
            assert_eq!(error.status.name(), "BAD_OPTION");
            assert_eq!(error.field.as_deref(), Some(name));
        }
    }

    #[test]
    fn what_is_sent_later_has_no_headers_of_its_own() {
        let mut options = Object::new();
        options.insert(HEADERS.to_owned(), json!({"X": "1"}));
        let error = CallOptions::take_timeout_only(&mut options).unwrap_err();
        assert_eq!(error.field.as_deref(), Some(HEADERS));
    }
}
