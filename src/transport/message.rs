//! One HTTP request, its response, and the limits and progress of their exchange.

use std::future::Future;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use http::header::{HeaderValue, USER_AGENT};
use http::{HeaderMap, Method, Uri};
use hyper::client::conn::TrySendError;
use reqwest::Url;
use tokio::time::Instant;

use super::error::{self, TransportError};
use super::tracked_body::{SentFlag, TrackedBody};
use crate::config::connection::ConnectionSettings;
use crate::config::RetryPolicy;
use crate::error::{Error, Result};

/// The value of the `User-Agent` header.
const USER_AGENT_VALUE: &str = concat!("callbackservice/", env!("CARGO_PKG_VERSION"));

/// An HTTP request.
pub struct Request {
    /// Always on the configured origin.
    pub url: Url,
    /// All headers that the API asks for.
    pub headers: HeaderMap,
    /// The method.
    pub method: Method,
    /// The body, if it has one.
    pub body: Option<String>,
    /// Whether it changes nothing on the server, so that it may be sent again.
    pub is_read_only: bool,
}

/// An HTTP response.
#[derive(Debug, Default)]
pub struct Response {
    /// The status of the final response.
    pub status: u16,
    /// The `Content-Type` header.
    pub content_type: Option<String>,
    /// How long the server asked to wait.
    pub retry_after: Option<Duration>,
    /// The `Date` header: the time by the server's clock.
    pub date: Option<String>,
    /// The body.
    pub body: Vec<u8>,
}

/// The bounds of an exchange.
#[derive(Debug)]
pub struct ExchangeLimits {
    /// When it must be complete.
    pub deadline: Instant,
    /// The largest body that is read, in bytes.
    pub max_bytes: usize,
    /// When a request is repeated.
    pub retry: RetryPolicy,
}

/// The outcome of an exchange.
pub struct ExchangeResult {
    /// The result of the last request.
    pub result: Result<Response>,
    /// The number of requests sent, or that could not be sent.
    pub attempts: u32,
    /// Whether the server may have received the request, and acted on it.
    pub sent: bool,
}

/// How far an exchange has come. It outlives an exchange that a deadline ends.
#[derive(Default)]
pub struct Progress {
    /// The number of requests sent, or that could not be sent.
    pub attempts: AtomicU32,
    /// Whether a part of the request may have been sent.
    pub sent: SentFlag,
    is_refused: AtomicBool,
}

impl Progress {
    /// Records a status that says that the server has not acted on the request.
    pub fn note_status(&self, status: u16) {
        let is_refusal = matches!(status, 400..=499) && status != 408;
        self.is_refused.store(is_refusal, Ordering::Relaxed);
    }

    /// The error for a deadline that has passed.
    pub fn timeout_error(&self, request: &Request) -> Error {
        error::deadline_passed(&self.sent, request.is_read_only)
    }

    /// Completes the exchange. Of a response without a readable body, the status decides whether
    /// the server has acted.
    pub fn finish(&self, result: Result<Response>) -> ExchangeResult {
        let is_refused = result.is_err() && self.is_refused.load(Ordering::Relaxed);
        ExchangeResult {
            result,
            attempts: self.attempts.load(Ordering::Relaxed),
            sent: self.sent.is_set() && !is_refused,
        }
    }
}

/// What every step of an exchange needs to know.
pub struct RequestContext<'a> {
    /// The request.
    pub request: &'a Request,
    /// Its limits.
    pub limits: &'a ExchangeLimits,
    /// How to connect.
    pub settings: &'a ConnectionSettings,
    /// Whether the server has ever asked for a client certificate.
    pub certificate_requested: &'a AtomicBool,
    /// How far the exchange has come.
    pub progress: &'a Progress,
}

impl RequestContext<'_> {
    /// The error that a failure means for this request.
    pub fn error(&self, error: impl Into<TransportError>) -> Error {
        error::classify(
            &error.into(),
            self.request.is_read_only,
            &self.progress.sent,
            self.settings,
            self.certificate_requested.load(Ordering::Relaxed),
        )
    }

    /// Runs what hands the request to the HTTP client. A body records itself that it is sent; a
    /// request without one counts as sent unless the client returns it.
    pub async fn record_sending<T, M>(
        &self,
        send: impl Future<Output = std::result::Result<T, TrySendError<M>>>,
    ) -> std::result::Result<T, TrySendError<M>> {
        if self.request.body.is_some() {
            return send.await;
        }
        let sent = &self.progress.sent;
        let was_sent = sent.is_set();
        if !sent.set() {
            // The call was cancelled, and its task ends.
            return std::future::pending().await;
        }
        let result = send.await;
        if matches!(&result, Err(error) if error.message().is_some()) && !was_sent {
            sent.reset();
        }
        result
    }

    /// The request as an HTTP message to a target, with the headers that every request has.
    pub fn http_request(
        &self,
        target: impl TryInto<Uri, Error: Into<http::Error>>,
    ) -> Result<http::Request<TrackedBody>> {
        let body = self.progress.sent.tracked(self.request.body.clone());
        let mut message = http::Request::new(body);
        *message.method_mut() = self.request.method.clone();
        *message.uri_mut() = target
            .try_into()
            .map_err(|error| error::setup_error(&error.into()))?;
        let headers = message.headers_mut();
        // A clone would have no room for the headers that are added here and by the client.
        *headers = HeaderMap::with_capacity(self.request.headers.len() + 4);
        for (name, value) in &self.request.headers {
            headers.append(name, value.clone());
        }
        headers
            .entry(USER_AGENT)
            .or_insert(HeaderValue::from_static(USER_AGENT_VALUE));
        Ok(message)
    }
}
