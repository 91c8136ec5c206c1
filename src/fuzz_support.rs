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
use crate::text::pointer;
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

/// Values of a JSON text are those that serde_json finds, and a change of one leaves all others as
/// they are. The data are a pointer, a value and the text, with a zero byte between them.
pub fn json_pointer(data: &[u8]) {
    let mut parts = data.splitn(3, |byte| *byte == 0);
    let (Some(pointer), Some(value), Some(text)) = (parts.next(), parts.next(), parts.next())
    else {
        return;
    };
    let (Ok(pointer), Ok(value)) = (std::str::from_utf8(pointer), std::str::from_utf8(value))
    else {
        return;
    };
    let (found, _) = (pointer::get(text, pointer), pointer::count(text, pointer));
    let Ok(text) = std::str::from_utf8(text) else {
        return;
    };
    // serde_json gives keys of its own a meaning of its own.
    if text.contains("serde_json") {
        return;
    }
    let parts: Vec<String> = pointer
        .split('/')
        .skip(1)
        .map(|part| part.replace("~1", "/").replace("~0", "~"))
        .collect();
    let is_malformed = pointer::get(b"{}", pointer).is_err();
    match json::parse(text, "json").map(Option::unwrap_or_default) {
        _ if is_malformed => {
            assert!(found.is_err() && pointer::set(text, pointer, Some(value)).is_err())
        }
        Ok(tree) => {
            check_read(
                &tree,
                &parts,
                found.map(|text| text.map(|text| text.into_owned())),
            );
            check_count(&tree, &parts, pointer::count(text.as_bytes(), pointer));
            check_change(
                tree.clone(),
                &parts,
                Some(value),
                pointer::set(text, pointer, Some(value)),
            );
            check_change(tree, &parts, None, pointer::set(text, pointer, None));
            if let (Ok(changed), false) = (
                pointer::set(text, pointer, Some(value)),
                parts.iter().any(|part| part == "-"),
            ) {
                let read = pointer::get(changed.as_bytes(), pointer);
                assert_eq!(read.ok().flatten().as_deref(), Some(value));
            }
        }
        Err(_) => assert!(pointer::set(text, pointer, Some(value)).is_err()),
    }
}

/// The value at the end of a path, as serde_json finds it, except that indices may have leading
/// zeros.
fn value_at<'a>(tree: &'a Value, parts: &[String]) -> Option<&'a Value> {
    let found = parts.iter().try_fold(tree, |value, part| match value {
        Value::Object(members) => members.get(part),
        Value::Array(elements) => elements.get(index(part)?),
        _ => None,
    });
    found.filter(|value| !value.is_null())
}

fn index(part: &str) -> Option<usize> {
    let digits = part.bytes().all(|byte| byte.is_ascii_digit());
    part.parse().ok().filter(|_| digits)
}

fn check_read(tree: &Value, parts: &[String], read: Result<Option<String>, crate::error::Error>) {
    match (value_at(tree, parts), read) {
        (None, Ok(None)) => {}
        (Some(Value::String(text)), Ok(Some(read))) => assert_eq!(*text, read),
        (Some(Value::String(text)), Err(_)) => assert!(text.contains('\0')),
        (Some(value), Ok(Some(read))) => {
            assert_eq!(
                serde_json::from_str::<Value>(&read).ok().as_ref(),
                Some(value)
            )
        }
        (value, read) => panic!("{value:?} was read as {read:?}"),
    }
}

fn check_count(tree: &Value, parts: &[String], count: Result<Option<usize>, crate::error::Error>) {
    match (value_at(tree, parts), count) {
        (None, Ok(None)) => {}
        (Some(Value::Array(elements)), Ok(count)) => assert_eq!(count, Some(elements.len())),
        (Some(Value::Object(members)), Ok(count)) => assert_eq!(count, Some(members.len())),
        (value, count) => assert!(
            count.is_err() && !value.is_some_and(|value| value.is_array() || value.is_object())
        ),
    }
}

/// The text must be that of the changed tree, in the same order and with the same digits.
fn check_change(
    mut tree: Value,
    parts: &[String],
    value: Option<&str>,
    text: Result<String, crate::error::Error>,
) {
    if tree.is_null() && value.is_none() {
        return;
    }
    let is_changed = match value {
        Some(value) => put(&mut tree, parts, value),
        None => !parts.is_empty() && remove(&mut tree, parts),
    };
    assert_eq!(is_changed, text.is_ok());
    if let Ok(text) = text {
        let changed = json::parse(&text, "json").ok().flatten();
        assert_eq!(changed.unwrap_or_default().to_string(), tree.to_string());
    }
}

fn put(tree: &mut Value, parts: &[String], value: &str) -> bool {
    let Some((part, rest)) = parts.split_first() else {
        *tree = Value::from(value);
        return true;
    };
    if tree.is_null() {
        *tree = if part == "-" { json!([]) } else { json!({}) };
    }
    match tree {
        Value::Object(members) => put(members.entry(part).or_insert(Value::Null), rest, value),
        Value::Array(elements) if part == "-" => {
            elements.push(Value::Null);
            elements
                .last_mut()
                .is_some_and(|last| put(last, rest, value))
        }
        Value::Array(elements) => index(part)
            .and_then(|index| elements.get_mut(index))
            .is_some_and(|element| put(element, rest, value)),
        _ => false,
    }
}

fn remove(tree: &mut Value, parts: &[String]) -> bool {
    let Some((part, rest)) = parts.split_first() else {
        return true;
    };
    match tree {
        Value::Null => true,
        Value::Object(members) if rest.is_empty() => {
            members.shift_remove(part);
            true
        }
        Value::Object(members) => members
            .get_mut(part)
            .is_none_or(|value| remove(value, rest)),
        Value::Array(elements) => match index(part) {
            // A number too large for an index is that of an element that is not there.
            None => !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()),
            Some(index) if index >= elements.len() => true,
            Some(index) if rest.is_empty() => {
                elements.remove(index);
                true
            }
            Some(index) => remove(&mut elements[index], rest),
        },
        _ => false,
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
