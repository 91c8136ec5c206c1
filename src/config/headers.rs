//! Request headers that the application adds.

use reqwest::header::{HeaderMap, HeaderName, HeaderValue, AUTHORIZATION};
use serde_json::Value;
use zeroize::Zeroizing;

use super::basic_auth::basic_auth_header;
use super::known_keys;
use super::section::Section;
use crate::error::{Error, Result};
use crate::status::Status;
use crate::text::json::Object;
use crate::text::{json, number, secret};

/// Headers that the transport itself sets; a second one would break the request.
const RESERVED_HEADERS: [&str; 8] = [
    "accept-encoding",
    "proxy-authorization",
    "connection",
    "content-length",
    "expect",
    "te",
    "transfer-encoding",
    "upgrade",
];

/// The most headers in one object. No server accepts as many.
const MAX_HEADERS: usize = 256;

/// The site's own headers, and basic credentials.
pub fn parse(section: &Section) -> Result<HeaderMap> {
    let mut headers = HeaderMap::new();
    let given = section.object("headers")?;
    given
        .map_or(Ok(()), check_count)
        .map_err(|message| Error::field(Status::Config, "headers", message))?;
    for (name, value) in given.into_iter().flatten() {
        let invalid =
            |message: &str| Error::field(Status::Config, &format!("headers.{name}"), message);
        let (name, value) = parse_header(name, value).map_err(invalid)?;
        headers.insert(name, value);
    }
    if let Some(credentials) = section.object("basicAuth")? {
        known_keys::reject_misspelt_keys(credentials, "basicAuth", known_keys::BASIC_AUTH)?;
        headers.insert(
            AUTHORIZATION,
            basic_auth_header(&Section::new(credentials, "basicAuth"))?,
        );
    }
    Ok(headers)
}

/// Why there are too many headers, if there are.
pub fn check_count(given: &Object) -> std::result::Result<(), String> {
    match given.len() {
        0..=MAX_HEADERS => Ok(()),
        _ => Err(format!("holds more than {MAX_HEADERS} headers")),
    }
}

/// A header by its name, or why it cannot be one.
pub fn parse_header(
    name: &str,
    value: &Value,
) -> std::result::Result<(HeaderName, HeaderValue), &'static str> {
    let header = parse_name(name)?;
    let text = match value {
        Value::Number(number) => number::whole_digits(number),
        _ => json::scalar_text(value),
    };
    let text = text
        .map(Zeroizing::new)
        .ok_or("must be text, a whole number or a boolean")?;
    let value =
        secret::sensitive_header(&text).ok_or("holds a character that a header cannot carry")?;
    Ok((header, value))
}

/// The name of a header that the application may give.
pub fn parse_name(name: &str) -> std::result::Result<HeaderName, &'static str> {
    let header = HeaderName::from_bytes(name.as_bytes()).map_err(|_| "is not a header name")?;
    if RESERVED_HEADERS.contains(&header.as_str()) {
        return Err("is set by the library and cannot be given");
    }
    Ok(header)
}
