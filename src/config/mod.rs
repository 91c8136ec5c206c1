//! The configuration of a service: from the caller's JSON to checked values.

mod basic_auth;
pub mod connection;
pub mod known_keys;
mod locate;
mod merge;
pub mod outbox;
mod pem;
pub mod proxy;
mod section;
#[cfg(any(windows, test))]
mod system_proxy;
pub mod v1_fields;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::Url;
use serde_json::Value;
use zeroize::Zeroizing;

use crate::error::{Error, Result};
use crate::process::random;
use crate::status::Status;
use crate::text::secret::{self, ZeroizingObject};
use crate::text::{json, number};
use basic_auth::basic_auth_header;
use connection::ConnectionSettings;
use merge::merge_patch;
use outbox::OutboxConfig;
use section::{Section, DAY_MS};

/// The server API in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ApiVersion {
    /// Genesys Mobile Services.
    V1,
    /// Genesys Engagement Service.
    V3,
}

/// The form in which data goes to the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WireFormat {
    /// As the servers' contracts describe it.
    Documented,
    /// As version 9 of the browser widget sends it.
    Widgets9,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HandlerMode {
    /// Inside functions that the program calls.
    Caller,
    /// On one thread of the service's own.
    Thread,
    /// Nowhere: the program takes events from the queue.
    Poll,
}

/// When and how often a request is repeated.
#[derive(Clone, Debug, PartialEq)]
pub struct RetryPolicy {
    /// The most requests sent for one command, the first included.
    pub attempts: u32,
    /// The pause before the second request; it doubles from there.
    pub base_delay: Duration,
    /// The longest pause.
    pub max_delay: Duration,
}

impl RetryPolicy {
    /// Half to all of a delay that doubles with every attempt, so that many clients do not come
    /// back together.
    pub fn backoff(&self, attempts: u32) -> Duration {
        let doubled = self
            .base_delay
            .saturating_mul(1 << attempts.saturating_sub(1).min(16))
            .min(self.max_delay);
        let half = doubled / 2;
        half + Duration::from_nanos(random::number() % (half.as_nanos() as u64 + 1))
    }
}

/// A checked configuration. It never changes; `configure` makes a new one.
pub struct Config {
    source: ZeroizingObject,
    /// The base URL of the API, without a trailing slash.
    pub base: String,
    /// The same as a URL.
    pub base_url: Url,
    pub api_version: ApiVersion,
    /// The gateway's key.
    pub api_key: Option<HeaderValue>,
    /// The virtual queue for commands that name none.
    pub service_name: Option<String>,
    /// Data attached to every booking.
    pub user_data: ZeroizingObject,
    /// The deadline of a whole command.
    pub timeout: Duration,
    /// Who dials, for v1.
    pub call_direction: Option<String>,
    /// The zone for local times, for v3.
    pub timezone: Option<String>,
    /// The form of the data.
    pub wire_format: WireFormat,
    /// When a request is repeated.
    pub retry: RetryPolicy,
    /// The maximum size of a response body, in bytes.
    pub max_response_bytes: usize,
    /// Whether outcomes hold the server's response.
    pub with_response: bool,
    /// The site's own headers, and basic credentials.
    pub headers: HeaderMap,
    pub handler_mode: HandlerMode,
    /// The maximum number of asynchronous calls that have not been dispatched.
    pub queue_limit: usize,
    /// Where bookings are stored that are delivered later.
    pub outbox: Option<OutboxConfig>,
    /// All that decides which connections can be shared.
    pub connection: Arc<ConnectionSettings>,
}

const DEFAULT_TIMEOUT_MS: u64 = 3_000;
const DEFAULT_QUEUE_LIMIT: u64 = 4_096;
const DEFAULT_MAX_RESPONSE_BYTES: u64 = 8 << 20;

/// Leaves out everything secret.
impl fmt::Debug for Config {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter
            .debug_struct("Config")
            .field("base", &self.base)
            .finish_non_exhaustive()
    }
}

impl Config {
    /// Reads the configuration in a caller's text.
    pub fn parse(text: &str) -> Result<Config> {
        let mut source = ZeroizingObject::default();
        merge_patch(&mut source, locate::locate_section(text)?.into_inner());
        Config::from_source(source, None, None)
    }

    /// This configuration with the caller's changes merged into it.
    pub fn merged(&self, text: &str) -> Result<Config> {
        let mut source = self.source.clone();
        let changes = locate::locate_section(text)?;
        // Files named in the configuration are read again only when what names them changes.
        let keeps_connection = !connection::KEYS
            .iter()
            .any(|key| changes.contains_key(*key));
        let existing = keeps_connection.then(|| self.connection.clone());
        merge_patch(&mut source, changes.into_inner());
        Config::from_source(source, existing, self.outbox.as_ref())
    }

    fn from_source(
        source: ZeroizingObject,
        existing: Option<Arc<ConnectionSettings>>,
        present_outbox: Option<&OutboxConfig>,
    ) -> Result<Config> {
        known_keys::reject_misspelt_keys(&source, "", known_keys::CONFIGURATION)?;
        let section = Section::new(&source, "");
        let api_version = section.one_of(
            "apiVersion",
            &[("v1", ApiVersion::V1), ("v3", ApiVersion::V3)],
            ApiVersion::V1,
        )?;
        let wire_format = section.one_of(
            "wireFormat",
            &[
                ("documented", WireFormat::Documented),
                ("widgets-9", WireFormat::Widgets9),
            ],
            WireFormat::Documented,
        )?;
        let base_url = parse_data_url(&section, api_version)?;
        let config = Config {
            api_version,
            api_key: parse_api_key(&section)?,
            service_name: section
                .text_or_number("serviceName")?
                .filter(|name| !name.is_empty()),
            user_data: parse_user_data(&section, api_version, wire_format)?,
            timeout: section
                .milliseconds("ajaxTimeout", 1, DAY_MS)?
                .unwrap_or(Duration::from_millis(DEFAULT_TIMEOUT_MS)),
            call_direction: section.non_empty_text("callDirection")?,
            timezone: section.non_empty_text("timezone")?,
            wire_format,
            retry: parse_retry(&section, wire_format)?,
            max_response_bytes: section
                .integer("maxResponseBytes", 1, i32::MAX as u64)?
                .map_or(DEFAULT_MAX_RESPONSE_BYTES as usize, |bytes| bytes as usize),
            with_response: section.boolean("response")?.unwrap_or(true),
            headers: parse_headers(&section)?,
            handler_mode: section.one_of(
                "handlers",
                &[
                    ("caller", HandlerMode::Caller),
                    ("thread", HandlerMode::Thread),
                    ("poll", HandlerMode::Poll),
                ],
                HandlerMode::Caller,
            )?,
            queue_limit: section
                .integer("queueLimit", 1, 1 << 24)?
                .unwrap_or(DEFAULT_QUEUE_LIMIT) as usize,
            outbox: OutboxConfig::parse(&section, present_outbox)?,
            connection: match existing {
                Some(existing) => existing,
                None => Arc::new(ConnectionSettings::parse(&section, &base_url)?),
            },
            base: without_trailing_slash(&base_url),
            base_url,
            source: ZeroizingObject::default(),
        };
        Ok(Config { source, ..config })
    }
}

fn parse_data_url(section: &Section, version: ApiVersion) -> Result<Url> {
    let invalid = |message: &str| Err(section.error("dataURL", message));
    let Some(text) = section.non_empty_text("dataURL")? else {
        return invalid("is required: the base URL of the callback API");
    };
    let Ok(mut url) = Url::parse(text.trim()) else {
        return invalid(
            "is not a URL; expected http:// or https://, a host, and perhaps a port and a path",
        );
    };
    if !matches!(url.scheme(), "http" | "https") {
        return invalid("must start with http:// or https://");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return invalid("must not hold credentials; use basicAuth");
    }
    if url.query().is_some() || url.fragment().is_some() {
        return invalid("must not have a query or a fragment, since paths are appended to it");
    }
    if url.as_str().parse::<http::Uri>().is_err() {
        return invalid("holds a character that a URL cannot hold, such as { or }");
    }
    let path = url
        .path()
        .strip_suffix('/')
        .unwrap_or(url.path())
        .to_owned();
    if version == ApiVersion::V3 && path.ends_with("/engagement/v3") {
        url.set_path(&format!("{path}/callbacks"));
    } else {
        url.set_path(&path);
    }
    Ok(url)
}

/// The text that paths are appended to. A path that is empty is written as a slash.
fn without_trailing_slash(url: &Url) -> String {
    let text = url.as_str();
    if url.path() == "/" {
        text.trim_end_matches('/')
    } else {
        text
    }
    .to_owned()
}

fn parse_api_key(section: &Section) -> Result<Option<HeaderValue>> {
    let Some(key) = section.text_or_number("apikey")?.map(Zeroizing::new) else {
        return Ok(None);
    };
    if key.is_empty() {
        return Ok(None);
    }
    let invalid = || {
        section.error(
            "apikey",
            "holds a line break or another character that a header cannot carry",
        )
    };
    secret::sensitive_header(&key).ok_or_else(invalid).map(Some)
}

/// User data for every booking. What the v1 API reads as fields of its own is checked here, where
/// its key can be named.
fn parse_user_data(
    section: &Section,
    api_version: ApiVersion,
    wire_format: WireFormat,
) -> Result<ZeroizingObject> {
    let mut data = ZeroizingObject::from(section.object("userData")?.cloned().unwrap_or_default());
    if (api_version, wire_format) == (ApiVersion::V1, WireFormat::Documented) {
        v1_fields::check_fields(&mut data)
            .map_err(|(name, message)| section.error(&format!("userData.{name}"), &message))?;
    }
    Ok(data)
}

fn parse_retry(section: &Section, wire_format: WireFormat) -> Result<RetryPolicy> {
    let mut retry = RetryPolicy {
        attempts: 3,
        base_delay: Duration::from_millis(100),
        max_delay: Duration::from_millis(2_000),
    };
    let Some(given) = section.object("retry")? else {
        // The widget sends every request once.
        if wire_format == WireFormat::Widgets9 {
            retry.attempts = 1;
        }
        return Ok(retry);
    };
    known_keys::reject_misspelt_keys(given, "retry", known_keys::RETRY)?;
    let given = Section::new(given, "retry");
    if let Some(attempts) = given.integer("attempts", 1, 100)? {
        retry.attempts = attempts as u32;
    }
    if let Some(delay) = given.milliseconds("baseDelayMs", 0, DAY_MS)? {
        retry.base_delay = delay;
    }
    if let Some(delay) = given.milliseconds("maxDelayMs", 0, DAY_MS)? {
        retry.max_delay = delay;
    }
    Ok(retry)
}

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

fn parse_headers(section: &Section) -> Result<HeaderMap> {
    let mut headers = HeaderMap::new();
    for (name, value) in section.object("headers")?.into_iter().flatten() {
        let invalid = |message: &str| {
            Err(Error::field(
                Status::Config,
                &format!("headers.{name}"),
                message,
            ))
        };
        let Ok(header) = HeaderName::from_bytes(name.as_bytes()) else {
            return invalid("is not a header name");
        };
        if RESERVED_HEADERS.contains(&header.as_str()) {
            return invalid("is set by the library and cannot be given");
        }
        let text = match value {
            Value::Number(number) => number::whole_digits(number),
            _ => json::scalar_text(value),
        };
        let Some(text) = text.map(Zeroizing::new) else {
            return invalid("must be text or a whole number");
        };
        let Some(value) = secret::sensitive_header(&text) else {
            return invalid("holds a character that a header cannot carry");
        };
        headers.insert(header, value);
    }
    if let Some(credentials) = section.object("basicAuth")? {
        known_keys::reject_misspelt_keys(credentials, "basicAuth", known_keys::BASIC_AUTH)?;
        headers.insert(
            reqwest::header::AUTHORIZATION,
            basic_auth_header(&Section::new(credentials, "basicAuth"))?,
        );
    }
    Ok(headers)
}

#[cfg(test)]
mod tests;
