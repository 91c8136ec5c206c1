//! Asynchronous calls: submitted here, sent on the network thread, dispatched where the
//! configuration says.

use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::active_calls::{ActiveThread, LevelGuard, ThreadKind};
use super::call::PreparedCall;
use super::completion_queue::{PendingWake, Popped, Refusal};
use super::counters::Counters;
use super::event_bus::Handler;
use super::process_state::{Completion, PendingCall, ProcessState, QueueItem, Recipient};
use super::{closed, lost, Service};
use crate::command::{Command, CONFIGURE, CONFIGURE_C};
use crate::config::HandlerMode;
use crate::error::{Error, Result};
use crate::process::fork::{generation, lock};
use crate::process::{panic, threads};
use crate::service::outcome::Outcome;
use crate::status::Status;
use crate::transport::message::Progress;

/// Ids are never used twice in a process, so that a stale one finds nothing.
static LAST_CALL: AtomicU64 = AtomicU64::new(0);

impl Service {
    /// Starts a command and returns. `on_id` receives the call's id before anything else can happen
    /// to it. After `Ok`, it completes exactly once.
    pub fn start(
        self: &Arc<Self>,
        name: &str,
        data: Result<Option<&str>>,
        handler: Option<Handler>,
        on_id: impl FnOnce(u64),
    ) -> Result<()> {
        let started_at = Instant::now();
        if handler.is_some() {
            self.require_mode(&[HandlerMode::Caller, HandlerMode::Thread])?;
        }
        let call = self.enter_call().ok_or_else(closed)?;
        let command = Command::from_name(name)?;
        if self.handler_mode() == HandlerMode::Thread {
            self.ensure_handlers_thread(&call.state)?;
        }
        let limit = self.config().queue_limit;
        let reservation = call.state.queue.reserve(limit).map_err(|refusal| match refusal {
            Refusal::Closed => closed(),
            Refusal::Full => Error::new(
                Status::Busy,
                format!("queue full: {limit} calls are running or complete; take completions with cbsvc_dispatch or cbsvc_next_event, or raise queueLimit"),
            ),
        })?;
        let id = LAST_CALL.fetch_add(1, Ordering::Relaxed) + 1;
        on_id(id);
        let recipient = Recipient { call: id, handler };
        let Some(command) = command else {
            let completion = self.configure_call(data, recipient);
            reservation.complete(QueueItem::Completed(completion));
            return Ok(());
        };
        let started = if command.uses_outbox() {
            self.start_outbox(command, data, started_at, recipient, &call.state)
        } else {
            match PreparedCall::new(command, self.config(), data, started_at, &call.state) {
                Err(error) => Err((error, recipient)),
                Ok(prepared) => {
                    let send = |progress, guard| exchange(command, prepared, progress, guard);
                    Ok(self.spawn_call(command, started_at, recipient, &call.state, send))
                }
            }
        };
        match started {
            Err((error, recipient)) => {
                let outcome = Outcome::failed(command, error, 0);
                let took = started_at.elapsed();
                let completion = completion(&self.counters, command, outcome, took, recipient);
                reservation.complete(QueueItem::Completed(completion));
            }
            Ok(spawned) => {
                spawned?;
                reservation.commit();
            }
        }
        Ok(())
    }

    fn configure_call(&self, data: Result<Option<&str>>, recipient: Recipient) -> Completion {
        let outcome = match data.and_then(|data| self.configure(data.unwrap_or_default())) {
            Ok(()) => Outcome::succeeded(CONFIGURE),
            Err(error) => Outcome::refused(CONFIGURE, error),
        };
        Completion {
            recipient,
            name: CONFIGURE_C,
            event: None,
            text: outcome.text,
        }
    }

    /// Runs the work of a call on the network thread.
    pub(super) fn spawn_call<F: Future<Output = ()> + Send + 'static>(
        &self,
        command: Command,
        started_at: Instant,
        recipient: Recipient,
        state: &Arc<ProcessState>,
        work: impl FnOnce(Arc<Progress>, CompletionGuard) -> F,
    ) -> Result<()> {
        let mut pending = lock(&state.pending);
        if pending.closed {
            return Err(closed());
        }
        let network_thread = pending.network_thread()?;
        let progress = Arc::<Progress>::default();
        let guard = CompletionGuard {
            counters: self.counters.clone(),
            state: state.clone(),
            command,
            id: recipient.call,
            started_at,
            is_completed: false,
        };
        let abort = network_thread.spawn(work(progress.clone(), guard));
        // Inserted before the lock is released, so that a call that completes immediately finds
        // itself.
        pending.calls.insert(
            recipient.call,
            PendingCall {
                command,
                recipient,
                progress,
                abort,
            },
        );
        Ok(())
    }

    /// Completes a call as cancelled.
    pub fn cancel(&self, id: u64) -> Result<()> {
        let unknown = || {
            Error::new(
                Status::NoSuch,
                "the service has no such call, or it is complete",
            )
        };
        let active = self.enter_call().ok_or_else(closed)?;
        // Completed under the same lock, so that closing finds either the call or its completion.
        let mut pending = lock(&active.state.pending);
        let call = pending.calls.remove(&id).ok_or_else(unknown)?;
        drop(active.state.queue.complete(call.into_cancelled()));
        Ok(())
    }

    /// Runs the handlers of what is in the queue, waiting up to `timeout` for the first item
    /// (`None` is no limit).
    pub fn dispatch(&self, timeout: Option<Duration>) -> Result<()> {
        self.require_mode(&[HandlerMode::Caller])?;
        let call = self.enter_call().ok_or_else(closed)?;
        let generation_before = generation();
        let queue = &call.state.queue;
        let mut next = match queue.pop(timeout) {
            Popped::Item(item) => item,
            Popped::TimedOut => {
                return Err(Error::new(
                    Status::Timeout,
                    "no completion arrived before the timeout",
                ))
            }
            Popped::Closed => return Err(closed()),
        };
        // Only items queued before this point; otherwise handlers that start calls could keep
        // dispatch busy forever.
        let mut more = queue.len();
        loop {
            self.deliver(next);
            // In a child that a handler has forked, the queue is the parent's.
            if more == 0 || generation_before != generation() {
                return Ok(());
            }
            more -= 1;
            next = match queue.pop(Some(Duration::ZERO)) {
                Popped::Item(item) => item,
                Popped::TimedOut | Popped::Closed => return Ok(()),
            };
        }
    }

    /// Returns what a program can wait for while the queue is empty.
    pub fn waitable(&self) -> Result<isize> {
        self.require_mode(&[HandlerMode::Caller, HandlerMode::Poll])?;
        let call = self.enter_call().ok_or_else(closed)?;
        call.state.queue.waitable().map_err(|error| {
            Error::new(
                Status::Internal,
                format!("the system refuses what signals completions: {error}"),
            )
        })
    }

    /// Runs the handlers of one item, on this thread.
    pub(super) fn deliver(&self, item: QueueItem) {
        match item {
            QueueItem::Completed(completion) => self.notify(&completion),
            QueueItem::Received(complete) => self.notify(&complete()),
            QueueItem::Event(event, text) => self.bus.publish(event, &text),
            QueueItem::Ready(subscription) => self.bus.send_ready(&subscription),
        }
    }

    fn notify(&self, completion: &Completion) {
        let generation_before = generation();
        if let Some(handler) = &completion.recipient.handler {
            self.bus.invoke(handler, completion.name, &completion.text);
        }
        // If the handler has forked, the event follows in the parent only.
        if let Some(event) = completion
            .event
            .filter(|_| generation_before == generation())
        {
            self.bus.publish(event, &completion.text);
        }
    }

    /// Starts the thread on which all handlers of this service run, in the mode that has one.
    pub(super) fn ensure_handlers_thread(
        self: &Arc<Self>,
        state: &Arc<ProcessState>,
    ) -> Result<()> {
        let mut is_started = lock(&state.has_handlers_thread);
        if *is_started {
            return Ok(());
        }
        // Counted, so that closing waits until the last handler has returned.
        let thread = ActiveThread::enter(state.threads.clone(), ThreadKind::Handler);
        let (service, state) = (self.clone(), state.clone());
        let work = move || {
            let marker = 0;
            let _level = LevelGuard::enter_handler(service.bus.service(), &marker);
            while let Popped::Item(item) = state.queue.pop(None) {
                // A program that a handler starts inherits the signal mask.
                service.signal_mask.apply(|| {
                    let _ = panic::catch(|| service.deliver(item));
                });
                if thread.is_in_forked_child() {
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
        *is_started = true;
        Ok(())
    }
}

/// Sends the request of a call, on the network thread, and completes the call.
async fn exchange(
    command: Command,
    prepared: PreparedCall,
    progress: Arc<Progress>,
    mut guard: CompletionGuard,
) {
    let PreparedCall {
        context,
        request,
        transport,
        limits,
        started_at,
    } = prepared;
    let exchanged = transport.execute(&request, &limits, &progress).await;
    let took = started_at.elapsed();
    let counters = guard.counters.clone();
    let wake = guard.complete(|call| {
        QueueItem::Received(Box::new(move || {
            let outcome = panic::catch(|| context.into_outcome(exchanged))
                .unwrap_or_else(|error| lost(command, error));
            completion(&counters, command, outcome, took, call.recipient)
        }))
    });
    if wake.is_some() {
        // Other calls that have completed by now share the wake-up.
        tokio::task::yield_now().await;
    }
}

/// The completion of a call, counted and logged.
fn completion(
    counters: &Counters,
    command: Command,
    outcome: Outcome,
    took: Duration,
    recipient: Recipient,
) -> Completion {
    counters.record(command, &outcome, took);
    let event = command.event(outcome.is_resolved());
    Completion {
        recipient,
        name: event,
        event: Some(event),
        text: outcome.text,
    }
}

/// Completes a call on the network thread even if its task is dropped.
pub(super) struct CompletionGuard {
    counters: Arc<Counters>,
    state: Arc<ProcessState>,
    command: Command,
    id: u64,
    started_at: Instant,
    is_completed: bool,
}

impl CompletionGuard {
    /// Completes the call with an outcome.
    #[cfg(feature = "outbox")]
    pub fn complete_with(mut self, outcome: Outcome) {
        let (counters, command) = (self.counters.clone(), self.command);
        let took = self.started_at.elapsed();
        drop(self.complete(|call| {
            QueueItem::Completed(completion(
                &counters,
                command,
                outcome,
                took,
                call.recipient,
            ))
        }));
    }

    fn complete(
        &mut self,
        item: impl FnOnce(PendingCall) -> QueueItem,
    ) -> Option<PendingWake<'_, QueueItem>> {
        self.is_completed = true;
        // Completed under the same lock, so that closing finds either the call or its completion.
        let mut pending = lock(&self.state.pending);
        // Not there: it was cancelled.
        let call = pending.calls.remove(&self.id)?;
        self.state.queue.complete(item(call))
    }
}

impl Drop for CompletionGuard {
    fn drop(&mut self) {
        if self.is_completed {
            return;
        }
        let (counters, took) = (self.counters.clone(), self.started_at.elapsed());
        drop(self.complete(|call| {
            let error = Error::new(
                Status::Internal,
                "internal error: the call was dropped before it completed",
            );
            let outcome = lost(call.command, error);
            QueueItem::Completed(completion(
                &counters,
                call.command,
                outcome,
                took,
                call.recipient,
            ))
        }));
    }
}
