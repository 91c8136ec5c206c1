//! Measures the outbox beside what it is made of, in the same run.
//!
//! ```text
//! make bench-outbox
//! ```
//!
//! Each pair is measured in turn, several times; the medians are compared. The file is in the
//! directory `OUTBOX_BENCH_DIRECTORY`, or in `target`: on a file system in memory, where nothing
//! has to reach a disk, the numbers mean little.

use std::ffi::{c_char, c_void, CString};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::ptr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use callbackservice::ffi::async_call::{cbsvc_dispatch, cbsvc_start};
use callbackservice::ffi::blocking::cbsvc_command;
use callbackservice::ffi::library::cbsvc_string_free;
use callbackservice::ffi::service::{cbsvc_close, cbsvc_init};
use callbackservice::ffi::types::cbsvc_service;
use rusqlite::Connection;
use serde_json::{json, Value};

const ROUNDS: usize = 5;
const SUBMITS: usize = 400;
const THREADS: usize = 8;
const DELIVERIES: usize = 10_000;

fn main() {
    let directory = std::env::var_os("OUTBOX_BENCH_DIRECTORY");
    let directory =
        directory.map_or_else(|| PathBuf::from(env!("CARGO_TARGET_TMPDIR")), Into::into);
    let base = serve();
    println!("| row | rate | compared with | rate | ratio | at least |");
    println!("| --- | --- | --- | --- | --- | --- |");
    let mut results = [(); 5].map(|()| Vec::new());
    for round in 0..ROUNDS {
        let file = directory.join(format!("outbox-{}-{round}.db", std::process::id()));
        results[0].push(rate(SUBMITS, || insert_bare(&file, SUBMITS)));
        remove(&file);
        let service = Service::open(&base, &file);
        service.command("CallbackService.submit", &booking("first"));
        results[1].push(rate(SUBMITS, || submit(service, SUBMITS)));
        results[2].push(rate(SUBMITS * THREADS, || {
            std::thread::scope(|scope| {
                (0..THREADS).for_each(|_| drop(scope.spawn(move || submit(service, SUBMITS))));
            });
        }));
        let waiting = 1 + SUBMITS * (THREADS + 1);
        (waiting..DELIVERIES).for_each(|_| {
            // Enqueued together, so that filling the file takes little time.
            service.start("CallbackService.submit", &booking("fill"));
        });
        service.finish();
        results[3].push(rate(DELIVERIES, || schedule(service, DELIVERIES)));
        results[4].push(rate(DELIVERIES, || {
            service.start("CallbackService.deliver", r#"{"timeoutMs":600000}"#);
            service.finish();
        }));
        let outcome = service.command("CallbackService.outbox", r#"{"delivery":"waiting"}"#);
        assert_eq!(outcome["entries"], json!([]), "{outcome}");
        service.close();
        remove(&file);
    }
    let [bare, one, eight, schedules, deliveries] = results.map(median);
    let rows = [
        (
            "submit, 1 thread",
            one,
            "a bare insert of rusqlite",
            bare,
            0.8,
        ),
        ("submit, 8 threads", eight, "submit, 1 thread", one, 3.0),
        (
            "deliver 10,000 entries",
            deliveries,
            "10,000 started schedules",
            schedules,
            0.7,
        ),
    ];
    let mut is_missed = false;
    for (row, rate, other, other_rate, at_least) in rows {
        let ratio = rate / other_rate;
        is_missed |= ratio < at_least;
        println!("| {row} | {rate:.0}/s | {other} | {other_rate:.0}/s | {ratio:.2} | {at_least} |");
    }
    std::process::exit(i32::from(is_missed));
}

fn rate(count: usize, work: impl FnOnce()) -> f64 {
    let started = Instant::now();
    work();
    count as f64 / started.elapsed().as_secs_f64()
}

fn median(mut rates: Vec<f64>) -> f64 {
    rates.sort_by(f64::total_cmp);
    rates[rates.len() / 2]
}

fn remove(file: &Path) {
    for suffix in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(format!("{}{suffix}", file.display()));
    }
}

/// The same data in one table with the same durability, one transaction for each row.
fn insert_bare(file: &Path, count: usize) {
    let connection = Connection::open(file).unwrap();
    connection
        .execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
             CREATE TABLE booking (id TEXT PRIMARY KEY, key TEXT UNIQUE, submitted INTEGER, body TEXT)",
        )
        .unwrap();
    let mut insert = connection
        .prepare("INSERT INTO booking VALUES (?1, ?2, ?3, ?4)")
        .unwrap();
    for number in 0..count {
        let key = unique("bare");
        let body = format!("_customer_number=%2B14151110000&subject=bench&number={number}");
        insert
            .execute((&format!("{key}-id"), &key, number as i64, &body))
            .unwrap();
    }
}

/// A key that no other booking has.
fn unique(prefix: &str) -> String {
    static LAST: AtomicUsize = AtomicUsize::new(0);
    format!("{prefix}-{:08}", LAST.fetch_add(1, Ordering::Relaxed))
}

fn booking(prefix: &str) -> String {
    json!({"phonenumber": "+14151110000", "subject": "bench", "key": unique(prefix)}).to_string()
}

fn submit(service: Service, count: usize) {
    for _ in 0..count {
        let outcome = service.command("CallbackService.submit", &booking("submit"));
        assert_eq!(outcome["delivery"], "waiting", "{outcome}");
    }
}

/// Starts bookings without a pause, at most as many at a time as the queue takes.
fn schedule(service: Service, count: usize) {
    for _ in 0..count {
        service.start(
            "CallbackService.schedule",
            r#"{"phonenumber":"+14151110000","subject":"bench"}"#,
        );
    }
    service.finish();
}

static PENDING: AtomicUsize = AtomicUsize::new(0);

unsafe extern "C-unwind" fn done(_: *const c_char, _: *const c_char, _: *mut c_void) {
    PENDING.fetch_sub(1, Ordering::Relaxed);
}

#[derive(Clone, Copy)]
struct Service(*mut cbsvc_service);

// The interface allows any thread.
unsafe impl Send for Service {}

impl Service {
    fn open(base: &str, file: &Path) -> Service {
        let config = json!({"dataURL": base, "proxy": "none", "ajaxTimeout": 600_000, "queueLimit": 100_000,
            "outbox": {"file": file, "deliver": "command", "maxEntries": 1_000_000}});
        let config = CString::new(config.to_string()).unwrap();
        let mut service = ptr::null_mut();
        let status = unsafe {
            cbsvc_init(
                config.as_ptr(),
                None,
                ptr::null_mut(),
                &mut service,
                ptr::null_mut(),
            )
        };
        assert_eq!(status, 0);
        Service(service)
    }

    fn command(self, name: &str, data: &str) -> Value {
        let (name, data) = (CString::new(name).unwrap(), CString::new(data).unwrap());
        let mut outcome = ptr::null_mut();
        unsafe { cbsvc_command(self.0, name.as_ptr(), data.as_ptr(), &mut outcome) };
        let text = unsafe { std::ffi::CStr::from_ptr(outcome) }.to_bytes();
        let value = serde_json::from_slice(text).unwrap();
        unsafe { cbsvc_string_free(outcome) };
        value
    }

    fn start(self, name: &str, data: &str) {
        let (name, data) = (CString::new(name).unwrap(), CString::new(data).unwrap());
        PENDING.fetch_add(1, Ordering::Relaxed);
        let status = unsafe {
            cbsvc_start(
                self.0,
                name.as_ptr(),
                data.as_ptr(),
                Some(done),
                ptr::null_mut(),
                None,
                ptr::null_mut(),
            )
        };
        assert_eq!(status, 0);
    }

    /// Waits for the calls that were started.
    fn finish(self) {
        while PENDING.load(Ordering::Relaxed) > 0 {
            cbsvc_dispatch(self.0, 1_000);
        }
    }

    fn close(self) {
        assert_eq!(cbsvc_close(self.0, 10_000), 0);
    }
}

/// A server on loopback that books everything.
fn serve() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}/x", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            std::thread::spawn(move || answer(stream.unwrap()));
        }
    });
    base
}

fn answer(mut stream: TcpStream) {
    stream.set_nodelay(true).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(600)))
        .unwrap();
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut line = String::new();
    let mut length = 0;
    loop {
        line.clear();
        match reader.read_line(&mut line) {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if line.trim().is_empty() {
            let mut body = vec![0; length];
            reader.read_exact(&mut body).unwrap();
            let json = format!(r#"{{"_id":"{}"}}"#, unique("369"));
            let head = format!(
                "Content-Type: application/json\r\nContent-Length: {}",
                json.len()
            );
            if write!(stream, "HTTP/1.1 200 OK\r\n{head}\r\n\r\n{json}").is_err() {
                return;
            }
        }
    }
}
