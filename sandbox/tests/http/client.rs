//! Starts the program and talks to it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;

pub const FORM: &str = "application/x-www-form-urlencoded";
pub const JSON: &str = "application/json";
pub const V1: &str = "/genesys/1/service/callback";
pub const V3: &str = "/engagement/v3/callbacks";

/// A running server; it ends with the value.
pub struct Server {
    pub child: Child,
    pub address: String,
}

pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

pub fn program() -> Command {
    Command::new(env!("CARGO_BIN_EXE_callback-sandbox"))
}

/// Starts a server with these arguments on a free port.
pub fn start(arguments: &[&str]) -> Server {
    let mut child = program().args(["--listen", "127.0.0.1:0"]).args(arguments).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    let output = child.stdout.take().unwrap();
    BufReader::new(output).read_line(&mut line).unwrap();
    let address = line.trim_end().strip_prefix("listening on http://");
    let address = address.unwrap_or_else(|| panic!("first line: {line:?}"));
    Server { address: address.to_owned(), child }
}

/// Starts a server with this configuration.
pub fn start_with(config: &str) -> Server {
    let file = temporary("toml");
    std::fs::write(&file, config).unwrap();
    let server = start(&["--config", file.to_str().unwrap()]);
    std::fs::remove_file(file).unwrap();
    server
}

/// A file name that nobody else has.
pub fn temporary(extension: &str) -> PathBuf {
    std::env::temp_dir().join(format!("sandbox-{}.{extension}", uuid::Uuid::new_v4()))
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Server {
    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream
    }

    /// One request on a connection of its own. Headers are whole lines.
    pub fn send(&self, method: &str, path: &str, headers: &[&str], body: &[u8]) -> Answer {
        let mut stream = self.connect();
        let mut head = format!("{method} {path} HTTP/1.1\r\nHost: sandbox\r\nConnection: close\r\n");
        for header in headers {
            head += header;
            head += "\r\n";
        }
        if !body.is_empty() {
            head += &format!("Content-Length: {}\r\n", body.len());
        }
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(b"\r\n").unwrap();
        stream.write_all(body).unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        Answer {
            status: head.split(' ').nth(1).unwrap().parse().unwrap(),
            head: head.to_owned(),
            body: body.to_owned(),
        }
    }

    pub fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &["x-api-key: sandbox-key"], b"")
    }

    pub fn post(&self, path: &str, content_type: &str, body: &str) -> Answer {
        let content_type = format!("Content-Type: {content_type}");
        let headers = [content_type.as_str(), "x-api-key: sandbox-key"];
        self.send("POST", path, &headers, body.as_bytes())
    }

    pub fn post_json(&self, path: &str, body: Value) -> Answer {
        self.post(path, JSON, &body.to_string())
    }
}

impl Answer {
    pub fn json(&self) -> Value {
        assert_eq!(self.header("content-type"), Some(JSON), "{}", self.head);
        serde_json::from_str(&self.body).unwrap()
    }

    /// The JSON body of an answer with this status.
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
