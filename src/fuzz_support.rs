//! What the fuzz targets of `fuzz/` drive: pure parts of the library, with what must hold for every input. It exists in
//! fuzzing builds only.

use std::sync::OnceLock;

use serde::de::IgnoredAny;
use serde_json::{json, Value};

use crate::command::Command;
pub use crate::config::ApiVersion;
use crate::config::{Config, WireFormat};
use crate::protocol;
use crate::service::outcome::Outcome;
use crate::text::json::{self, Object};
use crate::transport::message::Response;

const PRIVATE: &str = "+14151110000";

/// A configuration is refused with a text, or can be put over itself.
pub fn configuration(text: &str) {
    match Config::parse(text) {
        Ok(config) => assert!(
            config.merged(text).is_ok(),
            "a configuration that is legal stays legal over itself"
        ),
        Err(error) => assert!(!error.message.is_empty()),
    }
}

/// A command's request goes to the configured server, with a head that HTTP allows, or is refused with a text.
pub fn command(data: &[u8]) {
    let api = if data.first().is_some_and(|choice| choice & 1 == 0) {
        ApiVersion::V1
    } else {
        ApiVersion::V3
    };
    let Some((config, command, rest)) = chosen(api, data) else {
        return;
    };
    let Ok(text) = std::str::from_utf8(rest) else {
        return;
    };
    let Ok(Some(Value::Object(options))) = json::parse(text, "the data") else {
        return;
    };
    match protocol::request(config, command, &options) {
        Ok(request) => {
            assert_eq!(request.url.origin(), config.connection.origin.origin());
            assert!(request.url.as_str().parse::<http::Uri>().is_ok());
            // The widget puts a service's name into the path as it is.
            if config.wire_format == WireFormat::Documented {
                assert!(request.url.as_str().starts_with(&config.data_url));
                assert!(request.url.fragment().is_none());
            }
            assert_eq!(request.body.is_some(), command == Command::Schedule);
        }
        Err(error) => assert!(!error.message.is_empty()),
    }
}

/// Whatever a server answers becomes an outcome that is JSON, whose error repeats nothing private; slots are the same
/// whichever reader takes them.
pub fn response(api: ApiVersion, data: &[u8]) {
    let Some((config, command, rest)) = chosen(api, data) else {
        return;
    };
    let Some((&[high, low], body)) = rest.split_first_chunk::<2>() else {
        return;
    };
    let answer = Response {
        status: 100 + u16::from_be_bytes([high, low]) % 500,
        content_type: (low % 2 == 0).then(|| "application/json".to_owned()),
        retry_after: None,
        body: body.to_vec(),
    };
    if let Ok(text) = std::str::from_utf8(body) {
        assert!(protocol::slots::is_read_alike(text));
    }
    let private: Object = [("phonenumber".to_owned(), PRIVATE.into())]
        .into_iter()
        .collect();
    let meaning = protocol::read(config, command, &private, &answer);
    if let Some(error) = &meaning.error {
        // What an availability is asked with is not private.
        assert!(command == Command::Availability || !error.message.contains(PRIVATE));
        assert!(!error.message.is_empty());
    }
    let outcome = Outcome::answered(command, &answer, meaning, 1);
    let text = outcome.text.to_str().expect("an outcome is UTF-8");
    assert!(
        serde_json::from_str::<IgnoredAny>(text).is_ok(),
        "an outcome is JSON"
    );
    // serde_json gives keys of its own a meaning of its own.
    let read: Result<Object, _> = serde_json::from_str(text);
    let named = read.map_or(text.contains("$serde_json::private"), |outcome| {
        outcome["command"] == command.name()
    });
    assert!(
        named,
        "an outcome is JSON that nests no deeper than common readers take"
    );
}

/// Configuration and command, by the first byte, and the rest.
fn chosen<'a>(api: ApiVersion, data: &'a [u8]) -> Option<(&'static Config, Command, &'a [u8])> {
    static CONFIGURATIONS: OnceLock<Vec<Config>> = OnceLock::new();
    let (&choice, rest) = data.split_first()?;
    let format = if choice & 2 == 0 {
        WireFormat::Documented
    } else {
        WireFormat::Widgets9
    };
    let command = if choice & 4 == 0 {
        Command::Schedule
    } else {
        Command::Availability
    };
    let mut configurations = CONFIGURATIONS.get_or_init(configurations).iter();
    let config =
        configurations.find(|config| config.api_version == api && config.wire_format == format)?;
    Some((config, command, rest))
}

fn configurations() -> Vec<Config> {
    let choices = [
        ("v1", "documented"),
        ("v1", "widgets-9"),
        ("v3", "documented"),
        ("v3", "widgets-9"),
    ];
    let texts = choices.iter().map(|(api, format)| {
        json!({
            "dataURL": "http://127.0.0.1:1/base", "apiVersion": api, "wireFormat": format, "serviceName": "queue",
            "apikey": "KEY", "proxy": "none", "userData": {"site": "s", "_option": 1}, "timezone": "Europe/Berlin",
        })
    });
    texts
        .filter_map(|text| Config::parse(&text.to_string()).ok())
        .collect()
}
