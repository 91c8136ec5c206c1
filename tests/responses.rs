//! Every form of a response is read: how its body ends, and odd header lines.

mod support;

use std::io::Write;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{json, Value};
use support::calls::{bookings, both, service, MODES};
use support::server::{AfterResponse, Server};

const BOOKED: &str = r#"{"_id":"1"}"#;

#[test]
fn length_that_does_not_frame_the_body_is_ignored() {
    let chunks = "b\r\n{\"_id\":\"1\"}\r\n0\r\n\r\n";
    for (response, id) in [
        (format!("HTTP/1.1 200 OK\r\nContent-Length: 999\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}"), Some("1")),
        (format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 99999999\r\n\r\n{chunks}"), Some("1")),
        (format!("HTTP/1.1 201 OK\r\ntransfer-encoding: Chunked\r\nContent-Length: 1\r\n\r\n{chunks}"), Some("1")),
        ("HTTP/1.1 204 No\r\nContent-Length: 5\r\n\r\n".to_owned(), None),
        ("HTTP/1.1 204 No\r\nContent-Length: 99999999\r\n\r\n".to_owned(), None),
        ("HTTP/1.1 204 No\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\n".to_owned(), None),
        (format!("HTTP/1.1 103 Hints\r\nContent-Length: 7\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n{BOOKED}"), Some("1")),
    ] {
        for answered in bookings(response.as_bytes(), json!({"maxResponseBytes": 10_000})) {
            assert_eq!(answered.status, 0, "{response}: {}", answered.text);
            assert_eq!(answered.outcome["id"].as_str(), id, "{response}");
        }
    }
    for answered in bookings(b"HTTP/1.1 304 Not\r\nContent-Length: 5\r\n\r\n", json!({})) {
        assert_eq!(answered.outcome["httpStatus"], 304, "{}", answered.text);
        assert_eq!(answered.outcome["error"]["attempts"], 1);
    }
}

#[test]
fn body_shorter_than_its_length_is_no_confirmation() {
    let server = Server::start(|_, stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n{\"_id\":\"1\"}");
        AfterResponse::Close
    });
    for mode in MODES {
        let answered = mode.schedule(service(&server.base, json!({})));
        assert_eq!(answered.error(), "PROTOCOL");
        assert!(
            answered
                .message()
                .contains("before the response was complete"),
            "{}",
            answered.message()
        );
        assert!(answered.message().ends_with("may have been made"));
    }
}

#[test]
fn refusal_with_a_damaged_body_is_still_a_refusal() {
    let long = format!(
        "HTTP/1.1 404 No\r\nContent-Length: 200\r\n\r\n{}",
        "x".repeat(200)
    );
    for (response, error, may_be_booked) in [
        (
            "HTTP/1.1 400 No\r\nContent-Length: 12\r\n\r\n{}",
            "PROTOCOL",
            false,
        ),
        (
            "HTTP/1.1 422 No\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
            "PROTOCOL",
            false,
        ),
        (&long, "TOO_LARGE", false),
        (
            "HTTP/1.1 408 No\r\nContent-Length: 12\r\n\r\n{}",
            "PROTOCOL",
            true,
        ),
        (
            "HTTP/1.1 500 No\r\nContent-Length: 12\r\n\r\n{}",
            "PROTOCOL",
            true,
        ),
        (
            "HTTP/1.1 201 No\r\nContent-Length: 12\r\n\r\n{}",
            "PROTOCOL",
            true,
        ),
    ] {
        let text = response.to_owned();
        let server = Server::start(move |_, stream| {
            let _ = stream.write_all(text.as_bytes());
            AfterResponse::Close
        });
        for mode in MODES {
            let answered = mode.schedule(service(&server.base, json!({"maxResponseBytes": 100})));
            let message = answered.message();
            assert_eq!(answered.error(), error, "{}", answered.text);
            assert_eq!(
                message.ends_with("may have been made"),
                may_be_booked,
                "{response}: {message}"
            );
            assert_eq!(answered.outcome["error"]["attempts"], 1);
        }
        assert_eq!(server.received().len(), 2, "{response}");
    }
}

#[test]
fn identifier_in_a_refusal_leaves_the_booking_unknown() {
    for mode in MODES {
        let server = Server::json(409, r#"{"_id":"1"}"#);
        let answered = mode.schedule(service(&server.base, json!({})));
        assert_eq!(answered.outcome["id"], "1", "{}", answered.text);
        assert!(answered.message().ends_with("may have been made"));
    }
}

#[test]
fn odd_header_line_does_not_cost_the_response() {
    for odd in [
        " X-Indented: 1\r\n",
        "\tX-Indented: 1\r\n",
        "X-Folded: 1\r\n 2\r\n",
        "X-Folded: 1\r\n\t2\r\n 3\r\n",
        "X-Space : 1\r\n",
        "X-Tab\t: 1\r\n",
        "no colon at all\r\n",
        ": no name\r\n",
        "X Y: space in the name\r\n",
        "X(Y): parentheses\r\n",
        "X-Control: a\u{1}b\r\n",
        "X-Latin: \u{e4}\r\n",
        "X-Empty:\r\n",
        "X-Bare: line feed\n",
        "Set-Cookie: a=b\r\nSet-Cookie: c=d\r\n",
    ] {
        for (before, after) in [(odd, ""), ("", odd)] {
            let response =
                format!("HTTP/1.1 200 OK\r\n{before}Content-Length: 11\r\n{after}\r\n{BOOKED}");
            for answered in bookings(response.as_bytes(), json!({})) {
                assert_eq!(
                    answered.outcome["id"], "1",
                    "{response:?}: {}",
                    answered.text
                );
            }
        }
    }
}

#[test]
fn oversized_response_is_rejected() {
    let limit = json!({"maxResponseBytes": 100, "retry": {"attempts": 1}});
    let announced = b"HTTP/1.1 200 OK\r\nContent-Length: 101\r\n\r\n";
    assert_eq!(statuses(announced, limit.clone()), [406, 406]);
    let server = Server::start(|_, stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        while stream.write_all(b"10\r\n0123456789abcdef\r\n").is_ok() {}
        AfterResponse::Close
    });
    for answered in both(&server.base, limit) {
        assert_eq!((answered.status, answered.error()), (406, "TOO_LARGE"));
        assert!(answered.message().contains("maxResponseBytes"));
    }
}

#[test]
fn every_form_of_a_response_leaves_the_connection_usable() {
    const ANSWERS: [(&[u8], bool); 8] = [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n{\"_id\":\"1\"}", true),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n{\"_i\r\n7;x=y\r\nd\":\"2\"}\r\n0\r\nTrailer: x\r\n\r\n", true),
        (b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n{\"_id\":\"3\"}", true),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 11\r\nConnection: close\r\n\r\n{\"_id\":\"4\"}", false),
        (b"HTTP/1.1 200 OK\r\n\r\n{\"_id\":\"5\"}", false),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 11\r\n\r\n{\"_id\":\"6\"}", false),
        (b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 11\r\n\r\n{\"_id\":\"7\"}", true),
        (b"HTTP/1.1 204 No Content\r\n\r\n", true),
    ];
    let count = AtomicUsize::new(0);
    let server = Server::start(move |_, stream| {
        let (answer, stays) = ANSWERS[count.fetch_add(1, Ordering::SeqCst) % ANSWERS.len()];
        stream.write_all(answer).unwrap();
        if stays {
            AfterResponse::KeepOpen
        } else {
            AfterResponse::Close
        }
    });
    let service = service(&server.base, json!({}));
    for round in 0..3 {
        for number in 0..ANSWERS.len() {
            let answered = service.schedule(json!({"phonenumber": "1"}));
            let id = (number < 7).then(|| (number + 1).to_string());
            assert_eq!(answered.status, 0, "{}", answered.text);
            assert_eq!(
                answered.outcome["id"].as_str(),
                id.as_deref(),
                "{round} {number}: {}",
                answered.text
            );
            let closed = ANSWERS[..=number]
                .iter()
                .filter(|(_, stays)| !stays)
                .count();
            server.wait_for_closes(round * 3 + closed);
        }
    }
    // Three answers of each round end their connection, and the last of all leaves one open.
    assert_eq!(server.connections(), 10);
    assert_eq!(service.close(), 0);
}

#[test]
fn absurd_header_values_are_tolerated() {
    let huge = json!({"maxResponseBytes": i32::MAX, "retry": {"attempts": 2}});
    assert_eq!(
        statuses(
            b"HTTP/1.1 200 OK\r\nContent-Length: 2000000000\r\n\r\n{}",
            huge
        ),
        [405, 405]
    );
    let forever =
        b"HTTP/1.1 503 No\r\nRetry-After: 18446744073709551615\r\nContent-Length: 2\r\n\r\n{}";
    assert_eq!(statuses(forever, json!({})), [505, 505]);
}

#[test]
fn overlong_message_is_replaced() {
    let body = format!(r#"{{"message":"{}"}}"#, "(".repeat(4_000_000));
    let server = Server::json(400, &body);
    let service = service(&server.base, json!({}));
    let data: Value = (0..2_000)
        .map(|number| (format!("k{number}"), json!(format!("value {number}"))))
        .collect::<serde_json::Map<_, _>>()
        .into();
    let answered = service.schedule(data);
    assert_eq!(
        (answered.status, answered.message()),
        (501, "the server refused the request (HTTP 400)")
    );
    assert_eq!(service.close(), 0);
}

#[test]
fn response_is_left_out_of_the_outcome_on_request() {
    let server = Server::json(200, BOOKED);
    for mode in MODES {
        let service = service(&server.base, json!({"response": "false"}));
        let short = json!({
            "command": "CallbackService.schedule", "state": "resolved", "httpStatus": 200, "id": "1",
        });
        assert_eq!(mode.schedule(service).outcome, short);
        let changed = service.command("CallbackService.configure", r#"{"response":true}"#);
        assert_eq!(changed.status, 0);
        assert_eq!(
            mode.schedule(service).outcome["response"],
            json!({"_id": "1"})
        );
        assert_eq!(service.close(), 0);
    }
}

#[test]
fn broken_response_is_a_protocol_error() {
    const PROTOCOL: [i32; 2] = [405, 405];
    for answer in [
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{}" as &[u8],
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nContent-",
        b"SSH-2.0-OpenSSH\r\n",
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n<p>hi</p>",
        b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n",
    ] {
        let found = statuses(answer, json!({"retry": {"attempts": 1}}));
        assert_eq!(found, PROTOCOL, "{}", String::from_utf8_lossy(answer));
    }
}

/// Two statuses, schedule first, from a server whose every answer is these bytes.
fn statuses(answer: &'static [u8], extra: Value) -> [i32; 2] {
    let server = Server::start(move |_, stream| {
        let _ = stream.write_all(answer);
        AfterResponse::Close
    });
    both(&server.base, extra).map(|answered| answered.status)
}
