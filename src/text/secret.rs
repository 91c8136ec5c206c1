//! Memory that held secrets is wiped when it is given back.
//!
//! Buffers of the HTTP client and of TLS, through which secrets go to the server, are beyond reach.

use std::ops::{Deref, DerefMut};

use base64::prelude::{Engine, BASE64_STANDARD};
use bytes::Bytes;
use reqwest::header::HeaderValue;
use serde_json::Value;
use zeroize::{Zeroize, Zeroizing};

use crate::text::json::Object;

/// A header whose text is wiped with its last copy; `None` for text that a header cannot carry.
pub fn header(text: &str) -> Option<HeaderValue> {
    let owner = Zeroizing::new(text.as_bytes().to_vec());
    let mut value = HeaderValue::from_maybe_shared(Bytes::from_owner(owner)).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// What of a header must not be read by anybody: its text, the words in it, and the name and password of basic
/// authentication.
pub fn parts(value: &HeaderValue) -> Vec<String> {
    const SCHEMES: [&str; 3] = ["Basic", "Bearer", "Digest"];
    let text = Zeroizing::new(String::from_utf8_lossy(value.as_bytes()).into_owned());
    let words = text.split(|letter: char| letter.is_whitespace() || "=;,".contains(letter));
    let mut parts: Vec<String> = words
        .filter(|word| !SCHEMES.contains(word))
        .map(str::to_owned)
        .collect();
    let pair = text
        .strip_prefix("Basic ")
        .and_then(|pair| BASE64_STANDARD.decode(pair).ok())
        .map(Zeroizing::new);
    let pair = pair
        .and_then(|pair| String::from_utf8(pair.to_vec()).ok())
        .map(Zeroizing::new);
    parts.extend(
        pair.iter()
            .flat_map(|pair| pair.splitn(2, ':'))
            .map(str::to_owned),
    );
    parts.push(text.to_string());
    parts
}

/// Wipes all texts in a JSON value.
pub fn wipe(value: &mut Value) {
    match value {
        Value::String(text) => text.zeroize(),
        Value::Array(items) => items.iter_mut().for_each(wipe),
        Value::Object(members) => members.values_mut().for_each(wipe),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// A JSON object whose texts are wiped when it is dropped.
#[derive(Clone, Default)]
pub struct Wiped(Object);

impl Wiped {
    /// The members; whoever takes them wipes them.
    pub fn into_members(mut self) -> Object {
        std::mem::take(&mut self.0)
    }
}

impl From<Object> for Wiped {
    fn from(members: Object) -> Wiped {
        Wiped(members)
    }
}

impl Deref for Wiped {
    type Target = Object;

    fn deref(&self) -> &Object {
        &self.0
    }
}

impl DerefMut for Wiped {
    fn deref_mut(&mut self) -> &mut Object {
        &mut self.0
    }
}

impl Drop for Wiped {
    fn drop(&mut self) {
        self.0.values_mut().for_each(wipe);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_header_keeps_its_rules() {
        assert_eq!(
            header("k\u{e9}y").unwrap().as_bytes(),
            "k\u{e9}y".as_bytes()
        );
        assert!(header("k").unwrap().is_sensitive());
        assert!(header("a\nb").is_none());
    }

    #[test]
    fn credentials_are_secret_part_by_part() {
        let parts = |text: &str| parts(&header(text).unwrap());
        assert_eq!(
            parts("Basic dTpwOnc="),
            ["dTpwOnc", "", "u", "p:w", "Basic dTpwOnc="]
        );
        assert!(
            parts("Bearer abc").contains(&"abc".to_owned())
                && !parts("Bearer abc").contains(&"Bearer".to_owned())
        );
        assert!(parts("session=abc; x=1").contains(&"abc".to_owned()));
    }

    #[test]
    fn every_text_is_wiped() {
        let mut value = json!({"a": "x", "b": ["y", {"c": "z"}], "n": 1});
        wipe(&mut value);
        assert_eq!(value, json!({"a": "", "b": ["", {"c": ""}], "n": 1}));
    }
}
