//! The mode without handlers: the program takes events and completions, each once, and closing loses
//! none.

mod support;

use std::collections::HashMap;
use std::ffi::{c_char, c_void, CStr, CString};
use std::ptr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use callbackservice::ffi::async_call::{
    cbsvc_cancel, cbsvc_next_event, cbsvc_start, cbsvc_waitable,
};
use callbackservice::ffi::library::cbsvc_set_log;
use callbackservice::ffi::service::{cbsvc_configure, cbsvc_init};
use callbackservice::ffi::subscription::{cbsvc_subscribe, cbsvc_unsubscribe};
use callbackservice::ffi::types::cbsvc_handler;
use serde_json::{json, Value};
use support::server::{booking, reply, unresponsive_server, AfterResponse, Server};
use support::{open, taken, Service};

const OK: i32 = 0;
const BAD_HANDLE: i32 = 102;
const CLOSED: i32 = 201;
const WRONG_MODE: i32 = 203;
const BUSY: i32 = 204;
const TIMEOUT: i32 = 301;

const SCHEDULE: &CStr = c"CallbackService.schedule";

fn config(server: &Server, mode: &str, extra: Value) -> Value {
    let mut config = json!({
        "dataURL": format!("{}/x", server.base), "ajaxTimeout": 20_000, "proxy": "none", "handlers": mode,
    });
    let members = config.as_object_mut().unwrap();
    members.extend(extra.as_object().unwrap().clone());
    config
}

/// A service whose `ready` has been taken.
fn poll_service(server: &Server, extra: Value) -> Service {
    let service = open(&config(server, "poll", extra)).unwrap();
    let (call, event, data) = next(service, 0).unwrap();
    assert_eq!(
        (call, event.as_str(), data),
        (0, "CallbackService.ready", json!({}))
    );
    service
}

/// The next event, or the status without one.
fn next(service: Service, timeout_ms: i32) -> Result<(u64, String, Value), i32> {
    let mut call = 7;
    let (mut event, mut data) = (ptr::dangling_mut::<c_char>(), ptr::dangling_mut::<c_char>());
    let status =
        unsafe { cbsvc_next_event(service.0, timeout_ms, &mut call, &mut event, &mut data) };
    let (event, data) = (taken(event), taken(data));
    if status != OK {
        assert_eq!((call, event, data), (0, None, None));
        return Err(status);
    }
    let data = serde_json::from_str(&data.unwrap()).unwrap();
    Ok((call, event.unwrap(), data))
}

/// Takes the next event without looking at it.
fn discard(service: Service) -> i32 {
    unsafe {
        cbsvc_next_event(
            service.0,
            0,
            ptr::null_mut(),
            ptr::null_mut(),
            ptr::null_mut(),
        )
    }
}

fn start_command(service: Service, name: &CStr, data: Value) -> Result<u64, i32> {
    let data = CString::new(data.to_string()).unwrap();
    let mut call = 7;
    let status = unsafe {
        cbsvc_start(
            service.0,
            name.as_ptr(),
            data.as_ptr(),
            None,
            ptr::null_mut(),
            None,
            &mut call,
        )
    };
    match status {
        OK => {
            assert!(call != 0 && call < 1 << 53);
            Ok(call)
        }
        _ => {
            assert_eq!(call, 0);
            Err(status)
        }
    }
}

fn start(service: Service) -> Result<u64, i32> {
    start_command(service, SCHEDULE, json!({"phonenumber": "1"}))
}

/// Whether the service's descriptor is readable within the time.
fn is_readable(service: Service, timeout_ms: i32) -> bool {
    is_descriptor_readable(waitable(service), timeout_ms)
}

fn waitable(service: Service) -> i32 {
    let mut descriptor = -1;
    assert_eq!(unsafe { cbsvc_waitable(service.0, &mut descriptor) }, OK);
    descriptor as i32
}

fn is_descriptor_readable(descriptor: i32, timeout_ms: i32) -> bool {
    let mut poll = libc::pollfd {
        fd: descriptor,
        events: libc::POLLIN,
        revents: 0,
    };
    let ready = unsafe { libc::poll(&mut poll, 1, timeout_ms) };
    assert!(ready >= 0);
    ready == 1
}

#[test]
fn each_event_and_completion_is_taken_once_in_order() {
    let server = booking();
    let service = open(&config(&server, "poll", json!({}))).unwrap();
    assert!(is_readable(service, 0));
    assert_eq!(next(service, 0).unwrap().1, "CallbackService.ready");
    assert!(!is_readable(service, 0));
    assert_eq!(next(service, 0), Err(TIMEOUT));

    let answered = service.schedule(json!({"phonenumber": "1"}));
    service.schedule(json!({}));
    let configure = c"CallbackService.configure";
    let changed = start_command(service, configure, json!({"apikey": "k"})).unwrap();
    let refused = start_command(service, SCHEDULE, json!({"desiredtime": "soon"})).unwrap();
    let booked = start(service).unwrap();
    let (_, event, data) = next(service, -1).unwrap();
    assert_eq!(
        (event.as_str(), data),
        ("CallbackService.scheduled", answered.outcome)
    );
    let expected = [
        (0, "CallbackService.scheduleError", "rejected"),
        (changed, "CallbackService.configure", "resolved"),
        (refused, "CallbackService.scheduleError", "rejected"),
        (booked, "CallbackService.scheduled", "resolved"),
    ];
    for (call, event, state) in expected {
        let (found, name, data) = next(service, 20_000).unwrap();
        assert_eq!(
            (found, name.as_str(), data["state"].as_str()),
            (call, event, Some(state))
        );
    }
    assert_eq!(next(service, 50), Err(TIMEOUT));
    assert_eq!(service.close(), OK);
    assert_eq!(next(service, 0), Err(BAD_HANDLE));
}

#[test]
fn waitable_is_readable_while_there_is_something_to_take() {
    let server = booking();
    let service = poll_service(&server, json!({}));
    assert!(!is_readable(service, 0));
    start(service).unwrap();
    assert!(is_readable(service, 20_000));
    service.schedule(json!({"phonenumber": "1"}));
    assert_eq!(discard(service), OK);
    assert!(is_readable(service, 0));
    assert_eq!(discard(service), OK);
    assert!(!is_readable(service, 0));
    assert_eq!(discard(service), TIMEOUT);
    assert_eq!(service.close(), OK);
}

#[test]
fn cancelled_call_is_one_completion() {
    let (server, arrival) = unresponsive_server();
    let service = poll_service(&server, json!({}));
    let call = start(service).unwrap();
    arrival.recv().unwrap();
    assert_eq!(cbsvc_cancel(service.0, call), OK);
    let (found, event, data) = next(service, -1).unwrap();
    assert_eq!((found, event.as_str()), (call, "CallbackService.schedule"));
    assert_eq!(
        (&data["state"], &data["error"]["booked"]),
        (&json!("cancelled"), &json!("unknown"))
    );
    assert_eq!(next(service, 0), Err(TIMEOUT));
    assert_eq!(service.close(), OK);
}

static LOGGED: Mutex<Vec<String>> = Mutex::new(Vec::new());

unsafe extern "C-unwind" fn log(_: *const c_char, line: *const c_char, _: *mut c_void) {
    let line = unsafe { CStr::from_ptr(line) }.to_str().unwrap();
    LOGGED.lock().unwrap().push(line.to_owned());
}

fn log_warnings() {
    assert_eq!(unsafe { cbsvc_set_log(2, Some(log), ptr::null_mut()) }, OK);
}

/// Waits until a line has been logged this many times; another test's thread may deliver it.
fn wait_for_line(expected: &str, times: usize) {
    let deadline = Instant::now() + Duration::from_secs(10);
    let count = || {
        let lines = LOGGED.lock().unwrap();
        lines.iter().filter(|line| *line == expected).count()
    };
    while count() < times {
        assert!(Instant::now() < deadline, "{:?}", LOGGED.lock().unwrap());
        std::thread::yield_now();
    }
    assert_eq!(count(), times);
}

static RELEASED: AtomicUsize = AtomicUsize::new(0);

unsafe extern "C-unwind" fn never(_: *const c_char, _: *const c_char, _: *mut c_void) {
    panic!("a handler was called");
}

unsafe extern "C-unwind" fn release(_: *mut c_void) {
    RELEASED.fetch_add(1, Ordering::SeqCst);
}

#[test]
fn handlers_are_refused() {
    log_warnings();
    let server = booking();
    let text = CString::new(config(&server, "poll", json!({})).to_string()).unwrap();
    let (mut service, mut error) = (ptr::dangling_mut(), ptr::null_mut());
    let status = unsafe {
        let user_data = ptr::null_mut();
        cbsvc_init(
            text.as_ptr(),
            Some(never),
            user_data,
            &mut service,
            &mut error,
        )
    };
    let message = taken(error).unwrap();
    assert!(status == WRONG_MODE && service.is_null());
    assert!(
        message.contains("cbsvc_next_event") && message.contains(r#""handlers":"caller""#),
        "{message}"
    );

    let service = poll_service(&server, json!({}));
    let subscribe = |event: &CStr| unsafe {
        let mut id = 7;
        let user_data = ptr::null_mut();
        let status = cbsvc_subscribe(
            service.0,
            event.as_ptr(),
            Some(never),
            user_data,
            Some(release),
            &mut id,
        );
        (status, id)
    };
    assert_eq!(subscribe(c"CallbackService.ready"), (WRONG_MODE, 0));
    assert_eq!(RELEASED.load(Ordering::SeqCst), 1);
    assert_eq!(subscribe(c"*"), (WRONG_MODE, 0));
    assert_eq!(RELEASED.load(Ordering::SeqCst), 2);
    let start_with = |done: cbsvc_handler, release| unsafe {
        let mut call = 7;
        let (name, data, user_data) = (SCHEDULE.as_ptr(), c"{}".as_ptr(), ptr::null_mut());
        let status = cbsvc_start(service.0, name, data, done, user_data, release, &mut call);
        (status, call)
    };
    assert_eq!(start_with(Some(never), None), (WRONG_MODE, 0));
    assert_eq!(start_with(Some(never), Some(release)), (WRONG_MODE, 0));
    assert_eq!(RELEASED.load(Ordering::SeqCst), 3);
    assert_eq!(start_with(None, Some(release)), (WRONG_MODE, 0));
    assert_eq!(RELEASED.load(Ordering::SeqCst), 4);
    assert_eq!(service.dispatch(0), WRONG_MODE);
    assert_eq!(cbsvc_unsubscribe(service.0, 1), 205);
    // One line for each refusal.
    wait_for_line(&message, 7);
    assert_eq!(next(service, 0), Err(TIMEOUT));
    assert_eq!(service.close(), OK);
    assert!(server.received().is_empty());
    assert_eq!(RELEASED.load(Ordering::SeqCst), 4);
}

#[test]
fn mode_is_that_of_the_configuration() {
    let server = booking();
    for mode in ["caller", "thread"] {
        let service = open(&config(&server, mode, json!({}))).unwrap();
        start(service).unwrap();
        assert_eq!(next(service, -1), Err(WRONG_MODE), "{mode}");
        assert_eq!(change_to_poll(service), 105);
        assert_eq!(service.close(), OK);
    }
    assert_eq!(next(Service(ptr::null_mut()), 0), Err(BAD_HANDLE));
    let service = open(&config(&server, "POLL", json!({}))).unwrap();
    assert_eq!(change_to_poll(service), OK);
    assert_eq!(service.close(), OK);
}

fn change_to_poll(service: Service) -> i32 {
    let change = c"{\"handlers\":\"poll\"}".as_ptr();
    unsafe { cbsvc_configure(service.0, change, ptr::null_mut()) }
}

#[test]
fn close_refuses_while_completions_have_not_been_taken() {
    let first = AtomicUsize::new(0);
    let server = Server::start(move |_, stream| {
        if first.fetch_add(1, Ordering::SeqCst) < 2 {
            reply(stream, 200, &[], r#"{"_id":"1"}"#);
        }
        AfterResponse::KeepOpen
    });
    let service = poll_service(&server, json!({}));
    service.schedule(json!({"phonenumber": "1"}));
    discard(service);
    let mut calls = vec![start(service).unwrap()];
    let descriptor = waitable(service);
    assert!(is_descriptor_readable(descriptor, 20_000));
    calls.extend((0..50).map(|_| start(service).unwrap()));

    assert_eq!((service.close(), service.close()), (BUSY, BUSY));
    assert_eq!(start(service), Err(CLOSED));
    assert_eq!(service.schedule(json!({"phonenumber": "1"})).status, CLOSED);
    for (index, call) in calls.iter().enumerate() {
        assert!(is_descriptor_readable(descriptor, 0));
        assert_eq!(service.close(), BUSY);
        let (found, event, data) = next(service, -1).unwrap();
        let expected = match index {
            0 => ("CallbackService.scheduled", "resolved"),
            _ => ("CallbackService.schedule", "cancelled"),
        };
        assert_eq!((event.as_str(), data["state"].as_str().unwrap()), expected);
        assert_eq!(found, *call);
    }
    assert_eq!(next(service, -1), Err(CLOSED));
    assert!(!is_descriptor_readable(descriptor, 0));
    assert_eq!(service.close(), OK);
    assert_eq!(service.close(), BAD_HANDLE);
    assert_eq!(next(service, -1), Err(BAD_HANDLE));
}

#[test]
fn events_of_blocking_commands_do_not_keep_a_service_open() {
    let server = booking();
    let service = open(&config(&server, "poll", json!({}))).unwrap();
    service.schedule(json!({"phonenumber": "1"}));
    assert_eq!(service.close(), OK);
}

#[test]
fn close_wakes_threads_that_wait() {
    let (server, _arrival) = unresponsive_server();
    for pending in [false, true] {
        let service = poll_service(&server, json!({}));
        let waiting: Vec<_> = (0..4)
            .map(|_| std::thread::spawn(move || next(service, -1).map(|(call, ..)| call)))
            .collect();
        let call = pending.then(|| start(service).unwrap());
        let began = Instant::now();
        let closed = loop {
            match service.close() {
                BUSY => std::thread::yield_now(),
                status => break status,
            }
        };
        assert_eq!(closed, OK);
        let results: Vec<_> = waiting
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect();
        assert!(began.elapsed() < Duration::from_secs(10));
        let taken: Vec<_> = results.iter().flat_map(|result| result.ok()).collect();
        assert_eq!(taken, Vec::from_iter(call));
        // A thread may have come after the service was closed.
        let statuses = results.iter().flat_map(|result| result.err());
        assert!(statuses
            .clone()
            .all(|status| status == CLOSED || status == BAD_HANDLE));
    }
}

/// Counts how often each call was taken, by several threads, until the service is closed.
fn take_all(service: Service, threads: usize) -> HashMap<u64, usize> {
    let takers: Vec<_> = (0..threads)
        .map(|_| {
            std::thread::spawn(move || {
                let mut calls = Vec::new();
                loop {
                    match next(service, -1) {
                        Ok((call, ..)) => calls.push(call),
                        Err(status) => {
                            assert!(status == CLOSED || status == BAD_HANDLE, "{status}");
                            return calls;
                        }
                    }
                }
            })
        })
        .collect();
    let mut counts = HashMap::new();
    for call in takers.into_iter().flat_map(|taker| taker.join().unwrap()) {
        *counts.entry(call).or_default() += 1;
    }
    counts
}

#[test]
fn several_threads_take_every_completion_once() {
    let server = booking();
    let service = poll_service(&server, json!({"queueLimit": 100_000}));
    let starters: Vec<_> = (0..4)
        .map(|_| {
            std::thread::spawn(move || {
                let calls = (0..250).map(|_| start(service).unwrap());
                calls.collect::<Vec<_>>()
            })
        })
        .collect();
    let takers = std::thread::spawn(move || take_all(service, 4));
    let mut started = Vec::new();
    starters
        .into_iter()
        .for_each(|starter| started.extend(starter.join().unwrap()));
    let status = loop {
        match service.close() {
            BUSY => std::thread::yield_now(),
            status => break status,
        }
    };
    assert_eq!(status, OK);
    let counts = takers.join().unwrap();
    assert_eq!((started.len(), counts.len()), (1_000, 1_000));
    assert!(started.iter().all(|call| counts[call] == 1));
}

#[test]
fn started_call_is_taken_when_closed_concurrently() {
    let server = booking();
    for round in 0..100 {
        let service = poll_service(&server, json!({}));
        let starters: Vec<_> = (0..2)
            .map(|_| {
                std::thread::spawn(move || {
                    let data = [json!({}), json!({"phonenumber": "1"})];
                    let calls = (0..)
                        .map(|number| start_command(service, SCHEDULE, data[number % 2].clone()));
                    calls.map_while(Result::ok).collect::<Vec<_>>()
                })
            })
            .collect();
        while round % 2 == 0 && !is_readable(service, 20_000) {}
        let mut taken = Vec::new();
        while service.close() == BUSY {
            while let Ok((call, ..)) = next(service, -1) {
                taken.push(call);
            }
        }
        let mut started: Vec<_> = starters
            .into_iter()
            .flat_map(|starter| starter.join().unwrap())
            .collect();
        started.sort_unstable();
        taken.sort_unstable();
        assert_eq!(taken, started);
    }
}

#[test]
fn completions_keep_their_place_until_they_are_taken() {
    let server = booking();
    let service = poll_service(&server, json!({"queueLimit": 2}));
    for _ in 0..2 {
        start(service).unwrap();
    }
    // Events of blocking commands take no place away.
    for _ in 0..2 {
        service.schedule(json!({"phonenumber": "1"}));
    }
    assert_eq!(start(service), Err(BUSY));
    let mut completed = 0;
    while completed < 1 {
        completed += usize::from(next(service, 20_000).unwrap().0 != 0);
    }
    start(service).unwrap();
    while completed < 3 {
        completed += usize::from(next(service, 20_000).unwrap().0 != 0);
    }
    assert_eq!(service.close(), OK);
}

#[test]
fn events_that_nobody_takes_are_bounded() {
    let large = format!(r#"{{"_id":"1","_text":"{}"}}"#, "x".repeat(6 << 20));
    let server = Server::start(move |request, stream| {
        let body = if request.body.contains("=9") {
            &large
        } else {
            r#"{"_id":"1"}"#
        };
        reply(stream, 200, &[], body);
        AfterResponse::KeepOpen
    });
    log_warnings();
    let service = open(&config(&server, "poll", json!({"queueLimit": 3}))).unwrap();
    let calls = [start(service).unwrap(), start(service).unwrap()];
    let deadline = Instant::now() + Duration::from_secs(20);
    while server.received().len() < 2 {
        assert!(Instant::now() < deadline);
        std::thread::yield_now();
    }
    for _ in 0..5 {
        service.schedule(json!({"phonenumber": "1"}));
    }
    let last = service.schedule(json!({}));
    assert_eq!(next(service, 0).unwrap().1, "CallbackService.ready");
    let mut taken: Vec<_> = (0..5).map(|_| next(service, 20_000).unwrap()).collect();
    assert_eq!(next(service, 0), Err(TIMEOUT));
    // The events come in order, wherever the completions are.
    taken.sort_by_key(|(call, ..)| *call);
    let (events, completions) = taken.split_at(3);
    assert_eq!(events[2].2, last.outcome);
    assert_eq!([completions[0].0, completions[1].0], calls);
    let dropped = "events of blocking commands dropped: 1; take them with cbsvc_next_event";
    wait_for_line(dropped, 3);

    for _ in 0..3 {
        service.schedule(json!({"phonenumber": "9"}));
    }
    assert_eq!(discard(service), OK);
    assert_eq!(discard(service), OK);
    assert_eq!(discard(service), TIMEOUT, "16 MiB hold two of 6 MiB");
    assert_eq!(service.close(), OK);
}
