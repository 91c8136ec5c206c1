//! The connections of asynchronous calls, which all run on the network thread: one HTTP/2
//! connection that they share, or up to `maxConnections` HTTP/1.1 connections.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::task::{Poll, Waker};
use std::{future::poll_fn, future::Future, pin::pin};

use reqwest::Url;
use tokio::sync::{Mutex as AsyncMutex, Semaphore, SemaphorePermit};
use tokio::time::{sleep_until, timeout_at, Instant};

use super::connection::Connection;
use super::connector::Connector;
use super::error;
use super::http2::{Http2, SharedHttp2};
use super::idle_pool::IdlePool;
use super::message::RequestContext;
use super::response::ResponseOrRedirect;
use crate::error::Result;
use crate::process::fork::lock;

/// What asynchronous calls share.
pub struct AsyncSide {
    connector: Arc<Connector>,
    kept: Arc<Kept>,
    /// One for each HTTP/1.1 connection.
    permits: Semaphore,
    /// Held while a connection is opened that will probably carry HTTP/2: the other calls will use
    /// it, too.
    negotiating: AsyncMutex<()>,
    /// Whether the server chose HTTP/1.1 last.
    expects_http1: AtomicBool,
}

/// The connections that are kept open, and the task that closes them.
struct Kept {
    idle: IdlePool<Connection>,
    http2: Mutex<SharedHttp2>,
    reaper: Mutex<Reaper>,
}

/// A task on the network thread that closes connections which the server has closed, or which have
/// expired.
#[derive(Default)]
struct Reaper {
    is_started: bool,
    waker: Option<Waker>,
    wakes_at: Option<Instant>,
}

impl AsyncSide {
    /// No connections yet.
    pub fn new(connector: Arc<Connector>) -> AsyncSide {
        let max = connector.settings.max_connections;
        AsyncSide {
            kept: Arc::new(Kept {
                idle: IdlePool::new(max),
                http2: Mutex::default(),
                reaper: Mutex::default(),
            }),
            permits: Semaphore::new(max),
            negotiating: AsyncMutex::default(),
            expects_http1: AtomicBool::new(!connector.offers_http2),
            connector,
        }
    }

    /// What sends the requests of one call, when there may be another connection.
    pub async fn sender(&self, deadline: Instant) -> Result<AsyncSender<'_>> {
        let mut sender = AsyncSender {
            side: self,
            permit: None,
            connection: None,
            http2: None,
        };
        if self.http2().is_none() {
            sender.permit = Some(self.acquire(deadline).await?);
        }
        Ok(sender)
    }

    /// The number of connections that are kept open.
    pub fn len(&self) -> usize {
        self.kept.idle.len() + lock(&self.kept.http2).len()
    }

    fn http2(&self) -> Option<Http2> {
        if self.connector.offers_http2 {
            lock(&self.kept.http2).get()
        } else {
            None
        }
    }

    async fn acquire(&self, deadline: Instant) -> Result<SemaphorePermit<'_>> {
        let permit = timeout_at(deadline, self.permits.acquire()).await;
        let permit = permit.ok().and_then(std::result::Result::ok);
        // A permit acquired at the deadline is too late.
        permit
            .filter(|_| Instant::now() < deadline)
            .ok_or_else(|| error::no_connection_free(self.connector.settings.max_connections))
    }

    /// Opens a connection, unless another call has opened one for HTTP/2 meanwhile.
    async fn negotiate(
        &self,
        connection: &mut Connection,
        context: &RequestContext<'_>,
    ) -> Result<()> {
        let mut guard = None;
        if !self.expects_http1.load(Ordering::Relaxed) {
            guard = Some(self.negotiating.lock().await);
        }
        if self.http2().is_some() {
            return Ok(());
        }
        if self.expects_http1.load(Ordering::Relaxed) {
            guard = None;
        }
        let connected = connection.connect(context.limits.deadline).await;
        let connected = connected.map_err(|error| context.error(error))?;
        self.expects_http1
            .store(!connected.speaks_http2, Ordering::Relaxed);
        if connected.speaks_http2 {
            let http2 = Http2::open(connected, context.settings).await;
            let http2 = http2.map_err(|error| context.error(error))?;
            lock(&self.kept.http2).set(http2);
            self.kept.start_reaper();
        } else {
            let adopted = connection.adopt(connected).await;
            adopted.map_err(|error| context.error(error))?;
        }
        drop(guard);
        Ok(())
    }
}

impl Drop for AsyncSide {
    fn drop(&mut self) {
        // The reaper finds that nothing is kept any more.
        let reaper = lock(&self.kept.reaper).waker.take();
        self.kept = Arc::new(Kept {
            idle: IdlePool::new(0),
            http2: Mutex::default(),
            reaper: Mutex::default(),
        });
        reaper.into_iter().for_each(Waker::wake);
    }
}

/// Sends the requests of one call.
pub struct AsyncSender<'a> {
    side: &'a AsyncSide,
    permit: Option<SemaphorePermit<'a>>,
    connection: Option<Connection>,
    http2: Option<Http2>,
}

impl AsyncSender<'_> {
    /// Sends a request and reads the response.
    pub async fn send(
        &mut self,
        url: &Url,
        context: &RequestContext<'_>,
    ) -> Result<ResponseOrRedirect> {
        let side = self.side;
        let mut is_resent = false;
        loop {
            if let Some(http2) = side.http2() {
                // A call that shares a connection needs no permit for one.
                (self.permit, self.connection) = (None, None);
                let http2 = self.http2.insert(http2);
                match http2.exchange(url, context).await {
                    Ok(result) => return result,
                    Err(unsent) if is_resent => return Err(context.error(unsent)),
                    Err(_) => {
                        is_resent = true;
                        lock(&side.kept.http2).discard(http2);
                        continue;
                    }
                }
            }
            if self.permit.is_none() {
                self.permit = Some(side.acquire(context.limits.deadline).await?);
                continue;
            }
            let connection = self.connection.get_or_insert_with(|| {
                let idle = side.kept.idle.checkout();
                idle.unwrap_or_else(|| Connection::new(side.connector.clone()))
            });
            if !side.connector.offers_http2 || connection.is_reusable() {
                return connection.exchange(url, context).await;
            }
            side.negotiate(connection, context).await?;
        }
    }

    /// Keeps the connection open for the next call.
    pub fn keep(self) {
        if let Some(connection) = self.connection {
            self.side.kept.put(connection);
        }
    }

    /// Closes the connection after a timeout, so that the next call opens another: it may be dead
    /// even though a load balancer keeps it open.
    pub fn discard(self) {
        if let Some(http2) = &self.http2 {
            lock(&self.side.kept.http2).discard(http2);
        }
    }
}

impl Kept {
    fn put(self: &Arc<Self>, mut connection: Connection) {
        let Some(expires_at) = connection.idle_until() else {
            return;
        };
        self.start_reaper();
        let reaper = lock(&self.reaper);
        if let Some(waker) = &reaper.waker {
            if !connection.poll_idle(waker) {
                return;
            }
            if reaper.wakes_at.is_none_or(|wakes_at| expires_at < wakes_at) {
                waker.wake_by_ref();
            }
        }
        drop(reaper);
        self.idle.put(connection, expires_at);
    }

    /// Called on the network thread.
    fn start_reaper(self: &Arc<Self>) {
        let mut reaper = lock(&self.reaper);
        if !std::mem::replace(&mut reaper.is_started, true) {
            drop(tokio::spawn(run_reaper(Arc::downgrade(self))));
        }
    }

    /// Closes what needs to be; when to look again at the latest.
    fn reap(&self, waker: &Waker) -> Option<Instant> {
        let mut reaper = lock(&self.reaper);
        reaper.waker = Some(waker.clone());
        let idle = self.idle.expire(|connection| connection.poll_idle(waker));
        let http2 = lock(&self.http2).expire();
        reaper.wakes_at = idle.into_iter().chain(http2).min();
        reaper.wakes_at
    }
}

async fn run_reaper(kept: Weak<Kept>) {
    let mut timer = pin!(sleep_until(Instant::now()));
    poll_fn(|context| loop {
        let Some(kept) = kept.upgrade() else {
            return Poll::Ready(());
        };
        let Some(next) = kept.reap(context.waker()) else {
            return Poll::Pending;
        };
        timer.as_mut().reset(next);
        if timer.as_mut().poll(context).is_pending() {
            return Poll::Pending;
        }
    })
    .await
}
