//! Servers that are slow, broken, gone or elsewhere: each gives its own status, inside the deadline.

mod support;

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Barrier;
use std::time::{Duration, Instant};

use serde_json::{json, Value};
use support::server::{reply, Server, Then};
use support::{open, Answered, Service};

/// A reserved port at which nobody listens.
const NOBODY: &str = "127.0.0.1:1";

fn service(base: &str, extra: Value) -> Service {
    let mut config =
        json!({ "dataURL": format!("{base}/x"), "ajaxTimeout": 2000, "proxy": "none" });
    config
        .as_object_mut()
        .unwrap()
        .extend(extra.as_object().unwrap().clone());
    open(&config).unwrap()
}

/// Both commands, each on connections of its own: a server that closes after answering one must not meet the other.
fn both(base: &str, extra: Value) -> [Answered; 2] {
    let (one, other) = (service(base, extra.clone()), service(base, extra));
    let answers = [
        one.schedule(json!({"phonenumber": "1"})),
        other.availability(json!({"numberOfDays": 1})),
    ];
    assert_eq!((one.close(), other.close()), (0, 0));
    answers
}

/// Two statuses, schedule first, from a server whose every answer is these bytes.
fn statuses(answer: &'static [u8], extra: Value) -> [i32; 2] {
    let server = Server::start(move |_, stream| {
        let _ = stream.write_all(answer);
        Then::Close
    });
    both(&server.base, extra).map(|answered| answered.status)
}

#[test]
fn a_refused_connection_is_tried_again_and_then_told() {
    let base = format!("http://{NOBODY}");
    for answered in both(&base, json!({"retry": {"attempts": 3, "baseDelayMs": 1}})) {
        assert_eq!((answered.status, answered.error()), (402, "CONNECT"));
        assert!(answered.message().contains(&base), "{}", answered.message());
        assert_eq!(answered.outcome["error"]["attempts"], 3);
        assert_eq!(answered.outcome["error"]["retryable"], true);
        assert!(answered.outcome.get("response").is_none());
    }
}

#[test]
fn a_host_without_address_is_told() {
    for answered in both(
        "http://host.invalid",
        json!({"retry": {"attempts": 1}, "ajaxTimeout": 60_000}),
    ) {
        assert_eq!((answered.status, answered.error()), (401, "DNS"));
        assert!(
            answered.message().contains("host.invalid"),
            "{}",
            answered.message()
        );
    }
}

#[test]
fn a_name_is_looked_up() {
    let server = Server::json(200, r#"{"_id":"a","2030-12-01T10:00:00.000Z":1}"#);
    let base = server.base.replace("127.0.0.1", "localhost");
    assert_eq!(both(&base, json!({}))[0].status, 0);
}

#[test]
fn making_a_connection_has_a_deadline_of_its_own() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    // Nobody accepts: once its queue is full, the system lets further connections wait.
    let mut waiting = Vec::new();
    while let Ok(stream) = TcpStream::connect_timeout(&address, Duration::from_millis(300)) {
        waiting.push(stream);
    }
    let config = json!({"ajaxTimeout": 60_000, "connectTimeout": 100, "retry": {"attempts": 2, "baseDelayMs": 1}});
    let started = Instant::now();
    for answered in both(&format!("http://{address}"), config) {
        assert_eq!(answered.error(), "TIMEOUT");
        assert!(
            answered.message().contains("timed out (connectTimeout)"),
            "{}",
            answered.message()
        );
        assert_eq!(answered.outcome["error"]["attempts"], 2);
    }
    assert!(started.elapsed() < Duration::from_secs(50));
}

#[test]
fn a_slow_server_ends_at_the_deadline() {
    let server = Server::start(|_, stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n1");
        std::thread::sleep(Duration::from_secs(60));
        Then::Close
    });
    let started = Instant::now();
    for answered in both(&server.base, json!({"ajaxTimeout": 500})) {
        assert_eq!((answered.status, answered.error()), (301, "TIMEOUT"));
    }
    assert!(started.elapsed() < Duration::from_secs(30));
    let [schedule, availability] = both(&server.base, json!({"ajaxTimeout": 500}));
    assert!(
        schedule.message().contains("may have been made"),
        "{}",
        schedule.message()
    );
    assert_eq!(schedule.outcome["error"]["retryable"], false);
    assert_eq!(availability.outcome["error"]["retryable"], true);
}

#[test]
fn broken_answers_are_protocol_errors() {
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

#[test]
fn an_answer_above_the_limit_is_not_read() {
    let limit = json!({"maxResponseBytes": 100, "retry": {"attempts": 1}});
    let announced = b"HTTP/1.1 200 OK\r\nContent-Length: 101\r\n\r\n";
    assert_eq!(statuses(announced, limit.clone()), [406, 406]);
    let server = Server::start(|_, stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        while stream.write_all(b"10\r\n0123456789abcdef\r\n").is_ok() {}
        Then::Close
    });
    for answered in both(&server.base, limit) {
        assert_eq!((answered.status, answered.error()), (406, "TOO_LARGE"));
        assert!(answered.message().contains("maxResponseBytes"));
    }
}

#[test]
fn connections_are_kept_and_a_closed_one_is_replaced() {
    let count = AtomicUsize::new(0);
    let server = Server::start(move |_, stream| {
        reply(
            stream,
            200,
            &[],
            r#"{"_id":"a","2030-12-01T10:00:00.000Z":1}"#,
        );
        if count.fetch_add(1, Ordering::SeqCst) == 9 {
            Then::Close
        } else {
            Then::KeepOpen
        }
    });
    let service = service(&server.base, json!({}));
    for number in 1..=19 {
        let answered = service.schedule(json!({"phonenumber": "1"}));
        assert_eq!(answered.status, 0, "{}", answered.text);
        // After the tenth answer the server closes without a word; noticing that before the next call is the point.
        server.wait_for_closes(number / 10);
    }
    assert_eq!(server.connections(), 2);
    assert_eq!(server.received().len(), 19);
    assert_eq!(service.close(), 0);
}

#[test]
fn every_form_of_an_answer_is_read_and_leaves_the_connection_in_order() {
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
            Then::KeepOpen
        } else {
            Then::Close
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
fn only_an_availability_is_repeated_after_it_was_sent() {
    for (fault, status) in [("drop", 405), ("503", 505), ("429", 504)] {
        let server = Server::start(move |_, stream| {
            match fault {
                "drop" => return Then::Close,
                "429" => reply(stream, 429, &[("Retry-After", "0")], "{}"),
                _ => reply(stream, 503, &[], "{}"),
            }
            Then::KeepOpen
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
fn a_booking_with_an_empty_body_is_sent_once_too() {
    let server = Server::start(|_, _| Then::Close);
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
fn a_booking_of_which_nobody_knows_says_so() {
    fn unclear(status: u16, body: &'static str, extra: Value) -> String {
        let server = Server::start(move |_, stream| {
            reply(stream, status, &[], body);
            Then::KeepOpen
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
fn absurd_headers_do_no_harm() {
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
fn a_message_too_long_to_be_one_takes_no_time() {
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
fn ten_redirects_are_followed_and_no_more() {
    for (chain, statuses) in [(10, [0, 0]), (11, [405, 405])] {
        let server = Server::start(move |request, stream| {
            let step: u32 = request
                .target
                .rsplit('=')
                .next()
                .unwrap()
                .parse()
                .unwrap_or(0);
            match step == chain {
                true => reply(
                    stream,
                    200,
                    &[],
                    r#"{"_id":"a","2030-12-01T10:00:00.000Z":1}"#,
                ),
                false => reply(
                    stream,
                    307,
                    &[("Location", &format!("/step={}", step + 1))],
                    "",
                ),
            }
            Then::KeepOpen
        });
        let service = service(&server.base, json!({}));
        let found = [
            service.schedule(json!({"phonenumber": "1"})),
            service.availability(json!({"startDate": "2030-01-01T00:00:00Z"})),
        ];
        assert_eq!(found.map(|answered| answered.status), statuses, "{chain}");
        assert_eq!(service.close(), 0);
    }
}

#[test]
fn a_redirect_in_a_circle_is_followed_once() {
    let server = Server::start(|request, stream| {
        let next = if request.target.ends_with("/there") {
            "/x"
        } else {
            "/there"
        };
        reply(stream, 307, &[("Location", next)], "");
        Then::KeepOpen
    });
    let answered = service(&server.base, json!({})).schedule(json!({"phonenumber": "1"}));
    assert_eq!(answered.status, 405);
    assert!(
        answered.message().contains("in a circle"),
        "{}",
        answered.message()
    );
    assert_eq!(server.received().len(), 2);
}

#[test]
fn a_wait_that_does_not_fit_is_left_to_the_caller() {
    let server = Server::start(|_, stream| {
        reply(stream, 429, &[("Retry-After", "60")], "{}");
        Then::KeepOpen
    });
    let [schedule, availability] = both(&server.base, json!({}));
    for answered in [schedule, availability] {
        assert_eq!(answered.outcome["error"]["retryAfterMs"], 60_000);
        assert_eq!(answered.outcome["error"]["attempts"], 1);
        assert_eq!(answered.outcome["error"]["retryable"], true);
    }
}

#[test]
fn a_second_answer_can_save_an_availability() {
    let count = AtomicUsize::new(0);
    let server = Server::start(move |_, stream| {
        let status = if count.fetch_add(1, Ordering::SeqCst) == 0 {
            502
        } else {
            200
        };
        reply(stream, status, &[], "{}");
        Then::KeepOpen
    });
    let service = service(&server.base, json!({"retry": {"baseDelayMs": 1}}));
    assert_eq!(service.availability(json!({"numberOfDays": 1})).status, 0);
    assert_eq!(server.received().len(), 2);
    assert_eq!(service.close(), 0);
}

#[test]
fn a_redirect_is_followed_on_the_same_origin_only() {
    let other = Server::json(200, r#"{"_id":"a","2030-12-01T10:00:00.000Z":1}"#);
    let elsewhere = format!("{}/stolen", other.base);
    let server = Server::start(move |request, stream| {
        let (status, location) = match request.target.as_str() {
            "/moved/x" | "/moved/x/availability?number-of-days=1" => (307, "/new".to_owned()),
            "/found/x" | "/found/x/availability?number-of-days=1" => (302, "/new".to_owned()),
            "/away/x" | "/away/x/availability?number-of-days=1" => (307, elsewhere.clone()),
            "/new" => (200, String::new()),
            _ => (301, request.target.clone()),
        };
        reply(
            stream,
            status,
            &[("Location", &location)],
            if status == 200 {
                r#"{"_id":"a","2030-12-01T10:00:00.000Z":1}"#
            } else {
                ""
            },
        );
        Then::KeepOpen
    });
    let key = json!({"apikey": "KEY"});
    let run = |path: &str| both(&format!("{}/{path}", server.base), key.clone());
    assert_eq!(run("moved").map(|answered| answered.status), [0, 0]);
    assert_eq!(run("found").map(|answered| answered.status), [405, 0]);
    let [circle, _] = both(&server.base, json!({"wireFormat": "widgets-9"}));
    assert_eq!(circle.status, 405);
    for answered in run("away") {
        assert_eq!(answered.status, 405);
        assert!(
            answered
                .message()
                .contains("redirect to another origin refused"),
            "{}",
            answered.message()
        );
        assert!(!answered.text.contains(&other.base), "{}", answered.text);
    }
    assert!(other.received().is_empty());
    let repeated = server
        .received()
        .into_iter()
        .find(|request| request.method == "POST" && request.target == "/new");
    assert_eq!(repeated.unwrap().body, "_customer_number=1");
}

/// A server that takes one connection, is told to by `answer`, and is gone.
fn one_connection(answer: impl FnOnce(TcpStream) + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || answer(listener.accept().unwrap().0));
    base
}

#[test]
fn a_booking_that_was_redirected_to_nobody_counts_as_sent() {
    let base = one_connection(|mut stream| {
        let mut lines = BufReader::new(stream.try_clone().unwrap())
            .lines()
            .map_while(Result::ok);
        lines.find(|line| line.is_empty());
        reply(
            &mut stream,
            307,
            &[("Location", "/other"), ("Connection", "close")],
            "",
        );
    });
    let service = service(&base, json!({"retry": {"attempts": 3, "baseDelayMs": 1}}));
    let answered = service.schedule(json!({"phonenumber": "1"}));
    assert_eq!(
        (answered.error(), &answered.outcome["error"]["attempts"]),
        ("CONNECT", &json!(1)),
        "{}",
        answered.text
    );
    assert!(
        answered
            .message()
            .ends_with("the booking may have been made"),
        "{}",
        answered.message()
    );
    assert_eq!(answered.outcome["error"]["retryable"], false);
    assert_eq!(service.close(), 0);
}

#[test]
fn a_request_that_was_never_read_whole_does_not_spoil_the_next() {
    // Answers the first request of a connection after its head, and reads no more of it.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let mut kept = Vec::new();
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut lines = BufReader::new(stream.try_clone().unwrap())
                .lines()
                .map_while(Result::ok);
            let head: Vec<String> = lines.by_ref().take_while(|line| !line.is_empty()).collect();
            let is_large = head.iter().any(|line| {
                line.len() > 20 && line.to_ascii_lowercase().starts_with("content-length")
            });
            let status = if is_large { 413 } else { 200 };
            reply(
                &mut stream,
                status,
                &[],
                r#"{"_id":"a","2030-12-01T10:00:00.000Z":1}"#,
            );
            kept.push(stream);
        }
    });
    // Building the request takes seconds without optimization.
    let service = service(&base, json!({"ajaxTimeout": 30_000}));
    let large = json!({"phonenumber": "1", "note": "x".repeat(16 << 20)});
    let refused = service.schedule(large);
    assert_eq!(refused.outcome["httpStatus"], 413, "{}", refused.text);
    let next = service.schedule(json!({"phonenumber": "1"}));
    assert_eq!(next.status, 0, "{}", next.text);
    assert_eq!(service.close(), 0);
}

#[test]
fn a_server_that_sends_without_end_does_not_hold_a_call_beyond_its_deadline() {
    // Chunk sizes and interim answers that never end.
    for (head, flood) in [
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
            "0".repeat(1 << 20),
        ),
        ("", "HTTP/1.1 102 P\r\n\r\n".repeat(1 << 16)),
    ] {
        let server = Server::start(move |_, stream| {
            let _ = stream.write_all(head.as_bytes());
            while stream.write_all(flood.as_bytes()).is_ok() {}
            Then::Close
        });
        let started = Instant::now();
        for answered in both(&server.base, json!({"ajaxTimeout": 300})) {
            assert_eq!(answered.error(), "TIMEOUT", "{}", answered.text);
        }
        assert!(started.elapsed() < Duration::from_secs(8));
    }
}

#[test]
fn changes_that_two_threads_make_at_once_both_stay() {
    let server = Server::json(200, r#"{"_id":"a","2030-12-01T10:00:00.000Z":1}"#);
    let service = service(&server.base, json!({}));
    let barrier = Barrier::new(2);
    for round in 0..300 {
        std::thread::scope(|scope| {
            for name in ["X-A", "X-B"] {
                let (barrier, change) = (&barrier, json!({"headers": {name: round}}).to_string());
                scope.spawn(move || {
                    barrier.wait();
                    assert_eq!(
                        service.command("CallbackService.configure", &change).status,
                        0
                    );
                });
            }
        });
        assert_eq!(service.schedule(json!({"phonenumber": "1"})).status, 0);
        let received = server.received();
        let sent = received.last().unwrap();
        let wanted = round.to_string();
        assert_eq!(
            (sent.header("x-a"), sent.header("x-b")),
            (Some(wanted.as_str()), Some(wanted.as_str()))
        );
    }
    assert_eq!(service.close(), 0);
}

#[test]
fn a_proxy_that_is_not_there_is_told() {
    let proxy = json!({"proxy": {"url": format!("http://{NOBODY}")}, "retry": {"attempts": 1}});
    for answered in both("http://callback.example", proxy) {
        assert_eq!((answered.status, answered.error()), (404, "PROXY"));
    }
}

#[test]
fn https_needs_a_server_that_speaks_it() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in silent.incoming() {
            let _ = stream
                .unwrap()
                .write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
        }
    });
    let answered = &both(
        &format!("https://{address}"),
        json!({"retry": {"attempts": 1}}),
    )[0];
    assert_eq!(
        (answered.status, answered.error()),
        (403, "TLS"),
        "{}",
        answered.text
    );
}

#[test]
fn a_changed_configuration_takes_effect_at_once() {
    let (first, second) = (
        Server::json(200, r#"{"_id":"1"}"#),
        Server::json(200, r#"{"_id":"2"}"#),
    );
    let service = service(&first.base, json!({}));
    assert_eq!(
        service.schedule(json!({"phonenumber": "1"})).outcome["id"],
        "1"
    );
    let change = json!({"dataURL": second.base, "apikey": "K"}).to_string();
    assert_eq!(
        service.command("CallbackService.configure", &change).status,
        0
    );
    assert_eq!(
        service.schedule(json!({"phonenumber": "1"})).outcome["id"],
        "2"
    );
    assert_eq!(second.received()[0].header("apikey"), Some("K"));
    assert_eq!(service.close(), 0);
}
