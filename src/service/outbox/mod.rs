//! The outbox of a service: its commands, and the deliverer on the network thread.

mod answers;
mod hosts;

use std::sync::{mpsc, Arc, Weak};
use std::time::{Duration, Instant};

use serde_json::{json, Value};

use super::call::options;
use super::deliverer_slot::{RunningDeliverer, CLOSE_WAIT};
use super::outcome::Outcome;
use super::process_state::{ProcessState, Recipient};
use super::{closed, Service};
use crate::command::call_options::CallOptions;
use crate::command::outbox::OutboxRequest;
use crate::command::{deliver, submit, Command};
use crate::config::outbox::DeliverMode;
use crate::config::{Config, HandlerMode};
use crate::error::{Error, Result};
use crate::outbox::deliverer;
use crate::outbox::entry::{NewEntry, Totals};
use crate::outbox::store::{Store, Ticket};
use crate::outbox::tally::Tally;
use crate::outbox::worker::{self, Place};
use crate::outbox::{new_entry, not_configured};
use crate::process::fork::lock;
use crate::process::network_thread::NetworkThread;
use crate::process::{log, panic, threads};
use crate::protocol::stored;
use crate::status::Status;
use crate::transport::Transport;
use answers::{answer, submitted_outcome, tally_outcome, totals_json};
use hosts::{CallHost, ServiceHost};

/// How long diagnostics wait for the file.
const STATS_WAIT: Duration = Duration::from_millis(200);

/// A command on the outbox whose options are valid.
enum Prepared {
    Submit(Box<NewEntry>),
    Deliver,
    Request(OutboxRequest),
}

/// A prepared command with what it works on.
struct OutboxCall {
    command: Command,
    prepared: Prepared,
    config: Arc<Config>,
    store: Arc<Store>,
    deadline: Instant,
}

impl Service {
    /// Starts the deliverer, if the configuration wants one and this process has none.
    pub fn start_deliverer(self: &Arc<Self>) {
        if let Some(call) = self.enter_call() {
            self.ensure_deliverer(&call.state);
        }
    }

    fn ensure_deliverer(self: &Arc<Self>, state: &Arc<ProcessState>) {
        let config = self.config();
        let Some(outbox) = &config.outbox else {
            return;
        };
        if outbox.deliver != DeliverMode::Thread {
            return;
        }
        let started = state.deliverer.ensure(|| {
            let thread = state.network_thread()?;
            let host = ServiceHost {
                service: Arc::downgrade(self),
                state: Arc::downgrade(state),
            };
            let (sender, done) = mpsc::channel();
            let store = Store::shared(&outbox.file);
            let abort = thread.spawn(deliverer::deliver_always(
                Box::new(host),
                store,
                Box::new(sender),
            ));
            Ok(RunningDeliverer { abort, done })
        });
        // The next command on the outbox tries again.
        if let Err(error) = started {
            log::error(|| error.message);
        }
    }

    /// Runs a command on the outbox on this thread.
    pub(super) fn run_outbox(
        self: &Arc<Self>,
        command: Command,
        data: Result<Option<&str>>,
        started_at: Instant,
        state: &Arc<ProcessState>,
    ) -> Outcome {
        let run = || {
            let call = self.prepare_outbox(command, data, started_at)?;
            self.ensure_deliverer(state);
            match call.prepared {
                Prepared::Submit(entry) => {
                    let submitted = call.store.submit(*entry, call.deadline)?;
                    Ok(submitted_outcome(&submitted))
                }
                Prepared::Deliver => self.deliver_here(&call, state),
                Prepared::Request(request) => answer(&call.store, &request, call.deadline),
            }
        };
        run().unwrap_or_else(|error| Outcome::failed(command, error, 0))
    }

    /// Runs a command on the outbox on the threads of the library, and completes the call.
    pub(super) fn start_outbox(
        self: &Arc<Self>,
        command: Command,
        data: Result<Option<&str>>,
        started_at: Instant,
        recipient: Recipient,
        state: &Arc<ProcessState>,
    ) -> std::result::Result<Result<()>, (Error, Recipient)> {
        let prepared = panic::catch_in(|| self.prepare_outbox(command, data, started_at));
        let call = match prepared {
            Ok(call) => call,
            Err(error) => return Err((error, recipient)),
        };
        self.ensure_deliverer(state);
        let (service, own_state) = (Arc::downgrade(self), Arc::downgrade(state));
        Ok(self.spawn_call(
            command,
            started_at,
            recipient,
            state,
            |_, guard| async move {
                let outcome = call.run_on_network_thread(service, own_state).await;
                guard.complete_with(outcome);
            },
        ))
    }

    fn prepare_outbox(
        &self,
        command: Command,
        data: Result<Option<&str>>,
        started_at: Instant,
    ) -> Result<OutboxCall> {
        let config = self.config();
        let Some(outbox) = &config.outbox else {
            return Err(not_configured());
        };
        let mut options = options(command, data?)?;
        let timeout = CallOptions::take_timeout_only(&mut options)?.unwrap_or(config.timeout);
        let prepared = match command {
            Command::Submit => {
                let key = submit::take_key(&mut options)?;
                if options.is_empty() {
                    return Err(Error::new(Status::NoData, command.missing_data_message()));
                }
                Prepared::Submit(Box::new(new_entry(&config, outbox, key, &options)?))
            }
            Command::Deliver => {
                deliver::OPTIONS.reject_unknown(&options)?;
                Prepared::Deliver
            }
            _ => Prepared::Request(OutboxRequest::parse(&options)?),
        };
        Ok(OutboxCall {
            command,
            prepared,
            store: Store::shared(&outbox.file),
            config,
            deadline: started_at + timeout,
        })
    }

    /// Delivers what is due on the calling thread, with connections of its own.
    fn deliver_here(
        self: &Arc<Self>,
        call: &OutboxCall,
        state: &Arc<ProcessState>,
    ) -> Result<Outcome> {
        let host = CallHost {
            config: call.config.clone(),
            transport: Arc::new(Transport::new(call.config.connection.clone())?),
            events: Arc::default(),
            is_heard: self.is_heard(),
        };
        let events = host.events.clone();
        let runtime = threads::new_runtime().map_err(|error| refused(&error))?;
        let (store, deadline) = (call.store.clone(), call.deadline.into());
        let work = || {
            let closing = Box::pin(self.closed_error(state));
            let delivered = runtime.block_on(deliverer::deliver_due(
                Box::new(host),
                store,
                Place::Here,
                deadline,
                closing,
            ));
            // Connections are closed inside the runtime that drives them.
            runtime.shutdown_background();
            delivered
        };
        let delivered = threads::outside_runtime(work).map_err(|error| refused(&error))?;
        for (event, text) in std::mem::take(&mut *lock(&events)) {
            self.publish(state, event, &text);
        }
        call.delivered(delivered?)
    }

    /// Ends what the outbox has in this process, when the service is closed.
    pub(super) fn close_outbox(&self, state: &ProcessState, deadline: Option<Instant>) {
        state.deliverer.stop();
        state.deliverer.wait(deadline);
        if let Some(outbox) = &self.config().outbox {
            Store::close_if_unused(&outbox.file);
        }
    }

    /// Whether anybody receives events.
    fn is_heard(&self) -> bool {
        self.handler_mode() == HandlerMode::Poll || self.bus.has_subscriptions()
    }

    /// What the outbox holds, if the service has one.
    pub(super) fn outbox_stats(config: &Config) -> Option<Value> {
        let outbox = config.outbox.as_ref()?;
        // A file is not created for this.
        let totals = match outbox.file.exists() {
            true => Store::shared(&outbox.file).totals(Instant::now() + STATS_WAIT),
            false => Ok(Totals::default()),
        };
        Some(match totals {
            Ok(totals) => totals_json(&totals),
            Err(error) => json!({ "error": error.status.name() }),
        })
    }
}

fn refused(error: &std::io::Error) -> Error {
    let message = format!("the system refuses what delivering needs: {error}");
    Error::new(Status::Internal, message)
}

impl OutboxCall {
    /// The outcome of a delivery.
    fn delivered(&self, tally: Tally) -> Result<Outcome> {
        let server = stored::server(&self.config);
        let until = self.deadline.max(Instant::now() + CLOSE_WAIT);
        let waiting = self.store.waiting(&server, until)?;
        Ok(tally_outcome(tally, waiting))
    }

    async fn run_on_network_thread(
        self,
        service: Weak<Service>,
        state: Weak<ProcessState>,
    ) -> Outcome {
        let command = self.command;
        let outcome = self.run(service, state).await;
        outcome.unwrap_or_else(|error| Outcome::failed(command, error, 0))
    }

    async fn run(self, service: Weak<Service>, state: Weak<ProcessState>) -> Result<Outcome> {
        let place = Place::NetworkThread;
        match self.prepared {
            Prepared::Submit(entry) => {
                let (sender, receiver) = tokio::sync::oneshot::channel();
                self.store.enqueue(Ticket {
                    entry: *entry,
                    deadline: self.deadline,
                    reply: Box::new(|stored| drop(sender.send(stored))),
                });
                // Those that were enqueued meanwhile share a commit.
                let store = self.store.clone();
                worker::run_later(Box::new(move || store.drain_submits()));
                let lost = |_| {
                    Error::new(
                        Status::Internal,
                        "internal error: the outbox's thread ended",
                    )
                };
                let submitted = receiver.await.map_err(lost)??;
                Ok(submitted_outcome(&submitted))
            }
            Prepared::Request(request) => {
                let (store, deadline) = (self.store.clone(), self.deadline);
                place.run(move || answer(&store, &request, deadline)).await
            }
            Prepared::Deliver => {
                let host = Box::new(ServiceHost { service, state });
                // The call is cancelled when the service is closed.
                let stop = Box::pin(std::future::pending());
                let (store, deadline) = (self.store.clone(), self.deadline.into());
                let tally = deliverer::deliver_due(host, store, place, deadline, stop).await?;
                place.run(move || self.delivered(tally)).await
            }
        }
    }
}

/// The network thread that a service shares with others.
impl ProcessState {
    fn network_thread(&self) -> Result<Arc<NetworkThread>> {
        let mut pending = lock(&self.pending);
        if pending.closed {
            return Err(closed());
        }
        pending.network_thread()
    }
}
