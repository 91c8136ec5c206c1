//! The process: arguments, signals, files.

use std::io::{Read, Write};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::{channel, Sender};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::client::{program, send_to, start, TemporaryFile, FORM, V1};
use crate::times::{slot_in_hours, text};

/// Waits for the end of a process, with a deadline.
fn wait(child: &mut Child) -> ExitStatus {
    let started_at = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        if started_at.elapsed() > Duration::from_secs(8) {
            child.kill().unwrap();
            panic!("it does not end");
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn run(arguments: &[&str]) -> Output {
    let mut command = program();
    let command = command
        .args(arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    wait(&mut child);
    child.wait_with_output().unwrap()
}

/// The status and the only line on standard error.
fn failure(arguments: &[&str]) -> (i32, String) {
    let output = run(arguments);
    assert!(output.stdout.is_empty(), "{output:?}");
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(text.matches('\n').count(), 1, "{text:?}");
    (output.status.code().unwrap(), text)
}

#[test]
fn help_and_version() {
    let help = run(&["--help"]);
    assert!(help.status.success());
    let text = String::from_utf8(help.stdout).unwrap();
    for option in ["--listen", "--db", "--config", "--version"] {
        assert!(text.contains(option), "{option}");
    }
    let version = String::from_utf8(run(&["--version"]).stdout).unwrap();
    let expected = format!("callback-sandbox {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(version, expected);
}

#[test]
fn invalid_arguments_exit_with_2() {
    for arguments in [
        &["--port", "1"][..],
        &["--listen"],
        &["--listen", "here"],
        &["extra"],
        &["--config", "/nothing/there.toml"],
    ] {
        let (status, line) = failure(arguments);
        assert_eq!(status, 2, "{line}");
        assert!(line.starts_with("callback-sandbox: "), "{line}");
    }
}

#[test]
fn config_error_names_line_and_column() {
    let file = TemporaryFile::new("toml");
    std::fs::write(file.path(), "[services.a]\nslots = 3\n").unwrap();
    let (status, line) = failure(&["--config", file.name()]);
    assert_eq!(status, 2);
    assert!(line.contains(".toml:2:1: "), "{line}");
    assert!(line.contains("slots"), "{line}");
}

#[test]
fn example_config_starts() {
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/example.toml");
    let server = start(&["--config", example]);
    server
        .get(&format!("{V1}/samples/availability"))
        .expect(200);
}

#[test]
fn port_in_use_exits_with_1() {
    let server = start(&[]);
    let (status, line) = failure(&["--listen", &server.address]);
    assert_eq!(status, 1);
    assert!(line.contains(&server.address), "{line}");
}

#[test]
fn database_in_use_exits_with_1() {
    let file = TemporaryFile::new("db");
    let arguments = ["--db", file.name()];
    let server = start(&arguments);
    let second = ["--listen", "127.0.0.1:0", arguments[0], arguments[1]];
    let (status, line) = failure(&second);
    assert_eq!(status, 1);
    assert!(line.contains("in use"), "{line}");
    drop(server);
    let reopened = start(&arguments);
    let (status, line) = failure(&second);
    assert_eq!(status, 1, "also when the file was there before: {line}");
    drop(reopened);
}

#[test]
fn foreign_file_is_not_modified() {
    let file = TemporaryFile::new("db");
    let arguments = ["--listen", "127.0.0.1:0", "--db", file.name()];
    std::fs::write(
        file.path(),
        "not a database, but long enough to look at ".repeat(50),
    )
    .unwrap();
    let before = std::fs::read(file.path()).unwrap();
    let (status, line) = failure(&arguments);
    assert_eq!(status, 1);
    assert!(line.contains("not a database"), "{line}");
    assert_eq!(std::fs::read(file.path()).unwrap(), before);
    std::fs::remove_file(file.path()).unwrap();
    let other = rusqlite::Connection::open(file.path()).unwrap();
    other.execute_batch("CREATE TABLE callback (id)").unwrap();
    drop(other);
    let (status, line) = failure(&arguments);
    assert_eq!(status, 1);
    assert!(line.contains("not a database of this version"), "{line}");
    let (status, _) = failure(&["--listen", "127.0.0.1:0", "--db", "/nothing/there.db"]);
    assert_eq!(status, 1);
}

/// Books repeatedly until the connection breaks, and sends each confirmed id.
fn book_until_broken(address: &str, time: &str, confirmed: &Sender<String>) {
    let path = format!("{V1}/samples");
    let body = format!("_customer_number=1&_desired_time={time}");
    let content_type = format!("Content-Type: {FORM}");
    while let Ok(response) = send_to(address, "POST", &path, &[&content_type], body.as_bytes()) {
        let id = response.expect(200)["_id"].as_str().unwrap().to_owned();
        confirmed.send(id).unwrap();
    }
}

#[test]
fn confirmed_bookings_survive_kill_under_load() {
    let (file, config) = (TemporaryFile::new("db"), TemporaryFile::new("toml"));
    std::fs::write(config.path(), "[services.samples]\nplaces = 100000\n").unwrap();
    let arguments = ["--db", file.name(), "--config", config.name()];
    let mut server = start(&arguments);
    let time = text(slot_in_hours(30));
    let (sender, receiver) = channel();
    let mut confirmed: Vec<String> = Vec::new();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            let (sender, address, time) = (sender.clone(), &server.address, &time);
            scope.spawn(move || book_until_broken(address, time, &sender));
        }
        drop(sender);
        confirmed.extend(receiver.iter().take(60));
        server.child.kill().unwrap();
        server.child.wait().unwrap();
        confirmed.extend(receiver.iter());
    });

    let reopened = start(&arguments);
    let slots = reopened
        .get(&format!("{V1}/samples/availability?start={time}"))
        .expect(200);
    let taken = 100_000 - slots[&time].as_u64().unwrap();
    let (least, most) = (confirmed.len() as u64, confirmed.len() as u64 + 4);
    assert!(
        (least..=most).contains(&taken),
        "{taken} of {least} confirmed"
    );
    drop(reopened);

    let database = rusqlite::Connection::open(file.path()).unwrap();
    let mut find = database
        .prepare("SELECT count(*) FROM callback WHERE id = ?1")
        .unwrap();
    for id in &confirmed {
        let found: i64 = find.query_row([id], |row| row.get(0)).unwrap();
        assert_eq!(found, 1, "{id}");
    }
}

#[test]
fn stored_booking_has_all_fields() {
    let file = TemporaryFile::new("db");
    let server = start(&["--db", file.name()]);
    let body = "_customer_number=%2B44&subject=q+%26+a&userData%5Bk%5D=v&_urs_virtual_queue=q";
    server
        .post(&format!("{V1}/samples"), FORM, body)
        .expect(200);
    drop(server);
    let database = rusqlite::Connection::open(file.path()).unwrap();
    let (number, data): (String, String) = database
        .query_row("SELECT number, data FROM callback", [], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .unwrap();
    assert_eq!(number, "+44");
    let data: serde_json::Value = serde_json::from_str(&data).unwrap();
    let expected = json!({"subject": "q & a", "userData[k]": "v", "_urs_virtual_queue": "q"});
    assert_eq!(data, expected);
    drop(database);
}

#[cfg(unix)]
fn stops_cleanly_on(signal: &str) {
    let mut server = start(&[]);
    // One connection is idle after a request, another has never sent one.
    let mut idle = server.connect();
    idle.write_all(b"GET / HTTP/1.1\r\nHost: sandbox\r\n\r\n")
        .unwrap();
    let read = idle.read(&mut [0; 1024]).unwrap();
    assert!(read > 0);
    let silent = server.connect();
    let id = server.child.id().to_string();
    assert!(Command::new("kill")
        .args([signal, &id])
        .status()
        .unwrap()
        .success());
    assert_eq!(wait(&mut server.child).code(), Some(0));
    drop((idle, silent));
}

#[cfg(unix)]
#[test]
fn sigterm_stops_cleanly() {
    stops_cleanly_on("-TERM");
}

#[cfg(unix)]
#[test]
fn sigint_stops_cleanly() {
    stops_cleanly_on("-INT");
}
