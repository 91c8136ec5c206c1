//! The mapping tables of the documented wire format, row by row.

use serde_json::{json, Value};

use super::*;
use crate::service::outcome::Outcome;
use crate::transport::message::Response;

const V1: &str = "http://h/genesys/1/service/callback/samples";
const V3: &str = "http://h/engagement/v3/callbacks";

fn config(mut extra: Value) -> Config {
    let v3 = extra.get("apiVersion").is_some();
    extra["dataURL"] = json!(if v3 { V3 } else { V1 });
    Config::parse(&extra.to_string()).unwrap()
}

fn v1(extra: Value) -> Config {
    config(extra)
}

fn v3(mut extra: Value) -> Config {
    extra["apiVersion"] = json!("v3");
    config(extra)
}

fn built(config: &Config, command: Command, options: Value) -> Request {
    request(config, command, options.as_object().unwrap()).unwrap()
}

/// The form of a v1 booking, decoded enough to read.
fn v1_body(extra: Value, options: Value) -> String {
    let body = built(&v1(extra), Command::Schedule, options).body.unwrap();
    body.replace("%5B", "[")
        .replace("%5D", "]")
        .replace("%3A", ":")
        .replace("%2B", "+")
}

fn v3_body(extra: Value, options: Value) -> Value {
    serde_json::from_str(&built(&v3(extra), Command::Schedule, options).body.unwrap()).unwrap()
}

#[test]
fn every_schedule_option_has_its_v1_field() {
    for (option, value, body) in [
        ("phonenumber", json!("+1 415"), "_customer_number=+1+415"),
        ("phonenumber", json!(415), "_customer_number=415"),
        ("_customer_number", json!("415"), "_customer_number=415"),
        ("phoneNumber", json!("415"), "_customer_number=415"),
        (
            "desiredtime",
            json!("2030-01-07T10:00:00Z"),
            "_desired_time=2030-01-07T10:00:00.000Z",
        ),
        (
            "desiredTime",
            json!("2030-01-07T11:00:00+01:00"),
            "_desired_time=2030-01-07T10:00:00.000Z",
        ),
        (
            "_desired_time",
            json!("2030-01-07T10:00:00.000Z"),
            "_desired_time=2030-01-07T10:00:00.000Z",
        ),
        ("desiredtime", json!(""), ""),
        ("firstname", json!("Bob"), "firstname=Bob"),
        ("lastname", json!("Jones"), "lastname=Jones"),
        ("email", json!("b"), "email=b"),
        ("subject", json!("s"), "subject=s"),
        (
            "userData",
            json!({"k": "v", "n": {"m": [1, 2]}}),
            "k=v&n[m][]=1&n[m][]=2",
        ),
        ("serviceName", json!("other"), ""),
        (
            "calldirection",
            json!("USERORIGINATED"),
            "_call_direction=USERORIGINATED",
        ),
        ("waitForAgent", json!(true), "_wait_for_agent=true"),
        (
            "waitforuserconfirm",
            json!("false"),
            "_wait_for_user_confirm=false",
        ),
        ("mediaType", json!("voice"), "_media_type=voice"),
        ("callbackstate", json!("QUEUED"), "_callback_state=QUEUED"),
        ("ursVirtualQueue", json!("vq"), "_urs_virtual_queue=vq"),
        ("_urs_virtual_queue", json!("vq"), "_urs_virtual_queue=vq"),
        ("cbOfferType", json!("ASAP"), "cbOfferType=ASAP"),
        ("priority", json!(5), "priority=5"),
        ("anything", json!("else"), "anything=else"),
        ("_provide_code", json!(true), "_provide_code=true"),
        ("priority", json!("high"), "priority=high"),
        ("channel", json!(["a"]), "channel[]=a"),
        ("anything", Value::Null, ""),
    ] {
        assert_eq!(
            v1_body(json!({}), json!({ option: value })),
            body,
            "{option}"
        );
    }
}

#[test]
fn every_schedule_option_has_its_v3_field() {
    let service = json!({"serviceName": "svc"});
    for (option, value, expected) in [
        ("phonenumber", json!("415"), json!({"phoneNumber": "415"})),
        ("phonenumber", json!(415), json!({"phoneNumber": "415"})),
        (
            "_customer_number",
            json!("415"),
            json!({"phoneNumber": "415"}),
        ),
        ("phoneNumber", json!("415"), json!({"phoneNumber": "415"})),
        (
            "desiredTime",
            json!("2030-01-07T10:00:00Z"),
            json!({"desiredTime": "2030-01-07T10:00:00.000Z"}),
        ),
        (
            "_desired_time",
            json!("2030-01-07T10:00:00Z"),
            json!({"desiredTime": "2030-01-07T10:00:00.000Z"}),
        ),
        ("desiredtime", Value::Null, json!({})),
        (
            "firstname",
            json!("Bob"),
            json!({"userData": {"firstname": "Bob"}}),
        ),
        (
            "lastname",
            json!("Jones"),
            json!({"userData": {"lastname": "Jones"}}),
        ),
        ("email", json!("b"), json!({"userData": {"email": "b"}})),
        ("subject", json!("s"), json!({"userData": {"subject": "s"}})),
        (
            "userData",
            json!({"a": {"b": 1}}),
            json!({"userData": {"a": {"b": 1}}}),
        ),
        (
            "calldirection",
            json!("X"),
            json!({"userData": {"calldirection": "X"}}),
        ),
        (
            "waitForAgent",
            json!(true),
            json!({"userData": {"waitForAgent": true}}),
        ),
        (
            "mediatype",
            json!("voice"),
            json!({"userData": {"mediatype": "voice"}}),
        ),
        ("cbOfferType", json!("ASAP"), json!({"cbOfferType": "ASAP"})),
        ("language", json!("en-US"), json!({"language": "en-US"})),
        ("inboundVQ", json!("q"), json!({"inboundVQ": "q"})),
        ("channel", json!("WEB"), json!({"channel": "WEB"})),
        (
            "offerTiming",
            json!("ON-HOURS"),
            json!({"offerTiming": "ON-HOURS"}),
        ),
        (
            "cbOriginationIxnId",
            json!("i"),
            json!({"cbOriginationIxnId": "i"}),
        ),
        ("surveyRP", json!("s"), json!({"surveyRP": "s"})),
        ("routePoint", json!("r"), json!({"routePoint": "r"})),
        ("offerThreshold", json!("5"), json!({"offerThreshold": 5})),
        ("priority", json!(5), json!({"priority": 5})),
        ("captchaToken", json!("t"), json!({"captchaToken": "t"})),
        (
            "pushTargets",
            json!([{"channel": "FCM", "target": "t"}]),
            json!({"pushTargets": [{"channel": "FCM", "target": "t"}]}),
        ),
        (
            "alwaysCheckCapacity",
            json!("true"),
            json!({"alwaysCheckCapacity": true}),
        ),
        (
            "anything",
            json!([1]),
            json!({"userData": {"anything": [1]}}),
        ),
        ("anything", Value::Null, json!({})),
    ] {
        let mut expected = expected;
        expected["serviceName"] = json!("svc");
        assert_eq!(
            v3_body(service.clone(), json!({ option: value })),
            expected,
            "{option}"
        );
    }
    let body = v3_body(service, json!({"serviceName": "other", "phonenumber": "1"}));
    assert_eq!(body, json!({"serviceName": "other", "phoneNumber": "1"}));
}

#[test]
fn a_v3_field_of_a_wrong_type_names_itself() {
    for (name, value) in [
        ("priority", json!("high")),
        ("offerThreshold", json!([])),
        ("alwaysCheckCapacity", json!("yes")),
        ("pushTargets", json!([1])),
        ("language", json!(true)),
    ] {
        let options = json!({ name: value });
        let error = request(
            &v3(json!({"serviceName": "s"})),
            Command::Schedule,
            options.as_object().unwrap(),
        )
        .err()
        .unwrap();
        assert_eq!(
            (error.status, error.field.as_deref()),
            (Status::BadOption, Some(name))
        );
    }
}

#[test]
fn later_layers_of_user_data_win() {
    let extra =
        json!({"userData": {"a": "config", "b": "config", "c": "config"}, "serviceName": "s"});
    let options = json!({"userData": {"b": "command", "c": "command", "_customer_number": "1"}, "c": "named", "phonenumber": "2"});
    assert_eq!(
        v1_body(extra.clone(), options.clone()),
        "a=config&b=command&c=named&_customer_number=2"
    );
    let body = v3_body(extra, options);
    assert_eq!(body["userData"]["a"], "config");
    assert_eq!(body["userData"]["b"], "command");
    assert_eq!(body["userData"]["c"], "named");
    assert_eq!(body["phoneNumber"], "2");
}

#[test]
fn numbers_in_user_data_keep_their_text() {
    let options = r#"{"x":1.50,"big":123456789012345678901234567890}"#;
    let options: Object = serde_json::from_str(options).unwrap();
    let body = request(
        &v3(json!({"serviceName": "s"})),
        Command::Schedule,
        &options,
    )
    .unwrap()
    .body
    .unwrap();
    assert!(
        body.contains(r#""userData":{"x":1.50,"big":123456789012345678901234567890}"#),
        "{body}"
    );
}

#[test]
fn the_configured_direction_is_a_default_for_v1_only() {
    let extra = json!({"callDirection": "USERTERMINATED", "serviceName": "s"});
    assert_eq!(
        v1_body(extra.clone(), json!({"x": "1"})),
        "_call_direction=USERTERMINATED&x=1"
    );
    assert_eq!(
        v1_body(extra.clone(), json!({"callDirection": "Y"})),
        "_call_direction=Y"
    );
    assert_eq!(
        v3_body(extra, json!({"x": "1"})),
        json!({"serviceName": "s", "userData": {"x": "1"}})
    );
}

#[test]
fn every_availability_option_has_its_query_parameter() {
    let options = json!({
        "maxTimeSlots": "20", "endDate": "2030-01-09T00:00:00Z", "numberOfDays": 5, "serviceName": "a/b c",
        "startDate": "2030-01-07T09:00:00+01:00", "timezone": "Europe/Paris", "reportBusy": true
    });
    let v1_url = built(&v1(json!({})), Command::Availability, options.clone()).url;
    assert_eq!(
        v1_url.as_str(),
        format!("{V1}/availability?start=2030-01-07T08%3A00%3A00.000Z&number-of-days=5&end=2030-01-09T00%3A00%3A00.000Z&max-time-slots=20")
    );
    let v3_url = built(&v3(json!({})), Command::Availability, options).url;
    assert_eq!(
        v3_url.as_str(),
        format!("{V3}/availability/a%2Fb%20c?start=2030-01-07T08%3A00%3A00.000Z&numberOfDays=5&end=2030-01-09T00%3A00%3A00.000Z&maxTimeSlots=20&timezone=Europe%2FParis&reportBusy=true")
    );
}

#[test]
fn what_is_zero_or_empty_is_not_asked() {
    let options = json!({"numberOfDays": 0, "maxTimeSlots": null, "startDate": "", "endDate": null, "serviceName": ""});
    let url = built(&v1(json!({})), Command::Availability, options.clone()).url;
    assert_eq!(url.as_str(), format!("{V1}/availability"));
    let config = v3(json!({"serviceName": "svc", "timezone": "UTC"}));
    let url = built(&config, Command::Availability, options).url;
    assert_eq!(url.as_str(), format!("{V3}/availability/svc?timezone=UTC"));
}

#[test]
fn a_v3_command_needs_a_service_name() {
    for command in [Command::Schedule, Command::Availability] {
        let options = json!({"phonenumber": "1", "numberOfDays": 1});
        let error = request(&v3(json!({})), command, options.as_object().unwrap())
            .err()
            .unwrap();
        assert_eq!(error.status, Status::Config);
        assert_eq!(
            error.message,
            "Invalid configuration. serviceName should be configured."
        );
    }
    for name in [".", ".."] {
        let options = json!({ "serviceName": name });
        let error = request(
            &v3(json!({})),
            Command::Availability,
            options.as_object().unwrap(),
        )
        .err()
        .unwrap();
        assert_eq!(error.status, Status::BadOption);
    }
}

#[test]
fn headers_follow_the_api() {
    let extra = json!({
        "apikey": "KEY", "headers": {"X-Site": "one", "Accept": "text/x"},
        "basicAuth": {"username": "u", "password": "p"}, "serviceName": "s"
    });
    for (config, key, get_type, post_type) in [
        (
            v1(extra.clone()),
            "apikey",
            None,
            "application/x-www-form-urlencoded",
        ),
        (
            v3(extra),
            "x-api-key",
            Some("application/json"),
            "application/json",
        ),
    ] {
        let get = built(&config, Command::Availability, json!({"numberOfDays": 1}));
        let post = built(&config, Command::Schedule, json!({"phonenumber": 1}));
        for request in [&get, &post] {
            assert_eq!(request.headers[key], "KEY");
            assert_eq!(request.headers["accept"], "application/json");
            assert_eq!(request.headers["x-site"], "one");
            assert_eq!(request.headers["authorization"], "Basic dTpw");
        }
        assert_eq!(
            get.headers
                .get("content-type")
                .map(|value| value.to_str().unwrap()),
            get_type
        );
        assert_eq!(post.headers["content-type"], post_type);
        assert!(get.body.is_none());
    }
    let bare = built(
        &v1(json!({"apikey": ""})),
        Command::Schedule,
        json!({"phonenumber": 1}),
    );
    assert!(!bare.headers.contains_key("apikey") && !bare.headers.contains_key("x-api-key"));
}

/// The outcome that an answer becomes.
fn outcome(config: &Config, command: Command, status: u16, body: &str) -> Value {
    let answer = Response {
        status,
        content_type: Some("application/json".to_owned()),
        retry_after: None,
        body: body.as_bytes().to_vec(),
    };
    let options = json!({"phonenumber": "+14151110000"});
    let meaning = read(config, command, options.as_object().unwrap(), &answer);
    let outcome = Outcome::answered(command, &answer, meaning, 1);
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
fn a_server_s_refusal_has_its_status() {
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
            assert_eq!(value["error"]["message"], "m", "HTTP {http} {body}");
            assert_eq!(value["httpStatus"], http);
        }
    }
}

#[test]
fn a_refusal_carries_all_that_the_server_said() {
    let body = r#"{"status":{"code":7041,"message":"Too many requests","corrId":"c-1"},"data":{"slots":{"2030-12-01T10:00:00.000Z":"3"}}}"#;
    let value = outcome(&v3(json!({})), Command::Schedule, 429, body);
    let expected = json!({
        "command": "CallbackService.schedule", "state": "rejected", "httpStatus": 429,
        "error": {"status": 502, "name": "SLOT_UNAVAILABLE", "message": "Too many requests", "serverCode": 7041,
                  "correlationId": "c-1", "field": null, "retryable": false, "retryAfterMs": null, "attempts": 1},
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
    assert_eq!(value["error"]["message"], "[hidden] is impossible");
    assert_eq!(value["error"]["field"], "phonenumber");
}

#[test]
fn an_answer_that_is_no_answer_is_a_protocol_error() {
    let (v1, v3) = (v1(json!({})), v3(json!({})));
    for (config, command, status, body) in [
        (&v1, Command::Schedule, 200, "<p>hi</p>"),
        (&v1, Command::Schedule, 200, ""),
        (&v1, Command::Schedule, 200, "[]"),
        (
            &v1,
            Command::Schedule,
            200,
            r#"{"\ud800":1,"exception":"x"}"#,
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
    let answer = Response {
        status: 200,
        content_type: Some("application/json".to_owned()),
        retry_after: None,
        body: format!("\n{body} ").into_bytes(),
    };
    let config = v1(json!({}));
    let outcome = Outcome::answered(
        Command::Schedule,
        &answer,
        read(&config, Command::Schedule, &Object::new(), &answer),
        1,
    );
    assert!(outcome
        .text
        .to_str()
        .unwrap()
        .ends_with(&format!(",\"response\":{body}}}")));
    let answer = Response {
        body: b"caf\xe9 \x00".to_vec(),
        ..answer
    };
    let outcome = Outcome::answered(
        Command::Schedule,
        &answer,
        read(&config, Command::Schedule, &Object::new(), &answer),
        1,
    );
    assert!(outcome
        .text
        .to_str()
        .unwrap()
        .ends_with(r#","response":"caf� \u0000"}"#));
}
