//! What a service has in one process: connections, running calls, the queue of deliveries. A forked child has its own.

use std::collections::HashMap;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Instant;

use tokio::sync::Notify;
use tokio::task::AbortHandle;

use crate::command::Command;
use crate::config::Config;
use crate::error::Result;
use crate::process::fork::{generation, lock};
use crate::process::network_thread::Worker;
use crate::service::completion_queue::Queue;
use crate::service::event_bus::{Handler, Inside};
use crate::transport::Transport;

/// The part of a service that belongs to one process.
#[derive(Default)]
pub struct Local {
    /// Connections, for the configuration last used.
    transport: Mutex<Option<Arc<Transport>>>,
    running: Mutex<Running>,
    left: Condvar,
    /// Ends blocking commands.
    pub stop: Notify,
    /// What waits to be told.
    pub queue: Queue,
    /// Calls on the network thread.
    pub started: Mutex<Started>,
    /// Whether the handlers' thread has been started.
    pub handlers_thread: Mutex<bool>,
}

/// Who is at work.
#[derive(Clone, Copy, Default)]
pub struct Running {
    /// Threads that are inside a call.
    pub callers: usize,
    /// The handlers' thread, if there is one.
    pub handlers: usize,
    /// Threads that wait until others have left.
    waiting: usize,
}

/// The started calls that have not ended.
#[derive(Default)]
pub struct Started {
    /// By number. Whoever takes a call out of here tells its end, and nobody else.
    pub calls: HashMap<u64, StartedCall>,
    /// No more calls are taken.
    pub closed: bool,
    /// The network thread, held while the service may have calls on it.
    pub worker: Option<Arc<Worker>>,
}

/// A call on the network thread.
pub struct StartedCall {
    /// What it does.
    pub command: Command,
    /// Whom to tell.
    pub done: Handler,
    /// Ends its use of the network.
    pub abort: AbortHandle,
}

impl Local {
    /// Connections for a configuration: those at hand, or new ones in their place.
    pub fn transport(&self, config: &Config) -> Result<Arc<Transport>> {
        let present = self.present_transport();
        if let Some(transport) = present.filter(|transport| transport.serves(&config.connection)) {
            return Ok(transport);
        }
        let made = Arc::new(Transport::new(config.connection.clone())?);
        let previous = lock(&self.transport).replace(made.clone());
        drop(previous);
        Ok(made)
    }

    /// The connections at hand.
    pub fn present_transport(&self) -> Option<Arc<Transport>> {
        lock(&self.transport).clone()
    }

    /// How many threads are inside calls.
    pub fn callers(&self) -> usize {
        lock(&self.running).callers
    }

    /// Waits until nobody is left, as `busy` sees it; whether that came in time (`None` is without end).
    pub fn wait_until_left(&self, until: Option<Instant>, busy: impl Fn(Running) -> bool) -> bool {
        let mut running = lock(&self.running);
        running.waiting += 1;
        let busy = |running: &mut Running| busy(*running);
        let mut running = match until.map(|until| until.saturating_duration_since(Instant::now())) {
            None => self
                .left
                .wait_while(running, busy)
                .unwrap_or_else(PoisonError::into_inner),
            Some(left) => {
                let waited = self.left.wait_timeout_while(running, left, busy);
                waited.unwrap_or_else(PoisonError::into_inner).0
            }
        };
        running.waiting -= 1;
        !busy(&mut running)
    }
}

/// A thread at work for the service, counted out when dropped.
pub struct Call {
    /// The process's part of the service.
    pub local: Arc<Local>,
    generation: u64,
    count: fn(&mut Running) -> &mut usize,
    /// Marks a calling thread, on which the call must then be dropped.
    _inside: Option<Inside>,
}

impl Call {
    /// Counts a calling thread in. `inside` marks it.
    pub fn begin(local: Arc<Local>, inside: Inside) -> Call {
        Call::counted(local, |running| &mut running.callers, Some(inside))
    }

    /// Counts the handlers' thread in; it marks itself.
    pub fn handlers_thread(local: Arc<Local>) -> Call {
        Call::counted(local, |running| &mut running.handlers, None)
    }

    fn counted(
        local: Arc<Local>,
        count: fn(&mut Running) -> &mut usize,
        inside: Option<Inside>,
    ) -> Call {
        *count(&mut lock(&local.running)) += 1;
        Call {
            local,
            generation: generation(),
            count,
            _inside: inside,
        }
    }

    /// Whether a handler has forked and this is the child, in which what waits is the parent's to tell.
    pub fn is_inherited(&self) -> bool {
        self.generation != generation()
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        // In a child, the count, and perhaps the lock, are the parent's.
        if !self.is_inherited() {
            let mut running = lock(&self.local.running);
            *(self.count)(&mut running) -= 1;
            // Waking nobody costs a system call, too.
            if running.waiting > 0 {
                self.local.left.notify_all();
            }
        }
    }
}
