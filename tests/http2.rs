//! Started calls over TLS: HTTP/2 where the server offers it, and what becomes of them when it does
//! not any more.

mod support;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Response, StatusCode};
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::ServerConfig;
use serde_json::{json, Value};
use support::calls::{service, start, Mode, Started};
use support::openssl::Directory;
use support::Service;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsAcceptor;

/// What a server does.
#[derive(Default)]
struct Behaviour {
    /// It speaks HTTP/1.1 only.
    only_http1: AtomicBool,
    /// It answers requests only when this is unset.
    is_silent: AtomicBool,
    /// The response over HTTP/2.
    status: AtomicUsize,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
    connections: AtomicUsize,
    open: AtomicUsize,
    most_open: AtomicUsize,
    requests: AtomicUsize,
}

/// A TLS server that runs until the process ends.
struct Server {
    base: String,
    behaviour: Arc<Behaviour>,
    files: Directory,
}

impl Server {
    fn start(behaviour: Behaviour) -> Server {
        let files = Directory::new();
        files.make_authority();
        files.make_certificate("server", "subjectAltName=IP:127.0.0.1");
        let chain = vec![CertificateDer::from_pem_file(files.path("server.pem")).unwrap()];
        let key = PrivateKeyDer::from_pem_file(files.path("server.key")).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .unwrap();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let base = format!("https://{}", listener.local_addr().unwrap());
        let behaviour = Arc::new(behaviour);
        let shared = behaviour.clone();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                loop {
                    let stream = listener.accept().await.unwrap().0;
                    let mut config = config.clone();
                    let only_http1 = shared.only_http1.load(Ordering::SeqCst);
                    let protocols: &[&[u8]] = if only_http1 {
                        &[b"http/1.1"]
                    } else {
                        &[b"h2", b"http/1.1"]
                    };
                    config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
                    tokio::spawn(serve(stream, config, shared.clone()));
                }
            });
        });
        Server {
            base,
            behaviour,
            files,
        }
    }

    fn service(&self, extra: Value) -> Service {
        let mut config =
            json!({"tls": {"caFile": self.files.path("ca.pem")}, "retry": {"baseDelayMs": 1}});
        config
            .as_object_mut()
            .unwrap()
            .extend(extra.as_object().unwrap().clone());
        service(&self.base, config)
    }

    fn connections(&self) -> usize {
        self.behaviour.connections.load(Ordering::SeqCst)
    }
}

async fn serve(stream: tokio::net::TcpStream, config: ServerConfig, behaviour: Arc<Behaviour>) {
    behaviour.connections.fetch_add(1, Ordering::SeqCst);
    let open = behaviour.open.fetch_add(1, Ordering::SeqCst) + 1;
    behaviour.most_open.fetch_max(open, Ordering::SeqCst);
    if let Ok(stream) = TlsAcceptor::from(Arc::new(config)).accept(stream).await {
        if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
            serve_http2(stream, &behaviour).await;
        } else {
            serve_http1(stream, &behaviour).await;
        }
    }
    behaviour.open.fetch_sub(1, Ordering::SeqCst);
}

type Tls = tokio_rustls::server::TlsStream<tokio::net::TcpStream>;

async fn serve_http2(stream: Tls, behaviour: &Behaviour) {
    let Ok(mut connection) = h2::server::handshake(stream).await else {
        return;
    };
    let mut unanswered = Vec::new();
    while let Some(Ok((_, mut responder))) = connection.accept().await {
        behaviour.requests.fetch_add(1, Ordering::SeqCst);
        if behaviour.is_silent.load(Ordering::SeqCst) {
            unanswered.push(responder);
            continue;
        }
        let mut response = Response::new(());
        *response.status_mut() =
            StatusCode::from_u16(behaviour.status.load(Ordering::SeqCst) as u16)
                .unwrap_or_default();
        for (name, value) in &behaviour.headers {
            response.headers_mut().insert(*name, value.parse().unwrap());
        }
        let is_empty = behaviour.body.is_empty();
        let Ok(mut body) = responder.send_response(response, is_empty) else {
            continue;
        };
        if !is_empty {
            let _ = body.send_data(Bytes::from(behaviour.body.clone()), true);
        }
    }
}

async fn serve_http1(mut stream: Tls, behaviour: &Behaviour) {
    let mut received = Vec::new();
    while let Ok(1..) = stream.read_buf(&mut received).await {
        // A booking without options fits into one read.
        if received.windows(4).any(|window| window == b"\r\n\r\n") && received.ends_with(b"=1") {
            behaviour.requests.fetch_add(1, Ordering::SeqCst);
            received.clear();
            tokio::time::sleep(Duration::from_millis(20)).await;
            let response = b"HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n{\"_id\":\"1\"}";
            if stream.write_all(response).await.is_err() {
                return;
            }
        }
    }
}

fn booked() -> Behaviour {
    Behaviour {
        body: br#"{"_id":"1"}"#.to_vec(),
        ..Behaviour::default()
    }
}

fn start_many(service: Service, count: usize) -> Vec<Started> {
    let data = json!({"phonenumber": "1"});
    (0..count)
        .map(|_| start(service, "CallbackService.schedule", &data))
        .collect()
}

fn wait_all(service: Service, calls: &[Started]) {
    for call in calls {
        let answered = call.wait(service);
        assert_eq!(answered.status, 0, "{}", answered.text);
    }
}

#[test]
fn many_calls_share_one_connection() {
    let server = Server::start(booked());
    let service = server.service(json!({"maxConnections": 2, "ajaxTimeout": 20_000}));
    wait_all(service, &start_many(service, 500));
    wait_all(service, &start_many(service, 500));
    assert_eq!(server.connections(), 1);
    assert_eq!(service.close(), 0);
}

#[test]
fn max_connections_holds_after_the_server_falls_back_to_http_1() {
    let server = Server::start(booked());
    let service =
        server.service(json!({"maxConnections": 3, "maxConnectionAge": 1, "ajaxTimeout": 20_000}));
    wait_all(service, &start_many(service, 50));
    server.behaviour.only_http1.store(true, Ordering::SeqCst);
    std::thread::sleep(Duration::from_millis(10));
    server.behaviour.most_open.store(0, Ordering::SeqCst);
    wait_all(service, &start_many(service, 60));
    // The connection of before is closed when its last response has arrived.
    let most_open = server.behaviour.most_open.load(Ordering::SeqCst);
    assert!((3..=4).contains(&most_open), "{most_open}");
    // And HTTP/2 is used again when it is back.
    server.behaviour.only_http1.store(false, Ordering::SeqCst);
    std::thread::sleep(Duration::from_millis(10));
    let before = server.connections();
    wait_all(service, &start_many(service, 1));
    assert_eq!(server.connections(), before + 1);
    assert_eq!(service.close(), 0);
}

#[test]
fn http_1_connections_over_tls_are_reused() {
    let server = Server::start(booked());
    server.behaviour.only_http1.store(true, Ordering::SeqCst);
    let service = server.service(json!({"maxConnections": 4, "ajaxTimeout": 20_000}));
    wait_all(service, &start_many(service, 40));
    wait_all(service, &start_many(service, 40));
    assert!(server.connections() <= 4, "{}", server.connections());
    assert_eq!(service.close(), 0);
}

#[test]
fn busy_http2_connection_is_replaced_at_its_greatest_age() {
    let server = Server::start(booked());
    let service = server.service(json!({"maxConnectionAge": 200}));
    let started = Instant::now();
    while server.connections() < 3 {
        assert_eq!(Mode::Started.schedule(service).status, 0);
        assert!(started.elapsed() < Duration::from_secs(10));
    }
    // None before its time.
    assert!(started.elapsed() >= Duration::from_millis(400));
    assert_eq!(service.close(), 0);
}

#[test]
fn connection_is_discarded_after_a_timeout() {
    let server = Server::start(booked());
    let service = server.service(json!({"ajaxTimeout": 1_500}));
    assert_eq!(Mode::Started.schedule(service).status, 0);
    server.behaviour.is_silent.store(true, Ordering::SeqCst);
    let answered = Mode::Started.schedule(service);
    assert_eq!(answered.error(), "TIMEOUT");
    assert!(
        answered.message().ends_with("may have been made"),
        "{}",
        answered.message()
    );
    server.behaviour.is_silent.store(false, Ordering::SeqCst);
    assert_eq!(Mode::Started.schedule(service).status, 0);
    assert_eq!(server.connections(), 2);
    assert_eq!(service.close(), 0);
}

#[test]
fn truncated_response_is_noticed() {
    let server = Server::start(Behaviour {
        headers: vec![("content-length", "50".to_owned())],
        ..booked()
    });
    let answered = Mode::Started.schedule(server.service(json!({})));
    assert_eq!(answered.error(), "PROTOCOL", "{}", answered.text);
    assert!(
        answered.message().ends_with("may have been made"),
        "{}",
        answered.message()
    );
}

#[test]
fn length_of_a_response_without_a_body_is_ignored() {
    let server = Server::start(Behaviour {
        status: AtomicUsize::new(204),
        headers: vec![("content-length", "5".to_owned())],
        ..Behaviour::default()
    });
    let answered = Mode::Started.schedule(server.service(json!({})));
    assert_eq!(answered.status, 0, "{}", answered.text);
}

#[test]
fn encoded_response_is_decoded() {
    use std::io::Write;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(br#"{"_id":"1"}"#).unwrap();
    let body = encoder.finish().unwrap();
    for (encoding, expected) in [("gzip", "none"), ("br", "PROTOCOL")] {
        let server = Server::start(Behaviour {
            headers: vec![("content-encoding", encoding.to_owned())],
            body: body.clone(),
            ..Behaviour::default()
        });
        let answered = Mode::Started.schedule(server.service(json!({})));
        assert_eq!(answered.error(), expected, "{}", answered.text);
    }
}

#[test]
fn http2_goes_through_a_tunnel() {
    let server = Server::start(booked());
    let target = server.base.trim_start_matches("https://").to_owned();
    let proxy = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", proxy.local_addr().unwrap());
    std::thread::spawn(move || {
        use std::io::{BufRead, BufReader, Write};
        for client in proxy.incoming() {
            let mut client = client.unwrap();
            let upstream = std::net::TcpStream::connect(&target).unwrap();
            let lines = BufReader::new(client.try_clone().unwrap()).lines();
            for line in lines.map_while(Result::ok) {
                if line.is_empty() {
                    break;
                }
            }
            client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
            for (mut from, mut to) in [
                (client.try_clone().unwrap(), upstream.try_clone().unwrap()),
                (upstream, client),
            ] {
                std::thread::spawn(move || std::io::copy(&mut from, &mut to));
            }
        }
    });
    let service = server.service(json!({"proxy": {"url": url}}));
    wait_all(service, &start_many(service, 50));
    assert_eq!(server.connections(), 1);
    let answered = service.schedule(json!({"phonenumber": "1"}));
    assert_eq!(answered.status, 0, "{}", answered.text);
    assert_eq!(service.close(), 0);
}
