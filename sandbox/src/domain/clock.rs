//! The clock of the sandbox: the system's, or one with its own start and speed.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use jiff::{SignedDuration, Timestamp};

/// One day per second.
pub(crate) const MAX_SPEED: f64 = 86_400.0;

#[derive(Debug)]
pub(crate) struct Clock {
    start: Option<Timestamp>,
    speed: f64,
    state: Mutex<State>,
}

#[derive(Clone, Copy, Debug)]
struct State {
    /// The last setting: when it was made and to which time. `None` while this clock follows the
    /// system's.
    set: Option<(Instant, Timestamp)>,
    speed: f64,
}

impl Clock {
    /// `start` defaults to the present. `speed` is relative to the system's clock.
    pub(crate) fn new(start: Option<Timestamp>, speed: f64) -> Clock {
        Clock {
            start,
            speed,
            state: Mutex::new(initial(start, speed)),
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.lock().now()
    }

    pub(crate) fn speed(&self) -> f64 {
        self.lock().speed
    }

    /// Sets the time, the speed, or both.
    pub(crate) fn set(&self, now: Option<Timestamp>, speed: Option<f64>) {
        let mut state = self.lock();
        let now = now.unwrap_or_else(|| state.now());
        *state = State {
            set: Some((Instant::now(), now)),
            speed: speed.unwrap_or(state.speed),
        };
    }

    /// Returns to the initial time and speed.
    pub(crate) fn reset(&self) {
        *self.lock() = initial(self.start, self.speed);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn initial(start: Option<Timestamp>, speed: f64) -> State {
    let follows_system = start.is_none() && speed == 1.0;
    let set = (!follows_system).then(|| (Instant::now(), start.unwrap_or_else(Timestamp::now)));
    State { set, speed }
}

impl State {
    fn now(&self) -> Timestamp {
        let Some((instant, time)) = self.set else {
            return Timestamp::now();
        };
        let elapsed =
            SignedDuration::try_from_secs_f64(instant.elapsed().as_secs_f64() * self.speed);
        elapsed
            .ok()
            .and_then(|elapsed| time.checked_add(elapsed).ok())
            .unwrap_or(Timestamp::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn starts_at_configured_time() {
        let start: Timestamp = "2030-03-31T00:00:00Z".parse().unwrap();
        let clock = Clock::new(Some(start), 60.0);
        assert!(clock.now() >= start);
        let later = start + SignedDuration::from_hours(5);
        clock.set(Some(later), Some(0.0));
        assert_eq!(clock.now(), later);
        assert_eq!(clock.now(), later, "it stands still");
        clock.reset();
        assert_eq!(clock.speed(), 60.0);
        assert!(clock.now() < later);
    }

    #[test]
    fn defaults_to_system_clock() {
        let clock = Clock::new(None, 1.0);
        let before = Timestamp::now();
        assert!(clock.now() >= before && clock.now() <= Timestamp::now());
    }
}
