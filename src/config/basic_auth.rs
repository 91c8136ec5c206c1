//! Credentials of HTTP basic authentication.

use base64::prelude::{Engine, BASE64_STANDARD};
use reqwest::header::HeaderValue;
use zeroize::Zeroizing;

use super::section::Section;
use crate::error::Result;
use crate::text::secret;

/// The value of an `Authorization` header for the `username` and `password` of a section.
pub fn basic_auth_header(credentials: &Section) -> Result<HeaderValue> {
    let username = credentials.text_or_number("username")?.unwrap_or_default();
    if username.is_empty() {
        return Err(credentials.error("username", "is required"));
    }
    if username.contains(':') {
        return Err(credentials.error("username", "must not hold a colon"));
    }
    let password = Zeroizing::new(credentials.text_or_number("password")?.unwrap_or_default());
    let both = Zeroizing::new(format!("{username}:{}", *password));
    let mut header = Zeroizing::new("Basic ".to_owned());
    // Room for all of it at once, so that no half of it is left behind as the text grows.
    header.reserve(both.len() * 2);
    BASE64_STANDARD.encode_string(both.as_bytes(), &mut header);
    secret::sensitive_header(&header).ok_or_else(|| credentials.error("username", "cannot be sent"))
}
