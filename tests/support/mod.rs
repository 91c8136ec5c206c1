//! Shared by the tests of the C interface: calls with JSON values, and servers on loopback.

#![allow(dead_code)]

pub mod calls;
pub mod openssl;
pub mod server;

use std::ffi::{c_char, c_void, CStr, CString};
use std::ptr;
use std::sync::Mutex;

use callbackservice::ffi::async_call::cbsvc_dispatch;
use callbackservice::ffi::blocking::{cbsvc_availability, cbsvc_command, cbsvc_schedule};
use callbackservice::ffi::library::cbsvc_string_free;
use callbackservice::ffi::service::{cbsvc_close, cbsvc_init};
use callbackservice::ffi::subscription::cbsvc_subscribe;
use callbackservice::ffi::types::cbsvc_service;
use serde_json::Value;

/// A handler of the host.
pub type HandlerFunction = unsafe extern "C-unwind" fn(*const c_char, *const c_char, *mut c_void);

/// Copies a string of the library, and frees it.
pub fn taken(text: *mut c_char) -> Option<String> {
    if text.is_null() {
        return None;
    }
    let copy = unsafe { CStr::from_ptr(text) }
        .to_str()
        .expect("the library's texts are UTF-8")
        .to_owned();
    unsafe { cbsvc_string_free(text) };
    Some(copy)
}

/// Opens a service; on failure the status and the text.
pub fn open(config: &Value) -> Result<Service, (i32, String)> {
    open_text(&config.to_string())
}

pub fn open_text(config: &str) -> Result<Service, (i32, String)> {
    let config = CString::new(config).unwrap();
    let (mut service, mut error) = (ptr::null_mut(), ptr::null_mut());
    let status = unsafe {
        cbsvc_init(
            config.as_ptr(),
            None,
            ptr::null_mut(),
            &mut service,
            &mut error,
        )
    };
    let error = taken(error);
    match status {
        0 => {
            assert!(!service.is_null() && error.is_none());
            Ok(Service(service))
        }
        _ => {
            assert!(service.is_null());
            Err((status, error.expect("a failure has a text")))
        }
    }
}

/// An open service; the test closes it.
#[derive(Clone, Copy)]
pub struct Service(pub *mut cbsvc_service);

// The interface allows any thread.
unsafe impl Send for Service {}
unsafe impl Sync for Service {}

/// A status and the outcome.
#[derive(Debug)]
pub struct Answered {
    pub status: i32,
    pub outcome: Value,
    pub text: String,
}

impl Answered {
    pub fn error(&self) -> &str {
        self.outcome["error"]["name"].as_str().unwrap_or("none")
    }

    pub fn message(&self) -> &str {
        self.outcome["error"]["message"]
            .as_str()
            .unwrap_or_default()
    }
}

impl Service {
    pub fn command(self, name: &str, data: &str) -> Answered {
        let (name, data) = (CString::new(name).unwrap(), CString::new(data).unwrap());
        let mut outcome = ptr::null_mut();
        let status = unsafe { cbsvc_command(self.0, name.as_ptr(), data.as_ptr(), &mut outcome) };
        answered(status, outcome)
    }

    pub fn schedule(self, data: Value) -> Answered {
        let data = CString::new(data.to_string()).unwrap();
        let mut outcome = ptr::null_mut();
        let status = unsafe { cbsvc_schedule(self.0, data.as_ptr(), &mut outcome) };
        answered(status, outcome)
    }

    pub fn availability(self, query: Value) -> Answered {
        let query = CString::new(query.to_string()).unwrap();
        let mut outcome = ptr::null_mut();
        let status = unsafe { cbsvc_availability(self.0, query.as_ptr(), &mut outcome) };
        answered(status, outcome)
    }

    /// Records the events of one name, or all of them.
    pub fn record(self, event: &str) -> &'static Recorder {
        let recorder: &'static Recorder = Box::leak(Box::default());
        let event = CString::new(event).unwrap();
        let user_data = recorder as *const Recorder as *mut c_void;
        let status = unsafe {
            cbsvc_subscribe(
                self.0,
                event.as_ptr(),
                Some(record),
                user_data,
                None,
                ptr::null_mut(),
            )
        };
        assert_eq!(status, 0);
        recorder
    }

    pub fn dispatch(self, timeout_ms: i32) -> i32 {
        cbsvc_dispatch(self.0, timeout_ms)
    }

    pub fn close(self) -> i32 {
        cbsvc_close(self.0, 5_000)
    }
}

pub fn answered(status: i32, outcome: *mut c_char) -> Answered {
    let answered = self::outcome(taken(outcome).expect("a command has an outcome"));
    assert_eq!(answered.status, status);
    answered
}

/// An outcome with the status in it.
pub fn outcome(text: String) -> Answered {
    let outcome: Value = serde_json::from_str(&text).expect("an outcome is JSON");
    let status = outcome["error"]["status"].as_i64().unwrap_or(0) as i32;
    assert_eq!(
        outcome["state"],
        if status == 0 { "resolved" } else { "rejected" }
    );
    Answered {
        status,
        outcome,
        text,
    }
}

/// Events in the order in which they came.
#[derive(Default)]
pub struct Recorder(Mutex<Vec<(String, String)>>);

impl Recorder {
    pub fn names(&self) -> Vec<String> {
        self.0
            .lock()
            .unwrap()
            .iter()
            .map(|(name, _)| name.clone())
            .collect()
    }

    pub fn all(&self) -> Vec<(String, String)> {
        self.0.lock().unwrap().clone()
    }

    pub fn last(&self) -> (String, String) {
        self.0.lock().unwrap().last().cloned().expect("an event")
    }
}

pub unsafe extern "C-unwind" fn record(
    event: *const c_char,
    data: *const c_char,
    user_data: *mut c_void,
) {
    let recorder = unsafe { &*(user_data as *const Recorder) };
    let text = |text| unsafe { CStr::from_ptr(text) }.to_str().unwrap().to_owned();
    recorder.0.lock().unwrap().push((text(event), text(data)));
}
