//! Sequences of calls of the C interface, with handles that are open, closed or invented.
#![no_main]

use std::ffi::{c_char, c_void, CStr};
use std::ptr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use callbackservice::ffi::async_call::{
    cbsvc_cancel, cbsvc_dispatch, cbsvc_next_event, cbsvc_start, cbsvc_waitable,
};
use callbackservice::ffi::blocking::{cbsvc_availability, cbsvc_command, cbsvc_schedule};
use callbackservice::ffi::constants::CBSVC_BUSY;
use callbackservice::ffi::library::{
    cbsvc_diagnostics, cbsvc_set_log, cbsvc_status_name, cbsvc_string_free,
};
use callbackservice::ffi::service::{cbsvc_close, cbsvc_configure, cbsvc_init};
use callbackservice::ffi::subscription::{cbsvc_subscribe, cbsvc_unsubscribe};
use callbackservice::ffi::types::cbsvc_service;
use libfuzzer_sys::fuzz_target;

const MOST_SERVICES: usize = 4;

static RELEASED: AtomicUsize = AtomicUsize::new(0);

unsafe extern "C-unwind" fn handler(
    event: *const c_char,
    data: *const c_char,
    service: *mut c_void,
) {
    assert!(!event.is_null() && !data.is_null());
    // What a handler may do: anything, closing the service that runs it included, which is refused.
    let first = unsafe { *data };
    if first % 2 == 0 && !service.is_null() {
        cbsvc_close(service.cast(), 0);
    }
}

unsafe extern "C-unwind" fn release(_: *mut c_void) {
    RELEASED.fetch_add(1, Ordering::SeqCst);
}

/// The input, read piece by piece; when it is used up, zeros follow.
struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn byte(&mut self) -> u8 {
        let (first, rest) = self.0.split_first().unwrap_or((&0, &[]));
        self.0 = rest;
        *first
    }

    /// Text that ends with NUL, or NULL.
    fn text(&mut self) -> Vec<u8> {
        const TEXTS: [&[u8]; 15] = [
            b"{\"dataURL\":\"http://127.0.0.1:1/s\",\"proxy\":\"none\",\"retry\":{\"attempts\":1}}",
            b"{\"dataURL\":\"http://127.0.0.1:1/e\",\"proxy\":\"none\",\"apiVersion\":\"v3\",\"serviceName\":\"q\",\"retry\":{\"attempts\":1}}",
            b"{\"dataURL\":\"http://127.0.0.1:1/t\",\"proxy\":\"none\",\"handlers\":\"thread\",\"retry\":{\"attempts\":1}}",
            b"{\"queueLimit\":2}",
            b"{\"apikey\":null,\"userData\":{\"a\":[1,{\"b\":2}]}}",
            b"{\"phonenumber\":\"+14151110000\"}",
            b"{\"numberOfDays\":3}",
            b"{}",
            b"CallbackService.schedule",
            b"CallbackService.availability",
            b"CallbackService.configure",
            b"CallbackService.scheduleError",
            b"CallbackService.ready",
            b"*",
            b"{\"dataURL\":\"http://127.0.0.1:1/p\",\"proxy\":\"none\",\"handlers\":\"poll\",\"retry\":{\"attempts\":1}}",
        ];
        let choice = usize::from(self.byte());
        let mut text = match TEXTS.get(choice % (TEXTS.len() + 2)) {
            Some(text) => text.to_vec(),
            None if choice % 2 == 0 => return Vec::new(),
            None => {
                let length = usize::from(self.byte()).min(self.0.len());
                let (taken, rest) = self.0.split_at(length);
                self.0 = rest;
                taken.to_vec()
            }
        };
        text.push(0);
        text
    }

    fn handle(&mut self, opened: &[*mut cbsvc_service]) -> *mut cbsvc_service {
        let choice = usize::from(self.byte());
        match opened.get(choice % (opened.len() + 2)) {
            Some(service) => *service,
            None if choice % 2 == 0 => ptr::null_mut(),
            None => ptr::without_provenance_mut(choice * 0x0101),
        }
    }
}

fn pointer(text: &[u8]) -> *const c_char {
    if text.is_empty() {
        ptr::null()
    } else {
        text.as_ptr().cast()
    }
}

fn free(text: *mut c_char) {
    if !text.is_null() {
        assert!(unsafe { CStr::from_ptr(text) }.to_str().is_ok());
    }
    unsafe { cbsvc_string_free(text) };
}

fn next_event(service: *mut cbsvc_service, timeout_ms: i32, wants: bool) {
    let (mut call, mut event, mut data) = (0, ptr::null_mut(), ptr::null_mut());
    let event_out = if wants {
        &mut event as *mut _
    } else {
        ptr::null_mut()
    };
    let status = unsafe { cbsvc_next_event(service, timeout_ms, &mut call, event_out, &mut data) };
    assert_eq!(status == 0, !data.is_null());
    assert!(status == 0 || call == 0);
    free(event);
    free(data);
}

/// Names handed over with a `release`, and how many of them.
struct Run {
    opened: Vec<*mut cbsvc_service>,
    numbers: Vec<u64>,
    given: usize,
}

impl Run {
    fn step(&mut self, input: &mut Input) {
        let mut out = ptr::null_mut();
        let choice = input.byte() % 15;
        let service = input.handle(&self.opened);
        let wants = input.byte() % 2 == 0;
        let result = if wants {
            &mut out as *mut _
        } else {
            ptr::null_mut()
        };
        match choice {
            0 if self.opened.len() < MOST_SERVICES => {
                let mut opened = ptr::null_mut();
                let text = input.text();
                let on_event = wants.then_some(handler as unsafe extern "C-unwind" fn(_, _, _));
                unsafe {
                    cbsvc_init(
                        pointer(&text),
                        on_event,
                        ptr::null_mut(),
                        &mut opened,
                        result,
                    )
                };
                self.opened.push(opened);
            }
            0 | 1 => unsafe {
                let text = input.text();
                cbsvc_configure(service, pointer(&text), result);
            },
            2 => {
                cbsvc_close(service, i32::from(input.byte()));
            }
            3 => unsafe {
                let text = input.text();
                cbsvc_schedule(service, pointer(&text), result);
            },
            4 => unsafe {
                let text = input.text();
                cbsvc_availability(service, pointer(&text), result);
            },
            5 => unsafe {
                let (name, text) = (input.text(), input.text());
                cbsvc_command(service, pointer(&name), pointer(&text), result);
            },
            6 | 7 => self.start(input, service, wants),
            8 => self.subscribe(input, service),
            9 => {
                let number = self.number(input);
                cbsvc_cancel(service, number);
            }
            10 => {
                let number = self.number(input);
                cbsvc_unsubscribe(service, number);
            }
            11 => {
                cbsvc_dispatch(service, i32::from(input.byte() % 4));
            }
            12 => next_event(service, i32::from(input.byte() % 4), wants),
            13 => {
                let mut waitable = 0;
                unsafe {
                    cbsvc_waitable(
                        service,
                        if wants {
                            &mut waitable
                        } else {
                            ptr::null_mut()
                        },
                    )
                };
            }
            _ => unsafe {
                cbsvc_diagnostics(result);
                cbsvc_set_log(
                    i32::from(input.byte() % 7) - 1,
                    wants.then_some(handler),
                    ptr::null_mut(),
                );
                assert!(!cbsvc_status_name(i32::from(input.byte()) * 4).is_null());
            },
        }
        free(out);
    }

    fn start(&mut self, input: &mut Input, service: *mut cbsvc_service, is_given: bool) {
        let (name, text) = (input.text(), input.text());
        let mut number = 0;
        let done = is_given.then_some(handler as unsafe extern "C-unwind" fn(_, _, _));
        let release = is_given.then_some(release as unsafe extern "C-unwind" fn(_));
        unsafe {
            cbsvc_start(
                service,
                pointer(&name),
                pointer(&text),
                done,
                service.cast(),
                release,
                &mut number,
            )
        };
        self.given += usize::from(is_given);
        self.numbers.push(number);
    }

    fn subscribe(&mut self, input: &mut Input, service: *mut cbsvc_service) {
        let event = input.text();
        let done =
            (input.byte() % 8 != 0).then_some(handler as unsafe extern "C-unwind" fn(_, _, _));
        let mut number = 0;
        unsafe {
            cbsvc_subscribe(
                service,
                pointer(&event),
                done,
                service.cast(),
                Some(release),
                &mut number,
            )
        };
        self.given += 1;
        self.numbers.push(number);
    }

    fn number(&self, input: &mut Input) -> u64 {
        let choice = usize::from(input.byte());
        self.numbers
            .get(choice % (self.numbers.len() + 1))
            .copied()
            .unwrap_or(choice as u64)
    }
}

fn threads() -> usize {
    std::fs::read_dir("/proc/self/task").map_or(0, |tasks| tasks.count())
}

fuzz_target!(|data: &[u8]| {
    let mut input = Input(data);
    let mut run = Run {
        opened: Vec::new(),
        numbers: Vec::new(),
        given: 0,
    };
    let others = threads();
    let before = RELEASED.load(Ordering::SeqCst);
    while !input.0.is_empty() {
        run.step(&mut input);
    }
    unsafe { cbsvc_set_log(0, None, ptr::null_mut()) };
    for service in &run.opened {
        while cbsvc_close(*service, -1) == CBSVC_BUSY {
            next_event(*service, -1, true);
        }
    }
    // A service that was closed without waiting releases on its own thread, which then ends.
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        // Looked at once each time: while a thread ends, the system's list of them is not steady.
        let (released, running) = (RELEASED.load(Ordering::SeqCst) - before, threads());
        assert!(
            released <= run.given,
            "released once for each time that it was given"
        );
        if released == run.given && running <= others {
            break;
        }
        assert!(
            Instant::now() < deadline,
            "{released} of {} released, {running} threads of {others}",
            run.given
        );
        std::thread::yield_now();
    }
});
