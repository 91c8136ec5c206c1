//! What the fuzz targets of `fuzz/` drive: pure parts of the library, with what must hold for every
//! input. It exists in fuzzing builds only.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::OnceLock;

use serde::de::IgnoredAny;
use serde_json::{json, Value};

use crate::command::{
    availability, call_in, cancel, estimated_wait_time, open_for, query, queue_position,
    queue_status, reschedule, retrieve, schedule_names, Command,
};
pub use crate::config::ApiVersion;
use crate::config::{Config, WireFormat};
use crate::protocol::{self, Subject};
use crate::service::outcome::Outcome;
use crate::text::json::{self, Object};
use crate::transport::decoding::decode;
use crate::transport::message::Response;

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

/// A command's request goes to the configured server, with a head that HTTP allows, or is refused
/// with a text. A name that is nearly an option's is refused.
pub fn command(data: &[u8]) {
    let api = match data.first() {
        Some(choice) if choice & 1 == 0 => ApiVersion::V1,
        _ => ApiVersion::V3,
    };
    let Some((config, command, rest)) = chosen(api, data) else {
        return;
    };
    let Ok(text) = std::str::from_utf8(rest) else {
        return;
    };
    let Ok(Some(Value::Object(mut options))) = json::parse(text, "the data") else {
        return;
    };
    check_request(config, command, &options);
    if config.wire_format == WireFormat::Documented {
        let name = near_name(command, rest);
        options.insert(name.clone(), "2030-12-01T10:00:00Z".into());
        let is_known = known_options(command).any(|known| known == name);
        let request = protocol::request(config, command, &options);
        assert!(
            is_known || request.is_err(),
            "{name} is taken for something else"
        );
    }
}

/// The server of all requests.
const ROOT: &str = "http://127.0.0.1:1";

fn check_request(config: &Config, command: Command, options: &Object) {
    match protocol::request(config, command, options) {
        Ok((request, _)) => {
            assert_eq!(request.url.origin(), config.connection.origin.origin());
            assert!(request.url.as_str().parse::<http::Uri>().is_ok());
            // The widget puts a service's name into the path as it is.
            if config.wire_format == WireFormat::Documented {
                assert!(request.url.as_str().starts_with(ROOT));
                assert!(request.url.fragment().is_none());
            }
            assert_eq!(request.is_read_only, command.effect().is_none());
        }
        Err(error) => assert!(!error.message.is_empty()),
    }
}

fn known_options(command: Command) -> Box<dyn Iterator<Item = &'static str>> {
    match command {
        Command::Schedule => Box::new(schedule_names::known_options()),
        Command::Availability => Box::new(availability::OPTIONS.all()),
        Command::Cancel => Box::new(cancel::OPTIONS.all()),
        Command::Reschedule => Box::new(reschedule::OPTIONS.all()),
        Command::Retrieve => Box::new(retrieve::OPTIONS.all()),
        Command::Query => Box::new(query::OPTIONS.all()),
        Command::QueuePosition => Box::new(queue_position::OPTIONS.all()),
        Command::EstimatedWaitTime => Box::new(estimated_wait_time::OPTIONS.all()),
        Command::QueueStatus => Box::new(queue_status::OPTIONS.all()),
        Command::OpenFor => Box::new(open_for::OPTIONS.all()),
        Command::CallIn => Box::new(call_in::OPTIONS.all()),
    }
}

/// The name of an option with up to two letters wrong, other separators and another case, as a hash
/// of the bytes chooses: data that is JSON begins nearly always with the same byte.
fn near_name(command: Command, choices: &[u8]) -> String {
    let mut hasher = DefaultHasher::new();
    let mut choose = |count: usize| {
        choices.hash(&mut hasher);
        (hasher.finish() % count as u64) as usize
    };
    let known: Vec<&str> = known_options(command).collect();
    let mut name: Vec<char> = known[choose(known.len())].chars().collect();
    misspell(&mut name, &mut choose);
    match choose(4) {
        0 => name
            .iter_mut()
            .for_each(|letter| *letter = letter.to_ascii_uppercase()),
        1 => name.insert(choose(name.len()), '_'),
        2 => name.insert(choose(name.len()), '-'),
        _ => {}
    }
    name.into_iter().collect()
}

/// Makes up to two letters of a name wrong. Two wrong letters in a word of four letters make
/// another word.
fn misspell(name: &mut Vec<char>, mut choose: impl FnMut(usize) -> usize) {
    let letters = name.iter().filter(|letter| letter.is_alphanumeric());
    let edits = if letters.count() < 5 { 1 } else { 2 };
    let mut last = None;
    for _ in 0..choose(edits + 1) {
        let at = choose(name.len());
        // A letter can be wrong twice, which is another distance.
        if last.replace(at).is_some_and(|last| at.abs_diff(last) < 3) {
            continue;
        }
        let letter = char::from(b'a' + choose(26) as u8);
        match choose(4) {
            0 => name[at] = letter,
            1 => name.insert(at, letter),
            2 if at + 1 < name.len() => name.swap(at, at + 1),
            _ if name.len() > 3 => drop(name.remove(at)),
            _ => {}
        }
    }
}

/// Whatever a server responds, and however it encodes that, becomes an outcome that is JSON and
/// keeps the booking's identifier; the error repeats nothing that the server says; slots are the
/// same whichever reader takes them.
pub fn response(api: ApiVersion, data: &[u8]) {
    let Some((config, command, rest)) = chosen(api, data) else {
        return;
    };
    let Some(response) = server_response(data[0], rest) else {
        return;
    };
    let text = protocol::body_text(&response);
    assert!(protocol::slots::fast_paths_agree(&text));
    let subject = Subject {
        id: Some("1".to_owned()),
        ..Subject::default()
    };
    let interpretation = protocol::interpret(config, command, &subject, &response, &text);
    if let Some(error) = &interpretation.error {
        assert!(
            error.message.is_ascii() && error.message.len() < 200,
            "{}",
            error.message
        );
    }
    let is_booking_unknown = interpretation.is_effect_unknown;
    let outcome = Outcome::from_response(command, &response, &text, interpretation, 1, true);
    let written = outcome.text.to_str().expect("an outcome is UTF-8");
    assert!(
        serde_json::from_str::<IgnoredAny>(written).is_ok(),
        "an outcome is JSON"
    );
    // serde_json gives keys of its own a meaning of its own.
    let read: Result<Object, _> = serde_json::from_str(written);
    let Ok(outcome) = read else {
        assert!(
            written.contains("$serde_json::private"),
            "an outcome is JSON that nests no deeper than common readers accept"
        );
        return;
    };
    assert_eq!(outcome["command"], command.name());
    if command == Command::Schedule {
        if let Some(id) = identifier(api, &text) {
            assert_eq!(outcome["id"], id, "the identifier is kept");
            assert!(
                is_booking_unknown || outcome.get("error").is_none(),
                "a booking with an identifier is not reported as not made"
            );
        }
    }
}

/// A response from its bytes; the choice is that of content type and content coding.
fn server_response(choice: u8, data: &[u8]) -> Option<Response> {
    const CONTENT_TYPES: [Option<&str>; 4] = [
        None,
        Some("application/json"),
        Some("application/json; charset=latin1"),
        Some("application/json; charset=utf-16"),
    ];
    const ENCODINGS: [&str; 4] = ["", "gzip", "deflate", "deflate, x-gzip"];
    let (&status, body) = data.split_first_chunk::<2>()?;
    Some(Response {
        status: 100 + u16::from_be_bytes(status) % 500,
        content_type: CONTENT_TYPES[usize::from(choice >> 5 & 3)].map(str::to_owned),
        retry_after: None,
        date: None,
        body: decoded(ENCODINGS[usize::from(choice >> 3 & 3)], body)?,
    })
}

/// The body without its content coding, which takes no more memory than allowed; `None` when it
/// cannot be decoded.
fn decoded(encodings: &str, body: &[u8]) -> Option<Vec<u8>> {
    const LIMIT: usize = 1 << 16;
    let decoded = decode(encodings, body.to_vec(), LIMIT).ok()?;
    assert!(decoded.len() <= LIMIT.max(body.len()));
    Some(decoded)
}

/// The identifier of a booking, as a program finds it that reads the server's body itself.
fn identifier(api: ApiVersion, text: &str) -> Option<String> {
    let body: Value = serde_json::from_str(text).ok()?;
    let id = match api {
        ApiVersion::V1 => body.get("_id")?,
        ApiVersion::V3 => body.get("data")?.get("id")?,
    };
    let id = match id {
        Value::String(id) => id.clone(),
        // serde_json writes other numbers in a form of its own.
        Value::Number(id) if id.is_i64() || id.is_u64() => id.to_string(),
        _ => return None,
    };
    Some(id).filter(|id| !id.is_empty())
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
    // Half of all runs are bookings and lists.
    let (command, rest) = match (choice & 0x84, rest.split_first()) {
        (0, _) | (_, None) => (Command::Schedule, rest),
        (4, _) => (Command::Availability, rest),
        (_, Some((which, rest))) => (Command::ALL[usize::from(*which) % Command::ALL.len()], rest),
    };
    let mut configurations = CONFIGURATIONS.get_or_init(configurations).iter();
    let config =
        configurations.find(|config| config.api_version == api && config.wire_format == format)?;
    Some((config, command, rest))
}

fn configurations() -> Vec<Config> {
    const V1_PATH: &str = "/genesys/1/service/callback/samples";
    const V3_PATH: &str = "/engagement/v3/callbacks";
    let choices = [
        ("v1", V1_PATH, "documented"),
        ("v1", V1_PATH, "widgets-9"),
        ("v3", V3_PATH, "documented"),
        ("v3", V3_PATH, "widgets-9"),
    ];
    let texts = choices.iter().map(|(api, path, format)| {
        json!({
            "dataURL": format!("{ROOT}{path}"), "apiVersion": api, "wireFormat": format, "serviceName": "queue",
            "apikey": "KEY", "proxy": "none", "userData": {"site": "s", "_option": 1}, "timezone": "Europe/Berlin",
        })
    });
    texts
        .filter_map(|text| Config::parse(&text.to_string()).ok())
        .collect()
}
