//! The transport: one request in, one answer or error out, inside one deadline.
//!
//! Nothing here knows what the request is for, except whether it may be repeated.

mod blocking;
mod connection;
mod error;
mod idle_pool;
pub mod message;
mod resolver;
mod response;
mod socket;
mod tls;
mod tracked_body;

use std::future::Future;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use reqwest::{Client, Method, Url, Version};
use tokio::sync::Semaphore;
use tokio::time::{timeout_at, Instant};

use crate::config::connection::Connection;
use crate::config::Retry;
use crate::error::{Error, Result};
use crate::process::fork::lock;
use crate::process::{log, random};
use crate::status::Status;
use crate::transport::message::{Request, Response};
use blocking::{Engine, Way};
use connection::Direct;
use error::Failed;
use idle_pool::Resting;
use response::{receive, Received};
use tracked_body::Sent;

/// The bounds within which an exchange happens.
#[derive(Debug)]
pub struct Limits {
    /// When it must be over.
    pub deadline: Instant,
    /// The largest body that is read, in bytes.
    pub max_bytes: usize,
    /// When a request is repeated.
    pub retry: Retry,
}

/// An answer or an error, and how many requests it took.
pub struct Exchanged {
    /// What came of the last request.
    pub result: Result<Response>,
    /// Requests sent, or tried to send.
    pub attempts: u32,
    /// Whether the body of a booking may have reached the server.
    pub sent: bool,
}

/// How far an exchange has come, also when it is ended from outside.
#[derive(Default)]
struct Progress {
    attempts: AtomicU32,
    sent: Sent,
}

impl Progress {
    fn late(&self, request: &Request) -> Error {
        error::deadline_passed(&self.sent, request.body.is_none())
    }

    fn exchanged(&self, result: Result<Response>) -> Exchanged {
        Exchanged {
            result,
            attempts: self.attempts.load(Ordering::Relaxed),
            sent: self.sent.begun(),
        }
    }
}

const LONGEST_REDIRECT_CHAIN: usize = 10;

/// How long a started call's connection is kept for the next one, as the HTTP client keeps its own.
const LONGEST_REST: Duration = Duration::from_secs(90);

/// Engines kept for the next calls; more than this many calls at once make their own and drop them.
const IDLE_ENGINES: usize = 64;

/// Connections to one server, made and used by the threads that call.
pub struct Transport {
    connection: Arc<Connection>,
    tls: rustls::ClientConfig,
    idle: Mutex<Vec<Engine>>,
    shared: Shared,
}

/// What started calls share on the network thread.
struct Shared {
    /// For servers with which it might speak HTTP/2, and through proxies.
    client: Mutex<Option<Arc<Client>>>,
    /// For all other servers.
    resting: Resting,
    /// As many as there may be connections.
    permits: Semaphore,
    /// Whether a connection carries many requests at once (HTTP/2), so that permits are not for connections any more.
    multiplexes: AtomicBool,
}

/// Requests at once on connections that carry many.
const MULTIPLEXED_REQUESTS: usize = 100_000;

impl Transport {
    /// Prepares connections; none is made yet.
    pub fn new(connection: Arc<Connection>) -> Result<Transport> {
        let tls = tls::client_config(&connection)?;
        let shared = Shared {
            client: Mutex::default(),
            resting: Resting::new(LONGEST_REST),
            permits: Semaphore::new(connection.max_connections),
            multiplexes: AtomicBool::new(false),
        };
        Ok(Transport {
            connection,
            tls,
            idle: Mutex::new(Vec::new()),
            shared,
        })
    }

    /// Whether this transport serves a configuration.
    pub fn serves(&self, connection: &Connection) -> bool {
        *self.connection == *connection
    }

    /// Engines that wait for work.
    pub fn idle_engines(&self) -> usize {
        lock(&self.idle).len() + self.shared.resting.len()
    }

    /// Runs an exchange on the calling thread, until it is over or `stop` completes.
    pub fn run(
        &self,
        request: &Request,
        limits: &Limits,
        stop: impl Future<Output = Error> + Send,
    ) -> Exchanged {
        let progress = Progress::default();
        let taken = lock(&self.idle).pop();
        let mut engine =
            match taken.map_or_else(|| Engine::new(&self.connection, self.tls.clone()), Ok) {
                Ok(engine) => engine,
                Err(error) => return progress.exchanged(Err(error)),
            };
        let exchange = |way| async {
            tokio::select! {
                result = self.exchange(way, request, limits, &progress) => result,
                stopped = stop => Err(stopped),
            }
        };
        let result = match engine.run(exchange, limits.deadline) {
            Ok(Some(result)) => result,
            Ok(None) => Err(progress.late(request)),
            Err(error) => Err(error),
        };
        let mut idle = lock(&self.idle);
        if idle.len() < IDLE_ENGINES {
            idle.push(engine);
        }
        progress.exchanged(result)
    }

    /// Runs an exchange on the network thread.
    pub async fn send(&self, request: &Request, limits: &Limits) -> Exchanged {
        let progress = Progress::default();
        let result = self.send_when_free(request, limits, &progress).await;
        progress.exchanged(result)
    }

    async fn send_when_free(
        &self,
        request: &Request,
        limits: &Limits,
        progress: &Progress,
    ) -> Result<Response> {
        let permit = timeout_at(limits.deadline, self.shared.permits.acquire());
        // A permit that comes with the deadline is worth nothing.
        let Some(_permit) = permit
            .await
            .ok()
            .filter(|_| Instant::now() < limits.deadline)
        else {
            return Err(error::no_connection_free(self.connection.max_connections));
        };
        // Of ten thousand calls, those that wait for a permit should not keep room for what they will do with it.
        let is_direct = !self.connection.uses_tls() && self.connection.proxy.is_none();
        let in_time = match is_direct {
            true => timeout_at(
                limits.deadline,
                Box::pin(self.exchange_direct(request, limits, progress)),
            )
            .await
            .ok(),
            false => {
                let client = self.client()?;
                let mut way = Client::clone(&client);
                let exchange = Box::pin(self.exchange(&mut way, request, limits, progress));
                let in_time = timeout_at(limits.deadline, exchange).await.ok();
                if in_time.is_none() {
                    self.part_with(&client);
                }
                in_time
            }
        };
        in_time.unwrap_or_else(|| Err(progress.late(request)))
    }

    async fn exchange_direct(
        &self,
        request: &Request,
        limits: &Limits,
        progress: &Progress,
    ) -> Result<Response> {
        let resting = &self.shared.resting;
        let mut direct = match resting.take() {
            Some(direct) => direct,
            None => Direct::new(&self.connection, self.tls.clone())?,
        };
        let result = self.exchange(&mut direct, request, limits, progress).await;
        resting.put(direct);
        result
    }

    fn client(&self) -> Result<Arc<Client>> {
        let mut shared = lock(&self.shared.client);
        if let Some(client) = shared.as_ref() {
            return Ok(client.clone());
        }
        let made = blocking::client(
            blocking::builder(&self.connection, self.tls.clone()),
            &self.connection,
        )?;
        Ok(shared.insert(Arc::new(made)).clone())
    }

    /// Has the next call make connections of its own: the one that an unanswered request went over may be dead, although
    /// what stands in front of the server keeps it open, and over HTTP/2 all calls would take it.
    fn part_with(&self, client: &Arc<Client>) {
        let mut shared = lock(&self.shared.client);
        if self.shared.multiplexes.load(Ordering::Relaxed)
            && shared.as_ref().is_some_and(|own| Arc::ptr_eq(own, client))
        {
            *shared = None;
        }
    }

    /// Sends the request, and again where that can help, cannot do harm and there is time for it. Ended from outside when
    /// the deadline comes.
    async fn exchange(
        &self,
        way: &mut impl Carrier,
        request: &Request,
        limits: &Limits,
        progress: &Progress,
    ) -> Result<Response> {
        let repeatable = request.body.is_none();
        loop {
            let attempts = progress.attempts.fetch_add(1, Ordering::Relaxed) + 1;
            log::debug(|| {
                let method = if repeatable { "GET" } else { "POST" };
                format!(
                    "{method} to {}, attempt {attempts}",
                    self.connection.origin.origin().ascii_serialization()
                )
            });
            let result = self.attempt(way, request, limits, &progress.sent).await;
            let wait = match &result {
                _ if attempts >= limits.retry.attempts => None,
                Ok(answer) if repeatable => server_wait(answer, &limits.retry, attempts),
                Err(error) if error.retryable => Some(pause(&limits.retry, attempts)),
                _ => None,
            };
            match wait.and_then(|wait| Instant::now().checked_add(wait)) {
                Some(next) if next < limits.deadline => {
                    log::debug(|| format!("attempt {attempts} failed and will be repeated"));
                    tokio::time::sleep_until(next).await;
                }
                _ => return result,
            }
        }
    }

    async fn attempt(
        &self,
        way: &mut impl Carrier,
        request: &Request,
        limits: &Limits,
        sent: &Sent,
    ) -> Result<Response> {
        let mut url = request.url.clone();
        let mut passed = Vec::new();
        while passed.len() <= LONGEST_REDIRECT_CHAIN {
            let journey = Journey {
                transport: self,
                request,
                url: &url,
                limits,
                sent,
            };
            match way.carry(&journey).await? {
                Received::Redirect(next) if next == url || passed.contains(&next) => {
                    return Err(Error::new(
                        Status::Protocol,
                        "the server redirects in a circle; check dataURL",
                    ));
                }
                Received::Redirect(next) => passed.push(std::mem::replace(&mut url, next)),
                Received::Response(answer) => {
                    log::debug(|| format!("answered HTTP {}", answer.status));
                    return Ok(answer);
                }
            }
        }
        Err(Error::new(
            Status::Protocol,
            format!("the server redirects more than {LONGEST_REDIRECT_CHAIN} times"),
        ))
    }
}

/// One request on its way to one address.
struct Journey<'a> {
    transport: &'a Transport,
    request: &'a Request,
    url: &'a Url,
    limits: &'a Limits,
    sent: &'a Sent,
}

impl Journey<'_> {
    fn failed(&self, failed: Failed) -> Error {
        error::classify(
            failed,
            self.request.body.is_some(),
            self.sent,
            &self.transport.connection,
        )
    }
}

/// What takes a request to the server and brings the answer back.
trait Carrier {
    fn carry(&mut self, journey: &Journey<'_>) -> impl Future<Output = Result<Received>> + Send;
}

impl Carrier for Client {
    async fn carry(&mut self, journey: &Journey<'_>) -> Result<Received> {
        let shared = &journey.transport.shared;
        let request = http_request(journey.request, journey.url.clone(), journey.sent);
        let response = self
            .execute(request)
            .await
            .map_err(|error| journey.failed(error.into()))?;
        if response.version() == Version::HTTP_2
            && !shared.multiplexes.swap(true, Ordering::Relaxed)
        {
            shared.permits.add_permits(MULTIPLEXED_REQUESTS);
        }
        receive(response.into(), journey).await
    }
}

impl Carrier for Direct {
    async fn carry(&mut self, journey: &Journey<'_>) -> Result<Received> {
        let read = |response| receive(response, journey);
        let carried = self
            .exchange(journey.request, journey.url, journey.sent, read)
            .await;
        carried.map_err(|error| journey.failed(error))?
    }
}

impl Carrier for Way {
    async fn carry(&mut self, journey: &Journey<'_>) -> Result<Received> {
        match self {
            Way::Client(client) => client.carry(journey).await,
            Way::Direct(direct) => direct.carry(journey).await,
        }
    }
}

fn http_request(request: &Request, url: Url, sent: &Sent) -> reqwest::Request {
    let method = if request.body.is_some() {
        Method::POST
    } else {
        Method::GET
    };
    let mut made = reqwest::Request::new(method, url);
    *made.headers_mut() = request.headers.clone();
    if let Some(body) = &request.body {
        *made.body_mut() = Some(reqwest::Body::wrap(sent.watched(Some(body.clone()))));
    }
    made
}

/// How long to wait after an answer that tells to come back.
fn server_wait(answer: &Response, retry: &Retry, attempts: u32) -> Option<Duration> {
    match (answer.status, answer.retry_after) {
        (429 | 502 | 503 | 504, Some(wait)) => Some(wait),
        (502..=504, None) => Some(pause(retry, attempts)),
        _ => None,
    }
}

/// Half to all of a delay that doubles with every attempt, so that many clients do not come back together.
fn pause(retry: &Retry, attempts: u32) -> Duration {
    let doubled = retry
        .base_delay
        .saturating_mul(1 << (attempts - 1).min(16))
        .min(retry.max_delay);
    let half = doubled / 2;
    half + Duration::from_nanos(random::number() % (half.as_nanos() as u64 + 1))
}
