//! A claimed entry on its way to the server, and the decision that follows.

use std::future::Future;
use std::sync::Arc;

use crate::config::Config;
use crate::error::Error;
use crate::outbox::decision::{in_doubt, Decision, Rules};
use crate::outbox::entry::{ClaimedEntry, Next, Step, Work, NOT_LOOKED_UP};
use crate::outbox::error_json;
use crate::outbox::lookup::{look_up, Lookup};
use crate::status::Status;
use crate::transport::message::{ExchangeLimits, ExchangeResult, Progress};
use crate::transport::Transport;

/// An entry that is being sent or looked up.
pub struct Flight {
    entry: ClaimedEntry,
    config: Arc<Config>,
    progress: Arc<Progress>,
}

/// What came of a flight.
pub enum Landing {
    Attempt(ExchangeResult),
    Lookup(Lookup),
}

impl Flight {
    /// A flight that has not begun.
    pub fn new(entry: ClaimedEntry, config: Arc<Config>) -> Flight {
        Flight {
            entry,
            config,
            progress: Arc::default(),
        }
    }

    /// Sends the entry or looks it up. `wall_ms` is the time now, in milliseconds since 1970.
    pub fn fly(
        &self,
        transport: Arc<Transport>,
        limits: ExchangeLimits,
        wall_ms: i64,
    ) -> impl Future<Output = Landing> {
        let (entry, config) = (self.entry.clone(), self.config.clone());
        let progress = self.progress.clone();
        async move {
            match entry.work {
                Work::Send => Landing::Attempt(match entry.request.request(&config) {
                    Ok(request) => transport.execute(&request, &limits, &progress).await,
                    Err(error) => progress.finish(Err(error)),
                }),
                Work::Resolve => {
                    Landing::Lookup(look_up(&config, &transport, &entry, &limits, wall_ms).await)
                }
            }
        }
    }

    /// The result of a flight that has failed inside the library.
    pub fn lost(&self) -> Landing {
        let message = "internal error: the attempt ended before it had a result";
        let error = Error::new(Status::Internal, message);
        match self.entry.work {
            Work::Send => Landing::Attempt(self.progress.finish(Err(error))),
            Work::Resolve => Landing::Lookup(Lookup::Failed(error)),
        }
    }

    /// Decides what becomes of the entry. `wall_ms` is the time now, in milliseconds since 1970.
    pub fn decide(self, landing: Landing, wall_ms: i64) -> Option<Decided> {
        let rules = Rules {
            config: &self.config,
            outbox: self.config.outbox.as_ref()?,
            wall_ms,
        };
        let (decision, exchanged) = match landing {
            Landing::Attempt(exchanged) => {
                let decision = rules.after_attempt(&self.entry, &exchanged);
                (decision, Some(exchanged))
            }
            Landing::Lookup(lookup) => (rules.after_lookup(&self.entry, lookup), None),
        };
        Some(Decided {
            entry: self.entry,
            config: self.config,
            decision,
            exchanged,
        })
    }

    /// What is recorded of an entry whose flight was ended before it had a result.
    pub fn give_up(self) -> Step {
        let (next, error) = match self.entry.work {
            Work::Send if !self.progress.sent.is_set() => {
                let next = Next::Waiting {
                    pause_ms: 0,
                    was_attempted: false,
                };
                (next, None)
            }
            Work::Send => {
                let message = "the service was closed before the response arrived";
                let error = in_doubt(Error::new(Status::Closed, message));
                (unknown(NOT_LOOKED_UP), Some(error_json(&error)))
            }
            Work::Resolve => (unknown(self.entry.lookups), None),
        };
        Step {
            number: self.entry.number,
            next,
            error,
        }
    }
}

fn unknown(lookups: i32) -> Next {
    Next::Unknown {
        pause_ms: 0,
        lookups,
    }
}

/// An entry about which there is a decision that is not recorded.
pub struct Decided {
    pub entry: ClaimedEntry,
    pub config: Arc<Config>,
    pub decision: Decision,
    pub exchanged: Option<ExchangeResult>,
}

impl Decided {
    /// What is recorded.
    pub fn step(&self) -> Step {
        Step {
            number: self.entry.number,
            next: self.decision.next.clone(),
            error: self.decision.error.as_ref().map(error_json),
        }
    }
}
