//! Every form of a response is read: how its body ends, odd header lines, encodings, and when to come back.

mod support;

use std::io::Write;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use flate2::Compression;
use serde_json::{json, Value};
use support::calls::{service, MODES};
use support::server::{reply, Server, Then};
use support::Answered;

const BOOKED: &str = r#"{"_id":"1"}"#;

/// What comes of a booking, blocking and started, when every response is these bytes.
fn bookings(response: &[u8], extra: Value) -> [Answered; 2] {
    let response = response.to_vec();
    let server = Server::start(move |_, stream| {
        let _ = stream.write_all(&response);
        Then::KeepOpen
    });
    MODES.map(|mode| {
        let service = service(&server.base, extra.clone());
        let answered = mode.schedule(service);
        assert_eq!(service.close(), 0);
        answered
    })
}

fn with_body(head: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!("HTTP/1.1 {head}\r\nContent-Length: {length}\r\n\r\n");
    [head.as_bytes(), body].concat()
}

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
        Then::Close
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

fn gzip(data: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

fn zlib(data: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

fn raw_deflate(data: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn encoded_response_is_decoded() {
    let text = BOOKED.as_bytes();
    for (header, body) in [
        ("Content-Encoding: gzip", gzip(text)),
        ("content-encoding: X-GZIP", gzip(text)),
        ("Content-Encoding: deflate", zlib(text)),
        ("Content-Encoding: deflate", raw_deflate(text)),
        ("Content-Encoding: identity", text.to_vec()),
        ("Content-Encoding: deflate, gzip", gzip(&zlib(text))),
        (
            "Content-Encoding: gzip\r\nContent-Encoding: gzip",
            gzip(&gzip(text)),
        ),
        ("Content-Encoding: gzip", text.to_vec()),
    ] {
        for answered in bookings(&with_body(&format!("200 OK\r\n{header}"), &body), json!({})) {
            assert_eq!(answered.outcome["id"], "1", "{header}: {}", answered.text);
            assert_eq!(answered.outcome["response"], json!({"_id": "1"}));
        }
    }
    let refusal =
        gzip(br#"{"code":7041,"exception":"x.CallbackExceptionAvailability","message":"full"}"#);
    for answered in bookings(
        &with_body("400 No\r\nContent-Encoding: gzip", &refusal),
        json!({}),
    ) {
        assert_eq!(answered.error(), "SLOT_UNAVAILABLE", "{}", answered.text);
    }
}

#[test]
fn body_that_cannot_be_decoded_is_named() {
    let cut = gzip(BOOKED.as_bytes());
    let cut = &cut[..cut.len() - 2];
    for (status, encoding, body, may_be_booked) in [
        ("200 OK", "br", b"\x0b\x05\x80{}\x03".as_slice(), true),
        ("200 OK", "zstd", b"\x28\xb5\x2f\xfd", true),
        ("200 OK", "gzip", cut, true),
        ("200 OK", "deflate", b"<p>hi</p>", true),
        ("500 Oops", "br", b"\x0b\x05", true),
        ("408 Slow", "br", b"\x0b\x05", true),
        ("400 No", "br", b"\x0b\x05", false),
        ("404 No", "gzip", cut, false),
    ] {
        let response = with_body(&format!("{status}\r\nContent-Encoding: {encoding}"), body);
        for answered in bookings(&response, json!({})) {
            let message = answered.message();
            assert_eq!(answered.error(), "PROTOCOL", "{}", answered.text);
            assert!(
                message.contains(encoding) && message.contains(&status[..3]),
                "{message}"
            );
            assert_eq!(
                message.ends_with("may have been made"),
                may_be_booked,
                "{status}: {message}"
            );
            assert_eq!(answered.outcome["error"]["retryable"], false);
            assert_eq!(answered.outcome["error"]["attempts"], 1);
        }
    }
}

#[test]
fn compressed_bomb_is_too_large() {
    let bomb = gzip(&vec![b' '; 50 << 20]);
    for answered in bookings(
        &with_body("200 OK\r\nContent-Encoding: gzip", &bomb),
        json!({"maxResponseBytes": 1 << 20}),
    ) {
        assert_eq!(answered.error(), "TOO_LARGE", "{}", answered.text);
        assert!(answered.message().contains("maxResponseBytes"));
        assert!(answered.message().ends_with("may have been made"));
    }
}

/// Answers 429 once, with this `Retry-After`, and then with slots.
fn busy_once(retry_after: &'static str) -> Server {
    let count = AtomicUsize::new(0);
    Server::start(move |_, stream| {
        match count.fetch_add(1, Ordering::SeqCst) % 2 {
            0 => reply(stream, 429, &[("Retry-After", retry_after)], "{}"),
            _ => reply(stream, 200, &[], r#"{"2030-12-01T10:00:00.000Z":5}"#),
        }
        Then::KeepOpen
    })
}

#[test]
fn retry_after_with_a_fraction_is_waited_for() {
    for (retry_after, milliseconds) in [("0.35", 350), (" +0.3500 ", 350), ("3.5e-1", 350)] {
        let server = busy_once(retry_after);
        for mode in MODES {
            let service = service(&server.base, json!({"retry": {"baseDelayMs": 1}}));
            let started = Instant::now();
            let answered = mode.availability(service);
            assert_eq!(answered.status, 0, "{retry_after}: {}", answered.text);
            let elapsed = started.elapsed();
            let expected =
                Duration::from_millis(milliseconds)..Duration::from_millis(milliseconds + 1000);
            assert!(expected.contains(&elapsed), "{retry_after}: {elapsed:?}");
            assert_eq!(service.close(), 0);
        }
    }
}

#[test]
fn retry_after_of_a_booking_is_reported_in_milliseconds() {
    for (retry_after, milliseconds) in [
        ("299.997", 299_997),
        ("0.0001", 1),
        ("60", 60_000),
        ("-5", 0),
        ("1e2", 100_000),
    ] {
        let server = busy_once(retry_after);
        let answered = service(&server.base, json!({})).schedule(json!({"phonenumber": "1"}));
        assert_eq!(
            answered.outcome["error"]["retryAfterMs"], milliseconds,
            "{retry_after}"
        );
    }
}

#[test]
fn retry_after_zero_does_not_disable_the_backoff() {
    for status in [429, 503] {
        let server = Server::start(move |_, stream| {
            reply(stream, status, &[("Retry-After", "0")], "{}");
            Then::KeepOpen
        });
        let retry = json!({"retry": {"attempts": 100, "baseDelayMs": 100, "maxDelayMs": 100}, "ajaxTimeout": 1000});
        for mode in MODES {
            mode.availability(service(&server.base, retry.clone()));
        }
        // Each pause is 50 to 100 ms, so there are 11 to 21 requests in one second.
        let requests = server.received().len();
        assert!(
            (2..=44).contains(&requests),
            "{status}: {requests} requests"
        );
    }
}
