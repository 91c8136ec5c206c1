//! Redirects: followed on the same origin, with the same method.

mod support;

use std::io::{BufRead, BufReader};
use std::net::{TcpListener, TcpStream};

use serde_json::json;
use support::calls::{both, service};
use support::server::{reply, AfterResponse, Server};

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
            if step == chain {
                reply(
                    stream,
                    200,
                    &[],
                    r#"{"_id":"a","2030-12-01T10:00:00.000Z":1}"#,
                );
            } else {
                let next = format!("/step={}", step + 1);
                reply(stream, 307, &[("Location", &next)], "");
            }
            AfterResponse::KeepOpen
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
fn redirect_in_a_circle_is_followed_once() {
    let server = Server::start(|request, stream| {
        let next = if request.target.ends_with("/there") {
            "/x"
        } else {
            "/there"
        };
        reply(stream, 307, &[("Location", next)], "");
        AfterResponse::KeepOpen
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
fn redirect_is_followed_on_the_same_origin_only() {
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
        AfterResponse::KeepOpen
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

/// A server that takes one connection, does what `answer` says, and ends.
fn one_connection(answer: impl FnOnce(TcpStream) + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || answer(listener.accept().unwrap().0));
    base
}

#[test]
fn redirected_booking_counts_as_sent() {
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
