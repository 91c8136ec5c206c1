//! Requests through a proxy: forwarded for http, tunnelled for https.

mod support;

use std::io::Write;
use std::time::{Duration, Instant};

use serde_json::{json, Value};
use support::calls::{service, MODES};
use support::server::{reply, AfterResponse, Server};
use support::{open, Answered};

/// A proxy whose every response is this text.
fn proxy(response: &str) -> Server {
    let response = response.to_owned();
    Server::start(move |_, stream| {
        let _ = stream.write_all(response.as_bytes());
        AfterResponse::Close
    })
}

/// Bookings with an https server through a proxy, blocking and started.
fn tunnelled(proxy: &Server, extra: Value) -> [Answered; 2] {
    MODES.map(|mode| {
        let mut config =
            json!({"proxy": {"url": proxy.base}, "retry": {"attempts": 3, "baseDelayMs": 1}});
        for (key, value) in extra.as_object().unwrap() {
            config[key] = value.clone();
        }
        mode.schedule(service("https://callback.example", config))
    })
}

#[test]
fn refusal_of_a_tunnel_names_its_status() {
    for (status, attempts) in [
        (400, 1),
        (403, 1),
        (404, 1),
        (407, 1),
        (429, 3),
        (500, 1),
        (502, 3),
        (503, 3),
        (504, 3),
        (301, 1),
    ] {
        let proxy = proxy(&format!(
            "HTTP/1.1 {status} No\r\nContent-Length: 4\r\n\r\n<p/>"
        ));
        for answered in tunnelled(&proxy, json!({})) {
            let message = answered.message();
            assert_eq!(answered.error(), "PROXY", "{}", answered.text);
            assert!(
                message.contains(&format!("HTTP {status}")) && message.contains(&proxy.base),
                "{message}"
            );
            assert!(!message.contains("may have been made"), "{message}");
            assert_eq!(answered.outcome["error"]["attempts"], attempts, "{status}");
            assert_eq!(
                answered.outcome["error"]["retryable"],
                attempts > 1,
                "{status}"
            );
        }
        let targets: Vec<_> = proxy
            .received()
            .into_iter()
            .map(|request| (request.method, request.target))
            .collect();
        assert_eq!(targets.len(), 2 * attempts);
        assert_eq!(
            targets[0],
            ("CONNECT".to_owned(), "callback.example:443".to_owned())
        );
    }
}

#[test]
fn every_2xx_opens_the_tunnel() {
    for response in [
        "HTTP/1.1 200 Connection established\r\n\r\n",
        "HTTP/1.0 200 OK\r\nProxy-Agent: x\r\n\r\n",
        "HTTP/1.1 201 Created\r\n\r\n",
        "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 299 Sure\r\n\r\n",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
    ] {
        // What then fails is TLS, inside the tunnel.
        for answered in tunnelled(&proxy(response), json!({"retry": {"attempts": 1}})) {
            assert!(
                ["TLS", "CONNECT"].contains(&answered.error()),
                "{response}: {}",
                answered.text
            );
        }
    }
}

#[test]
fn proxy_that_does_not_speak_http_is_named() {
    let endless = format!("HTTP/1.1 200 OK\r\nX: {}", "x".repeat(1 << 20));
    for (response, attempts) in [
        ("", 3),
        ("HTTP/1.1 20", 3),
        ("SSH-2.0-OpenSSH\r\n\r\n", 1),
        ("HTTP/1.1 200 OK\r\n\r\nmore", 1),
        (&endless, 1),
    ] {
        for answered in tunnelled(&proxy(response), json!({})) {
            assert_eq!(answered.error(), "PROXY", "{}", answered.text);
            assert_eq!(
                answered.outcome["error"]["attempts"], attempts,
                "{}",
                answered.text
            );
        }
    }
}

#[test]
fn response_to_connect_is_bounded_in_time() {
    let slow = Server::start(|_, stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n");
        while stream.write_all(b"X: y\r\n").is_ok() {
            std::thread::sleep(Duration::from_millis(20));
        }
        AfterResponse::Close
    });
    for (limit, expected) in [
        (
            json!({"connectTimeout": 300, "retry": {"attempts": 1}}),
            "PROXY",
        ),
        (json!({"ajaxTimeout": 300}), "TIMEOUT"),
    ] {
        let started = Instant::now();
        for answered in tunnelled(&slow, limit.clone()) {
            assert_eq!(answered.error(), expected, "{}", answered.text);
        }
        let elapsed = started.elapsed();
        assert!(
            (Duration::from_millis(600)..Duration::from_secs(2)).contains(&elapsed),
            "{elapsed:?}"
        );
    }
}

#[test]
fn request_over_http_is_forwarded() {
    let proxy = Server::json(200, r#"{"_id":"1"}"#);
    for mode in MODES {
        let service = service(
            "http://callback.example:8080",
            json!({"proxy": {"url": proxy.base, "username": "user", "password": "p#/@:ss%41"}}),
        );
        for _ in 0..2 {
            assert_eq!(mode.schedule(service).status, 0);
        }
        assert_eq!(service.close(), 0);
    }
    // Each way of calling used its connection twice.
    assert_eq!((proxy.connections(), proxy.received().len()), (2, 4));
    for request in proxy.received() {
        assert_eq!(request.method, "POST");
        assert_eq!(request.target, "http://callback.example:8080/x");
        assert_eq!(request.header("host"), Some("callback.example:8080"));
        // "user:p#/@:ss%41"
        assert_eq!(
            request.header("proxy-authorization"),
            Some("Basic dXNlcjpwIy9AOnNzJTQx")
        );
        assert_eq!(request.header("authorization"), None);
    }
}

#[test]
fn credentials_go_to_the_proxy_of_a_tunnel() {
    for (credentials, header) in [
        (
            json!({"username": "user", "password": "p#/@:?ss"}),
            Some("Basic dXNlcjpwIy9AOj9zcw=="),
        ),
        (json!({"username": "user"}), Some("Basic dXNlcjo=")),
        (json!({}), None),
        (json!({"username": "", "password": ""}), None),
        (json!({"username": null, "password": null}), None),
    ] {
        let proxy = proxy("HTTP/1.1 407 Who\r\nContent-Length: 0\r\n\r\n");
        let mut settings = json!({"url": proxy.base});
        settings
            .as_object_mut()
            .unwrap()
            .extend(credentials.as_object().unwrap().clone());
        for answered in tunnelled(&proxy, json!({"proxy": settings})) {
            let expected = if header.is_some() {
                "does not accept proxy.username and proxy.password"
            } else {
                "set proxy.username and proxy.password"
            };
            assert!(
                answered.message().contains(expected),
                "{}",
                answered.message()
            );
        }
        assert_eq!(proxy.received()[0].header("proxy-authorization"), header);
    }
}

#[test]
fn credentials_are_given_once_and_completely() {
    for (settings, field) in [
        (
            json!({"url": "http://u:p@127.0.0.1:1", "username": "u"}),
            "proxy.url",
        ),
        (
            json!({"url": "http://u@127.0.0.1:1", "password": "p"}),
            "proxy.url",
        ),
        (
            json!({"url": "http://127.0.0.1:1", "password": "SECRET"}),
            "proxy.username",
        ),
        (
            json!({"url": "http://127.0.0.1:1", "username": "SE:CRET"}),
            "proxy.username",
        ),
        (json!({"url": "http://127.0.0.1:1", "user": "u"}), "proxy"),
        (
            json!({"url": "http://127.0.0.1:1", "usernme": "u"}),
            "proxy.usernme",
        ),
    ] {
        let config = json!({"dataURL": "http://127.0.0.1:1/", "proxy": settings});
        match open(&config) {
            Err((status, message)) => {
                assert_eq!(status, 105, "{message}");
                assert!(message.starts_with(field), "{message}");
                assert!(
                    !message.contains("SECRET") && !message.contains("SE:CRET"),
                    "{message}"
                );
            }
            // A key that is not nearly a known one is logged and ignored.
            Ok(service) => {
                assert_eq!(field, "proxy");
                assert_eq!(service.close(), 0);
            }
        }
    }
}

#[test]
fn forwarded_response_can_be_the_proxys_own() {
    let proxy = Server::start(|_, stream| {
        reply(stream, 407, &[("Proxy-Authenticate", "Basic")], "");
        AfterResponse::KeepOpen
    });
    for mode in MODES {
        let service = service(
            "http://callback.example",
            json!({"proxy": {"url": proxy.base}}),
        );
        assert_eq!(mode.schedule(service).error(), "PROXY");
    }
}
