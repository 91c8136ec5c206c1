//! Request bodies and query strings: form, JSON and multipart, decoded into JSON values.

use axum::body::Body;
use axum::extract::{FromRequest, Multipart, Request};
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use http_body_util::BodyExt;
use serde_json::{Map, Value};

use super::bracket_form;

const MAX_BODY: usize = 1024 * 1024;
/// How much of an oversized body is read and discarded. A client that is still sending when the
/// connection closes does not see the response.
const MAX_DISCARDED: usize = 16 * MAX_BODY;

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BodyError {
    #[error("{0}")]
    Malformed(String),
    #[error("the body is larger than {MAX_BODY} bytes")]
    TooLarge,
    #[error(
        "content type {found:?} is not supported: \
         send application/json, application/x-www-form-urlencoded or multipart/form-data"
    )]
    Unsupported { found: String },
}

type FieldsResult = Result<Map<String, Value>, BodyError>;
type PairsResult = Result<Vec<(String, String)>, BodyError>;

/// A body, decoded according to its content type.
enum Decoded {
    /// A form of either content type.
    Form(Vec<(String, String)>),
    Object(Map<String, Value>),
}

/// Decodes a v1 body: form, JSON or multipart. Every value is text; null is absent.
pub(crate) async fn flat(request: Request) -> FieldsResult {
    match decode(request).await? {
        Decoded::Form(pairs) => Ok(pairs
            .into_iter()
            .map(|(key, value)| (key, value.into()))
            .collect()),
        Decoded::Object(object) => flatten(object),
    }
}

/// Decodes a v3 body: JSON, or a form of either content type with nested keys.
pub(crate) async fn nested(request: Request) -> FieldsResult {
    match decode(request).await? {
        Decoded::Form(pairs) => bracket_form::parse(pairs).map_err(BodyError::Malformed),
        Decoded::Object(object) => Ok(object),
    }
}

/// An empty body without a content type is an empty form.
async fn decode(request: Request) -> Result<Decoded, BodyError> {
    let (parts, body) = request.into_parts();
    let kind = content_type(&parts);
    let bytes = read(body).await?;
    match kind.as_str() {
        "application/x-www-form-urlencoded" => Ok(Decoded::Form(pairs(&text(bytes)?)?)),
        "application/json" => Ok(Decoded::Object(json(&bytes)?)),
        "multipart/form-data" => Ok(Decoded::Form(multipart(parts, bytes).await?)),
        "" if bytes.is_empty() => Ok(Decoded::Form(Vec::new())),
        _ => Err(BodyError::Unsupported { found: kind }),
    }
}

/// Decodes a JSON object regardless of the content type, which scripts often omit.
pub(crate) async fn json_object(request: Request) -> FieldsResult {
    json(&read(request.into_body()).await?)
}

/// Decodes `a=1&b=2` from a form or a query string, in order.
pub(crate) fn pairs(text: &str) -> PairsResult {
    text.split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            Ok((percent_decoded(key)?, percent_decoded(value)?))
        })
        .collect()
}

pub(crate) fn percent_decoded(text: &str) -> Result<String, BodyError> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'+' => b' ',
            b'%' => hexadecimal(bytes.next(), bytes.next())
                .ok_or_else(|| malformed("a % is not followed by two hexadecimal digits"))?,
            other => other,
        });
    }
    String::from_utf8(decoded).map_err(|_| malformed("percent-encoded bytes are not UTF-8"))
}

fn hexadecimal(high: Option<u8>, low: Option<u8>) -> Option<u8> {
    let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
    u8::try_from(digit(high)? * 16 + digit(low)?).ok()
}

fn malformed(what: &str) -> BodyError {
    BodyError::Malformed(what.to_owned())
}

/// The media type without its parameters, in lower case.
fn content_type(parts: &Parts) -> String {
    let header = parts.headers.get(CONTENT_TYPE);
    let value = header.map_or_else(Default::default, |value| {
        String::from_utf8_lossy(value.as_bytes())
    });
    let media_type = value.split(';').next().unwrap_or_default();
    media_type.trim().to_ascii_lowercase()
}

/// Reads a body, up to the limit.
pub(crate) async fn read(mut body: Body) -> Result<Vec<u8>, BodyError> {
    let mut bytes = Vec::new();
    let mut discarded = 0;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| malformed("the body ended too early"))?;
        let data = frame.data_ref().map_or(&[][..], |data| data);
        if discarded == 0 && bytes.len() + data.len() <= MAX_BODY {
            bytes.extend_from_slice(data);
            continue;
        }
        discarded += data.len();
        if discarded > MAX_DISCARDED {
            break;
        }
    }
    if discarded > 0 {
        return Err(BodyError::TooLarge);
    }
    Ok(bytes)
}

fn text(bytes: Vec<u8>) -> Result<String, BodyError> {
    String::from_utf8(bytes).map_err(|_| malformed("the body is not UTF-8"))
}

fn json(bytes: &[u8]) -> FieldsResult {
    match serde_json::from_slice(bytes) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(malformed("the body is not a JSON object")),
        Err(error) => Err(BodyError::Malformed(format!(
            "the body is not JSON: {error}"
        ))),
    }
}

fn flatten(object: Map<String, Value>) -> FieldsResult {
    let mut flat = Map::new();
    for (key, value) in object {
        let text = match value {
            Value::Null => continue,
            Value::String(text) => text,
            Value::Bool(_) | Value::Number(_) => value.to_string(),
            Value::Array(_) | Value::Object(_) => {
                return Err(BodyError::Malformed(format!(
                    "{key} is not a single value: the JSON object must be flat"
                )))
            }
        };
        flat.insert(key, text.into());
    }
    Ok(flat)
}

/// Returns the parts in order. A form may repeat a name.
async fn multipart(parts: Parts, bytes: Vec<u8>) -> PairsResult {
    let request = Request::from_parts(parts, Body::from(bytes));
    let broken = |error: &dyn std::fmt::Display| {
        BodyError::Malformed(format!("the body is not multipart/form-data: {error}"))
    };
    let multipart = Multipart::from_request(request, &()).await;
    let mut multipart = multipart.map_err(|error| broken(&error))?;
    let mut pairs = Vec::new();
    while let Some(field) = multipart
        .next_field()
        .await
        .map_err(|error| broken(&error))?
    {
        let name = field.name().unwrap_or_default().to_owned();
        if name.is_empty() {
            return Err(malformed("a part of the multipart body has no name"));
        }
        let file = field.file_name().map(str::to_owned);
        let value = field.bytes().await.map_err(|error| broken(&error))?;
        let text = match (String::from_utf8(value.to_vec()), file) {
            (Ok(text), _) => text,
            // A binary file is represented by its name and size.
            (Err(_), Some(file)) => format!("{file} ({} bytes)", value.len()),
            (Err(_), None) => {
                return Err(BodyError::Malformed(format!(
                    "the part {name} is not UTF-8 text"
                )))
            }
        };
        pairs.push((name, text));
    }
    Ok(pairs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_percent_decoded() {
        let decoded = pairs("a=q+%26+a&&b&c%5B%5D=%E2%82%AC=").unwrap();
        let decoded: Vec<(&str, &str)> = decoded
            .iter()
            .map(|(key, value)| (key.as_str(), value.as_str()))
            .collect();
        assert_eq!(decoded, [("a", "q & a"), ("b", ""), ("c[]", "€=")]);
    }

    #[test]
    fn invalid_percent_encoding_is_rejected() {
        for text in ["a=%", "a=%4", "a=%zz", "a=%+1", "%ff=1", "a=%C3"] {
            assert!(
                matches!(pairs(text), Err(BodyError::Malformed(_))),
                "{text}"
            );
        }
    }

    #[test]
    fn json_scalars_become_text() {
        let number = "1234567890123456789012345";
        let text = format!(r#"{{"a":"x","b":5115,"c":true,"d":null,"e":1.50,"f":{number}}}"#);
        let object = json(text.as_bytes()).unwrap();
        let flat = flatten(object).unwrap();
        assert_eq!(flat["b"], "5115");
        assert_eq!(flat["c"], "true");
        assert!(!flat.contains_key("d"));
        assert_eq!(flat["e"], "1.50", "a number keeps its text");
        assert_eq!(flat["f"], number);
    }

    fn request(content_type: Option<&str>, body: &str) -> Request {
        let mut request = Request::new(Body::from(body.to_owned()));
        if let Some(content_type) = content_type {
            request
                .headers_mut()
                .insert(CONTENT_TYPE, content_type.parse().unwrap());
        }
        request
    }

    #[tokio::test]
    async fn empty_body_is_an_empty_form() {
        assert!(flat(request(None, "")).await.unwrap().is_empty());
        assert!(nested(request(None, "")).await.unwrap().is_empty());
        for (content_type, body) in [(None, "a=1"), (Some("text/plain"), "")] {
            let error = flat(request(content_type, body)).await.unwrap_err();
            assert!(matches!(error, BodyError::Unsupported { .. }), "{error}");
        }
    }

    #[tokio::test]
    async fn multipart_form_may_repeat_a_name() {
        let part = |value: &str| {
            format!("--b\r\nContent-Disposition: form-data; name=\"a[]\"\r\n\r\n{value}\r\n")
        };
        let body = format!("{}{}--b--\r\n", part("1"), part("2"));
        let kind = Some("multipart/form-data; boundary=b");
        assert_eq!(
            nested(request(kind, &body)).await.unwrap()["a"],
            serde_json::json!(["1", "2"])
        );
        assert_eq!(
            flat(request(kind, &body)).await.unwrap()["a[]"],
            "2",
            "the last one counts"
        );
    }

    #[test]
    fn other_json_is_rejected() {
        for text in ["", "[]", "1", "{", "{\"a\":1}x", "\u{feff}{}"] {
            assert!(json(text.as_bytes()).is_err(), "{text:?}");
        }
        assert!(json(b"{\"a\":\"\xff\"}").is_err());
        let nested = json(br#"{"a":{"b":1}}"#).unwrap();
        assert!(flatten(nested).is_err());
    }
}
