//! Events, as the application receives them.

mod support;

use std::ffi::{c_char, c_void, CStr, CString};
use std::ptr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{mpsc, Mutex};

use callbackservice::ffi::blocking::cbsvc_availability;
use callbackservice::ffi::library::cbsvc_diagnostics;
use callbackservice::ffi::service::{cbsvc_close, cbsvc_init};
use callbackservice::ffi::subscription::{cbsvc_subscribe, cbsvc_unsubscribe};
use callbackservice::ffi::types::cbsvc_service;
use serde_json::{json, Value};
use support::server::{reply, AfterResponse, Server};
use support::{open, taken, HandlerFunction, Recorder, Service};

fn v1(server: &Server) -> Value {
    json!({ "dataURL": format!("{}/genesys/1/service/callback/samples", server.base) })
}

#[test]
fn init_handler_receives_ready_and_all_events() {
    let server = Server::json(200, r#"{"_id":"1"}"#);
    let config = CString::new(v1(&server).to_string()).unwrap();
    let recorder = Recorder::default();
    let user_data = &raw const recorder as *mut c_void;
    let mut service = ptr::null_mut();
    let status = unsafe {
        cbsvc_init(
            config.as_ptr(),
            Some(support::record),
            user_data,
            &mut service,
            ptr::null_mut(),
        )
    };
    assert_eq!(status, 0);
    assert_eq!(
        recorder.last(),
        ("CallbackService.ready".to_owned(), "{}".to_owned())
    );
    let service = Service(service);
    let late = service.record("CallbackService.ready");
    let booked = service.record("CallbackService.scheduled");
    let answered = service.schedule(json!({"phonenumber": "1"}));
    service.availability(json!({"numberOfDays": 1}));
    assert_eq!(
        recorder.names(),
        [
            "CallbackService.ready",
            "CallbackService.scheduled",
            "CallbackService.availabilityError"
        ]
    );
    assert_eq!(late.names(), ["CallbackService.ready"]);
    assert_eq!(
        booked.last(),
        ("CallbackService.scheduled".to_owned(), answered.text)
    );
    assert_eq!(service.close(), 0);
}

/// What a handler under test uses and records.
#[derive(Default)]
struct HandlerContext {
    service: AtomicU64,
    subscription: AtomicU64,
    calls: AtomicUsize,
    released: AtomicUsize,
    statuses: Mutex<Vec<i32>>,
}

impl HandlerContext {
    fn service(&self) -> *mut cbsvc_service {
        self.service.load(Ordering::SeqCst) as *mut cbsvc_service
    }

    fn subscribe(&'static self, service: Service, event: &CStr, handler: HandlerFunction) {
        self.service.store(service.0 as u64, Ordering::SeqCst);
        let mut id = 0;
        let user_data = self as *const HandlerContext as *mut c_void;
        let status = unsafe {
            cbsvc_subscribe(
                service.0,
                event.as_ptr(),
                Some(handler),
                user_data,
                Some(released),
                &mut id,
            )
        };
        assert_eq!(status, 0);
        self.subscription.store(id, Ordering::SeqCst);
    }
}

unsafe extern "C-unwind" fn released(user_data: *mut c_void) {
    unsafe { &*(user_data as *const HandlerContext) }
        .released
        .fetch_add(1, Ordering::SeqCst);
}

/// Closes its own service, runs a command, and ends its own subscription.
unsafe extern "C-unwind" fn reenter(_: *const c_char, _: *const c_char, user_data: *mut c_void) {
    let context = unsafe { &*(user_data as *const HandlerContext) };
    context.calls.fetch_add(1, Ordering::SeqCst);
    let mut statuses = vec![cbsvc_close(context.service(), -1)];
    statuses.push(unsafe {
        cbsvc_availability(
            context.service(),
            c"{\"numberOfDays\":1}".as_ptr(),
            ptr::null_mut(),
        )
    });
    let mut json = ptr::null_mut();
    statuses.push(unsafe { cbsvc_diagnostics(&mut json) });
    let diagnostics: Value = serde_json::from_str(&taken(json).unwrap()).unwrap();
    assert!(diagnostics["services"]
        .as_array()
        .unwrap()
        .iter()
        .any(|service| service["running"] == 1));
    statuses.push(cbsvc_unsubscribe(
        context.service(),
        context.subscription.load(Ordering::SeqCst),
    ));
    assert_eq!(context.released.load(Ordering::SeqCst), 0);
    context.statuses.lock().unwrap().extend(statuses);
}

#[test]
fn handler_may_reenter_but_not_close() {
    let server = Server::start(|request, stream| {
        let body = if request.method == "GET" {
            "{}"
        } else {
            r#"{"_id":"1"}"#
        };
        reply(stream, 200, &[], body);
        AfterResponse::KeepOpen
    });
    let service = open(&v1(&server)).unwrap();
    let context: &'static HandlerContext = Box::leak(Box::default());
    context.subscribe(service, c"CallbackService.scheduled", reenter);
    for _ in 0..2 {
        assert_eq!(service.schedule(json!({"phonenumber": "1"})).status, 0);
    }
    assert_eq!(*context.statuses.lock().unwrap(), [202, 0, 0, 0]);
    assert_eq!(
        (
            context.calls.load(Ordering::SeqCst),
            context.released.load(Ordering::SeqCst)
        ),
        (1, 1)
    );
    assert_eq!(service.close(), 0);
}

unsafe extern "C-unwind" fn listen(_: *const c_char, _: *const c_char, user_data: *mut c_void) {
    unsafe { &*(user_data as *const HandlerContext) }
        .calls
        .fetch_add(1, Ordering::SeqCst);
}

#[test]
fn close_ends_running_calls_and_releases_every_handler() {
    let (arrived, arrival) = mpsc::channel();
    let server = Server::start(move |_, _| {
        let _ = arrived.send(());
        std::thread::sleep(std::time::Duration::from_secs(60));
        AfterResponse::Close
    });
    let mut config = v1(&server);
    config["ajaxTimeout"] = json!(60_000);
    let service = open(&config).unwrap();
    let context: &'static HandlerContext = Box::leak(Box::default());
    context.subscribe(service, c"CallbackService.scheduled", listen);
    let caller = std::thread::spawn(move || service.schedule(json!({"phonenumber": "1"})));
    arrival.recv().unwrap();
    assert_eq!(service.close(), 0);
    let answered = caller.join().unwrap();
    assert_eq!((answered.status, answered.error()), (201, "CLOSED"));
    assert_eq!(
        answered.message(),
        "the service was closed; the booking may have been made"
    );
    assert_eq!(context.released.load(Ordering::SeqCst), 1);
    assert_eq!(service.schedule(json!({"phonenumber": "1"})).status, 102);
}

/// Reports that it runs, and blocks until the test releases it.
struct BlockingHandler {
    inside: mpsc::Sender<()>,
    leave: Mutex<mpsc::Receiver<()>>,
}

unsafe extern "C-unwind" fn block(_: *const c_char, _: *const c_char, user_data: *mut c_void) {
    let block = unsafe { &*(user_data as *const BlockingHandler) };
    block.inside.send(()).unwrap();
    block.leave.lock().unwrap().recv().unwrap();
}

#[test]
fn close_waits_for_ready_handler() {
    let server = Server::json(200, "{}");
    let service = open(&v1(&server)).unwrap();
    let ((inside, entered), (release, leave)) = (mpsc::channel(), mpsc::channel());
    let blocking: &'static BlockingHandler = Box::leak(Box::new(BlockingHandler {
        inside,
        leave: Mutex::new(leave),
    }));
    let subscriber = std::thread::spawn(move || {
        let service = service;
        let user_data = blocking as *const BlockingHandler as *mut c_void;
        unsafe {
            cbsvc_subscribe(
                service.0,
                c"*".as_ptr(),
                Some(block),
                user_data,
                None,
                ptr::null_mut(),
            )
        }
    });
    entered.recv().unwrap();
    assert_eq!(cbsvc_close(service.0, 0), 301);
    release.send(()).unwrap();
    assert_eq!(subscriber.join().unwrap(), 0);
    assert_eq!(service.close(), 102);
}
