//! An entry and configurations for tests.

use serde_json::{json, Value};

use crate::config::Config;
use crate::outbox::entry::{ClaimedEntry, Work, NOT_LOOKED_UP};
use crate::protocol::stored::StoredRequest;

/// When the entry was sent.
pub const SENT_AT: i64 = 1_900_000_000_000;

/// A configuration with these members of `outbox`.
pub fn config(outbox: Value) -> Config {
    let mut section = json!({"file": "/nowhere/callbacks.db"});
    let members = section.as_object_mut().unwrap();
    members.extend(outbox.as_object().unwrap().clone());
    let config = json!({"dataURL": "http://h/x", "proxy": "none", "outbox": section});
    Config::parse(&config.to_string()).unwrap()
}

/// An entry that is being sent.
pub fn entry(desired_time: Option<&str>, age_ms: i64) -> ClaimedEntry {
    ClaimedEntry {
        number: 1,
        id: "id".to_owned(),
        key: None,
        work: Work::Send,
        attempts: 1,
        age_ms,
        desired_time: desired_time.map(str::to_owned),
        sent_at: SENT_AT,
        sent_at_file_ms: SENT_AT,
        lookups: NOT_LOOKED_UP,
        request: StoredRequest {
            path: String::new(),
            accept: "application/json".to_owned(),
            content_type: "application/x-www-form-urlencoded".to_owned(),
            body: "_customer_number=%2B14151110000".to_owned(),
        },
    }
}
