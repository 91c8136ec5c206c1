//! One HTTP request and its response, as the layers above see them.

use std::time::Duration;

use reqwest::header::HeaderMap;
use reqwest::Url;

/// An HTTP request.
pub struct Request {
    /// Always on the configured origin.
    pub url: Url,
    /// All headers that the API asks for.
    pub headers: HeaderMap,
    /// The body of a POST; a GET has none.
    pub body: Option<String>,
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
    /// The body.
    pub body: Vec<u8>,
}
