//! The network thread: one per process, which sends the requests of asynchronous calls.

use std::cell::Cell;
use std::future::Future;
use std::sync::{Arc, Mutex, Weak};
use std::thread::JoinHandle;

use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::task::AbortHandle;

use crate::error::{Error, Result};
use crate::process::fork::{generation, lock, PerProcess};
use crate::process::threads;
use crate::status::Status;

static CURRENT: PerProcess<Mutex<Weak<NetworkThread>>> = PerProcess::new();

thread_local! {
    // Without a destructor, so that it can be read as long as the thread runs.
    static IS_NETWORK_THREAD: Cell<bool> = const { Cell::new(false) };
}

/// The thread; it ends when the last service drops it.
pub struct NetworkThread {
    runtime: Handle,
    stop: Arc<Notify>,
    thread: Option<JoinHandle<()>>,
    generation: u64,
}

impl NetworkThread {
    /// Returns the network thread of the process, and starts it if there is none.
    pub fn shared() -> Result<Arc<NetworkThread>> {
        let shared = CURRENT.get(Mutex::default);
        let mut shared = lock(&shared);
        if let Some(network_thread) = shared
            .upgrade()
            .filter(|network_thread| network_thread.is_running())
        {
            return Ok(network_thread);
        }
        let network_thread = Arc::new(NetworkThread::start()?);
        *shared = Arc::downgrade(&network_thread);
        Ok(network_thread)
    }

    fn start() -> Result<NetworkThread> {
        let refused = |error| {
            Error::new(
                Status::Internal,
                format!("the system refuses a network thread: {error}"),
            )
        };
        let runtime = threads::new_runtime().map_err(refused)?;
        let (handle, stop) = (runtime.handle().clone(), Arc::new(Notify::new()));
        let stopped = stop.clone();
        let thread = threads::spawn("cbsvc-network", move || {
            IS_NETWORK_THREAD.set(true);
            runtime.block_on(stopped.notified());
        })
        .map_err(refused)?;
        Ok(NetworkThread {
            runtime: handle,
            stop,
            thread: Some(thread),
            generation: generation(),
        })
    }

    /// Whether the thread has not ended.
    pub fn is_running(&self) -> bool {
        self.thread
            .as_ref()
            .is_some_and(|thread| !thread.is_finished())
    }

    /// Runs a future on the thread.
    pub fn spawn(&self, future: impl Future<Output = ()> + Send + 'static) -> AbortHandle {
        self.runtime.spawn(future).abort_handle()
    }
}

impl Drop for NetworkThread {
    fn drop(&mut self) {
        if self.generation != generation() {
            // The thread is the parent's.
            std::mem::forget(self.thread.take());
            return;
        }
        self.stop.notify_one();
        if let Some(thread) = self.thread.take().filter(|_| !IS_NETWORK_THREAD.get()) {
            let _ = thread.join();
        }
    }
}
