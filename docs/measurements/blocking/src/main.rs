//! Books through `reqwest::blocking`.
//!
//! Takes the address of the server as its argument. Every line of standard input is `MODE PATH COUNT EXTRA`,
//! and every line of standard output a JSON object. Modes: `schedule` times COUNT bookings, `threads` counts the
//! threads of the process after a booking, `fork` books in a forked child with a deadline of COUNT milliseconds.

use std::io::{stdin, BufRead};
use std::time::{Duration, Instant};

use reqwest::blocking::Client;

const FORM: &str = "firstname=Ann+Marie&subject=Order+17&_customer_number=%2B14151110000&\
                    _desired_time=2030-12-01T10%3A00%3A00.000Z";

fn schedule(client: &Client, url: &str) -> Result<String, reqwest::Error> {
    let request = client
        .post(url)
        .header("accept", "application/json")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(FORM);
    let body = request.send()?.bytes()?;
    let response: serde_json::Value = serde_json::from_slice(&body).unwrap();
    Ok(response["_id"].as_str().unwrap().to_owned())
}

fn client(deadline: Duration) -> Client {
    Client::builder().timeout(deadline).build().unwrap()
}

fn threads() -> usize {
    std::fs::read_dir("/proc/self/task").unwrap().count()
}

/// How a booking ends in a child, and after how many milliseconds.
fn fork(client: &Client, url: &str, deadline: Duration) -> String {
    let begin = Instant::now();
    // SAFETY: the child runs the client, whose behaviour after a fork is what is measured, and `_exit`.
    let child = unsafe { libc::fork() };
    if child == 0 {
        let code = i32::from(schedule(client, url).is_err());
        // SAFETY: ends the child without the destructors of the parent's values.
        unsafe { libc::_exit(code) }
    }
    let mut status = 0;
    // SAFETY: `status` is a valid variable.
    while unsafe { libc::waitpid(child, &mut status, libc::WNOHANG) } == 0 {
        if begin.elapsed() > 5 * deadline {
            // SAFETY: the child has not been reaped, so the id is its own.
            unsafe { libc::kill(child, libc::SIGKILL) };
            return "never returns".to_owned();
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    if status == 0 {
        "books".to_owned()
    } else {
        "fails".to_owned()
    }
}

fn main() {
    let base = std::env::args()
        .nth(1)
        .expect("needs the address of the server");
    let shared = client(Duration::from_secs(3));
    for line in stdin().lock().lines() {
        let line = line.unwrap();
        let [mode, path, count, _] = line.split(' ').collect::<Vec<_>>()[..] else {
            panic!("expected MODE PATH COUNT EXTRA");
        };
        let (url, count) = (format!("{base}{path}"), count.parse::<u64>().unwrap());
        match mode {
            "schedule" => {
                let time = |_| {
                    let begin = Instant::now();
                    schedule(&shared, &url).unwrap();
                    begin.elapsed().as_nanos()
                };
                let times: Vec<u128> = (0..count).map(time).collect();
                println!("{{\"nanoseconds\":{times:?}}}");
            }
            "threads" => {
                schedule(&shared, &url).unwrap();
                println!("{{\"threads\":{}}}", threads());
            }
            "fork" => {
                let deadline = Duration::from_millis(count);
                let client = client(deadline);
                schedule(&client, &url).unwrap();
                println!("{{\"fork\":\"{}\"}}", fork(&client, &url, deadline));
            }
            _ => panic!("unknown mode"),
        }
    }
}
