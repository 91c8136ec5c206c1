//! The operations on callbacks that exist, and on queues, through the C functions: what is sent,
//! how often, and what the caller learns.

mod support;

use std::io::Write;
use std::net::TcpListener;

use serde_json::{json, Value};
use support::calls::MODES;
use support::server::{AfterResponse, Server};
use support::{open, Service};

/// Commands with valid options, by API.
fn commands(api: &str) -> Vec<(&'static str, Value)> {
    let id = || json!({"id": "5"});
    match api {
        "v1" => vec![
            ("cancel", id()),
            (
                "reschedule",
                json!({"id": "5", "desiredtime": "2030-12-01T10:00:00Z"}),
            ),
            ("retrieve", id()),
            ("query", id()),
            ("queuePosition", id()),
        ],
        _ => vec![
            ("cancel", id()),
            ("retrieve", id()),
            ("queuePosition", id()),
            ("estimatedWaitTime", json!({"virtualQueues": "q"})),
            ("queueStatus", json!({"queueName": "q"})),
            ("openFor", json!({"serviceName": "q"})),
            ("callIn", json!({"groupName": "g"})),
        ],
    }
}

/// What a rejected command that changes something says: the member, and the end of the message.
fn effect(command: &str) -> Option<(&'static str, &'static str)> {
    match command {
        "cancel" => Some(("cancelled", "the callback may have been cancelled")),
        "reschedule" => Some(("moved", "the callback may have been moved")),
        "callIn" => Some(("created", "the call-in request may have been created")),
        _ => None,
    }
}

fn service(base: &str, api: &str, extra: Value) -> Service {
    let path = match api {
        "v1" => "/genesys/1/service/callback/samples",
        _ => "/engagement/v3/callbacks",
    };
    let mut config = json!({"dataURL": format!("{base}{path}"), "apiVersion": api, "ajaxTimeout": 2000, "proxy": "none",
        "retry": {"baseDelayMs": 1, "maxDelayMs": 2}});
    config
        .as_object_mut()
        .unwrap()
        .extend(extra.as_object().unwrap().clone());
    open(&config).unwrap()
}

/// A server that gives every request the same bytes as response.
fn answering(response: &'static [u8]) -> Server {
    Server::start(move |_, stream| {
        let _ = stream.write_all(response);
        AfterResponse::Close
    })
}

#[test]
fn lost_response_repeats_what_reads_and_nothing_else() {
    for api in ["v1", "v3"] {
        for (command, options) in commands(api) {
            let server = answering(b"");
            let service = service(&server.base, api, json!({}));
            for mode in MODES {
                let answered = mode.run(service, command, &options);
                let sent = server.take_received();
                assert_eq!(
                    answered.error(),
                    "PROTOCOL",
                    "{api} {command}: {}",
                    answered.text
                );
                match effect(command) {
                    Some((member, message)) => {
                        assert_eq!(sent.len(), 1, "{api} {command}: {sent:?}");
                        assert_eq!(answered.outcome["error"][member], "unknown");
                        assert!(
                            answered.message().ends_with(message),
                            "{}",
                            answered.message()
                        );
                        assert_eq!(answered.outcome["error"]["retryable"], false);
                    }
                    None => {
                        assert!(sent.len() > 1, "{api} {command}: {sent:?}");
                        assert_eq!(answered.outcome["error"]["retryable"], true);
                        assert!(!answered.message().contains("may have"));
                    }
                }
            }
            assert_eq!(service.close(), 0);
        }
    }
}

#[test]
fn busy_server_is_asked_again_by_what_reads_and_nothing_else() {
    const BUSY: &[u8] = b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n";
    for api in ["v1", "v3"] {
        for (command, options) in commands(api) {
            let server = answering(BUSY);
            let service = service(&server.base, api, json!({}));
            for mode in MODES {
                let answered = mode.run(service, command, &options);
                let sent = server.take_received().len();
                assert_eq!(answered.error(), "SERVER_ERROR");
                assert_eq!(sent > 1, effect(command).is_none(), "{api} {command}");
            }
            assert_eq!(service.close(), 0);
        }
    }
}

#[test]
fn connection_that_cannot_be_made_is_retried_and_changes_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    for api in ["v1", "v3"] {
        for (command, options) in commands(api) {
            let service = service(&base, api, json!({}));
            for mode in MODES {
                let answered = mode.run(service, command, &options);
                assert_eq!(answered.error(), "CONNECT", "{api} {command}");
                assert!(answered.outcome["error"]["attempts"].as_u64() > Some(1));
                if let Some((member, _)) = effect(command) {
                    assert_eq!(answered.outcome["error"][member], "no", "{api} {command}");
                }
                assert_eq!(answered.outcome["error"]["retryable"], true);
            }
            assert_eq!(service.close(), 0);
        }
    }
}

#[test]
fn request_without_a_body_that_meets_a_closed_connection_is_sent_on_another() {
    let server = answering(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}");
    let service = service(&server.base, "v1", json!({}));
    for count in 0..20 {
        server.wait_for_closes(count);
        let answered = service.command("CallbackService.cancel", r#"{"id":"5"}"#);
        assert_eq!(answered.status, 0, "{}", answered.text);
    }
    assert_eq!(server.take_received().len(), 20);
    assert_eq!(service.close(), 0);
}

#[test]
fn redirects_that_would_change_the_request_are_refused() {
    for (status, is_followed) in [
        (301, false),
        (302, false),
        (303, false),
        (307, true),
        (308, true),
    ] {
        let server = Server::start(move |request, stream| {
            let is_first = request.target.contains("callback");
            let response = match is_first {
                true => format!(
                    "HTTP/1.1 {status} Moved\r\nLocation: /other\r\nContent-Length: 0\r\n\r\n"
                ),
                false => "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}".to_owned(),
            };
            let method = request.method.as_str();
            assert!(
                is_first || method == "DELETE" || method == "POST",
                "{request:?}"
            );
            let _ = stream.write_all(response.as_bytes());
            AfterResponse::KeepOpen
        });
        for api in ["v1", "v3"] {
            let service = service(&server.base, api, json!({}));
            for mode in MODES {
                let answered = mode.run(service, "cancel", &json!({"id": "5"}));
                assert_eq!(
                    answered.status == 0,
                    is_followed,
                    "{status}: {}",
                    answered.text
                );
            }
            assert_eq!(service.close(), 0);
        }
    }
}

#[test]
fn deadline_holds_for_every_command() {
    for api in ["v1", "v3"] {
        for (command, options) in commands(api) {
            let server = Server::start(|_, stream| {
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n");
                AfterResponse::KeepOpen
            });
            let service = service(&server.base, api, json!({"ajaxTimeout": 200}));
            let began = std::time::Instant::now();
            for mode in MODES {
                let answered = mode.run(service, command, &options);
                assert_eq!(
                    answered.error(),
                    "TIMEOUT",
                    "{api} {command}: {}",
                    answered.text
                );
                if let Some((member, _)) = effect(command) {
                    assert_eq!(answered.outcome["error"][member], "unknown");
                }
            }
            assert!(began.elapsed().as_millis() < 1500);
            assert_eq!(service.close(), 0);
        }
    }
}

#[test]
fn nothing_is_sent_without_valid_options_or_api() {
    let server = answering(b"");
    for (api, other) in [("v1", "v3"), ("v3", "v1")] {
        let service = service(&server.base, api, json!({"serviceName": "q"}));
        for (command, _) in commands(api) {
            for mode in MODES {
                let answered = mode.run(service, command, &json!({}));
                assert_eq!(answered.error(), "NO_DATA", "{api} {command}");
            }
            for mode in MODES {
                let answered = mode.run(service, command, &json!({"nonsense": 1}));
                assert_eq!(answered.error(), "BAD_OPTION", "{api} {command}");
                assert_eq!(answered.outcome["error"]["field"], "nonsense");
            }
        }
        let offered = commands(api);
        let is_offered = |name: &str| offered.iter().any(|(command, _)| *command == name);
        let mut unsupported = commands(other);
        unsupported.retain(|(command, _)| !is_offered(command));
        for (command, options) in unsupported {
            for mode in MODES {
                let answered = mode.run(service, command, &options);
                assert_eq!(answered.status, 109, "{api} {command}");
                assert!(answered.message().contains(other), "{}", answered.message());
                if let Some((member, _)) = effect(command) {
                    assert_eq!(answered.outcome["error"][member], "no");
                }
            }
        }
        assert_eq!(service.close(), 0);
    }
    assert!(server.take_received().is_empty());
}

#[test]
fn blanks_at_the_end_of_a_name_do_not_count() {
    let server = answering(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]");
    let service = service(&server.base, "v1", json!({}));
    let answered = service.command("CallbackService.query   ", r#"{"id":"5"}"#);
    assert_eq!(answered.status, 0, "{}", answered.text);
    assert_eq!(answered.outcome["command"], "CallbackService.query");
    let answered = service.command("CallbackService. query", r#"{"id":"5"}"#);
    assert_eq!(answered.error(), "UNKNOWN_COMMAND");
    assert_eq!(service.close(), 0);
}
