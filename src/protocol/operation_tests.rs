//! The operations on callbacks that exist, and on queues: requests and responses, row by row.

use serde_json::{json, Value};

use super::*;
use crate::service::outcome::Outcome;
use crate::transport::message::Response;

const V1: &str = "http://h/genesys/1/service/callback/sa%20mples";
const V3: &str = "http://h/engagement/v3/callbacks";

fn config(api: &str) -> Config {
    let url = if api == "v1" { V1 } else { V3 };
    let text = json!({"dataURL": url, "apiVersion": api, "serviceName": "svc", "timezone": "Europe/Berlin",
        "apikey": "KEY", "userData": {"site": "s"}});
    Config::parse(&text.to_string()).unwrap()
}

fn command(name: &str) -> Command {
    let name = format!("CallbackService.{name}");
    Command::from_name(&name).unwrap().unwrap()
}

/// The first line of a request and its body, or why there is none.
fn sent(api: &str, name: &str, options: Value) -> String {
    let config = config(api);
    let parts = request(&config, command(name), options.as_object().unwrap());
    match parts {
        Ok((request, _)) => {
            assert_eq!(request.headers["accept"], JSON);
            let is_json = request
                .headers
                .get("content-type")
                .is_some_and(|text| text == JSON);
            assert_eq!(is_json, api == "v3" || request.body.is_some());
            let body = request.body.map(|body| format!(" {body}"));
            let url = request.url.as_str().replace("http://h", "");
            format!("{} {url}{}", request.method, body.unwrap_or_default())
        }
        Err(error) => format!(
            "{} {}",
            error.status.name(),
            error.field.as_deref().unwrap_or(&error.message)
        ),
    }
}

#[test]
fn every_operation_has_its_request() {
    for (name, options, v1, v3) in [
        (
            "cancel",
            json!({"id": "a/b c"}),
            "DELETE /genesys/1/service/callback/sa%20mples/a%2Fb%20c",
            r#"POST /engagement/v3/callbacks/cancel {"id":"a/b c"}"#,
        ),
        (
            "cancel",
            json!({"_id": 5, "discardOrsFailure": "true"}),
            "DELETE /genesys/1/service/callback/sa%20mples/5?discard_ors_failure=true",
            r#"POST /engagement/v3/callbacks/cancel {"id":"5"}"#,
        ),
        (
            "cancel",
            json!({"id": "5", "discardOrsFailure": false}),
            "DELETE /genesys/1/service/callback/sa%20mples/5",
            r#"POST /engagement/v3/callbacks/cancel {"id":"5"}"#,
        ),
        (
            "retrieve",
            json!({"id": "5&6"}),
            "GET /genesys/1/service/callback?_id=5%266",
            r#"POST /engagement/v3/callbacks/retrieve {"id":"5&6"}"#,
        ),
        (
            "queuePosition",
            json!({"id": "5 6"}),
            "GET /genesys/1/service/5%206/check-queue-position",
            r#"POST /engagement/v3/callbacks/retrieve {"id":"5 6"}"#,
        ),
    ] {
        assert_eq!(sent("v1", name, options.clone()), v1);
        assert_eq!(sent("v3", name, options), v3);
    }
}

#[test]
fn operations_of_v1_have_their_requests() {
    let base = "/genesys/1/service/callback/sa%20mples";
    for (name, options, expected) in [
        (
            "reschedule",
            json!({"id": "5", "desiredTime": "2030-12-01T11:00+01:00", "userData": {"a": 1, "b": null}}),
            format!(
                r#"PUT {base}/5 {{"_new_desired_time":"2030-12-01T10:00:00.000Z","a":"1","b":""}}"#
            ),
        ),
        (
            "reschedule",
            json!({"id": "5", "_desired_time": "2030-12-01T10:00Z", "desiredtime": "2031-12-01T10:00Z"}),
            format!(r#"PUT {base}/5 {{"_new_desired_time":"2030-12-01T10:00:00.000Z"}}"#),
        ),
        (
            "reschedule",
            json!({"id": "5", "userData": {"a": "x"}}),
            format!(r#"PUT {base}/5 {{"a":"x"}}"#),
        ),
        (
            "query",
            json!({"phonenumber": "+1 5", "state": "!COMPLETED"}),
            format!(
                "GET {base}?_customer_number=%2B1%205&_callback_state=%21COMPLETED&operand=AND"
            ),
        ),
        (
            "query",
            json!({"keys": {"a b": "c&d", "e": 1}, "operand": "OR"}),
            format!("GET {base}?a%20b=c%26d&e=1&operand=OR"),
        ),
        (
            "query",
            json!({"id": "5", "allServices": true}),
            "GET /genesys/1/service/callback?_id=5".to_owned(),
        ),
        (
            "query",
            json!({"id": "5", "operand": "AND", "allServices": true}),
            "GET /genesys/1/service/callback?_id=5&operand=AND".to_owned(),
        ),
    ] {
        assert_eq!(sent("v1", name, options.clone()), expected);
        assert!(sent("v3", name, options)
            .starts_with("UNSUPPORTED the v3 API does not offer this; v1 does."));
    }
}

#[test]
fn operations_of_v3_have_their_requests() {
    for (name, options, expected) in [
        (
            "estimatedWaitTime",
            json!({"virtualQueues": ["a b", "c"], "mode": "mode1", "includeCallsOnHold": true}),
            "GET /engagement/v3/estimated-wait-time?virtual-queues=a%20b%2Cc&mode=mode1&include-calls-on-hold=true",
        ),
        (
            "estimatedWaitTime",
            json!({"virtualQueues": "a"}),
            "GET /engagement/v3/estimated-wait-time?virtual-queues=a",
        ),
        ("queueStatus", json!({"queueName": "q/1", "serviceName": "x"}), "GET /engagement/v3/callbacks/queue-status/q%2F1"),
        ("queueStatus", json!({"serviceName": "x"}), "GET /engagement/v3/callbacks/queue-status/x"),
        ("queueStatus", json!({"queueName": null}), "GET /engagement/v3/callbacks/queue-status/svc"),
        (
            "openFor",
            json!({"startDate": "2030-12-01T10:00"}),
            "GET /engagement/v3/callbacks/open-for/svc?start=2030-12-01T10%3A00%3A00.000&timezone=Europe%2FBerlin",
        ),
        (
            "openFor",
            json!({"serviceName": "x", "start": "2030-12-01T10:00Z", "timezone": "UTC"}),
            "GET /engagement/v3/callbacks/open-for/x?start=2030-12-01T10%3A00%3A00.000Z&timezone=UTC",
        ),
        (
            "callIn",
            json!({"groupName": "g", "fromPhoneNumber": 4151110000u64, "userData": {"a": {"b": 1.50}}, "callbackServiceId": "7"}),
            r#"POST /engagement/v3/call-in/requests/create {"groupName":"g","fromPhoneNumber":"4151110000","callbackServiceId":"7","userData":{"a":{"b":1.5}}}"#,
        ),
    ] {
        assert_eq!(sent("v3", name, options.clone()), expected);
        assert!(sent("v1", name, options).starts_with("UNSUPPORTED the v1 API does not offer this; v3 does."));
    }
    assert_eq!(
        sent("v3", "callIn", json!({"userData": {}})),
        "BAD_OPTION groupName"
    );
    assert_eq!(
        sent("v3", "queueStatus", json!({"queueName": ".."})),
        "BAD_OPTION serviceName"
    );
}

#[test]
fn other_addresses_follow_from_the_form_of_the_base_url() {
    let sent = |url: &str, api: &str, name: &str, options: Value| {
        let text = json!({"dataURL": url, "apiVersion": api, "serviceName": "svc"});
        let config = Config::parse(&text.to_string()).unwrap();
        request(&config, command(name), options.as_object().unwrap())
            .map(|(request, _)| request.url.to_string())
            .map_err(|error| (error.status, error.field.unwrap_or_default()))
    };
    let id = || json!({"id": "5"});
    let bad = Err((Status::Config, "dataURL".to_owned()));
    assert_eq!(sent("http://h", "v1", "retrieve", id()), bad);
    assert_eq!(
        sent("http://h/x", "v1", "retrieve", id()),
        Ok("http://h/?_id=5".to_owned())
    );
    assert_eq!(sent("http://h/x", "v1", "queuePosition", id()), bad);
    assert_eq!(
        sent("http://h/a/callback/x/", "v1", "queuePosition", id()),
        Ok("http://h/a/5/check-queue-position".to_owned())
    );
    let queues = || json!({"virtualQueues": "q"});
    assert_eq!(
        sent("http://h/gateway", "v3", "estimatedWaitTime", queues()),
        bad
    );
    assert_eq!(
        sent("http://h/callbacks", "v3", "estimatedWaitTime", queues()),
        Ok("http://h/estimated-wait-time?virtual-queues=q".to_owned())
    );
}

/// The outcome of a response to a command about callback `5`.
fn outcome(api: &str, name: &str, status: u16, body: &str) -> Value {
    let response = Response {
        status,
        content_type: Some("application/json".to_owned()),
        retry_after: None,
        date: None,
        body: body.as_bytes().to_vec(),
    };
    let subject = Subject {
        id: Some("5".to_owned()),
        desired_time: (name == "reschedule").then(|| "2030-12-01T10:00:00.000Z".to_owned()),
    };
    let (config, command) = (config(api), command(name));
    let interpretation = interpret(&config, command, &subject, &response, body);
    let is_unknown = interpretation.is_effect_unknown;
    let outcome = Outcome::from_response(command, &response, body, interpretation, 1, true);
    let mut outcome: Value = serde_json::from_str(outcome.text.to_str().unwrap()).unwrap();
    outcome["unknown"] = json!(is_unknown);
    outcome
}

#[test]
fn records_have_one_form() {
    let v1 = r#"[{"_id":"5","_callback_state":"SOMETHING","_callback_reason":"","_desired_time":"2030-12-01T11:00:00+01:00",
        "_customer_number":4151110000,"_service_name":"s","_expiration_time":"2030-12-02T10:00:00.000Z","url":"u","x":[1]}]"#;
    let record = json!({"id": "5", "state": "SOMETHING", "desiredTime": "2030-12-01T10:00:00.000Z", "phoneNumber": "4151110000",
        "serviceName": "s", "expirationTime": "2030-12-02T10:00:00.000Z", "url": "u"});
    assert_eq!(outcome("v1", "retrieve", 200, v1)["callback"], record);
    assert_eq!(
        outcome("v1", "query", 200, v1)["callbacks"],
        json!([record])
    );
    let v3 = r#"{"status":{"code":0},"data":{"id":"5","desiredTime":"2030-12-01T10:00:00Z","callbackState":"QUEUED","callbackReason":null,
        "phoneNumber":"+1","positionInQueue":"3","estimatedWaitTime":"120"}}"#;
    let record = json!({"id": "5", "state": "QUEUED", "desiredTime": "2030-12-01T10:00:00.000Z", "phoneNumber": "+1",
        "positionInQueue": 3, "estimatedWaitTime": 120});
    assert_eq!(outcome("v3", "retrieve", 200, v3)["callback"], record);
    assert_eq!(outcome("v3", "queuePosition", 200, v3)["callback"], record);
    let unknown = r#"{"data":{"id":"5","callbackState":"ROUTING","positionInQueue":-1,"estimatedWaitTime":-1}}"#;
    assert_eq!(
        outcome("v3", "retrieve", 200, unknown)["callback"],
        json!({"id": "5", "state": "ROUTING"})
    );
}

#[test]
fn retrieve_finds_the_callback_that_was_asked_for() {
    for (api, body, expected) in [
        ("v1", "[]", "NOT_FOUND"),
        (
            "v1",
            r#"[{"_id":"6"},{"_id":"5","_callback_state":"QUEUED"}]"#,
            "5",
        ),
        ("v1", r#"{"_id":"5"}"#, "5"),
        ("v1", r#"[{"_callback_state":"QUEUED"}]"#, "5"),
        ("v1", r#"[{"_id":"6"}]"#, "PROTOCOL"),
        ("v1", r#"[{"_id":"5"},{"_id":"5"}]"#, "PROTOCOL"),
        ("v1", "[null]", "PROTOCOL"),
        ("v1", "[{}]", "PROTOCOL"),
        ("v1", "{}", "PROTOCOL"),
        ("v1", "null", "PROTOCOL"),
        ("v1", "", "PROTOCOL"),
        ("v1", "<html>", "PROTOCOL"),
        (
            "v1",
            r#"{"exception":"x.CallbackExceptionNotFound"}"#,
            "NOT_FOUND",
        ),
        ("v3", r#"{"data":{"callbackState":"QUEUED"}}"#, "5"),
        ("v3", r#"{"data":{"id":"6"}}"#, "PROTOCOL"),
        ("v3", r#"{"data":null}"#, "PROTOCOL"),
        ("v3", r#"{"_id":"5"}"#, "PROTOCOL"),
        (
            "v3",
            r#"{"status":{"code":501},"data":{"id":"5"}}"#,
            "REJECTED",
        ),
    ] {
        let outcome = outcome(api, "retrieve", 200, body);
        let found = match outcome["state"].as_str() {
            Some("resolved") => &outcome["callback"]["id"],
            _ => &outcome["error"]["name"],
        };
        assert_eq!(found, expected, "{body}");
    }
    let missing = outcome("v1", "retrieve", 404, "");
    assert_eq!(missing["error"]["name"], "NOT_FOUND");
    assert_eq!(missing["error"]["field"], "id");
}

#[test]
fn query_drops_no_callback_silently() {
    let empty = outcome("v1", "query", 200, "[]");
    assert_eq!(
        (&empty["state"], &empty["callbacks"]),
        (&json!("resolved"), &json!([]))
    );
    let mixed = outcome(
        "v1",
        "query",
        200,
        r#"[{"_id":"1"},null,{"_id":2},{"x":1.50}]"#,
    );
    assert_eq!(mixed["callbacks"], json!([{"id": "1"}, {"id": "2"}]));
    assert_eq!(mixed["unreadCallbacks"], json!(["null", r#"{"x":1.50}"#]));
    assert_eq!(
        outcome("v1", "query", 200, r#"{"_id":"1"}"#)["callbacks"],
        json!([{"id": "1"}])
    );
    for body in ["[null]", "{}", "[5]", "null", "", "ok"] {
        assert_eq!(
            outcome("v1", "query", 200, body)["error"]["name"],
            "PROTOCOL",
            "{body}"
        );
    }
}

#[test]
fn changes_are_confirmed_by_success_only() {
    for (api, name) in [("v1", "cancel"), ("v3", "cancel"), ("v1", "reschedule")] {
        for body in [
            "",
            " ",
            "{}",
            "null",
            r#"{"data":{"id":"5"}}"#,
            r#"{"_id":"5"}"#,
        ] {
            let outcome = outcome(api, name, 200, body);
            assert_eq!(outcome["state"], "resolved", "{api} {name} {body}");
            let mut expected = json!({"id": "5"});
            if name == "reschedule" {
                expected["desiredTime"] = json!("2030-12-01T10:00:00.000Z");
            }
            assert_eq!(outcome["callback"], expected, "{api} {name} {body}");
        }
        let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
        for id in ["5", "6"] {
            let body = format!(r#"{{"_id":"{id}","data":{{"id":"{id}"}},"x":{deep}}}"#);
            let state = if id == "5" { "resolved" } else { "rejected" };
            assert_eq!(outcome(api, name, 200, &body)["state"], state);
        }
        for body in ["<html>", "OK", r#"{"_id":"6","data":{"id":"6"}}"#] {
            let outcome = outcome(api, name, 200, body);
            assert_eq!(outcome["error"]["name"], "PROTOCOL", "{api} {name} {body}");
            assert_eq!(outcome["unknown"], true);
        }
        for (status, is_unknown) in [
            (400, false),
            (404, false),
            (502, true),
            (500, true),
            (303, true),
        ] {
            let outcome = outcome(api, name, status, "");
            assert_eq!(
                (&outcome["state"], &outcome["unknown"]),
                (&json!("rejected"), &json!(is_unknown)),
                "{status}"
            );
            assert_eq!(outcome["error"]["retryable"], false);
        }
    }
    let refused = r#"{"exception":"x.CallbackExceptionAvailability","availability":{"2030-12-01T10:05:00.000Z":"2"}}"#;
    let outcome = outcome("v1", "reschedule", 400, refused);
    assert_eq!(outcome["error"]["name"], "SLOT_UNAVAILABLE");
    assert_eq!(
        outcome["slots"],
        json!([{"utcTime": "2030-12-01T10:05:00.000Z", "capacity": 2}])
    );
    assert_eq!(outcome["error"]["moved"], "no");
}

#[test]
fn places_in_a_queue_are_numbers_or_absent() {
    for (body, expected) in [
        (r#"{"ewt":90}"#, json!({"id": "5", "estimatedWaitTime": 90})),
        (
            r#"{"ewt":"90.5","_position":"2"}"#,
            json!({"id": "5", "positionInQueue": 2, "estimatedWaitTime": 90.5}),
        ),
        (
            r#"{"_position":2,"_eta":30,"_total_waiting":4}"#,
            json!({"id": "5", "positionInQueue": 2}),
        ),
        (r#"{"ewt":-1}"#, json!({"id": "5"})),
        (r#"{"ewt":null}"#, json!({"id": "5"})),
    ] {
        assert_eq!(
            outcome("v1", "queuePosition", 200, body)["callback"],
            expected,
            "{body}"
        );
    }
    for body in [
        "{}",
        "[]",
        "",
        "5",
        r#"{"_id":"5"}"#,
        r#"{"ewt":1,"_id":"6"}"#,
    ] {
        assert_eq!(
            outcome("v1", "queuePosition", 200, body)["error"]["name"],
            "PROTOCOL",
            "{body}"
        );
    }
}

#[test]
fn queues_are_described_in_numbers_and_flags() {
    for (name, member, data, expected) in [
        (
            "estimatedWaitTime",
            "waitTimes",
            r#"[{"virtualQueue":"a","estimatedWaitTime":12.5,"resultCode":"0"},{"virtualQueue":"b","estimatedWaitTime":"-1","message":"none","resultCode":-2}]"#,
            json!([{"virtualQueue": "a", "estimatedWaitTime": 12.5, "resultCode": 0},
                {"virtualQueue": "b", "estimatedWaitTime": null, "message": "none", "resultCode": -2}]),
        ),
        ("estimatedWaitTime", "waitTimes", "[]", json!([])),
        (
            "estimatedWaitTime",
            "waitTimes",
            r#"{"virtualQueue":"a","estimatedWaitTime":null}"#,
            json!([{"virtualQueue": "a", "estimatedWaitTime": null}]),
        ),
        (
            "queueStatus",
            "queue",
            r#"{"ewt":-1,"offerImmediateCallback":"True","offerScheduledCallback":false}"#,
            json!({"estimatedWaitTime": null, "offerImmediateCallback": true, "offerScheduledCallback": false}),
        ),
        (
            "queueStatus",
            "queue",
            r#"{"ewt":"30"}"#,
            json!({"estimatedWaitTime": 30}),
        ),
        (
            "openFor",
            "openForSeconds",
            r#"{"openFor":"3600"}"#,
            json!(3600),
        ),
        ("openFor", "openForSeconds", r#"{"openFor":0}"#, json!(0)),
        (
            "callIn",
            "callIn",
            r#"{"id":"1","toPhoneNumber":"+1","n":1.5}"#,
            json!({"id": "1", "toPhoneNumber": "+1", "n": 1.5}),
        ),
    ] {
        let outcome = outcome(
            "v3",
            name,
            200,
            &format!(r#"{{"status":{{"code":0}},"data":{data}}}"#),
        );
        assert_eq!(
            outcome[member].to_string(),
            expected.to_string(),
            "{name} {data}"
        );
    }
    for (name, data) in [
        ("estimatedWaitTime", "null"),
        ("estimatedWaitTime", "[{}]"),
        ("estimatedWaitTime", "[5]"),
        ("queueStatus", "{}"),
        ("queueStatus", "[]"),
        ("openFor", "{}"),
        ("openFor", r#"{"openFor":-1}"#),
        ("openFor", r#"{"openFor":"soon"}"#),
        ("callIn", "{}"),
        ("callIn", "null"),
    ] {
        let outcome = outcome("v3", name, 200, &format!(r#"{{"data":{data}}}"#));
        assert_eq!(outcome["error"]["name"], "PROTOCOL", "{name} {data}");
        assert_eq!(outcome["unknown"], true);
    }
}
