//! Started calls: begun here, answered on the network thread, told where the configuration says.

use std::ffi::CString;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::process_state::{Call, Local, StartedCall};
use super::{closed, Prepared, Service};
use crate::command::{Command, CONFIGURE, CONFIGURE_C};
use crate::config::Handlers;
use crate::error::{Error, Result};
use crate::process::fork::lock;
use crate::process::network_thread::Worker;
use crate::process::panic;
use crate::process::threads;
use crate::service::completion_queue::{Announcement, Delivery, Ended, Taken};
use crate::service::event_bus::Handler;
use crate::service::outcome::Outcome;
use crate::status::Status;

/// Call numbers are never used twice in a process, so that a stale one finds nothing.
static LAST_CALL: AtomicU64 = AtomicU64::new(0);

impl Service {
    /// Starts a command and returns. `told` gets the call's number before anything else can happen to it. From `Ok`
    /// on, `done` is told exactly once.
    pub fn start(
        self: &Arc<Self>,
        name: &str,
        data: Result<Option<&str>>,
        done: Handler,
        told: impl FnOnce(u64),
    ) -> Result<()> {
        let begun = Instant::now();
        let call = self.begin().ok_or_else(closed)?;
        let command = Command::from_name(name);
        if command.is_none() && name != CONFIGURE {
            return Err(Error::new(Status::UnknownCommand, "Command does not exist"));
        }
        if self.mode() == Handlers::Thread {
            self.need_handlers_thread(&call.local)?;
        }
        let limit = self.config().queue_limit;
        let Some(room) = call.local.queue.reserve(limit) else {
            let message = format!(
                "{limit} started calls have not been told yet; dispatch them, or raise queueLimit"
            );
            return Err(Error::new(Status::Busy, message));
        };
        let id = LAST_CALL.fetch_add(1, Ordering::Relaxed) + 1;
        told(id);
        let Some(command) = command else {
            room.fill(Delivery::Ended(self.configured(data, done)));
            return Ok(());
        };
        match self.prepare(command, data, begun, &call.local) {
            Err(error) => {
                let outcome = Outcome::unanswered(command.name(), error, 0);
                room.fill(Delivery::Ended(self.ended(
                    command,
                    outcome,
                    begun.elapsed(),
                    done,
                )));
                Ok(())
            }
            Ok(prepared) => {
                self.send(id, command, prepared, done, &call.local)?;
                room.keep();
                Ok(())
            }
        }
    }

    fn configured(&self, data: Result<Option<&str>>, done: Handler) -> Ended {
        let text = match data.and_then(|data| self.configure(data.unwrap_or_default())) {
            Ok(()) => Outcome::done(CONFIGURE).text,
            Err(error) => Outcome::unanswered(CONFIGURE, error, 0).text,
        };
        Ended {
            done,
            name: CONFIGURE_C,
            event: None,
            text,
        }
    }

    /// Hands a request to the network thread.
    fn send(
        self: &Arc<Self>,
        id: u64,
        command: Command,
        prepared: Prepared,
        done: Handler,
        local: &Arc<Local>,
    ) -> Result<()> {
        let mut started = lock(&local.started);
        if started.closed {
            return Err(closed());
        }
        let worker = match &started.worker {
            Some(worker) if worker.runs() => worker.clone(),
            _ => started.worker.insert(Worker::shared()?).clone(),
        };
        let mut ending = Ending {
            service: self.clone(),
            local: local.clone(),
            id,
            begun: prepared.begun,
            has_ended: false,
        };
        let abort = worker.spawn(async move {
            let Prepared {
                asked,
                request,
                transport,
                limits,
                begun,
            } = prepared;
            let exchanged = transport.send(&request, &limits).await;
            let took = begun.elapsed();
            // A long answer takes long to read, and all other calls would wait for this thread.
            let read = move |service: &Service, done| {
                let outcome = panic::catch(|| asked.conclude(exchanged))
                    .unwrap_or_else(|error| Outcome::unanswered(command.name(), error, 1));
                service.ended(command, outcome, took, done)
            };
            let answered =
                |done| Delivery::Answered(Box::new(move |service: &Service| read(service, done)));
            let announcement = ending.end(|call| answered(call.done));
            if announcement.is_some() {
                // Other calls that have come to their end by now are announced with this one.
                tokio::task::yield_now().await;
            }
        });
        // Put in before the lock is given back, so that a call that ends at once finds itself.
        started.calls.insert(
            id,
            StartedCall {
                command,
                done,
                abort,
            },
        );
        Ok(())
    }

    /// Ends a started call before its answer; it is told as cancelled.
    pub fn cancel(&self, id: u64) -> Result<()> {
        let unknown = || {
            Error::new(
                Status::NoSuch,
                "the service has no such call, or it has ended",
            )
        };
        let call = self.begin().ok_or_else(closed)?;
        // Told under the same lock, so that closing finds either the call or its end.
        let mut started = lock(&call.local.started);
        let ended = started.calls.remove(&id).ok_or_else(unknown)?;
        call.local.queue.push(cancelled(ended));
        Ok(())
    }

    /// Tells what waits, and waits for something first as long as `wait` says (`None` is without end).
    pub fn dispatch(&self, wait: Option<Duration>) -> Result<()> {
        self.only_for_callers()?;
        let call = self.begin().ok_or_else(closed)?;
        let queue = &call.local.queue;
        let mut next = match queue.take(wait) {
            Taken::Delivery(delivery) => delivery,
            Taken::Nothing => return Err(Error::new(Status::Timeout, "nothing waited")),
            Taken::End => return Err(closed()),
        };
        // What handlers cause now is for the next time, or a program could never get out of here.
        let mut more = queue.len();
        loop {
            self.deliver(next);
            if more == 0 || call.is_inherited() {
                return Ok(());
            }
            more -= 1;
            next = match queue.take(Some(Duration::ZERO)) {
                Taken::Delivery(delivery) => delivery,
                Taken::Nothing | Taken::End => return Ok(()),
            };
        }
    }

    /// The descriptor that tells that something waits.
    pub fn waitable(&self) -> Result<isize> {
        self.only_for_callers()?;
        self.begin().ok_or_else(closed)?.local.queue.waitable()
    }

    fn only_for_callers(&self) -> Result<()> {
        match self.mode() {
            Handlers::Caller => Ok(()),
            Handlers::Thread => Err(Error::new(
                Status::WrongMode,
                "the service has \"handlers\":\"thread\": its handlers run by themselves",
            )),
        }
    }

    /// Tells one thing to the program, on this thread.
    pub(super) fn deliver(&self, delivery: Delivery) {
        match delivery {
            Delivery::Ended(ended) => self.tell(&ended),
            Delivery::Answered(end) => self.tell(&end(self)),
            Delivery::Event(event, text) => self.bus.publish(event, &text),
            Delivery::Ready(subscription) => self.bus.ready(&subscription),
        }
    }

    fn tell(&self, ended: &Ended) {
        self.bus.tell(&ended.done, ended.name, &ended.text);
        if let Some(event) = ended.event {
            self.bus.publish(event, &ended.text);
        }
    }

    /// Starts the thread on which all handlers of this service run, if that is where they run.
    pub(super) fn need_handlers_thread(self: &Arc<Self>, local: &Arc<Local>) -> Result<()> {
        let mut started = lock(&local.handlers_thread);
        if *started {
            return Ok(());
        }
        // Counted as a call, so that closing waits until the last handler has returned.
        let thread = Call::handlers_thread(local.clone());
        let service = self.clone();
        let work = move || {
            let _inside = service.bus.enter();
            while let Taken::Delivery(delivery) = thread.local.queue.take(None) {
                let _ = panic::catch(|| service.deliver(delivery));
                if thread.is_inherited() {
                    return;
                }
            }
        };
        threads::spawn("cbsvc-handlers", work).map_err(|error| {
            Error::new(
                Status::Internal,
                format!("the system refuses a thread for handlers: {error}"),
            )
        })?;
        *started = true;
        Ok(())
    }

    /// The end of a call, counted and logged, as it will be told.
    fn ended(&self, command: Command, outcome: Outcome, took: Duration, done: Handler) -> Ended {
        self.count(command, &outcome, took);
        let event = command.event(outcome.resolved());
        Ended {
            done,
            name: event,
            event: Some(event),
            text: outcome.text,
        }
    }
}

/// Cancels what has not ended, and lets nothing new begin.
pub(super) fn cancel_all(local: &Local) {
    let mut started = lock(&local.started);
    started.closed = true;
    let mut calls: Vec<_> = started.calls.drain().collect();
    drop(started);
    calls.sort_by_key(|(id, _)| *id);
    for (_, call) in calls {
        local.queue.push(cancelled(call));
    }
}

fn cancelled(call: StartedCall) -> Delivery {
    call.abort.abort();
    let text: CString = Outcome::cancelled(call.command.name()).text;
    Delivery::Ended(Ended {
        done: call.done,
        name: call.command.c_name(),
        event: None,
        text,
    })
}

/// Makes sure that a call on the network thread ends, whatever becomes of the thread.
struct Ending {
    service: Arc<Service>,
    local: Arc<Local>,
    id: u64,
    begun: Instant,
    has_ended: bool,
}

impl Ending {
    fn end(&mut self, end: impl FnOnce(StartedCall) -> Delivery) -> Option<Announcement<'_>> {
        self.has_ended = true;
        // Told under the same lock, so that closing finds either the call or its end.
        let mut started = lock(&self.local.started);
        // Not there: it was cancelled meanwhile, and is told so.
        let call = started.calls.remove(&self.id)?;
        self.local.queue.push_quietly(end(call))
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        if !self.has_ended {
            let (service, took) = (self.service.clone(), self.begun.elapsed());
            self.end(|call| {
                let error = Error::new(
                    Status::Internal,
                    "the call was lost; the booking may have been made",
                );
                let outcome = Outcome::unanswered(call.command.name(), error, 1);
                Delivery::Ended(service.ended(call.command, outcome, took, call.done))
            });
        }
    }
}
