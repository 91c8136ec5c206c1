//! The server APIs: the HTTP request for a command, and what the response means.
//!
//! Only this module knows v1 from v3.

pub mod form;
mod refusal;
mod response;
pub mod slots;
mod v1;
mod v3;
mod widgets9;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue, ACCEPT, CONTENT_TYPE};
use reqwest::Url;

use crate::command::Command;
use crate::config::{ApiVersion, Config, WireFormat};
use crate::error::{Error, Result};
use crate::status::Status;
use crate::text::json::Object;
use crate::transport::message::Request;

pub use response::{body_text, interpret, Interpretation};

const FORM: &str = "application/x-www-form-urlencoded";
const JSON: &str = "application/json";

/// What a builder decides; the rest is the same for all requests.
struct RequestParts {
    /// Appended to the base URL, encoded.
    path: String,
    body: Option<String>,
    accept: &'static str,
    content_type: Option<&'static str>,
}

/// Checks a command's options and makes the request for it.
pub fn request(config: &Config, command: Command, options: &Object) -> Result<Request> {
    use {ApiVersion::*, Command::*, WireFormat::*};
    let parts = match (config.wire_format, config.api_version, command) {
        (Documented, V1, Schedule) => v1::schedule(config, options)?,
        (Documented, V3, Schedule) => v3::schedule(config, options)?,
        (Documented, V1, Availability) => v1::availability(config, options)?,
        (Documented, V3, Availability) => v3::availability(config, options)?,
        (Widgets9, V1, Schedule) => widgets9::v1_schedule(config, options)?,
        (Widgets9, V3, Schedule) => widgets9::v3_schedule(config, options)?,
        (Widgets9, V1, Availability) => widgets9::v1_availability(options)?,
        (Widgets9, V3, Availability) => widgets9::v3_availability(config, options)?,
    };
    let url = match parts.path.as_str() {
        "" => config.base_url.clone(),
        path => Url::parse(&format!("{}{path}", config.base))
            .map_err(|_| Error::new(Status::Internal, "the request's URL could not be built"))?,
    };
    Ok(Request {
        url,
        headers: headers(config, parts.accept, parts.content_type),
        body: parts.body,
    })
}

fn headers(config: &Config, accept: &'static str, content_type: Option<&'static str>) -> HeaderMap {
    let mut headers = config.headers.clone();
    headers.insert(ACCEPT, HeaderValue::from_static(accept));
    if let Some(content_type) = content_type {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    }
    if let Some(key) = &config.api_key {
        let name = match config.api_version {
            ApiVersion::V1 => "apikey",
            ApiVersion::V3 => "x-api-key",
        };
        headers.insert(HeaderName::from_static(name), key.clone());
    }
    headers
}

/// The virtual queue of a v3 command; without one nothing can be sent.
fn service_name<'a>(config: &'a Config, given: Option<&'a str>) -> Result<&'a str> {
    given
        .or(config.service_name.as_deref())
        .ok_or_else(|| Error {
            field: Some("serviceName".to_owned()),
            ..Error::new(
                Status::Config,
                "Invalid configuration. serviceName should be configured.",
            )
        })
}

#[cfg(test)]
mod tests;
