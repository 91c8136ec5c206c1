//! What a service has in one process: connections, active threads, pending calls, the queue. A
//! forked child has its own.

use std::collections::HashMap;
use std::ffi::{CStr, CString};
use std::sync::{Arc, Mutex};

use tokio::sync::Notify;
use tokio::task::AbortHandle;

use crate::command::Command;
use crate::config::Config;
use crate::error::Result;
use crate::process::fork::lock;
use crate::process::network_thread::NetworkThread;
use crate::service::active_calls::{LevelGuard, ThreadCounts};
use crate::service::completion_queue::CompletionQueue;
use crate::service::deliverer_slot::DelivererSlot;
use crate::service::event_bus::{Handler, Subscription};
use crate::service::outcome::Outcome;
use crate::transport::message::Progress;
use crate::transport::Transport;

/// The part of a service that belongs to one process.
#[derive(Default)]
pub struct ProcessState {
    /// Connections, for the configuration last used.
    transport: Mutex<Option<Arc<Transport>>>,
    /// The threads that are inside the service.
    pub threads: Arc<ThreadCounts>,
    /// Ends blocking commands.
    pub closing: Notify,
    /// What awaits dispatch.
    pub queue: CompletionQueue<QueueItem>,
    /// Calls on the network thread.
    pub pending: Mutex<PendingCalls>,
    /// Whether the handlers' thread has been started.
    pub has_handlers_thread: Mutex<bool>,
    /// What delivers the entries of the outbox on the network thread.
    pub deliverer: DelivererSlot,
}

/// An item of the queue.
pub enum QueueItem {
    /// An asynchronous call is complete.
    Completed(Completion),
    /// A response has arrived. The dispatching thread parses it, so that a large one does not block
    /// the network thread.
    Received(Box<dyn FnOnce() -> Completion + Send>),
    /// An event that belongs to no asynchronous call.
    Event(&'static CStr, CString),
    /// `ready`, for one new subscription.
    Ready(Arc<Subscription>),
}

/// Who receives the result of an asynchronous call.
pub struct Recipient {
    /// The call's id.
    pub call: u64,
    /// The call's own handler, if it has one; dropping it releases the host's data.
    pub handler: Option<Handler>,
}

/// The result of an asynchronous call.
pub struct Completion {
    /// Who receives it.
    pub recipient: Recipient,
    /// The name for the handler: that of the event, or of the command if there is no event.
    pub name: &'static CStr,
    /// The event that follows, if any.
    pub event: Option<&'static CStr>,
    /// The outcome.
    pub text: CString,
}

/// The asynchronous calls that are not complete.
#[derive(Default)]
pub struct PendingCalls {
    /// By id. Removing a call transfers the duty to complete it, so that it completes exactly once.
    pub calls: HashMap<u64, PendingCall>,
    /// No more calls are accepted.
    pub closed: bool,
    /// The network thread, held while the service may have calls on it.
    pub network_thread: Option<Arc<NetworkThread>>,
}

/// A call on the network thread.
pub struct PendingCall {
    /// The command.
    pub command: Command,
    /// Who receives the result.
    pub recipient: Recipient,
    /// How far its request has come.
    pub progress: Arc<Progress>,
    /// Ends its use of the network.
    pub abort: AbortHandle,
}

/// A call of the host that is running now, with the state of the process that it uses.
pub struct ActiveCall {
    /// The state.
    pub state: Arc<ProcessState>,
    /// Marks the calling thread.
    pub _level: LevelGuard,
}

impl ProcessState {
    /// Returns connections for a configuration: the present ones, or new ones in their place.
    pub fn transport(&self, config: &Config) -> Result<Arc<Transport>> {
        let present = self.present_transport();
        if let Some(transport) = present.filter(|transport| transport.matches(&config.connection)) {
            return Ok(transport);
        }
        let created = Arc::new(Transport::new(config.connection.clone())?);
        let previous = lock(&self.transport).replace(created.clone());
        drop(previous);
        Ok(created)
    }

    /// Returns the present connections.
    pub fn present_transport(&self) -> Option<Arc<Transport>> {
        lock(&self.transport).clone()
    }

    /// Ends blocking commands, cancels the pending calls, and accepts no more.
    pub fn end_calls(&self) {
        self.closing.notify_waiters();
        self.deliverer.stop();
        let mut pending = lock(&self.pending);
        pending.closed = true;
        let mut calls: Vec<_> = pending.calls.drain().collect();
        drop(pending);
        calls.sort_by_key(|(id, _)| *id);
        for (_, call) in calls {
            drop(self.queue.complete(call.into_cancelled()));
        }
    }
}

impl PendingCalls {
    /// The network thread, which is started if there is none.
    pub fn network_thread(&mut self) -> Result<Arc<NetworkThread>> {
        match &self.network_thread {
            Some(thread) if thread.is_running() => Ok(thread.clone()),
            _ => Ok(self.network_thread.insert(NetworkThread::shared()?).clone()),
        }
    }
}

impl PendingCall {
    /// Ends the call's use of the network, and completes it as cancelled.
    pub fn into_cancelled(self) -> QueueItem {
        self.abort.abort();
        QueueItem::Completed(Completion {
            recipient: self.recipient,
            name: self.command.c_name(),
            event: None,
            text: Outcome::cancelled(self.command, &self.progress).text,
        })
    }
}
