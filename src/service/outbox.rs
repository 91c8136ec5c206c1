//! The outbox of a service: its commands, and the deliverer on the network thread.

use std::ffi::{CStr, CString};
use std::sync::mpsc;
use std::sync::{Arc, Mutex, Weak};
use std::time::{Duration, Instant};

use serde_json::{json, Value};

use super::deliverer_slot::{RunningDeliverer, CLOSE_WAIT};
use super::outcome::Outcome;
use super::process_state::{ProcessState, QueueItem, Recipient};
use super::{closed, options, CallContext, Service};
use crate::command::call_options::CallOptions;
use crate::command::outbox::OutboxRequest;
use crate::command::{deliver, submit, Command};
use crate::config::outbox::DeliverMode;
use crate::config::{Config, HandlerMode};
use crate::error::{Error, Result};
use crate::outbox::decision::in_doubt;
use crate::outbox::deliverer::{self, Conclusion, EntryName, Host, Tally};
use crate::outbox::entry::{Delivery, ListedEntry, NewEntry, Selection, Submitted, Totals};
use crate::outbox::store::{Refusal, Store, Ticket};
use crate::outbox::worker::{self, Place};
use crate::outbox::{new_entry, not_configured};
use crate::process::fork::lock;
use crate::process::network_thread::NetworkThread;
use crate::process::{log, panic, threads};
use crate::protocol::{stored, Subject};
use crate::status::Status;
use crate::text::json::Object;
use crate::text::timestamp;
use crate::transport::Transport;

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
        let call = match self.prepare_outbox(command, data, started_at) {
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
        tally_outcome(call, delivered?)
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

fn totals_json(totals: &Totals) -> Value {
    let mut members = Object::new();
    for (delivery, entries) in Delivery::ALL.iter().zip(totals.entries) {
        members.insert(delivery.name().to_owned(), entries.into());
    }
    members.insert("bytes".to_owned(), totals.bytes.into());
    members.insert("oldestMs".to_owned(), totals.oldest_ms.into());
    Value::Object(members)
}

fn refused(error: &std::io::Error) -> Error {
    let message = format!("the system refuses what delivering needs: {error}");
    Error::new(Status::Internal, message)
}

impl OutboxCall {
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
                place.run(move || tally_outcome(&self, tally)).await
            }
        }
    }
}

/// An event with its data.
type Event = (&'static CStr, CString);

/// A deliverer of one command on the calling thread.
struct CallHost {
    config: Arc<Config>,
    transport: Arc<Transport>,
    events: Arc<Mutex<Vec<Event>>>,
    /// Whether anybody receives the events.
    is_heard: bool,
}

impl Host for CallHost {
    fn current(&self) -> Option<Result<(Arc<Config>, Arc<Transport>)>> {
        Some(Ok((self.config.clone(), self.transport.clone())))
    }

    fn conclude(&self, entry: EntryName, config: Arc<Config>, conclusion: Conclusion) {
        if self.is_heard {
            lock(&self.events).push(event(&entry, config, conclusion));
        }
    }
}

/// A deliverer on the network thread, which does not keep its service.
struct ServiceHost {
    service: Weak<Service>,
    state: Weak<ProcessState>,
}

impl Host for ServiceHost {
    fn current(&self) -> Option<Result<(Arc<Config>, Arc<Transport>)>> {
        let (service, state) = (self.service.upgrade()?, self.state.upgrade()?);
        if service.is_closed() {
            return None;
        }
        let config = service.config();
        let transport = state.transport(&config);
        Some(transport.map(|transport| (config, transport)))
    }

    fn conclude(&self, entry: EntryName, config: Arc<Config>, conclusion: Conclusion) {
        let (Some(service), Some(state)) = (self.service.upgrade(), self.state.upgrade()) else {
            return;
        };
        if !service.is_heard() {
            return;
        }
        let (event, text) = event(&entry, config, conclusion);
        match service.handler_mode() {
            HandlerMode::Thread => match service.ensure_handlers_thread(&state) {
                Ok(()) => state.queue.push(QueueItem::Event(event, text)),
                Err(error) => log::error(|| error.message),
            },
            // A program that never takes any keeps the newest.
            HandlerMode::Caller | HandlerMode::Poll => service.queue_event(&state, event, &text),
        }
    }
}

/// The event of an entry of which it is clear what becomes of it.
fn event(entry: &EntryName, config: Arc<Config>, conclusion: Conclusion) -> Event {
    let command = Command::Schedule;
    let outcome = match conclusion {
        Conclusion::Answered {
            exchanged,
            is_unknown,
        } => {
            let context = CallContext {
                command,
                config,
                subject: Subject::default(),
            };
            panic::catch(|| context.into_delivered_outcome(exchanged, is_unknown))
                .unwrap_or_else(|error| super::lost(command, error))
        }
        Conclusion::Found(id) => Outcome::with_members(command.name(), &[("id", id.into())]),
        Conclusion::Failed(error) => Outcome::failed(command, error, 0),
    };
    let mut members = vec![("entry", Value::from(entry.id.as_str()))];
    members.extend(entry.key.as_deref().map(|key| ("key", key.into())));
    let event = command.event(outcome.is_resolved());
    (event, outcome.and_members(&members).text)
}

fn submitted_outcome(submitted: &Submitted) -> Outcome {
    if submitted.is_new {
        log::info(|| format!("outbox entry {}: waiting", submitted.id));
    }
    let mut members = vec![("entry", Value::from(submitted.id.as_str()))];
    members.extend(submitted.key.as_deref().map(|key| ("key", key.into())));
    members.push(("delivery", submitted.delivery.name().into()));
    Outcome::with_members(Command::Submit.name(), &members)
}

fn tally_outcome(call: &OutboxCall, tally: Tally) -> Result<Outcome> {
    let server = stored::server(&call.config);
    let until = call.deadline.max(Instant::now() + CLOSE_WAIT);
    let waiting = call.store.waiting(&server, until)?;
    let members = [
        ("delivered", tally.delivered.into()),
        ("refused", tally.refused.into()),
        ("unknown", tally.unknown.into()),
        ("expired", tally.expired.into()),
        ("waiting", waiting.into()),
    ];
    Ok(Outcome::with_members(call.command.name(), &members))
}

/// Lists entries, or changes one.
fn answer(store: &Store, request: &OutboxRequest, deadline: Instant) -> Result<Outcome> {
    let entries = match request {
        OutboxRequest::List {
            entry,
            key,
            delivery,
            limit,
        } => {
            let selection = Selection {
                id: entry.clone(),
                key: key.clone(),
                delivery: delivery.as_deref().and_then(Delivery::from_name),
                limit: *limit,
            };
            store.list(&selection, deadline)?
        }
        OutboxRequest::Resend(id) => {
            let changed = store.resend(id, deadline)?.map_err(refusal)?;
            log::info(|| format!("outbox entry {id}: waiting, to be sent again"));
            vec![changed]
        }
        OutboxRequest::Forget(id) => {
            let changed = store.forget(id, deadline)?.map_err(refusal)?;
            // The number must be gone from the log too.
            store.truncate_log();
            log::info(|| format!("outbox entry {id}: forgotten"));
            vec![changed]
        }
    };
    let entries: Vec<Value> = entries.into_iter().map(entry_json).collect();
    let name = Command::Outbox.name();
    Ok(Outcome::with_members(name, &[("entries", entries.into())]))
}

fn refusal(refusal: Refusal) -> Error {
    match refusal {
        Refusal::Missing => Error::new(Status::NoSuch, "the outbox has no such entry"),
        Refusal::Sending => {
            let message = "the entry is being sent or looked up; try again later";
            Error::new(Status::Busy, message).retryable(true)
        }
        Refusal::Finished(delivery) => {
            let message = format!(
                "is {}: what would be sent is erased; submit the booking again",
                delivery.name()
            );
            Error::field(Status::BadOption, "entry", message)
        }
    }
}

fn entry_json(entry: ListedEntry) -> Value {
    let mut members = Object::new();
    let mut add = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            members.insert(name.to_owned(), value);
        }
    };
    let time = |ms: i64| timestamp::from_epoch_milliseconds(ms).map(Value::from);
    add("entry", Some(entry.id.into()));
    add("key", entry.key.map(Value::from));
    add("delivery", Some(entry.delivery.name().into()));
    add("attempts", Some(json!(entry.attempts)));
    add("submittedAt", time(entry.submitted_at));
    add("nextAttemptAt", entry.next_attempt_at.and_then(time));
    add("desiredTime", entry.desired_time.map(Value::from));
    add("id", entry.booking.map(Value::from));
    let error = entry
        .error
        .filter(|_| entry.delivery != Delivery::Delivered);
    add(
        "error",
        error.and_then(|error| serde_json::from_str(&error).ok()),
    );
    Value::Object(members)
}

impl CallContext {
    /// The outcome of a booking of the outbox.
    fn into_delivered_outcome(
        self,
        exchanged: crate::transport::message::ExchangeResult,
        is_unknown: bool,
    ) -> Outcome {
        self.into_outcome_with(
            exchanged,
            |error| {
                if is_unknown {
                    in_doubt(error)
                } else {
                    error
                }
            },
        )
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
