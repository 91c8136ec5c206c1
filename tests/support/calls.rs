//! Runs a command in both ways: blocking, and started and dispatched.

use std::ffi::{c_char, c_void, CStr, CString};
use std::io::Write;
use std::ptr;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use callbackservice::ffi::async_call::cbsvc_start;
use serde_json::{json, Value};

use super::server::{AfterResponse, Server};
use super::{open, outcome, Answered, Service};

/// A service for a server that needs no proxy, with two seconds for each command.
pub fn service(base: &str, extra: Value) -> Service {
    let mut config =
        json!({ "dataURL": format!("{base}/x"), "ajaxTimeout": 2000, "proxy": "none" });
    config
        .as_object_mut()
        .unwrap()
        .extend(extra.as_object().unwrap().clone());
    open(&config).unwrap()
}

/// How a command runs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Mode {
    Blocking,
    Started,
}

pub const MODES: [Mode; 2] = [Mode::Blocking, Mode::Started];

impl Mode {
    pub fn schedule(self, service: Service) -> Answered {
        self.run(service, "schedule", &json!({"phonenumber": "1"}))
    }

    pub fn availability(self, service: Service) -> Answered {
        self.run(service, "availability", &json!({"numberOfDays": 1}))
    }

    pub fn run(self, service: Service, command: &str, data: &Value) -> Answered {
        let name = format!("CallbackService.{command}");
        match self {
            Mode::Blocking => service.command(&name, &data.to_string()),
            Mode::Started => start(service, &name, data).wait(service),
        }
    }
}

/// A started call.
pub struct Started(mpsc::Receiver<String>);

impl Started {
    /// Dispatches until the call has completed.
    pub fn wait(&self, service: Service) -> Answered {
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            if let Ok(text) = self.0.try_recv() {
                return outcome(text);
            }
            service.dispatch(10_000);
            assert!(Instant::now() < deadline, "the call does not complete");
        }
    }
}

/// Starts a command.
pub fn start(service: Service, name: &str, data: &Value) -> Started {
    let (sender, receiver) = mpsc::channel::<String>();
    let name = CString::new(name).unwrap();
    let data = CString::new(data.to_string()).unwrap();
    let status = unsafe {
        cbsvc_start(
            service.0,
            name.as_ptr(),
            data.as_ptr(),
            Some(done),
            Box::into_raw(Box::new(sender)) as *mut c_void,
            Some(release),
            ptr::null_mut(),
        )
    };
    assert_eq!(status, 0);
    Started(receiver)
}

unsafe extern "C-unwind" fn done(_: *const c_char, data: *const c_char, sender: *mut c_void) {
    let sender = unsafe { &*(sender as *const mpsc::Sender<String>) };
    let text = unsafe { CStr::from_ptr(data) }.to_str().unwrap();
    let _ = sender.send(text.to_owned());
}

unsafe extern "C-unwind" fn release(sender: *mut c_void) {
    drop(unsafe { Box::from_raw(sender as *mut mpsc::Sender<String>) });
}

/// Both commands, each on connections of its own: a server that closes after answering one must not
/// meet the other.
pub fn both(base: &str, extra: Value) -> [Answered; 2] {
    let (one, other) = (service(base, extra.clone()), service(base, extra));
    let answers = [
        one.schedule(json!({"phonenumber": "1"})),
        other.availability(json!({"numberOfDays": 1})),
    ];
    assert_eq!((one.close(), other.close()), (0, 0));
    answers
}

/// What comes of a booking, blocking and started, when every response is these bytes.
pub fn bookings(response: &[u8], extra: Value) -> [Answered; 2] {
    let response = response.to_vec();
    let server = Server::start(move |_, stream| {
        let _ = stream.write_all(&response);
        AfterResponse::KeepOpen
    });
    MODES.map(|mode| {
        let service = service(&server.base, extra.clone());
        let answered = mode.schedule(service);
        assert_eq!(service.close(), 0);
        answered
    })
}
