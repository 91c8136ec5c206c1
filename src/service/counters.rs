//! How many commands of a service ended, by result.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::command::Command;
use crate::process::log;
use crate::service::outcome::Outcome;

/// The counters of one service.
#[derive(Default)]
pub struct Counters {
    /// Commands that resolved.
    pub resolved: AtomicU64,
    /// Commands that were rejected.
    pub rejected: AtomicU64,
}

impl Counters {
    /// Counts and logs the result of a command.
    pub fn record(&self, command: Command, outcome: &Outcome, took: Duration) {
        let counter = if outcome.is_resolved() {
            &self.resolved
        } else {
            &self.rejected
        };
        counter.fetch_add(1, Ordering::Relaxed);
        let Some(error) = &outcome.error else {
            log::info(|| format!("{} resolved after {} ms", command.name(), took.as_millis()));
            return;
        };
        log::info(|| {
            let (name, took) = (error.status.name(), took.as_millis());
            format!("{} {name} after {took} ms", command.name())
        });
        let line = || format!("{}: {}", command.name(), error.message);
        match error.status.code() / 100 {
            3 | 4 | 9 => log::error(line),
            _ => log::warn(line),
        }
    }
}
