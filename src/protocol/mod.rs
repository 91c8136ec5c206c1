//! The server APIs: the HTTP request for a command, and what the response means.
//!
//! Only this module knows v1 from v3.

pub mod form;
mod operations;
mod record;
mod refusal;
mod response;
pub mod slots;
#[cfg(feature = "outbox")]
pub mod stored;
mod v1;
mod v3;
mod widgets9;

use http::Method;
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

/// The callback that a command is about, as far as its response may leave it out.
#[derive(Debug, Default)]
pub struct Subject {
    /// Its identifier.
    pub id: Option<String>,
    /// The time to which it is moved, in canonical form.
    pub desired_time: Option<String>,
}

/// What a builder decides; the rest is the same for all requests.
struct RequestParts {
    method: Method,
    /// What the path is appended to; `None` is the configured base URL.
    base: Option<String>,
    /// The path and the query, encoded.
    path: String,
    body: Option<String>,
    accept: &'static str,
    content_type: Option<&'static str>,
    subject: Subject,
}

impl RequestParts {
    /// A request without a body.
    fn get(path: String) -> RequestParts {
        RequestParts {
            method: Method::GET,
            base: None,
            path,
            body: None,
            accept: JSON,
            content_type: None,
            subject: Subject::default(),
        }
    }

    /// A request with a body.
    fn post(path: String, content_type: &'static str, body: String) -> RequestParts {
        RequestParts {
            method: Method::POST,
            body: Some(body),
            content_type: Some(content_type),
            ..RequestParts::get(path)
        }
    }

    /// A request with a JSON object as its body.
    fn post_json(path: String, body: &Object) -> Result<RequestParts> {
        let body = serde_json::to_string(body)
            .map_err(|_| Error::new(Status::Internal, "the request's body could not be written"))?;
        Ok(RequestParts::post(path, JSON, body))
    }
}

/// Checks a command's options and makes the request for it.
pub fn request(config: &Config, command: Command, options: &Object) -> Result<(Request, Subject)> {
    let parts = parts(config, command, options)?;
    let headers = headers(
        config,
        HeaderValue::from_static(parts.accept),
        parts.content_type.map(HeaderValue::from_static),
    );
    let request = Request {
        method: parts.method,
        ..assemble(
            config,
            command,
            parts.base.as_deref(),
            &parts.path,
            headers,
            parts.body,
        )?
    };
    Ok((request, parts.subject))
}

fn parts(config: &Config, command: Command, options: &Object) -> Result<RequestParts> {
    use {ApiVersion::*, Command::*, WireFormat::*};
    match (config.wire_format, config.api_version, command) {
        (Documented, V1, Schedule) => v1::schedule(config, options),
        (Documented, V3, Schedule) => v3::schedule(config, options),
        (Documented, V1, Availability) => v1::availability(config, options),
        (Documented, V3, Availability) => v3::availability(config, options),
        (Widgets9, V1, Schedule) => widgets9::v1_schedule(config, options),
        (Widgets9, V3, Schedule) => widgets9::v3_schedule(config, options),
        (Widgets9, V1, Availability) => widgets9::v1_availability(options),
        (Widgets9, V3, Availability) => widgets9::v3_availability(config, options),
        (_, _, command) => operations::request(config, command, options),
    }
}

/// The request of a command with these headers and this body; a POST, unless the caller changes
/// that.
fn assemble(
    config: &Config,
    command: Command,
    base: Option<&str>,
    path: &str,
    headers: HeaderMap,
    body: Option<String>,
) -> Result<Request> {
    let url = match (base, path) {
        (None, "") => config.base_url.clone(),
        (base, path) => {
            let base = base.unwrap_or(&config.base);
            Url::parse(&format!("{base}{path}"))
                .map_err(|_| Error::new(Status::Internal, "the request's URL could not be built"))?
        }
    };
    Ok(Request {
        url,
        headers,
        method: Method::POST,
        body,
        is_read_only: command.effect().is_none(),
    })
}

fn headers(config: &Config, accept: HeaderValue, content_type: Option<HeaderValue>) -> HeaderMap {
    let mut headers = config.headers.clone();
    headers.insert(ACCEPT, accept);
    if let Some(content_type) = content_type {
        headers.insert(CONTENT_TYPE, content_type);
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
mod operation_tests;
#[cfg(test)]
mod tests;
