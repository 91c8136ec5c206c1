//! HTTP/2 for asynchronous calls: one connection carries all of them.

use std::sync::Arc;

use hyper::client::conn::http2::{Builder, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::time::Instant;
use url::{Position, Url};

use super::connection::IDLE_TIMEOUT;
use super::connector::Connected;
use super::error::TransportError;
use super::message::RequestContext;
use super::response::{read_response, ResponseOrRedirect};
use super::tracked_body::TrackedBody;
use crate::config::connection::ConnectionSettings;
use crate::error::Result;

/// The largest head of a response, in bytes.
const MAX_HEAD: u32 = 64 << 10;

/// A connection that carries many requests at once. Copies share it; it closes when the last one is
/// dropped.
#[derive(Clone)]
pub struct Http2 {
    sender: SendRequest<TrackedBody>,
    /// When it is too old for another request.
    max_age_at: Option<Instant>,
    identity: Arc<()>,
}

impl Http2 {
    /// Begins HTTP/2 on a connection with which it was negotiated. A task of the current runtime
    /// drives it.
    pub async fn open(
        connected: Connected,
        settings: &ConnectionSettings,
    ) -> std::result::Result<Http2, TransportError> {
        let (sender, driver) = Builder::new(TokioExecutor::new())
            .max_header_list_size(MAX_HEAD)
            .handshake(TokioIo::new(connected.stream))
            .await?;
        tokio::spawn(driver);
        Ok(Http2 {
            sender,
            max_age_at: settings.max_connection_age.map(|age| Instant::now() + age),
            identity: Arc::default(),
        })
    }

    /// Whether it takes another request.
    pub fn is_usable(&self) -> bool {
        self.sender.is_ready() && self.max_age_at.is_none_or(|age| Instant::now() < age)
    }

    /// Whether both are the same connection.
    pub fn is_same(&self, other: &Http2) -> bool {
        Arc::ptr_eq(&self.identity, &other.identity)
    }

    /// Whether no call uses the connection beside its owner.
    pub fn is_idle(&self) -> bool {
        Arc::strong_count(&self.identity) == 1
    }

    /// Sends a request and reads the response. The outer error means that none of the request was
    /// sent.
    pub async fn exchange(
        &mut self,
        url: &Url,
        context: &RequestContext<'_>,
    ) -> std::result::Result<Result<ResponseOrRedirect>, TransportError> {
        let request = match context.http_request(&url[..Position::AfterQuery]) {
            Ok(request) => request,
            Err(error) => return Ok(Err(error)),
        };
        let send = self.sender.try_send_request(request);
        match context.record_sending(send).await {
            Ok(response) => Ok(read_response(response, url, context).await),
            Err(mut unsent) => match unsent.take_message() {
                Some(_) => Err(unsent.into_error().into()),
                None => Ok(Err(context.error(unsent.into_error()))),
            },
        }
    }
}

/// The HTTP/2 connection of a transport, closed after a time without calls.
#[derive(Default)]
pub struct SharedHttp2 {
    current: Option<Http2>,
    used_at: Option<Instant>,
}

impl SharedHttp2 {
    /// The connection, if it takes another request.
    pub fn get(&mut self) -> Option<Http2> {
        self.current.take_if(|http2| !http2.is_usable());
        self.used_at = Some(Instant::now());
        self.current.clone()
    }

    /// Uses this connection from now on. Calls on an earlier one complete there.
    pub fn set(&mut self, http2: Http2) {
        self.current = Some(http2);
    }

    /// Stops using a connection.
    pub fn discard(&mut self, http2: &Http2) {
        self.current.take_if(|current| current.is_same(http2));
    }

    /// Closes a connection that is idle for too long, or closed by the server; when to look again.
    pub fn expire(&mut self) -> Option<Instant> {
        let now = Instant::now();
        let expires_at = self.used_at.map_or(now, |used_at| used_at + IDLE_TIMEOUT);
        self.current
            .take_if(|http2| !http2.is_usable() || (http2.is_idle() && expires_at <= now));
        let next = expires_at.max(now + std::time::Duration::from_secs(1));
        self.current.as_ref().map(|_| next)
    }

    /// The number of connections.
    pub fn len(&self) -> usize {
        self.current.iter().len()
    }
}
