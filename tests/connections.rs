//! How long connections are kept, how many there are, and which descriptors they have.

mod support;

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::fd::AsFd;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier, Mutex};
use std::time::{Duration, Instant};

use callbackservice::ffi::async_call::cbsvc_waitable;
use callbackservice::ffi::library::cbsvc_diagnostics;
use serde_json::{json, Value};
use support::calls::{service, start, Mode, MODES};
use support::openssl::Directory;
use support::server::{reply, AfterResponse, Server};
use support::taken;

fn server_with(headers: &'static [(&'static str, &'static str)]) -> Server {
    Server::start(|_, stream| {
        reply(stream, 200, headers, r#"{"_id":"1"}"#);
        AfterResponse::KeepOpen
    })
}

/// Whether each of two bookings, with this time between them, has a connection of its own.
fn reconnects(
    headers: &'static [(&'static str, &'static str)],
    pause: Duration,
    extra: &Value,
) -> [bool; 2] {
    MODES.map(|mode| {
        let server = server_with(headers);
        let service = service(&server.base, extra.clone());
        assert_eq!(mode.schedule(service).status, 0);
        std::thread::sleep(pause);
        assert_eq!(mode.schedule(service).status, 0);
        assert_eq!(service.close(), 0);
        server.connections() == 2
    })
}

#[test]
fn connection_is_not_used_near_the_end_of_the_servers_timeout() {
    let nothing = json!({});
    let soon = Duration::from_millis(50);
    let later = Duration::from_millis(600);
    for (headers, pause, expected) in [
        (&[("Keep-Alive", "timeout=1")] as &[_], later, true),
        (&[("Keep-Alive", "timeout=1, max=100")], later, true),
        (&[("keep-alive", "TIMEOUT=1")], later, true),
        (&[("Keep-Alive", "timeout=5")], later, false),
        (&[("Keep-Alive", "timeout=2, max=1")], soon, false),
        (&[("Keep-Alive", "timeout=0")], soon, true),
        (&[("Keep-Alive", "timeout=5, max=0")], soon, true),
        (&[], later, false),
    ] {
        let reconnected = reconnects(headers, pause, &nothing);
        assert_eq!(reconnected, [expected; 2], "{headers:?} {pause:?}");
    }
}

#[test]
fn idle_asynchronous_connection_closes_without_another_call() {
    let server = server_with(&[("Keep-Alive", "timeout=1")]);
    let service = service(&server.base, json!({}));
    assert_eq!(Mode::Started.schedule(service).status, 0);
    let started = Instant::now();
    server.wait_for_closes(1);
    let elapsed = started.elapsed();
    assert!(elapsed < Duration::from_secs(2), "{elapsed:?}");
    assert_eq!(service.close(), 0);
}

#[test]
fn server_announces_how_many_requests_are_left() {
    for mode in MODES {
        // Two requests on each connection, the second of which leaves none.
        let server = Server::start(|request, stream| {
            let left = if request.body.contains("first") {
                "max=1"
            } else {
                "max=0"
            };
            reply(stream, 200, &[("Keep-Alive", left)], r#"{"_id":"1"}"#);
            AfterResponse::KeepOpen
        });
        let service = service(&server.base, json!({}));
        for (number, name) in ["first", "second", "first", "second"].iter().enumerate() {
            let data = json!({"phonenumber": "1", "userData": {"note": name}});
            let answered = match mode {
                Mode::Blocking => service.schedule(data),
                Mode::Started => start(service, "CallbackService.schedule", &data).wait(service),
            };
            assert_eq!(answered.status, 0, "{}", answered.text);
            assert_eq!(server.connections(), number / 2 + 1);
        }
        assert_eq!(service.close(), 0);
    }
}

#[test]
fn busy_connection_is_replaced_at_its_greatest_age() {
    for mode in MODES {
        for (max_age, is_replaced) in [(json!(200), true), (json!(0), false), (Value::Null, false)]
        {
            let server = server_with(&[]);
            let service = service(&server.base, json!({"maxConnectionAge": max_age}));
            let started = Instant::now();
            while started.elapsed() < Duration::from_millis(500) {
                assert_eq!(mode.schedule(service).status, 0);
            }
            assert_eq!(service.close(), 0);
            let expected = if is_replaced { 2..=4 } else { 1..=1 };
            assert!(
                expected.contains(&server.connections()),
                "{max_age}: {}",
                server.connections()
            );
        }
    }
}

#[test]
fn age_of_connections_is_checked() {
    for (age, is_good) in [
        (json!(1), true),
        (json!(86_400_000), true),
        (json!(-1), false),
        (json!(86_400_001), false),
        (json!(0.5), false),
    ] {
        let config = json!({"dataURL": "http://127.0.0.1:1/", "maxConnectionAge": age});
        assert_eq!(
            support::open(&config)
                .map(|service| service.close())
                .is_ok(),
            is_good,
            "{age}"
        );
    }
}

/// The idle connections of all services for a server.
fn idle_connections(server: &Server) -> u64 {
    let mut text = std::ptr::null_mut();
    assert_eq!(unsafe { cbsvc_diagnostics(&mut text) }, 0);
    let diagnostics: Value = serde_json::from_str(&taken(text).unwrap()).unwrap();
    let services = diagnostics["services"].as_array().unwrap().iter();
    let of_server = services.filter(|service| service["server"] == server.base);
    of_server
        .map(|service| service["idleClients"].as_u64().unwrap())
        .sum()
}

#[test]
fn few_idle_connections_are_kept_and_they_expire() {
    let barrier = Arc::new(Barrier::new(40));
    let all_at_once = barrier.clone();
    let server = Server::start(move |_, stream| {
        all_at_once.wait();
        reply(
            stream,
            200,
            &[("Keep-Alive", "timeout=2")],
            r#"{"_id":"1"}"#,
        );
        AfterResponse::KeepOpen
    });
    let service = service(&server.base, json!({"ajaxTimeout": 20_000}));
    std::thread::scope(|scope| {
        for _ in 0..40 {
            scope.spawn(|| assert_eq!(service.schedule(json!({"phonenumber": "1"})).status, 0));
        }
    });
    assert_eq!(server.connections(), 40);
    server.wait_for_closes(24);
    // The rest expires after one second, and the next call of any kind closes it.
    let deadline = Instant::now() + Duration::from_secs(3);
    while idle_connections(&server) != 0 {
        assert!(Instant::now() < deadline, "still open");
        std::thread::sleep(Duration::from_millis(20));
    }
    server.wait_for_closes(40);
    assert_eq!(service.close(), 0);
}

#[test]
fn no_descriptor_is_below_three() {
    let server = Server::start(|_, stream| {
        std::thread::sleep(Duration::from_millis(50));
        reply(
            stream,
            200,
            &[("Keep-Alive", "timeout=0")],
            r#"{"_id":"1"}"#,
        );
        AfterResponse::KeepOpen
    });
    // In a process of its own, which can close descriptors.
    let child = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "closed_standard_descriptors",
            "--ignored",
            "--nocapture",
        ])
        .env("SERVER", &server.base)
        .output()
        .unwrap();
    let output = String::from_utf8_lossy(&child.stderr);
    assert!(child.status.success(), "{output}{:?}", child.status);
    assert_eq!(server.received().len(), 12);
}

#[test]
#[ignore = "closes the standard descriptors; no_descriptor_is_below_three runs it"]
fn closed_standard_descriptors() {
    let Ok(base) = std::env::var("SERVER") else {
        return;
    };
    let stderr = std::io::stderr().as_fd().try_clone_to_owned().unwrap();
    let mut report = std::fs::File::from(stderr);
    for descriptor in 0..3 {
        unsafe { libc::close(descriptor) };
    }
    let is_done = AtomicBool::new(false);
    let problems = std::thread::scope(|scope| {
        let watch = scope.spawn(|| {
            let mut problems = BTreeSet::new();
            while !is_done.load(Ordering::SeqCst) {
                for descriptor in 0..3 {
                    let target = std::fs::read_link(format!("/proc/self/fd/{descriptor}"));
                    // A placeholder is the root directory.
                    if let Ok(target) = target.map(|target| target.display().to_string()) {
                        if target != "/" {
                            problems.insert(format!("{descriptor} is {target}"));
                        }
                    }
                }
            }
            problems
        });
        let localhost = base.replace("127.0.0.1", "localhost");
        for base in [&base, &localhost] {
            let service = service(base, json!({}));
            let mut waitable = -1;
            assert_eq!(unsafe { cbsvc_waitable(service.0, &mut waitable) }, 0);
            assert!(waitable > 2);
            for mode in MODES {
                for _ in 0..3 {
                    let answered = mode.schedule(service);
                    assert_eq!(answered.status, 0, "{}", answered.text);
                }
            }
            assert_eq!(service.close(), 0);
        }
        is_done.store(true, Ordering::SeqCst);
        watch.join().unwrap()
    });
    // After all calls, they are as free as before.
    let is_open = (0..3).any(|descriptor| unsafe { libc::fcntl(descriptor, libc::F_GETFD) } >= 0);
    if !problems.is_empty() || is_open {
        let _ = writeln!(report, "{problems:?}, open: {is_open}");
        std::process::exit(2);
    }
    std::process::exit(0);
}

/// Gives the host `two.test` two addresses, 127.0.0.2 and 127.0.0.3.
const TWO_ADDRESSES: &str = r#"
#define _GNU_SOURCE
#include <dlfcn.h>
#include <netdb.h>
#include <string.h>
int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **result)
{
    int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **) = dlsym(RTLD_NEXT, "getaddrinfo");
    if (!node || strcmp(node, "two.test"))
        return real(node, service, hints, result);
    struct addrinfo *second, *last;
    int error = real("127.0.0.2", service, hints, result);
    if (error || (error = real("127.0.0.3", service, hints, &second)))
        return error;
    for (last = *result; last->ai_next; last = last->ai_next)
        ;
    last->ai_next = second;
    return 0;
}
"#;

#[test]
fn retry_begins_with_another_address() {
    let files = Directory::new();
    files.write("two.c", TWO_ADDRESSES);
    let compiled = Command::new("cc")
        .args(["-shared", "-fPIC", "-w", "-o"])
        .args([files.path("two.so"), files.path("two.c")])
        .arg("-ldl")
        .status();
    assert!(compiled.unwrap().success());
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "retry_of_a_host_with_two_addresses", "--ignored"])
        .env("LD_PRELOAD", files.path("two.so"))
        .output()
        .unwrap();
    let output = String::from_utf8_lossy(&child.stdout);
    assert!(
        child.status.success() && output.contains("1 passed"),
        "{output}"
    );
}

#[test]
#[ignore = "needs a host with two addresses; retry_begins_with_another_address runs it"]
fn retry_of_a_host_with_two_addresses() {
    for mode in MODES {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let silent = TcpListener::bind("127.0.0.2:0").unwrap();
        let port = silent.local_addr().unwrap().port();
        let good = TcpListener::bind(("127.0.0.3", port)).unwrap();
        // One closes each connection when the request has arrived, the other answers.
        for (listener, is_good) in [(silent, false), (good, true)] {
            let seen = seen.clone();
            std::thread::spawn(move || {
                for stream in listener.incoming() {
                    let mut stream = stream.unwrap();
                    seen.lock().unwrap().push(is_good);
                    let _ = stream.read(&mut [0; 4096]);
                    if is_good {
                        reply(&mut stream, 200, &[], r#"{"2030-12-01T10:00:00.000Z":5}"#);
                    }
                }
            });
        }
        let base = format!("http://two.test:{port}");
        let service = service(&base, json!({"retry": {"attempts": 2, "baseDelayMs": 1}}));
        let answered = mode.availability(service);
        assert_eq!(answered.status, 0, "{}", answered.text);
        assert_eq!(*seen.lock().unwrap(), [false, true]);
        assert_eq!(service.close(), 0);
    }
}
