//! Responses with a Content-Encoding.

mod support;

use std::io::Write;

use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use flate2::Compression;
use serde_json::json;
use support::calls::bookings;

const BOOKED: &str = r#"{"_id":"1"}"#;

fn with_body(head: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!("HTTP/1.1 {head}\r\nContent-Length: {length}\r\n\r\n");
    [head.as_bytes(), body].concat()
}

fn gzip(data: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

fn zlib(data: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

fn raw_deflate(data: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn encoded_response_is_decoded() {
    let text = BOOKED.as_bytes();
    for (header, body) in [
        ("Content-Encoding: gzip", gzip(text)),
        ("content-encoding: X-GZIP", gzip(text)),
        ("Content-Encoding: deflate", zlib(text)),
        ("Content-Encoding: deflate", raw_deflate(text)),
        ("Content-Encoding: identity", text.to_vec()),
        ("Content-Encoding: deflate, gzip", gzip(&zlib(text))),
        (
            "Content-Encoding: gzip\r\nContent-Encoding: gzip",
            gzip(&gzip(text)),
        ),
        ("Content-Encoding: gzip", text.to_vec()),
    ] {
        for answered in bookings(&with_body(&format!("200 OK\r\n{header}"), &body), json!({})) {
            assert_eq!(answered.outcome["id"], "1", "{header}: {}", answered.text);
            assert_eq!(answered.outcome["response"], json!({"_id": "1"}));
        }
    }
    let refusal =
        gzip(br#"{"code":7041,"exception":"x.CallbackExceptionAvailability","message":"full"}"#);
    for answered in bookings(
        &with_body("400 No\r\nContent-Encoding: gzip", &refusal),
        json!({}),
    ) {
        assert_eq!(answered.error(), "SLOT_UNAVAILABLE", "{}", answered.text);
    }
}

#[test]
fn body_that_cannot_be_decoded_is_named() {
    let cut = gzip(BOOKED.as_bytes());
    let cut = &cut[..cut.len() - 2];
    for (status, encoding, body, may_be_booked) in [
        ("200 OK", "br", b"\x0b\x05\x80{}\x03".as_slice(), true),
        ("200 OK", "zstd", b"\x28\xb5\x2f\xfd", true),
        ("200 OK", "gzip", cut, true),
        ("200 OK", "deflate", b"<p>hi</p>", true),
        ("500 Oops", "br", b"\x0b\x05", true),
        ("408 Slow", "br", b"\x0b\x05", true),
        ("400 No", "br", b"\x0b\x05", false),
        ("404 No", "gzip", cut, false),
    ] {
        let response = with_body(&format!("{status}\r\nContent-Encoding: {encoding}"), body);
        for answered in bookings(&response, json!({})) {
            let message = answered.message();
            assert_eq!(answered.error(), "PROTOCOL", "{}", answered.text);
            assert!(
                message.contains(encoding) && message.contains(&status[..3]),
                "{message}"
            );
            assert_eq!(
                message.ends_with("may have been made"),
                may_be_booked,
                "{status}: {message}"
            );
            assert_eq!(answered.outcome["error"]["retryable"], false);
            assert_eq!(answered.outcome["error"]["attempts"], 1);
        }
    }
}

#[test]
fn compressed_bomb_is_too_large() {
    let bomb = gzip(&vec![b' '; 50 << 20]);
    for answered in bookings(
        &with_body("200 OK\r\nContent-Encoding: gzip", &bomb),
        json!({"maxResponseBytes": 1 << 20}),
    ) {
        assert_eq!(answered.error(), "TOO_LARGE", "{}", answered.text);
        assert!(answered.message().contains("maxResponseBytes"));
        assert!(answered.message().ends_with("may have been made"));
    }
}
