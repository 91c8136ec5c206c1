//! Starts the program and sends requests to it.

use std::io::{BufRead, BufReader, ErrorKind, Read, Result, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;

pub const FORM: &str = "application/x-www-form-urlencoded";
pub const JSON: &str = "application/json";
pub const V1: &str = "/genesys/1/service/callback";
pub const V3: &str = "/engagement/v3/callbacks";

/// A running server, which stops on drop.
pub struct Server {
    pub child: Child,
    pub address: String,
}

pub struct Response {
    pub status: u16,
    pub head: String,
    pub body: String,
}

pub fn program() -> Command {
    Command::new(env!("CARGO_BIN_EXE_callback-sandbox"))
}

/// Starts a server with these arguments on a free port.
pub fn start(arguments: &[&str]) -> Server {
    let mut child = program()
        .args(["--listen", "127.0.0.1:0"])
        .args(arguments)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let output = child.stdout.take().unwrap();
    BufReader::new(output).read_line(&mut line).unwrap();
    let address = line.trim_end().strip_prefix("listening on http://");
    let address = address.unwrap_or_else(|| panic!("first line: {line:?}"));
    Server {
        address: address.to_owned(),
        child,
    }
}

/// Starts a server with this configuration.
pub fn start_with(config: &str) -> Server {
    let file = TemporaryFile::new("toml");
    std::fs::write(file.path(), config).unwrap();
    start(&["--config", file.name()])
}

/// A unique file name. The file is removed on drop.
pub struct TemporaryFile(PathBuf);

impl TemporaryFile {
    pub fn new(extension: &str) -> TemporaryFile {
        let name = format!("sandbox-{}.{extension}", uuid::Uuid::new_v4());
        TemporaryFile(std::env::temp_dir().join(name))
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    pub fn name(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for TemporaryFile {
    fn drop(&mut self) {
        for suffix in ["", "-wal", "-shm", "-journal"] {
            let _ = std::fs::remove_file(format!("{}{suffix}", self.name()));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Server {
    pub fn connect(&self) -> TcpStream {
        connect(&self.address).unwrap()
    }

    /// Sends one request on a new connection. Headers are whole lines.
    pub fn send(&self, method: &str, path: &str, headers: &[&str], body: &[u8]) -> Response {
        send_to(&self.address, method, path, headers, body).unwrap()
    }

    pub fn get(&self, path: &str) -> Response {
        self.send("GET", path, &["x-api-key: sandbox-key"], b"")
    }

    pub fn post(&self, path: &str, content_type: &str, body: &str) -> Response {
        let content_type = format!("Content-Type: {content_type}");
        let headers = [content_type.as_str(), "x-api-key: sandbox-key"];
        self.send("POST", path, &headers, body.as_bytes())
    }

    pub fn post_json(&self, path: &str, body: Value) -> Response {
        self.post(path, JSON, &body.to_string())
    }
}

fn connect(address: &str) -> Result<TcpStream> {
    let stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(20)))?;
    Ok(stream)
}

/// Sends one request on a new connection. Fails if the connection breaks.
pub fn send_to(
    address: &str,
    method: &str,
    path: &str,
    headers: &[&str],
    body: &[u8],
) -> Result<Response> {
    let mut stream = connect(address)?;
    let mut request =
        format!("{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n");
    for header in headers {
        request += &format!("{header}\r\n");
    }
    if !body.is_empty() {
        request += &format!("Content-Length: {}\r\n", body.len());
    }
    request += "\r\n";
    stream.write_all(&[request.as_bytes(), body].concat())?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    let (head, body) = text
        .split_once("\r\n\r\n")
        .ok_or(ErrorKind::UnexpectedEof)?;
    Ok(Response {
        status: head.split(' ').nth(1).unwrap().parse().unwrap(),
        head: head.to_owned(),
        body: body.to_owned(),
    })
}

impl Response {
    pub fn json(&self) -> Value {
        assert_eq!(self.header("content-type"), Some(JSON), "{}", self.head);
        serde_json::from_str(&self.body).unwrap()
    }

    /// The JSON body of a response with this status.
    pub fn expect(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.body);
        self.json()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.head
            .lines()
            .filter_map(|line| line.split_once(": "))
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }
}
