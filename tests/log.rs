//! The log: its lines, the thread of its handler, and what no line contains.

mod support;

use std::ffi::{c_char, c_void, CStr};
use std::ptr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use callbackservice::ffi::async_call::cbsvc_start;
use callbackservice::ffi::blocking::cbsvc_command;
use callbackservice::ffi::library::{cbsvc_diagnostics, cbsvc_set_log};
use serde_json::json;
use support::server::Server;
use support::{open, taken};

static LOGGED: Mutex<Vec<String>> = Mutex::new(Vec::new());
static SEEN: AtomicUsize = AtomicUsize::new(0);

/// Also runs a command, whose own lines must not bring it here again.
unsafe extern "C-unwind" fn log(level: *const c_char, line: *const c_char, user_data: *mut c_void) {
    let text = |text| unsafe { CStr::from_ptr(text) }.to_str().unwrap().to_owned();
    unsafe { &*(user_data as *const AtomicUsize) }.fetch_add(1, Ordering::SeqCst);
    assert_eq!(
        std::thread::current().name(),
        Some("log_lines_contain_no_secrets")
    );
    let nowhere = ptr::null_mut();
    let status = unsafe {
        cbsvc_command(
            nowhere,
            c"CallbackService.schedule".as_ptr(),
            ptr::null(),
            ptr::null_mut(),
        )
    };
    assert_eq!(status, 102);
    LOGGED
        .lock()
        .unwrap()
        .push(format!("{}: {}", text(level), text(line)));
}

#[test]
fn log_lines_contain_no_secrets() {
    let server = Server::json(400, r#"{"message":"bad +14151110000","code":7030}"#);
    let mut config = json!({ "dataURL": format!("{}/x", server.base), "proxy": "none" });
    config["theme"] = json!("dark");
    config["+14151110000"] = json!(1);
    config["apikey"] = json!("SECRET-KEY");
    config["basicAuth"] = json!({"username": "SECRET-NAME", "password": "SECRET-WORD"});
    assert_eq!(
        unsafe { cbsvc_set_log(4, Some(log), &raw const SEEN as *mut c_void) },
        0
    );
    let service = open(&config).unwrap();
    let answered =
        service.schedule(json!({"phonenumber": "+14151110000", "userData": {"k": "SECRET-DATA"}}));
    let started = unsafe {
        let (name, data) = (
            c"CallbackService.schedule".as_ptr(),
            c"{\"phonenumber\":\"1\"}".as_ptr(),
        );
        cbsvc_start(
            service.0,
            name,
            data,
            None,
            ptr::null_mut(),
            None,
            ptr::null_mut(),
        )
    };
    assert_eq!((started, service.dispatch(20_000)), (0, 0));
    assert_eq!(service.dispatch(0), 301);
    config["handlers"] = json!("thread");
    let threaded = open(&config).unwrap();
    let heard = threaded.record("CallbackService.scheduleError");
    let started = unsafe {
        let (name, data) = (
            c"CallbackService.schedule".as_ptr(),
            c"{\"phonenumber\":\"1\"}".as_ptr(),
        );
        cbsvc_start(
            threaded.0,
            name,
            data,
            None,
            ptr::null_mut(),
            None,
            ptr::null_mut(),
        )
    };
    assert_eq!(started, 0);
    let deadline = Instant::now() + Duration::from_secs(20);
    while heard.names().is_empty() {
        assert!(Instant::now() < deadline);
        std::thread::yield_now();
    }
    assert_eq!(threaded.close(), 0);
    let mut json = ptr::null_mut();
    assert_eq!(unsafe { cbsvc_diagnostics(&mut json) }, 0);
    let diagnostics = taken(json).unwrap();
    assert_eq!(unsafe { cbsvc_set_log(0, Some(log), ptr::null_mut()) }, 0);
    assert_eq!(service.close(), 0);

    let lines = LOGGED.lock().unwrap().join("\n");
    assert!(
        lines.contains("warning: configuration key \"theme\" is unknown and ignored"),
        "{lines}"
    );
    assert!(
        lines.contains("info: CallbackService.schedule REJECTED after"),
        "{lines}"
    );
    assert_eq!(lines.matches("REJECTED after").count(), 3, "{lines}");
    assert!(
        lines.contains("debug: POST to http://127.0.0.1:"),
        "{lines}"
    );
    assert_eq!(
        lines.matches("debug: response: HTTP 400").count(),
        3,
        "{lines}"
    );
    let mut error = answered.outcome["error"].clone();
    let server_message = error["serverMessage"].take();
    assert_eq!(server_message, "bad +14151110000");
    let error = error.to_string();
    for secret in ["SECRET", "4151110000", "Basic"] {
        assert!(
            !lines.contains(secret) && !diagnostics.contains(secret) && !error.contains(secret),
            "{secret}"
        );
    }
    assert_eq!(SEEN.load(Ordering::SeqCst), LOGGED.lock().unwrap().len());
}
