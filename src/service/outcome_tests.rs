//! The outcome of each kind of response.

use serde_json::{json, Value};

use super::*;
use crate::config::Config;
use crate::protocol::{body_text, interpret, Subject};

const V1: &str = "http://h/genesys/1/service/callback/samples";
const V3: &str = "http://h/engagement/v3/callbacks";

fn v1(mut extra: Value) -> Config {
    extra["dataURL"] = json!(V1);
    Config::parse(&extra.to_string()).unwrap()
}

fn v3(mut extra: Value) -> Config {
    extra["dataURL"] = json!(V3);
    extra["apiVersion"] = json!("v3");
    Config::parse(&extra.to_string()).unwrap()
}

fn from_response(config: &Config, command: Command, response: &Response) -> Outcome {
    let text = body_text(response);
    let interpretation = interpret(config, command, &Subject::default(), response, &text);
    let with_response = config.with_response;
    Outcome::from_response(command, response, &text, interpretation, 1, with_response)
}

/// The outcome that a response becomes.
fn outcome(config: &Config, command: Command, status: u16, body: &str) -> Value {
    let response = Response {
        status,
        content_type: Some("application/json".to_owned()),
        retry_after: None,
        date: None,
        body: body.as_bytes().to_vec(),
    };
    let outcome = from_response(config, command, &response);
    let value: Value = serde_json::from_str(outcome.text.to_str().unwrap()).unwrap();
    assert_eq!(value["state"] == "rejected", outcome.error.is_some());
    assert_eq!(value.get("error").is_some(), outcome.error.is_some());
    value
}

const EXCEPTION: &str = "com.genesyslab.gsg.services.callback.exceptions.CallbackException";

#[test]
fn a_confirmed_booking_resolves_with_its_identifier() {
    let value = outcome(
        &v1(json!({})),
        Command::Schedule,
        200,
        r#"{"_id":"369-8f9f","_text":"soon"}"#,
    );
    let expected = json!({
        "command": "CallbackService.schedule", "state": "resolved", "httpStatus": 200, "id": "369-8f9f",
        "response": {"_id": "369-8f9f", "_text": "soon"}
    });
    assert_eq!(value, expected);
    let body = r#"{"status":{"code":0,"message":"Successful","corrId":"c"},"data":{"id":"b2a1"}}"#;
    let value = outcome(&v3(json!({})), Command::Schedule, 200, body);
    assert_eq!(
        (&value["state"], &value["id"]),
        (&json!("resolved"), &json!("b2a1"))
    );
    let value = outcome(&v1(json!({})), Command::Schedule, 204, "");
    assert_eq!(
        (&value["state"], &value["response"]),
        (&json!("resolved"), &Value::Null)
    );
}

#[test]
fn slots_are_the_same_for_both_apis() {
    let one = outcome(
        &v1(json!({})),
        Command::Availability,
        200,
        r#"{"2030-12-01T10:05:00.000Z":"2","2030-12-01T10:00:00.000Z":5}"#,
    );
    let body = r#"{"status":{"code":0},"data":{"slots":[{"utcTime":"2030-12-01T10:05:00Z","capacity":2},{"utcTime":"2030-12-01T10:00:00.000Z","capacity":"5"}],"durationMin":5}}"#;
    let three = outcome(&v3(json!({})), Command::Availability, 200, body);
    assert_eq!(one["slots"], three["slots"]);
    let expected = json!([{"utcTime": "2030-12-01T10:00:00.000Z", "capacity": 5}, {"utcTime": "2030-12-01T10:05:00.000Z", "capacity": 2}]);
    assert_eq!(one["slots"], expected);
    assert_eq!(
        outcome(&v1(json!({})), Command::Availability, 200, "{}")["slots"],
        json!([])
    );
    let none = outcome(
        &v3(json!({})),
        Command::Availability,
        200,
        r#"{"data":{"slots":[]}}"#,
    );
    assert_eq!(
        (&none["state"], &none["slots"]),
        (&json!("resolved"), &json!([]))
    );
}

#[test]
fn rejections_map_to_statuses() {
    let exception = |name: &str, more: &str| {
        format!(r#"{{"exception":"{EXCEPTION}{name}","message":"m"{more}}}"#)
    };
    let code = |code: i64| format!(r#"{{"status":{{"code":{code},"message":"m","corrId":"c"}}}}"#);
    let fault = |code: &str| {
        format!(r#"{{"fault":{{"faultstring":"m","detail":{{"errorcode":"{code}"}}}}}}"#)
    };
    let proposals = r#"{"status":{"code":7041,"message":"m"},"data":{"slots":{"2030-12-01T10:00:00.000Z":"3"}}}"#;
    let (v1, v3) = (v1(json!({})), v3(json!({})));
    for (config, http, body, name) in [
        (&v1, 400, exception("Availability", ""), "SLOT_UNAVAILABLE"),
        (
            &v1,
            400,
            exception("Availability", r#","code":7042,"availability":{}"#),
            "SLOT_UNAVAILABLE",
        ),
        (&v1, 200, exception("Availability", ""), "SLOT_UNAVAILABLE"),
        (&v1, 400, exception("Resource", ""), "REJECTED"),
        (&v1, 400, exception("Number", ""), "REJECTED"),
        (
            &v1,
            503,
            exception("ServiceUnavailable", ""),
            "SERVER_ERROR",
        ),
        (
            &v1,
            200,
            exception("ServiceUnavailable", ""),
            "SERVER_ERROR",
        ),
        (&v1, 400, exception("NotFound", ""), "NOT_FOUND"),
        (&v1, 200, exception("Other", ""), "REJECTED"),
        (
            &v1,
            400,
            r#"{"message":"m","code":501}"#.to_owned(),
            "REJECTED",
        ),
        (
            &v1,
            400,
            r#"{"message":"m","code":1103}"#.to_owned(),
            "UNAUTHORIZED",
        ),
        (&v1, 429, r#"{"message":"m"}"#.to_owned(), "RATE_LIMITED"),
        (&v1, 401, r#"{"message":"m"}"#.to_owned(), "UNAUTHORIZED"),
        (&v1, 404, r#"{"message":"m"}"#.to_owned(), "NOT_FOUND"),
        (&v1, 407, r#"{"message":"m"}"#.to_owned(), "PROXY"),
        (&v1, 500, r#"{"message":"m"}"#.to_owned(), "SERVER_ERROR"),
        (&v1, 304, r#"{"message":"m"}"#.to_owned(), "PROTOCOL"),
        (&v3, 429, proposals.to_owned(), "SLOT_UNAVAILABLE"),
        (&v3, 429, code(7042), "SLOT_UNAVAILABLE"),
        (&v3, 429, code(9), "RATE_LIMITED"),
        (&v3, 400, code(7030), "REJECTED"),
        (&v3, 400, code(7040), "REJECTED"),
        (&v3, 400, code(503), "UNAUTHORIZED"),
        (&v3, 200, code(7030), "REJECTED"),
        (&v3, 500, code(1), "SERVER_ERROR"),
        (&v3, 500, code(7041), "SERVER_ERROR"),
        (&v3, 503, code(503), "SERVER_ERROR"),
        (
            &v3,
            400,
            r#"{"status":{"code":7030,"message":"m"},"data":{"slots":{}}}"#.to_owned(),
            "REJECTED",
        ),
        (
            &v1,
            400,
            exception(
                "Number",
                r#","availability":{"2030-12-01T10:00:00.000Z":1}"#,
            ),
            "REJECTED",
        ),
        (&v3, 401, fault("oauth.v2.InvalidApiKey"), "UNAUTHORIZED"),
        (
            &v3,
            401,
            fault("steps.oauth.v2.FailedToResolveAPIKey"),
            "UNAUTHORIZED",
        ),
        (
            &v3,
            429,
            fault("policies.ratelimit.QuotaViolation"),
            "RATE_LIMITED",
        ),
        (
            &v3,
            500,
            fault("policies.ratelimit.SpikeArrestViolation"),
            "RATE_LIMITED",
        ),
        (
            &v3,
            503,
            fault("messaging.adaptors.http.flow.ServiceUnavailable"),
            "SERVER_ERROR",
        ),
    ] {
        for command in [Command::Schedule, Command::Availability] {
            let value = outcome(config, command, http, &body);
            assert_eq!(value["error"]["name"], name, "HTTP {http} {body}");
            assert_eq!(value["error"]["serverMessage"], "m", "HTTP {http} {body}");
            let message = value["error"]["message"].as_str().unwrap();
            assert!(message.contains(&format!("(HTTP {http}")), "{message}");
            assert_eq!(value["httpStatus"], http);
        }
    }
}

#[test]
fn rejection_keeps_the_server_response() {
    let body = r#"{"status":{"code":7041,"message":"Too many requests","corrId":"c-1"},"data":{"slots":{"2030-12-01T10:00:00.000Z":"3"}}}"#;
    let value = outcome(&v3(json!({})), Command::Schedule, 429, body);
    let expected = json!({
        "command": "CallbackService.schedule", "state": "rejected", "httpStatus": 429,
        "error": {"status": 502, "name": "SLOT_UNAVAILABLE", "message": "too many requests at this time (HTTP 429, code 7041)",
                  "serverMessage": "Too many requests", "serverCode": 7041,
                  "correlationId": "c-1", "field": null, "retryable": false, "retryAfterMs": null, "attempts": 1,
                  "booked": "no"},
        "slots": [{"utcTime": "2030-12-01T10:00:00.000Z", "capacity": 3}],
        "response": serde_json::from_str::<Value>(body).unwrap()
    });
    assert_eq!(value, expected);
    let body = format!(
        r#"{{"exception":"{EXCEPTION}Availability","message":"full","availability":{{"2030-12-01T10:00:00.000Z":3}}}}"#
    );
    let value = outcome(&v1(json!({})), Command::Schedule, 400, &body);
    assert_eq!(value["slots"], expected["slots"]);
    let value = outcome(
        &v3(json!({})),
        Command::Schedule,
        400,
        r#"{"status":{"code":7036,"message":"+14151110000 is impossible"}}"#,
    );
    assert_eq!(
        value["error"]["serverMessage"],
        "+14151110000 is impossible"
    );
    assert_eq!(
        value["error"]["message"],
        "the telephone number is impossible (HTTP 400, code 7036)"
    );
    assert_eq!(value["error"]["field"], "phonenumber");
}

#[test]
fn unexpected_response_is_a_protocol_error() {
    let (v1, v3) = (v1(json!({})), v3(json!({})));
    for (config, command, status, body) in [
        (&v1, Command::Schedule, 200, "<p>hi</p>"),
        (&v1, Command::Schedule, 200, ""),
        (&v1, Command::Schedule, 200, "[]"),
        (&v1, Command::Schedule, 200, "{}"),
        (&v1, Command::Schedule, 200, r#"{"msg":"hello"}"#),
        (&v1, Command::Schedule, 202, r#"{"_id":""}"#),
        (&v1, Command::Schedule, 200, r#"{"_id":null}"#),
        (&v1, Command::Schedule, 200, r#"{"_id":{"a":1}}"#),
        (&v1, Command::Schedule, 200, r#"{"_id":true}"#),
        (&v1, Command::Schedule, 200, r#"{"id":"369"}"#),
        (&v3, Command::Schedule, 200, r#"{"_id":"369"}"#),
        (
            &v3,
            Command::Schedule,
            200,
            r#"{"status":{"code":0},"data":{}}"#,
        ),
        (
            &v3,
            Command::Schedule,
            200,
            r#"{"status":{"code":0},"data":"369"}"#,
        ),
        (&v3, Command::Schedule, 200, "{\"a\":"),
        (&v1, Command::Availability, 200, "[]x"),
        (&v1, Command::Availability, 200, r#"{"msg":"hello"}"#),
        (&v1, Command::Availability, 200, "5"),
        (
            &v3,
            Command::Availability,
            200,
            r#"{"status":{"code":0},"data":{}}"#,
        ),
        (
            &v3,
            Command::Availability,
            200,
            r#"{"data":{"slots":"none"}}"#,
        ),
        (&v3, Command::Availability, 204, ""),
    ] {
        let value = outcome(config, command, status, body);
        assert_eq!(value["error"]["name"], "PROTOCOL", "{body}");
        match serde_json::from_str::<Value>(body) {
            Ok(json) => assert_eq!(value["response"], json),
            Err(_) if body.is_empty() => assert_eq!(value["response"], Value::Null),
            Err(_) => assert_eq!(value["response"], body),
        }
    }
}

#[test]
fn the_response_is_what_the_server_sent() {
    let body = "{\"z\": 1.50, \"a\":\t1e999, \"z\": \"\\u0000\", \"_id\":\"x\"}";
    let response = Response {
        status: 200,
        content_type: Some("application/json".to_owned()),
        retry_after: None,
        date: None,
        body: format!("\n{body} ").into_bytes(),
    };
    let config = v1(json!({}));
    let outcome = from_response(&config, Command::Schedule, &response);
    assert!(outcome
        .text
        .to_str()
        .unwrap()
        .ends_with(&format!(",\"response\":{body}}}")));
    let response = Response {
        body: b"caf\xe9 \x00".to_vec(),
        ..response
    };
    let outcome = from_response(&config, Command::Schedule, &response);
    assert!(outcome
        .text
        .to_str()
        .unwrap()
        .ends_with(r#","response":"caf� \u0000"}"#));
}

#[test]
fn the_response_can_be_left_out() {
    let refused = format!(r#"{{"exception":"{EXCEPTION}Availability","message":"m","code":7041}}"#);
    for (command, status, body) in [
        (Command::Schedule, 200, r#"{"_id":"369","_text":"soon"}"#),
        (Command::Schedule, 400, &refused),
        (Command::Schedule, 502, "bad gateway"),
        (Command::Schedule, 204, ""),
        (
            Command::Availability,
            200,
            r#"{"2030-12-01T10:05:00.000Z":"2","2030-13-01T10:00:00.000Z":5}"#,
        ),
    ] {
        let mut expected = outcome(&v1(json!({})), command, status, body);
        assert!(expected
            .as_object_mut()
            .unwrap()
            .remove("response")
            .is_some());
        let short = v1(json!({ "response": false }));
        assert_eq!(outcome(&short, command, status, body), expected);
    }
}

/// The outcome of a response with these bytes and this content type.
fn outcome_of_bytes(config: &Config, content_type: &str, body: &[u8]) -> Value {
    let response = Response {
        status: 200,
        content_type: Some(content_type.to_owned()),
        body: body.to_vec(),
        ..Response::default()
    };
    let outcome = from_response(config, Command::Schedule, &response);
    serde_json::from_str(outcome.text.to_str().unwrap()).unwrap()
}

#[test]
fn no_encoding_costs_the_identifier() {
    let utf16: Vec<u8> = "\u{feff}{\"_id\":\"369\"}"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    for (content_type, body) in [
        (
            "application/json",
            b"{\"_id\":\"369\",\"_text\":\"Gr\xfc\xdfe\"}".to_vec(),
        ),
        (
            "application/json; charset=ISO-8859-1",
            b"{\"_id\":\"369\",\"_text\":\"Gr\xfc\xdfe\"}".to_vec(),
        ),
        (
            "application/json",
            b"\xef\xbb\xbf{\"_id\":\"369\"}".to_vec(),
        ),
        ("application/json", utf16),
        (
            "text/plain",
            br#"{"_text":"\ud83d","\udc00":1,"_id":"369"}"#.to_vec(),
        ),
        ("application/json", b"{\"_id\":\"369\"}\0\n".to_vec()),
        ("application/json", br#"{"_id":"1","_id":"369"}"#.to_vec()),
        (
            "application/json",
            format!(
                r#"{{"_id":"369","x":{}{}}}"#,
                "[".repeat(126),
                "]".repeat(126)
            )
            .into_bytes(),
        ),
    ] {
        let value = outcome_of_bytes(&v1(json!({})), content_type, &body);
        assert_eq!(
            (&value["state"], &value["id"]),
            (&json!("resolved"), &json!("369")),
            "{value}"
        );
    }
    let latin1 = b"{\"_id\":\"369\",\"_text\":\"Gr\xfc\xdfe\"}";
    let value = outcome_of_bytes(&v1(json!({})), "text/json;charset=latin1", latin1);
    assert_eq!(value["response"]["_text"], "Gr\u{fc}\u{df}e");
    let value = outcome_of_bytes(&v1(json!({})), "text/json", latin1);
    assert_eq!(value["response"]["_text"], "Gr\u{fffd}\u{fffd}e");
}

#[test]
fn a_rejection_with_an_identifier_may_be_a_booking() {
    for (config, status, body) in [
        (v1(json!({})), 500, r#"{"_id":"369","code":5}"#),
        (v1(json!({})), 200, r#"{"_id":"369","exception":"x"}"#),
        (
            v3(json!({})),
            400,
            r#"{"status":{"code":7030},"data":{"id":"369"}}"#,
        ),
    ] {
        let value = outcome(&config, Command::Schedule, status, body);
        assert_eq!(value["id"], "369");
        assert_eq!(value["state"], "rejected");
    }
}

#[test]
fn slots_are_never_dropped_silently() {
    let v1 = v1(json!({}));
    let body = r#"{"2030-12-01T10:00Z":5,"20301201T101500Z":4,"2030-12-01 11h":3,"soon":2,"note":{"a":1}}"#;
    let value = outcome(&v1, Command::Availability, 200, body);
    assert_eq!(value["slots"].as_array().unwrap().len(), 2);
    assert_eq!(value["unreadSlots"], json!(["2030-12-01 11h", "soon"]));
    let body = r#"{"2030-12-01T10:00:00":5}"#;
    let value = outcome(&v1, Command::Availability, 200, body);
    assert_eq!(value["error"]["name"], "PROTOCOL");
    assert_eq!(value["unreadSlots"], json!(["2030-12-01T10:00:00"]));
    let body = r#"{"data":{"slots":[{"utcTime":"2030-12-01T10:00:00","capacity":1},{"utcTime":"later","capacity":2},{"capacity":3},5]}}"#;
    let value = outcome(&v3(json!({})), Command::Availability, 200, body);
    assert_eq!(
        value["slots"],
        json!([{"utcTime": "2030-12-01T10:00:00.000Z", "capacity": 1}])
    );
    assert_eq!(
        value["unreadSlots"],
        json!(["later", "{\"capacity\":3}", "5"])
    );
    let body =
        format!(r#"{{"exception":"{EXCEPTION}Availability","availability":{{"tomorrow":3}}}}"#);
    let value = outcome(&v1, Command::Schedule, 400, &body);
    assert_eq!(value["unreadSlots"], json!(["tomorrow"]));
    assert!(value.get("slots").is_none());
}

#[test]
fn a_repeated_time_is_one_slot() {
    let expected = json!([{"utcTime": "2030-12-01T10:00:00.000Z", "capacity": 2}]);
    for body in [
        r#"{"2030-12-01T10:00:00.000Z":1,"2030-12-01T10:00:00.000Z":2}"#,
        r#"{"2030-12-01T10:00:00.000Z":1,"2030-12-01T11:00:00+01:00":2}"#,
    ] {
        assert_eq!(
            outcome(&v1(json!({})), Command::Availability, 200, body)["slots"],
            expected
        );
    }
    let slot =
        |capacity| format!(r#"{{"utcTime":"2030-12-01T10:00:00.000Z","capacity":{capacity}}}"#);
    let body = format!(r#"{{"data":{{"slots":[{},{}]}}}}"#, slot(1), slot(2));
    assert_eq!(
        outcome(&v3(json!({})), Command::Availability, 200, &body)["slots"],
        expected
    );
}

#[test]
fn the_widget_accepts_what_jquery_accepts() {
    let widgets9 = json!({"wireFormat": "widgets-9"});
    let (v1, v3) = (v1(widgets9.clone()), v3(widgets9));
    use Command::{Availability, Schedule};
    for (config, command, status, body, state) in [
        (&v1, Availability, 200, r#"{"msg":"hello"}"#, "resolved"),
        (&v1, Availability, 200, r#"{"exception":"x"}"#, "resolved"),
        (&v1, Availability, 200, "[1]", "resolved"),
        (&v1, Availability, 200, "null", "resolved"),
        (&v1, Availability, 206, "5", "resolved"),
        (&v1, Availability, 304, "", "resolved"),
        (&v1, Availability, 204, "", "resolved"),
        (&v1, Availability, 200, "", "rejected"),
        (&v1, Availability, 200, "{", "rejected"),
        (&v1, Availability, 404, "{}", "rejected"),
        (
            &v3,
            Availability,
            200,
            r#"{"data":{"slots":[]}}"#,
            "resolved",
        ),
        (
            &v3,
            Availability,
            200,
            r#"{"status":{"code":5},"data":{"slots":{}}}"#,
            "resolved",
        ),
        (&v3, Availability, 200, r#"{"data":{}}"#, "rejected"),
        (
            &v3,
            Availability,
            200,
            r#"{"data":{"slots":null}}"#,
            "rejected",
        ),
        (
            &v3,
            Availability,
            200,
            r#"{"data":{"slots":false}}"#,
            "rejected",
        ),
        (&v3, Availability, 304, "", "rejected"),
        (&v1, Schedule, 304, "", "resolved"),
        (&v1, Schedule, 202, "{}", "resolved"),
        (&v3, Schedule, 200, r#"{"msg":"hello"}"#, "resolved"),
        (&v1, Schedule, 200, "", "rejected"),
    ] {
        let value = outcome(config, command, status, body);
        assert_eq!(value["state"], state, "{command:?} {status} {body}");
    }
}

#[test]
fn responses_from_between_do_not_show_what_the_server_did() {
    let fault = r#"{"fault":{"faultstring":"m","detail":{"errorcode":"messaging.adaptors.http.flow.GatewayTimeout"}}}"#;
    for (status, body, is_unknown) in [
        (504, fault, true),
        (500, fault, true),
        (502, r#"{"message":"Bad gateway","code":502}"#, true),
        (504, r#"{"code":504}"#, true),
        (408, "", true),
        (500, "oops", true),
        (
            503,
            r#"{"exception":"x.CallbackExceptionServiceUnavailable"}"#,
            false,
        ),
        (500, r#"{"code":5}"#, false),
        (500, r#"{"code":500,"message":"Internal error"}"#, true),
        (503, r#"{"code":503}"#, true),
        (500, r#"{"status":{"code":0}}"#, true),
        (302, "", true),
        (303, "<p>See other</p>", true),
        (304, "", true),
        (101, "", true),
        (
            200,
            r#"{"exception":"x.CallbackExceptionAvailability"}"#,
            false,
        ),
        (409, r#"{"_id":"1"}"#, true),
        (401, r#"{"fault":{"faultstring":"m"}}"#, false),
        (429, "", false),
        (400, "", false),
    ] {
        let response = Response {
            status,
            body: body.as_bytes().to_vec(),
            ..Response::default()
        };
        let text = body_text(&response);
        let interpretation = interpret(
            &v1(json!({})),
            Command::Schedule,
            &Subject::default(),
            &response,
            &text,
        );
        assert_eq!(
            interpretation.is_effect_unknown, is_unknown,
            "{status} {body}"
        );
    }
}

#[test]
fn a_403_without_a_code_names_the_path() {
    let value = outcome(&v1(json!({})), Command::Schedule, 403, "<p>Forbidden</p>");
    let message = value["error"]["message"].as_str().unwrap();
    assert!(
        message.contains("the path of dataURL is wrong"),
        "{message}"
    );
}
