//! The outbox through the C functions: what is stored, what is sent, and what becomes of it.

#![cfg(feature = "outbox")]

mod support;

use std::collections::VecDeque;
use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{json, Value};
use support::calls::{service, start};
use support::server::{reply, AfterResponse, RecordedRequest, Server};
use support::{open, Answered, Service};

const SUBMIT: &str = "CallbackService.submit";
const DELIVER: &str = "CallbackService.deliver";
const OUTBOX: &str = "CallbackService.outbox";
const NUMBER: &str = "+14151110000";
/// A reserved port on which no server listens.
const NO_SERVER: &str = "http://127.0.0.1:1";

/// A directory with an outbox file, which is removed with the test.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Scratch {
        static LAST: AtomicUsize = AtomicUsize::new(0);
        let number = LAST.fetch_add(1, Ordering::SeqCst);
        let directory =
            std::env::temp_dir().join(format!("outbox-test-{}-{number}", std::process::id()));
        fs::create_dir(&directory).unwrap();
        Scratch(directory)
    }

    fn file(&self) -> PathBuf {
        self.0.join("callbacks.db")
    }

    /// A service that delivers on command only, with short pauses.
    fn service(&self, base: &str, outbox: Value) -> Service {
        self.service_with(base, outbox, json!({}))
    }

    fn service_with(&self, base: &str, outbox: Value, extra: Value) -> Service {
        let mut section =
            json!({"file": self.file(), "deliver": "command", "baseDelayMs": 1, "maxDelayMs": 1});
        merge(&mut section, &outbox);
        let mut config = json!({ "outbox": section });
        merge(&mut config, &extra);
        service(base, config)
    }

    fn holds(&self, wanted: &str) -> bool {
        fs::read_dir(&self.0).unwrap().any(|file| {
            let bytes = fs::read(file.unwrap().path()).unwrap();
            bytes
                .windows(wanted.len())
                .any(|part| part == wanted.as_bytes())
        })
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn merge(target: &mut Value, members: &Value) {
    let members = members.as_object().unwrap().clone();
    target.as_object_mut().unwrap().extend(members);
}

fn submit(service: Service) -> String {
    let answered = service.command(SUBMIT, &json!({ "phonenumber": NUMBER }).to_string());
    assert_eq!(answered.outcome["delivery"], "waiting", "{}", answered.text);
    answered.outcome["entry"].as_str().unwrap().to_owned()
}

fn deliver(service: Service) -> Value {
    let mut outcome = service.command(DELIVER, "{}").outcome;
    for member in ["command", "state"] {
        outcome.as_object_mut().unwrap().remove(member);
    }
    outcome
}

fn tally(delivered: u32, refused: u32, unknown: u32, expired: u32, waiting: u32) -> Value {
    json!({"delivered": delivered, "refused": refused, "unknown": unknown, "expired": expired, "waiting": waiting})
}

fn entries(service: Service) -> Vec<Value> {
    let answered = service.command(OUTBOX, "");
    answered.outcome["entries"].as_array().unwrap().clone()
}

fn only(service: Service) -> Value {
    let mut entries = entries(service);
    assert_eq!(entries.len(), 1);
    entries.remove(0)
}

/// Delivers until something else than a pause is the answer.
fn deliver_until(service: Service, is_done: impl Fn(&Value) -> bool) -> Value {
    wait_for(|| {
        deliver(service);
        Some(only(service)).filter(|entry| is_done(entry))
    })
}

fn wait_for<T>(condition: impl Fn() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        if let Some(found) = condition() {
            return found;
        }
        assert!(Instant::now() < deadline, "it does not happen");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// How a server answers one request.
#[derive(Clone, Debug)]
enum Answer {
    Status(u16, &'static str),
    RetryAfter(u16, &'static str),
    /// The connection is closed without a response.
    Drop,
}

const BOOKED: Answer = Answer::Status(200, r#"{"_id":"369"}"#);
const NONE: Answer = Answer::Status(200, "[]");

/// A server with an answer for each booking and for each lookup; the last one is repeated.
fn scripted(bookings: &[Answer], lookups: &[Answer]) -> Server {
    let next = |answers: &Mutex<VecDeque<Answer>>| {
        let mut answers = answers.lock().unwrap();
        match answers.len() {
            0 => panic!("a request is not expected"),
            1 => answers[0].clone(),
            _ => answers.pop_front().unwrap(),
        }
    };
    let bookings = Mutex::new(bookings.iter().cloned().collect());
    let lookups = Mutex::new(lookups.iter().cloned().collect());
    Server::start(move |request, stream| {
        let answers = if request.method == "POST" {
            &bookings
        } else {
            &lookups
        };
        let json = ("Content-Type", "application/json");
        match next(answers) {
            Answer::Drop => return AfterResponse::Close,
            Answer::Status(status, body) => reply(stream, status, &[json], body),
            Answer::RetryAfter(status, seconds) => {
                reply(stream, status, &[json, ("Retry-After", seconds)], "{}")
            }
        }
        AfterResponse::KeepOpen
    })
}

fn posts(server: &Server) -> Vec<RecordedRequest> {
    let received = server.received();
    received
        .into_iter()
        .filter(|request| request.method == "POST")
        .collect()
}

fn lookups(server: &Server) -> usize {
    server.received().len() - posts(server).len()
}

#[test]
fn commands_without_an_outbox_are_in_the_wrong_mode() {
    let service = service(NO_SERVER, json!({}));
    for (command, data) in [
        (SUBMIT, r#"{"phonenumber":"1"}"#),
        (DELIVER, "{}"),
        (OUTBOX, "{}"),
    ] {
        let answered = service.command(command, data);
        assert_eq!((answered.status, answered.error()), (203, "WRONG_MODE"));
        assert!(
            answered.message().contains("outbox.file"),
            "{}",
            answered.message()
        );
        assert_eq!(
            start(service, command, &json!({"phonenumber": "1"}))
                .wait(service)
                .status,
            203
        );
    }
    assert_eq!(service.close(), 0);
}

#[test]
fn a_service_without_a_use_of_its_outbox_opens_no_file() {
    let scratch = Scratch::new();
    let service = scratch.service(NO_SERVER, json!({}));
    assert!(!scratch.file().exists());
    assert_eq!(service.close(), 0);
    assert!(!scratch.file().exists());
}

#[test]
fn a_booking_is_sent_as_schedule_sends_it() {
    let scratch = Scratch::new();
    let server = Server::json(200, r#"{"_id":"369"}"#);
    let service = scratch.service_with(
        &server.base,
        json!({}),
        json!({"apikey": "secret", "userData": {"site": "x"}, "callDirection": "USERTERMINATED"}),
    );
    let booking = json!({"phonenumber": NUMBER, "desiredtime": "2030-12-01T11:00:00+01:00", "subject": "a & b",
        "userData": {"order": 5}});
    let mut submitted = booking.clone();
    submitted["key"] = json!("order-5");
    assert_eq!(service.command(SUBMIT, &submitted.to_string()).status, 0);
    assert!(!scratch.holds("secret"));
    assert!(scratch.holds("order-5"));
    assert_eq!(deliver(service), tally(1, 0, 0, 0, 0));
    assert_eq!(service.schedule(booking).status, 0);
    let posts = posts(&server);
    assert_eq!(posts.len(), 2);
    assert_eq!(
        (&posts[0].target, &posts[0].body),
        (&posts[1].target, &posts[1].body)
    );
    for header in ["content-type", "accept", "apikey"] {
        assert_eq!(posts[0].header(header), posts[1].header(header), "{header}");
    }
    let entry = only(service);
    assert_eq!(
        (&entry["delivery"], &entry["id"]),
        (&json!("delivered"), &json!("369"))
    );
    assert_eq!(entry["desiredTime"], "2030-12-01T10:00:00.000Z");
    assert_eq!(
        (&entry["key"], &entry["attempts"]),
        (&json!("order-5"), &json!(1))
    );
    assert!(entry.get("error").is_none() && entry.get("nextAttemptAt").is_none());
    assert_eq!(service.close(), 0);
}

#[test]
fn invalid_bookings_are_not_stored() {
    let scratch = Scratch::new();
    let service = scratch.service(NO_SERVER, json!({}));
    let events = service.record("CallbackService.submitError");
    for (data, name, field) in [
        (
            json!({"phonenumber": true}),
            "BAD_OPTION",
            json!("phonenumber"),
        ),
        (
            json!({"phonenumber": "1", "desired_time": "x"}),
            "BAD_OPTION",
            json!("desired_time"),
        ),
        (
            json!({"phonenumber": "1", "key": ""}),
            "BAD_OPTION",
            json!("key"),
        ),
        (
            json!({"phonenumber": "1", "key": "k".repeat(201)}),
            "BAD_OPTION",
            json!("key"),
        ),
        (json!({"key": "k"}), "NO_DATA", Value::Null),
        (json!({}), "NO_DATA", Value::Null),
    ] {
        let answered = service.command(SUBMIT, &data.to_string());
        assert_eq!(answered.error(), name, "{data}");
        assert_eq!(answered.outcome["error"]["field"], field, "{data}");
    }
    assert_eq!(events.names().len(), 6);
    assert!(entries(service).is_empty());
    for (command, data) in [
        (DELIVER, json!({"timeout": 5})),
        (DELIVER, json!({"timeoutMs": 86_400_001})),
        (OUTBOX, json!({"delivery": "lost"})),
        (OUTBOX, json!({"action": "resend"})),
    ] {
        assert_eq!(
            service.command(command, &data.to_string()).error(),
            "BAD_OPTION",
            "{data}"
        );
    }
    assert_eq!(service.close(), 0);
}

#[test]
fn the_same_key_is_one_booking_in_every_state() {
    let scratch = Scratch::new();
    let server = Server::json(200, r#"{"_id":"369"}"#);
    let service = scratch.service(&server.base, json!({}));
    let events = service.record("CallbackService.submitted");
    let submit = || {
        let data = json!({"phonenumber": NUMBER, "key": "k"}).to_string();
        let answered = service.command(SUBMIT, &data);
        assert_eq!(
            (&answered.outcome["key"], answered.status),
            (&json!("k"), 0)
        );
        (
            answered.outcome["entry"].clone(),
            answered.outcome["delivery"].clone(),
        )
    };
    let first = submit();
    assert_eq!((submit(), &first.1), (first.clone(), &json!("waiting")));
    deliver(service);
    assert_eq!(submit(), (first.0, json!("delivered")));
    assert_eq!((posts(&server).len(), events.names().len()), (1, 3));
    assert_eq!(service.close(), 0);
}

/// What becomes of an entry after one attempt: its state, the name of its error, and its event.
fn after_one_attempt(
    server: &Server,
    extra: Value,
    outbox: Value,
) -> (Value, Vec<(String, Value)>) {
    let scratch = Scratch::new();
    let service = scratch.service_with(&server.base, outbox, extra);
    let events = service.record("*");
    let entry = submit(service);
    deliver(service);
    let events = events.all();
    let events = events
        .into_iter()
        .filter(|(name, _)| name.contains("schedule"));
    let events: Vec<(String, Value)> = events
        .map(|(name, data)| (name, serde_json::from_str(&data).unwrap()))
        .collect();
    for (_, data) in &events {
        assert_eq!(data["entry"], entry);
    }
    let listed = only(service);
    assert_eq!(service.close(), 0);
    (listed, events)
}

#[test]
fn what_becomes_of_an_entry_after_an_attempt() {
    use Answer::{Drop, Status};
    let v1 = json!({});
    let v3 = json!({"apiVersion": "v3", "serviceName": "s"});
    const SLOTS: &str = r#"{"code":7041,"availability":{"2030-12-01T10:00:00.000Z":3}}"#;
    for (api, answer, delivery, error, event) in [
        (&v1, BOOKED, "delivered", "", "scheduled"),
        (
            &v1,
            Status(400, r#"{"code":7030}"#),
            "refused",
            "REJECTED",
            "scheduleError",
        ),
        (
            &v1,
            Status(400, SLOTS),
            "refused",
            "SLOT_UNAVAILABLE",
            "scheduleError",
        ),
        (
            &v1,
            Status(429, SLOTS),
            "refused",
            "SLOT_UNAVAILABLE",
            "scheduleError",
        ),
        (
            &v1,
            Status(404, "{}"),
            "refused",
            "NOT_FOUND",
            "scheduleError",
        ),
        (&v1, Status(429, "{}"), "waiting", "RATE_LIMITED", ""),
        (&v1, Status(503, "{}"), "waiting", "SERVER_ERROR", ""),
        (&v1, Status(401, "{}"), "waiting", "UNAUTHORIZED", ""),
        (
            &v3,
            Status(200, r#"{"data":{"id":"5"}}"#),
            "delivered",
            "",
            "scheduled",
        ),
        (&v3, Status(503, "{}"), "waiting", "SERVER_ERROR", ""),
        (
            &v3,
            Status(500, r#"{"status":{"code":5}}"#),
            "unknown",
            "SERVER_ERROR",
            "scheduleError",
        ),
        (
            &v3,
            Status(502, "{}"),
            "unknown",
            "SERVER_ERROR",
            "scheduleError",
        ),
        (
            &v3,
            Status(504, "{}"),
            "unknown",
            "SERVER_ERROR",
            "scheduleError",
        ),
        (
            &v3,
            Status(200, "hello"),
            "unknown",
            "PROTOCOL",
            "scheduleError",
        ),
        (&v3, Drop, "unknown", "PROTOCOL", "scheduleError"),
    ] {
        let server = scripted(std::slice::from_ref(&answer), &[]);
        let (entry, events) = after_one_attempt(&server, api.clone(), json!({}));
        assert_eq!(entry["delivery"], delivery, "{answer:?}");
        assert_eq!(
            entry["error"]["name"].as_str().unwrap_or_default(),
            error,
            "{answer:?}"
        );
        let names: Vec<&str> = events.iter().map(|(name, _)| name.as_str()).collect();
        let expected = if event.is_empty() {
            vec![]
        } else {
            vec![format!("CallbackService.{event}")]
        };
        assert_eq!(names, expected, "{answer:?}");
        if delivery == "unknown" {
            let message = events[0].1["error"]["message"].as_str().unwrap();
            assert!(
                message.ends_with("the booking may have been made"),
                "{message}"
            );
            assert_eq!(events[0].1["error"]["booked"], "unknown");
            assert_eq!(entry["error"]["booked"], "unknown");
        }
        if error == "SLOT_UNAVAILABLE" {
            assert_eq!(events[0].1["slots"][0]["capacity"], 3);
        }
        assert_eq!(entry.get("nextAttemptAt").is_some(), delivery == "waiting");
        assert_eq!(posts(&server).len(), 1);
    }
}

#[test]
fn retry_after_takes_precedence() {
    let server = scripted(&[Answer::RetryAfter(503, "3600")], &[]);
    let (entry, _) = after_one_attempt(&server, json!({}), json!({}));
    let time = |name: &str| entry[name].as_str().unwrap().to_owned();
    let (submitted, next) = (time("submittedAt"), time("nextAttemptAt"));
    assert_ne!(submitted[..13], next[..13], "{submitted} {next}");
}

#[test]
fn a_server_that_is_away_is_tried_again() {
    let scratch = Scratch::new();
    let service = scratch.service(NO_SERVER, json!({}));
    submit(service);
    assert_eq!(deliver(service), tally(0, 0, 0, 0, 1));
    let entry = deliver_until(service, |entry| entry["attempts"] == 3);
    assert_eq!(
        (&entry["delivery"], &entry["error"]["name"]),
        (&json!("waiting"), &json!("CONNECT"))
    );
    assert_eq!(service.close(), 0);
}

#[test]
fn a_lost_response_is_looked_up() {
    const RECORD: &str = r#"[{"_id":"7","_customer_number":"+14151110000","_callback_state":"SCHEDULED","_desired_time":"2030-12-01T10:00:00.000Z"}]"#;
    let unknown = [
        Answer::Drop,
        Answer::Status(500, "{}"),
        Answer::Status(502, "{}"),
        Answer::Status(504, "{}"),
    ];
    for answer in unknown {
        let scratch = Scratch::new();
        let server = scripted(
            std::slice::from_ref(&answer),
            &[Answer::Status(200, RECORD)],
        );
        let service = scratch.service(&server.base, json!({}));
        let events = service.record("CallbackService.scheduled");
        let booking =
            json!({"phonenumber": NUMBER, "desiredtime": "2030-12-01T11:00:00+01:00", "key": "k"});
        assert_eq!(service.command(SUBMIT, &booking.to_string()).status, 0);
        let entry = deliver_until(service, |entry| entry["delivery"] == "delivered");
        assert_eq!(entry["id"], "7", "{answer:?}");
        let (_, event) = events.last();
        let event: Value = serde_json::from_str(&event).unwrap();
        assert_eq!(
            (&event["id"], &event["key"], &event["entry"]),
            (&json!("7"), &json!("k"), &entry["entry"])
        );
        assert_eq!((posts(&server).len(), lookups(&server)), (1, 1));
        assert!(server.received()[1]
            .target
            .contains("_customer_number=%2B14151110000"));
        assert_eq!(service.close(), 0);
    }
}

#[test]
fn a_booking_is_sent_again_after_two_lookups_without_it() {
    const OTHERS: &str = r#"[{"_id":"7","_customer_number":"+14151110000","_desired_time":"2030-12-02T10:00:00.000Z"},
        {"_id":"8","_customer_number":"+4915110000","_desired_time":"2030-12-01T10:00:00.000Z"}]"#;
    let scratch = Scratch::new();
    let server = scripted(
        &[Answer::Drop, BOOKED],
        &[NONE, Answer::Status(503, "{}"), Answer::Status(200, OTHERS)],
    );
    let service = scratch.service(&server.base, json!({"baseDelayMs": 50, "maxDelayMs": 50}));
    let booking = json!({"phonenumber": NUMBER, "desiredtime": "2030-12-01T10:00:00Z"});
    assert_eq!(service.command(SUBMIT, &booking.to_string()).status, 0);
    assert_eq!(deliver(service), tally(0, 0, 1, 0, 0));
    assert_eq!(
        (only(service)["delivery"].clone(), lookups(&server)),
        (json!("unknown"), 1)
    );
    let entry = deliver_until(service, |entry| entry["delivery"] == "delivered");
    assert_eq!(
        (&entry["id"], &entry["attempts"]),
        (&json!("369"), &json!(2))
    );
    assert_eq!((posts(&server).len(), lookups(&server)), (2, 3));
    assert_eq!(service.close(), 0);
}

#[test]
fn an_immediate_booking_is_one_made_since() {
    let time = |seconds: i64| {
        let now = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap();
        let time = jiff::Timestamp::from_second(now.as_secs() as i64 + seconds).unwrap();
        time.strftime("%Y-%m-%dT%H:%M:%S.000Z").to_string()
    };
    for (record, is_found) in [
        (
            json!({"_id": "7", "_desired_time": time(1), "_callback_state": "QUEUED"}),
            true,
        ),
        (
            json!({"_id": "7", "_desired_time": time(-60), "_callback_state": "COMPLETED"}),
            false,
        ),
        (
            json!({"_id": "7", "_desired_time": time(3600), "_callback_state": "SCHEDULED"}),
            false,
        ),
    ] {
        let scratch = Scratch::new();
        let body: &'static str = json!([record]).to_string().leak();
        let server = scripted(&[Answer::Drop, BOOKED], &[Answer::Status(200, body)]);
        let service = scratch.service(&server.base, json!({}));
        submit(service);
        let entry = deliver_until(service, |entry| entry["delivery"] == "delivered");
        let expected = if is_found { "7" } else { "369" };
        assert_eq!(entry["id"], expected, "{body}");
        assert_eq!(service.close(), 0);
    }
}

#[test]
fn a_server_without_lookups_leaves_the_decision_to_the_application() {
    for (outbox, extra, lookup) in [
        (
            json!({}),
            json!({"apiVersion": "v3", "serviceName": "s"}),
            None,
        ),
        (json!({}), json!({}), Some(Answer::Status(404, "{}"))),
    ] {
        let scratch = Scratch::new();
        let is_v1 = lookup.is_some();
        let booked = if is_v1 {
            BOOKED
        } else {
            Answer::Status(200, r#"{"data":{"id":"369"}}"#)
        };
        let server = scripted(
            &[Answer::Drop, booked],
            &lookup.into_iter().collect::<Vec<_>>(),
        );
        let service = scratch.service_with(&server.base, outbox, extra);
        let entry = submit(service);
        let listed = deliver_until(service, |entry| entry["delivery"] == "unknown");
        assert!(listed.get("nextAttemptAt").is_none());
        assert_eq!(deliver(service), tally(0, 0, 0, 0, 0));
        assert_eq!(posts(&server).len(), 1);
        let resend = json!({"action": "resend", "entry": entry}).to_string();
        assert_eq!(
            service.command(OUTBOX, &resend).outcome["entries"][0]["delivery"],
            "waiting"
        );
        assert_eq!(deliver(service), tally(1, 0, 0, 0, 0));
        assert_eq!(service.command(OUTBOX, &resend).error(), "BAD_OPTION");
        let forget = json!({"action": "forget", "entry": entry}).to_string();
        assert_eq!(service.command(OUTBOX, &forget).status, 0);
        assert_eq!(service.command(OUTBOX, &forget).error(), "NO_SUCH");
        assert!(entries(service).is_empty());
        assert_eq!(service.close(), 0);
    }
}

#[test]
fn a_booking_in_doubt_is_sent_again_if_the_configuration_says_so() {
    let server = scripted(
        &[
            Answer::Drop,
            Answer::Status(200, r#"{"data":{"id":"369"}}"#),
        ],
        &[],
    );
    let scratch = Scratch::new();
    let v3 = json!({"apiVersion": "v3", "serviceName": "s"});
    let service = scratch.service_with(&server.base, json!({"whenUnknown": "resend"}), v3);
    submit(service);
    let entry = deliver_until(service, |entry| entry["delivery"] == "delivered");
    assert_eq!((&entry["attempts"], posts(&server).len()), (&json!(2), 2));
    assert_eq!(service.close(), 0);
}

#[test]
fn entries_expire() {
    for (outbox, desired) in [
        (json!({"maxAgeMs": 0}), ""),
        (json!({}), "2020-01-01T00:00:00Z"),
        (json!({"lateMs": 60_000}), "2020-01-01T00:00:00Z"),
    ] {
        let scratch = Scratch::new();
        let server = scripted(&[BOOKED], &[]);
        let service = scratch.service(&server.base, outbox);
        let events = service.record("CallbackService.scheduleError");
        let booking = json!({"phonenumber": NUMBER, "desiredtime": desired}).to_string();
        assert_eq!(service.command(SUBMIT, &booking).status, 0);
        std::thread::sleep(Duration::from_millis(5));
        assert_eq!(deliver(service), tally(0, 0, 0, 1, 0));
        let (_, event) = events.last();
        let event: Value = serde_json::from_str(&event).unwrap();
        assert_eq!(
            (&event["error"]["status"], &event["error"]["name"]),
            (&json!(303), &json!("EXPIRED"))
        );
        let entry = only(service);
        assert_eq!(
            (&entry["delivery"], &entry["error"]["name"]),
            (&json!("expired"), &json!("EXPIRED"))
        );
        assert!(posts(&server).is_empty() && !scratch.holds("4151110000"));
        assert_eq!(service.close(), 0);
    }
    let scratch = Scratch::new();
    let server = scripted(&[BOOKED], &[]);
    let service = scratch.service(&server.base, json!({"lateMs": 300_000_000_000_u64}));
    let booking = json!({"phonenumber": NUMBER, "desiredtime": "2020-01-01T00:00:00Z"}).to_string();
    assert_eq!(service.command(SUBMIT, &booking).status, 0);
    assert_eq!(deliver(service), tally(1, 0, 0, 0, 0));
    assert_eq!(service.close(), 0);
}

#[test]
fn a_full_outbox_is_busy() {
    let scratch = Scratch::new();
    let service = scratch.service(NO_SERVER, json!({"maxEntries": 2}));
    submit(service);
    submit(service);
    let answered = service.command(SUBMIT, &json!({ "phonenumber": NUMBER }).to_string());
    assert_eq!((answered.status, answered.error()), (204, "BUSY"));
    assert_eq!(entries(service).len(), 2);
    assert_eq!(service.close(), 0);
}

#[test]
fn entries_are_listed_by_what_selects_them() {
    let scratch = Scratch::new();
    let server = scripted(&[BOOKED, Answer::Status(400, "{}")], &[]);
    let service = scratch.service(&server.base, json!({}));
    let mut ids = Vec::new();
    for key in ["a", "b"] {
        let data = json!({"phonenumber": NUMBER, "key": key}).to_string();
        ids.push(service.command(SUBMIT, &data).outcome["entry"].clone());
        deliver(service);
    }
    ids.push(json!(submit(service)));
    let listed = |selection: Value| -> Vec<Value> {
        let outcome = service.command(OUTBOX, &selection.to_string()).outcome;
        let entries = outcome["entries"].as_array().unwrap().clone();
        entries
            .into_iter()
            .map(|entry| entry["entry"].clone())
            .collect()
    };
    assert_eq!(listed(json!({})), ids);
    assert_eq!(listed(json!({"limit": 2})), ids[..2]);
    assert_eq!(listed(json!({"key": "b"})), ids[1..2]);
    assert_eq!(listed(json!({"delivery": "refused"})), ids[1..2]);
    assert_eq!(listed(json!({"entry": ids[2]})), ids[2..]);
    assert!(listed(json!({"entry": ids[2], "key": "a"})).is_empty());
    assert_eq!(service.close(), 0);
}

#[test]
fn started_commands_complete_like_blocking_ones() {
    let scratch = Scratch::new();
    let server = Server::json(200, r#"{"_id":"369"}"#);
    let service = scratch.service(&server.base, json!({}));
    let events = service.record("*");
    let calls: Vec<_> = (0..20)
        .map(|number| {
            let booking = json!({"phonenumber": NUMBER, "key": format!("{}", number / 2)});
            start(service, SUBMIT, &booking)
        })
        .collect();
    let submitted: Vec<Answered> = calls.iter().map(|call| call.wait(service)).collect();
    assert!(submitted
        .iter()
        .all(|answered| answered.outcome["delivery"] == "waiting"));
    assert_eq!(
        start(service, SUBMIT, &json!({"phonenumber": true}))
            .wait(service)
            .status,
        108
    );
    let delivered = start(service, DELIVER, &json!({})).wait(service).outcome;
    assert_eq!(
        (&delivered["delivered"], &delivered["waiting"]),
        (&json!(10), &json!(0))
    );
    let listed = start(service, OUTBOX, &json!({"delivery": "delivered"})).wait(service);
    assert_eq!(listed.outcome["entries"].as_array().unwrap().len(), 10);
    let count = |name: &str| {
        events
            .names()
            .iter()
            .filter(|event| event.ends_with(name))
            .count()
    };
    assert_eq!(
        (
            count(".submitted"),
            count(".scheduled"),
            count(".submitError")
        ),
        (20, 10, 1)
    );
    assert_eq!(service.close(), 0);
}

#[test]
fn the_network_thread_delivers_while_the_service_is_open() {
    let scratch = Scratch::new();
    let server = scripted(&[Answer::Status(503, "{}"), BOOKED], &[]);
    for handlers in ["caller", "thread"] {
        let extra = json!({ "handlers": handlers });
        let service = scratch.service_with(&server.base, json!({"deliver": "thread"}), extra);
        let events = service.record("CallbackService.scheduled");
        let entry = submit(service);
        wait_for(|| {
            if handlers == "caller" {
                service.dispatch(10);
            }
            (!events.names().is_empty()).then_some(())
        });
        let (_, event) = events.last();
        let event: Value = serde_json::from_str(&event).unwrap();
        assert_eq!(
            (&event["entry"], &event["id"]),
            (&json!(entry), &json!("369"))
        );
        wait_for(|| (!scratch.holds("4151110000")).then_some(()));
        assert_eq!(service.close(), 0);
    }
}

#[test]
fn an_entry_of_another_process_is_delivered_too() {
    let scratch = Scratch::new();
    let server = Server::json(200, r#"{"_id":"369"}"#);
    // Two services share the file; only one of them delivers.
    let deliverer = scratch.service(&server.base, json!({"deliver": "thread"}));
    let submitter = scratch.service(&server.base, json!({}));
    for _ in 0..20 {
        submit(submitter);
    }
    wait_for(|| {
        let all = entries(submitter);
        all.iter()
            .all(|entry| entry["delivery"] == "delivered")
            .then_some(())
    });
    assert_eq!(posts(&server).len(), 20);
    assert_eq!(submitter.close(), 0);
    assert_eq!(deliverer.close(), 0);
}

#[test]
fn only_services_for_the_same_server_deliver_an_entry() {
    let scratch = Scratch::new();
    let (right, wrong) = (
        Server::json(200, r#"{"_id":"1"}"#),
        Server::json(200, r#"{"_id":"2"}"#),
    );
    let other = scratch.service(&wrong.base, json!({}));
    let service = scratch.service(&right.base, json!({}));
    submit(service);
    assert_eq!(deliver(other), tally(0, 0, 0, 0, 0));
    assert_eq!(deliver(service), tally(1, 0, 0, 0, 0));
    assert!(wrong.received().is_empty());
    assert_eq!(service.close(), 0);
    assert_eq!(other.close(), 0);
}

/// A server that books and never responds, and one that answers lookups with what it has booked.
fn hanging(booked: Arc<AtomicUsize>) -> Server {
    Server::start(move |request, stream| {
        if request.method == "POST" {
            booked.fetch_add(1, Ordering::SeqCst);
            std::thread::sleep(Duration::from_secs(60));
            return AfterResponse::Close;
        }
        let now = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S.%3fZ");
        let record =
            json!([{"_id": "7", "_callback_state": "QUEUED", "_desired_time": now.to_string()}]);
        reply(
            stream,
            200,
            &[("Content-Type", "application/json")],
            &record.to_string(),
        );
        AfterResponse::KeepOpen
    })
}

#[test]
fn a_booking_under_way_when_the_service_closes_is_looked_up() {
    for (deliver_mode, with_command) in [("thread", false), ("command", true)] {
        let scratch = Scratch::new();
        let booked = Arc::new(AtomicUsize::new(0));
        let server = hanging(booked.clone());
        let long = json!({"ajaxTimeout": 60_000});
        let first = scratch.service_with(&server.base, json!({ "deliver": deliver_mode }), long);
        submit(first);
        std::thread::scope(|scope| {
            if with_command {
                scope.spawn(move || first.command(DELIVER, "{}"));
            }
            wait_for(|| (booked.load(Ordering::SeqCst) == 1).then_some(()));
            assert_eq!(only(first)["delivery"], "sending");
            assert_eq!(first.close(), 0);
        });
        let second = scratch.service(&server.base, json!({}));
        let entry = only(second);
        assert_eq!(
            (&entry["delivery"], &entry["error"]["booked"]),
            (&json!("unknown"), &json!("unknown"))
        );
        let entry = deliver_until(second, |entry| entry["delivery"] == "delivered");
        assert_eq!(
            (&entry["id"], booked.load(Ordering::SeqCst)),
            (&json!("7"), 1)
        );
        assert_eq!(second.close(), 0);
    }
}

#[test]
fn the_deadline_of_deliver_ends_what_hangs() {
    let scratch = Scratch::new();
    let booked = Arc::new(AtomicUsize::new(0));
    let server = hanging(booked.clone());
    let service = scratch.service_with(&server.base, json!({}), json!({"ajaxTimeout": 60_000}));
    submit(service);
    let started = Instant::now();
    let answered = service.command(DELIVER, r#"{"timeoutMs":300}"#);
    assert!(started.elapsed() < Duration::from_secs(10));
    assert_eq!(
        (answered.status, &answered.outcome["unknown"]),
        (0, &json!(1))
    );
    assert_eq!(service.close(), 0);
}

#[test]
fn the_file_and_the_way_of_delivering_stay_while_a_service_is_open() {
    let scratch = Scratch::new();
    let server = Server::json(200, r#"{"_id":"369"}"#);
    let service = scratch.service(&server.base, json!({}));
    let configure = |outbox: Value| {
        let data = json!({ "outbox": outbox }).to_string();
        service.command("CallbackService.configure", &data)
    };
    for outbox in [
        json!({"file": "/tmp/other.db"}),
        json!({"deliver": "thread"}),
        Value::Null,
    ] {
        let answered = configure(outbox);
        assert_eq!(
            (answered.error(), &answered.outcome["error"]["field"]),
            ("CONFIG", &json!("outbox"))
        );
    }
    assert_eq!(configure(json!({"maxEntries": 1})).status, 0);
    submit(service);
    assert_eq!(
        service.command(SUBMIT, r#"{"phonenumber":"1"}"#).error(),
        "BUSY"
    );
    assert_eq!(service.close(), 0);
}

#[test]
fn storage_errors_have_a_status_and_say_what_is_wrong() {
    let scratch = Scratch::new();
    for (file, message) in [
        (scratch.0.clone(), "is a directory"),
        (scratch.0.join("none/callbacks.db"), "cannot be opened"),
    ] {
        let config = json!({"dataURL": NO_SERVER, "outbox": {"file": file, "deliver": "command"}});
        let service = open(&config).unwrap();
        for (command, data) in [
            (SUBMIT, r#"{"phonenumber":"1"}"#),
            (DELIVER, "{}"),
            (OUTBOX, "{}"),
        ] {
            let answered = service.command(command, data);
            assert_eq!((answered.status, answered.error()), (903, "STORAGE"));
            assert!(
                answered.message().contains(message),
                "{}",
                answered.message()
            );
        }
        assert_eq!(service.close(), 0);
    }
}
