//! The mapping tables of the documented wire format, row by row.

use serde_json::{json, Value};

use super::*;

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
    request(config, command, options.as_object().unwrap())
        .unwrap()
        .0
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
    .0
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
fn zero_and_empty_options_are_omitted() {
    let options = json!({"numberOfDays": 0, "maxTimeSlots": null, "startDate": "", "endDate": null, "serviceName": ""});
    let url = built(&v1(json!({})), Command::Availability, options.clone()).url;
    assert_eq!(url.as_str(), format!("{V1}/availability"));
    let config = v3(json!({"serviceName": "svc", "timezone": "UTC"}));
    let url = built(&config, Command::Availability, options).url;
    assert_eq!(url.as_str(), format!("{V3}/availability/svc?timezone=UTC"));
}

#[test]
fn a_v3_command_needs_a_service_name() {
    for (command, options) in [
        (Command::Schedule, json!({"phonenumber": "1"})),
        (Command::Availability, json!({"numberOfDays": 1})),
        (Command::QueueStatus, json!({"queueName": ""})),
        (Command::OpenFor, json!({"timezone": "UTC"})),
    ] {
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

#[test]
fn v1_fields_in_the_commands_user_data_are_checked() {
    let data = json!({"_desired_time": "20301201T110000+01", "_customer_number": 4.15e9, "_wait_for_agent": "TRUE"});
    assert_eq!(
        v1_body(json!({}), json!({"userData": data})),
        "_desired_time=2030-12-01T10:00:00.000Z&_customer_number=4150000000&_wait_for_agent=true"
    );
    for (name, value) in [
        ("_desired_time", json!("tomorrow")),
        ("_desired_time", json!("2030-12-01T10:00:00")),
        ("_customer_number", json!(1.5)),
        ("_customer_number", json!("+49 é")),
        ("_wait_for_user_confirm", json!(1)),
        ("_callback_state", json!({})),
        ("count", json!(1e200)),
    ] {
        let options = json!({"phonenumber": "1", "userData": {name: value}});
        let error = request(
            &v1(json!({})),
            Command::Schedule,
            options.as_object().unwrap(),
        );
        let error = error.err().unwrap();
        assert_eq!(
            error.field.as_deref(),
            Some(format!("userData.{name}").as_str())
        );
        let v3 = request(
            &v3(json!({"serviceName": "s"})),
            Command::Schedule,
            options.as_object().unwrap(),
        );
        assert!(v3.is_ok(), "{name}");
    }
}

#[test]
fn numbers_in_a_form_are_exact() {
    let options: Object = serde_json::from_str(
        r#"{"account":4151110000.0,"ratio":1.50,"userData":{"list":[1e3,{"n":5.0}],"tiny":2.5e-3}}"#,
    )
    .unwrap();
    let body = request(&v1(json!({})), Command::Schedule, &options)
        .unwrap()
        .0
        .body
        .unwrap();
    assert_eq!(
        body.replace("%5B", "[").replace("%5D", "]"),
        "list[]=1000&list[1][n]=5&tiny=0.0025&account=4151110000&ratio=1.50"
    );
    let options: Object = serde_json::from_str(r#"{"account":1e200}"#).unwrap();
    let error = request(&v1(json!({})), Command::Schedule, &options)
        .err()
        .unwrap();
    assert_eq!(error.field.as_deref(), Some("account"));
}

#[test]
fn a_local_time_goes_to_v3_with_its_zone() {
    let options = json!({"startDate": "2030-03-31T09:00", "timezone": "Europe/Berlin"});
    let config = v3(json!({"serviceName": "s"}));
    let url = built(&config, Command::Availability, options.clone()).url;
    let query = "start=2030-03-31T09%3A00%3A00.000&timezone=Europe%2FBerlin";
    assert_eq!(url.as_str(), format!("{V3}/availability/s?{query}"));
    let error = request(
        &v1(json!({})),
        Command::Availability,
        options.as_object().unwrap(),
    );
    assert!(error.err().unwrap().message.contains("timezone"));
}

#[test]
fn the_widget_writes_a_space_in_a_query_as_plus() {
    let config = v3(json!({"serviceName": "s", "wireFormat": "widgets-9", "timezone": "a b"}));
    let options = json!({"startDate": "1 2+3!'()*", "unknown": 1, "startdate": 2});
    let url = built(&config, Command::Availability, options).url;
    let query = "start=1+2%2B3%21%27%28%29%2A&timezone=a+b";
    assert_eq!(url.as_str(), format!("{V3}/availability/s?{query}"));
}
