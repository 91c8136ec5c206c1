//! The deadline and the headers of one call.

mod support;

use std::time::{Duration, Instant};

use serde_json::{json, Value};
use support::calls::{service, MODES};
use support::server::{unresponsive_server, Server};

const BAD_OPTION: i32 = 108;
const NO_DATA: i32 = 107;
const TIMEOUT: i32 = 301;

fn booking(more: Value) -> Value {
    let mut options = json!({"phonenumber": "1"});
    let members = options.as_object_mut().unwrap();
    members.extend(more.as_object().unwrap().clone());
    options
}

#[test]
fn the_deadline_of_a_call_precedes_the_configured_one() {
    let (server, _arrived) = unresponsive_server();
    let service = service(&server.base, json!({"ajaxTimeout": 60_000}));
    for mode in MODES {
        for (command, options) in [
            ("schedule", booking(json!({"timeoutMs": 300}))),
            (
                "availability",
                json!({"numberOfDays": 1, "timeoutMs": "300"}),
            ),
        ] {
            let began = Instant::now();
            let answered = mode.run(service, command, &options);
            let took = began.elapsed();
            assert_eq!(
                answered.error(),
                "TIMEOUT",
                "{mode:?} {command} {answered:?}"
            );
            assert!(
                took > Duration::from_millis(250) && took < Duration::from_secs(2),
                "{took:?}"
            );
        }
    }
    assert_eq!(service.close(), 0);
}

#[test]
fn a_call_can_be_given_more_time_than_configured() {
    let server = Server::start(|_, stream| {
        std::thread::sleep(Duration::from_millis(600));
        support::server::reply(stream, 200, &[], r#"{"_id":"1"}"#);
        support::server::AfterResponse::KeepOpen
    });
    let service = service(&server.base, json!({"ajaxTimeout": 100}));
    let answered = service.schedule(booking(json!({"timeoutMs": 10_000})));
    assert_eq!(answered.outcome["state"], "resolved");
    assert_eq!(service.schedule(booking(json!({}))).status, TIMEOUT);
    assert_eq!(service.close(), 0);
}

#[test]
fn headers_of_a_call_precede_configured_ones_and_are_not_user_data() {
    let server = support::server::booking();
    let service = service(
        &server.base,
        json!({"apikey": "k", "headers": {"X-Site": "a", "X-Tenant": "b"}}),
    );
    let headers = json!({"traceparent": "00-1-2-01", "x-site": "call", "X-Tenant": null, "apikey": "z", "Accept": "z"});
    for mode in MODES {
        mode.run(
            service,
            "schedule",
            &booking(json!({"headers": headers, "timeoutMs": 5000})),
        );
        mode.run(service, "schedule", &booking(json!({})));
        let sent = server.take_received();
        let values = |name| sent.iter().map(move |request| request.header(name));
        assert!(values("traceparent").eq([Some("00-1-2-01"), None]));
        assert!(values("x-site").eq([Some("call"), Some("a")]));
        assert!(values("x-tenant").eq([None, Some("b")]));
        // Those of the API are the library's.
        assert!(values("apikey").eq([Some("k"), Some("k")]));
        assert!(values("accept").eq([Some("application/json"); 2]));
        assert!(sent
            .iter()
            .all(|request| request.body == "_customer_number=1"));
    }
    assert_eq!(service.close(), 0);
}

#[test]
fn wrong_options_of_a_call_send_nothing() {
    let server = support::server::booking();
    let service = service(&server.base, json!({}));
    for mode in MODES {
        for (more, field) in [
            (json!({"timeoutMs": -5}), "timeoutMs"),
            (json!({"timeoutMs": true}), "timeoutMs"),
            (json!({"timeout_ms": 5}), "timeout_ms"),
            (json!({"timeout": 5}), "timeout"),
            (json!({"header": {"a": "b"}}), "header"),
            (json!({"headers": ["a: b"]}), "headers"),
            (json!({"headers": {"Host ": "b"}}), "headers.Host "),
            (json!({"Headers": {"a": "b"}}), "Headers"),
        ] {
            let answered = mode.run(service, "schedule", &booking(more));
            assert_eq!(answered.outcome["error"]["status"], BAD_OPTION);
            assert_eq!(answered.outcome["error"]["field"], field);
            assert_eq!(answered.outcome["error"]["booked"], "no");
        }
        for command in ["schedule", "availability", "cancel"] {
            let answered = mode.run(service, command, &json!({"timeoutMs": 500}));
            assert_eq!(answered.outcome["error"]["status"], NO_DATA);
        }
    }
    assert!(server.received().is_empty());
    assert_eq!(service.close(), 0);
}

#[test]
fn names_of_headers_that_may_be_values_stay_out_of_messages() {
    let server = support::server::booking();
    let service = service(&server.base, json!({}));
    for name in ["+14151110000 SECRET", "a\nforged line", "Bearer 123456789"] {
        let answered = service.schedule(booking(json!({"headers": {name: "x"}})));
        assert_eq!(
            answered.outcome["error"]["field"],
            format!("headers.{name}")
        );
        assert_eq!(
            answered.message(),
            "a name that is not shown here: is not a header name"
        );
        let config = json!({"dataURL": server.base, "headers": {name: "x"}});
        let (_, message) = support::open(&config).err().unwrap();
        assert!(!message.contains(name), "{message}");
    }
    assert_eq!(service.close(), 0);
}

#[test]
fn more_headers_than_a_server_accepts_are_refused() {
    let server = support::server::booking();
    let service = service(&server.base, json!({}));
    let headers: serde_json::Map<String, Value> = (0..30_000)
        .map(|number| (format!("X-{number}"), "x".into()))
        .collect();
    for mode in MODES {
        let answered = mode.run(service, "schedule", &booking(json!({"headers": headers})));
        assert_eq!(answered.outcome["error"]["field"], "headers");
        assert_eq!(answered.outcome["error"]["booked"], "no");
    }
    let config = json!({"dataURL": server.base, "headers": headers});
    let (status, message) = support::open(&config).err().unwrap();
    assert_eq!(
        (status, message.as_str()),
        (105, "headers: holds more than 256 headers")
    );
    assert!(server.received().is_empty());
    assert_eq!(service.close(), 0);
}
