//! Faults by operation, and the counts of operations that must not be sent twice.

use std::io::Write;
use std::time::{Duration, Instant};

use serde_json::{json, Value};

use crate::client::{send_to, start, Server, TemporaryFile, FORM, V1, V3};
use crate::times::{slot_in_hours, text};

const CALL_IN: &str = "/engagement/v3/call-in/requests/create";

fn fault(server: &Server, fields: Value) {
    server.post_json("/sandbox/faults", fields).expect(200);
}

fn book_v1(server: &Server) -> String {
    let form = format!(
        "_customer_number=1&_desired_time={}",
        text(slot_in_hours(30))
    );
    let booked = server
        .post(&format!("{V1}/samples"), FORM, &form)
        .expect(200);
    booked["_id"].as_str().unwrap().to_owned()
}

fn book_v3(server: &Server) -> String {
    let body = json!({"serviceName": "samples", "phoneNumber": "1"});
    let booked = server.post_json(&format!("{V3}/create"), body).expect(200);
    booked["data"]["id"].as_str().unwrap().to_owned()
}

fn record(server: &Server, id: &str) -> Value {
    server.get(&format!("{V1}?_id={id}")).expect(200)[0].clone()
}

/// The counts of one operation as (subject, received, done).
fn counts(server: &Server, query: &str) -> Vec<(String, u64, u64)> {
    let counts = server
        .get(&format!("/sandbox/operations{query}"))
        .expect(200);
    let number = |count: &Value, name: &str| count[name].as_u64().unwrap();
    let counts = counts.as_array().unwrap().iter();
    counts
        .map(|count| {
            let subject = count["subject"].as_str().unwrap().to_owned();
            (subject, number(count, "received"), number(count, "done"))
        })
        .collect()
}

fn wait_until(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !condition() {
        assert!(Instant::now() < deadline, "{what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Sends a request whose connection is reset.
fn send_and_lose(server: &Server, method: &str, path: &str, body: &str) {
    let headers = ["Content-Type: application/json", "x-api-key: sandbox-key"];
    let sent = send_to(&server.address, method, path, &headers, body.as_bytes());
    assert!(sent.is_err(), "{method} {path}");
}

#[test]
fn response_is_lost_although_the_operation_is_done() {
    let server = start(&[]);
    for operation in ["cancel", "reschedule", "callIn"] {
        fault(
            &server,
            json!({"operation": operation, "reset": "after", "count": 1}),
        );
    }
    let (cancelled, moved, new) = (book_v1(&server), book_v1(&server), text(slot_in_hours(31)));
    send_and_lose(&server, "DELETE", &format!("{V1}/samples/{cancelled}"), "");
    let change = json!({"_new_desired_time": new}).to_string();
    send_and_lose(&server, "PUT", &format!("{V1}/samples/{moved}"), &change);
    send_and_lose(
        &server,
        "POST",
        CALL_IN,
        r#"{"groupName":"g","fromPhoneNumber":"+1"}"#,
    );
    assert_eq!(record(&server, &cancelled)["_callback_reason"], "CANCELLED");
    assert_eq!(record(&server, &moved)["_desired_time"], new.as_str());
    assert_eq!(counts(&server, "?operation=cancel"), [(cancelled, 1, 1)]);
    assert_eq!(counts(&server, "?operation=reschedule"), [(moved, 1, 1)]);
    assert_eq!(
        counts(&server, "?operation=callIn"),
        [("+1".to_owned(), 1, 1)]
    );
    assert_eq!(counts(&server, "").len(), 3);
}

#[test]
fn v3_cancel_can_be_done_with_its_response_lost() {
    let server = start(&[]);
    fault(
        &server,
        json!({"operation": "cancel", "reset": "after", "count": 1}),
    );
    let id = book_v3(&server);
    let body = json!({"id": id.to_uppercase()}).to_string();
    send_and_lose(&server, "POST", &format!("{V3}/cancel"), &body);
    assert_eq!(record(&server, &id)["_callback_state"], "COMPLETED");
    let again = server.post_json(&format!("{V3}/cancel"), json!({"id": id}));
    again.expect(400);
    assert_eq!(counts(&server, "?operation=cancel"), [(id.clone(), 2, 1)]);
    assert_eq!(counts(&server, &format!("?subject={id}")), [(id, 2, 1)]);
}

#[test]
fn requests_that_are_not_carried_out_are_counted_as_received() {
    let server = start(&[]);
    let id = book_v1(&server);
    let path = format!("{V1}/samples/{id}");
    fault(
        &server,
        json!({"operation": "cancel", "status": 500, "count": 1}),
    );
    server.send("DELETE", &path, &[], b"").expect(500);
    fault(
        &server,
        json!({"operation": "cancel", "reset": "before", "count": 1}),
    );
    send_and_lose(&server, "DELETE", &path, "");
    assert_eq!(counts(&server, "?operation=cancel"), [(id.clone(), 2, 0)]);
    assert_eq!(record(&server, &id)["_callback_state"], "SCHEDULED");
    server
        .send("DELETE", &format!("{V1}/samples/no%2Fbody"), &[], b"")
        .expect(404);
    let unreadable = server.post(&format!("{V3}/cancel"), "application/json", "{");
    unreadable.expect(400);
    let expected = [
        ("".to_owned(), 1, 0),
        (id, 2, 0),
        ("no/body".to_owned(), 1, 0),
    ];
    assert_eq!(counts(&server, "?operation=cancel"), expected);
    server.send("POST", "/sandbox/reset", &[], b"").expect(200);
    assert!(counts(&server, "").is_empty());
    for wrong in ["id=1", "operation=cancle", "operation=schedule"] {
        let path = format!("/sandbox/operations?{wrong}");
        server.get(&path).expect(400);
    }
}

#[test]
fn refused_reschedule_and_call_in_are_not_done() {
    let server = start(&[]);
    let id = book_v1(&server);
    let headers = ["Content-Type: application/json"];
    let body = json!({"_new_desired_time": "2001-01-01T00:00:00Z"}).to_string();
    let path = format!("{V1}/samples/{id}");
    server
        .send("PUT", &path, &headers, body.as_bytes())
        .expect(400);
    server
        .post_json(
            CALL_IN,
            json!({"groupName": "g", "callbackServiceId": "nobody"}),
        )
        .expect(400);
    server
        .post_json(CALL_IN, json!({"groupName": "g"}))
        .expect(200);
    assert_eq!(counts(&server, "?operation=reschedule"), [(id, 1, 0)]);
    assert_eq!(
        counts(&server, "?operation=callIn"),
        [("g".to_owned(), 2, 1)]
    );
}

#[test]
fn supervisors_cancellations_have_their_own_counts() {
    let server = start(&[]);
    let id = book_v1(&server);
    let body = json!({"ids": [id, "nobody"]});
    server
        .post_json("/genesys/1/admin/callback/cancel", body)
        .expect(200);
    let expected = [(id, 1, 1), ("nobody".to_owned(), 1, 0)];
    assert_eq!(counts(&server, "?operation=adminCancel"), expected);
    assert!(counts(&server, "?operation=cancel").is_empty());
}

#[test]
fn error_can_follow_an_operation_that_was_done() {
    let server = start(&[]);
    let id = book_v1(&server);
    fault(
        &server,
        json!({"operation": "cancel", "status": 502, "carryOut": true, "count": 1}),
    );
    server
        .send("DELETE", &format!("{V1}/samples/{id}"), &[], b"")
        .expect(502);
    assert_eq!(record(&server, &id)["_callback_reason"], "CANCELLED");
    assert_eq!(counts(&server, ""), [(id, 1, 1)]);
    let log = server.get("/sandbox/requests?max=2").expect(200);
    assert_eq!(
        (&log[0]["operation"], &log[1]["operation"]),
        (&json!("retrieve"), &json!("cancel"))
    );
    assert_eq!(log[1]["fault"], "carry out the request, status 502");
}

#[test]
fn booking_is_made_before_a_late_response() {
    let server = start(&[]);
    let long = json!({"operation": "schedule", "delayMs": 600_000, "carryOut": true, "count": 1});
    fault(&server, long);
    let mut waiting = server.connect();
    let request = "POST /genesys/1/service/callback/samples HTTP/1.1\r\nHost: x\r\n\
                   Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 18\r\n\r\n\
                   _customer_number=9";
    waiting.write_all(request.as_bytes()).unwrap();
    let path = format!("{V1}?_customer_number=9");
    let booked = || server.get(&path).expect(200) != json!([]);
    wait_until("it is booked", booked);
}

#[test]
fn request_of_a_client_that_leaves_is_logged_and_not_carried_out() {
    let server = start(&[]);
    let id = book_v1(&server);
    fault(
        &server,
        json!({"operation": "cancel", "delayMs": 600_000, "count": 1}),
    );
    let mut leaving = server.connect();
    let request = format!("DELETE {V1}/samples/{id} HTTP/1.1\r\nHost: x\r\n\r\n");
    leaving.write_all(request.as_bytes()).unwrap();
    wait_until("it is received", || !counts(&server, "").is_empty());
    drop(leaving);
    let log = || server.get("/sandbox/requests?max=1").expect(200)[0].clone();
    wait_until("it is logged", || log()["operation"] == "cancel");
    assert_eq!(log()["status"], Value::Null);
    assert_eq!(record(&server, &id)["_callback_state"], "SCHEDULED");
    assert_eq!(counts(&server, ""), [(id, 1, 0)]);
}

#[test]
fn counts_survive_a_kill_and_a_restart() {
    let file = TemporaryFile::new("db");
    let mut server = start(&["--db", file.name()]);
    fault(
        &server,
        json!({"operation": "cancel", "reset": "after", "count": 1}),
    );
    let id = book_v1(&server);
    send_and_lose(&server, "DELETE", &format!("{V1}/samples/{id}"), "");
    server.child.kill().unwrap();
    server.child.wait().unwrap();
    let reopened = start(&["--db", file.name()]);
    assert_eq!(record(&reopened, &id)["_callback_reason"], "CANCELLED");
    assert_eq!(counts(&reopened, ""), [(id, 1, 1)]);
}
