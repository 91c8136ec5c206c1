//! Many clients, few places.

use std::sync::Barrier;

use serde_json::json;

use crate::client::{start, Server, Temporary, V1, V3};
use crate::days::{slot_in_hours, text};

const CLIENTS: usize = 30;

/// Half of the clients use v1, half v3, all at once. Answers how many got a place.
fn winners(server: &Server, time: &str) -> usize {
    let barrier = Barrier::new(CLIENTS);
    let book = |client: usize| {
        barrier.wait();
        let answer = if client.is_multiple_of(2) {
            let body = json!({"_customer_number": "1", "_desired_time": time});
            server.post_json(&format!("{V1}/samples"), body)
        } else {
            let body = json!({"serviceName": "samples", "phoneNumber": "1", "desiredTime": time});
            server.post_json(&format!("{V3}/create"), body)
        };
        let refused = if client.is_multiple_of(2) { 400 } else { 429 };
        assert!(answer.status == 200 || answer.status == refused);
        answer.status == 200
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
        assert_eq!(winners(&server, &time), 5);
    }
}

#[test]
fn exactly_as_many_win_as_there_are_places() {
    run(&[]);
}

#[test]
fn also_with_a_file() {
    let file = Temporary::new("db");
    run(&["--db", file.name()]);
}
