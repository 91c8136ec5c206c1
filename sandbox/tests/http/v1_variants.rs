//! Points in which real v1 servers differ, and options that few of them set.

use serde_json::{json, Value};

use crate::client::{start, start_with, Response, Server, FORM, JSON, V1};
use crate::times::{slot_in_hours, text};

fn book(server: &Server, fields: &str) -> Value {
    let form = format!("_customer_number=1&{fields}");
    server
        .post(&format!("{V1}/samples"), FORM, &form)
        .expect(200)
}

fn id(booked: &Value) -> String {
    booked["_id"].as_str().unwrap().to_owned()
}

fn change(server: &Server, method: &str, path: &str, body: &str) -> Response {
    let headers = ["Content-Type: application/json"];
    server.send(
        method,
        &format!("{V1}/samples/{path}"),
        &headers,
        body.as_bytes(),
    )
}

#[test]
fn query_by_id_can_refuse_and_return_the_record_itself() {
    let server = start_with("[server.v1]\nunknown_id_query = \"refuse\"\nid_query = \"object\"\n");
    let id = id(&book(&server, "a=b"));
    assert_eq!(server.get(&format!("{V1}?_id={id}")).expect(200)["a"], "b");
    assert_eq!(
        server.get(&format!("{V1}/samples?_id={id}")).expect(200)["a"],
        "b"
    );
    let unknown = server.get(&format!("{V1}?_id=nobody")).expect(404);
    assert!(unknown["exception"]
        .as_str()
        .unwrap()
        .ends_with(".CallbackExceptionNotFound"));
    for other in [
        "_customer_number=9",
        "_id=!nobody&_customer_number=9",
        "_id=x&_customer_number=9",
    ] {
        assert_eq!(
            server.get(&format!("{V1}?{other}")).expect(200),
            json!([]),
            "{other}"
        );
    }
    assert_eq!(
        server.get(&format!("{V1}?_customer_number=1")).expect(200)[0]["a"],
        "b"
    );
    let bad = start_with("[server.v1]\nunknown_id_query = \"refuse\"\nunknown_id_status = 400\n");
    assert_eq!(
        bad.get(&format!("{V1}?_id=nobody")).expect(400)["code"],
        501
    );
}

#[test]
fn changes_can_have_an_empty_response() {
    let server = start_with("[server.v1]\nchange_response = \"empty\"\n");
    let id = id(&book(
        &server,
        &format!("_desired_time={}", text(slot_in_hours(30))),
    ));
    for (method, body) in [("PUT", r#"{"a":"b"}"#), ("DELETE", "")] {
        let response = change(&server, method, &id, body);
        assert_eq!(
            (response.status, response.body.as_str()),
            (200, ""),
            "{method}"
        );
    }
    let record = server.get(&format!("{V1}?_id={id}")).expect(200)[0].clone();
    assert_eq!(
        (&record["a"], &record["_callback_state"]),
        (&json!("b"), &json!("COMPLETED"))
    );
}

#[test]
fn record_has_its_address_under_the_configured_names() {
    for (link, url, underscore) in [
        ("both", true, true),
        ("url", true, false),
        ("_url", false, true),
    ] {
        let server = start_with(&format!("[server.v1]\nrecord_link = \"{link}\"\n"));
        let id = id(&book(&server, ""));
        let record = server.get(&format!("{V1}?_id={id}")).expect(200)[0].clone();
        assert_eq!(
            (record["url"].is_string(), record["_url"].is_string()),
            (url, underscore),
            "{link}"
        );
    }
}

#[test]
fn unreachable_orchestration_prevents_cancelling_unless_it_is_discarded() {
    let server = start_with("[server.v1]\norchestration_fails = true\n");
    let queued = id(&book(&server, ""));
    let text_of_ors = "ORS request failed: cannot connect to ORS. IO issue.";
    let refused = change(&server, "DELETE", &queued, "").expect(400);
    assert_eq!(refused["message"], text_of_ors);
    assert!(refused["exception"]
        .as_str()
        .unwrap()
        .ends_with(".OrsServiceException"));
    let position = format!("/genesys/1/service/{queued}/check-queue-position");
    assert_eq!(server.get(&position).expect(500)["message"], text_of_ors);
    let discard = |value: &str| format!("{queued}?discard_ors_failure={value}");
    change(&server, "DELETE", &discard("false"), "").expect(400);
    change(&server, "DELETE", &discard("true"), "").expect(200);
    change(&server, "DELETE", &queued, "").expect(400);
    change(&server, "DELETE", "nobody", "").expect(404);
    let scheduled = id(&book(
        &server,
        &format!("_desired_time={}", text(slot_in_hours(30))),
    ));
    change(&server, "DELETE", &scheduled, "").expect(200);
}

#[test]
fn queries_return_the_configured_keys() {
    let server = start_with(
        "[services.samples]\nlookup_keys = [\"email\"]\nreturned_keys = [\"subject\"]\n",
    );
    let id = id(&book(
        &server,
        "email=e&subject=s&vip=yes&_media_type=voice",
    ));
    let shown =
        |record: &Value| -> Vec<String> { record.as_object().unwrap().keys().cloned().collect() };
    let always = [
        "_id",
        "_service_name",
        "_customer_number",
        "_desired_time",
        "_expiration_time",
        "_callback_state",
        "url",
        "_url",
        "email",
        "subject",
    ];
    let record = server.get(&format!("{V1}/samples?email=e")).expect(200)[0].clone();
    assert_eq!(shown(&record), always);
    let queues = server.get("/genesys/1/admin/callback/queues").expect(200);
    assert_eq!(shown(&queues["samples"][0]), always);
    change(&server, "DELETE", &id, "").expect(200);
    let record = server.get(&format!("{V1}?_id={id}")).expect(200)[0].clone();
    assert_eq!(record["_callback_reason"], "CANCELLED");
    let report = json!({"exported_properties": ["vip"]});
    let report = server.post_json("/genesys/1/admin/callback/reportcancelled", report);
    assert!(
        report.body.contains(",yes\r\n"),
        "a report can export the others: {}",
        report.body
    );
}

#[test]
fn access_code_is_provided_on_request() {
    let by_default = start(&[]);
    let without = start_with("[services.samples]\nprovide_code = false\n");
    let user_dials = "_call_direction=USERORIGINATED&_provide_code=";
    for (server, value, expected) in [
        (&by_default, "", true),
        (&by_default, "false", false),
        (&without, "", false),
        (&without, "True", true),
    ] {
        let booked = book(server, &format!("{user_dials}{value}"));
        assert_eq!(
            booked["_access_code"].is_string(),
            expected,
            "{value:?}: {booked}"
        );
        let url = booked["_tel_url"].as_str().unwrap();
        assert_eq!(url.contains(','), expected, "{url}");
        assert_eq!(booked["_access_number"], "+15550100");
    }
    let wrong = json!({"_customer_number": "1", "_provide_code": "yes"});
    let wrong = by_default.post(&format!("{V1}/samples"), JSON, &wrong.to_string());
    assert_eq!(wrong.expect(400)["code"], 501);
}

#[test]
fn office_is_closed_outside_its_effective_dates() {
    let config = "[services.samples]\neffective_dates = [\"2030-04-01 to 2030-04-02\"]\n";
    let server = start_with(config);
    let clock = json!({"now": "2030-03-31T12:00:00Z", "speed": 0});
    server.post_json("/sandbox/clock", clock).expect(200);
    let closed = format!("{V1}/samples/availability");
    assert_eq!(server.get(&closed).expect(400)["code"], 7042);
    let open = server
        .get(&format!("{closed}?number-of-days=2&max-time-slots=1"))
        .expect(200);
    assert_eq!(open, json!({"2030-04-01T00:00:00.000Z": 100}));
}

#[test]
fn telephone_number_is_checked() {
    let server = start(&[]);
    let check = |query: &str| server.get(&format!("/genesys/1/phonenumber?{query}"));
    let number = check("number=0604120405&country=FR&geocodingLocale=DE").expect(200);
    assert_eq!(
        number,
        json!({
            "carrier": "", "country-code": 33, "country-code-source": "FROM_DEFAULT_COUNTRY",
            "country-default": "FR", "extension": "", "is-possible-number": true, "is-premium": false,
            "is-valid-number": true, "is-valid-number-for-region": true, "italian-leading-zero": false,
            "language-specified": "de", "location": "", "number-E164": "+33604120405",
            "number-international": "+33 6 04 12 04 05", "number-national": "06 04 12 04 05",
            "number-national-short": "604120405", "number-original": "06 04 12 04 05",
            "number-specified": "0604120405", "number-type": "MOBILE", "region-code": "FR",
            "time-zone": "",
        })
    );
    let american = check("number=%2B16504661100").expect(200);
    assert_eq!(
        (
            &american["country-default"],
            &american["language-specified"],
            &american["number-national"]
        ),
        (&json!("US"), &json!("en"), &json!("(650) 466-1100"))
    );
    let bad = check("number=bad&country=DE&geocodingLocale=de").expect(400);
    assert_eq!(bad["exception"], "com.genesyslab.gsg.GSGException");
    assert_eq!(
        bad["message"],
        "Invalid Phone Number bad for Country DE (parsing impossible)"
    );
    assert_eq!(
        check("number=0604120405&country=XX").expect(400)["code"],
        7030
    );
    assert_eq!(check("country=DE").expect(400)["code"], 501);
    let locked = start_with("[server.v1]\napi_keys = [\"k\"]\n");
    locked.get("/genesys/1/phonenumber?number=1").expect(401);
}
