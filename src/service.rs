//! A service: a configuration, its subscribers, its connections, and the way of a command through all of them.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::sync::Notify;

use crate::command::{Command, CONFIGURE};
use crate::config::Config;
use crate::error::{Error, Result};
use crate::events::{Bus, Filter, Handler};
use crate::guarded::{generation, Guarded, PerProcess};
use crate::json::{self, Object};
use crate::log;
use crate::outcome::Outcome;
use crate::status::Status;
use crate::transport::{Exchanged, Limits, Transport};
use crate::wire;

/// One initialised service.
pub struct Service {
    config: Guarded<Arc<Config>>,
    bus: Bus,
    closed: AtomicBool,
    local: PerProcess<Local>,
    resolved: AtomicU64,
    rejected: AtomicU64,
}

/// What belongs to one process: connections, and the calls that are running.
#[derive(Default)]
struct Local {
    transport: Mutex<Option<Arc<Transport>>>,
    running: Mutex<usize>,
    ended: Condvar,
    stop: Notify,
}

/// What diagnostics tell of a service; nothing of it is secret.
pub struct Report {
    /// Scheme, host and port of the server.
    pub origin: String,
    /// The configuration in force.
    pub config: Arc<Config>,
    /// Handlers subscribed.
    pub subscriptions: usize,
    /// Commands running now in this process.
    pub running: usize,
    /// Commands that resolved.
    pub resolved: u64,
    /// Commands that were rejected.
    pub rejected: u64,
    /// Connections at rest in this process, at most.
    pub idle_engines: usize,
}

static LAST_ID: AtomicU64 = AtomicU64::new(0);

impl Service {
    /// A service with this configuration; it does not speak to the server yet.
    pub fn new(config: Config) -> Service {
        Service {
            config: Guarded::new(Arc::new(config)),
            bus: Bus::new(LAST_ID.fetch_add(1, Ordering::Relaxed)),
            closed: AtomicBool::new(false),
            local: PerProcess::new(),
            resolved: AtomicU64::new(0),
            rejected: AtomicU64::new(0),
        }
    }

    /// Adds a handler, see [`Bus::subscribe`].
    pub fn subscribe(&self, filter: Filter, handler: Handler, told: impl FnOnce(u64)) {
        self.bus.subscribe(filter, handler, told);
    }

    /// Removes a handler.
    pub fn unsubscribe(&self, id: u64) -> Result<()> {
        match self.bus.unsubscribe(id) {
            true => Ok(()),
            false => Err(Error::new(Status::NoSuch, "the service has no such subscription")),
        }
    }

    /// Puts the given keys over the present configuration.
    pub fn configure(&self, text: &str) -> Result<()> {
        let merged = Arc::new(self.config().merged(text)?);
        let previous = self.config.with(|config| std::mem::replace(config, merged));
        drop(previous);
        log::info(|| format!("{CONFIGURE} resolved"));
        Ok(())
    }

    /// Runs a command to its end on this thread: the server's answer, then the event's handlers.
    pub fn run(&self, command: Command, data: Result<Option<&str>>) -> Outcome {
        let started = Instant::now();
        let Some(call) = self.begin() else {
            return Outcome::unanswered(command.name(), closed(), 0);
        };
        let _inside = self.bus.enter();
        let outcome = self.perform(command, data, started, &call);
        let counter = if outcome.resolved() { &self.resolved } else { &self.rejected };
        counter.fetch_add(1, Ordering::Relaxed);
        log::info(|| {
            let status = outcome.error.as_ref().map_or("resolved", |error| error.status.name());
            format!("{} {status} after {} ms", command.name(), started.elapsed().as_millis())
        });
        self.bus.publish(command.event(outcome.resolved()), &outcome.text);
        outcome
    }

    fn perform(&self, command: Command, data: Result<Option<&str>>, started: Instant, call: &Call) -> Outcome {
        let config = self.config();
        let prepared = data.and_then(|data| options(command, data)).and_then(|options| {
            let request = wire::request(&config, command, &options)?;
            Ok((request, self.transport(&config, &call.local)?))
        });
        let (request, transport) = match prepared {
            Ok(prepared) => prepared,
            Err(error) => return Outcome::unanswered(command.name(), error, 0),
        };
        let limits = Limits {
            deadline: (started + config.timeout).into(),
            max_bytes: config.max_response_bytes,
            retry: config.retry.clone(),
        };
        let Exchanged { result, attempts } = transport.run(&request, &limits, self.stopped(&call.local));
        match result {
            Ok(answer) => {
                let meaning = wire::read(&config, command, &answer, &request.private);
                Outcome::answered(command, &answer, meaning, attempts)
            }
            Err(error) => Outcome::unanswered(command.name(), error, attempts),
        }
    }

    /// Ends the service: calls that are running end as closed, no handler is called any more, connections go.
    /// Within the timeout (`None` is without end) all calls of other threads have left, or the error says otherwise.
    pub fn close(&self, timeout: Option<Duration>) -> Result<()> {
        self.closed.store(true, Ordering::SeqCst);
        let left = self.local.present().is_none_or(|local| {
            local.stop.notify_waiters();
            local.wait_until_left(timeout)
        });
        self.bus.silence();
        self.bus.clear();
        drop(self.local.take());
        match left {
            true => Ok(()),
            false => Err(Error::new(Status::Timeout, "calls of other threads had not left in time")),
        }
    }

    /// Whether this thread is inside a call or a handler of this service.
    pub fn is_inside(&self) -> bool {
        self.bus.is_inside()
    }

    /// What there is to tell of this service.
    pub fn report(&self) -> Report {
        let config = self.config();
        let local = self.local.present();
        let transport = local.as_ref().and_then(|local| lock(&local.transport).clone());
        Report {
            origin: config.connection.origin.origin().ascii_serialization(),
            subscriptions: self.bus.len(),
            running: local.map_or(0, |local| *lock(&local.running)),
            resolved: self.resolved.load(Ordering::Relaxed),
            rejected: self.rejected.load(Ordering::Relaxed),
            idle_engines: transport.map_or(0, |transport| transport.idle_engines()),
            config,
        }
    }

    fn config(&self) -> Arc<Config> {
        self.config.with(|config| config.clone())
    }

    fn transport(&self, config: &Config, local: &Local) -> Result<Arc<Transport>> {
        let present = lock(&local.transport).clone();
        if let Some(transport) = present.filter(|transport| transport.serves(&config.connection)) {
            return Ok(transport);
        }
        let made = Arc::new(Transport::new(config.connection.clone())?);
        let previous = lock(&local.transport).replace(made.clone());
        drop(previous);
        Ok(made)
    }

    /// Counts a call in, unless the service is closed.
    fn begin(&self) -> Option<Call> {
        let local = self.local.get(Local::default);
        *lock(&local.running) += 1;
        let call = Call { local, generation: generation() };
        // Looked at after counting in, so that closing either sees this call or is seen by it.
        (!self.closed.load(Ordering::SeqCst)).then_some(call)
    }

    async fn stopped(&self, local: &Local) -> Error {
        let stop = local.stop.notified();
        tokio::pin!(stop);
        stop.as_mut().enable();
        if !self.closed.load(Ordering::SeqCst) {
            stop.await;
        }
        closed()
    }
}

impl Local {
    fn wait_until_left(&self, timeout: Option<Duration>) -> bool {
        let running = lock(&self.running);
        let busy = |running: &mut usize| *running > 0;
        let running = match timeout {
            None => self.ended.wait_while(running, busy).unwrap_or_else(PoisonError::into_inner),
            Some(timeout) => {
                let waited = self.ended.wait_timeout_while(running, timeout, busy);
                waited.unwrap_or_else(PoisonError::into_inner).0
            }
        };
        *running == 0
    }
}

/// A call that is running, counted out when dropped.
struct Call {
    local: Arc<Local>,
    generation: u64,
}

impl Drop for Call {
    fn drop(&mut self) {
        // After a fork inside a handler, the child's copy of this call belongs to the parent.
        if self.generation == generation() {
            *lock(&self.local.running) -= 1;
            self.local.ended.notify_all();
        }
    }
}

fn closed() -> Error {
    Error::new(Status::Closed, "the service was closed")
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The options in a command's data.
fn options(command: Command, data: Option<&str>) -> Result<Object> {
    match json::parse(data.unwrap_or_default(), "the data")? {
        None => Err(Error::new(Status::NoData, command.no_data())),
        Some(Value::Object(options)) if options.is_empty() => Err(Error::new(Status::NoData, command.no_data())),
        Some(Value::Object(options)) => Ok(options),
        Some(_) => Err(Error::new(Status::BadOption, "the data must be a JSON object")),
    }
}
