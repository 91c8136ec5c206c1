//! What the caller means is what is sent, and what the server says is what comes back.

mod support;

use std::ffi::{c_char, c_void, CStr};
use std::ptr;
use std::sync::Mutex;

use callbackservice::ffi::library::cbsvc_set_log;
use serde_json::{json, Value};
use support::server::{reply, AfterResponse, Server};
use support::{open, open_text, Service};

const BAD_OPTION: i32 = 108;
const PROTOCOL: i32 = 405;
const NUMBER: &str = "+14151110000";

/// A server that confirms every booking for both APIs.
fn confirming() -> Server {
    Server::json(200, r#"{"_id":"1","status":{"code":0},"data":{"id":"1"}}"#)
}

fn service(server: &Server, api: &str, more: Value) -> Service {
    let mut config = json!({
        "dataURL": format!("{}/x", server.base), "apiVersion": api, "serviceName": "s", "proxy": "none"
    });
    config
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    open(&config).unwrap()
}

#[test]
fn misspelt_options_send_nothing() {
    let server = confirming();
    for api in ["v1", "v3"] {
        let service = service(&server, api, json!({}));
        for name in [
            "DesiredTime",
            "desired_time",
            "DESIRED-TIME",
            "desiretime",
            "_desired_tme",
            "dseiredtime",
            "phone_number",
            "PhoneNumber",
            "phonenumer",
            "customer_number",
            "ServiceName",
            "service-name",
            "user_data",
            "userdata",
        ] {
            let answered =
                service.schedule(json!({"phonenumber": NUMBER, name: "2030-12-01T10:00:00Z"}));
            assert_eq!(answered.status, BAD_OPTION, "{api} {name}");
            assert_eq!(answered.outcome["error"]["field"], name);
            assert_eq!(answered.outcome["error"]["booked"], "no");
        }
        for name in [
            "startdate",
            "start_date",
            "days",
            "numberofdays",
            "timeZone",
            "maxSlots",
            "desiredtime",
            "x",
        ] {
            let answered = service.availability(json!({"numberOfDays": 1, name: 1}));
            assert_eq!(answered.status, BAD_OPTION, "{api} {name}");
            assert!(
                answered.message().contains("did you mean"),
                "{}",
                answered.message()
            );
        }
        assert_eq!(service.close(), 0);
    }
    assert!(server.received().is_empty());
}

#[test]
fn numbers_are_sent_as_their_digits() {
    let server = confirming();
    for (api, config) in [("v1", json!({})), ("v3", json!({}))] {
        let service = service(&server, api, config);
        for number in ["4151110000.0", "4.15111e9", "4151110000", "41511100e2"] {
            let data = format!(r#"{{"phonenumber":{number},"subject":"x"}}"#);
            let answered = service.command("CallbackService.schedule", &data);
            assert_eq!(answered.status, 0, "{number}: {}", answered.text);
            let body = server.received().last().unwrap().body.clone();
            let is_sent = body.contains("4151110000") && !body.contains("4151110000.");
            assert!(is_sent, "{number}: {body}");
        }
        let count = server.received().len();
        for number in [
            "4.15",
            "-4151110000",
            "1e300",
            "true",
            "[1]",
            "\"4.15e9\"",
            "\"4151110000.0\"",
            "\" \"",
        ] {
            let answered = service.command(
                "CallbackService.schedule",
                &format!(r#"{{"phonenumber":{number}}}"#),
            );
            assert_eq!(answered.status, BAD_OPTION, "{number}");
        }
        assert_eq!(server.received().len(), count);
        assert_eq!(service.close(), 0);
    }
}

#[test]
fn invisible_characters_are_not_sent() {
    let server = confirming();
    let service = service(&server, "v3", json!({}));
    for (given, sent) in [
        ("\u{202d}+49 89 123\u{202c}", "+49 89 123"),
        ("+49\u{a0}89\u{2011}123", "+49 89-123"),
        ("\u{feff}+49\u{200b}89\u{2060}123\u{200f}", "+4989123"),
        ("+49\u{2009}89\u{3000}123", "+49 89 123"),
    ] {
        assert_eq!(service.schedule(json!({"phonenumber": given})).status, 0);
        let body: Value = serde_json::from_str(&server.received().last().unwrap().body).unwrap();
        assert_eq!(body["phoneNumber"], sent);
    }
    assert_eq!(service.close(), 0);
}

#[test]
fn fields_of_the_api_inside_user_data_are_checked() {
    let server = confirming();
    let v1 = service(&server, "v1", json!({}));
    let answered =
        v1.schedule(json!({"phonenumber": NUMBER, "userData": {"_desired_time": "tomorrow"}}));
    assert_eq!(
        (answered.status, &answered.outcome["error"]["field"]),
        (BAD_OPTION, &json!("userData._desired_time"))
    );
    let answered = v1.schedule(
        json!({"userData": {"_desired_time": "2030-12-01T11:00+01", "_customer_number": 4.15e9}}),
    );
    assert_eq!(answered.status, 0);
    let body = server.received().last().unwrap().body.clone();
    assert_eq!(
        body,
        "_desired_time=2030-12-01T10%3A00%3A00.000Z&_customer_number=4150000000"
    );
    let config = json!({"dataURL": "http://h/x", "userData": {"_customer_number": "+49 é"}});
    let (status, message) = open(&config).err().unwrap();
    assert!(
        status == 105 && message.starts_with("userData._customer_number"),
        "{message}"
    );
    assert_eq!(v1.close(), 0);
}

#[test]
fn a_success_without_an_identifier_is_not_a_booking() {
    for (api, body) in [
        ("v1", "{}"),
        ("v1", r#"{"msg":"hello"}"#),
        ("v1", r#"{"_action":"DisplayMenu","_content":[]}"#),
        ("v1", r#"{"_id":""}"#),
        ("v1", "[]"),
        ("v3", "{}"),
        ("v3", r#"{"status":{"code":0},"data":{"id":null}}"#),
    ] {
        let server = Server::json(200, body);
        let service = service(&server, api, json!({}));
        let answered = service.schedule(json!({"phonenumber": NUMBER}));
        assert_eq!(answered.status, PROTOCOL, "{api} {body}");
        assert!(
            answered
                .message()
                .ends_with("the booking may have been made"),
            "{}",
            answered.message()
        );
        assert_eq!(answered.outcome["error"]["booked"], "unknown");
        assert_eq!(service.close(), 0);
    }
}

#[test]
fn identifier_beside_an_error_is_kept() {
    let refusal =
        r#"{"_id":"CB-1","data":{"id":"CB-1"},"exception":"x.CallbackExceptionAvailability"}"#;
    for (status, body) in [
        (
            200,
            r#"{"_id":"CB-1","exception":"x","data":{"id":"CB-1"},"status":{"code":7}}"#,
        ),
        (302, r#"{"_id":"CB-1","data":{"id":"CB-1"}}"#),
        (400, refusal),
        (401, refusal),
        (404, r#"{"_id":"CB-1","data":{"id":"CB-1"}}"#),
        (409, r#"{"_id":"CB-1","data":{"id":"CB-1"}}"#),
        (429, refusal),
        (500, refusal),
        (503, r#"{"_id":"CB-1","data":{"id":"CB-1"},"code":7}"#),
    ] {
        for api in ["v1", "v3"] {
            let server = Server::json(status, body);
            let service = service(&server, api, json!({}));
            let answered = service.schedule(json!({"phonenumber": NUMBER}));
            assert_ne!(answered.status, 0, "{api} {status}");
            assert_eq!(answered.outcome["id"], "CB-1", "{api} {status}");
            let booked = &answered.outcome["error"]["booked"];
            assert_eq!(booked, "unknown", "{api} {status}");
            assert_eq!(service.close(), 0);
        }
    }
}

#[test]
fn server_text_stands_apart_from_the_message() {
    let server = Server::json(
        400,
        r#"{"message":"Customer Number [+14151110000] is disallowed","code":7036}"#,
    );
    let service = service(&server, "v1", json!({"headers": {"X-Channel": "number"}}));
    let answered = service.schedule(json!({"phonenumber": NUMBER, "channel": "server"}));
    assert_eq!(
        answered.message(),
        "the telephone number is impossible (HTTP 400, code 7036)"
    );
    let message = &answered.outcome["error"]["serverMessage"];
    assert_eq!(message, "Customer Number [+14151110000] is disallowed");
    assert_eq!(service.close(), 0);
}

#[test]
fn bytes_that_are_not_utf_8_cost_nothing_else() {
    let server = Server::start(|_, stream| {
        use std::io::Write;
        let body = b"{\"_id\":\"369\",\"_text\":\"Gr\xfc\xdfe\",\"x\":\"\\ud800\"}";
        write!(
            stream,
            "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n",
            body.len()
        )
        .unwrap();
        stream.write_all(body).unwrap();
        AfterResponse::KeepOpen
    });
    let service = service(&server, "v1", json!({}));
    let answered = service.command(
        "CallbackService.schedule",
        r#"{"phonenumber":"1","subject":"\ud800x"}"#,
    );
    assert_eq!(
        (answered.status, &answered.outcome["id"]),
        (0, &json!("369"))
    );
    assert!(server.received()[0].body.contains("subject=%EF%BF%BDx"));
    assert_eq!(service.close(), 0);
}

#[test]
fn a_byte_order_mark_is_accepted_and_javascript_is_named() {
    let server = confirming();
    let config = format!(
        "\u{feff}{{\"dataURL\":\"{}/x\",\"proxy\":\"none\",\"ajaxTimeout\":\"5000\"}}",
        server.base
    );
    let service = open_text(&config).unwrap();
    let answered = service.command(
        "CallbackService.schedule",
        "\u{feff}{\"phonenumber\":\"1\"}",
    );
    assert_eq!(answered.status, 0);
    assert_eq!(
        service
            .command(
                "CallbackService.configure",
                "\u{feff}{\"ajaxTimeout\":\"6000\"}"
            )
            .status,
        0
    );
    let answered = service.command("CallbackService.schedule", "{phonenumber: '1'}");
    assert!(
        answered.status == 104 && answered.message().contains("JavaScript"),
        "{}",
        answered.message()
    );
    let (status, message) = open_text("window._genesys.widgets = {callback: {}};")
        .err()
        .unwrap();
    assert!(
        status == 104 && message.contains("JSON.stringify"),
        "{message}"
    );
    assert_eq!(service.close(), 0);
}

#[test]
fn the_widget_sends_every_request_once() {
    for (more, requests) in [
        (json!({}), 1),
        (json!({"retry": {"attempts": 2, "baseDelayMs": 1}}), 2),
    ] {
        let server = Server::start(|_, stream| {
            reply(stream, 503, &[], "");
            AfterResponse::KeepOpen
        });
        let mut config = json!({"wireFormat": "widgets-9"});
        config
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        let service = service(&server, "v1", config);
        assert_ne!(service.availability(json!({"numberOfDays": 1})).status, 0);
        assert_eq!(server.received().len(), requests);
        assert_eq!(service.close(), 0);
    }
}

static LOGGED: Mutex<Vec<String>> = Mutex::new(Vec::new());

unsafe extern "C-unwind" fn log(level: *const c_char, line: *const c_char, _: *mut c_void) {
    let text = |text| unsafe { CStr::from_ptr(text) }.to_str().unwrap().to_owned();
    LOGGED
        .lock()
        .unwrap()
        .push(format!("{}: {}", text(level), text(line)));
}

#[test]
fn names_that_may_be_a_mistake_are_logged() {
    let server = confirming();
    assert_eq!(unsafe { cbsvc_set_log(2, Some(log), ptr::null_mut()) }, 0);
    let v3 = service(&server, "v3", json!({}));
    let v1 = service(&server, "v1", json!({}));
    let widget = service(&server, "v1", json!({"wireFormat": "widgets-9"}));
    for (service, data, expected) in [
        (
            v3,
            json!({"phonenumber": NUMBER, "order-id": 5}),
            "order-id",
        ),
        (
            v3,
            json!({"phonenumber": NUMBER, "userData": {"2nd": 5}}),
            "2nd",
        ),
        (
            v3,
            json!({"phonenumber": NUMBER, "userData": {"n": {"first name": 5}}}),
            "first name",
        ),
        (
            v3,
            json!({"phonenumber": NUMBER, "userData": {"_desired_time": "x"}}),
            "_desired_time",
        ),
        (
            v1,
            json!({"phonenumber": NUMBER, "scheduledTime": "x"}),
            "scheduledTime",
        ),
        (
            v1,
            json!({"phonenumber": NUMBER, "later": "2030-12-01T10:00Z"}),
            "later",
        ),
        (v1, json!({"phone": NUMBER}), "phone"),
        (
            v1,
            json!({"phonenumber": NUMBER, "serviceName": "other"}),
            "serviceName",
        ),
        (
            v1,
            json!({"phonenumber": NUMBER, "userData": {"desiredtime": "x"}}),
            "desiredtime",
        ),
        (
            widget,
            json!({"phonenumber": NUMBER, "DesiredTime": "x"}),
            "DesiredTime",
        ),
    ] {
        LOGGED.lock().unwrap().clear();
        assert_eq!(service.schedule(data.clone()).status, 0, "{data}");
        let lines = LOGGED.lock().unwrap().join("\n");
        assert!(
            lines.contains("warning: ") && lines.contains(expected),
            "{data}: {lines}"
        );
        assert!(!lines.contains("4151110000"), "{lines}");
    }
    assert_eq!(unsafe { cbsvc_set_log(0, None, ptr::null_mut()) }, 0);
    assert_eq!((v1.close(), v3.close(), widget.close()), (0, 0, 0));
}
