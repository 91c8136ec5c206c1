//! How many commands of a service ended, by result.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::command::Command;
use crate::process::log;
use crate::service::outcome::Outcome;
use crate::status::Status;

/// The counters of one service.
pub struct Counters {
    resolved: AtomicU64,
    /// Commands that did not, in the order of [`Status::ALL`].
    failed: [AtomicU64; Status::ALL.len()],
}

impl Default for Counters {
    fn default() -> Counters {
        Counters {
            resolved: AtomicU64::new(0),
            failed: [const { AtomicU64::new(0) }; Status::ALL.len()],
        }
    }
}

impl Counters {
    /// How many commands resolved.
    pub fn resolved(&self) -> u64 {
        self.resolved.load(Ordering::Relaxed)
    }

    /// How many commands ended with each status that occurred.
    pub fn failed(&self) -> Vec<(Status, u64)> {
        let counts = self
            .failed
            .iter()
            .map(|count| count.load(Ordering::Relaxed));
        let counts = Status::ALL.iter().copied().zip(counts);
        counts.filter(|(_, count)| *count > 0).collect()
    }

    /// Counts and logs the result of a command.
    pub fn record(&self, command: Command, outcome: &Outcome, took: Duration) {
        let Some(error) = &outcome.error else {
            self.resolved.fetch_add(1, Ordering::Relaxed);
            log::info(|| format!("{} resolved after {} ms", command.name(), took.as_millis()));
            return;
        };
        let place = Status::ALL.iter().position(|known| *known == error.status);
        if let Some(count) = place.and_then(|place| self.failed.get(place)) {
            count.fetch_add(1, Ordering::Relaxed);
        }
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
