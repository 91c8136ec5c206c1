//! What browsers need.

use crate::client::{start, Answer, V1, V3};

const ORIGIN: &str = "Origin: https://shop.example";

fn assert_open(answer: &Answer, origin: &str) {
    let header = answer.header("access-control-allow-origin");
    assert_eq!(header, Some(origin), "{}", answer.head);
}

#[test]
fn every_answer_is_open_errors_too() {
    let server = start(&[]);
    let create = format!("{V3}/create");
    let slots = format!("{V1}/samples/availability");
    let book = format!("{V1}/samples");
    for (status, method, path) in [
        (200, "GET", slots.as_str()),
        (401, "POST", &create),
        (404, "GET", "/nothing"),
        (405, "DELETE", &book),
        (400, "POST", &book),
    ] {
        let answer = server.send(method, path, &[ORIGIN], b"");
        assert_eq!(answer.status, status, "{path}");
        assert_open(&answer, "https://shop.example");
        assert_eq!(answer.header("vary"), Some("Origin"));
        assert_eq!(
            answer.header("access-control-expose-headers"),
            Some("Retry-After, WWW-Authenticate")
        );
        assert_eq!(answer.header("content-type"), Some("application/json"));
        assert_open(&server.send(method, path, &[], b""), "*");
    }
}

#[test]
fn preflight_needs_no_key() {
    let server = start(&[]);
    for path in [format!("{V3}/create"), format!("{V1}/samples")] {
        let asked = [
            ORIGIN,
            "Access-Control-Request-Method: POST",
            "Access-Control-Request-Headers: x-api-key",
        ];
        let answer = server.send("OPTIONS", &path, &asked, b"");
        assert_eq!(answer.status, 204);
        assert_open(&answer, "https://shop.example");
        let methods = answer.header("access-control-allow-methods");
        assert_eq!(methods, Some("GET, POST, PUT, DELETE, OPTIONS"));
        let headers = answer.header("access-control-allow-headers").unwrap();
        let headers: Vec<&str> = headers.split(", ").collect();
        let expected = [
            "x-api-key",
            "apikey",
            "content-type",
            "authorization",
            "contactcenterid",
            "gms_user",
        ];
        assert_eq!(headers, expected);
    }
}
