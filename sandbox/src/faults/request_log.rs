//! The last requests as they were seen on the wire, without the secrets in their heads.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use axum::http::{HeaderMap, Uri};
use jiff::Timestamp;
use serde_json::{json, Value};

use crate::domain::time_format;
use crate::http::body;

/// How many are kept.
const KEPT: usize = 200;
/// How much of a body is kept, in bytes.
const KEPT_BODY: usize = 4096;
const SECRET_HEADERS: [&str; 3] = ["authorization", "proxy-authorization", "cookie"];
/// Headers whose names hold one of these are secret too.
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

/// One request and its answer.
#[derive(Clone, Debug)]
pub(crate) struct Exchange {
    /// When it came, by the server's clock.
    pub(crate) time: Timestamp,
    /// The method.
    pub(crate) method: String,
    /// Path and query.
    pub(crate) target: String,
    /// The head, secrets masked.
    pub(crate) headers: Vec<(String, String)>,
    /// The beginning of the body.
    pub(crate) body: String,
    /// The status; nothing when the connection was reset.
    pub(crate) status: Option<u16>,
    /// The beginning of the answer's body.
    pub(crate) answer: String,
    /// How long it took, in microseconds.
    pub(crate) microseconds: u64,
    /// What went wrong on demand.
    pub(crate) fault: Option<String>,
}

/// The last requests.
#[derive(Debug, Default)]
pub(crate) struct Requests(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    count: u64,
    last: VecDeque<(u64, Exchange)>,
}

impl Requests {
    /// Keeps one, and forgets the oldest.
    pub(crate) fn add(&self, exchange: Exchange) {
        let mut state = self.lock();
        state.count += 1;
        let number = state.count;
        if state.last.len() == KEPT {
            state.last.pop_back();
        }
        state.last.push_front((number, exchange));
    }

    /// The last ones, the newest first, with their numbers.
    pub(crate) fn last(&self, most: usize) -> Vec<(u64, Exchange)> {
        self.lock().last.iter().take(most).cloned().collect()
    }

    /// Forgets all.
    pub(crate) fn clear(&self) {
        *self.lock() = State::default();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Exchange {
    /// As JSON.
    pub(crate) fn shown(&self, number: u64) -> Value {
        let headers = self
            .headers
            .iter()
            .map(|(name, value)| json!([name, value]));
        json!({
            "number": number,
            "time": time_format::format_utc(self.time),
            "method": self.method,
            "target": self.target,
            "headers": headers.collect::<Value>(),
            "body": self.body,
            "status": self.status,
            "answer": self.answer,
            "milliseconds": self.microseconds as f64 / 1000.0,
            "fault": self.fault,
        })
    }
}

/// The lines of a head, secrets masked.
pub(crate) fn masked(headers: &HeaderMap) -> Vec<(String, String)> {
    let line = |name: &str, value: &[u8]| match is_secret(name) {
        true => (name.to_owned(), MASK.to_owned()),
        false => (name.to_owned(), String::from_utf8_lossy(value).into_owned()),
    };
    headers
        .iter()
        .map(|(name, value)| line(name.as_str(), value.as_bytes()))
        .collect()
}

/// Names of headers are in small letters.
fn is_secret(name: &str) -> bool {
    SECRET_HEADERS.contains(&name) || SECRET_WORDS.iter().any(|word| name.contains(word))
}

/// Path and query, the values of secret parameters masked.
pub(crate) fn masked_target(uri: &Uri) -> String {
    match uri.query() {
        None => uri.path().to_owned(),
        Some(query) => {
            let pairs: Vec<String> = query.split('&').map(masked_pair).collect();
            format!("{}?{}", uri.path(), pairs.join("&"))
        }
    }
}

fn masked_pair(pair: &str) -> String {
    let Some((written, _)) = pair.split_once('=') else {
        return pair.to_owned();
    };
    // A name that cannot be decoded is none of the secret ones.
    let decoded = body::pairs(written).unwrap_or_default();
    let secret = |name: &str| SECRET_PARAMETERS.contains(&name.to_ascii_lowercase().as_str());
    match decoded.iter().any(|(name, _)| secret(name)) {
        true => format!("{written}={MASK}"),
        false => pair.to_owned(),
    }
}

/// The beginning of a body as text.
pub(crate) fn beginning(body: &[u8]) -> String {
    let mut text = String::from_utf8_lossy(&body[..body.len().min(KEPT_BODY)]).into_owned();
    if body.len() > KEPT_BODY {
        text.push_str(&format!("... ({} bytes)", body.len()));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exchange(target: &str) -> Exchange {
        Exchange {
            time: Timestamp::UNIX_EPOCH,
            method: "GET".to_owned(),
            target: target.to_owned(),
            headers: Vec::new(),
            body: String::new(),
            status: None,
            answer: String::new(),
            microseconds: 1,
            fault: None,
        }
    }

    #[test]
    fn the_newest_come_first_and_the_oldest_go() {
        let requests = Requests::default();
        for number in 0..KEPT + 5 {
            requests.add(exchange(&number.to_string()));
        }
        let last = requests.last(usize::MAX);
        assert_eq!(last.len(), KEPT);
        assert_eq!((last[0].0, last[0].1.target.as_str()), (205, "204"));
    }

    #[test]
    fn secrets_are_masked() {
        let mut headers = HeaderMap::new();
        headers.insert("X-Api-Key", "secret".parse().unwrap());
        headers.insert("Authorization", "Basic secret".parse().unwrap());
        headers.insert("X-Auth-Token", "secret".parse().unwrap());
        headers.insert("Client-ApiKey", "secret".parse().unwrap());
        headers.insert("Accept", "*/*".parse().unwrap());
        let text = format!("{:?}", masked(&headers));
        assert!(!text.contains("secret") && text.contains("*/*"), "{text}");
        assert!(beginning(&[b'x'; 5000]).ends_with("xxx... (5000 bytes)"));
    }

    #[test]
    fn secrets_in_queries_are_masked() {
        let shown = |target: &str| masked_target(&target.parse().unwrap());
        assert_eq!(shown("/a"), "/a");
        assert_eq!(
            shown("/a?start=x&ApiKey=s&key&b"),
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
                shown(&format!("/a?{name}=s&x=y")),
                format!("/a?{name}=***&x=y")
            );
        }
        assert_eq!(shown("/a?keys=1&%zz=2"), "/a?keys=1&%zz=2");
    }
}
