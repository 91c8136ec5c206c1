//! Asynchronous calls: completed exactly once, in order, on the right thread; cancelled and closed.

mod support;

use std::ffi::{c_char, c_void, CStr, CString};
use std::io::Read;
use std::net::Shutdown;
use std::ptr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{mpsc, Mutex};
use std::thread::ThreadId;
use std::time::{Duration, Instant};

use callbackservice::ffi::async_call::{cbsvc_cancel, cbsvc_start, cbsvc_waitable};
use callbackservice::ffi::types::cbsvc_service;
use serde_json::{json, Value};
use support::server::{booking, reply, unresponsive_server, AfterResponse, Server};
use support::{open, HandlerFunction, Service};

/// Records what happens to asynchronous calls.
#[derive(Default)]
struct CallRecord {
    done: Mutex<Vec<(String, Value, ThreadId)>>,
    released: AtomicUsize,
    service: Mutex<Option<Service>>,
    statuses: Mutex<Vec<i32>>,
    /// Held by a handler under test for as long as the test wants.
    gate: Mutex<()>,
}

unsafe extern "C-unwind" fn done(event: *const c_char, data: *const c_char, record: *mut c_void) {
    let record = unsafe { &*(record as *const CallRecord) };
    let text = |text| unsafe { CStr::from_ptr(text) }.to_str().unwrap().to_owned();
    let outcome = serde_json::from_str(&text(data)).unwrap();
    record
        .done
        .lock()
        .unwrap()
        .push((text(event), outcome, std::thread::current().id()));
}

unsafe extern "C-unwind" fn release(record: *mut c_void) {
    unsafe { &*(record as *const CallRecord) }
        .released
        .fetch_add(1, Ordering::SeqCst);
}

impl CallRecord {
    fn new() -> &'static CallRecord {
        Box::leak(Box::default())
    }

    fn states(&self) -> Vec<Value> {
        self.done
            .lock()
            .unwrap()
            .iter()
            .map(|(_, outcome, _)| outcome["state"].clone())
            .collect()
    }

    fn released(&self) -> usize {
        self.released.load(Ordering::SeqCst)
    }

    fn wait_released(&self, times: usize) {
        let deadline = Instant::now() + Duration::from_secs(20);
        while self.released() < times {
            assert!(Instant::now() < deadline, "no completion in time");
            std::thread::yield_now();
        }
    }

    /// Starts a command; the status and the call's id.
    fn start(&'static self, service: Service, name: &str, data: &Value) -> (i32, u64) {
        start(service, name, data, done, self)
    }

    fn schedule(&'static self, service: Service) -> u64 {
        let (status, call) = self.start(
            service,
            "CallbackService.schedule",
            &json!({"phonenumber": "1"}),
        );
        assert!(status == 0 && call != 0);
        call
    }
}

fn start(
    service: Service,
    name: &str,
    data: &Value,
    done: HandlerFunction,
    record: &'static CallRecord,
) -> (i32, u64) {
    let (name, data) = (
        CString::new(name).unwrap(),
        CString::new(data.to_string()).unwrap(),
    );
    let user_data = record as *const CallRecord as *mut c_void;
    let mut call = 7;
    let status = unsafe {
        cbsvc_start(
            service.0,
            name.as_ptr(),
            data.as_ptr(),
            Some(done),
            user_data,
            Some(release),
            &mut call,
        )
    };
    (status, call)
}

fn service(server: &Server, extra: Value) -> Service {
    let mut config =
        json!({ "dataURL": format!("{}/x", server.base), "ajaxTimeout": 20_000, "proxy": "none" });
    config
        .as_object_mut()
        .unwrap()
        .extend(extra.as_object().unwrap().clone());
    open(&config).unwrap()
}

fn is_readable(service: Service) -> bool {
    let mut descriptor = -1;
    assert_eq!(unsafe { cbsvc_waitable(service.0, &mut descriptor) }, 0);
    let mut poll = libc::pollfd {
        fd: descriptor as i32,
        events: libc::POLLIN,
        revents: 0,
    };
    let ready = unsafe { libc::poll(&mut poll, 1, 0) };
    assert!(ready >= 0);
    ready == 1
}

#[test]
fn dispatch_runs_done_then_event_then_release() {
    let server = booking();
    let service = service(&server, json!({}));
    let (record, events) = (
        CallRecord::new(),
        service.record("CallbackService.scheduled"),
    );
    assert!(!is_readable(service));
    assert_eq!(service.dispatch(0), 301);
    for _ in 0..3 {
        record.schedule(service);
    }
    while !is_readable(service) {
        std::thread::yield_now();
    }
    assert!(record.states().is_empty() && events.names().is_empty());
    let deadline = Instant::now() + Duration::from_secs(20);
    while record.released() < 3 {
        assert!(Instant::now() < deadline);
        let status = service.dispatch(1_000);
        assert!(status == 0 || status == 301);
    }
    assert!(!is_readable(service));
    assert_eq!(service.dispatch(0), 301);
    assert_eq!(record.states(), ["resolved"; 3]);
    assert_eq!(events.names().len(), 3);
    let (event, outcome, thread) = record.done.lock().unwrap()[0].clone();
    assert_eq!(
        (event.as_str(), outcome["id"].as_str()),
        ("CallbackService.scheduled", Some("1"))
    );
    assert_eq!(thread, std::thread::current().id());
    assert_eq!(service.close(), 0);
    assert_eq!(record.released(), 3);
}

#[test]
fn closed_idle_connections_are_released() {
    let (gone, left) = mpsc::channel();
    let gone = Mutex::new(gone);
    let server = Server::start(move |_, stream| {
        reply(stream, 200, &[], r#"{"_id":"1"}"#);
        stream.shutdown(Shutdown::Write).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(10)))
            .unwrap();
        let _ = gone
            .lock()
            .unwrap()
            .send(matches!(stream.read(&mut [0]), Ok(0)));
        AfterResponse::Close
    });
    let service = service(&server, json!({}));
    let record = CallRecord::new();
    record.schedule(service);
    assert_eq!(service.dispatch(20_000), 0);
    assert_eq!(left.recv(), Ok(true), "the client keeps its end open");
    assert_eq!(service.close(), 0);
}

#[test]
fn unsendable_command_is_rejected() {
    let server = booking();
    let service = service(&server, json!({}));
    let events = service.record("CallbackService.scheduleError");
    for (data, name) in [
        (json!({}), "NO_DATA"),
        (json!({"desiredtime": "soon"}), "BAD_OPTION"),
    ] {
        let record = CallRecord::new();
        assert_eq!(
            record.start(service, "CallbackService.schedule", &data).0,
            0
        );
        assert_eq!(service.dispatch(-1), 0);
        assert_eq!(record.done.lock().unwrap()[0].1["error"]["name"], name);
        assert_eq!(record.released(), 1);
    }
    assert_eq!(events.names().len(), 2);
    let record = CallRecord::new();
    let change = json!({"apikey": "K"});
    assert_eq!(
        record
            .start(service, "CallbackService.configure", &change)
            .0,
        0
    );
    assert_eq!(
        record
            .start(service, "CallbackService.configure", &json!({"apikey": []}))
            .0,
        0
    );
    assert_eq!(service.dispatch(-1), 0);
    assert_eq!(record.states(), ["resolved", "rejected"]);
    assert!(server.received().is_empty());
    assert_eq!(service.close(), 0);
}

#[test]
fn failed_start_releases_without_done() {
    let server = booking();
    let service = service(&server, json!({}));
    let record = CallRecord::new();
    let data = json!({"phonenumber": "1"});
    assert_eq!(
        record.start(service, "CallbackService.nothing", &data),
        (106, 0)
    );
    let wild = Service(0x5eed_usize as *mut cbsvc_service);
    assert_eq!(
        record.start(wild, "CallbackService.schedule", &data),
        (102, 0)
    );
    let user_data = record as *const CallRecord as *mut c_void;
    let status = unsafe {
        cbsvc_start(
            service.0,
            ptr::null(),
            ptr::null(),
            Some(done),
            user_data,
            Some(release),
            ptr::null_mut(),
        )
    };
    assert_eq!(status, 101);
    assert_eq!((record.released(), record.states().len()), (3, 0));
    assert_eq!(unsafe { cbsvc_waitable(service.0, ptr::null_mut()) }, 101);
    assert_eq!((cbsvc_cancel(wild.0, 1), wild.dispatch(0)), (102, 102));
    // Without a handler.
    let name = c"CallbackService.schedule";
    let started = unsafe {
        cbsvc_start(
            service.0,
            name.as_ptr(),
            ptr::null(),
            None,
            ptr::null_mut(),
            None,
            ptr::null_mut(),
        )
    };
    assert_eq!((started, service.dispatch(-1)), (0, 0));
    assert_eq!(service.close(), 0);
}

#[test]
fn full_queue_returns_busy() {
    let (server, arrival) = unresponsive_server();
    let service = service(&server, json!({"queueLimit": 2}));
    let (record, refused) = (CallRecord::new(), CallRecord::new());
    let first = record.schedule(service);
    record.schedule(service);
    assert_eq!(
        refused.start(
            service,
            "CallbackService.schedule",
            &json!({"phonenumber": "1"})
        ),
        (204, 0)
    );
    assert_eq!((refused.released(), refused.states().len()), (1, 0));
    arrival.recv().unwrap();
    assert_eq!(cbsvc_cancel(service.0, first), 0);
    assert_eq!(
        refused
            .start(
                service,
                "CallbackService.schedule",
                &json!({"phonenumber": "1"})
            )
            .0,
        204
    );
    assert_eq!(service.dispatch(-1), 0);
    record.schedule(service);
    assert_eq!(service.close(), 0);
    assert_eq!(
        (record.states(), record.released()),
        (vec![json!("cancelled"); 3], 3)
    );
}

#[test]
fn cancelled_call_completes_once() {
    let (server, arrival) = unresponsive_server();
    let service = service(&server, json!({}));
    let events = service.record("*");
    let record = CallRecord::new();
    let call = record.schedule(service);
    arrival.recv().unwrap();
    assert_eq!(cbsvc_cancel(service.0, call), 0);
    assert_eq!(cbsvc_cancel(service.0, call), 205);
    assert_eq!(cbsvc_cancel(service.0, 123_456_789), 205);
    server.wait_for_closes(1);
    assert_eq!(service.dispatch(-1), 0);
    assert_eq!(service.dispatch(0), 301);
    let (event, outcome, _) = record.done.lock().unwrap()[0].clone();
    assert_eq!(event, "CallbackService.schedule");
    assert_eq!(outcome["state"], "cancelled");
    let error = &outcome["error"];
    assert_eq!(
        (&error["status"], &error["attempts"]),
        (&json!(302), &json!(1))
    );
    assert_eq!(
        (&error["booked"], &error["retryable"]),
        (&json!("unknown"), &json!(false))
    );
    assert_eq!((record.released(), events.names().len()), (1, 1));
    assert_eq!(cbsvc_cancel(service.0, call), 205);
    assert_eq!(service.close(), 0);
}

#[test]
fn cancelled_call_that_was_not_sent_has_no_effect() {
    let (server, arrival) = unresponsive_server();
    let service = service(&server, json!({"maxConnections": 1}));
    let (holding, record) = (CallRecord::new(), CallRecord::new());
    holding.schedule(service);
    arrival.recv().unwrap();
    let waiting = record.schedule(service);
    let (status, list) = record.start(
        service,
        "CallbackService.availability",
        &json!({"numberOfDays": 1}),
    );
    assert_eq!((status, cbsvc_cancel(service.0, waiting)), (0, 0));
    assert_eq!(cbsvc_cancel(service.0, list), 0);
    while record.released() < 2 {
        assert_eq!(service.dispatch(10_000), 0);
    }
    let outcomes = record.done.lock().unwrap().clone();
    assert_eq!(outcomes[0].1["error"]["booked"], "no");
    assert_eq!(outcomes[0].1["error"]["attempts"], 0);
    assert_eq!(outcomes[1].1["error"].get("booked"), None);
    for (_, outcome, _) in &outcomes {
        assert_eq!(outcome["error"]["retryable"], true);
    }
    assert_eq!(service.close(), 0);
    assert_eq!(server.received().len(), 1);
}

#[test]
fn deadline_and_connection_limit_hold() {
    let (server, arrival) = unresponsive_server();
    let service = service(&server, json!({"maxConnections": 2}));
    let (holding, record) = (CallRecord::new(), CallRecord::new());
    for _ in 0..2 {
        holding.schedule(service);
        arrival.recv().unwrap();
    }
    assert_eq!(
        service
            .command("CallbackService.configure", r#"{"ajaxTimeout":100}"#)
            .status,
        0
    );
    for _ in 0..8 {
        record.schedule(service);
    }
    while record.released() < 8 {
        assert_eq!(service.dispatch(20_000), 0);
    }
    assert_eq!(server.connections(), 2);
    for (_, outcome, _) in record.done.lock().unwrap().iter() {
        assert_eq!(outcome["error"]["name"], "TIMEOUT");
        assert_eq!(outcome["error"]["retryable"], true);
        assert!(outcome["error"]["message"]
            .as_str()
            .unwrap()
            .contains("maxConnections"));
    }
    assert_eq!(service.close(), 0);
    assert_eq!(holding.states(), ["cancelled"; 2]);
}

#[test]
fn close_completes_or_cancels_pending_calls() {
    let first = AtomicUsize::new(0);
    let server = Server::start(move |_, stream| {
        if first.fetch_add(1, Ordering::SeqCst) == 0 {
            reply(stream, 200, &[], r#"{"_id":"1"}"#);
        }
        AfterResponse::KeepOpen
    });
    let service = service(&server, json!({}));
    let (record, lost) = (CallRecord::new(), CallRecord::new());
    record.schedule(service);
    while !is_readable(service) {
        std::thread::yield_now();
    }
    for _ in 0..50 {
        lost.schedule(service);
    }
    assert_eq!(service.close(), 0);
    assert_eq!(
        (record.states(), record.released()),
        (vec![json!("resolved")], 1)
    );
    assert_eq!(
        (lost.states(), lost.released()),
        (vec![json!("cancelled"); 50], 50)
    );
    assert_eq!(service.dispatch(0), 102);
}

#[test]
fn close_wakes_a_blocked_dispatch() {
    let (server, _arrival) = unresponsive_server();
    let service = service(&server, json!({}));
    let (ready, waiting) = mpsc::channel();
    let dispatcher = std::thread::spawn(move || {
        ready.send(()).unwrap();
        service.dispatch(-1)
    });
    waiting.recv().unwrap();
    assert_eq!(service.close(), 0);
    let status = dispatcher.join().unwrap();
    // The service may have been closed before the thread began to wait.
    assert!(status == 201 || status == 102, "{status}");
}

unsafe extern "C-unwind" fn reenter(
    event: *const c_char,
    data: *const c_char,
    user_data: *mut c_void,
) {
    let record = unsafe { &*(user_data as *const CallRecord) };
    drop(record.gate.lock().unwrap());
    let service = record.service.lock().unwrap().unwrap();
    let again = record.schedule_again(service);
    let statuses = [
        service.close(),
        service.schedule(json!({"phonenumber": "2"})).status,
        again,
        service.dispatch(0),
    ];
    record.statuses.lock().unwrap().extend(statuses);
    unsafe { done(event, data, user_data) };
}

impl CallRecord {
    /// Starts a call without a handler, and cancels it.
    fn schedule_again(&self, service: Service) -> i32 {
        let mut call = 0;
        let (name, data) = (
            c"CallbackService.schedule".as_ptr(),
            c"{\"phonenumber\":\"3\"}".as_ptr(),
        );
        let started = unsafe {
            cbsvc_start(
                service.0,
                name,
                data,
                None,
                ptr::null_mut(),
                None,
                &mut call,
            )
        };
        let cancelled = cbsvc_cancel(service.0, call);
        // The answer may have been faster.
        assert!(cancelled == 0 || cancelled == 205);
        started
    }
}

#[test]
fn handler_may_reenter_on_either_thread() {
    for (mode, dispatched) in [("caller", 0), ("thread", 203)] {
        let server = booking();
        let service = service(&server, json!({ "handlers": mode }));
        let record = CallRecord::new();
        *record.service.lock().unwrap() = Some(service);
        let data = json!({"phonenumber": "1"});
        assert_eq!(
            start(service, "CallbackService.schedule", &data, reenter, record).0,
            0
        );
        if mode == "caller" {
            assert_eq!(service.dispatch(-1), 0);
        }
        record.wait_released(1);
        let statuses = record.statuses.lock().unwrap().clone();
        assert_eq!(statuses[..3], [202, 0, 0], "{mode}");
        assert!(
            statuses[3] == dispatched || statuses[3] == 301,
            "{mode} {}",
            statuses[3]
        );
        assert_eq!(service.close(), 0);
    }
}

#[test]
fn handlers_thread_runs_one_handler_at_a_time() {
    let server = booking();
    let service = service(&server, json!({"handlers": "thread"}));
    let record = CallRecord::new();
    *record.service.lock().unwrap() = Some(service);
    let events = service.record("*");
    let held = record.gate.lock().unwrap();
    let data = json!({"phonenumber": "1"});
    assert_eq!(
        start(service, "CallbackService.schedule", &data, reenter, record).0,
        0
    );
    let later = CallRecord::new();
    for _ in 0..20 {
        later.schedule(service);
    }
    // A handler that is held up delays neither the network nor blocking commands.
    let deadline = Instant::now() + Duration::from_secs(20);
    while server.received().len() < 21 {
        assert!(Instant::now() < deadline);
        std::thread::yield_now();
    }
    assert_eq!(service.schedule(json!({"phonenumber": "9"})).status, 0);
    assert!(record.states().is_empty());
    let mut descriptor = 0;
    assert_eq!(unsafe { cbsvc_waitable(service.0, &mut descriptor) }, 203);
    drop(held);
    record.wait_released(1);
    later.wait_released(20);
    assert_ne!(
        record.done.lock().unwrap()[0].2,
        std::thread::current().id()
    );
    assert_eq!(service.close(), 0);
    assert_eq!(events.names()[0], "CallbackService.ready");
    let scheduled = events
        .names()
        .iter()
        .filter(|name| *name == "CallbackService.scheduled")
        .count();
    // One from the handler's own blocking command, one from this thread's, and perhaps that of the cancelled call.
    assert!(scheduled >= 23, "{scheduled}");
}

#[test]
fn many_threads_start_and_dispatch_concurrently() {
    let server = booking();
    let service = service(&server, json!({"queueLimit": 100_000}));
    let counted = CallRecord::new();
    let starters: Vec<_> = (0..4)
        .map(|_| {
            std::thread::spawn(move || {
                for _ in 0..250 {
                    counted.schedule(service);
                }
            })
        })
        .collect();
    let dispatchers: Vec<_> = (0..4)
        .map(|_| {
            std::thread::spawn(move || {
                while counted.done.lock().unwrap().len() < 1_000 && service.dispatch(50) != 102 {}
            })
        })
        .collect();
    for thread in starters.into_iter().chain(dispatchers) {
        thread.join().unwrap();
    }
    assert_eq!(counted.states().len(), 1_000);
    assert_eq!(service.close(), 0);
    assert_eq!(server.received().len(), 1_000);
}

#[test]
fn started_call_completes_when_closed_concurrently() {
    let server = booking();
    for mode in ["caller", "thread"] {
        for round in 0..100 {
            let service = service(&server, json!({ "handlers": mode }));
            let record = CallRecord::new();
            let starters: Vec<_> = (0..2)
                .map(|_| {
                    std::thread::spawn(move || {
                        let started = |data: &Value| {
                            record.start(service, "CallbackService.schedule", data).0
                        };
                        let data = [json!({}), json!({"phonenumber": "1"})];
                        (0..)
                            .take_while(|number| started(&data[number % 2]) == 0)
                            .count()
                    })
                })
                .collect();
            while round % 2 == 0 && record.states().is_empty() && mode == "thread" {
                std::thread::yield_now();
            }
            assert_eq!(service.close(), 0);
            let (states, released) = (record.states().len(), record.released());
            let started: usize = starters
                .into_iter()
                .map(|starter| starter.join().unwrap())
                .sum();
            // Each starter's last try failed, and was released.
            assert_eq!(
                (states, record.released()),
                (started, started + 2),
                "{mode}"
            );
            assert!(released >= started);
        }
    }
}

unsafe extern "C-unwind" fn close_in_release(record: *mut c_void) {
    let record = unsafe { &*(record as *const CallRecord) };
    let service = record.service.lock().unwrap().unwrap();
    record
        .statuses
        .lock()
        .unwrap()
        .push(callbackservice::ffi::service::cbsvc_close(service.0, -1));
    record.released.fetch_add(1, Ordering::SeqCst);
}

#[test]
fn release_cannot_close_its_own_service() {
    for mode in ["caller", "thread"] {
        let server = booking();
        let service = service(&server, json!({ "handlers": mode }));
        let record = CallRecord::new();
        *record.service.lock().unwrap() = Some(service);
        let user_data = record as *const CallRecord as *mut c_void;
        let (name, data) = (c"CallbackService.schedule".as_ptr(), c"{}".as_ptr());
        let status = unsafe {
            cbsvc_start(
                service.0,
                name,
                data,
                Some(done),
                user_data,
                Some(close_in_release),
                ptr::null_mut(),
            )
        };
        assert_eq!(status, 0);
        if mode == "caller" {
            assert_eq!(service.dispatch(-1), 0);
        }
        record.wait_released(1);
        assert_eq!(*record.statuses.lock().unwrap(), [202], "{mode}");
        assert_eq!(service.close(), 0);
    }
}
