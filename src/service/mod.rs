//! A service: a configuration, its subscribers, its connections, and the way of a command through all of them.

mod async_calls;
pub mod completion_queue;
pub mod diagnostics;
pub mod event_bus;
pub mod handle_table;
pub mod outcome;
mod process_state;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::command::{Command, CONFIGURE};
use crate::config::{Config, Handlers};
use crate::error::{Error, Result};
use crate::process::fork::{generation, lock, ForkSafeMutex, PerProcess};
use crate::process::log;
use crate::protocol;
use crate::service::completion_queue::{Delivery, Taken};
use crate::service::event_bus::{Bus, Filter, Handler};
use crate::service::outcome::Outcome;
use crate::status::Status;
use crate::text::json::{self, Object};
use crate::transport::message::Request;
use crate::transport::{Exchanged, Limits, Transport};
use process_state::{Call, Local};

/// One initialised service.
pub struct Service {
    config: ForkSafeMutex<Arc<Config>>,
    bus: Bus,
    closed: AtomicBool,
    local: PerProcess<Local>,
    resolved: AtomicU64,
    rejected: AtomicU64,
}

/// A command that is ready to be sent.
struct Prepared {
    asked: Asked,
    request: Request,
    transport: Arc<Transport>,
    limits: Limits,
    begun: Instant,
}

/// What a command was, as long as its answer has not been read.
struct Asked {
    command: Command,
    config: Arc<Config>,
    options: Object,
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
    /// Started calls whose end has not been told.
    pub started: usize,
    /// Connections at rest in this process, at most.
    pub idle_engines: usize,
}

static LAST_ID: AtomicU64 = AtomicU64::new(0);

impl Service {
    /// A service with this configuration; it does not speak to the server yet.
    pub fn new(config: Config) -> Service {
        Service {
            config: ForkSafeMutex::new(Arc::new(config)),
            bus: Bus::new(LAST_ID.fetch_add(1, Ordering::Relaxed)),
            closed: AtomicBool::new(false),
            local: PerProcess::new(),
            resolved: AtomicU64::new(0),
            rejected: AtomicU64::new(0),
        }
    }

    /// Adds a handler, see [`Bus::subscribe`]. It is told at once that the service is ready.
    pub fn subscribe(
        self: &Arc<Self>,
        filter: Filter,
        handler: Handler,
        told: impl FnOnce(u64),
    ) -> Result<()> {
        let call = self.begin().ok_or_else(closed)?;
        match self.mode() {
            Handlers::Caller => {
                let subscription = self.bus.subscribe(filter, handler, told);
                self.bus.ready(&subscription);
            }
            Handlers::Thread => {
                self.need_handlers_thread(&call.local)?;
                call.local
                    .queue
                    .push(Delivery::Ready(self.bus.subscribe(filter, handler, told)));
            }
        }
        Ok(())
    }

    /// Removes a handler.
    pub fn unsubscribe(&self, id: u64) -> Result<()> {
        let _call = self.begin().ok_or_else(closed)?;
        match self.bus.unsubscribe(id) {
            true => Ok(()),
            false => Err(Error::new(
                Status::NoSuch,
                "the service has no such subscription",
            )),
        }
    }

    /// Puts the given keys over the present configuration.
    pub fn configure(&self, text: &str) -> Result<()> {
        loop {
            let present = self.config();
            let mut merged = Arc::new(present.merged(text)?);
            if merged.handlers != present.handlers {
                return Err(Error::field(
                    Status::Config,
                    "handlers",
                    "cannot be changed while the service is open",
                ));
            }
            let is_put = self.config.with(|config| {
                let is_unchanged = Arc::ptr_eq(config, &present);
                if is_unchanged {
                    std::mem::swap(config, &mut merged);
                }
                is_unchanged
            });
            // Else another thread has changed it meanwhile, and its changes must stay.
            if is_put {
                break;
            }
        }
        log::info(|| format!("{CONFIGURE} resolved"));
        Ok(())
    }

    /// Runs a command to its end on this thread: the server's answer, then the event's handlers.
    pub fn run(self: &Arc<Self>, command: Command, data: Result<Option<&str>>) -> Outcome {
        let begun = Instant::now();
        let Some(call) = self.begin() else {
            return Outcome::unanswered(command.name(), closed(), 0);
        };
        let outcome = match self.prepare(command, data, begun, &call.local) {
            Ok(prepared) => {
                let stopped = self.stopped(&call.local);
                let exchanged =
                    prepared
                        .transport
                        .run(&prepared.request, &prepared.limits, stopped);
                prepared.asked.conclude(exchanged)
            }
            Err(error) => Outcome::unanswered(command.name(), error, 0),
        };
        self.count(command, &outcome, begun.elapsed());
        let event = command.event(outcome.resolved());
        match self.mode() {
            Handlers::Caller => self.bus.publish(event, &outcome.text),
            Handlers::Thread => match self.need_handlers_thread(&call.local) {
                Ok(()) => call
                    .local
                    .queue
                    .push(Delivery::Event(event, outcome.text.clone())),
                Err(error) => log::error(|| error.message),
            },
        }
        outcome
    }

    fn prepare(
        &self,
        command: Command,
        data: Result<Option<&str>>,
        begun: Instant,
        local: &Local,
    ) -> Result<Prepared> {
        let config = self.config();
        let options = options(command, data?)?;
        let request = protocol::request(&config, command, &options)?;
        let transport = local.transport(&config)?;
        let limits = Limits {
            deadline: (begun + config.timeout).into(),
            max_bytes: config.max_response_bytes,
            retry: config.retry.clone(),
        };
        Ok(Prepared {
            asked: Asked {
                command,
                config,
                options,
            },
            request,
            transport,
            limits,
            begun,
        })
    }

    fn count(&self, command: Command, outcome: &Outcome, took: Duration) {
        let counter = if outcome.resolved() {
            &self.resolved
        } else {
            &self.rejected
        };
        counter.fetch_add(1, Ordering::Relaxed);
        log::info(|| {
            let status = outcome
                .error
                .as_ref()
                .map_or("resolved", |error| error.status.name());
            format!("{} {status} after {} ms", command.name(), took.as_millis())
        });
        // What the library itself composes; a server's words stay in the outcome.
        if let Some(error) = outcome
            .error
            .as_ref()
            .filter(|error| matches!(error.status.code() / 100, 3 | 4 | 9))
        {
            log::error(|| format!("{}: {}", command.name(), error.message));
        }
    }

    /// Ends the service: blocking calls end as closed, started ones as cancelled, and all that waits is told; then no
    /// handler is called any more, and connections go. Within the timeout (`None` is without end) all other threads
    /// have left, or the error says otherwise.
    pub fn close(&self, timeout: Option<Duration>) -> Result<()> {
        self.closed.store(true, Ordering::SeqCst);
        let left = self
            .local
            .get_if_set()
            .is_none_or(|local| self.end(&local, timeout.map(|timeout| Instant::now() + timeout)));
        self.bus.silence();
        self.bus.clear();
        drop(self.local.take());
        match left {
            true => Ok(()),
            false => Err(Error::new(
                Status::Timeout,
                "calls of other threads had not left in time",
            )),
        }
    }

    /// Ends what this process has running and tells what waits; whether all threads have left in time.
    fn end(&self, local: &Local, until: Option<Instant>) -> bool {
        let forked = generation();
        local.stop.notify_waiters();
        async_calls::cancel_all(local);
        let left = match self.mode() {
            Handlers::Caller => {
                // Threads that dispatch wait for this.
                local.queue.end();
                let left = local.wait_until_left(until, |running| running.callers > 0);
                while let Taken::Delivery(delivery) = local.queue.take(Some(Duration::ZERO)) {
                    self.deliver(delivery);
                    if forked != generation() {
                        // A handler has forked, and this is the child: the rest is the parent's.
                        return true;
                    }
                }
                left
            }
            Handlers::Thread => {
                // Threads that are leaving may have something to be told yet.
                let callers_left = local.wait_until_left(until, |running| running.callers > 0);
                local.queue.end();
                callers_left && local.wait_until_left(until, |running| running.handlers > 0)
            }
        };
        // Ended without the lock, which calls that are being dropped want.
        let worker = lock(&local.started).worker.take();
        drop(worker);
        left
    }

    /// Whether this thread is inside a call or a handler of this service.
    pub fn is_inside(&self) -> bool {
        self.bus.is_inside()
    }

    /// What there is to tell of this service.
    pub fn report(&self) -> Report {
        let config = self.config();
        let local = self.local.get_if_set();
        let transport = local.as_ref().and_then(|local| local.present_transport());
        Report {
            origin: config.connection.origin.origin().ascii_serialization(),
            subscriptions: self.bus.len(),
            running: local.as_ref().map_or(0, |local| local.callers()),
            started: local.as_ref().map_or(0, |local| local.queue.outstanding()),
            resolved: self.resolved.load(Ordering::Relaxed),
            rejected: self.rejected.load(Ordering::Relaxed),
            idle_engines: transport.map_or(0, |transport| transport.idle_engines()),
            config,
        }
    }

    fn config(&self) -> Arc<Config> {
        self.config.with(|config| config.clone())
    }

    fn mode(&self) -> Handlers {
        self.config.with(|config| config.handlers)
    }

    /// Counts a call in, unless the service is closed.
    fn begin(&self) -> Option<Call> {
        let call = Call::begin(self.local.get(Local::default), self.bus.enter());
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

impl Asked {
    /// What the exchange means for the command.
    fn conclude(&self, exchanged: Exchanged) -> Outcome {
        let command = self.command;
        let may_be_booked = command == Command::Schedule && exchanged.sent;
        match exchanged.result {
            Ok(answer) => {
                let mut meaning = protocol::read(&self.config, command, &self.options, &answer);
                let unclear = may_be_booked && meaning.unclear;
                meaning.error = meaning.error.map(|error| {
                    if unclear {
                        error.may_be_booked()
                    } else {
                        error
                    }
                });
                Outcome::answered(command, &answer, meaning, exchanged.attempts)
            }
            Err(error) => {
                let error = if may_be_booked {
                    error.may_be_booked()
                } else {
                    error
                };
                Outcome::unanswered(command.name(), error, exchanged.attempts)
            }
        }
    }
}

fn closed() -> Error {
    Error::new(Status::Closed, "the service was closed")
}

/// The options in a command's data.
fn options(command: Command, data: Option<&str>) -> Result<Object> {
    match json::parse(data.unwrap_or_default(), "the data")? {
        None => Err(Error::new(Status::NoData, command.no_data())),
        Some(Value::Object(options)) if options.is_empty() => {
            Err(Error::new(Status::NoData, command.no_data()))
        }
        Some(Value::Object(options)) => Ok(options),
        Some(_) => Err(Error::new(
            Status::BadOption,
            "the data must be a JSON object",
        )),
    }
}
