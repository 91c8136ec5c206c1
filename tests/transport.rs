//! Connections that fail or are slow: each failure has its own status, within the deadline.

mod support;

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Barrier;
use std::time::{Duration, Instant};

use serde_json::json;
use support::calls::{both, service};
use support::server::{reply, AfterResponse, Server};

/// A reserved port on which no server listens.
const UNUSED: &str = "127.0.0.1:1";

#[test]
fn unresolvable_host_is_dns_error() {
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
fn hostname_is_resolved() {
    let server = Server::json(200, r#"{"_id":"a","2030-12-01T10:00:00.000Z":1}"#);
    let base = server.base.replace("127.0.0.1", "localhost");
    assert_eq!(both(&base, json!({}))[0].status, 0);
}

#[test]
fn connecting_has_its_own_timeout() {
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
    // Four attempts.
    let elapsed = started.elapsed();
    let expected = Duration::from_millis(400)..Duration::from_secs(2);
    assert!(expected.contains(&elapsed), "{elapsed:?}");
}

#[test]
fn slow_server_times_out() {
    let server = Server::start(|_, stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n1");
        std::thread::sleep(Duration::from_secs(60));
        AfterResponse::Close
    });
    let started = Instant::now();
    for answered in both(&server.base, json!({"ajaxTimeout": 500})) {
        assert_eq!((answered.status, answered.error()), (301, "TIMEOUT"));
    }
    let elapsed = started.elapsed();
    let expected = Duration::from_millis(1000)..Duration::from_secs(3);
    assert!(expected.contains(&elapsed), "{elapsed:?}");
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
fn connection_is_reused_and_replaced_when_closed() {
    let count = AtomicUsize::new(0);
    let server = Server::start(move |_, stream| {
        reply(
            stream,
            200,
            &[],
            r#"{"_id":"a","2030-12-01T10:00:00.000Z":1}"#,
        );
        if count.fetch_add(1, Ordering::SeqCst) == 9 {
            AfterResponse::Close
        } else {
            AfterResponse::KeepOpen
        }
    });
    let service = service(&server.base, json!({}));
    for number in 1..=19 {
        let answered = service.schedule(json!({"phonenumber": "1"}));
        assert_eq!(answered.status, 0, "{}", answered.text);
        // After the tenth answer the server closes without a word; noticing that before the next
        // call is the point.
        server.wait_for_closes(number / 10);
    }
    assert_eq!(server.connections(), 2);
    assert_eq!(server.received().len(), 19);
    assert_eq!(service.close(), 0);
}

#[test]
fn partially_read_request_closes_the_connection() {
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
fn endless_response_ends_at_the_deadline() {
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
            AfterResponse::Close
        });
        let started = Instant::now();
        for answered in both(&server.base, json!({"ajaxTimeout": 300})) {
            assert_eq!(answered.error(), "TIMEOUT", "{}", answered.text);
        }
        let elapsed = started.elapsed();
        let expected = Duration::from_millis(600)..Duration::from_secs(3);
        assert!(expected.contains(&elapsed), "{elapsed:?}");
    }
}

#[test]
fn concurrent_configure_keeps_both_changes() {
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
fn unreachable_proxy_is_proxy_error() {
    let proxy = json!({"proxy": {"url": format!("http://{UNUSED}")}, "retry": {"attempts": 1}});
    for answered in both("http://callback.example", proxy) {
        assert_eq!((answered.status, answered.error()), (404, "PROXY"));
    }
}

#[test]
fn server_without_tls_is_a_tls_error() {
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
fn changed_configuration_takes_effect_at_once() {
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
