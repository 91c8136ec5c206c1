//! Memory that held secrets is wiped when it is given back.
//!
//! Buffers of the HTTP client and of TLS, through which secrets go to the server, are beyond reach.

use std::ops::{Deref, DerefMut};

use bytes::Bytes;
use reqwest::header::HeaderValue;
use serde_json::Value;
use zeroize::{Zeroize, Zeroizing};

use crate::json::Object;

/// A header whose text is wiped with its last copy; `None` for text that a header cannot carry.
pub fn header(text: &str) -> Option<HeaderValue> {
    let owner = Zeroizing::new(text.as_bytes().to_vec());
    let mut value = HeaderValue::from_maybe_shared(Bytes::from_owner(owner)).ok()?;
    value.set_sensitive(true);
    Some(value)
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
        assert_eq!(header("k\u{e9}y").unwrap().as_bytes(), "k\u{e9}y".as_bytes());
        assert!(header("k").unwrap().is_sensitive());
        assert!(header("a\nb").is_none());
    }

    #[test]
    fn every_text_is_wiped() {
        let mut value = json!({"a": "x", "b": ["y", {"c": "z"}], "n": 1});
        wipe(&mut value);
        assert_eq!(value, json!({"a": "", "b": ["", {"c": ""}], "n": 1}));
    }
}
