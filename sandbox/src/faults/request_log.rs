//! The latest requests of the two APIs and their responses, with credentials masked.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use axum::http::{HeaderMap, Uri};
use jiff::Timestamp;
use serde_json::{json, Value};

use crate::domain::time_format;
use crate::http::body;

/// The number of entries.
const CAPACITY: usize = 200;
/// The logged part of a body, in bytes.
const MAX_BODY: usize = 4096;
const SECRET_HEADERS: [&str; 3] = ["authorization", "proxy-authorization", "cookie"];
/// Headers whose names contain one of these are masked too.
const SECRET_WORDS: [&str; 5] = ["apikey", "api-key", "token", "secret", "password"];
const SECRET_PARAMETERS: [&str; 7] = [
    "apikey",
    "api-key",
    "x-api-key",
    "key",
    "token",
    "access_token",
    "password",
];
const MASK: &str = "***";

/// One request and its response.
#[derive(Clone, Debug)]
pub(crate) struct LogEntry {
    /// By the clock of the sandbox.
    pub(crate) time: Timestamp,
    pub(crate) method: String,
    /// The name of the operation, if there is one at this path.
    pub(crate) operation: Option<&'static str>,
    /// Path and query.
    pub(crate) target: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
    /// `None` if the connection was reset, or closed by the client before the response.
    pub(crate) status: Option<u16>,
    pub(crate) response: String,
    pub(crate) microseconds: u64,
    /// The summary of the fault that applied.
    pub(crate) fault: Option<String>,
}

#[derive(Debug, Default)]
pub(crate) struct RequestLog(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    count: u64,
    entries: VecDeque<(u64, LogEntry)>,
}

impl RequestLog {
    /// Adds an entry and drops the oldest one if the log is full.
    pub(crate) fn add(&self, entry: LogEntry) {
        let mut state = self.lock();
        state.count += 1;
        let number = state.count;
        if state.entries.len() == CAPACITY {
            state.entries.pop_back();
        }
        state.entries.push_front((number, entry));
    }

    /// The latest entries with their numbers, newest first.
    pub(crate) fn recent(&self, limit: usize) -> Vec<(u64, LogEntry)> {
        self.lock().entries.iter().take(limit).cloned().collect()
    }

    pub(crate) fn clear(&self) {
        *self.lock() = State::default();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl LogEntry {
    pub(crate) fn to_json(&self, number: u64) -> Value {
        let headers = self.headers.iter();
        let headers = headers.map(|(name, value)| json!([name, value]));
        json!({
            "number": number,
            "time": time_format::format_utc(self.time),
            "method": self.method,
            "operation": self.operation,
            "target": self.target,
            "headers": headers.collect::<Value>(),
            "body": self.body,
            "status": self.status,
            "answer": self.response,
            "milliseconds": self.microseconds as f64 / 1000.0,
            "fault": self.fault,
        })
    }
}

/// The header lines, credentials masked.
pub(crate) fn mask_headers(headers: &HeaderMap) -> Vec<(String, String)> {
    let line = |name: &str, value: &[u8]| {
        let value = if is_secret(name) {
            MASK.to_owned()
        } else {
            String::from_utf8_lossy(value).into_owned()
        };
        (name.to_owned(), value)
    };
    headers
        .iter()
        .map(|(name, value)| line(name.as_str(), value.as_bytes()))
        .collect()
}

/// Header names are in lower case.
fn is_secret(name: &str) -> bool {
    SECRET_HEADERS.contains(&name) || SECRET_WORDS.iter().any(|word| name.contains(word))
}

/// Path and query, credentials masked.
pub(crate) fn mask_target(uri: &Uri) -> String {
    match uri.query() {
        None => uri.path().to_owned(),
        Some(query) => {
            let pairs: Vec<String> = query.split('&').map(mask_pair).collect();
            format!("{}?{}", uri.path(), pairs.join("&"))
        }
    }
}

fn mask_pair(pair: &str) -> String {
    let Some((name, _)) = pair.split_once('=') else {
        return pair.to_owned();
    };
    // A name that cannot be decoded is not one of the secret ones.
    let decoded = body::pairs(name).unwrap_or_default();
    let is_secret = |name: &str| SECRET_PARAMETERS.contains(&name.to_ascii_lowercase().as_str());
    if decoded.iter().any(|(name, _)| is_secret(name)) {
        format!("{name}={MASK}")
    } else {
        pair.to_owned()
    }
}

/// The logged part of a body as text.
pub(crate) fn truncated(body: &[u8]) -> String {
    let mut text = String::from_utf8_lossy(&body[..body.len().min(MAX_BODY)]).into_owned();
    if body.len() > MAX_BODY {
        text.push_str(&format!("... ({} bytes)", body.len()));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(target: &str) -> LogEntry {
        LogEntry {
            time: Timestamp::UNIX_EPOCH,
            method: "GET".to_owned(),
            operation: None,
            target: target.to_owned(),
            headers: Vec::new(),
            body: String::new(),
            status: None,
            response: String::new(),
            microseconds: 1,
            fault: None,
        }
    }

    #[test]
    fn newest_entries_come_first_and_oldest_are_dropped() {
        let log = RequestLog::default();
        for number in 0..CAPACITY + 5 {
            log.add(entry(&number.to_string()));
        }
        let recent = log.recent(usize::MAX);
        assert_eq!(recent.len(), CAPACITY);
        assert_eq!((recent[0].0, recent[0].1.target.as_str()), (205, "204"));
    }

    #[test]
    fn credentials_in_headers_are_masked() {
        let mut headers = HeaderMap::new();
        headers.insert("X-Api-Key", "secret".parse().unwrap());
        headers.insert("Authorization", "Basic secret".parse().unwrap());
        headers.insert("X-Auth-Token", "secret".parse().unwrap());
        headers.insert("Client-ApiKey", "secret".parse().unwrap());
        headers.insert("Accept", "*/*".parse().unwrap());
        let text = format!("{:?}", mask_headers(&headers));
        assert!(!text.contains("secret") && text.contains("*/*"), "{text}");
        assert!(truncated(&[b'x'; 5000]).ends_with("xxx... (5000 bytes)"));
    }

    #[test]
    fn credentials_in_queries_are_masked() {
        let masked = |target: &str| mask_target(&target.parse().unwrap());
        assert_eq!(masked("/a"), "/a");
        assert_eq!(
            masked("/a?start=x&ApiKey=s&key&b"),
            "/a?start=x&ApiKey=***&key&b"
        );
        for name in [
            "api-key",
            "X-API-KEY",
            "key",
            "token",
            "access_token",
            "Password",
            "%61pikey",
        ] {
            assert_eq!(
                masked(&format!("/a?{name}=s&x=y")),
                format!("/a?{name}=***&x=y")
            );
        }
        assert_eq!(masked("/a?keys=1&%zz=2"), "/a?keys=1&%zz=2");
    }
}
