//! Memory that holds secrets is overwritten when it is released.
//!
//! Buffers of the HTTP client and of TLS, through which secrets go to the server, are beyond reach.

use std::ops::{Deref, DerefMut};

use bytes::Bytes;
use reqwest::header::HeaderValue;
use serde_json::Value;
use zeroize::{Zeroize, Zeroizing};

use crate::text::json::Object;

/// A header whose text is wiped with its last copy; `None` for text that a header cannot carry.
pub fn sensitive_header(text: &str) -> Option<HeaderValue> {
    let owner = Zeroizing::new(text.as_bytes().to_vec());
    let mut value = HeaderValue::from_maybe_shared(Bytes::from_owner(owner)).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// Wipes all texts in a JSON value.
pub fn zeroize_value(value: &mut Value) {
    match value {
        Value::String(text) => text.zeroize(),
        Value::Array(items) => items.iter_mut().for_each(zeroize_value),
        Value::Object(members) => members.values_mut().for_each(zeroize_value),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// A JSON object whose texts are wiped when it is dropped.
#[derive(Clone, Default)]
pub struct ZeroizingObject(Object);

impl ZeroizingObject {
    /// The members, without the protection.
    pub fn into_inner(mut self) -> Object {
        std::mem::take(&mut self.0)
    }
}

impl From<Object> for ZeroizingObject {
    fn from(members: Object) -> ZeroizingObject {
        ZeroizingObject(members)
    }
}

impl Deref for ZeroizingObject {
    type Target = Object;

    fn deref(&self) -> &Object {
        &self.0
    }
}

impl DerefMut for ZeroizingObject {
    fn deref_mut(&mut self) -> &mut Object {
        &mut self.0
    }
}

impl Drop for ZeroizingObject {
    fn drop(&mut self) {
        self.0.values_mut().for_each(zeroize_value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn invalid_header_text_is_rejected() {
        assert_eq!(
            sensitive_header("k\u{e9}y").unwrap().as_bytes(),
            "k\u{e9}y".as_bytes()
        );
        assert!(sensitive_header("k").unwrap().is_sensitive());
        assert!(sensitive_header("a\nb").is_none());
    }

    #[test]
    fn all_strings_are_zeroized() {
        let mut value = json!({"a": "x", "b": ["y", {"c": "z"}], "n": 1});
        zeroize_value(&mut value);
        assert_eq!(value, json!({"a": "", "b": ["", {"c": ""}], "n": 1}));
    }
}
