//! The v3 API.

use jiff::{SignedDuration, ToSpan};
use serde_json::{json, Value};

use crate::client::{start, start_with, Response, Server, FORM, JSON, V1, V3};
use crate::times::{closed_now, in_minutes, london, slot_in_hours, text, working_day};

fn create(server: &Server, body: Value) -> Response {
    server.post_json(&format!("{V3}/create"), body)
}

fn list(server: &Server, service: &str, query: &str) -> Response {
    server.get(&format!("{V3}/availability/{service}?{query}"))
}

/// The data of a successful response. Checks its envelope.
fn data(response: &Response) -> Value {
    let body = response.expect(200);
    assert_envelope(&body, 0);
    assert_eq!(body["status"]["message"], "Successful");
    body["data"].clone()
}

fn assert_envelope(body: &Value, code: u16) {
    assert_eq!(body["status"]["code"], code, "{body}");
    let id = body["status"]["corrId"].as_str().unwrap();
    uuid::Uuid::parse_str(id).unwrap();
}

fn assert_booked(response: &Response) {
    let data = data(response);
    assert_eq!(data.as_object().unwrap().len(), 1);
    uuid::Uuid::parse_str(data["id"].as_str().unwrap()).unwrap();
}

#[test]
fn create_accepts_json() {
    let server = start(&[]);
    assert_booked(&create(
        &server,
        json!({"serviceName": "samples", "phoneNumber": "+15551234567"}),
    ));
    let vendor = json!({
        "serviceName": "samples", "phoneNumber": "+15551234567", "desiredTime": text(slot_in_hours(30)),
        "userData": {"a": "1", "deep": {"b": [1, 2]}}, "cbOfferType": "ASAP if somebody is there",
        "language": "en-US", "priority": 5, "alwaysCheckCapacity": true, "unknown": 1
    });
    assert_booked(&create(&server, vendor));
    let empty =
        json!({"serviceName": "samples", "phoneNumber": "1", "desiredTime": "", "userData": null});
    assert_booked(&create(&server, empty));
}

#[test]
fn captcha_and_push_targets_are_required() {
    let server = start_with(
        "[services.shy]\ncaptcha = true\n[services.push]\ncall_direction = \"useroriginated\"\n",
    );
    for (service, name, value) in [
        ("shy", "captchaToken", json!("any")),
        (
            "push",
            "pushTargets",
            json!([{"channel": "FCM", "target": "t"}]),
        ),
    ] {
        let mut body = json!({"serviceName": service, "phoneNumber": "1"});
        let missing = create(&server, body.clone()).expect(400);
        assert_eq!(
            missing["status"]["message"],
            format!("Missing parameter {name}.")
        );
        body[name] = value;
        assert_booked(&create(&server, body));
    }
}

#[test]
fn booleans_and_push_targets_are_checked() {
    let server = start(&[]);
    let with = |name: &str, value: Value| {
        let mut body = json!({"serviceName": "samples", "phoneNumber": "1"});
        body[name] = value;
        create(&server, body)
    };
    assert_booked(&with("alwaysCheckCapacity", json!("True")));
    for value in [
        json!(["t"]),
        json!([{"channel": "FCM"}]),
        json!([{"channel": "FCM", "target": 1}]),
    ] {
        assert_envelope(&with("pushTargets", value).expect(400), 501);
    }
    let form =
        "serviceName=samples&phoneNumber=1&pushTargets[0][channel]=FCM&pushTargets[0][target]=t";
    assert_booked(&server.post(&format!("{V3}/create"), FORM, form));
}

#[test]
fn create_accepts_multipart_forms() {
    let server = start(&[]);
    let part = |name: &str, value: &str| {
        format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    };
    let parts = [
        ("serviceName", "samples"),
        ("phoneNumber", "88"),
        ("userData[a][b]", "1"),
    ];
    let body: String = parts
        .iter()
        .map(|(name, value)| part(name, value))
        .collect();
    assert_booked(&server.post(
        &format!("{V3}/create"),
        "multipart/form-data; boundary=b",
        &format!("{body}--b--\r\n"),
    ));
    let records = server.get(&format!("{V1}?_customer_number=88")).expect(200);
    assert_eq!(records[0]["b"], "1");
}

#[test]
fn create_accepts_nested_forms() {
    let server = start(&[]);
    let time = text(slot_in_hours(30)).replace(':', "%3A");
    let form = format!(
        "userData%5Ba%5D%5Bb%5D=1&userData[list][]=x&userData[items][0][n]=2&serviceName=samples\
         &phoneNumber=%2B1555&desiredTime={time}&priority=5"
    );
    let path = format!("{V3}/create");
    assert_booked(&server.post(&path, FORM, &form));
    assert_booked(&server.post(&path, &format!("{FORM}; charset=UTF-8"), &form));
    let slots = list(&server, "samples", &format!("start={time}&maxTimeSlots=1"));
    assert_eq!(data(&slots)["slots"][0]["capacity"], 3);
    let contradiction = server.post(&path, FORM, "userData=1&userData[a]=2");
    assert_envelope(&contradiction.expect(400), 501);
}

#[test]
fn every_time_format_with_zone_is_accepted() {
    let server = start(&[]);
    let slot = slot_in_hours(30);
    let later = slot + SignedDuration::from_hours(1);
    for time in [
        text(slot),
        slot.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        later.strftime("%Y-%m-%dT%H:%M:%S+01:00").to_string(),
    ] {
        let body = json!({"serviceName": "samples", "phoneNumber": "1", "desiredTime": time});
        assert_booked(&create(&server, body));
    }
    let slots = list(&server, "samples", &format!("start={}", text(slot)));
    assert_eq!(data(&slots)["slots"][0]["capacity"], 2);
}

#[test]
fn availability_has_the_documented_format() {
    let server = start(&[]);
    let slot = slot_in_hours(30);
    let start = text(slot);
    let end = text(slot + SignedDuration::from_mins(30));
    let plain = data(&list(
        &server,
        "samples",
        &format!("start={start}&end={end}"),
    ));
    let expected = json!({
        "slots": [
            {"utcTime": start, "capacity": 5, "total": 5},
            {"utcTime": text(slot + SignedDuration::from_mins(15)), "capacity": 5, "total": 5}
        ],
        "durationMin": 15,
        "timezone": "UTC"
    });
    assert_eq!(plain, expected);
    let milliseconds = format!(
        "startMS={}&endMS={}",
        slot.as_millisecond(),
        slot.as_millisecond() + 30 * 60 * 1000
    );
    assert_eq!(data(&list(&server, "samples", &milliseconds)), expected);
}

#[test]
fn local_times_are_included_with_a_zone() {
    let server = start(&[]);
    let zone = "America/Phoenix";
    let slot = slot_in_hours(30);
    let local = slot.to_zoned(jiff::tz::TimeZone::get(zone).unwrap());
    let wall = local.strftime("%Y-%m-%dT%H:%M:%S").to_string();
    let query = format!("start={wall}&numberOfDays=1&timezone=America%2FPhoenix&maxTimeSlots=1");
    let response = data(&list(&server, "samples", &query));
    assert_eq!(response["timezone"], zone);
    let slots = response["slots"].as_array().unwrap();
    assert_eq!(slots.len(), 1);
    assert_eq!(slots[0]["localTime"], format!("{wall}.000"));
    assert_eq!(slots[0]["utcTime"], text(slot));
}

#[test]
fn start_without_zone_is_utc() {
    let server = start(&[]);
    let slot = slot_in_hours(30);
    let wall = slot.strftime("%Y-%m-%dT%H:%M:%S").to_string();
    let rest = data(&list(&server, "samples", &format!("start={wall}")));
    let slots = rest["slots"].as_array().unwrap().clone();
    assert_eq!(slots[0]["utcTime"], text(slot));
    let last = slots[slots.len() - 1]["utcTime"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(
        last.ends_with("T23:45:00.000Z"),
        "the rest of that day: {last}"
    );
    assert_eq!(last[..10], wall[..10]);

    let midnight = london(working_day, 0, 0);
    let start = text(midnight.timestamp());
    let query = format!("start={start}&numberOfDays=1&timezone=Europe/London");
    let day = data(&list(&server, "support", &query));
    let slots = day["slots"].as_array().unwrap().clone();
    assert_eq!(slots.len(), 16);
    let date = midnight.strftime("%Y-%m-%d").to_string();
    assert_eq!(slots[0]["localTime"], format!("{date}T09:00:00.000"));
    assert_eq!(slots[15]["localTime"], format!("{date}T16:30:00.000"));
}

#[test]
fn response_has_the_canonical_zone_name() {
    let server = start(&[]);
    let response = data(&list(
        &server,
        "samples",
        "timezone=europe/london&reportBusy=True&maxTimeSlots=1",
    ));
    assert_eq!(response["timezone"], "Europe/London");
}

#[test]
fn days_default_to_the_zone_of_the_service() {
    // The day on which the clocks in London go back starts at 23:00 UTC and has 25 hours.
    let server = start_with(
        "[services.day]\nslot_minutes = 60\ntime_zone = \"Europe/London\"\n[services.other]\nslot_minutes = 60\n",
    );
    server
        .post_json(
            "/sandbox/clock",
            json!({"now": "2030-10-26T00:00:00Z", "speed": 0}),
        )
        .expect(200);
    let query = "start=2030-10-26T23:00:00Z&numberOfDays=1";
    let slots = data(&list(&server, "day", query))["slots"]
        .as_array()
        .unwrap()
        .clone();
    assert_eq!(slots.len(), 25);
    assert_eq!(slots[24]["utcTime"], "2030-10-27T23:00:00.000Z");
    let read_in_utc = data(&list(
        &server,
        "day",
        "start=2030-10-26T23:00:00&numberOfDays=1",
    ));
    assert_eq!(read_in_utc["slots"], json!(slots));
    let in_utc = data(&list(&server, "other", query));
    assert_eq!(
        in_utc["slots"].as_array().unwrap().len(),
        24,
        "a service in UTC"
    );
}

#[test]
fn end_precedence_is_configurable() {
    let slot = slot_in_hours(30);
    let end = slot + SignedDuration::from_mins(30);
    let both = [
        format!("start={}&end={}&numberOfDays=1", text(slot), text(end)),
        format!(
            "startMS={}&endMS={}&numberOfDays=1",
            slot.as_millisecond(),
            end.as_millisecond()
        ),
    ];
    for (switch, expected) in [
        ("", Some(2)),
        ("\"end\"", Some(2)),
        ("\"number-of-days\"", Some(96)),
        ("\"refuse\"", None),
    ] {
        let line = if switch.is_empty() {
            String::new()
        } else {
            format!("interval_end = {switch}\n")
        };
        let server = start_with(&format!("[server.v3]\n{line}"));
        for query in &both {
            let response = list(&server, "samples", query);
            match expected {
                Some(count) => assert_eq!(
                    data(&response)["slots"].as_array().unwrap().len(),
                    count,
                    "{switch}"
                ),
                None => assert_envelope(&response.expect(400), 501),
            }
        }
        list(
            &server,
            "samples",
            &format!("end={}&endMS={}", text(end), end.as_millisecond()),
        )
        .expect(400);
    }
}

#[test]
fn slots_do_not_start_before_the_interval() {
    let server = start(&[]);
    let slot = slot_in_hours(30);
    let inside = text(slot + SignedDuration::from_mins(7));
    let query = format!("start={inside}&numberOfDays=1&maxTimeSlots=1");
    let first = data(&list(&server, "samples", &query));
    let next = text(slot + SignedDuration::from_mins(15));
    assert_eq!(first["slots"][0]["utcTime"], next);
    let now = data(&list(&server, "samples", "numberOfDays=1&maxTimeSlots=1"));
    let now = now["slots"][0]["utcTime"].as_str().unwrap().to_owned();
    assert!(
        now >= text(in_minutes(-1)) && now <= text(in_minutes(16)),
        "{now}"
    );
}

#[test]
fn full_slots_are_rejected_with_proposals_and_listed_on_request() {
    let server = start(&[]);
    let slot = text(slot_in_hours(30));
    let body = json!({"serviceName": "samples", "phoneNumber": "1", "desiredTime": slot});
    for _ in 0..5 {
        assert_booked(&create(&server, body.clone()));
    }
    let refusal = create(&server, body).expect(429);
    assert_envelope(&refusal, 7041);
    let proposals = refusal["data"]["slots"].as_object().unwrap();
    assert_eq!(proposals.len(), 5);
    assert!(proposals.values().all(|capacity| capacity == "5"));
    assert!(!proposals.contains_key(&slot));

    let query = format!("start={slot}&numberOfDays=1&maxTimeSlots=1");
    let free = data(&list(&server, "samples", &query));
    assert_ne!(free["slots"][0]["utcTime"], slot);
    let busy = data(&list(
        &server,
        "samples",
        &format!("{query}&reportBusy=true"),
    ));
    let slots = busy["slots"].as_array().unwrap();
    assert_eq!(slots.len(), 2, "the full one and one free one");
    assert_eq!(
        slots[0],
        json!({"utcTime": slot, "capacity": 0, "total": 5})
    );
}

#[test]
fn capacity_is_shared_between_apis() {
    let server = start(&[]);
    let slot = text(slot_in_hours(30));
    let body = json!({"_customer_number": "1", "_desired_time": slot});
    let path = format!("{}/samples", crate::client::V1);
    server.post_json(&path, body).expect(200);
    let slots = data(&list(&server, "samples", &format!("start={slot}")));
    assert_eq!(slots["slots"][0]["capacity"], 4);
}

#[test]
fn closed_office_is_rejected() {
    let server = start(&[]);
    let weekend = london(|day| !working_day(day), 12, 0);
    let time = text(weekend.timestamp());
    let body = json!({"serviceName": "support", "phoneNumber": "1", "desiredTime": time});
    let refusal = create(&server, body).expect(429);
    assert_envelope(&refusal, 7042);
    assert_eq!(refusal["data"]["slots"].as_object().unwrap().len(), 5);
    let end = text((weekend + 1.hour()).timestamp());
    let slots = data(&list(
        &server,
        "support",
        &format!("start={time}&end={end}"),
    ));
    assert_eq!(slots["slots"], json!([]));
}

#[test]
fn closed_office_status_is_configurable() {
    let hours = closed_now();
    let server = start_with(&format!(
        "[server.v3]\nclosed_status = 400\napi_keys = []\n[services.weekly]\nhours = [\"{hours}\"]\n"
    ));
    let body = json!({"serviceName": "weekly", "phoneNumber": "1"}).to_string();
    let path = format!("{V3}/create");
    let json = format!("Content-Type: {JSON}");
    let refusal = server.send("POST", &path, &[&json], body.as_bytes());
    assert_envelope(&refusal.expect(400), 7042);
}

#[test]
fn gateway_requires_a_key() {
    let server = start(&[]);
    let path = format!("{V3}/availability/samples");
    let get = |headers: &[&str]| server.send("GET", &path, headers, b"").expect(401);
    let missing = json!({"fault": {
        "faultstring": "Failed to resolve API Key variable request.header.x-api-key",
        "detail": {"errorcode": "steps.oauth.v2.FailedToResolveAPIKey"}
    }});
    assert_eq!(get(&[]), missing);
    assert_eq!(get(&["apikey: sandbox-key"]), missing);
    let invalid = json!({"fault": {
        "faultstring": "Invalid ApiKey",
        "detail": {"errorcode": "oauth.v2.InvalidApiKey"}
    }});
    assert_eq!(get(&["x-api-key: other"]), invalid);
    server
        .send("POST", &format!("{V3}/create"), &[], b"")
        .expect(401);
}

#[test]
fn gateway_checks_the_key_first() {
    let server = start(&[]);
    for (method, path, length) in [
        ("GET", "/engagement/v3", 0),
        ("GET", "/engagement/v3/nothing", 0),
        ("DELETE", "/engagement/v3/callbacks/create", 0),
        ("POST", "/engagement/v3/callbacks/create", 1024 * 1024 + 1),
    ] {
        let response = server
            .send(method, path, &[], &vec![b'x'; length])
            .expect(401);
        assert!(
            response["fault"]["faultstring"].is_string(),
            "{method} {path}"
        );
    }
    assert_eq!(
        server
            .send("OPTIONS", "/engagement/v3/nothing", &[], b"")
            .status,
        204
    );
    for path in ["/engagement", "/engagement/other"] {
        assert!(
            server.send("GET", path, &[], b"").expect(404)["status"]["corrId"].is_string(),
            "{path}"
        );
    }
    server.send("GET", "/engagement/v30", &[], b"").expect(404);
}
