//! The lifecycle of a callback: `SCHEDULED`, `QUEUED`, `ROUTING`, `PROCESSING`, `COMPLETED`. Time
//! advances it; a client can force a state.

use jiff::{SignedDuration, Timestamp};

/// How long a callback stays in its states.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stages {
    /// A callback that is due within this time is already queued.
    pub(crate) execution_buffer: SignedDuration,
    /// Queued, counted from the desired time.
    pub(crate) queued: SignedDuration,
    /// Being routed to an agent.
    pub(crate) routing: SignedDuration,
    /// Being talked to.
    pub(crate) processing: SignedDuration,
    /// From the desired time to the expiration of the record.
    pub(crate) time_to_live: SignedDuration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum CallbackState {
    Scheduled,
    Queued,
    Routing,
    Processing,
    Paused,
    Completed,
}

const NAMES: [(CallbackState, &str); 6] = [
    (CallbackState::Scheduled, "SCHEDULED"),
    (CallbackState::Queued, "QUEUED"),
    (CallbackState::Routing, "ROUTING"),
    (CallbackState::Processing, "PROCESSING"),
    (CallbackState::Paused, "PAUSED"),
    (CallbackState::Completed, "COMPLETED"),
];

impl CallbackState {
    /// The name in both APIs.
    pub(crate) fn name(self) -> &'static str {
        NAMES
            .iter()
            .find(|(state, _)| *state == self)
            .map_or("", |(_, name)| name)
    }

    pub(crate) fn from_name(text: &str) -> Option<CallbackState> {
        NAMES
            .iter()
            .find(|(_, name)| *name == text)
            .map(|(state, _)| *state)
    }

    /// Whether the callback occupies the queue or an agent.
    pub(crate) fn is_in_queue(self) -> bool {
        matches!(
            self,
            CallbackState::Queued | CallbackState::Routing | CallbackState::Processing
        )
    }
}

/// The times at which a callback enters its states.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lifecycle {
    pub(crate) queued: Timestamp,
    pub(crate) routing: Timestamp,
    pub(crate) processing: Timestamp,
    pub(crate) completed: Timestamp,
}

impl Lifecycle {
    /// The lifecycle of a callback that is booked at `now`.
    pub(crate) fn new(stages: &Stages, now: Timestamp, desired: Timestamp) -> Lifecycle {
        let queued = saturating_add(desired, -stages.execution_buffer).max(now);
        let routing = saturating_add(desired.max(now), stages.queued);
        Lifecycle::from_routing(stages, queued, routing)
    }

    /// The lifecycle of a callback that is put into a state at `now` and continues from there.
    /// `None` for the states that time does not end.
    pub(crate) fn resume_from(
        &self,
        stages: &Stages,
        now: Timestamp,
        desired: Timestamp,
        state: CallbackState,
    ) -> Option<Lifecycle> {
        // The limits count callbacks that were queued when they were booked, so this time stays.
        let queued = self.queued.min(now);
        match state {
            CallbackState::Scheduled => {
                let lifecycle = Lifecycle::new(stages, now, desired);
                let queued = if lifecycle.queued > now {
                    lifecycle.queued
                } else {
                    queued
                };
                Some(Lifecycle {
                    queued,
                    ..lifecycle
                })
            }
            CallbackState::Queued => {
                let routing = saturating_add(now, stages.queued);
                Some(Lifecycle::from_routing(stages, queued, routing))
            }
            CallbackState::Routing => Some(Lifecycle::from_routing(stages, queued, now)),
            CallbackState::Processing => Some(Lifecycle {
                queued,
                routing: now,
                processing: now,
                completed: saturating_add(now, stages.processing),
            }),
            CallbackState::Paused | CallbackState::Completed => None,
        }
    }

    fn from_routing(stages: &Stages, queued: Timestamp, routing: Timestamp) -> Lifecycle {
        let processing = saturating_add(routing, stages.routing);
        Lifecycle {
            queued,
            routing,
            processing,
            completed: saturating_add(processing, stages.processing),
        }
    }

    pub(crate) fn state(&self, now: Timestamp) -> CallbackState {
        if now < self.queued {
            CallbackState::Scheduled
        } else if now < self.routing {
            CallbackState::Queued
        } else if now < self.processing {
            CallbackState::Routing
        } else if now < self.completed {
            CallbackState::Processing
        } else {
            CallbackState::Completed
        }
    }
}

fn saturating_add(time: Timestamp, duration: SignedDuration) -> Timestamp {
    time.checked_add(duration).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(count: i64) -> SignedDuration {
        SignedDuration::from_secs(count)
    }

    fn stages() -> Stages {
        Stages {
            execution_buffer: seconds(120),
            queued: seconds(60),
            routing: seconds(10),
            processing: seconds(100),
            time_to_live: seconds(1),
        }
    }

    fn now() -> Timestamp {
        "2030-01-07T10:00:00Z".parse().unwrap()
    }

    #[test]
    fn lifecycle_resumes_from_forced_state() {
        let (stages, now) = (stages(), now());
        let lifecycle = Lifecycle::new(&stages, now, now + seconds(3600));
        let at = |state: CallbackState, times: &[i64]| -> Vec<&'static str> {
            let resume_from = lifecycle
                .resume_from(&stages, now, now + seconds(3600), state)
                .unwrap();
            times
                .iter()
                .map(|time| resume_from.state(now + seconds(*time)).name())
                .collect()
        };
        assert_eq!(
            at(CallbackState::Scheduled, &[0, 3479, 3480]),
            ["SCHEDULED", "SCHEDULED", "QUEUED"]
        );
        assert_eq!(
            at(CallbackState::Queued, &[59, 60, 70, 170]),
            ["QUEUED", "ROUTING", "PROCESSING", "COMPLETED"]
        );
        assert_eq!(
            at(CallbackState::Routing, &[0, 9, 10, 110]),
            ["ROUTING", "ROUTING", "PROCESSING", "COMPLETED"]
        );
        assert_eq!(
            at(CallbackState::Processing, &[0, 99, 100]),
            ["PROCESSING", "PROCESSING", "COMPLETED"]
        );
        for state in [CallbackState::Paused, CallbackState::Completed] {
            assert_eq!(lifecycle.resume_from(&stages, now, now, state), None);
        }
        let waiting = Lifecycle::new(&stages, now, now);
        let routed = waiting
            .resume_from(&stages, now + seconds(5), now, CallbackState::Routing)
            .unwrap();
        assert_eq!(routed.queued, now, "it was queued before");
    }

    #[test]
    fn states_follow_each_other() {
        let (stages, now) = (stages(), now());
        let lifecycle = Lifecycle::new(&stages, now, now + seconds(180));
        let at = |saturating_add: i64| lifecycle.state(now + seconds(saturating_add)).name();
        assert_eq!(
            [at(0), at(59), at(60), at(239)],
            ["SCHEDULED", "SCHEDULED", "QUEUED", "QUEUED"]
        );
        assert_eq!(
            [at(240), at(250), at(349), at(350)],
            ["ROUTING", "PROCESSING", "PROCESSING", "COMPLETED"]
        );
        assert_eq!(
            Lifecycle::new(&stages, now, now + seconds(120)).state(now),
            CallbackState::Queued,
            "due within the buffer"
        );
        assert_eq!(
            CallbackState::from_name("PAUSED"),
            Some(CallbackState::Paused)
        );
        assert_eq!(CallbackState::from_name("paused"), None);
    }
}
