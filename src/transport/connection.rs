//! One HTTP/1.1 connection, driven by the task that uses it.
//!
//! There is no task for each connection, and no wake-ups between tasks: the future that waits for a
//! response also moves the bytes.

use std::future::{poll_fn, Future};
use std::net::SocketAddr;
use std::pin::{pin, Pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use http::header::{HOST, PROXY_AUTHORIZATION};
use http::{HeaderMap, Request};
use hyper::client::conn::http1::{Builder, Connection as Driver, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::time::Instant;
use url::{Position, Url};

use super::connector::{Connected, Connector};
use super::error::TransportError;
use super::keep_alive::KeepAlive;
use super::message::RequestContext;
use super::response::{read_response, ResponseOrRedirect};
use super::socket::Io;
use super::tracked_body::TrackedBody;
use crate::error::Result;

/// How long a connection is kept idle when the server announces nothing. A NAT or firewall may drop
/// an older one.
pub const IDLE_TIMEOUT: Duration = Duration::from_secs(90);

/// The most that is read at once, and the largest head of a response, in bytes.
const MAX_READ: usize = 64 << 10;

type Http1Driver = Driver<TokioIo<Box<dyn Io>>, TrackedBody>;

/// A connection that opens when it is first used, and again when the server has closed it.
pub struct Connection {
    connector: Arc<Connector>,
    open: Option<OpenConnection>,
    /// The address at which the last exchange failed: the next connection is made to another one,
    /// if there is one.
    failed_at: Option<SocketAddr>,
}

struct OpenConnection {
    sender: SendRequest<TrackedBody>,
    /// Moves bytes between the socket and the exchange; `None` once the connection is closed. It is
    /// large.
    driver: Option<Box<Http1Driver>>,
    peer: SocketAddr,
    /// When it is too old for another request.
    max_age_at: Option<Instant>,
    /// When it has been idle for too long.
    idle_until: Instant,
    requests_left: Option<u64>,
}

impl Connection {
    /// A connection that is not open yet.
    pub fn new(connector: Arc<Connector>) -> Connection {
        Connection {
            connector,
            open: None,
            failed_at: None,
        }
    }

    /// Sends a request and reads the response, on the open connection or a new one. If the server
    /// closed the open connection before any of the request was sent, a new one takes its place.
    pub async fn exchange(
        &mut self,
        url: &Url,
        context: &RequestContext<'_>,
    ) -> Result<ResponseOrRedirect> {
        let mut request = self.http_request(url, context)?;
        let mut reusable = self.take_reusable();
        loop {
            let is_reused = reusable.is_some();
            let mut open = match reusable.take() {
                Some(open) => open,
                None => {
                    let connected = self.connect(context.limits.deadline).await;
                    let connected = connected.map_err(|error| context.error(error))?;
                    self.handshake(connected)
                        .await
                        .map_err(|error| context.error(error))?
                }
            };
            // Stays so if this future is dropped.
            self.failed_at = Some(open.peer);
            let send = async {
                // If the connection is closed, sending fails with the same error.
                let _ = open.sender.ready().await;
                open.sender.try_send_request(request).await
            };
            match drive(&mut open.driver, context.record_sending(send)).await {
                Ok(response) => {
                    self.failed_at = None;
                    open.note_response(response.headers());
                    let read = read_response(response, url, context);
                    let result = drive(&mut open.driver, read).await;
                    self.open = open.driver.is_some().then_some(open);
                    return result;
                }
                Err(mut unsent) => match unsent.take_message() {
                    Some(message) if is_reused => request = message,
                    _ => return Err(context.error(unsent.into_error())),
                },
            }
        }
    }

    /// Opens a connection before the deadline.
    pub async fn connect(
        &mut self,
        deadline: Instant,
    ) -> std::result::Result<Connected, TransportError> {
        Ok(self.connector.connect(self.failed_at, deadline).await?)
    }

    /// Uses an open connection with which HTTP/2 was not negotiated.
    pub async fn adopt(&mut self, connected: Connected) -> std::result::Result<(), TransportError> {
        self.open = Some(self.handshake(connected).await?);
        Ok(())
    }

    /// Whether the next exchange needs no new connection.
    pub fn is_reusable(&mut self) -> bool {
        self.open = self.take_reusable();
        self.open.is_some()
    }

    /// Until when the open connection can stay idle.
    pub fn idle_until(&self) -> Option<Instant> {
        let open = self.open.as_ref().filter(|open| open.driver.is_some())?;
        Some(open.expires_at())
    }

    /// Whether an idle connection is still open. Wakes the reaper when something happens to it.
    pub fn poll_idle(&mut self, reaper: &Waker) -> bool {
        let Some(driver) = self.open.as_mut().and_then(|open| open.driver.as_mut()) else {
            return false;
        };
        Pin::new(driver)
            .poll(&mut Context::from_waker(reaper))
            .is_pending()
    }

    fn take_reusable(&mut self) -> Option<OpenConnection> {
        let mut open = self.open.take()?;
        let driver = open.driver.as_mut()?;
        // Closed by the server, or the last request was not read to its end before the response.
        let is_closed = Pin::new(driver)
            .poll(&mut Context::from_waker(Waker::noop()))
            .is_ready();
        let is_usable = !is_closed
            && open.sender.is_ready()
            && open.requests_left != Some(0)
            && Instant::now() < open.expires_at();
        is_usable.then_some(open)
    }

    async fn handshake(
        &self,
        connected: Connected,
    ) -> std::result::Result<OpenConnection, TransportError> {
        let (sender, driver) = Builder::new()
            .max_buf_size(MAX_READ)
            .allow_spaces_after_header_name_in_responses(true)
            .ignore_invalid_headers_in_responses(true)
            .handshake(TokioIo::new(connected.stream))
            .await?;
        let now = Instant::now();
        Ok(OpenConnection {
            sender,
            driver: Some(Box::new(driver)),
            peer: connected.peer,
            max_age_at: self
                .connector
                .settings
                .max_connection_age
                .map(|age| now + age),
            idle_until: now + IDLE_TIMEOUT,
            requests_left: None,
        })
    }

    /// A proxy that forwards requests needs the whole URL and its credentials; a server gets path
    /// and query.
    fn http_request(
        &self,
        url: &Url,
        context: &RequestContext<'_>,
    ) -> Result<Request<TrackedBody>> {
        let settings = &self.connector.settings;
        let forwarding = settings.proxy.as_ref().filter(|_| url.scheme() == "http");
        let mut request = match forwarding {
            Some(_) => context.http_request(&url[..Position::AfterQuery])?,
            None => context.http_request(&url[Position::BeforePath..Position::AfterQuery])?,
        };
        let headers = request.headers_mut();
        if let Some(authorization) = forwarding.and_then(|proxy| proxy.authorization.as_ref()) {
            headers.insert(PROXY_AUTHORIZATION, authorization.clone());
        }
        headers
            .entry(HOST)
            .or_insert_with(|| self.connector.host.clone());
        Ok(request)
    }
}

/// Polls a future and the connection that it needs, until the future is ready.
async fn drive<F: Future>(driver: &mut Option<Box<Http1Driver>>, future: F) -> F::Output {
    let mut future = pin!(future);
    poll_fn(|context| {
        if let Poll::Ready(output) = future.as_mut().poll(context) {
            return Poll::Ready(output);
        }
        let is_closed = driver
            .as_mut()
            .is_some_and(|driver| Pin::new(driver).poll(context).is_ready());
        if is_closed {
            *driver = None;
        }
        // What the connection has read or written may be what the future waits for.
        future.as_mut().poll(context)
    })
    .await
}

impl OpenConnection {
    /// Takes note of what the server announces about the connection.
    fn note_response(&mut self, headers: &HeaderMap) {
        let keep_alive = KeepAlive::parse(headers);
        let timeout = keep_alive.idle_timeout.unwrap_or(IDLE_TIMEOUT);
        self.idle_until = Instant::now() + timeout.min(IDLE_TIMEOUT);
        self.requests_left = keep_alive.requests_left;
    }

    fn expires_at(&self) -> Instant {
        self.max_age_at
            .map_or(self.idle_until, |age| age.min(self.idle_until))
    }
}
