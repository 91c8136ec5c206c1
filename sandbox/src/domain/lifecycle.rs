//! The life of a callback: `SCHEDULED`, `QUEUED`, `ROUTING`, `PROCESSING`, `COMPLETED`, as time goes by or as somebody says.

use jiff::{SignedDuration, Timestamp};

use crate::config::Stages;

/// Where a callback stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum State {
    /// Its time has not come.
    Scheduled,
    /// It waits for an agent.
    Queued,
    /// An agent has been found.
    Routing,
    /// The call is being made.
    Processing,
    /// Somebody has halted it.
    Paused,
    /// It is over.
    Completed,
}

const NAMES: [(State, &str); 6] = [
    (State::Scheduled, "SCHEDULED"),
    (State::Queued, "QUEUED"),
    (State::Routing, "ROUTING"),
    (State::Processing, "PROCESSING"),
    (State::Paused, "PAUSED"),
    (State::Completed, "COMPLETED"),
];

impl State {
    /// The word of both APIs.
    pub(crate) fn name(self) -> &'static str {
        NAMES
            .iter()
            .find(|(state, _)| *state == self)
            .map_or("", |(_, name)| name)
    }

    /// The state of that name.
    pub(crate) fn named(text: &str) -> Option<State> {
        NAMES
            .iter()
            .find(|(_, name)| *name == text)
            .map(|(state, _)| *state)
    }

    /// Whether the caller waits or talks.
    pub(crate) fn is_in_queue(self) -> bool {
        matches!(self, State::Queued | State::Routing | State::Processing)
    }
}

/// The moments at which a callback changes its state by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Life {
    /// Into the queue.
    pub(crate) queued: Timestamp,
    /// On its way to an agent.
    pub(crate) routing: Timestamp,
    /// In conversation.
    pub(crate) processing: Timestamp,
    /// Over.
    pub(crate) completed: Timestamp,
}

impl Life {
    /// The life of a callback that is booked `now`.
    pub(crate) fn new(stages: &Stages, now: Timestamp, desired: Timestamp) -> Life {
        let queued = after(desired, -stages.execution_buffer).max(now);
        Life::routed(stages, queued, after(desired.max(now), stages.queued))
    }

    /// The life of a callback that is put into a state `now` and goes on from there; nothing when it stays there.
    pub(crate) fn resumed(
        &self,
        stages: &Stages,
        now: Timestamp,
        desired: Timestamp,
        state: State,
    ) -> Option<Life> {
        // When it came into the queue says whether it was due soon when it was booked, which the limits count.
        let queued = self.queued.min(now);
        match state {
            State::Scheduled => {
                let life = Life::new(stages, now, desired);
                let queued = if life.queued > now {
                    life.queued
                } else {
                    queued
                };
                Some(Life { queued, ..life })
            }
            State::Queued => Some(Life::routed(stages, queued, after(now, stages.queued))),
            State::Routing => Some(Life::routed(stages, queued, now)),
            State::Processing => {
                let completed = after(now, stages.processing);
                Some(Life {
                    queued,
                    routing: now,
                    processing: now,
                    completed,
                })
            }
            State::Paused | State::Completed => None,
        }
    }

    fn routed(stages: &Stages, queued: Timestamp, routing: Timestamp) -> Life {
        let processing = after(routing, stages.routing);
        Life {
            queued,
            routing,
            processing,
            completed: after(processing, stages.processing),
        }
    }

    /// The state at a moment.
    pub(crate) fn state(&self, now: Timestamp) -> State {
        match now {
            now if now < self.queued => State::Scheduled,
            now if now < self.routing => State::Queued,
            now if now < self.processing => State::Routing,
            now if now < self.completed => State::Processing,
            _ => State::Completed,
        }
    }
}

fn after(moment: Timestamp, duration: SignedDuration) -> Timestamp {
    moment.checked_add(duration).unwrap_or(Timestamp::MAX)
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
    fn life_goes_on_from_a_given_state() {
        let (stages, now) = (stages(), now());
        let life = Life::new(&stages, now, now + seconds(3600));
        let at = |state: State, moments: &[i64]| -> Vec<&'static str> {
            let resumed = life
                .resumed(&stages, now, now + seconds(3600), state)
                .unwrap();
            moments
                .iter()
                .map(|moment| resumed.state(now + seconds(*moment)).name())
                .collect()
        };
        assert_eq!(
            at(State::Scheduled, &[0, 3479, 3480]),
            ["SCHEDULED", "SCHEDULED", "QUEUED"]
        );
        assert_eq!(
            at(State::Queued, &[59, 60, 70, 170]),
            ["QUEUED", "ROUTING", "PROCESSING", "COMPLETED"]
        );
        assert_eq!(
            at(State::Routing, &[0, 9, 10, 110]),
            ["ROUTING", "ROUTING", "PROCESSING", "COMPLETED"]
        );
        assert_eq!(
            at(State::Processing, &[0, 99, 100]),
            ["PROCESSING", "PROCESSING", "COMPLETED"]
        );
        for state in [State::Paused, State::Completed] {
            assert_eq!(life.resumed(&stages, now, now, state), None);
        }
        let waiting = Life::new(&stages, now, now);
        let routed = waiting
            .resumed(&stages, now + seconds(5), now, State::Routing)
            .unwrap();
        assert_eq!(routed.queued, now, "it was in the queue before");
    }

    #[test]
    fn states_follow_one_another() {
        let (stages, now) = (stages(), now());
        let life = Life::new(&stages, now, now + seconds(180));
        let at = |after: i64| life.state(now + seconds(after)).name();
        assert_eq!(
            [at(0), at(59), at(60), at(239)],
            ["SCHEDULED", "SCHEDULED", "QUEUED", "QUEUED"]
        );
        assert_eq!(
            [at(240), at(250), at(349), at(350)],
            ["ROUTING", "PROCESSING", "PROCESSING", "COMPLETED"]
        );
        assert_eq!(
            Life::new(&stages, now, now + seconds(120)).state(now),
            State::Queued,
            "due within the buffer"
        );
        assert_eq!(State::named("PAUSED"), Some(State::Paused));
        assert_eq!(State::named("paused"), None);
    }
}
