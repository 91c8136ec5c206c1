//! Reading a response: where it redirects to, its headers, and its body within the limits.

use std::future::poll_fn;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use http::header::{HeaderName, CONTENT_ENCODING, CONTENT_TYPE, DATE, LOCATION, RETRY_AFTER};
use http::{Method, Response, StatusCode};
use http_body::Body;
use reqwest::Url;

use super::decoding::{decode, DecodeError};
use super::error::TransportError;
use super::message::{self, RequestContext};
use crate::error::{Error, Result};
use crate::status::Status;
use crate::text::timestamp::duration_until;

/// Memory reserved for a body before it arrives: a server can announce more than it sends.
const MAX_PREALLOCATION: usize = 1 << 20;

/// The longest `Retry-After`; it leaves room for the number in milliseconds.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(u32::MAX as u64);

/// What a request resulted in.
pub enum ResponseOrRedirect {
    /// A response.
    Response(message::Response),
    /// Another URL on the same origin.
    Redirect(Url),
}

/// Reads a response whose head has arrived.
pub async fn read_response<B>(
    response: Response<B>,
    url: &Url,
    context: &RequestContext<'_>,
) -> Result<ResponseOrRedirect>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<TransportError>,
{
    if let Some(next) = redirect_target(&response, &context.request.method, url)? {
        return Ok(ResponseOrRedirect::Redirect(next));
    }
    let status = response.status().as_u16();
    context.progress.note_status(status);
    let first = |name: HeaderName| header_text(&response, name).next();
    let encodings = header_text(&response, CONTENT_ENCODING)
        .collect::<Vec<_>>()
        .join(",");
    let mut message = message::Response {
        status,
        content_type: first(CONTENT_TYPE).map(str::to_owned),
        retry_after: first(RETRY_AFTER).and_then(parse_retry_after),
        date: first(DATE).map(str::to_owned),
        body: Vec::new(),
    };
    let max_bytes = context.limits.max_bytes;
    let body = read_body(response, context).await?;
    message.body = decode(&encodings, body, max_bytes).map_err(|error| match error {
        DecodeError::TooLarge => too_large(max_bytes),
        DecodeError::Unsupported(encoding) => Error::new(
            Status::Protocol,
            format!(
                "the response (HTTP {status}) has the Content-Encoding {encoding}, which is not \
                 supported; \
                 gzip and deflate are"
            ),
        ),
        DecodeError::Corrupt(encoding) => Error::new(
            Status::Protocol,
            format!(
                "the body of the response (HTTP {status}) is not valid {encoding}, its \
                 Content-Encoding"
            ),
        ),
    })?;
    Ok(ResponseOrRedirect::Response(message))
}

/// The texts of a header that are plain ASCII.
fn header_text<B>(response: &Response<B>, name: HeaderName) -> impl Iterator<Item = &str> {
    let values = response.headers().get_all(name).into_iter();
    values.filter_map(|value| value.to_str().ok())
}

/// Where a response redirects to. Another origin is never followed: it must see neither the API key
/// nor the caller's data.
fn redirect_target<B>(response: &Response<B>, method: &Method, from: &Url) -> Result<Option<Url>> {
    let keeps_method = match response.status() {
        StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT => true,
        StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND | StatusCode::SEE_OTHER => {
            method == Method::GET
        }
        _ => return Ok(None),
    };
    let location = header_text(response, LOCATION).next();
    let Some(next) = location.and_then(|location| from.join(location).ok()) else {
        return Ok(None);
    };
    if next.origin() != from.origin() {
        // The message does not name the target, which may quote what the caller has sent.
        let message =
            "redirect to another origin refused; if the target (see `curl -I`) is right, \
         set dataURL to it";
        return Err(Error::new(Status::Protocol, message));
    }
    if !keeps_method {
        let message = "a 301, 302 or 303 redirect would change the request; check dataURL";
        return Err(Error::new(Status::Protocol, message));
    }
    Ok(Some(next))
}

async fn read_body<B>(response: Response<B>, context: &RequestContext<'_>) -> Result<Vec<u8>>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<TransportError>,
{
    let max_bytes = context.limits.max_bytes;
    let has_no_body = matches!(
        response.status(),
        StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED
    );
    let mut body = response.into_body();
    // The Content-Length, unless something else decides where the body ends.
    let length = if has_no_body {
        0
    } else {
        body.size_hint()
            .exact()
            .map_or(0, |length| usize::try_from(length).unwrap_or(usize::MAX))
    };
    if length > max_bytes {
        return Err(too_large(max_bytes));
    }
    let mut bytes = Vec::with_capacity(length.min(MAX_PREALLOCATION));
    while let Some(frame) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
        let Ok(chunk) = frame.map_err(|error| context.error(error))?.into_data() else {
            continue;
        };
        if bytes.len() + chunk.len() > max_bytes {
            return Err(too_large(max_bytes));
        }
        bytes.extend_from_slice(&chunk);
    }
    // Over HTTP/2 a server can end a stream in good order before the body is complete.
    if bytes.len() < length {
        return Err(context.error(TransportError::Truncated));
    }
    Ok(bytes)
}

fn too_large(max_bytes: usize) -> Error {
    Error::new(
        Status::TooLarge,
        format!("the response is larger than maxResponseBytes, {max_bytes} bytes"),
    )
}

/// Reads a `Retry-After`: seconds, perhaps with a fraction, or a date. It is rounded up to
/// milliseconds.
fn parse_retry_after(text: &str) -> Option<Duration> {
    let text = text.trim();
    let delay = parse_seconds(text).or_else(|| duration_until(text))?;
    Some(delay.min(MAX_RETRY_AFTER))
}

fn parse_seconds(text: &str) -> Option<Duration> {
    let (text, is_negative) = match text.strip_prefix('-') {
        Some(rest) => (rest, true),
        None => (text.strip_prefix('+').unwrap_or(text), false),
    };
    let is_number = text.starts_with(|first: char| first.is_ascii_digit() || first == '.')
        && text.ends_with(|last: char| last.is_ascii_digit() || last == '.');
    // A fraction is rounded up exactly, which binary fractions do not allow.
    let (whole, fraction) = text.split_once(['.', ',']).unwrap_or((text, ""));
    let is_decimal = |digits: &str| digits.bytes().all(|digit| digit.is_ascii_digit());
    let delay = if !is_number {
        return None;
    } else if is_decimal(whole) && is_decimal(fraction) {
        let seconds = if whole.is_empty() {
            0
        } else {
            whole.parse().unwrap_or(u64::MAX)
        };
        let (kept, rest) = fraction.split_at(fraction.len().min(3));
        let milliseconds: u64 = format!("{kept:0<3}").parse().ok()?;
        let is_rounded = rest.bytes().any(|digit| digit != b'0');
        Duration::from_secs(seconds)
            .saturating_add(Duration::from_millis(milliseconds + u64::from(is_rounded)))
    } else {
        // With an exponent.
        let milliseconds = text.parse::<f64>().ok()? * 1000.0;
        Duration::from_millis(milliseconds.ceil() as u64)
    };
    Some(if is_negative { Duration::ZERO } else { delay })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_rounded_up_to_milliseconds() {
        for (text, milliseconds) in [
            ("0", 0),
            ("7", 7_000),
            ("0.493", 493),
            ("1.5", 1_500),
            (" 1.5 ", 1_500),
            ("1,5", 1_500),
            ("+2", 2_000),
            ("2.", 2_000),
            (".25", 250),
            ("299.997", 299_997),
            ("0.0001", 1),
            ("0.9990000", 999),
            ("0.9990001", 1_000),
            ("1e1", 10_000),
            ("1.5E-3", 2),
            ("-3", 0),
            ("-0.5", 0),
            ("00012", 12_000),
            ("18446744073709551615", u32::MAX as u64 * 1000),
            ("99999999999999999999999", u32::MAX as u64 * 1000),
            ("1e300", u32::MAX as u64 * 1000),
            ("Sun, 06 Nov 1994 08:49:37 GMT", 0),
        ] {
            let expected = Some(Duration::from_millis(milliseconds));
            assert_eq!(parse_retry_after(text), expected, "{text}");
        }
        for text in [
            "", "soon", "inf", "nan", "NaN", "-", "+", "1 2", "1.2.3", "0x10", "1;2", "infinity",
        ] {
            assert_eq!(parse_retry_after(text), None, "{text}");
        }
    }
}
