//! A connection with the runtime that drives it on the calling thread.
//!
//! Blocking calls need no thread of the library and no switch between threads.

use std::future::Future;
use std::pin::{pin, Pin};
use std::sync::Arc;

use tokio::runtime::Runtime;
use tokio::task::{unconstrained, yield_now};
use tokio::time::{sleep_until, Instant, Sleep};

use super::connection::{Connection, IDLE_TIMEOUT};
use super::connector::Connector;
use super::error::refused_by_system;
use crate::error::Result;
use crate::process::threads;

/// A connection for one blocking call after another. Fields are dropped in this order.
pub struct BlockingConnection {
    connection: Connection,
    /// The timer of all exchanges: resetting it is much cheaper than creating one.
    timer: Option<Pin<Box<Sleep>>>,
    runtime: OwnRuntime,
}

/// A runtime that does not wait for its tasks when it is dropped.
struct OwnRuntime(Option<Runtime>);

impl Drop for OwnRuntime {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

impl BlockingConnection {
    /// A connection that is not open yet.
    pub fn new(connector: Arc<Connector>) -> Result<BlockingConnection> {
        let runtime = threads::new_runtime().map_err(|error| refused_by_system(&error))?;
        Ok(BlockingConnection {
            connection: Connection::new(connector),
            timer: None,
            runtime: OwnRuntime(Some(runtime)),
        })
    }

    /// Until when it can stay idle.
    pub fn idle_until(&self) -> Instant {
        let open = self.connection.idle_until();
        open.unwrap_or_else(|| Instant::now() + IDLE_TIMEOUT)
    }

    /// Drives an exchange on this thread; `None` when the deadline comes first.
    pub fn block_until<'a, F>(
        &'a mut self,
        exchange: impl FnOnce(&'a mut Connection) -> F,
        deadline: Instant,
    ) -> Result<Option<F::Output>>
    where
        F: Future + Send + 'a,
        F::Output: Send,
    {
        let Some(runtime) = &self.runtime.0 else {
            return Ok(None);
        };
        let timer = &mut self.timer;
        let mut exchange = pin!(exchange(&mut self.connection));
        let drive = || {
            runtime.block_on(async {
                // A timer can be created only inside the runtime.
                let timer = timer.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
                timer.as_mut().reset(deadline);
                // Let the driver see a close that arrived while the connection was idle.
                yield_now().await;
                tokio::select! {
                    biased;
                    output = exchange.as_mut() => Some(output),
                    // A server that sends without end uses up the task's budget; the timer must
                    // still be polled.
                    () = unconstrained(timer) => None,
                }
            })
        };
        threads::outside_runtime(drive).map_err(|error| refused_by_system(&error))
    }
}
