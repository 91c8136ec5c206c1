//! Operations on existing bookings in v1.

use serde_json::{json, Value};

use crate::client::{start, start_with, Response, Server, FORM, JSON, V1, V3};
use crate::times::{slot_in_hours, text};

const ADMIN: &str = "/genesys/1/admin/callback";

fn book(server: &Server, number: &str, time: Option<&str>) -> String {
    let body = json!({"_customer_number": number, "_desired_time": time, "email": "a@b.example", "vip": "yes"});
    let body = server.post_json(&format!("{V1}/samples"), body).expect(200);
    body["_id"].as_str().unwrap().to_owned()
}

fn query(server: &Server, query: &str) -> Vec<Value> {
    let found = server.get(&format!("{V1}{query}")).expect(200);
    found.as_array().unwrap().clone()
}

fn delete(server: &Server, id: &str) -> Response {
    // Clients send a content type without a body.
    server.send(
        "DELETE",
        &format!("{V1}/samples/{id}"),
        &["Content-Type: application/json"],
        b"",
    )
}

fn put(server: &Server, id: &str, body: Value) -> Response {
    let path = format!("{V1}/samples/{id}");
    server.send(
        "PUT",
        &path,
        &["Content-Type: application/json"],
        body.to_string().as_bytes(),
    )
}

fn free(server: &Server, slot: &str) -> Value {
    server
        .get(&format!("{V1}/samples/availability?start={slot}"))
        .expect(200)[slot]
        .clone()
}

#[test]
fn record_members_are_texts() {
    let server = start(&[]);
    let time = text(slot_in_hours(30));
    let id = book(&server, "5115", Some(&time));
    let records = query(&server, &format!("?_id={id}"));
    let [record] = records.as_slice() else {
        panic!("{records:?}")
    };
    let shown = record.as_object().unwrap();
    assert!(shown.values().all(Value::is_string), "{record}");
    assert_eq!(record["_desired_time"], time.as_str());
    assert_eq!(record["_callback_state"], "SCHEDULED");
    assert_eq!(
        (&record["_service_name"], &record["_customer_number"]),
        (&json!("samples"), &json!("5115"))
    );
    assert_eq!(
        (&record["email"], &record["vip"]),
        (&json!("a@b.example"), &json!("yes"))
    );
    let url = record["url"].as_str().unwrap();
    assert!(
        url.starts_with("http://") && url.ends_with(&format!("/genesys/1/service/{id}")),
        "{url}"
    );
    assert_eq!(record["_url"], record["url"]);
    assert!(record["_expiration_time"].as_str().unwrap() > time.as_str());
    assert!(!shown.contains_key("_callback_reason"));
}

#[test]
fn queries_filter_by_number_state_and_lookup_keys() {
    let server = start_with("[services.samples]\nlookup_keys = [\"email\"]\n[services.other]\n");
    let now = book(&server, "1", None);
    let later = book(&server, "1", Some(&text(slot_in_hours(30))));
    book(&server, "2", None);
    let ids = |found: Vec<Value>| -> Vec<String> {
        found
            .iter()
            .map(|record| record["_id"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(
        ids(query(&server, "?_customer_number=1")),
        [now.clone(), later.clone()]
    );
    assert_eq!(
        ids(query(
            &server,
            "?_customer_number=1&_callback_state=!SCHEDULED"
        )),
        std::slice::from_ref(&now)
    );
    assert_eq!(
        ids(query(
            &server,
            "/samples?_customer_number=1&_callback_state=SCHEDULED&operand=AND"
        )),
        [later]
    );
    assert_eq!(
        query(
            &server,
            "/samples?_customer_number=1&_callback_state=QUEUED&operand=OR"
        )
        .len(),
        3
    );
    assert_eq!(query(&server, "/samples?email=a@b.example").len(), 3);
    assert_eq!(query(&server, "/other").len(), 0);
    assert_eq!(query(&server, "?_customer_number=9").len(), 0);
    assert_eq!(query(&server, "?_id=369-nobody").len(), 0);
    for wrong in ["?vip=yes", "/samples?operand=XOR", "/other?email=x"] {
        assert_eq!(
            server.get(&format!("{V1}{wrong}")).expect(400)["code"],
            501,
            "{wrong}"
        );
    }
    assert_eq!(
        server.get(&format!("{V1}/nobody?_id=1")).expect(400)["code"],
        7040
    );
}

#[test]
fn empty_condition_matches_nothing() {
    let server = start(&[]);
    book(&server, "1", None);
    for empty in [
        "?_id=",
        "?_id",
        "?_customer_number=",
        "/samples?_customer_number=1&_id=",
    ] {
        assert_eq!(query(&server, empty).len(), 0, "{empty}");
    }
    for other in [
        "",
        "?operand=",
        "/samples?_customer_number=1&_id=&operand=or",
        "?_customer_number=1&operand=And",
    ] {
        assert_eq!(query(&server, other).len(), 1, "{other}");
    }
}

#[test]
fn read_only_properties_are_ignored() {
    let server = start(&[]);
    let form = "_customer_number=1&_callback_reason=x&_service_name=support&_id=me&_call_direction=&_media_type=voice\
                &subject=";
    let id = server
        .post(&format!("{V1}/samples"), FORM, form)
        .expect(200)["_id"]
        .clone();
    let record = &query(&server, "?_customer_number=1")[0];
    assert_eq!(
        (&record["_id"], &record["_service_name"]),
        (&id, &json!("samples"))
    );
    assert_eq!(
        (&record["_media_type"], &record["subject"]),
        (&json!("voice"), &json!(""))
    );
    for absent in ["_callback_reason", "_call_direction"] {
        assert!(record.get(absent).is_none(), "{record}");
    }
    let body = json!({"serviceName": "samples", "phoneNumber": "2", "userData": {"_callback_reason": "x"}});
    server.post_json(&format!("{V3}/create"), body).expect(200);
    assert!(query(&server, "?_customer_number=2")[0]
        .get("_callback_reason")
        .is_none());
}

#[test]
fn json_numbers_keep_their_digits() {
    let server = start(&[]);
    let numbers = r#""rate":1.50,"account":1234567890123456789012345"#;
    let flat = format!(r#"{{"_customer_number":"1",{numbers}}}"#);
    server
        .post(&format!("{V1}/samples"), JSON, &flat)
        .expect(200);
    let nested =
        format!(r#"{{"serviceName":"samples","phoneNumber":"1","userData":{{{numbers}}}}}"#);
    server
        .post(&format!("{V3}/create"), JSON, &nested)
        .expect(200);
    let records = query(&server, "?_customer_number=1");
    assert_eq!(records.len(), 2);
    for record in records {
        assert_eq!(
            (&record["rate"], &record["account"]),
            (&json!("1.50"), &json!("1234567890123456789012345"))
        );
    }
}

#[test]
fn cancelling_frees_capacity_and_is_final() {
    let server = start(&[]);
    let time = text(slot_in_hours(30));
    let id = book(&server, "5115", Some(&time));
    assert_eq!(free(&server, &time), 4);
    assert_eq!(delete(&server, &id).expect(200), json!({}));
    assert_eq!(free(&server, &time), 5);
    let record = &query(&server, &format!("?_id={id}"))[0];
    assert_eq!(
        (&record["_callback_state"], &record["_callback_reason"]),
        (&json!("COMPLETED"), &json!("CANCELLED"))
    );
    delete(&server, &id).expect(400);
    let unknown = delete(&server, "369-nobody").expect(404);
    assert!(unknown["exception"]
        .as_str()
        .unwrap()
        .ends_with(".CallbackExceptionNotFound"));
    assert_eq!(
        (&unknown["code"], &unknown["phrase"]),
        (&json!(404), &json!("NOT_FOUND"))
    );
    let elsewhere = server.send("DELETE", &format!("{V1}/support/{id}"), &[], b"");
    elsewhere.expect(404);
    let other = start_with("[server.v1]\nunknown_id_status = 400\n");
    let wrong = delete(&other, "369-nobody").expect(400);
    assert_eq!(
        (&wrong["code"], &wrong["phrase"]),
        (&json!(501), &json!("BAD_PARAMETER"))
    );
}

#[test]
fn update_reschedules_and_replaces_properties() {
    let server = start(&[]);
    let (time, new) = (text(slot_in_hours(30)), text(slot_in_hours(31)));
    let id = book(&server, "5115", Some(&time));
    let change = json!({"_new_desired_time": new, "_callback_state": null, "email": "new", "vip": "", "_desired_time": time});
    assert_eq!(put(&server, &id, change).expect(200), json!({}));
    assert_eq!(
        (free(&server, &time), free(&server, &new)),
        (json!(5), json!(4))
    );
    let record = &query(&server, &format!("?_id={id}"))[0];
    assert_eq!(
        (&record["_desired_time"], &record["email"]),
        (&json!(new), &json!("new"))
    );
    assert!(
        record.get("vip").is_none(),
        "an empty text removes: {record}"
    );
    // It may move within its own full slot.
    for _ in 0..4 {
        book(&server, "1", Some(&new));
    }
    put(&server, &id, json!({"_new_desired_time": new})).expect(200);
    let other = book(&server, "2", Some(&time));
    let full = put(&server, &other, json!({"_new_desired_time": new})).expect(400);
    assert_eq!(full["availability"].as_object().unwrap().len(), 5);
    assert_eq!(free(&server, &time), 4, "it is not moved");
    put(&server, &other, json!({"_callback_state": "COMPLETED"})).expect(200);
    put(&server, &other, json!({"email": "x"})).expect(400);
    put(&server, &id, json!({"_callback_state": "GONE"})).expect(400);
    put(&server, "369-nobody", json!({"_new_desired_time": new})).expect(404);
}

#[test]
fn update_replaces_nested_v3_data_in_place() {
    let server = start(&[]);
    let body = json!({"serviceName": "samples", "phoneNumber": "7", "userData": {"account": "a", "deep": {"n": 5}}});
    let id = server.post_json(&format!("{V3}/create"), body).expect(200)["data"]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    put(&server, &id, json!({"account": "b", "n": "", "new": "x"})).expect(200);
    let record = &query(&server, &format!("?_id={id}"))[0];
    assert_eq!(
        (&record["account"], &record["new"]),
        (&json!("b"), &json!("x"))
    );
    assert!(record.get("n").is_none(), "an empty text removes: {record}");
    put(&server, &id, json!({"account": ""})).expect(200);
    assert!(query(&server, &format!("?_id={id}"))[0]
        .get("account")
        .is_none());
}

#[test]
fn lifecycle_continues_from_forced_state() {
    let server = start(&["--now", "2030-01-07T10:00:00Z", "--speed", "0"]);
    let id = book(&server, "1", Some("2030-01-07T12:00:00Z"));
    let give = |state: &str| put(&server, &id, json!({"_callback_state": state})).expect(200);
    let after = |seconds: u32| {
        server
            .post_json("/sandbox/clock", json!({"advanceSeconds": seconds}))
            .expect(200);
        query(&server, &format!("?_id={id}"))[0]["_callback_state"].clone()
    };
    give("queued");
    assert_eq!(after(59), "QUEUED");
    give("SCHEDULED");
    assert_eq!(after(3600), "SCHEDULED");
    assert_eq!(after(3600), "QUEUED", "it comes due");
    give("PAUSED");
    assert_eq!(after(3600), "PAUSED", "until it is changed");
    give("ROUTING");
    assert_eq!(
        [after(9), after(1), after(120)],
        ["ROUTING", "PROCESSING", "COMPLETED"]
    );
}

#[test]
fn admin_queues_and_cancel() {
    let server = start(&[]);
    let soon = book(&server, "1", None);
    let later = book(&server, "2", Some(&text(slot_in_hours(10))));
    book(&server, "3", Some(&text(slot_in_hours(50))));
    let marks = |query: &str| {
        server
            .get(&format!("{ADMIN}/watermarks{query}"))
            .expect(200)
    };
    assert_eq!(
        marks(""),
        json!({"services": {"samples": 1, "support": 0}, "total": 1})
    );
    assert_eq!(
        marks("?service_name=support&service_name=x"),
        json!({"services": {"support": 0, "x": 0}, "total": 0})
    );
    let queues = |query: &str| server.get(&format!("{ADMIN}/queues{query}")).expect(200);
    let all = queues("");
    assert_eq!(
        all["samples"].as_array().unwrap().len(),
        2,
        "the next day: {all}"
    );
    assert_eq!(all["support"], json!([]));
    assert_eq!(
        queues("?target=samples&states=SCHEDULED")["samples"][0]["_id"],
        later.as_str()
    );
    assert_eq!(
        queues("?target=samples&states=scheduled,Queued")["samples"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
    assert_eq!(
        server
            .get(&format!("{ADMIN}/queues?states=QUEUED,GONE"))
            .expect(400)["code"],
        501
    );
    assert_eq!(
        queues("?max=1&_customer_number=2")["samples"][0]["_id"],
        later.as_str()
    );
    let body = json!({"reason": "CANCELLED_BY_ADMIN", "ids": [soon, "369-nobody"]});
    let results = server
        .post_json(&format!("{ADMIN}/cancel"), body)
        .expect(200);
    assert_eq!(results[&soon]["_ok_title"], "Ok");
    assert_eq!(results["369-nobody"]["_ok_title"], "FAILURE_MISSING");
    assert_eq!(
        query(&server, &format!("?_id={soon}"))[0]["_callback_reason"],
        "CANCELLED_BY_ADMIN"
    );
    assert_eq!(marks("")["total"], 0);
    server
        .post_json(&format!("{ADMIN}/cancel"), json!({"ids": "x"}))
        .expect(400);
}

#[test]
fn report_lists_cancelled_callbacks() {
    let server = start(&["--now", "2030-01-07T10:00:00Z", "--speed", "0"]);
    let path = format!("{ADMIN}/reportcancelled");
    let report = |body: Value| {
        let response = server.post_json(&path, body);
        assert_eq!(
            (response.status, response.header("content-type")),
            (200, Some("text/csv; charset=utf-8"))
        );
        response.body
    };
    let time = "2030-01-07T12:00:00.000Z";
    let [mine, theirs, _] = ["1", "2", "3"].map(|number| book(&server, number, Some(time)));
    put(&server, &theirs, json!({"note": "a \"b\", c"})).expect(200);
    delete(&server, &mine).expect(200);
    server
        .post_json(
            &format!("{ADMIN}/cancel"),
            json!({"reason": "HOLIDAY", "ids": [theirs]}),
        )
        .expect(200);
    let title = "_id,_service_name,_customer_number,_desired_time,_callback_reason";
    let first = format!("{mine},samples,1,{time},CANCELLED");
    let second = format!("{theirs},samples,2,{time},HOLIDAY");
    assert_eq!(
        report(json!({})),
        format!("{title}\r\n{first}\r\n{second}\r\n")
    );
    let exported = json!({"callback_reason": "HOLIDAY", "exported_properties": ["_service_id", "note", "none"]});
    let expected =
        format!("{title},_service_id,note,none\r\n{second},{theirs},\"a \"\"b\"\", c\",\r\n");
    assert_eq!(report(exported), expected);
    assert_eq!(
        report(json!({"callback_reason": "NONE"})),
        format!("{title}\r\n")
    );
    for wrong in [
        json!({"callback_reason": 1}),
        json!({"exported_properties": "note"}),
    ] {
        assert_eq!(server.post_json(&path, wrong).expect(400)["code"], 501);
    }
}

#[test]
fn queue_positions() {
    let server = start(&[]);
    let ids: Vec<String> = (0..3).map(|_| book(&server, "1", None)).collect();
    let at = |id: &str| server.get(&format!("/genesys/1/service/{id}/check-queue-position"));
    let position = at(&ids[2]).expect(200);
    assert!(position["ewt"].is_number());
    assert_eq!(
        (&position["_position"], &position["_total_waiting"]),
        (&json!(3), &json!(3))
    );
    delete(&server, &ids[0]).expect(200);
    assert_eq!(at(&ids[2]).expect(200)["_position"], 2);
    let dead = at(&ids[0]).expect(500);
    assert!(
        dead["message"].as_str().unwrap().contains("404 Not Found"),
        "{dead}"
    );
    at("369-nobody").expect(404);
}

#[test]
fn user_originated_call_gets_access_number() {
    let server = start(&[]);
    let form = "_customer_number=1&_call_direction=USERORIGINATED";
    let body = server
        .post(&format!("{V1}/samples"), FORM, form)
        .expect(200);
    for key in [
        "_id",
        "_access_number",
        "_access_code",
        "_expiration_time",
        "_tel_url",
        "_action",
        "_label",
    ] {
        assert!(body[key].is_string(), "{key}: {body}");
    }
    assert_eq!(body["_action"], "DialNumber");
    body["_expiration_time"]
        .as_str()
        .unwrap()
        .parse::<u32>()
        .unwrap();
    let wrong = server.post(
        &format!("{V1}/samples"),
        FORM,
        "_customer_number=1&_call_direction=X",
    );
    assert_eq!(wrong.expect(400)["code"], 501);
}

#[test]
fn version_2_availability_has_the_v3_format() {
    let server = start(&[]);
    let time = text(slot_in_hours(30));
    let path =
        format!("/genesys/2/service/callback/samples/availability?start={time}&number-of-days=1&max-time-slots=2");
    let list = server
        .get(&format!("{path}&timezone=Europe/London"))
        .expect(200);
    assert_eq!(
        (&list["durationMin"], &list["timezone"]),
        (&json!(15), &json!("Europe/London"))
    );
    assert_eq!(list["slots"].as_array().unwrap().len(), 2);
    assert_eq!(list["slots"][0]["utcTime"], time.as_str());
    assert_eq!(
        (&list["slots"][0]["capacity"], &list["slots"][0]["total"]),
        (&json!(5), &json!(5))
    );
    assert!(!list["slots"][0]["localTime"]
        .as_str()
        .unwrap()
        .ends_with('Z'));
    assert!(server.get(&path).expect(200)["slots"][0]
        .get("localTime")
        .is_none());
}

#[test]
fn bookings_are_shared_between_apis() {
    let server = start(&[]);
    let body = json!({"serviceName": "samples", "phoneNumber": "77", "userData": {"account": "a", "n": 5}});
    let id = server.post_json(&format!("{V3}/create"), body).expect(200)["data"]["id"].clone();
    let record = &query(&server, "?_customer_number=77")[0];
    assert_eq!(
        (&record["_id"], &record["account"], &record["n"]),
        (&id, &json!("a"), &json!("5"))
    );
    assert_eq!(delete(&server, id.as_str().unwrap()).status, 200);
}

#[test]
fn basic_auth_without_a_service() {
    let server = start_with(
        "[server.v1]\nusername = \"s\"\npassword = \"p\"\ncallback_password = \"c\"\n[services.samples]\nusername = \"v\"\n",
    );
    let status = |path: &str, pair: &str| {
        let credentials = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, pair);
        server
            .send(
                "GET",
                path,
                &[&format!("Authorization: Basic {credentials}")],
                b"",
            )
            .status
    };
    for path in [
        V1.to_owned(),
        format!("{ADMIN}/queues"),
        format!("{ADMIN}/watermarks"),
    ] {
        assert_eq!(
            (status(&path, "s:c"), status(&path, "s:p")),
            (200, 401),
            "{path}"
        );
    }
    let of_service = format!("{V1}/samples");
    assert_eq!(
        (status(&of_service, "v:p"), status(&of_service, "s:p")),
        (200, 401)
    );
    assert_eq!(server.post(&of_service, JSON, "{}").status, 401);
}
