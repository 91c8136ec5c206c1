//! Receiving an answer: its head, where it sends the request on to, and its body within the limits.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use http::Response;
use http_body::Body;
use reqwest::header::{CONTENT_LENGTH, CONTENT_TYPE, LOCATION, RETRY_AFTER};
use reqwest::{StatusCode, Url};

use super::error::Failed;
use super::message;
use super::Journey;
use crate::error::{Error, Result};
use crate::status::Status;
use crate::text::timestamp::duration_until;

/// Room made for an answer before it comes: a server can announce more than it sends.
const LARGEST_RESERVATION: usize = 1 << 20;

/// Nobody means to wait longer; it leaves room for the number in milliseconds.
const LONGEST_WAIT: Duration = Duration::from_secs(u32::MAX as u64);

/// What came back.
pub enum Received {
    /// An answer.
    Response(message::Response),
    /// The request belongs elsewhere on the same origin.
    Redirect(Url),
}

/// Takes an answer that has begun, whichever way it comes.
pub async fn receive<B>(response: Response<B>, journey: &Journey<'_>) -> Result<Received>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<Failed>,
{
    match redirect(&response, journey.request.body.is_some(), journey.url)? {
        Some(next) => Ok(Received::Redirect(next)),
        None => read(response, journey).await.map(Received::Response),
    }
}

/// Where an answer sends the request on to, if it does. Another origin is never followed: it must see neither the
/// API key nor the caller's data.
fn redirect<B>(response: &Response<B>, is_post: bool, from: &Url) -> Result<Option<Url>> {
    let followed = match response.status() {
        StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT => true,
        StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND | StatusCode::SEE_OTHER => !is_post,
        _ => return Ok(None),
    };
    let location = response
        .headers()
        .get(LOCATION)
        .and_then(|value| value.to_str().ok());
    let Some(next) = location.and_then(|location| from.join(location).ok()) else {
        return Ok(None);
    };
    if next.origin() != from.origin() {
        // Its name is the server's word, and could hold what the caller has sent.
        let message =
            "the server redirects to another origin, which is never followed; ask it with another client where \
                       to, and if that is right, set dataURL to it";
        return Err(Error::new(Status::Protocol, message));
    }
    if !followed {
        let message = "the server redirects in a way that leaves the booking behind (301, 302 or 303); check dataURL";
        return Err(Error::new(Status::Protocol, message));
    }
    Ok(Some(next))
}

async fn read<B>(response: Response<B>, journey: &Journey<'_>) -> Result<message::Response>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<Failed>,
{
    let header = |name| {
        response
            .headers()
            .get(name)
            .and_then(|value| value.to_str().ok())
    };
    let too_large = || {
        let limit = journey.limits.max_bytes;
        Error::new(
            Status::TooLarge,
            format!("the server's answer is larger than maxResponseBytes, {limit} bytes"),
        )
    };
    let announced: Option<usize> = header(CONTENT_LENGTH).and_then(|length| length.parse().ok());
    if announced.is_some_and(|length| length > journey.limits.max_bytes) {
        return Err(too_large());
    }
    let mut answer = message::Response {
        status: response.status().as_u16(),
        content_type: header(CONTENT_TYPE).map(str::to_owned),
        retry_after: header(RETRY_AFTER).and_then(retry_after),
        body: Vec::with_capacity(announced.unwrap_or(0).min(LARGEST_RESERVATION)),
    };
    let mut body = response.into_body();
    while let Some(frame) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
        let Ok(chunk) = frame
            .map_err(|error| journey.failed(error.into()))?
            .into_data()
        else {
            continue;
        };
        if answer.body.len() + chunk.len() > journey.limits.max_bytes {
            return Err(too_large());
        }
        answer.body.extend_from_slice(&chunk);
    }
    // Over HTTP/2 a server can end an answer as if it were whole.
    if announced.is_some_and(|length| answer.body.len() < length) {
        return Err(journey.failed(Failed::other(io::Error::from(io::ErrorKind::UnexpectedEof))));
    }
    Ok(answer)
}

fn retry_after(text: &str) -> Option<Duration> {
    let seconds = text.trim().parse().ok().map(Duration::from_secs);
    seconds
        .or_else(|| duration_until(text))
        .map(|wait| wait.min(LONGEST_WAIT))
}
