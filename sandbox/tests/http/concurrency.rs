//! Many clients compete for the capacity of one slot.

use std::sync::Barrier;

use serde_json::json;

use crate::client::{start, Server, TemporaryFile, V1, V3};
use crate::times::{slot_in_hours, text};

const CLIENTS: usize = 30;

/// Half of the clients use v1, half v3, all at the same time. Returns how many booked.
fn count_booked(server: &Server, time: &str) -> usize {
    let barrier = Barrier::new(CLIENTS);
    let book = |client: usize| {
        barrier.wait();
        let response = if client.is_multiple_of(2) {
            let body = json!({"_customer_number": "1", "_desired_time": time});
            server.post_json(&format!("{V1}/samples"), body)
        } else {
            let body = json!({"serviceName": "samples", "phoneNumber": "1", "desiredTime": time});
            server.post_json(&format!("{V3}/create"), body)
        };
        let rejected = if client.is_multiple_of(2) { 400 } else { 429 };
        assert!(response.status == 200 || response.status == rejected);
        response.status == 200
    };
    std::thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|client| scope.spawn(move || book(client)))
            .collect();
        let results = clients.into_iter().map(|client| client.join().unwrap());
        results.filter(|won| *won).count()
    })
}

fn run(arguments: &[&str]) {
    let server = start(arguments);
    for round in 0..5 {
        let time = text(slot_in_hours(30 + round));
        assert_eq!(count_booked(&server, &time), 5);
    }
}

#[test]
fn slot_capacity_holds_under_concurrency() {
    run(&[]);
}

#[test]
fn race_with_database_file() {
    let file = TemporaryFile::new("db");
    run(&["--db", file.name()]);
}
