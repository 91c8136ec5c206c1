//! Opens connections: lookup, TCP, the proxy's tunnel, TLS.

use std::future::{poll_fn, Future};
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use http::HeaderValue;
use tokio::time::{timeout, timeout_at, Instant};
use url::{Position, Url};

use super::error::{setup_error, ConnectError};
use super::resolver::resolve;
use super::socket::{Io, Socket};
use super::tls::TlsClient;
use super::tunnel::open_tunnel;
use crate::config::connection::ConnectionSettings;
use crate::error::Result;

/// How long one address is tried before the next is tried beside it, as RFC 8305 recommends.
const ATTEMPT_DELAY: Duration = Duration::from_millis(250);

/// An open connection.
pub struct Connected {
    /// The connection to the server, or to the proxy that forwards requests.
    pub stream: Box<dyn Io>,
    /// The address at the other end.
    pub peer: SocketAddr,
    /// Whether the server has chosen HTTP/2.
    pub speaks_http2: bool,
}

/// Opens connections to one server.
pub struct Connector {
    /// How to connect.
    pub settings: Arc<ConnectionSettings>,
    /// The TLS configuration.
    pub tls: TlsClient,
    /// Whether HTTP/2 is offered to the server.
    pub offers_http2: bool,
    /// The `Host` header of its requests.
    pub host: HeaderValue,
}

impl Connector {
    /// A connector for these settings.
    pub fn new(
        settings: &Arc<ConnectionSettings>,
        tls: &TlsClient,
        offers_http2: bool,
    ) -> Result<Connector> {
        let host = &settings.origin[Position::BeforeHost..Position::AfterPort];
        Ok(Connector {
            host: HeaderValue::from_str(host).map_err(|error| setup_error(&error))?,
            settings: settings.clone(),
            tls: tls.clone(),
            offers_http2,
        })
    }

    /// Opens a connection before the deadline. An address to avoid is tried last.
    pub async fn connect(
        &self,
        avoid: Option<SocketAddr>,
        deadline: Instant,
    ) -> std::result::Result<Connected, ConnectError> {
        let Some(connect_timeout) = self.settings.connect_timeout else {
            return self.connect_until(avoid, deadline).await;
        };
        let until = deadline.min(Instant::now() + connect_timeout);
        timeout_at(until, self.connect_until(avoid, until))
            .await
            .unwrap_or(Err(ConnectError::TimedOut))
    }

    async fn connect_until(
        &self,
        avoid: Option<SocketAddr>,
        until: Instant,
    ) -> std::result::Result<Connected, ConnectError> {
        let origin = &self.settings.origin;
        let is_tls = origin.scheme() == "https";
        let (mut stream, peer) = match &self.settings.proxy {
            None => connect_tcp(origin, avoid, until).await?,
            Some(proxy) => {
                let (stream, peer) = connect_tcp(&proxy.url, avoid, until).await?;
                let mut stream = if proxy.url.scheme() == "https" {
                    let tls = self.tls.handshake(&proxy.url, stream, false).await;
                    tls.map_err(ConnectError::ProxyTls)?.0
                } else {
                    stream
                };
                if is_tls {
                    let authorization = proxy.authorization.as_ref();
                    let tunnel = open_tunnel(&mut stream, &authority(origin), authorization).await;
                    tunnel.map_err(ConnectError::Tunnel)?;
                }
                (stream, peer)
            }
        };
        let mut speaks_http2 = false;
        if is_tls {
            let tls = self.tls.handshake(origin, stream, self.offers_http2).await;
            (stream, speaks_http2) = tls.map_err(ConnectError::Tls)?;
        }
        Ok(Connected {
            stream,
            peer,
            speaks_http2,
        })
    }
}

/// Host and port.
fn authority(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    let port = url.port_or_known_default().unwrap_or_default();
    format!("{host}:{port}")
}

async fn connect_tcp(
    url: &Url,
    avoid: Option<SocketAddr>,
    until: Instant,
) -> std::result::Result<(Box<dyn Io>, SocketAddr), ConnectError> {
    let port = url.port_or_known_default().unwrap_or_default();
    let addresses = resolve(url.host_str().unwrap_or_default(), port)
        .await
        .map_err(ConnectError::Dns)?;
    let (socket, peer) = connect_any(in_order(addresses, avoid), until)
        .await
        .map_err(ConnectError::Tcp)?;
    Ok((Box::new(socket), peer))
}

/// The addresses with families in turn, beginning with the first one's, and the one to avoid last.
fn in_order(addresses: Vec<SocketAddr>, avoid: Option<SocketAddr>) -> Vec<SocketAddr> {
    let begins_with_ipv4 = addresses.first().is_some_and(SocketAddr::is_ipv4);
    let is_preferred = |address: &SocketAddr| address.is_ipv4() == begins_with_ipv4;
    let (preferred, others): (Vec<_>, Vec<_>) = addresses.into_iter().partition(is_preferred);
    let (mut preferred, mut others) = (preferred.into_iter(), others.into_iter());
    let mut ordered = Vec::new();
    while preferred.len() + others.len() > 0 {
        ordered.extend(preferred.next());
        ordered.extend(others.next());
    }
    ordered.sort_by_key(|address| Some(*address) == avoid);
    ordered
}

/// The first connection to come about. Each address has a head start over the next, shorter when
/// there is little time.
async fn connect_any(
    addresses: Vec<SocketAddr>,
    until: Instant,
) -> io::Result<(Socket, SocketAddr)> {
    let attempt = |address| async move { Ok((Socket::connect(address).await?, address)) };
    if let [address] = addresses[..] {
        return attempt(address).await;
    }
    let left = until.saturating_duration_since(Instant::now());
    let delay = ATTEMPT_DELAY.min(left / (addresses.len() as u32 + 1));
    let mut waiting = addresses.into_iter();
    let mut running = Vec::new();
    let mut failure = io::Error::from(io::ErrorKind::AddrNotAvailable);
    loop {
        if let Some(address) = waiting.next() {
            running.push(Box::pin(attempt(address)));
        } else if running.is_empty() {
            return Err(failure);
        }
        let next_result = first_of(&mut running);
        let result = if waiting.len() == 0 {
            next_result.await
        } else {
            match timeout(delay, next_result).await {
                Ok(result) => result,
                Err(_) => continue,
            }
        };
        match result {
            Ok(connected) => return Ok(connected),
            // A family that this machine has no route for says least.
            Err(error) if error.kind() != io::ErrorKind::NetworkUnreachable => failure = error,
            Err(error) if failure.kind() == io::ErrorKind::AddrNotAvailable => failure = error,
            Err(_) => {}
        }
    }
}

/// The output of the first future to be ready, which is removed.
async fn first_of<F: Future>(futures: &mut Vec<Pin<Box<F>>>) -> F::Output {
    poll_fn(|context| {
        for index in 0..futures.len() {
            if let Poll::Ready(output) = futures[index].as_mut().poll(context) {
                drop(futures.swap_remove(index));
                return Poll::Ready(output);
            }
        }
        Poll::Pending
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(texts: &[&str]) -> Vec<SocketAddr> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn families_take_turns_and_the_avoided_address_is_last() {
        let given = addresses(&["[::1]:1", "[::2]:1", "[::3]:1", "1.1.1.1:1", "2.2.2.2:1"]);
        assert_eq!(
            in_order(given.clone(), None),
            addresses(&["[::1]:1", "1.1.1.1:1", "[::2]:1", "2.2.2.2:1", "[::3]:1"])
        );
        assert_eq!(
            in_order(given, Some("1.1.1.1:1".parse().unwrap())),
            addresses(&["[::1]:1", "[::2]:1", "2.2.2.2:1", "[::3]:1", "1.1.1.1:1"])
        );
        let only = addresses(&["1.1.1.1:1"]);
        assert_eq!(in_order(only.clone(), Some(only[0])), only);
    }

    /// An address at which connections stay unanswered, on a loopback address of its own, and what
    /// keeps it so.
    fn black_hole() -> (SocketAddr, Vec<std::net::TcpStream>, std::net::TcpListener) {
        let listener = std::net::TcpListener::bind("127.0.0.3:0").unwrap();
        let address = listener.local_addr().unwrap();
        // Once the queue is full, the system drops further attempts.
        let wait = Duration::from_millis(300);
        let attempt = || std::net::TcpStream::connect_timeout(&address, wait);
        let queued = std::iter::from_fn(|| attempt().ok()).collect();
        (address, queued, listener)
    }

    fn connect_to(addresses: Vec<SocketAddr>, time: Duration) -> io::Result<SocketAddr> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let connected = connect_any(addresses, Instant::now() + time);
            timeout(time, connected).await?.map(|(_, peer)| peer)
        })
    }

    #[test]
    fn dead_address_does_not_use_up_the_time_of_the_others() {
        let (dead, _queued, _listener) = black_hole();
        let good = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let good = good.local_addr().unwrap();
        let refusing: SocketAddr = "127.0.0.1:1".parse().unwrap();
        for addresses in [
            vec![dead, good],
            vec![good, dead],
            vec![dead, dead, good],
            vec![refusing, dead, good],
            vec![refusing, refusing, good],
        ] {
            for time in [150, 500, 5_000] {
                let started = std::time::Instant::now();
                let peer = connect_to(addresses.clone(), Duration::from_millis(time)).unwrap();
                assert_eq!(peer, good, "{addresses:?} {time}");
                assert!(started.elapsed() < Duration::from_millis(time.min(1_500)));
            }
        }
        let refused = connect_to(vec![refusing; 3], Duration::from_secs(5)).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
        let started = std::time::Instant::now();
        assert!(connect_to(vec![dead; 3], Duration::from_millis(300)).is_err());
        assert!(started.elapsed() < Duration::from_millis(1_300));
    }
}
