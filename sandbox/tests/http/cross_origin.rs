//! Cross-origin access, and the protection of the control routes.

use std::io::{Read, Write};

use crate::client::{start, start_with, Response, Server, V1, V3};

const ORIGIN: &str = "Origin: https://shop.example";

fn assert_open(response: &Response, origin: &str) {
    let header = response.header("access-control-allow-origin");
    assert_eq!(header, Some(origin), "{}", response.head);
}

#[test]
fn every_response_allows_every_origin() {
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
        let response = server.send(method, path, &[ORIGIN], b"");
        assert_eq!(response.status, status, "{path}");
        assert_open(&response, "https://shop.example");
        assert_eq!(response.header("vary"), Some("Origin"));
        assert_eq!(
            response.header("access-control-expose-headers"),
            Some("Retry-After, WWW-Authenticate")
        );
        assert_eq!(response.header("content-type"), Some("application/json"));
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
        let response = server.send("OPTIONS", &path, &asked, b"");
        assert_eq!(response.status, 204);
        assert_open(&response, "https://shop.example");
        let methods = response.header("access-control-allow-methods");
        assert_eq!(methods, Some("GET, POST, PUT, DELETE, OPTIONS"));
        let headers = response.header("access-control-allow-headers").unwrap();
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

/// The status of a request with these headers and no others.
fn status_of(server: &Server, method: &str, path: &str, headers: &[&str]) -> u16 {
    let mut stream = server.connect();
    let mut request = format!("{method} {path} HTTP/1.1\r\nConnection: close\r\n");
    for header in headers {
        request += &format!("{header}\r\n");
    }
    stream.write_all((request + "\r\n").as_bytes()).unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    text.split(' ').nth(1).unwrap().parse().unwrap()
}

const CONTROL_ROUTES: [(&str, &str); 11] = [
    ("POST", "/sandbox/reset"),
    ("POST", "/sandbox/clock"),
    ("POST", "/sandbox/faults"),
    ("DELETE", "/sandbox/faults"),
    ("POST", "/sandbox/faults/1"),
    ("DELETE", "/sandbox/faults/1"),
    ("GET", "/sandbox/clock"),
    ("GET", "/sandbox/faults"),
    ("GET", "/sandbox/requests"),
    ("GET", "/sandbox/events"),
    ("GET", "/"),
];

#[test]
fn dns_rebinding_reaches_no_control_route() {
    let server = start(&[]);
    let port = server.address.rsplit_once(':').unwrap().1;
    for (method, path) in CONTROL_ROUTES {
        for host in [
            "evil.example",
            "localhost.evil.example",
            "127.0.0.1.evil",
            "127.0.0.1.nip.io",
            "[::1].evil",
            "evil@127.0.0.1",
            "[2001:db8::1]",
            "192.0.2.1",
            "::1",
        ] {
            let host = format!("{host}:{port}");
            let (host, origin) = (format!("Host: {host}"), format!("Origin: http://{host}"));
            assert_eq!(status_of(&server, method, path, &[&host]), 403, "{host}");
            assert_eq!(status_of(&server, method, path, &[&host, &origin]), 403);
        }
        assert_eq!(status_of(&server, method, path, &[]), 403, "no host");
        let absolute = format!("http://evil.example{path}");
        let own = format!("Host: {}", server.address);
        assert_eq!(status_of(&server, method, &absolute, &[&own]), 403);
    }
}

#[test]
fn loopback_hosts_reach_the_control_routes_on_any_port() {
    let server = start(&[]);
    for host in [
        "localhost",
        "LOCALHOST:1",
        "127.0.0.1:9",
        "127.8.9.10",
        "[::1]:65535",
        &server.address,
    ] {
        let (line, origin) = (format!("Host: {host}"), format!("Origin: http://{host}"));
        for headers in [vec![line.as_str()], vec![&line, &origin]] {
            assert_eq!(
                status_of(&server, "POST", "/sandbox/reset", &headers),
                200,
                "{host}"
            );
            assert_eq!(status_of(&server, "GET", "/", &headers), 200, "{host}");
        }
        let other = "Origin: http://localhost:3000";
        assert_eq!(
            status_of(&server, "POST", "/sandbox/reset", &[&line, other]),
            403
        );
    }
}

#[test]
fn configured_hosts_reach_the_control_routes() {
    let server = start_with("[server]\nhosts = [\"sandbox.test\"]\n");
    let status = |host: &str| status_of(&server, "POST", "/sandbox/reset", &[host]);
    assert_eq!(status("Host: sandbox.test:8080"), 200);
    assert_eq!(status("Host: sandbox.test.evil:8080"), 403);
}

#[test]
fn apis_are_served_under_every_host() {
    let server = start(&[]);
    let path = format!("{V1}/samples/availability");
    let host = "Host: callbacks.example";
    assert_eq!(status_of(&server, "GET", &path, &[host]), 200);
    assert_eq!(status_of(&server, "GET", "/openapi.json", &[host]), 200);
}
