//! A small HTTP server whose every byte a test decides.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{mpsc, Arc, Mutex};
use std::time::{Duration, Instant};

/// A request as it came.
#[derive(Clone, Debug)]
pub struct RecordedRequest {
    pub method: String,
    pub target: String,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl RecordedRequest {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }
}

/// What the server does after its answer.
#[derive(PartialEq)]
pub enum AfterResponse {
    KeepOpen,
    Close,
}

/// A server that runs until the process ends.
pub struct Server {
    pub base: String,
    received: Arc<Mutex<Vec<RecordedRequest>>>,
    connections: Arc<AtomicUsize>,
    closes: Arc<AtomicUsize>,
}

impl Server {
    /// Answers every request with what `answer` writes.
    pub fn start(
        answer: impl Fn(&RecordedRequest, &mut TcpStream) -> AfterResponse + Send + Sync + 'static,
    ) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let server = Server {
            base,
            received: Arc::default(),
            connections: Arc::default(),
            closes: Arc::default(),
        };
        let (received, connections, closes) = (
            server.received.clone(),
            server.connections.clone(),
            server.closes.clone(),
        );
        let answer = Arc::new(answer);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                connections.fetch_add(1, Ordering::SeqCst);
                let (received, closes, answer) = (received.clone(), closes.clone(), answer.clone());
                std::thread::spawn(move || {
                    serve(stream.unwrap(), &received, &*answer);
                    closes.fetch_add(1, Ordering::SeqCst);
                });
            }
        });
        server
    }

    /// Answers every request with one JSON body.
    pub fn json(status: u16, body: &str) -> Server {
        let body = body.to_owned();
        Server::start(move |_, stream| {
            reply(
                stream,
                status,
                &[("Content-Type", "application/json")],
                &body,
            );
            AfterResponse::KeepOpen
        })
    }

    pub fn received(&self) -> Vec<RecordedRequest> {
        self.received.lock().unwrap().clone()
    }

    /// The requests since the last time.
    pub fn take_received(&self) -> Vec<RecordedRequest> {
        std::mem::take(&mut self.received.lock().unwrap())
    }

    /// Waits until the server has closed this many connections; on loopback, the client's end knows
    /// by then.
    pub fn wait_for_closes(&self, closes: usize) {
        let deadline = Instant::now() + Duration::from_secs(10);
        while self.closes.load(Ordering::SeqCst) < closes {
            assert!(Instant::now() < deadline, "the server has not closed");
            std::thread::yield_now();
        }
    }

    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

/// A server that makes every booking.
pub fn booking() -> Server {
    Server::json(200, r#"{"_id":"1"}"#)
}

/// A server that never answers, and a channel that reports each request.
pub fn unresponsive_server() -> (Server, mpsc::Receiver<()>) {
    let (arrived, arrival) = mpsc::channel();
    let arrived = Mutex::new(arrived);
    let server = Server::start(move |_, _| {
        let _ = arrived.lock().unwrap().send(());
        AfterResponse::KeepOpen
    });
    (server, arrival)
}

/// Writes a whole answer.
pub fn reply(stream: &mut TcpStream, status: u16, headers: &[(&str, &str)], body: &str) {
    let mut head = format!("HTTP/1.1 {status} Text\r\n");
    for (name, value) in headers {
        head += &format!("{name}: {value}\r\n");
    }
    if status != 204 {
        head += &format!("Content-Length: {}\r\n", body.len());
    }
    let _ = stream.write_all(format!("{head}\r\n{body}").as_bytes());
}

fn serve(
    stream: TcpStream,
    received: &Mutex<Vec<RecordedRequest>>,
    answer: &dyn Fn(&RecordedRequest, &mut TcpStream) -> AfterResponse,
) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut stream = stream;
    while let Some(request) = read(&mut reader) {
        received.lock().unwrap().push(request.clone());
        if answer(&request, &mut stream) == AfterResponse::Close {
            let _ = stream.shutdown(std::net::Shutdown::Both);
            return;
        }
    }
}

fn read(reader: &mut impl BufRead) -> Option<RecordedRequest> {
    let mut line = || {
        let mut line = String::new();
        reader
            .read_line(&mut line)
            .ok()
            .filter(|length| *length > 0)?;
        Some(line.trim_end().to_owned())
    };
    let first = line()?;
    let mut words = first.split(' ').map(str::to_owned);
    let (method, target) = (words.next()?, words.next()?);
    let mut headers = Vec::new();
    loop {
        let line = line()?;
        let Some((name, value)) = line.split_once(':') else {
            break;
        };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let length = headers
        .iter()
        .find(|(name, _)| name == "content-length")
        .map_or(0, |(_, value)| value.parse().unwrap());
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(RecordedRequest {
        method,
        target,
        headers,
        body: String::from_utf8(body).unwrap(),
    })
}
