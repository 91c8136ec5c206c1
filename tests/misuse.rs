//! Invalid calls: each returns a status and a message, sends nothing, and never crashes.

mod support;

use std::ffi::{c_void, CString};
use std::ptr;
use std::sync::atomic::{AtomicUsize, Ordering};

use callbackservice::ffi::blocking::{cbsvc_availability, cbsvc_command, cbsvc_schedule};
use callbackservice::ffi::library::{
    cbsvc_diagnostics, cbsvc_set_log, cbsvc_status_name, cbsvc_string_free, cbsvc_version_text,
};
use callbackservice::ffi::service::{cbsvc_close, cbsvc_configure, cbsvc_init};
use callbackservice::ffi::subscription::{cbsvc_subscribe, cbsvc_unsubscribe};
use callbackservice::ffi::types::cbsvc_service;
use serde_json::{json, Value};
use support::server::Server;
use support::{answered, open, open_text, taken};

fn v1(server: &Server) -> Value {
    json!({ "dataURL": format!("{}/genesys/1/service/callback/samples", server.base) })
}

#[test]
fn config_error_names_key_or_position() {
    let deep = "[".repeat(100_000);
    for (config, status, part) in [
        ("", 105, "Invalid configuration"),
        ("{}", 105, "Invalid configuration"),
        ("{\"dataURL\": \"http://h\"", 104, "line 1 column 22"),
        (deep.as_str(), 104, "recursion limit"),
        ("[]", 105, "object"),
        ("{\"dataURL\":5}", 105, "dataURL"),
        ("{\"dataURL\":\"h\"}", 105, "dataURL"),
        ("{\"apikey\":\"k\"}", 105, "dataURL"),
        (
            "{\"dataURL\":\"http://h\",\"apikey\":\"a\\nb\"}",
            105,
            "apikey",
        ),
        (
            "{\"dataURL\":\"http://h\",\"ajaxTimout\":5}",
            105,
            "did you mean ajaxTimeout?",
        ),
        ("{\"dataURL\":\"http://h\"} x", 104, "line 1 column 24"),
    ] {
        let (found, text) = open_text(config).map(|_| ()).unwrap_err();
        assert_eq!(found, status, "{text}");
        assert!(text.contains(part), "{text} lacks {part}");
    }
    let bytes = CString::new(*b"{\"dataURL\":\"\xff\"}").unwrap();
    let (mut service, mut error) = (ptr::null_mut(), ptr::null_mut());
    let status = unsafe {
        cbsvc_init(
            bytes.as_ptr(),
            None,
            ptr::null_mut(),
            &mut service,
            &mut error,
        )
    };
    assert_eq!((status, service), (103, ptr::null_mut()));
    assert!(taken(error).unwrap().contains("position 12"));
}

#[test]
fn null_arguments_return_a_status() {
    let server = Server::json(
        200,
        r#"{"_id":"a","2030-12-01T10:00:00.000Z":1,"data":{"id":"a"}}"#,
    );
    let service = open(&v1(&server)).unwrap();
    let config = CString::new(v1(&server).to_string()).unwrap();
    let nothing = ptr::null();
    unsafe {
        let (mut out, mut opened) = (ptr::null_mut(), ptr::dangling_mut::<cbsvc_service>());
        assert_eq!(
            cbsvc_init(nothing, None, ptr::null_mut(), &mut opened, &mut out),
            101
        );
        assert!(opened.is_null() && taken(out).unwrap().contains("config"));
        assert_eq!(
            cbsvc_init(
                config.as_ptr(),
                None,
                ptr::null_mut(),
                ptr::null_mut(),
                ptr::null_mut()
            ),
            101
        );
        assert_eq!(cbsvc_configure(service.0, nothing, ptr::null_mut()), 101);
        assert_eq!(
            cbsvc_configure(ptr::null_mut(), config.as_ptr(), ptr::null_mut()),
            102
        );
        assert_eq!(cbsvc_schedule(service.0, nothing, ptr::null_mut()), 107);
        assert_eq!(cbsvc_availability(service.0, nothing, ptr::null_mut()), 107);
        assert_eq!(
            cbsvc_command(service.0, nothing, nothing, ptr::null_mut()),
            101
        );
        assert_eq!(
            cbsvc_subscribe(
                service.0,
                nothing,
                Some(support::record),
                ptr::null_mut(),
                None,
                ptr::null_mut()
            ),
            101
        );
        assert_eq!(
            cbsvc_subscribe(
                service.0,
                c"*".as_ptr(),
                None,
                ptr::null_mut(),
                None,
                ptr::null_mut()
            ),
            101
        );
        assert_eq!(cbsvc_diagnostics(ptr::null_mut()), 101);
        assert_eq!(cbsvc_set_log(2, None, ptr::null_mut()), 0);
        cbsvc_string_free(ptr::null_mut());
    }
    assert_eq!(service.close(), 0);
    assert!(server.received().is_empty());
}

#[test]
fn stale_handles_are_rejected() {
    let server = Server::json(
        200,
        r#"{"_id":"a","2030-12-01T10:00:00.000Z":1,"data":{"id":"a"}}"#,
    );
    let service = open(&v1(&server)).unwrap();
    let other = open(&v1(&server)).unwrap();
    assert_eq!(service.close(), 0);
    assert_eq!(service.close(), 102);
    let reused = open(&v1(&server)).unwrap();
    let stack = 5u64;
    let wild = [
        0,
        1,
        7,
        0xdead_beef,
        usize::MAX,
        &raw const stack as usize,
        other.0 as usize ^ 2,
        other.0 as usize + 2,
    ];
    for value in wild.into_iter().chain([service.0 as usize]) {
        let handle = value as *mut cbsvc_service;
        let mut outcome = ptr::null_mut();
        let data = c"{\"phonenumber\":\"1\"}".as_ptr();
        unsafe {
            assert_eq!(cbsvc_schedule(handle, data, &mut outcome), 102);
            assert_eq!(answered(102, outcome).error(), "BAD_HANDLE");
            assert_eq!(cbsvc_availability(handle, data, ptr::null_mut()), 102);
            assert_eq!(
                cbsvc_command(
                    handle,
                    c"CallbackService.schedule".as_ptr(),
                    data,
                    ptr::null_mut()
                ),
                102
            );
            assert_eq!(cbsvc_configure(handle, data, ptr::null_mut()), 102);
            assert_eq!(
                cbsvc_subscribe(
                    handle,
                    c"*".as_ptr(),
                    Some(support::record),
                    ptr::null_mut(),
                    None,
                    ptr::null_mut()
                ),
                102
            );
        }
        assert_eq!(cbsvc_unsubscribe(handle, 1), 102);
        assert_eq!(cbsvc_close(handle, 0), 102);
    }
    assert_eq!((other.close(), reused.close()), (0, 0));
    assert!(server.received().is_empty());
}

#[test]
fn invalid_data_is_rejected_with_an_event() {
    let server = Server::json(
        200,
        r#"{"_id":"a","2030-12-01T10:00:00.000Z":1,"data":{"id":"a"}}"#,
    );
    let service = open(&v1(&server)).unwrap();
    let events = service.record("*");
    let deep = format!("{{\"a\":{}}}", "[".repeat(100_000));
    for (data, status, part) in [
        ("", 107, "No data found to schedule callback"),
        ("null", 107, "No data found to schedule callback"),
        ("{}", 107, "No data found to schedule callback"),
        ("[]", 108, "object"),
        ("5", 108, "object"),
        ("{\"phonenumber\":", 104, "line 1 column 15"),
        (deep.as_str(), 104, "recursion limit"),
        ("{\"phonenumber\":[]}", 108, "phonenumber"),
        (
            "{\"desiredtime\":\"2030-01-01T10:00:00\"}",
            108,
            "desiredtime",
        ),
        ("{\"desiredtime\":\"tomorrow\"}", 108, "zone"),
        ("{\"userData\":5}", 108, "userData"),
    ] {
        let answered = service.command("CallbackService.schedule", data);
        assert_eq!(answered.status, status, "{}", answered.text);
        assert!(answered.message().contains(part), "{}", answered.text);
        assert_eq!(answered.outcome["error"]["attempts"], 0);
        assert_eq!(
            events.last(),
            ("CallbackService.scheduleError".to_owned(), answered.text)
        );
    }
    let answered = service.command("CallbackService.availability", "{}");
    assert_eq!(
        answered.message(),
        "No query parameters passed for callback availability service"
    );
    assert_eq!(events.last().0, "CallbackService.availabilityError");
    let answered = service.availability(json!({"startDate": "2030-01-01"}));
    assert_eq!(
        (answered.status, &answered.outcome["error"]["field"]),
        (108, &json!("startDate"))
    );

    let before = events.names().len();
    let answered = service.command("CallbackService.shedule", "{}");
    assert_eq!(
        (answered.status, answered.message()),
        (106, "Command does not exist")
    );
    assert_eq!(events.names().len(), before);

    let text = CString::new(*b"{\"phonenumber\":\"\xff\"}").unwrap();
    assert_eq!(
        unsafe { cbsvc_schedule(service.0, text.as_ptr(), ptr::null_mut()) },
        103
    );
    assert_eq!(service.close(), 0);
    assert!(server.received().is_empty());
}

#[test]
fn v3_without_service_name_sends_nothing() {
    let server = Server::json(
        200,
        r#"{"_id":"a","2030-12-01T10:00:00.000Z":1,"data":{"id":"a"}}"#,
    );
    let service = open(&json!({"dataURL": server.base, "apiVersion": "v3"})).unwrap();
    let answered = service.schedule(json!({"phonenumber": "1"}));
    assert_eq!(
        answered.message(),
        "Invalid configuration. serviceName should be configured."
    );
    assert_eq!(answered.status, 105);
    assert_eq!(
        service
            .command("CallbackService.configure", "{\"serviceName\":\"s\"}")
            .status,
        0
    );
    assert_eq!(
        service.command("CallbackService.configure", "{}").message(),
        "Invalid configuration"
    );
    assert!(server.received().is_empty());
    assert_eq!(service.schedule(json!({"phonenumber": "1"})).status, 0);
    assert_eq!(service.close(), 0);
}

unsafe extern "C-unwind" fn count(user_data: *mut c_void) {
    unsafe { &*(user_data as *const AtomicUsize) }.fetch_add(1, Ordering::SeqCst);
}

#[test]
fn failed_subscription_releases_once() {
    let server = Server::json(
        200,
        r#"{"_id":"a","2030-12-01T10:00:00.000Z":1,"data":{"id":"a"}}"#,
    );
    let service = open(&v1(&server)).unwrap();
    let released = AtomicUsize::new(0);
    let user_data = &raw const released as *mut c_void;
    let wild = 0xdead_beef_usize as *mut cbsvc_service;
    for (service, event, status) in [
        (service.0, c"CallbackService.nothing", 108),
        (wild, c"*", 102),
        (ptr::null_mut(), c"*", 102),
    ] {
        let mut id = 5;
        let handler = Some(support::record as _);
        let found = unsafe {
            cbsvc_subscribe(
                service,
                event.as_ptr(),
                handler,
                user_data,
                Some(count),
                &mut id,
            )
        };
        assert_eq!((found, id), (status, 0));
    }
    let null = unsafe {
        cbsvc_subscribe(
            service.0,
            c"*".as_ptr(),
            None,
            user_data,
            Some(count),
            ptr::null_mut(),
        )
    };
    assert_eq!(null, 101);
    assert_eq!(released.load(Ordering::SeqCst), 4);
    assert_eq!(cbsvc_unsubscribe(service.0, 987_654), 205);
    assert_eq!(
        unsafe { cbsvc_set_log(9, Some(support::record), ptr::null_mut()) },
        108
    );
    assert_eq!(service.close(), 0);
}

#[test]
fn names_and_versions_are_constant_strings() {
    let text = |text| unsafe { std::ffi::CStr::from_ptr(text) }.to_str().unwrap();
    assert_eq!(text(cbsvc_status_name(0)), "OK");
    assert_eq!(text(cbsvc_status_name(502)), "SLOT_UNAVAILABLE");
    assert_eq!(text(cbsvc_status_name(-1)), "UNKNOWN");
    assert_eq!(text(cbsvc_version_text()), env!("CARGO_PKG_VERSION"));
}
