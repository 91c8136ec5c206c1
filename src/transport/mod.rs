//! HTTP: one request in, one response or error out, within a deadline.
//!
//! This layer does not know what a request is for, only whether it may be repeated.
//!
//! A blocking call drives its own HTTP/1.1 connection ([`blocking`]); asynchronous calls share the
//! connections of the network thread ([`async_side`]). Both send with [`retry`], which follows
//! redirects ([`redirect`]) over a [`sender`]. [`connector`] opens connections, [`response`] reads
//! responses.

mod async_side;
mod blocking;
mod connection;
mod connector;
pub mod decoding;
mod error;
mod http2;
mod idle_pool;
mod keep_alive;
pub mod message;
mod redirect;
mod resolver;
mod response;
mod retry;
mod sender;
mod socket;
mod tls;
mod tracked_body;
mod tunnel;
#[cfg(windows)]
mod windows_verifier;

use std::future::Future;
use std::sync::Arc;

use tokio::time::timeout_at;

use crate::config::connection::ConnectionSettings;
use crate::error::{Error, Result};
use crate::transport::message::{
    ExchangeLimits, ExchangeResult, Progress, Request, RequestContext,
};
use async_side::AsyncSide;
use blocking::BlockingConnection;
use connector::Connector;
use idle_pool::IdlePool;
use retry::send_with_retries;
use sender::HttpSender;
use tls::TlsClient;

/// The most idle connections of blocking calls; each has four descriptors. More calls at once open
/// their own and close them.
const MAX_IDLE_BLOCKING: usize = 16;

/// Connections to one server.
pub struct Transport {
    settings: Arc<ConnectionSettings>,
    tls: TlsClient,
    /// Connects for blocking calls.
    connector: Arc<Connector>,
    idle: IdlePool<BlockingConnection>,
    async_side: AsyncSide,
}

impl Transport {
    /// Prepares connections; none is opened yet.
    pub fn new(settings: Arc<ConnectionSettings>) -> Result<Transport> {
        let tls = TlsClient::new(&settings)?;
        let offers_http2 = settings.origin.scheme() == "https";
        let connector = |offers_http2| Connector::new(&settings, &tls, offers_http2).map(Arc::new);
        Ok(Transport {
            connector: connector(false)?,
            idle: IdlePool::new(MAX_IDLE_BLOCKING),
            async_side: AsyncSide::new(connector(offers_http2)?),
            settings,
            tls,
        })
    }

    /// Whether these settings lead to the same connections.
    pub fn matches(&self, settings: &Arc<ConnectionSettings>) -> bool {
        Arc::ptr_eq(&self.settings, settings) || *self.settings == **settings
    }

    /// The number of connections that are kept open.
    pub fn idle_connections(&self) -> usize {
        self.expire_idle();
        self.idle.len() + self.async_side.len()
    }

    /// Sends a request and waits for the response on the calling thread, until `stop` completes.
    pub fn execute_blocking(
        &self,
        request: &Request,
        limits: &ExchangeLimits,
        stop: impl Future<Output = Error> + Send,
    ) -> ExchangeResult {
        let progress = Progress::default();
        let idle = self.idle.checkout();
        let mut connection =
            match idle.map_or_else(|| BlockingConnection::new(self.connector.clone()), Ok) {
                Ok(connection) => connection,
                Err(error) => return progress.finish(Err(error)),
            };
        let context = self.context(request, limits, &progress);
        let exchange = |connection| async {
            let mut sender = HttpSender::Blocking(connection);
            tokio::select! {
                result = send_with_retries(&mut sender, &context) => result,
                stopped = stop => Err(stopped),
            }
        };
        let result = match connection.block_until(exchange, limits.deadline) {
            Ok(Some(result)) => result,
            Ok(None) => Err(progress.timeout_error(request)),
            Err(error) => Err(error),
        };
        let expires_at = connection.idle_until();
        self.idle.put(connection, expires_at);
        progress.finish(result)
    }

    /// Sends a request and waits for the response, on the network thread.
    /// `progress` tells others how far it has come.
    pub async fn execute(
        &self,
        request: &Request,
        limits: &ExchangeLimits,
        progress: &Progress,
    ) -> ExchangeResult {
        let context = self.context(request, limits, progress);
        self.expire_idle();
        let mut sender = match self.async_side.sender(limits.deadline).await {
            Ok(sender) => sender,
            Err(error) => return progress.finish(Err(error)),
        };
        // Boxed, so that thousands of calls that wait for a connection need little memory.
        let exchange = Box::pin(async {
            send_with_retries(&mut HttpSender::Async(&mut sender), &context).await
        });
        let result = match timeout_at(limits.deadline, exchange).await {
            Ok(result) => {
                sender.keep();
                result
            }
            Err(_) => {
                sender.discard();
                Err(progress.timeout_error(request))
            }
        };
        progress.finish(result)
    }

    fn context<'a>(
        &'a self,
        request: &'a Request,
        limits: &'a ExchangeLimits,
        progress: &'a Progress,
    ) -> RequestContext<'a> {
        RequestContext {
            request,
            limits,
            settings: &self.settings,
            certificate_requested: &self.tls.certificate_requested,
            progress,
        }
    }

    /// Closes idle connections of blocking calls that have expired. No thread does that, so every
    /// call does.
    fn expire_idle(&self) {
        self.idle.expire(|_| true);
    }
}
