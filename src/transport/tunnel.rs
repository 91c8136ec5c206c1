//! A tunnel through an HTTP proxy, opened with CONNECT.

use std::io;

use http::HeaderValue;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use zeroize::Zeroizing;

/// The most that is read of the proxy's response, in bytes.
const MAX_RESPONSE: usize = 64 << 10;

/// Why a proxy has not opened a tunnel.
#[derive(Debug)]
pub enum TunnelError {
    /// It refused, with this status.
    Refused(u16),
    /// It closed the connection.
    Closed,
    /// Its response is not one to CONNECT.
    Malformed,
    /// The connection failed.
    Io(io::Error),
}

impl From<io::Error> for TunnelError {
    fn from(error: io::Error) -> TunnelError {
        TunnelError::Io(error)
    }
}

/// Opens a tunnel to a `host:port` over a connection to the proxy. The caller limits the time.
pub async fn open_tunnel(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    target: &str,
    authorization: Option<&HeaderValue>,
) -> Result<(), TunnelError> {
    let start = format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n");
    // Room for all of it, so that no copy of the credentials is left behind as it grows.
    let room = start.len() + authorization.map_or(0, |value| value.len()) + 64;
    let mut request = Zeroizing::new(Vec::with_capacity(room));
    request.extend_from_slice(start.as_bytes());
    if let Some(value) = authorization {
        request.extend_from_slice(b"Proxy-Authorization: ");
        request.extend_from_slice(value.as_bytes());
        request.extend_from_slice(b"\r\n");
    }
    request.extend_from_slice(b"\r\n");
    stream.write_all(&request).await?;
    stream.flush().await?;
    let mut received = Vec::new();
    loop {
        while let Some(length) = head_length(&received) {
            let status = parse_status(&received).ok_or(TunnelError::Malformed)?;
            match status {
                100..=199 => drop(received.drain(..length)),
                // The server speaks only after the client, so nothing can follow.
                200..=299 if received.len() == length => return Ok(()),
                200..=299 => return Err(TunnelError::Malformed),
                _ => return Err(TunnelError::Refused(status)),
            }
        }
        if received.len() >= MAX_RESPONSE {
            return Err(TunnelError::Malformed);
        }
        if stream.read_buf(&mut received).await? == 0 {
            return Err(TunnelError::Closed);
        }
    }
}

/// The length of a head, the empty line included.
fn head_length(bytes: &[u8]) -> Option<usize> {
    let ends_at = |pattern: &[u8]| {
        let start = bytes
            .windows(pattern.len())
            .position(|window| window == pattern);
        start.map(|start| start + pattern.len())
    };
    [ends_at(b"\r\n\r\n"), ends_at(b"\n\n")]
        .into_iter()
        .flatten()
        .min()
}

fn parse_status(head: &[u8]) -> Option<u16> {
    let rest = head.strip_prefix(b"HTTP/1.")?.get(1..)?;
    let digits = rest.strip_prefix(b" ")?.get(..3)?;
    let status = std::str::from_utf8(digits).ok()?.parse().ok()?;
    (100..=599).contains(&status).then_some(status)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn open(response: &[u8]) -> Result<(), TunnelError> {
        let (mut client, mut proxy) = tokio::io::duplex(1 << 20);
        proxy.write_all(response).await.unwrap();
        proxy.shutdown().await.unwrap();
        open_tunnel(&mut client, "a.example:443", None).await
    }

    #[test]
    fn response_to_connect_is_understood() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        runtime.block_on(async {
            for response in [
                "HTTP/1.1 200 Connection established\r\n\r\n",
                "HTTP/1.0 200\r\n\r\n",
                "HTTP/1.1 204 No\r\nVia: x\r\n\r\n",
                "HTTP/1.1 299 OK\n\n",
                "HTTP/1.1 103 Early\r\nLink: x\r\n\r\nHTTP/1.1 201 Made\r\n\r\n",
            ] {
                assert!(open(response.as_bytes()).await.is_ok(), "{response}");
            }
            for status in [301, 403, 407, 429, 503] {
                let response = format!("HTTP/1.1 {status} No\r\nContent-Length: 2\r\n\r\nno");
                let error = open(response.as_bytes()).await.unwrap_err();
                assert!(matches!(error, TunnelError::Refused(refused) if refused == status));
            }
            let endless = format!("HTTP/1.1 200 OK\r\nX: {}", "x".repeat(100_000));
            let interim = "HTTP/1.1 100 Go\r\n\r\n".repeat(5_000);
            for response in [
                "HTTP/1.1 200 OK\r\n\r\nmore",
                "HTTP/1.1 20",
                "SSH-2.0-x\r\n\r\n",
                "HTTP/2 200\r\n\r\n",
                "HTTP/1.1 999 X\r\n\r\n",
                &endless,
            ] {
                let error = open(response.as_bytes()).await.unwrap_err();
                assert!(
                    matches!(error, TunnelError::Malformed | TunnelError::Closed),
                    "{error:?}"
                );
            }
            assert!(matches!(
                open(interim.as_bytes()).await,
                Err(TunnelError::Closed)
            ));
            assert!(matches!(open(b"").await, Err(TunnelError::Closed)));
        });
    }
}
