//! A connection that belongs to one engine: HTTP/1.1, driven by the thread that calls, with nothing in between.
//!
//! Blocking commands send one request at a time, so a pool, a task for each connection and the wake-ups between them
//! would only cost time. Proxies, and HTTP/2 with its many requests at once, are left to the HTTP client.

use std::future::{poll_fn, Future};
use std::pin::{pin, Pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use http::header::{HeaderValue, HOST, USER_AGENT};
use http::{Method, Request, Response, Uri};
use hyper::body::Incoming;
use hyper::client::conn::http1::{Builder, Connection as Driver, SendRequest};
use hyper_rustls::{HttpsConnector, MaybeHttpsStream};
use hyper_util::client::legacy::connect::HttpConnector;
use reqwest::Url;
use tokio::task::yield_now;
use tower_service::Service;

use super::blocking::{AGENT, KEEPALIVE, KEEPALIVE_PROBES, UNACKNOWLEDGED};
use super::error::{unusable, Failed};
use super::message;
use super::resolver::Resolver;
use super::socket::{Quiet, QuietConnector};
use super::tracked_body::{Sent, Watched};
use crate::config::connection::Connection;
use crate::error::Result;
use crate::process::fork::lock;

/// How often an exchange and its connection take turns before the runtime has one.
const TURNS: usize = 2;

/// The most that is read at once, and the longest head of an answer, in bytes.
const MOST_READ: usize = 64 << 10;

/// At most one connection to the server.
pub struct Direct {
    connector: HttpsConnector<QuietConnector>,
    server: Uri,
    host: HeaderValue,
    connect_timeout: Option<Duration>,
    open: Option<Open>,
    bell: Arc<Bell>,
    waker: Waker,
}

/// An open connection.
struct Open {
    sender: SendRequest<Watched>,
    /// Moves bytes between the system and the exchange; `None` once the connection is closed. It is large.
    driver: Option<Box<Driver<MaybeHttpsStream<Quiet>, Watched>>>,
}

impl Direct {
    /// Prepares a connection; none is made yet.
    pub fn new(connection: &Connection, mut tls: rustls::ClientConfig) -> Result<Direct> {
        let server: Uri = connection.origin.as_str().parse().map_err(unusable)?;
        let host = server
            .authority()
            .map_or("", |authority| authority.as_str());
        let host = host
            .rsplit_once('@')
            .map_or(host, |(_, host)| host)
            .parse()
            .map_err(unusable)?;
        let mut plain = HttpConnector::new_with_resolver(Resolver);
        plain.enforce_http(false);
        plain.set_nodelay(true);
        plain.set_keepalive(Some(KEEPALIVE));
        plain.set_keepalive_interval(Some(KEEPALIVE));
        plain.set_keepalive_retries(Some(KEEPALIVE_PROBES));
        #[cfg(any(target_os = "android", target_os = "fuchsia", target_os = "linux"))]
        plain.set_tcp_user_timeout(Some(UNACKNOWLEDGED));
        tls.alpn_protocols = vec![b"http/1.1".to_vec()];
        let bell = Arc::new(Bell::default());
        Ok(Direct {
            connector: HttpsConnector::from((QuietConnector(plain), tls)),
            server,
            host,
            connect_timeout: connection.connect_timeout,
            open: None,
            waker: Waker::from(bell.clone()),
            bell,
        })
    }

    /// Sends a request and reads its answer, on the connection at hand or on a new one. When the server has closed the
    /// connection at hand before any of the request was sent, a new one takes its place.
    pub async fn exchange<R: Future>(
        &mut self,
        request: &message::Request,
        url: &Url,
        sent: &Sent,
        read: impl FnOnce(Response<Incoming>) -> R,
    ) -> std::result::Result<R::Output, Failed> {
        let mut request = self.http_request(request, url, sent)?;
        let mut open = self.open.take().and_then(|open| open.rested(&self.waker));
        loop {
            let is_rested = open.is_some();
            let Open {
                mut sender,
                mut driver,
            } = match open.take() {
                Some(open) => open,
                None => self.connect().await?,
            };
            let send = async {
                // Of a connection that has been closed, sending tells the same.
                let _ = sender.ready().await;
                sender.try_send_request(request).await
            };
            match self.driven(&mut driver, send).await {
                Ok(response) => {
                    let result = self.driven(&mut driver, read(response)).await;
                    self.open = driver.is_some().then_some(Open { sender, driver });
                    return Ok(result);
                }
                Err(mut unsent) => match unsent.take_message() {
                    Some(again) if is_rested => request = again,
                    _ => return Err(unsent.into_error().into()),
                },
            }
        }
    }

    /// Whether the connection is still open while it rests. The caretaker is woken when something happens to it.
    pub fn is_open(&mut self, caretaker: &Waker) -> bool {
        let Some(driver) = self.open.as_mut().and_then(|open| open.driver.as_mut()) else {
            return false;
        };
        let mut inner = Context::from_waker(&self.waker);
        self.bell.begin(caretaker);
        loop {
            if self.bell.hear() && Pin::new(&mut *driver).poll(&mut inner).is_ready() {
                return false;
            }
            if self.bell.rest() {
                return true;
            }
        }
    }

    fn http_request(
        &self,
        request: &message::Request,
        url: &Url,
        sent: &Sent,
    ) -> std::result::Result<Request<Watched>, Failed> {
        let target = match url.query() {
            Some(query) => Uri::try_from(format!("{}?{query}", url.path())),
            None => Uri::try_from(url.path()),
        };
        let mut made = Request::new(sent.watched(request.body.clone()));
        *made.method_mut() = if request.body.is_some() {
            Method::POST
        } else {
            Method::GET
        };
        *made.uri_mut() = target.map_err(Failed::other)?;
        *made.headers_mut() = request.headers.clone();
        made.headers_mut()
            .entry(USER_AGENT)
            .or_insert(HeaderValue::from_static(AGENT));
        made.headers_mut()
            .entry(HOST)
            .or_insert_with(|| self.host.clone());
        Ok(made)
    }

    async fn connect(&mut self) -> std::result::Result<Open, Failed> {
        let connecting = self.connector.call(self.server.clone());
        let stream = match self.connect_timeout {
            Some(timeout) => tokio::time::timeout(timeout, connecting)
                .await
                .map_err(|_| Failed::connect_timeout())?,
            None => connecting.await,
        };
        let (sender, driver) = Builder::new()
            .max_buf_size(MOST_READ)
            .handshake(stream.map_err(Failed::connecting)?)
            .await?;
        Ok(Open {
            sender,
            driver: Some(Box::new(driver)),
        })
    }

    /// Runs a future and the connection that it needs, until the future is over.
    async fn driven<F: Future>(
        &self,
        driver: &mut Option<Box<Driver<MaybeHttpsStream<Quiet>, Watched>>>,
        future: F,
    ) -> F::Output {
        let mut future = pin!(future);
        poll_fn(|outer| {
            let mut inner = Context::from_waker(&self.waker);
            self.bell.begin(outer.waker());
            for _ in 0..TURNS {
                self.bell.hear();
                if let Poll::Ready(output) = future.as_mut().poll(&mut inner) {
                    return Poll::Ready(output);
                }
                if driver
                    .as_mut()
                    .is_some_and(|driver| Pin::new(driver).poll(&mut inner).is_ready())
                {
                    *driver = None;
                } else if self.bell.rest() {
                    return Poll::Pending;
                }
            }
            self.bell.leave();
            // The runtime goes on with this when it has looked at deadlines and at all other connections.
            let _ = pin!(yield_now()).poll(outer);
            Poll::Pending
        })
        .await
    }
}

impl Open {
    /// The connection, unless the server has closed it while it rested, or has answered before the last request was
    /// written whole and never read the rest.
    fn rested(mut self, waker: &Waker) -> Option<Open> {
        let driver = self.driver.as_mut()?;
        match Pin::new(driver).poll(&mut Context::from_waker(waker)) {
            Poll::Pending if self.sender.is_ready() => Some(self),
            _ => None,
        }
    }
}

/// Wakes the thread only when it sleeps: the future and its connection wake each other all the time while it is at work
/// on them.
#[derive(Default)]
struct Bell {
    rung: AtomicBool,
    at_work: AtomicBool,
    sleeper: Mutex<Option<Waker>>,
}

impl Bell {
    /// Somebody is at work, and hears the bell without being woken.
    fn begin(&self, sleeper: &Waker) {
        self.at_work.store(true, Ordering::SeqCst);
        let mut known = lock(&self.sleeper);
        if !known.as_ref().is_some_and(|known| known.will_wake(sleeper)) {
            *known = Some(sleeper.clone());
        }
    }

    /// What has rung so far is heard; whether anything has.
    fn hear(&self) -> bool {
        self.rung.swap(false, Ordering::SeqCst)
    }

    /// Nobody is at work any more.
    fn leave(&self) {
        self.at_work.store(false, Ordering::SeqCst);
    }

    /// Goes to sleep, unless it has rung again.
    fn rest(&self) -> bool {
        self.leave();
        let rung = self.rung.load(Ordering::SeqCst);
        self.at_work.store(rung, Ordering::SeqCst);
        !rung
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Bell>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Bell>) {
        self.rung.store(true, Ordering::SeqCst);
        if !self.at_work.load(Ordering::SeqCst) {
            if let Some(sleeper) = lock(&self.sleeper).as_ref() {
                sleeper.wake_by_ref();
            }
        }
    }
}
