//! The cases recorded from the browser widget, reproduced byte for byte.

mod support;

use serde_json::Value;
use support::server::{reply, AfterResponse, Server};

const CASES: &str = include_str!("vectors/widgets-9.json");

/// The widget gives the number of places only, in an object; the library the same list for both APIs.
fn slots_of(event: &Value, v3: bool) -> Value {
    let widget = if v3 { &event["slots"] } else { event };
    let slots = widget.as_object().unwrap().iter();
    slots
        .map(|(time, capacity)| serde_json::json!([time, capacity]))
        .collect()
}

fn check(case: &Value) {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (status, kind, body) = {
        let response = &case["response"];
        (
            response["status"].as_u64().unwrap() as u16,
            response["contentType"].clone(),
            text(&response["body"]),
        )
    };
    let server = Server::start(move |_, stream| {
        let kind = kind.as_str().map(|kind| ("Content-Type", kind));
        reply(stream, status, kind.as_slice(), &body);
        AfterResponse::KeepOpen
    });
    let config = case["config"].to_string().replace("{base}", &server.base);
    let mut config: Value = serde_json::from_str(&config).unwrap();
    config["wireFormat"] = "widgets-9".into();
    let service = support::open(&config).unwrap();
    let heard = service.record("*");
    let answered = service.command(case["command"].as_str().unwrap(), &case["data"].to_string());

    let requests = server.received();
    assert_eq!(requests.len(), 1);
    let (sent, expected) = (&requests[0], &case["request"]);
    assert_eq!(sent.method, text(&expected["method"]));
    assert_eq!(sent.target, text(&expected["target"]));
    assert_eq!(sent.body, text(&expected["body"]));
    for name in ["accept", "content-type", "x-api-key", "apikey"] {
        assert_eq!(
            sent.header(name),
            expected["headers"][name].as_str(),
            "{name}"
        );
    }

    let (outcome, event) = (&answered.outcome, &case["events"][0]);
    assert_eq!(outcome["state"], case["outcome"]["state"]);
    assert_eq!(
        heard.names(),
        ["CallbackService.ready", event["event"].as_str().unwrap()]
    );
    assert_eq!(heard.last().1, answered.text);
    let value = &case["outcome"]["value"];
    match value.get("responseText") {
        Some(body) => assert_eq!(
            outcome["response"],
            *value.get("responseJSON").unwrap_or(body)
        ),
        None if status == 204 => assert_eq!(outcome["response"], Value::Null),
        None => assert_eq!(outcome["response"], *value),
    }
    if event["event"] == "CallbackService.availableSlots" {
        let slots = outcome["slots"].as_array().unwrap().iter();
        let slots: Value = slots
            .map(|slot| serde_json::json!([slot["utcTime"], slot["capacity"]]))
            .collect();
        assert_eq!(
            slots,
            slots_of(&event["data"], case["config"]["apiVersion"].is_string())
        );
    }
    assert_eq!(service.close(), 0);
}

#[test]
fn every_recorded_case_is_reproduced() {
    let cases: Vec<Value> = serde_json::from_str(CASES).unwrap();
    assert_eq!(cases.len(), 44);
    let failed = cases.iter().filter(|case| {
        let result = std::panic::catch_unwind(|| check(case));
        result
            .inspect_err(|_| eprintln!("in the case {}", case["name"]))
            .is_err()
    });
    assert_eq!(failed.count(), 0);
}
