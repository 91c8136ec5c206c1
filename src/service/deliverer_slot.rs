//! The deliverer of a service in one process: started once, and ended with the service.

use std::sync::mpsc::Receiver;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use tokio::task::AbortHandle;

use crate::error::Result;
use crate::process::fork::lock;

/// How long closing waits for claims to be given back.
pub const CLOSE_WAIT: Duration = Duration::from_secs(3);

/// Holds the deliverer.
#[derive(Default)]
pub struct DelivererSlot(Mutex<Option<RunningDeliverer>>);

/// A deliverer that was started.
pub struct RunningDeliverer {
    pub abort: AbortHandle,
    /// Ends when the deliverer has given its claims back.
    pub done: Receiver<()>,
}

impl DelivererSlot {
    /// Starts a deliverer, unless one runs.
    pub fn ensure(&self, start: impl FnOnce() -> Result<RunningDeliverer>) -> Result<()> {
        let mut slot = lock(&self.0);
        let running = slot.as_ref();
        if running.is_none_or(|running| running.abort.is_finished()) {
            *slot = Some(start()?);
        }
        Ok(())
    }

    /// Ends the deliverer. Its claims are given back soon after.
    pub fn stop(&self) {
        if let Some(running) = &*lock(&self.0) {
            running.abort.abort();
        }
    }

    /// Waits until the deliverer has given its claims back.
    pub fn wait(&self, deadline: Option<Instant>) {
        let Some(running) = lock(&self.0).take() else {
            return;
        };
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        let _ = running
            .done
            .recv_timeout(left.unwrap_or(CLOSE_WAIT).min(CLOSE_WAIT));
    }
}
