//! The control routes and the page.

use std::io::{ErrorKind, Read, Write};

use serde_json::{json, Value};

use crate::client::{send_to, start, Server, FORM, V1, V3};

fn set_clock(server: &Server, fields: Value) -> Value {
    server.post_json("/sandbox/clock", fields).expect(200)
}

fn fault(server: &Server, fields: Value) -> Value {
    server.post_json("/sandbox/faults", fields).expect(200)
}

fn book(server: &Server) -> crate::client::Response {
    server.post(
        &format!("{V1}/samples"),
        FORM,
        "_customer_number=4151110000",
    )
}

fn state(server: &Server, id: &Value) -> String {
    let path = format!("{V3}/retrieve");
    server.post_json(&path, json!({"id": id})).expect(200)["data"]["callbackState"]
        .as_str()
        .unwrap()
        .to_owned()
}

#[test]
fn clock_starts_at_configured_time_and_can_be_set() {
    let server = start(&["--now", "2030-03-31T00:00:00Z", "--speed", "0"]);
    assert_eq!(
        server.get("/sandbox/clock").expect(200),
        json!({"now": "2030-03-31T00:00:00.000Z", "speed": 0.0})
    );
    let body = json!({"serviceName": "samples", "phoneNumber": "1", "desiredTime": "2030-03-31T01:00:00Z"});
    let id = server.post_json(&format!("{V3}/create"), body).expect(200)["data"]["id"].clone();
    assert_eq!(state(&server, &id), "SCHEDULED");
    for (seconds, expected) in [
        (3480, "QUEUED"),
        (180, "ROUTING"),
        (10, "PROCESSING"),
        (120, "COMPLETED"),
    ] {
        set_clock(&server, json!({"advanceSeconds": seconds}));
        assert_eq!(state(&server, &id), expected);
    }
    let moved = set_clock(
        &server,
        json!({"now": "2031-01-01T00:00:00Z", "advanceSeconds": "60"}),
    );
    assert_eq!(moved["now"], "2031-01-01T00:01:00.000Z");
    for wrong in [
        json!({}),
        json!({"now": "soon"}),
        json!({"now": "", "speed": 1}),
        json!({"now": "2031-01-01T00:00:00Z", "advanceSeconds": ""}),
        json!({"speed": ""}),
        json!({"now": 5}),
        json!({"advanceSeconds": 1e300}),
        json!({"speed": -1}),
        json!({"hour": 1}),
    ] {
        server.post_json("/sandbox/clock", wrong).expect(400);
    }
}

#[test]
fn days_with_clock_changes() {
    let server = start(&["--now", "2030-03-30T00:00:00Z", "--speed", "0"]);
    let slots = |day: &str| {
        let path = format!(
            "{V3}/availability/samples?start={day}T00:00:00&numberOfDays=1&timezone=Europe/London"
        );
        let slots = server.get(&path).expect(200)["data"]["slots"].clone();
        let local = |slot: &Value| slot["localTime"].as_str().unwrap()[11..16].to_owned();
        slots
            .as_array()
            .unwrap()
            .iter()
            .map(local)
            .collect::<Vec<_>>()
    };
    let spring = slots("2030-03-31");
    assert_eq!(spring.len(), 23 * 4);
    assert!(
        !spring.iter().any(|time| time.starts_with("01:")),
        "an hour that does not exist"
    );
    set_clock(&server, json!({"now": "2030-10-26T00:00:00Z"}));
    let autumn = slots("2030-10-27");
    assert_eq!(autumn.len(), 25 * 4);
    assert_eq!(
        autumn.iter().filter(|time| *time == "01:15").count(),
        2,
        "an hour that comes twice"
    );
}

#[test]
fn status_fault_applies_count_times() {
    let server = start(&[]);
    fault(
        &server,
        json!({"route": V1, "method": "post", "status": 503, "retryAfter": 7, "count": 1}),
    );
    server
        .get(&format!("{V1}/samples/availability"))
        .expect(200);
    let rejected = book(&server);
    assert_eq!(rejected.header("retry-after"), Some("7"));
    assert_eq!(
        rejected.header("access-control-allow-origin"),
        Some("*"),
        "browsers may read it"
    );
    assert!(rejected.expect(503)["exception"].is_string());
    book(&server).expect(200);
    assert_eq!(server.get("/sandbox/faults").expect(200)[0]["hits"], 1);
    fault(
        &server,
        json!({"route": "/engagement", "status": 502, "body": {"fault": {"faultstring": "x"}}}),
    );
    let body = server
        .get(&format!("{V3}/availability/samples"))
        .expect(502);
    assert_eq!(body, json!({"fault": {"faultstring": "x"}}));
    server
        .send("DELETE", "/sandbox/faults", &[], b"")
        .expect(200);
    server
        .get(&format!("{V3}/availability/samples"))
        .expect(200);
}

#[test]
fn status_faults_have_the_format_of_the_api() {
    let server = start(&[]);
    let availability = format!("{V3}/availability/samples");
    let ordered = |fields: Value| {
        server
            .send("DELETE", "/sandbox/faults", &[], b"")
            .expect(200);
        fault(&server, fields);
        server.get(&availability)
    };
    assert_eq!(
        ordered(json!({"status": 401})).expect(401)["fault"]["detail"]["errorcode"],
        "oauth.v2.InvalidApiKey"
    );
    let many = ordered(json!({"status": 429, "retryAfter": 3}));
    assert_eq!(many.header("retry-after"), Some("3"));
    let body = many.expect(429);
    assert_eq!(
        (&body["status"]["code"], &body["data"]),
        (&json!(7041), &json!({"slots": {}}))
    );
    assert_eq!(
        ordered(json!({"status": 503})).expect(503)["status"]["code"],
        503
    );
    for status in [204, 304] {
        let empty = ordered(json!({"status": status}));
        assert_eq!(
            (
                empty.status,
                empty.body.as_str(),
                empty.header("content-type")
            ),
            (status, "", None)
        );
    }
}

#[test]
fn ineffective_faults_are_rejected() {
    let server = start(&[]);
    for wrong in [
        json!({"status": 500, "count": 0}),
        json!({"status": 500, "method": "PATCH"}),
        json!({"status": 500, "route": "/genesys?a=b"}),
        json!({"delayMs": 1, "body": "x"}),
        json!({"delayMs": 1, "retryAfter": 1}),
        json!({"reset": "after", "status": 500}),
    ] {
        assert!(server.post_json("/sandbox/faults", wrong).expect(400)["error"].is_string());
    }
    assert_eq!(server.get("/sandbox/faults").expect(200), json!([]));
}

#[test]
fn faults_precede_the_gateway() {
    let server = start(&[]);
    fault(&server, json!({"status": 503, "count": 1}));
    let path = format!("{V3}/availability/samples");
    server.send("GET", &path, &[], b"").expect(503);
    server.send("GET", &path, &[], b"").expect(401);
}

#[test]
fn reset_and_cut_faults_break_connections() {
    let server = start(&[]);
    let path = format!("{V1}/samples");
    let content_type = format!("Content-Type: {FORM}");
    let booked = || {
        server
            .get(&format!("{V1}?_customer_number=1"))
            .expect(200)
            .as_array()
            .unwrap()
            .len()
    };
    for (when, left) in [("before", 0), ("after", 1)] {
        fault(&server, json!({"route": path, "reset": when, "count": 1}));
        let broken = send_to(
            &server.address,
            "POST",
            &path,
            &[&content_type],
            b"_customer_number=1",
        );
        assert_eq!(
            broken.err().map(|error| error.kind()),
            Some(ErrorKind::ConnectionReset),
            "{when}"
        );
        assert_eq!(booked(), left, "{when}");
    }
    fault(&server, json!({"route": path, "cutBody": 5, "count": 1}));
    let mut stream = server.connect();
    let request =
        format!("POST {path} HTTP/1.1\r\nHost: x\r\n{content_type}\r\nContent-Length: 18\r\n\r\n_customer_number=1");
    stream.write_all(request.as_bytes()).unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    assert!(
        head.starts_with("HTTP/1.1 200") && head.to_lowercase().contains("content-length"),
        "{head}"
    );
    assert_eq!(body, "{\"_di");
}

#[test]
fn delay_fault_delays_the_response() {
    let server = start(&[]);
    fault(&server, json!({"delayMs": 300, "count": 1}));
    let started_at = std::time::Instant::now();
    book(&server).expect(200);
    assert!(started_at.elapsed().as_millis() >= 300);
    for wrong in [json!({}), json!({"status": 1}), json!({"delay": 1})] {
        server.post_json("/sandbox/faults", wrong).expect(400);
    }
    server
        .send("DELETE", "/sandbox/faults/99", &[], b"")
        .expect(404);
}

#[test]
fn request_log_contains_no_keys() {
    let server = start(&[]);
    server
        .post_json(
            &format!("{V3}/create"),
            json!({"serviceName": "samples", "phoneNumber": "1"}),
        )
        .expect(200);
    server.get(&format!("{V3}/availability/nobody?start=x"));
    let seen = server.get("/sandbox/requests?max=5").expect(200);
    assert_eq!(
        seen.as_array().unwrap().len(),
        2,
        "its own addresses are not kept"
    );
    assert_eq!(
        (&seen[0]["number"], &seen[0]["status"]),
        (&json!(2), &json!(400))
    );
    assert_eq!(
        seen[0]["target"],
        format!("{V3}/availability/nobody?start=x")
    );
    assert!(seen[1]["body"].as_str().unwrap().contains("phoneNumber"));
    assert!(seen[1]["answer"].as_str().unwrap().contains("Successful"));
    let text = seen.to_string();
    assert!(
        text.contains("x-api-key") && !text.contains("sandbox-key"),
        "{text}"
    );
}

#[test]
fn credentials_in_queries_and_headers_are_masked() {
    let server = start(&[]);
    let path = format!("{V1}/samples/availability?ApiKey=masked-1&start=&token=masked-2");
    server
        .send(
            "GET",
            &path,
            &["X-Auth-Token: masked-3", "Client-Secret: masked-4"],
            b"",
        )
        .expect(200);
    let seen = server.get("/sandbox/requests").expect(200);
    assert_eq!(
        seen[0]["target"],
        format!("{V1}/samples/availability?ApiKey=***&start=&token=***")
    );
    assert!(
        !seen.to_string().contains("masked-") && !server.get("/").body.contains("masked-"),
        "{seen}"
    );
}

#[test]
fn reset_clears_everything() {
    let server = start(&["--now", "2030-03-31T00:00:00Z", "--speed", "0"]);
    book(&server).expect(200);
    fault(&server, json!({"status": 500}));
    set_clock(&server, json!({"advanceSeconds": 60}));
    server.send("POST", "/sandbox/reset", &[], b"").expect(200);
    assert_eq!(server.get("/sandbox/requests").expect(200), json!([]));
    assert_eq!(server.get("/sandbox/faults").expect(200), json!([]));
    assert_eq!(
        server.get("/sandbox/clock").expect(200)["now"],
        "2030-03-31T00:00:00.000Z"
    );
    assert_eq!(
        server
            .get(&format!("{V1}?_customer_number=4151110000"))
            .expect(200),
        json!([])
    );
}

#[test]
fn control_routes_are_limited_to_own_pages() {
    let server = start(&[]);
    let elsewhere = server.send(
        "POST",
        "/sandbox/reset",
        &["Origin: http://elsewhere.example"],
        b"",
    );
    elsewhere.expect(403);
    let origin = format!("Origin: http://{}", server.address);
    let own = server.send("POST", "/sandbox/reset", &[&origin], b"");
    own.expect(200);
    let description = server.send(
        "GET",
        "/openapi.json",
        &["Origin: http://elsewhere.example"],
        b"",
    );
    assert_eq!(
        description.header("access-control-allow-origin"),
        Some("http://elsewhere.example")
    );
    description.expect(200);
}

#[test]
fn unknown_query_parameters_of_control_routes_are_rejected() {
    let server = start(&[]);
    book(&server).expect(200);
    fault(&server, json!({"status": 500}));
    for (method, path) in [
        ("GET", "/sandbox/requests?limit=1"),
        ("GET", "/sandbox/requests?Max=1"),
        ("GET", "/sandbox/requests?max=1&route=/genesys"),
        ("GET", "/sandbox/requests?max=1&since="),
        ("GET", "/sandbox/faults?id=1"),
        ("DELETE", "/sandbox/faults?id=1"),
        ("DELETE", "/sandbox/faults/1?force"),
        ("POST", "/sandbox/faults/1?x=%zz"),
        ("GET", "/sandbox/clock?now=2030-01-01T00:00:00Z"),
        ("POST", "/sandbox/clock?advanceSeconds=60"),
        ("POST", "/sandbox/reset?bookings=true"),
        ("GET", "/sandbox/events?max=1"),
        ("GET", "/?weeks=2"),
    ] {
        let response = server.send(method, path, &[], b"");
        assert!(response.expect(400)["error"].is_string(), "{method} {path}");
    }
    assert_eq!(
        server.get("/sandbox/requests?max=").expect(200)[0]["method"],
        "POST",
        "nothing was reset"
    );
    assert_eq!(server.get("/sandbox/faults").expect(200)[0]["id"], 1);
    assert_eq!(server.get("/?week=2030-01-07").status, 200);
}

#[test]
fn spent_faults_cannot_be_switched_off_on_the_page() {
    let server = start(&[]);
    fault(&server, json!({"status": 503, "count": 1}));
    fault(&server, json!({"status": 502, "count": 2}));
    fault(&server, json!({"status": 500}));
    for _ in 0..2 {
        book(&server);
    }
    let page = server.get("/").body;
    assert!(!page.contains("action=\"/sandbox/faults/1\""));
    assert!(page.contains("action=\"/sandbox/faults/2\""));
    assert!(page.contains("action=\"/sandbox/faults/3\""));
}

#[test]
fn control_errors_have_one_format() {
    let server = start(&[]);
    for (status, method, path) in [
        (404, "GET", "/sandbox"),
        (404, "GET", "/sandbox/nothing"),
        (405, "PUT", "/sandbox/clock"),
    ] {
        let body = server.send(method, path, &[], b"").expect(status);
        assert!(
            body["error"].is_string() && body.as_object().unwrap().len() == 1,
            "{body}"
        );
    }
}

#[test]
fn page_escapes_bookings() {
    let server = start(&[]);
    server
        .post(
            &format!("{V1}/samples"),
            FORM,
            "_customer_number=%3Cscript%3E1",
        )
        .expect(200);
    let page = server.get("/");
    assert_eq!(page.status, 200);
    assert!(page
        .header("content-security-policy")
        .unwrap()
        .starts_with("default-src 'none'"));
    assert!(page.body.contains("&lt;script&gt;1") && !page.body.contains("<script>1"));
    assert!(
        !page.body.contains("http://") && !page.body.contains("https://"),
        "nothing from elsewhere"
    );
    let pressed = server.send(
        "POST",
        "/sandbox/faults",
        &["Accept: text/html,*/*", &format!("Content-Type: {FORM}")],
        b"status=503&count=1",
    );
    assert_eq!(
        (pressed.status, pressed.header("location")),
        (303, Some("/"))
    );
    assert!(server
        .get("/")
        .body
        .contains("aria-label=\"Switch off: status 503\""));
    server
        .get(&format!("{V1}/samples/availability"))
        .expect(503);
    let spent = server.get("/").body;
    assert!(spent.contains("used up") && !spent.contains("Switch off"));
    assert_eq!(server.get("/openapi.json").expect(200)["openapi"], "3.1.0");
}

#[test]
fn server_sent_events_report_changes() {
    let server = start(&[]);
    let mut stream = server.connect();
    stream
        .write_all(b"GET /sandbox/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
        .unwrap();
    let mut seen = String::new();
    let mut buffer = [0; 1024];
    while !seen.contains("\r\n\r\n") {
        let count = stream.read(&mut buffer).unwrap();
        seen += std::str::from_utf8(&buffer[..count]).unwrap();
    }
    assert!(seen.contains("text/event-stream"), "{seen}");
    book(&server).expect(200);
    while !seen.contains("event: change") {
        let count = stream.read(&mut buffer).unwrap();
        assert!(count > 0, "{seen}");
        seen += std::str::from_utf8(&buffer[..count]).unwrap();
    }
}
