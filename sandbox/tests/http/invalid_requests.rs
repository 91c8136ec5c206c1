//! Invalid requests, for both APIs.

use serde_json::{json, Value};

use crate::client::{start, Server, FORM, JSON, V1, V3};
use crate::times::{in_minutes, slot_in_hours, text};

fn post_v1(server: &Server, content_type: &str, body: &str) -> crate::client::Response {
    server.post(&format!("{V1}/samples"), content_type, body)
}

fn post_v3(server: &Server, content_type: &str, body: &str) -> crate::client::Response {
    server.post(&format!("{V3}/create"), content_type, body)
}

#[test]
fn missing_number_is_rejected() {
    let server = start(&[]);
    for body in ["", "subject=x", "_customer_number="] {
        let error = post_v1(&server, FORM, body).expect(400);
        assert_eq!(error["code"], 501);
        assert_eq!(error["phrase"], "BAD_PARAMETER");
        let message = error["message"].as_str().unwrap();
        assert!(message.contains("_customer_number") && message.contains("not contain"));
    }
    for body in [
        json!({"serviceName": "samples"}),
        json!({"phoneNumber": "1"}),
        json!({"serviceName": "samples", "phoneNumber": 1}),
    ] {
        let error = post_v3(&server, JSON, &body.to_string()).expect(400);
        assert_eq!(error["status"]["code"], 501, "{body}");
    }
}

#[test]
fn invalid_times_are_rejected() {
    let server = start(&[]);
    let slot = slot_in_hours(30);
    for time in [
        text(in_minutes(-60)),
        text(in_minutes(33 * 24 * 60)),
        slot.strftime("%Y-%m-%dT%H:%M:%S").to_string(),
        "tomorrow".to_owned(),
    ] {
        let v1 = json!({"_customer_number": "1", "_desired_time": time});
        let v1 = post_v1(&server, JSON, &v1.to_string()).expect(400);
        assert_eq!(v1["code"], 501, "{time}");
        let v3 = json!({"serviceName": "samples", "phoneNumber": "1", "desiredTime": time});
        let v3 = post_v3(&server, JSON, &v3.to_string()).expect(400);
        assert_eq!(v3["status"]["code"], 501, "{time}");
    }
}

#[test]
fn invalid_query_parameters_are_rejected() {
    let server = start(&[]);
    for query in [
        "start=x",
        "start=2030-01-07T10:00:00",
        "number-of-days=0",
        "number-of-days=two",
        "number-of-days=99999999",
        "max-time-slots=-1",
        "start=2030-01-07T10:00:00Z&end=2030-01-06T10:00:00Z",
        "start=%zz",
    ] {
        let path = format!("{V1}/samples/availability?{query}");
        assert_eq!(server.get(&path).expect(400)["code"], 501, "{query}");
    }
    for query in [
        "start=x",
        "startMS=x",
        "startMS=99999999999999999",
        "start=2030-01-07T10:00:00Z&startMS=1",
        "end=2030-01-07T10:00:00Z&endMS=1",
        "numberOfDays=1.5",
        "maxTimeSlots=0",
        "reportBusy=yes",
        "timezone=Mars",
        "end=2000-01-01T00:00:00Z",
    ] {
        let path = format!("{V3}/availability/samples?{query}");
        let error = server.get(&path).expect(400);
        assert_eq!(error["status"]["code"], 501, "{query}");
    }
}

#[test]
fn unknown_services_are_rejected() {
    let server = start(&[]);
    let assert_v1 = |error: Value| {
        assert_eq!(error["code"], 7040);
        let exception = error["exception"].as_str().unwrap();
        assert!(exception.ends_with("CallbackExceptionResource"));
    };
    let path = format!("{V1}/no%20body");
    assert_v1(server.post(&path, FORM, "_customer_number=1").expect(400));
    assert_v1(server.get(&format!("{path}/availability")).expect(400));
    let body = json!({"serviceName": "nobody", "phoneNumber": "1"}).to_string();
    let error = post_v3(&server, JSON, &body).expect(400);
    assert_eq!(error["status"]["code"], 7040);
    let error = server.get(&format!("{V3}/availability/nobody"));
    assert_eq!(error.expect(400)["status"]["code"], 7040);
    server.get(&format!("{V1}/%ff/availability")).expect(400);
    server.get(&format!("{V3}/availability/%ff")).expect(400);
}

#[test]
fn unknown_paths_and_methods_are_rejected() {
    let server = start(&[]);
    for path in ["/nothing", "/genesys/1/other", &format!("{V1}/a/b/c")] {
        let body = server.get(path).expect(404);
        assert!(body["exception"].is_string() && body["message"].is_string());
    }
    let body = server.get(&format!("{V3}/nothing")).expect(404);
    assert!(body["status"]["code"].is_number() && body["status"]["corrId"].is_string());

    let wrong = server.send("DELETE", &format!("{V1}/samples"), &[], b"");
    assert_eq!(wrong.header("allow"), Some("POST,GET,HEAD"));
    assert!(wrong.expect(405)["exception"].is_string());
    let wrong = server.get(&format!("{V3}/create"));
    assert_eq!(wrong.header("allow"), Some("POST"));
    assert!(wrong.expect(405)["status"]["message"].is_string());
}

#[test]
fn unsupported_content_types_are_rejected() {
    let server = start(&[]);
    for kind in [
        "text/plain",
        "application/xml",
        "multipart/mixed; boundary=b",
    ] {
        let body = post_v1(&server, kind, "_customer_number=1").expect(415);
        assert!(body["exception"].is_string());
    }
    let body = post_v3(&server, "text/plain", "x").expect(415);
    assert_eq!(body["status"]["code"], 415);
    let path = format!("{V1}/samples");
    server
        .send("POST", &path, &[], b"_customer_number=1")
        .expect(415);
}

#[test]
fn empty_body_is_an_empty_form() {
    let server = start(&[]);
    let v1 = server
        .send("POST", &format!("{V1}/samples"), &[], b"")
        .expect(400);
    assert_eq!(
        v1["message"],
        "The request does not contain the mandatory option _customer_number."
    );
    let v3 = server
        .send(
            "POST",
            &format!("{V3}/create"),
            &["x-api-key: sandbox-key"],
            b"",
        )
        .expect(400);
    assert_eq!(v3["status"]["code"], 501);
}

#[test]
fn malformed_bodies_are_rejected() {
    let server = start(&[]);
    for body in ["{", "[]", "", "{\"_customer_number\":{}}", "{\"a\":[1]}"] {
        assert_eq!(
            post_v1(&server, JSON, body).expect(400)["code"],
            501,
            "{body}"
        );
    }
    assert_eq!(post_v1(&server, FORM, "a=%zz").expect(400)["code"], 501);
    let kind = "multipart/form-data; boundary=b";
    assert_eq!(post_v1(&server, kind, "--b\r\nx").expect(400)["code"], 501);
    let kind = "multipart/form-data";
    assert_eq!(post_v1(&server, kind, "--b--").expect(400)["code"], 501);
    let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
    let body = format!("{{\"a\":{deep}}}");
    assert_eq!(post_v1(&server, JSON, &body).expect(400)["code"], 501);
    let error = post_v3(&server, JSON, &body).expect(400);
    assert_eq!(error["status"]["code"], 501);
    let brackets = format!("userData{}=1", "[a]".repeat(100_000));
    let error = post_v3(&server, FORM, &brackets).expect(400);
    assert_eq!(error["status"]["code"], 501);
}

#[test]
fn oversized_bodies_are_rejected() {
    let server = start(&[]);
    let form = |length: usize| {
        let head = "_customer_number=1&note=";
        format!("{head}{}", "x".repeat(length - head.len()))
    };
    post_v1(&server, FORM, &form(1024 * 1024)).expect(200);
    let error = post_v1(&server, FORM, &form(1024 * 1024 + 1)).expect(413);
    assert_eq!(error["code"], 413);
    let error = post_v3(&server, FORM, &form(9 * 1024 * 1024)).expect(413);
    assert_eq!(error["status"]["code"], 413);
}
