//! Which requests are repeated, when, and what is said of a booking that may have been made.

mod support;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::{json, Value};
use support::calls::{both, service, MODES};
use support::server::{reply, AfterResponse, Server};

/// A reserved port on which no server listens.
const UNUSED: &str = "127.0.0.1:1";

#[test]
fn refused_connection_is_retried() {
    let base = format!("http://{UNUSED}");
    for answered in both(&base, json!({"retry": {"attempts": 3, "baseDelayMs": 1}})) {
        assert_eq!((answered.status, answered.error()), (402, "CONNECT"));
        assert!(answered.message().contains(&base), "{}", answered.message());
        assert_eq!(answered.outcome["error"]["attempts"], 3);
        assert_eq!(answered.outcome["error"]["retryable"], true);
        assert!(answered.outcome.get("response").is_none());
    }
}

#[test]
fn only_availability_is_retried_after_send() {
    for (fault, status) in [("drop", 405), ("503", 505), ("429", 504)] {
        let server = Server::start(move |_, stream| {
            match fault {
                "drop" => return AfterResponse::Close,
                "429" => reply(stream, 429, &[("Retry-After", "0")], "{}"),
                _ => reply(stream, 503, &[], "{}"),
            }
            AfterResponse::KeepOpen
        });
        let [schedule, availability] = both(
            &server.base,
            json!({"retry": {"attempts": 4, "baseDelayMs": 1}}),
        );
        assert_eq!(
            (schedule.status, availability.status),
            (status, status),
            "{fault}"
        );
        assert_eq!(schedule.outcome["error"]["attempts"], 1, "{fault}");
        assert_eq!(availability.outcome["error"]["attempts"], 4, "{fault}");
        let posts = server
            .received()
            .iter()
            .filter(|request| request.method == "POST")
            .count();
        assert_eq!((posts, server.received().len()), (1, 5), "{fault}");
    }
}

#[test]
fn booking_with_an_empty_body_is_sent_once() {
    let server = Server::start(|_, _| AfterResponse::Close);
    let service = service(
        &server.base,
        json!({"retry": {"attempts": 4, "baseDelayMs": 1}}),
    );
    let answered = service.schedule(json!({"serviceName": "not sent by v1"}));
    assert_eq!(
        (answered.status, &answered.outcome["error"]["attempts"]),
        (405, &json!(1))
    );
    assert_eq!(server.received().len(), 1);
    assert_eq!(service.close(), 0);
}

#[test]
fn unknown_booking_is_reported() {
    fn unclear(status: u16, body: &'static str, extra: Value) -> String {
        let server = Server::start(move |_, stream| {
            reply(stream, status, &[], body);
            AfterResponse::KeepOpen
        });
        let [booking, _] = both(&server.base, extra);
        let unclear = booking
            .message()
            .ends_with("; the booking may have been made");
        assert!(
            !unclear || booking.outcome["error"]["retryable"] == false,
            "{status} {body}"
        );
        booking.message().to_owned()
    }
    let says = |text: String| text.ends_with("; the booking may have been made");
    for (status, body) in [
        (200, "<p>hi</p>"),
        (200, ""),
        (500, "oops"),
        (502, ""),
        (504, "<p>"),
        (408, ""),
    ] {
        let text = unclear(status, body, json!({}));
        assert!(says(text.clone()), "{status} {body}: {text}");
    }
    assert!(says(unclear(
        200,
        r#"{"_id":"a","2030-12-01T10:00:00.000Z":1}"#,
        json!({"maxResponseBytes": 5})
    )));
    for (status, body) in [
        (400, "no"),
        (500, r#"{"exception":"x","message":"m"}"#),
        (429, ""),
        (404, ""),
    ] {
        let text = unclear(status, body, json!({}));
        assert!(!says(text.clone()), "{status} {body}: {text}");
    }
}

#[test]
fn retry_after_beyond_deadline_is_returned() {
    let server = Server::start(|_, stream| {
        reply(stream, 429, &[("Retry-After", "60")], "{}");
        AfterResponse::KeepOpen
    });
    let [schedule, availability] = both(&server.base, json!({}));
    for answered in [schedule, availability] {
        assert_eq!(answered.outcome["error"]["retryAfterMs"], 60_000);
        assert_eq!(answered.outcome["error"]["attempts"], 1);
        assert_eq!(answered.outcome["error"]["retryable"], true);
    }
}

#[test]
fn availability_succeeds_on_retry() {
    let count = AtomicUsize::new(0);
    let server = Server::start(move |_, stream| {
        let status = if count.fetch_add(1, Ordering::SeqCst) == 0 {
            502
        } else {
            200
        };
        reply(stream, status, &[], "{}");
        AfterResponse::KeepOpen
    });
    let service = service(&server.base, json!({"retry": {"baseDelayMs": 1}}));
    assert_eq!(service.availability(json!({"numberOfDays": 1})).status, 0);
    assert_eq!(server.received().len(), 2);
    assert_eq!(service.close(), 0);
}

/// Answers 429 once, with this `Retry-After`, and then with slots.
fn busy_once(retry_after: &'static str) -> Server {
    let count = AtomicUsize::new(0);
    Server::start(move |_, stream| {
        match count.fetch_add(1, Ordering::SeqCst) % 2 {
            0 => reply(stream, 429, &[("Retry-After", retry_after)], "{}"),
            _ => reply(stream, 200, &[], r#"{"2030-12-01T10:00:00.000Z":5}"#),
        }
        AfterResponse::KeepOpen
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
            AfterResponse::KeepOpen
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
