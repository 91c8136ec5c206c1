//! One service: its configuration, blocking commands, and closing.

pub mod active_calls;
mod async_calls;
mod call;
mod completion_queue;
mod counters;
mod deliverer_slot;
pub mod diagnostics;
pub mod event_bus;
pub mod handle_table;
#[cfg_attr(not(feature = "outbox"), path = "without_outbox.rs")]
pub mod outbox;
pub mod outcome;
mod polling;
mod process_state;

use std::ffi::CStr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::command::{Command, CONFIGURE};
use crate::config::{Config, HandlerMode};
use crate::error::{Error, Result};
use crate::process::fork::{generation, lock, ForkSafeMutex, PerProcess};
use crate::process::sys::SignalMask;
use crate::process::{log, panic};
use crate::service::active_calls::{ActiveThread, LevelGuard, ThreadKind};
use crate::service::completion_queue::Popped;
use crate::service::counters::Counters;
use crate::service::event_bus::{EventBus, Filter, Handler};
use crate::service::outcome::Outcome;
use crate::status::Status;
use call::PreparedCall;
use process_state::{ActiveCall, ProcessState, QueueItem};

pub use call::lost;

/// An open service.
pub struct Service {
    config: ForkSafeMutex<Arc<Config>>,
    bus: EventBus,
    closed: AtomicBool,
    state: PerProcess<ProcessState>,
    counters: Arc<Counters>,
    /// The signal mask of the thread that opened the service, for handlers on the handlers' thread.
    signal_mask: SignalMask,
}

/// What diagnostics report of a service; nothing of it is secret.
pub struct ServiceStats {
    /// Scheme, host and port of the server.
    pub origin: String,
    /// The configuration in force.
    pub config: Arc<Config>,
    /// Subscriptions.
    pub subscriptions: usize,
    /// Calls that run now in this process.
    pub running: usize,
    /// Commands that resolved.
    pub resolved: u64,
    /// Commands that did not, by their status.
    pub failed: Vec<(Status, u64)>,
    /// Asynchronous calls that have not been dispatched.
    pub started: usize,
    /// Idle connections in this process.
    pub idle_connections: usize,
    /// What the outbox holds, if there is one.
    pub outbox: Option<Value>,
}

static LAST_ID: AtomicU64 = AtomicU64::new(0);

impl Service {
    /// Opens a service with this configuration, on the thread whose signal mask its handlers get.
    /// Nothing is sent to the server yet.
    pub fn new(config: Config) -> Service {
        let service = Service {
            config: ForkSafeMutex::new(Arc::new(config)),
            bus: EventBus::new(LAST_ID.fetch_add(1, Ordering::Relaxed)),
            closed: AtomicBool::new(false),
            state: PerProcess::new(),
            counters: Arc::default(),
            signal_mask: SignalMask::current(),
        };
        service.queue_ready();
        service
    }

    /// Adds a handler, see [`EventBus::subscribe`], and sends `ready` to it.
    pub fn subscribe(
        self: &Arc<Self>,
        filter: Filter,
        handler: Handler,
        on_id: impl FnOnce(u64),
    ) -> Result<()> {
        self.require_mode(&[HandlerMode::Caller, HandlerMode::Thread])?;
        let call = self.enter_call().ok_or_else(closed)?;
        match self.handler_mode() {
            HandlerMode::Caller | HandlerMode::Poll => {
                let subscription = self.bus.subscribe(filter, handler, on_id);
                self.bus.send_ready(&subscription);
            }
            HandlerMode::Thread => {
                self.ensure_handlers_thread(&call.state)?;
                let subscription = self.bus.subscribe(filter, handler, on_id);
                call.state.queue.push(QueueItem::Ready(subscription));
            }
        }
        Ok(())
    }

    /// Removes a handler.
    pub fn unsubscribe(&self, id: u64) -> Result<()> {
        let _call = self.enter_call().ok_or_else(closed)?;
        if self.bus.unsubscribe(id) {
            Ok(())
        } else {
            Err(Error::new(
                Status::NoSuch,
                "the service has no such subscription",
            ))
        }
    }

    /// Merges the given keys into the configuration.
    pub fn configure(&self, text: &str) -> Result<()> {
        loop {
            let present = self.config();
            let mut merged = Arc::new(present.merged(text)?);
            if merged.handler_mode != present.handler_mode {
                return Err(Error::field(
                    Status::Config,
                    "handlers",
                    "cannot be changed while the service is open",
                ));
            }
            if !is_same_outbox(&present, &merged) {
                return Err(Error::field(
                    Status::Config,
                    "outbox",
                    "file and deliver cannot be changed while the service is open",
                ));
            }
            let installed = self.config.with(|config| {
                let is_unchanged = Arc::ptr_eq(config, &present);
                if is_unchanged {
                    std::mem::swap(config, &mut merged);
                }
                is_unchanged
            });
            // Otherwise another thread has changed it meanwhile, and its changes must stay.
            if installed {
                break;
            }
        }
        log::info(|| format!("{CONFIGURE} resolved"));
        Ok(())
    }

    /// Runs a command on this thread: sends the request, reads the response, calls the event's
    /// handlers.
    pub fn run(self: &Arc<Self>, command: Command, data: Result<Option<&str>>) -> Outcome {
        let started_at = Instant::now();
        let Some(call) = self.enter_call() else {
            return Outcome::failed(command, closed(), 0);
        };
        // Caught here, so that it is counted, logged and published as every other failure.
        let outcome = panic::catch(|| match command.uses_outbox() {
            true => self.run_outbox(command, data, started_at, &call.state),
            false => self.send(command, data, started_at, &call.state),
        })
        .unwrap_or_else(|error| lost(command, error));
        self.counters
            .record(command, &outcome, started_at.elapsed());
        let event = command.event(outcome.is_resolved());
        self.publish(&call.state, event, &outcome.text);
        outcome
    }

    fn send(
        &self,
        command: Command,
        data: Result<Option<&str>>,
        started_at: Instant,
        state: &ProcessState,
    ) -> Outcome {
        match PreparedCall::new(command, self.config(), data, started_at, state) {
            Ok(prepared) => {
                let closing = self.closed_error(state);
                let exchanged = prepared.transport.execute_blocking(
                    &prepared.request,
                    &prepared.limits,
                    closing,
                );
                prepared.context.into_outcome(exchanged)
            }
            Err(error) => Outcome::failed(command, error, 0),
        }
    }

    /// Publishes the event of a blocking command, where handlers of the service run.
    fn publish(self: &Arc<Self>, state: &Arc<ProcessState>, event: &'static CStr, text: &CStr) {
        match self.handler_mode() {
            HandlerMode::Caller => self.bus.publish(event, text),
            HandlerMode::Thread => match self.ensure_handlers_thread(state) {
                Ok(()) => state.queue.push(QueueItem::Event(event, text.to_owned())),
                Err(error) => log::error(|| error.message),
            },
            HandlerMode::Poll => self.queue_event(state, event, text),
        }
    }

    /// Closes the service: blocking calls end as closed and pending ones as cancelled, the handlers
    /// of what is in the queue run, then no handler is called any more and connections are closed.
    /// It is an error if other threads have not left before the deadline (`None` is no limit).
    pub fn close(&self, deadline: Option<Instant>) -> Result<()> {
        self.closed.store(true, Ordering::SeqCst);
        let state = self.state.get_if_set();
        let drained = state.is_none_or(|state| self.drain(&state, deadline));
        self.bus.mute();
        self.bus.clear();
        drop(self.state.take());
        if drained {
            Ok(())
        } else {
            Err(Error::new(
                Status::Timeout,
                "timed out waiting for calls on other threads to return",
            ))
        }
    }

    /// Ends what runs in this process and delivers the queue. Returns whether all threads have left
    /// before the deadline.
    fn drain(&self, state: &ProcessState, deadline: Option<Instant>) -> bool {
        state.end_calls();
        let drained = match self.handler_mode() {
            HandlerMode::Caller | HandlerMode::Poll => {
                // Threads that dispatch wait for this.
                state.queue.close();
                let idle = state.threads.wait_until_idle(ThreadKind::Caller, deadline);
                if !self.deliver_all(state) {
                    return true;
                }
                idle
            }
            HandlerMode::Thread => {
                // Threads that are leaving may still append to the queue.
                let idle = state.threads.wait_until_idle(ThreadKind::Caller, deadline);
                state.queue.close();
                idle && state.threads.wait_until_idle(ThreadKind::Handler, deadline)
            }
        };
        self.close_outbox(state, deadline);
        // What threads append that have not left in time is released on these threads.
        state.queue.seal();
        // Released without the lock, which calls that are being dropped want.
        let network_thread = lock(&state.pending).network_thread.take();
        drop(network_thread);
        drained
    }

    /// Delivers the queue. Returns false in a child that a handler has forked, where the rest is
    /// the parent's.
    fn deliver_all(&self, state: &ProcessState) -> bool {
        let generation_before = generation();
        while let Popped::Item(item) = state.queue.pop(Some(Duration::ZERO)) {
            self.deliver(item);
            if generation_before != generation() {
                return false;
            }
        }
        true
    }

    /// Whether this thread is inside a call or a handler of this service.
    pub fn is_active_on_this_thread(&self) -> bool {
        active_calls::is_inside(self.bus.service())
    }

    /// Returns what diagnostics report of this service.
    pub fn stats(&self) -> ServiceStats {
        let config = self.config();
        let state = self.state.get_if_set();
        let state = state.as_deref();
        let transport = state.and_then(ProcessState::present_transport);
        ServiceStats {
            origin: config.connection.origin.origin().ascii_serialization(),
            subscriptions: self.bus.len(),
            running: state.map_or(0, |state| state.threads.get(ThreadKind::Caller)),
            started: state.map_or(0, |state| state.queue.in_flight()),
            resolved: self.counters.resolved(),
            failed: self.counters.failed(),
            idle_connections: transport.map_or(0, |transport| transport.idle_connections()),
            outbox: Service::outbox_stats(&config),
            config,
        }
    }

    fn config(&self) -> Arc<Config> {
        self.config.with(|config| config.clone())
    }

    #[cfg(feature = "outbox")]
    fn is_closed(&self) -> bool {
        self.closed.load(Ordering::SeqCst)
    }

    fn handler_mode(&self) -> HandlerMode {
        self.config.with(|config| config.handler_mode)
    }

    /// Counts the calling thread in, unless the service is closed.
    fn enter_call(&self) -> Option<ActiveCall> {
        let (call, is_closed) = self.enter();
        (!is_closed).then_some(call)
    }

    /// Counts the calling thread in. Returns whether the service is closed too.
    fn enter(&self) -> (ActiveCall, bool) {
        let state = self.state.get(ProcessState::default);
        let thread = ActiveThread::enter(state.threads.clone(), ThreadKind::Caller);
        let call = ActiveCall {
            state,
            _level: LevelGuard::enter_call(self.bus.service(), thread),
        };
        // Read after counting in, so that closing either sees this call or is seen by it.
        (call, self.closed.load(Ordering::SeqCst))
    }

    async fn closed_error(&self, state: &ProcessState) -> Error {
        let closing = state.closing.notified();
        tokio::pin!(closing);
        closing.as_mut().enable();
        if !self.closed.load(Ordering::SeqCst) {
            closing.await;
        }
        closed()
    }
}

/// Whether a change leaves the file of the outbox and the way of delivering alone.
fn is_same_outbox(present: &Config, changed: &Config) -> bool {
    match (&present.outbox, &changed.outbox) {
        (None, None) => true,
        (Some(present), Some(changed)) => present.is_same_outbox(changed),
        _ => false,
    }
}

fn closed() -> Error {
    Error::new(Status::Closed, "the service was closed")
}
