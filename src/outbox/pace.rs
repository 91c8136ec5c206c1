//! How many entries are sent at the same time: fewer when the server asks for less, one when it
//! cannot be reached, and more when it works.

use tokio::time::Instant;

use crate::config::RetryPolicy;
use crate::outbox::decision::Pace;

/// The most entries that are sent at the same time. Each is in doubt if the process is killed.
const MAX: usize = 256;

/// The same for a server that cannot be asked afterwards.
const MAX_WITHOUT_LOOKUP: usize = 16;

/// The number of entries that may be sent at the same time.
#[derive(Debug)]
pub struct Window {
    size: usize,
    /// Failures in a row to reach the server.
    failures: u32,
    /// Until when nothing is sent.
    stopped_until: Option<Instant>,
}

impl Default for Window {
    fn default() -> Window {
        Window {
            size: MAX,
            failures: 0,
            stopped_until: None,
        }
    }
}

impl Window {
    /// The number, to a server that has lookups or not. Entries may wait for a connection: so each
    /// transaction has many of them.
    pub fn size(&self, has_lookup: bool) -> usize {
        let max = if has_lookup { MAX } else { MAX_WITHOUT_LOOKUP };
        self.size.min(max)
    }

    /// Whether the server could not be reached.
    pub fn is_stopped(&self) -> bool {
        self.stopped_until.is_some()
    }

    /// Whether entries may be sent. One is enough to find out whether the server is back.
    pub fn may_continue(&self, now: Instant) -> bool {
        self.stopped_until.is_none_or(|until| until <= now)
    }

    /// When to look for entries, which is wanted at some time.
    pub fn wakes_at(&self, wanted: Instant) -> Instant {
        self.stopped_until.map_or(wanted, |until| until.max(wanted))
    }

    /// Takes the result of an entry into account.
    pub fn note(&mut self, pace: Pace, retry: &RetryPolicy) {
        match pace {
            Pace::Keep => {}
            Pace::Faster => {
                self.size = (self.size * 2).min(MAX);
                self.failures = 0;
                self.stopped_until = None;
            }
            Pace::Slower => {
                self.size = (self.size / 2).max(1);
                self.failures = 0;
                self.stopped_until = None;
            }
            Pace::Stop => {
                self.size = 1;
                let now = Instant::now();
                // Entries that were sent together fail together.
                if self.may_continue(now) {
                    self.failures = self.failures.saturating_add(1);
                    self.stopped_until = Some(now + retry.backoff(self.failures));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const RETRY: RetryPolicy = RetryPolicy {
        attempts: 1,
        base_delay: Duration::from_secs(10),
        max_delay: Duration::from_secs(40),
    };

    #[test]
    fn one_entry_finds_out_whether_the_server_is_back() {
        let mut window = Window::default();
        assert_eq!((window.size(true), window.size(false)), (256, 16));
        window.note(Pace::Stop, &RETRY);
        window.note(Pace::Stop, &RETRY);
        let now = Instant::now();
        assert!(!window.may_continue(now) && window.failures == 1);
        assert!(window.may_continue(now + Duration::from_secs(10)));
        assert!(window.wakes_at(now) > now + Duration::from_secs(4));
        assert_eq!(window.size(true), 1);
        window.note(Pace::Faster, &RETRY);
        assert!(window.may_continue(now) && window.size(true) == 2);
        window.note(Pace::Faster, &RETRY);
        window.note(Pace::Slower, &RETRY);
        assert_eq!(window.size(true), 2);
    }
}
