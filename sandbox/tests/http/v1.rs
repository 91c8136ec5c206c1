//! The v1 API.

use base64::Engine;
use serde_json::{json, Value};

use crate::client::{start, start_with, Server, FORM, JSON, V1};
use crate::times::{closed_now, in_minutes, london, slot_in_hours, text, working_day};

fn samples() -> String {
    format!("{V1}/samples")
}

fn capacity(server: &Server, slot: &str) -> Value {
    let path = format!("{V1}/samples/availability?start={slot}");
    server.get(&path).expect(200)[slot].clone()
}

/// An immediate booking is confirmed exactly like this, in this order.
fn assert_confirmation(body: &Value) {
    let keys: Vec<&String> = body.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["_dialog_id", "_action", "_text", "_ok_title", "_id"]);
    assert_eq!(body["_dialog_id"], "0");
    assert_eq!(body["_action"], "ConfirmationDialog");
    assert_eq!(body["_text"], "You will receive the call shortly");
    assert_eq!(body["_ok_title"], "Ok");
    assert_id(&body["_id"]);
}

fn assert_id(id: &Value) {
    let id = id.as_str().unwrap().strip_prefix("369-").unwrap();
    uuid::Uuid::parse_str(id).unwrap();
}

#[test]
fn immediate_booking_in_every_content_type() {
    let server = start(&[]);
    let form = "_customer_number=4151110000&_desired_time=&_call_direction=&subject=q+%26+a";
    assert_confirmation(&server.post(&samples(), FORM, form).expect(200));
    let with_charset = format!("{FORM}; charset=UTF-8");
    assert_confirmation(&server.post(&samples(), &with_charset, form).expect(200));
    let flat =
        r#"{"_customer_number":5115,"_callback_state":null,"vip":true,"_desired_time":null}"#;
    assert_confirmation(&server.post(&samples(), JSON, flat).expect(200));
    let upper = "Application/JSON; charset=utf-8";
    assert_confirmation(&server.post(&samples(), upper, flat).expect(200));
    let multipart =
        "--b\r\nContent-Disposition: form-data; name=\"_customer_number\"\r\n\r\n5115\r\n\
                     --b\r\nContent-Disposition: form-data; name=\"note\"; filename=\"n.txt\"\r\n\
                     Content-Type: text/plain\r\n\r\nhello\r\n--b--\r\n";
    let response = server.post(&samples(), "multipart/form-data; boundary=b", multipart);
    assert_confirmation(&response.expect(200));
}

#[test]
fn files_may_be_uploaded() {
    let server = start(&[]);
    let mut body = b"--b\r\nContent-Disposition: form-data; name=\"_customer_number\"\r\n\r\n99\r\n\
                     --b\r\nContent-Disposition: form-data; name=\"photo\"; filename=\"p.jpg\"\r\n\r\n"
        .to_vec();
    body.extend([0xff, 0xd8, 0xff]);
    body.extend(b"\r\n--b--\r\n");
    server
        .send(
            "POST",
            &samples(),
            &["Content-Type: multipart/form-data; boundary=b"],
            &body,
        )
        .expect(200);
    let records = server.get(&format!("{V1}?_customer_number=99")).expect(200);
    assert_eq!(records[0]["photo"], "p.jpg (3 bytes)");
}

#[test]
fn scheduled_booking_in_every_content_type() {
    let server = start(&[]);
    let slot = slot_in_hours(30);
    let time = text(slot);
    let without_milliseconds = slot.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let form = format!("_customer_number=1&_desired_time={time}");
    let multipart = format!(
        "--b\r\nContent-Disposition: form-data; name=\"_customer_number\"\r\n\r\n1\r\n\
         --b\r\nContent-Disposition: form-data; name=\"_desired_time\"\r\n\r\n{time}\r\n--b--\r\n"
    );
    let flat = json!({"_customer_number": "1", "_desired_time": without_milliseconds});
    assert_eq!(capacity(&server, &time), 5);
    let responses = [
        server.post(&samples(), FORM, &form),
        server.post_json(&samples(), flat),
        server.post(&samples(), "multipart/form-data; boundary=b", &multipart),
    ];
    for response in &responses {
        let body = response.expect(200);
        assert_eq!(body.as_object().unwrap().len(), 1, "only _id: {body}");
        assert_id(&body["_id"]);
    }
    assert_eq!(capacity(&server, &time), 2);
}

#[test]
fn time_inside_a_slot_counts_for_the_slot() {
    let server = start(&[]);
    let slot = slot_in_hours(30);
    let inside = slot + jiff::SignedDuration::from_secs(14 * 60 + 59);
    let body = json!({"_customer_number": "1", "_desired_time": text(inside)});
    server.post_json(&samples(), body).expect(200);
    let offset = (slot + jiff::SignedDuration::from_hours(2))
        .strftime("%Y-%m-%dT%H:%M:%S.000+02:00")
        .to_string();
    let body = json!({"_customer_number": "1", "_desired_time": offset});
    server.post_json(&samples(), body).expect(200);
    assert_eq!(capacity(&server, &text(slot)), 3);
}

#[test]
fn immediate_bookings_take_no_capacity() {
    let server = start(&[]);
    let bare = format!("{V1}/samples/availability");
    for _ in 0..7 {
        let body = json!({"_customer_number": "1"});
        server.post_json(&samples(), body).expect(200);
    }
    let slots = server.get(&bare).expect(200);
    let slots = slots.as_object().unwrap().clone();
    assert_eq!(slots.len(), 1, "the current slot: {slots:?}");
    assert!(slots.values().all(|capacity| *capacity == 5));
}

#[test]
fn availability_is_sorted_and_limited() {
    let server = start(&[]);
    let slot = slot_in_hours(30);
    let keys = |query: &str| -> Vec<String> {
        let path = format!("{V1}/samples/availability?{query}");
        let slots = server.get(&path).expect(200);
        slots.as_object().unwrap().keys().cloned().collect()
    };
    let quarter = |count: i64| text(slot + jiff::SignedDuration::from_mins(15 * count));
    let inside = text(slot + jiff::SignedDuration::from_mins(7));
    let start = text(slot);
    assert_eq!(keys(&format!("start={start}")), [quarter(0)]);
    assert_eq!(keys(&format!("start={inside}")), [quarter(0)]);
    let end = quarter(2);
    assert_eq!(
        keys(&format!("start={inside}&end={end}")),
        [quarter(0), quarter(1)]
    );
    let encoded = start.replace(':', "%3A");
    assert_eq!(
        keys(&format!(
            "start={encoded}&number-of-days=2&max-time-slots=3"
        )),
        [quarter(0), quarter(1), quarter(2)]
    );
    let days = keys(&format!("start={start}&number-of-days=2&max-time-slots="));
    assert_eq!(days.len(), 192);
    assert!(days.windows(2).all(|pair| pair[0] < pair[1]));
    let both = keys(&format!("start={start}&number-of-days=2&end={end}"));
    assert_eq!(both.len(), 2, "the end wins over the days");
}

#[test]
fn past_and_far_future_are_not_offered() {
    let server = start(&[]);
    let (start, end) = (text(in_minutes(-600)), text(in_minutes(60 * 24 * 60)));
    let path = format!("{V1}/samples/availability?start={start}&end={end}");
    let slots = server.get(&path).expect(200);
    let slots: Vec<String> = slots.as_object().unwrap().keys().cloned().collect();
    assert!(slots[0] > text(in_minutes(-16)), "{}", slots[0]);
    assert!(slots[slots.len() - 1] < text(in_minutes(32 * 24 * 60)));
    let body = json!({"_customer_number": "1", "_desired_time": slots[slots.len() - 1]});
    server.post_json(&samples(), body).expect(200);
}

#[test]
fn full_slots_are_hidden_and_rejected_with_proposals() {
    let server = start(&[]);
    let slot = text(slot_in_hours(30));
    let body = json!({"_customer_number": "1", "_desired_time": slot});
    for _ in 0..5 {
        server.post_json(&samples(), body.clone()).expect(200);
    }
    let path = format!("{V1}/samples/availability?start={slot}");
    assert_eq!(server.get(&path).expect(200), json!({}));
    let path = format!("{V1}/samples/availability?start={slot}&number-of-days=1&max-time-slots=2");
    let next = server.get(&path).expect(200);
    assert_eq!(
        next.as_object().unwrap().len(),
        2,
        "full slots do not count"
    );

    let refusal = server.post_json(&samples(), body).expect(400);
    let exception = refusal["exception"].as_str().unwrap();
    assert!(exception.ends_with(".callback.exceptions.CallbackExceptionAvailability"));
    assert_eq!(refusal["code"], 7041);
    assert!(refusal["phrase"].is_string());
    let message = refusal["message"].as_str().unwrap();
    assert!(message.contains("Too many requests"), "{message}");
    assert!(message.contains("Proposing time slots."), "{message}");
    assert!(message.contains(slot.trim_end_matches('Z')), "{message}");
    let proposals = refusal["availability"].as_object().unwrap();
    assert_eq!(proposals.len(), 5);
    assert!(proposals.values().all(|capacity| *capacity == 5));
    assert!(!proposals.contains_key(&slot));
    let proposed = proposals.keys().next().unwrap();
    let body = json!({"_customer_number": "1", "_desired_time": proposed});
    server.post_json(&samples(), body).expect(200);
}

#[test]
fn office_hours_limit_slots_and_times() {
    let server = start(&[]);
    let support = format!("{V1}/support");
    let open = london(working_day, 0, 0).timestamp();
    let path = format!(
        "{support}/availability?start={}&number-of-days=1",
        text(open)
    );
    let day = server.get(&path).expect(200);
    let slots = day.as_object().unwrap();
    assert_eq!(slots.len(), 16);
    assert!(slots.values().all(|capacity| *capacity == 2));
    let opening = text(london(working_day, 9, 0).timestamp());
    assert_eq!(slots.keys().next(), Some(&opening));

    let closed = text(london(|day| !working_day(day), 12, 0).timestamp());
    let body = json!({"_customer_number": "1", "_desired_time": closed});
    let refusal = server.post_json(&support, body).expect(400);
    assert_eq!(refusal["code"], 7042);
    assert!(refusal["exception"]
        .as_str()
        .unwrap()
        .ends_with("CallbackExceptionAvailability"));
    assert_eq!(refusal["availability"].as_object().unwrap().len(), 5);
    let path = format!("{support}/availability?start={closed}");
    assert_eq!(server.get(&path).expect(400)["code"], 7042);
}

#[test]
fn as_soon_as_possible_needs_an_open_office() {
    let hours = closed_now();
    let server = start_with(&format!("[services.weekly]\nhours = [\"{hours}\"]\n"));
    let body = json!({"_customer_number": "1"});
    let refusal = server.post_json(&format!("{V1}/weekly"), body).expect(400);
    assert_eq!(refusal["code"], 7042);
    assert_eq!(refusal["availability"].as_object().unwrap().len(), 5);
}

#[test]
fn v1_options_change_the_responses() {
    let server = start_with(
        "[server.v1]\nfull_slot_status = 429\nunknown_service_status = 404\n\
         closed_interval = \"empty\"\nfirst_slot = \"next\"\ninterval_end = \"number-of-days\"\n\
         [services.none]\nplaces = 0\n[services.one]\nslot_minutes = 60\n\
         [services.shut]\nhours = [\"Mon 00:00-24:00\"]\nholidays = [\"12-25\"]\n\
         disallow_impossible_numbers = true\ndefault_country = \"US\"\n",
    );
    let slot = slot_in_hours(30);
    let body = json!({"_customer_number": "1", "_desired_time": text(slot)});
    let full = server.post_json(&format!("{V1}/none"), body.clone());
    assert_eq!(full.expect(429)["availability"], json!({}));
    let unknown = server.post_json(&format!("{V1}/nobody"), body);
    assert_eq!(unknown.expect(404)["code"], 7040);
    let sunday = london(|day| day == jiff::civil::Weekday::Sunday, 12, 0);
    let sunday = text(sunday.timestamp());
    let path = format!("{V1}/shut/availability?start={sunday}");
    assert_eq!(server.get(&path).expect(200), json!({}));
    let body = json!({"_customer_number": "abc"});
    let number = server.post_json(&format!("{V1}/shut"), body).expect(400);
    assert_eq!(number["code"], 7030);
    assert_eq!(
        number["message"],
        "Customer Number [abc] is disallowed, because it is invalid. Check option _disallow_impossible_phone_numbers"
    );

    let hour = slot.as_second() - slot.as_second() % 3600;
    let moment = |minutes: i64| text(jiff::Timestamp::from_second(hour + minutes * 60).unwrap());
    let next = |query: String| -> Vec<String> {
        let path = format!("{V1}/one/availability?{query}");
        let slots = server.get(&path).expect(200);
        slots.as_object().unwrap().keys().cloned().collect()
    };
    assert_eq!(next(format!("start={}", moment(5))), [moment(60)]);
    let both = format!("start={}&end={}&number-of-days=1", moment(0), moment(60));
    assert_eq!(next(both).len(), 24, "the days win over the end");
}

#[test]
fn basic_auth_challenge() {
    let server = start_with(
        "[server.v1]\nusername = \"mobile\"\npassword = \"pass\"\nrealm = \"My realm\"\n\
         [services.a]\n[services.b]\npassword = \"other\"\n",
    );
    let send = |service: &str, pair: Option<&str>| {
        let mut headers = vec!["Content-Type: application/x-www-form-urlencoded".to_owned()];
        let encode = |pair| base64::engine::general_purpose::STANDARD.encode(pair);
        headers.extend(pair.map(|pair| format!("Authorization: Basic {}", encode(pair))));
        let headers: Vec<&str> = headers.iter().map(String::as_str).collect();
        server.send(
            "POST",
            &format!("{V1}/{service}"),
            &headers,
            b"_customer_number=1",
        )
    };
    let asked = send("a", None);
    assert_eq!(
        asked.header("www-authenticate"),
        Some("Basic realm=\"My realm\"")
    );
    assert!(asked.expect(401)["message"].is_string());
    send("a", Some("mobile:wrong")).expect(401);
    send("a", Some("mobile:pass")).expect(200);
    send("b", Some("mobile:pass")).expect(401);
    send("b", Some("mobile:other")).expect(200);
    send("nobody", None).expect(401);
    send("nobody", Some("mobile:pass")).expect(400);
    let path = format!("{V1}/a/availability");
    server.send("GET", &path, &[], b"").expect(401);
}

#[test]
fn api_key_can_be_required() {
    let server = start_with("[server.v1]\napi_keys = [\"one\", \"two\"]\n");
    let path = format!("{V1}/samples/availability");
    let get = |headers: &[&str]| server.send("GET", &path, headers, b"");
    get(&["apikey: one"]).expect(200);
    get(&["x-api-key: two"]).expect(200);
    let missing = get(&[]).expect(401);
    assert_eq!(
        missing["fault"]["detail"]["errorcode"],
        "steps.oauth.v2.FailedToResolveAPIKey"
    );
    let wrong = get(&["apikey: three"]).expect(401);
    assert_eq!(wrong["fault"]["faultstring"], "Invalid ApiKey");
}
