//! Limits on bookings, with the messages of real servers.

use serde_json::json;

use crate::client::{start_with, Response, Server, V1, V3};
use crate::times::{in_minutes, slot_in_hours, text};

fn book(server: &Server, number: &str, time: Option<String>) -> Response {
    server.post_json(
        &format!("{V1}/samples"),
        json!({"_customer_number": number, "_desired_time": time}),
    )
}

fn rejected(response: Response) -> String {
    let body = response.expect(503);
    let exception = body["exception"].as_str().unwrap();
    assert_eq!(
        exception,
        "com.genesyslab.gsg.services.callback.exceptions.CallbackExceptionServiceUnavailable"
    );
    body["message"].as_str().unwrap().to_owned()
}

#[test]
fn queue_limit() {
    let server = start_with("[services.samples]\nmax_queued = 1\n");
    let id = book(&server, "1", None).expect(200)["_id"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(
        rejected(book(&server, "2", None)),
        "Limit of queued callbacks for samples is reached."
    );
    let v3 = json!({"serviceName": "samples", "phoneNumber": "2"});
    let v3 = server.post_json(&format!("{V3}/create"), v3).expect(429);
    assert_eq!(
        (&v3["status"]["code"], &v3["data"]),
        (&json!(7041), &json!({"slots": {}}))
    );
    server
        .send("DELETE", &format!("{V1}/samples/{id}"), &[], b"")
        .expect(200);
    book(&server, "2", None).expect(200);
    book(&server, "3", Some(text(slot_in_hours(30)))).expect(200);
    rejected(book(&server, "3", Some(text(in_minutes(1)))));
    let scheduled = start_with("[services.samples]\nmax_queued = 1\n");
    for _ in 0..2 {
        book(&scheduled, "1", Some(text(slot_in_hours(30)))).expect(200);
    }
    let none = start_with("[services.samples]\nmax_queued = 0\n");
    rejected(book(&none, "1", None));
    rejected(book(&none, "1", Some(text(slot_in_hours(30)))));
}

#[test]
fn throttle_limit() {
    let server = start_with("[services.samples]\nthrottles = [{limit = 2, seconds = 300}]\n");
    let first = book(&server, "1", None).expect(200)["_id"]
        .as_str()
        .unwrap()
        .to_owned();
    book(&server, "2", Some(text(in_minutes(1)))).expect(200);
    server
        .send("DELETE", &format!("{V1}/samples/{first}"), &[], b"")
        .expect(200);
    let text_of = "Limit of queued callbacks for samples is reached for interval 300s.";
    assert_eq!(
        rejected(book(&server, "3", None)),
        text_of,
        "cancelled ones count"
    );
    book(&server, "4", Some(text(slot_in_hours(3)))).expect(200);
}

#[test]
fn daily_limit() {
    let server = start_with("[services.samples]\nmax_daily = 2\n");
    for _ in 0..2 {
        book(&server, "1", None).expect(200);
    }
    assert_eq!(
        rejected(book(&server, "1", None)),
        "Callback for _customer_number=1 rejected because previous callbacks for this parameter were requested for more \
         than 2 times today."
    );
    book(&server, "2", None).expect(200);
    book(&server, "1", Some(text(slot_in_hours(3)))).expect(200);
}

#[test]
fn daily_limit_ignores_empty_values() {
    let server = start_with("[services.samples]\nmax_daily = 1\ndaily_keys = [\"email\"]\n");
    let book = |email: &str| {
        server.post_json(
            &format!("{V1}/samples"),
            json!({"_customer_number": "1", "email": email}),
        )
    };
    for email in ["", "", "a@b.example"] {
        book(email).expect(200);
    }
    assert!(rejected(book("a@b.example")).contains("email=a@b.example"));
}

#[test]
fn in_queue_check_spans_services() {
    let server = start_with("[services.samples]\nin_queue_check = true\n[services.other]\n");
    server
        .post_json(
            "/sandbox/clock",
            json!({"now": "2030-01-07T00:00:00Z", "speed": 0}),
        )
        .expect(200);
    server
        .post_json(&format!("{V1}/other"), json!({"_customer_number": "1"}))
        .expect(200);
    book(&server, "1", None).expect(200);
    rejected(book(&server, "1", None));
    server
        .post_json("/sandbox/clock", json!({"advanceSeconds": 65}))
        .expect(200);
    for _ in 0..2 {
        book(&server, "1", None).expect(200);
    }
    rejected(book(&server, "1", None));
}

#[test]
fn in_queue_check() {
    let server = start_with("[services.samples]\nin_queue_check = true\n");
    book(&server, "1", None).expect(200);
    book(&server, "1", Some(text(slot_in_hours(30)))).expect(200);
    assert!(rejected(book(&server, "1", None)).contains("_customer_number=1"));
    book(&server, "2", None).expect(200);
}

#[test]
fn impossible_numbers_are_rejected() {
    let server = start_with(
        "[services.samples]\ndisallow_impossible_numbers = true\ndisallow_premium_numbers = true\ndefault_country = \"US\"\n\
         [services.nowhere]\ndisallow_premium_numbers = true\n",
    );
    for (number, code) in [("111", 7036), ("abc", 7030), ("+19005551234", 7037)] {
        assert_eq!(
            book(&server, number, None).expect(400)["code"],
            code,
            "{number}"
        );
        let v3 = json!({"serviceName": "samples", "phoneNumber": number});
        assert_eq!(
            server.post_json(&format!("{V3}/create"), v3).expect(400)["status"]["code"],
            code,
            "{number}"
        );
    }
    for number in ["+1 650 253 0000", "4151110000", "+15551234567"] {
        book(&server, number, None).expect(200);
    }
    let nowhere = server
        .post_json(&format!("{V1}/nowhere"), json!({"_customer_number": "1"}))
        .expect(400);
    assert!(nowhere["message"]
        .as_str()
        .unwrap()
        .starts_with("Service option nowhere / _default_country is not configured."));
}

#[test]
fn capacity_by_the_hour() {
    let server = start_with(
        "[services.samples]\nweekly_places = [\"Mon-Sun 00:00-12:00 3\"]\nexceptional_places = [\"2030-01-08 09:00-10:00 1\"]\nfurthest = \"2y\"\n",
    );
    server
        .post_json(
            "/sandbox/clock",
            json!({"now": "2030-01-07T00:00:00Z", "speed": 0}),
        )
        .expect(200);
    let at = |time: &str| {
        let path = format!(
            "/genesys/2/service/callback/samples/availability?start={time}&report-busy=true"
        );
        server.get(&path).expect(200)["slots"][0]["total"].clone()
    };
    assert_eq!(at("2030-01-08T11:55:00Z"), 3);
    assert_eq!(at("2030-01-08T09:55:00Z"), 1);
    assert_eq!(at("2030-01-08T12:00:00Z"), 0);
    book(&server, "1", Some("2030-01-08T12:00:00Z".to_owned())).expect(400);
}
