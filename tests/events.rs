//! Events as a program hears them.

mod support;

use std::ffi::{c_char, c_void, CStr, CString};
use std::ptr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{mpsc, Mutex};

use callbackservice::ffi::command::cbsvc_availability;
use callbackservice::ffi::event::{cbsvc_subscribe, cbsvc_unsubscribe};
use callbackservice::ffi::information::{cbsvc_diagnostics, cbsvc_set_log};
use callbackservice::ffi::service::{cbsvc_close, cbsvc_init};
use callbackservice::ffi::types::cbsvc_service;
use serde_json::{json, Value};
use support::server::{reply, Server, Then};
use support::{open, taken, Recorder, Service};

fn v1(server: &Server) -> Value {
    json!({ "dataURL": format!("{}/genesys/1/service/callback/samples", server.base) })
}

#[test]
fn the_first_handler_hears_everything_from_ready_on() {
    let server = Server::json(200, r#"{"_id":"1"}"#);
    let config = CString::new(v1(&server).to_string()).unwrap();
    let recorder = Recorder::default();
    let user_data = &raw const recorder as *mut c_void;
    let mut service = ptr::null_mut();
    let status =
        unsafe { cbsvc_init(config.as_ptr(), Some(support::record), user_data, &mut service, ptr::null_mut()) };
    assert_eq!(status, 0);
    assert_eq!(recorder.last(), ("CallbackService.ready".to_owned(), "{}".to_owned()));
    let service = Service(service);
    let late = service.record("CallbackService.ready");
    let booked = service.record("CallbackService.scheduled");
    let answered = service.schedule(json!({"phonenumber": "1"}));
    service.availability(json!({"numberOfDays": 1}));
    assert_eq!(
        recorder.names(),
        ["CallbackService.ready", "CallbackService.scheduled", "CallbackService.availabilityError"]
    );
    assert_eq!(late.names(), ["CallbackService.ready"]);
    assert_eq!(booked.last(), ("CallbackService.scheduled".to_owned(), answered.text));
    assert_eq!(service.close(), 0);
}

/// What a handler under test needs to know of its surroundings.
#[derive(Default)]
struct Stage {
    service: AtomicU64,
    subscription: AtomicU64,
    calls: AtomicUsize,
    released: AtomicUsize,
    statuses: Mutex<Vec<i32>>,
}

impl Stage {
    fn service(&self) -> *mut cbsvc_service {
        self.service.load(Ordering::SeqCst) as *mut cbsvc_service
    }

    fn subscribe(&'static self, service: Service, event: &CStr, handler: HandlerFunction) {
        self.service.store(service.0 as u64, Ordering::SeqCst);
        let mut id = 0;
        let user_data = self as *const Stage as *mut c_void;
        let status =
            unsafe { cbsvc_subscribe(service.0, event.as_ptr(), Some(handler), user_data, Some(released), &mut id) };
        assert_eq!(status, 0);
        self.subscription.store(id, Ordering::SeqCst);
    }
}

type HandlerFunction = unsafe extern "C-unwind" fn(*const c_char, *const c_char, *mut c_void);

unsafe extern "C-unwind" fn released(user_data: *mut c_void) {
    unsafe { &*(user_data as *const Stage) }.released.fetch_add(1, Ordering::SeqCst);
}

/// Closes its own service, runs a command, and ends its own subscription.
unsafe extern "C-unwind" fn meddle(_: *const c_char, _: *const c_char, user_data: *mut c_void) {
    let stage = unsafe { &*(user_data as *const Stage) };
    stage.calls.fetch_add(1, Ordering::SeqCst);
    let mut statuses = vec![cbsvc_close(stage.service(), -1)];
    statuses.push(unsafe { cbsvc_availability(stage.service(), c"{\"numberOfDays\":1}".as_ptr(), ptr::null_mut()) });
    let mut json = ptr::null_mut();
    statuses.push(unsafe { cbsvc_diagnostics(&mut json) });
    assert!(taken(json).unwrap().contains("\"running\":1"));
    statuses.push(cbsvc_unsubscribe(stage.service(), stage.subscription.load(Ordering::SeqCst)));
    assert_eq!(stage.released.load(Ordering::SeqCst), 0);
    stage.statuses.lock().unwrap().extend(statuses);
}

#[test]
fn a_handler_may_do_anything_but_close_its_own_service() {
    let server = Server::start(|request, stream| {
        let body = if request.method == "GET" { "{}" } else { r#"{"_id":"1"}"# };
        reply(stream, 200, &[], body);
        Then::KeepOpen
    });
    let service = open(&v1(&server)).unwrap();
    let stage: &'static Stage = Box::leak(Box::default());
    stage.subscribe(service, c"CallbackService.scheduled", meddle);
    for _ in 0..2 {
        assert_eq!(service.schedule(json!({"phonenumber": "1"})).status, 0);
    }
    assert_eq!(*stage.statuses.lock().unwrap(), [202, 0, 0, 0]);
    assert_eq!((stage.calls.load(Ordering::SeqCst), stage.released.load(Ordering::SeqCst)), (1, 1));
    assert_eq!(service.close(), 0);
}

unsafe extern "C-unwind" fn listen(_: *const c_char, _: *const c_char, user_data: *mut c_void) {
    unsafe { &*(user_data as *const Stage) }.calls.fetch_add(1, Ordering::SeqCst);
}

#[test]
fn closing_ends_running_calls_and_releases_every_handler() {
    let (arrived, arrival) = mpsc::channel();
    let server = Server::start(move |_, _| {
        let _ = arrived.send(());
        std::thread::sleep(std::time::Duration::from_secs(60));
        Then::Close
    });
    let mut config = v1(&server);
    config["ajaxTimeout"] = json!(60_000);
    let service = open(&config).unwrap();
    let stage: &'static Stage = Box::leak(Box::default());
    stage.subscribe(service, c"CallbackService.scheduled", listen);
    let caller = std::thread::spawn(move || service.schedule(json!({"phonenumber": "1"})));
    arrival.recv().unwrap();
    assert_eq!(service.close(), 0);
    let answered = caller.join().unwrap();
    assert_eq!((answered.status, answered.error()), (201, "CLOSED"));
    assert_eq!(stage.released.load(Ordering::SeqCst), 1);
    assert_eq!(service.schedule(json!({"phonenumber": "1"})).status, 102);
}

static LOGGED: Mutex<Vec<String>> = Mutex::new(Vec::new());
static SEEN: AtomicUsize = AtomicUsize::new(0);

unsafe extern "C-unwind" fn log(level: *const c_char, line: *const c_char, user_data: *mut c_void) {
    let text = |text| unsafe { CStr::from_ptr(text) }.to_str().unwrap().to_owned();
    unsafe { &*(user_data as *const AtomicUsize) }.fetch_add(1, Ordering::SeqCst);
    LOGGED.lock().unwrap().push(format!("{}: {}", text(level), text(line)));
}

#[test]
fn the_log_tells_of_unknown_keys_and_commands_but_no_secrets() {
    let server = Server::json(400, r#"{"message":"bad +14151110000","code":7030}"#);
    let mut config = v1(&server);
    config["theme"] = json!("dark");
    config["apikey"] = json!("SECRET-KEY");
    config["basicAuth"] = json!({"username": "SECRET-NAME", "password": "SECRET-WORD"});
    assert_eq!(unsafe { cbsvc_set_log(4, Some(log), &raw const SEEN as *mut c_void) }, 0);
    let service = open(&config).unwrap();
    let answered = service.schedule(json!({"phonenumber": "+14151110000", "userData": {"k": "SECRET-DATA"}}));
    let mut json = ptr::null_mut();
    assert_eq!(unsafe { cbsvc_diagnostics(&mut json) }, 0);
    let diagnostics = taken(json).unwrap();
    assert_eq!(unsafe { cbsvc_set_log(0, Some(log), ptr::null_mut()) }, 0);
    assert_eq!(service.close(), 0);

    let lines = LOGGED.lock().unwrap().join("\n");
    assert!(lines.contains("warning: configuration key \"theme\" is unknown and ignored"), "{lines}");
    assert!(lines.contains("info: CallbackService.schedule REJECTED after"), "{lines}");
    assert!(lines.contains("debug: POST to http://127.0.0.1:"), "{lines}");
    let error = answered.outcome["error"].to_string();
    for secret in ["SECRET", "4151110000", "Basic"] {
        assert!(!lines.contains(secret) && !diagnostics.contains(secret) && !error.contains(secret), "{secret}");
    }
    assert_eq!(SEEN.load(Ordering::SeqCst), LOGGED.lock().unwrap().len());
}
