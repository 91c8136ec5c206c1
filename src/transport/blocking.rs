//! An engine: what sends the requests of one call, driven by whichever thread has taken it.
//!
//! Driving a connection on the caller's own thread needs no thread of the library and no switch between threads.

use std::future::Future;
use std::io;
use std::pin::{pin, Pin};
use std::time::Duration;

use reqwest::{redirect, retry, Client, ClientBuilder};
use tokio::runtime::Runtime;
use tokio::task::{unconstrained, yield_now};
use tokio::time::{sleep_until, Instant, Sleep};

use super::connection::Direct;
use super::socket::IS_QUIET;
use super::{error, resolver};
use crate::config::connection::Connection;
use crate::error::{Error, Result};
use crate::process::{sys, threads};
use crate::status::Status;

/// Who this is to a server.
pub const AGENT: &str = concat!("callbackservice/", env!("CARGO_PKG_VERSION"));

/// A connection at rest is looked after so often; after so many looks without an answer it is given up.
pub const KEEPALIVE: Duration = Duration::from_secs(15);
/// See [`KEEPALIVE`].
pub const KEEPALIVE_PROBES: u32 = 3;
/// What was sent must be acknowledged within this time.
pub const UNACKNOWLEDGED: Duration = Duration::from_secs(30);

/// Which way requests go.
pub enum Way {
    /// Over a connection of the engine's own.
    Direct(Box<Direct>),
    /// By the HTTP client, which can do all.
    Client(Client),
}

impl Way {
    /// Whether its writes raise no SIGPIPE.
    fn is_quiet(&self) -> bool {
        IS_QUIET && matches!(self, Way::Direct(_))
    }
}

/// A way and the runtime that drives it.
pub struct Engine {
    runtime: Option<Runtime>,
    way: Option<Way>,
    /// The timer of all its exchanges: moving one ahead is much cheaper than making one.
    timer: Option<Pin<Box<Sleep>>>,
}

impl Engine {
    /// An engine without connections.
    pub fn new(connection: &Connection, tls: rustls::ClientConfig) -> Result<Engine> {
        let runtime = threads::new_runtime().map_err(refused)?;
        let way = match connection.proxy {
            None => Way::Direct(Box::new(Direct::new(connection, tls)?)),
            Some(_) => Way::Client(client(only_1_1(connection, tls), connection)?),
        };
        Ok(Engine {
            runtime: Some(runtime),
            way: Some(way),
            timer: None,
        })
    }

    /// Drives what `exchange` makes of the way to its end; `None` when the deadline comes first.
    pub fn run<'a, F>(
        &'a mut self,
        exchange: impl FnOnce(&'a mut Way) -> F,
        deadline: Instant,
    ) -> Result<Option<F::Output>>
    where
        F: Future + Send + 'a,
        F::Output: Send,
    {
        let Engine {
            runtime,
            way,
            timer,
        } = self;
        let (Some(runtime), Some(way)) = (runtime, way) else {
            unreachable!("an engine has its parts until it is dropped");
        };
        let is_quiet = way.is_quiet();
        let mut future = pin!(exchange(way));
        let drive = || {
            runtime.block_on(async {
                // Made here, where the runtime is at hand.
                let timer = timer.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
                timer.as_mut().reset(deadline);
                // Connections that rested notice what happened meanwhile, above all that the server has closed them.
                yield_now().await;
                tokio::select! {
                    biased;
                    output = future.as_mut() => Some(output),
                    // A server that sends without end uses up what a task may do in one turn; the time is looked at all the same.
                    () = unconstrained(timer) => None,
                }
            })
        };
        let drive = || threads::outside_runtime(drive).map_err(refused);
        if is_quiet {
            drive()
        } else {
            sys::with_sigpipe_blocked(drive)
        }
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.way = None;
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

fn refused(error: io::Error) -> Error {
    Error::new(
        Status::Internal,
        format!("the system refuses what a connection needs: {error}"),
    )
}

/// What one call after another is enough for.
fn only_1_1(connection: &Connection, mut tls: rustls::ClientConfig) -> ClientBuilder {
    tls.alpn_protocols = vec![b"http/1.1".to_vec()];
    builder(connection, tls).http1_only()
}

/// The rules of every HTTP client.
pub fn builder(connection: &Connection, tls: rustls::ClientConfig) -> ClientBuilder {
    let builder = Client::builder()
        .tls_backend_preconfigured(tls)
        .dns_resolver(resolver::Resolver)
        .redirect(redirect::Policy::none())
        .retry(retry::never())
        .referer(false)
        .tcp_nodelay(true)
        .tcp_keepalive(KEEPALIVE)
        .tcp_keepalive_interval(KEEPALIVE)
        .tcp_keepalive_retries(KEEPALIVE_PROBES)
        .user_agent(AGENT)
        .no_proxy();
    match connection.connect_timeout {
        Some(timeout) => builder.connect_timeout(timeout),
        None => builder,
    }
}

/// An HTTP client without connections.
pub fn client(mut builder: ClientBuilder, connection: &Connection) -> Result<Client> {
    if let Some(proxy) = &connection.proxy {
        let mut given = reqwest::Proxy::all(&proxy.url).map_err(error::unusable)?;
        if let Some(authorization) = &proxy.authorization {
            given = given.custom_http_auth(authorization.clone());
        }
        builder = builder.proxy(given);
    }
    builder.build().map_err(error::unusable)
}
